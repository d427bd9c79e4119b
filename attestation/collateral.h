/* Collateral, parsed: whom to trust, and what the vendors have signed. Immutable once made. */
#ifndef ATTESTATION_COLLATERAL_H
#define ATTESTATION_COLLATERAL_H

#include "attestation/crl.h"
#include "attestation/tcb_info.h"
#include "attestation/text.h"

#define COLLATERAL_ITEMS_MAX 256
#define COLLATERAL_CRLS_MAX 16
#define COLLATERAL_TCB_INFOS_MAX 16
#define COLLATERAL_IDENTITIES_MAX 8
#define COLLATERAL_KEYS_MAX 32
#define COLLATERAL_BLOBS_MAX 8

/* A certificate of the collateral or an anchor, and its encoding. */
struct known_certificate {
	X509 *certificate; /* not owned */
	struct text_buffer der;
	STACK_OF(X509) *chain; /* certificate_settle(); NULL: none, or an anchor */
};

struct attest_collateral {
	X509_STORE *store;
	STACK_OF(X509) *anchors;
	STACK_OF(X509) *certificates; /* not trusted: only good for finding the way up */
	struct known_certificate *known;
	size_t known_count;
	bool trusts_vendors;
	struct crl crls[COLLATERAL_CRLS_MAX];
	size_t crl_count;
	struct tcb_info *tcb_infos[COLLATERAL_TCB_INFOS_MAX];
	size_t tcb_info_count;
	struct enclave_identity *identities[COLLATERAL_IDENTITIES_MAX];
	size_t identity_count;
	EVP_PKEY *keys[COLLATERAL_KEYS_MAX]; /* pinned public keys */
	size_t key_count;
	struct text_buffer
		blobs[COLLATERAL_BLOBS_MAX]; /* Hygon's certificates: csv_certificate.h */
	size_t blob_count;
};

/* Of the anchors, the one whose subject is @name; NULL: none. */
X509 *collateral_anchor(const struct attest_collateral *collateral, const X509_NAME *name);

bool collateral_trusts_key(const struct attest_collateral *collateral, EVP_PKEY *key);

#endif
