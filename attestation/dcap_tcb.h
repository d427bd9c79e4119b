/* What state of repair the platform of a quote is in. */
#ifndef ATTESTATION_DCAP_TCB_H
#define ATTESTATION_DCAP_TCB_H

#include "attestation/collateral.h"
#include "attestation/dcap_quote.h"
#include "attestation/pck_certificate.h"

/* Judge processor, quoting enclave and TDX module by Intel's collateral; the status and advisories
 * go to the newest claims of @result. */
int dcap_tcb_judge(const struct dcap_quote *quote, const struct pck_certificate *pck,
	const struct attest_collateral *collateral, int64_t now,
	struct attest_result *result) MUST_CHECK;

#endif
