/* A TPM quote with what belongs to it, and hardware evidence that vouches for its key. */
#ifndef ATTESTATION_TPM_EVIDENCE_H
#define ATTESTATION_TPM_EVIDENCE_H

#include <jansson.h>

#include "attestation/collateral.h"

/* Bare: TPMS_ATTEST, then TPMT_SIGNATURE. The key must be pinned. */
int tpm_evidence_verify_bare(struct span evidence, const struct attest_collateral *collateral,
	int64_t now, struct attest_result *result) MUST_CHECK;

/* JSON: abi/evidence.md, "TPM". @key: one that is already vouched for; NULL: the evidence tells. */
int tpm_evidence_verify(const json_t *json, EVP_PKEY *key,
	const struct attest_collateral *collateral, int64_t now,
	struct attest_result *result) MUST_CHECK;

#endif
