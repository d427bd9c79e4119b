/* X.509 certificates: reading them, and following them to a pinned root. */
#ifndef ATTESTATION_CERTIFICATE_H
#define ATTESTATION_CERTIFICATE_H

#include <openssl/x509.h>

#include "attestation/verdict.h"
#include "base/span.h"

#define CERTIFICATES_MAX 64 /* in a bundle of collateral, or in evidence */
#define CERTIFICATE_CHAIN_MAX 6

void certificate_freep(X509 **certificate);
void certificates_freep(STACK_OF(X509) **certificates);

/* Append what @text holds: PEM, or DER one after another; what is already there is not repeated.
 * Trailing NULs are passed over. */
int certificates_add(STACK_OF(X509) *to, struct span text, struct attest_error *error) MUST_CHECK;

/* As above; what stands among the collateral's certificates or anchors is not parsed anew. */
int certificates_add_known(STACK_OF(X509) *to, struct span text,
	const struct attest_collateral *collateral, struct attest_error *error) MUST_CHECK;

/* The one certificate in DER at the beginning of @der; *ret_size: its bytes. NULL: not a
 * certificate. */
X509 *certificate_from_der(struct span der, size_t *ret_size) MUST_CHECK;

/* Is one of its subject's common names @name? */
bool certificate_is_named(const X509 *certificate, const char *name);

/* The content of the extension with this OID ("1.2.3"); false: there is none, or more than one. */
bool certificate_extension(const X509 *certificate, const char *oid, struct span *ret_content);

int64_t certificate_time(const ASN1_TIME *time); /* -1: can't be told */

enum certificate_crl_need {
	CERTIFICATE_CRL_REQUIRED, /* without one: COLLATERAL_MISSING */
	CERTIFICATE_CRL_ASKED,    /* without one: REVOCATION_UNKNOWN */
	CERTIFICATE_CRL_NONE,     /* there are none in this kind of chain */
};

struct certificate_check {
	X509 *leaf;
	/* Where issuers are sought, besides the collateral's, or instead; may be NULL. */
	STACK_OF(X509) *others;
	bool only_others;
	const struct attest_collateral *collateral;
	int64_t now;
	enum certificate_crl_need need;
	const char *what; /* "PCK certificate" */
};

/* Follow @check->leaf to a pinned root, with validity and revocation at @now. Findings go to
 * @result.
 * @ret_chain: leaf first, root last; NULL if nobody cares. Not finding a way is FINAL: -EINVAL. */
int certificate_verify(const struct certificate_check *check, struct attest_result *result,
	STACK_OF(X509) **ret_chain) MUST_CHECK;

/* From @certificate, which is among the collateral's, to a pinned root: all is checked but dates
 * and revocation, so that it need not be again each time. Leaf first; NULL: there is no way, or no
 * memory. */
STACK_OF(X509) *certificate_settle(X509 *certificate, const struct attest_collateral *collateral);

/* @result->expires is the least of all. */
void certificate_note_expiry(struct attest_result *result, int64_t time);

#endif
