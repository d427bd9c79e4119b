/* Signatures and digests, over OpenSSL. */
#ifndef ATTESTATION_SIGNATURE_H
#define ATTESTATION_SIGNATURE_H

#include <openssl/evp.h>

#include "base/span.h"

#define SIGNATURE_HALF_MAX 66  /* of ECDSA on P-521 */
#define SIGNATURE_RSA_MAX 1024 /* bytes of a modulus */

void signature_key_freep(EVP_PKEY **key);

/* A public key from its point, x and y of equal size, big-endian. @group: "P-256", "P-384", "SM2".
 * -EINVAL: the point is not on the curve. */
int signature_key_from_point(const char *group, struct span point, EVP_PKEY **ret_key) MUST_CHECK;

/* A SubjectPublicKeyInfo, in DER and in no other encoding of the same key. */
int signature_key_from_spki(struct span der, EVP_PKEY **ret_key) MUST_CHECK;

/* An RSA key; both numbers big-endian. */
int signature_key_from_rsa(
	struct span modulus, struct span exponent, EVP_PKEY **ret_key) MUST_CHECK;

/* Is r, s (big-endian) the ECDSA signature of @message with @hash ("SHA256") by @key? */
bool signature_is_ecdsa(EVP_PKEY *key, const char *hash, struct span message, struct span r,
	struct span s) MUST_CHECK;

/* As above, on P-256 with SHA-256: r and s in 64 bytes, as SGX has it. */
bool signature_is_p256(EVP_PKEY *key, struct span message, struct span signature) MUST_CHECK;

/* Sign with ECDSA on P-256 and SHA-256: r and s. */
int signature_make_p256(EVP_PKEY *key, struct span message, uint8_t to[64]) MUST_CHECK;

/* RSA: PKCS #1 v1.5, or PSS with a salt of any size. */
bool signature_is_rsa(EVP_PKEY *key, const char *hash, bool is_pss, struct span message,
	struct span signature) MUST_CHECK;

/* SM2 with SM3 and the identity @id (GB/T 32918.2). */
bool signature_is_sm2(EVP_PKEY *key, struct span id, struct span message, struct span r,
	struct span s) MUST_CHECK;

/* The digest of @count parts, one after another; returns its size, 0 on failure. @to:
 * EVP_MAX_MD_SIZE. */
size_t signature_digest(
	const char *hash, const struct span *parts, size_t count, uint8_t *to) MUST_CHECK;

/* SHA-256 of the SubjectPublicKeyInfo. */
bool signature_key_digest(EVP_PKEY *key, uint8_t digest[32]) MUST_CHECK;

#endif
