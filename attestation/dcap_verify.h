/* Verifying quotes for SGX and TDX. */
#ifndef ATTESTATION_DCAP_VERIFY_H
#define ATTESTATION_DCAP_VERIFY_H

#include "attestation/collateral.h"

/* Add the claims of the quote to @result, with all that is found. -EINVAL: a FINAL finding. */
int dcap_verify(struct span evidence, const struct attest_collateral *collateral, int64_t now,
	struct attest_result *result) MUST_CHECK;

#endif
