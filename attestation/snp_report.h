/* Attestation reports of AMD SEV-SNP, versions 2 and later.
 * Source: AMD 56860, SEV Secure Nested Paging Firmware ABI, "ATTESTATION_REPORT structure"; AMD
 * 57230, Versioned Chip Endorsement Key Certificate and KDS Interface Specification. */
#ifndef ATTESTATION_SNP_REPORT_H
#define ATTESTATION_SNP_REPORT_H

#include "attestation/collateral.h"

#define SNP_REPORT_SIZE 1184

/* Does it begin as such a report does? */
bool snp_report_is(struct span evidence);

/* Verify the report, and add its claims to @result. What follows it can be a table of certificates,
 * as the host hands one out with it (GHCB, "SNP Extended Guest Request"). */
int snp_report_verify(struct span evidence, const struct attest_collateral *collateral, int64_t now,
	struct attest_result *result) MUST_CHECK;

/* As above, with issuers and keys that came with the evidence in @others. */
int snp_report_verify_with(struct span report, STACK_OF(X509) *others,
	const struct attest_collateral *collateral, int64_t now,
	struct attest_result *result) MUST_CHECK;

#endif
