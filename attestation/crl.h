/* Certificate revocation lists. */
#ifndef ATTESTATION_CRL_H
#define ATTESTATION_CRL_H

#include "attestation/certificate.h"

struct crl {
	X509_CRL *list;
	EVP_PKEY *verified_by; /* the key that its signature was checked with; NULL: not yet */
	int64_t this_update, next_update;
};

void crl_done(struct crl *crl);

/* Takes over @list. */
int crl_init(struct crl *crl, X509_CRL *list, struct attest_error *error) MUST_CHECK;

/* Check its signature with the one of @certificates that issued it, if it is there: then
 * verified_by is set. @ret_met: set if one of that name is there. */
void crl_find_issuer(struct crl *crl, STACK_OF(X509) *certificates, bool *ret_met);

/* Is @certificate revoked by @issuer, at check->now? What is found goes to @result. */
int crl_check(const struct certificate_check *check, X509 *certificate, X509 *issuer,
	struct attest_result *result) MUST_CHECK;

#endif
