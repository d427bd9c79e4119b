/* Evidence of Casemate's own platforms: abi/evidence.h. */
#ifndef ATTESTATION_CASEMATE_EVIDENCE_H
#define ATTESTATION_CASEMATE_EVIDENCE_H

#include "attestation/collateral.h"

bool casemate_evidence_is(struct span evidence);

/* Simulation: one claim, and always the finding NO_PROTECTION. Hypervisor: the TPM's claims, then
 * the enclave's. */
int casemate_evidence_verify(struct span evidence, const struct attest_collateral *collateral,
	int64_t now, struct attest_result *result) MUST_CHECK;

#endif
