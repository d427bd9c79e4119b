/* What Intel writes into the certificate of a processor's provisioning certification key.
 * Source: Intel SGX PCK Certificate and Certificate Revocation List Profile Specification, 1.5. */
#ifndef ATTESTATION_PCK_CERTIFICATE_H
#define ATTESTATION_PCK_CERTIFICATE_H

#include "attestation/certificate.h"

struct pck_certificate {
	uint8_t ppid[16], cpu_svn[16], pce_id[2], fmspc[6];
	uint8_t components[16];
	uint16_t pce_svn;
};

bool pck_certificate_is(const X509 *certificate);

/* -EINVAL: its extension is not as it should be. */
int pck_certificate_read(const X509 *certificate, struct pck_certificate *ret_pck) MUST_CHECK;

#endif
