/* Which kind of evidence some bytes are, and what verifies it. */
#ifndef ATTESTATION_EVIDENCE_H
#define ATTESTATION_EVIDENCE_H

#include "attestation/collateral.h"

/* Find out the kind of @evidence and verify it; claims and findings go to @result. */
int evidence_verify(struct span evidence, const struct attest_collateral *collateral, int64_t now,
	struct attest_result *result) MUST_CHECK;

/* As above; it can be JSON too. What JSON holds can't be JSON again. */
int evidence_verify_any(struct span evidence, const struct attest_collateral *collateral,
	int64_t now, struct attest_result *result) MUST_CHECK;

#endif
