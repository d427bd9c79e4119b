/* Attested certificates, in the interoperable form: a certificate, self-signed, whose extension
 * carries evidence that vouches for its key. Source: CCC Attestation SIG, "Interoperable RA-TLS";
 * TCG DICE Attestation Architecture, 6.1.1. */
#ifndef ATTESTATION_RATLS_H
#define ATTESTATION_RATLS_H

#include "attestation/collateral.h"

/* PEM, or DER, that begins as a certificate does? */
bool ratls_is(struct span evidence);

/* Verify the certificate's own signature, the evidence in it, and that the one is bound to the
 * other. */
int ratls_verify(struct span evidence, const struct attest_collateral *collateral, int64_t now,
	struct attest_result *result) MUST_CHECK;

#endif
