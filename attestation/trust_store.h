/* The pinned keys as certificates, which OpenSSL can end a chain at. */
#ifndef ATTESTATION_TRUST_STORE_H
#define ATTESTATION_TRUST_STORE_H

#include <openssl/x509.h>

#include "attestation/trust_anchors.h"
#include "attestation/verdict.h"

/* Append a certificate for each of the vendors' X.509 anchors. Nobody signed them: they say which
 * key belongs to which name, and are trusted because they are pinned. */
int trust_store_add_vendors(STACK_OF(X509) *to, struct attest_error *error) MUST_CHECK;

/* A store that trusts just @anchors. */
int trust_store_new(STACK_OF(X509) *anchors, X509_STORE **ret_store) MUST_CHECK;

#endif
