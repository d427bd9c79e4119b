/* Composed evidence: a virtual TPM's quote, by a key that the hardware's evidence vouches for. */
#ifndef ATTESTATION_VTPM_EVIDENCE_H
#define ATTESTATION_VTPM_EVIDENCE_H

#include <jansson.h>

#include "attestation/collateral.h"

/* JSON: abi/evidence.md, "Virtual TPM". Adds two claims: the hardware's, the TPM's. */
int vtpm_evidence_verify(const json_t *json, const struct attest_collateral *collateral,
	int64_t now, struct attest_result *result) MUST_CHECK;

#endif
