/* Finding out what a piece of collateral is. */
#ifndef ATTESTATION_COLLATERAL_ITEM_H
#define ATTESTATION_COLLATERAL_ITEM_H

#include "attestation/collateral.h"

int collateral_add_items(struct attest_collateral *collateral, const struct attest_bytes *items,
	size_t count, struct attest_error *error) MUST_CHECK;

#endif
