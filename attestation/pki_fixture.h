/* For tests: authorities of their own, certificates, revocation lists, and the bytes of evidence.
 * What fails here is a bug of the test, and ends it. */
#ifndef ATTESTATION_PKI_FIXTURE_H
#define ATTESTATION_PKI_FIXTURE_H

#include <openssl/x509.h>

#include "base/span.h"

#define PKI_FIXTURE_NOW 1750000000LL /* 2025-06-15T15:06:40Z */
#define PKI_FIXTURE_FROM (PKI_FIXTURE_NOW - 86400)
#define PKI_FIXTURE_TO (PKI_FIXTURE_NOW + 86400)

/* Bytes that grow; .data is NULL or malloc'ed, and always has room for a NUL behind. */
struct bytes {
	uint8_t *data;
	size_t size;
};

void bytes_done(struct bytes *bytes);
void bytes_put(struct bytes *to, const void *from, size_t size);
void bytes_put_le(struct bytes *to, uint64_t value, size_t size);
void bytes_put_be(struct bytes *to, uint64_t value, size_t size);
void bytes_put_zero(struct bytes *to, size_t size);
void bytes_put_text(struct bytes *to, const char *text);
void bytes_put_hex(struct bytes *to, const void *from, size_t size);
void bytes_put_base64(struct bytes *to, struct span from);
/* A DER element of @tag; @content is used up. */
void bytes_put_der(struct bytes *to, uint8_t tag, struct bytes *content);
void bytes_put_der_unsigned(struct bytes *to, uint32_t value);

static inline struct span bytes_span(const struct bytes *bytes)
{
	return (struct span){bytes->data, bytes->size};
}

/* "P-256", "P-384", "SM2", "RSA" (2048 bits), "RSA-4096". */
EVP_PKEY *pki_key(const char *kind);
void pki_point(EVP_PKEY *key, size_t half, uint8_t *to); /* x, y */
void bytes_put_public_pem(struct bytes *to, EVP_PKEY *key);
void bytes_put_private_pem(struct bytes *to, EVP_PKEY *key);
/* ECDSA: r and s, each of @half bytes. */
void pki_sign(EVP_PKEY *key, const char *hash, struct span message, size_t half, uint8_t *to);

struct pki_extension {
	const char *oid;
	struct bytes *content; /* used up */
	bool is_critical;
};

struct pki_request {
	const char *name;
	EVP_PKEY *key, *issuer_key; /* issuer_key: its own, if it is a root */
	X509 *issuer;               /* NULL: itself */
	bool is_ca;
	bool is_pss; /* signed as AMD does: RSA-PSS with SHA-384; otherwise with SHA-256 */
	bool is_sha1;
	const char *constraints, *usage; /* as OpenSSL writes these extensions; NULL: as usual */
	long serial;
	int64_t from, to; /* 0: PKI_FIXTURE_FROM, PKI_FIXTURE_TO */
	const struct pki_extension *extensions;
	size_t extension_count;
};

X509 *pki_certificate(const struct pki_request *request);

struct pki_list {
	X509 *issuer;
	EVP_PKEY *key;
	long revoked;             /* 0: nothing is */
	bool is_pss;              /* as above */
	bool is_sha1, is_partial; /* is_partial: critical, for certificates of users only */
	int64_t from, to;         /* as above */
};

void pki_crl(const struct pki_list *list, struct bytes *to); /* DER */
void pki_put_pem(struct bytes *to, X509 *certificate);
void pki_put_der(struct bytes *to, X509 *certificate);

#endif
