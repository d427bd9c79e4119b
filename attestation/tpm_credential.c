#include "attestation/tpm_credential.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "attestation/reader.h"
#include "attestation/signature.h"
#include "attestation/tpm_quote.h"

#define TPM_ALG_AES 0x0006
#define TPM_ALG_CFB 0x0043
#define TPM_ALG_NULL 0x0010

/* TPMA_OBJECT (Part 2, 8.3.2) */
#define ATTRIBUTE_FIXED_TPM (1u << 1)
#define ATTRIBUTE_FIXED_PARENT (1u << 4)
#define ATTRIBUTE_ORIGIN (1u << 5) /* sensitiveDataOrigin: the TPM made it */
#define ATTRIBUTE_RESTRICTED (1u << 16)
#define ATTRIBUTE_DECRYPT (1u << 17)
#define ATTRIBUTE_SIGN (1u << 18)
#define ATTRIBUTES_OF_ITS_OWN                                                                      \
	(ATTRIBUTE_FIXED_TPM | ATTRIBUTE_FIXED_PARENT | ATTRIBUTE_ORIGIN | ATTRIBUTE_RESTRICTED)

#define HASH_SIZE_MAX 64
#define SECRET_SIZE_MIN 16      /* a shorter one could be guessed */
#define ENCRYPTED_SIZE_MAX 1024 /* by an RSA key of 8192 bits */
#define POINT_HALF_MAX 66

/* Keys */

int tpm_public_read(struct span bytes, struct tpm_public *ret)
{
	struct tpm_public public = {.whole = bytes};
	struct reader reader = reader_of(bytes);

	public.type = reader_be16(&reader);
	/* TPM2B_PUBLIC: a size comes first. */
	if (public.type != TPM_ALG_RSA && public.type != TPM_ALG_ECC) {
		if (bytes.size < 2 || public.type != bytes.size - 2)
			return -EINVAL;
		public.whole = (struct span){bytes.data + 2, bytes.size - 2};
		public.type = reader_be16(&reader);
	}
	public.name_hash = reader_be16(&reader);
	public.attributes = reader_be32(&reader);
	reader_tpm2b(&reader); /* authPolicy */
	public.symmetric = reader_be16(&reader);
	if (public.symmetric != TPM_ALG_NULL) {
		public.symmetric_bits = reader_be16(&reader);
		public.symmetric_mode = reader_be16(&reader);
	}
	if (reader.failed || (public.type != TPM_ALG_RSA && public.type != TPM_ALG_ECC))
		return -EINVAL;
	*ret = public;
	return 0;
}

size_t tpm_public_name(const struct tpm_public *public, uint8_t to[TPM_NAME_SIZE_MAX])
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	size_t size = 0;
	const char *hash = tpm_hash_name(public->name_hash, &size);

	if (!hash || signature_digest(hash, &public->whole, 1, digest) != size)
		return 0;
	to[0] = (uint8_t)(public->name_hash >> 8);
	to[1] = (uint8_t) public->name_hash;
	memcpy(to + 2, digest, size);
	return 2 + size;
}

/* Key derivation. One round gives a digest, and nobody here needs more. */

struct kdf {
	const char *hash;
	size_t size; /* of the digest */
};

static void put_be32(uint8_t *to, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* KDFa (SP 800-108, counter mode), with one context. */
static bool kdf_a(const struct kdf *kdf, const uint8_t *key, const char *label, struct span context,
	uint32_t bits, uint8_t *to)
{
	uint8_t message[4 + 16 + TPM_NAME_SIZE_MAX + 4], digest[EVP_MAX_MD_SIZE];
	size_t at = 4, label_size = strlen(label) + 1;

	if (label_size > 16 || context.size > TPM_NAME_SIZE_MAX || bits > 8 * kdf->size)
		return false;
	put_be32(message, 1);
	memcpy(message + at, label, label_size);
	at += label_size;
	if (context.size)
		memcpy(message + at, context.data, context.size);
	at += context.size;
	put_be32(message + at, bits);
	if (!HMAC(EVP_get_digestbyname(kdf->hash), key, (int)kdf->size, message, at + 4, digest,
		    NULL))
		return false;
	memcpy(to, digest, bits / 8);
	OPENSSL_cleanse(digest, sizeof(digest));
	return true;
}

/* KDFe (SP 800-56A) of the shared point's x, with both parties' x. */
static bool kdf_e(
	const struct kdf *kdf, struct span z, struct span ours, struct span theirs, uint8_t *to)
{
	static const uint8_t counter[] = {0, 0, 0, 1};
	static const char label[] = "IDENTITY";
	const struct span parts[] = {{counter, sizeof(counter)}, z,
		{(const uint8_t *)label, sizeof(label)}, ours, theirs};

	return signature_digest(kdf->hash, parts, ARRAY_SIZE(parts), to) == kdf->size;
}

/* The seed, and how it gets to the endorsement key: TPM2B_ENCRYPTED_SECRET's content. */
struct seed {
	uint8_t bytes[EVP_MAX_MD_SIZE];
	uint8_t secret[ENCRYPTED_SIZE_MAX];
	size_t secret_size;
};

/* OAEP with the label "IDENTITY", its NUL included. */
static bool encrypt_oaep(const struct kdf *kdf, EVP_PKEY *key, struct seed *seed)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	char *label = OPENSSL_strdup("IDENTITY");
	const EVP_MD *hash = EVP_get_digestbyname(kdf->hash);
	size_t size = sizeof(seed->secret);
	bool good = context && label && RAND_priv_bytes(seed->bytes, (int)kdf->size) == 1 &&
		    EVP_PKEY_encrypt_init(context) == 1 &&
		    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
		    EVP_PKEY_CTX_set_rsa_oaep_md(context, hash) == 1 &&
		    EVP_PKEY_CTX_set_rsa_mgf1_md(context, hash) == 1 &&
		    EVP_PKEY_CTX_set0_rsa_oaep_label(context, label, sizeof("IDENTITY")) == 1;

	if (good)
		label = NULL; /* the context's now */
	good = good && (size_t)EVP_PKEY_get_size(key) <= size &&
	       EVP_PKEY_encrypt(context, seed->secret, &size, seed->bytes, kdf->size) == 1;
	seed->secret_size = size;
	OPENSSL_free(label);
	EVP_PKEY_CTX_free(context);
	return good;
}

/* x and y, as long as the field; returns how long one is, 0: failed. */
static size_t get_point(EVP_PKEY *key, uint8_t x[POINT_HALF_MAX], uint8_t y[POINT_HALF_MAX])
{
	size_t half = ((size_t)EVP_PKEY_get_bits(key) + 7) / 8;
	BIGNUM *numbers[2] = {NULL, NULL};
	bool good = half <= POINT_HALF_MAX &&
		    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &numbers[0]) == 1 &&
		    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &numbers[1]) == 1 &&
		    BN_bn2binpad(numbers[0], x, (int)half) == (int)half &&
		    BN_bn2binpad(numbers[1], y, (int)half) == (int)half;

	BN_free(numbers[0]);
	BN_free(numbers[1]);
	return good ? half : 0;
}

static bool agree(EVP_PKEY *ours, EVP_PKEY *theirs, uint8_t z[POINT_HALF_MAX], size_t half)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, ours, NULL);
	size_t size = POINT_HALF_MAX;
	bool good = context && EVP_PKEY_derive_init(context) == 1 &&
		    EVP_PKEY_derive_set_peer(context, theirs) == 1 &&
		    EVP_PKEY_derive(context, z, &size) == 1 && size == half;

	EVP_PKEY_CTX_free(context);
	return good;
}

static uint8_t *put_tpm2b(uint8_t *to, const void *bytes, size_t size)
{
	to[0] = (uint8_t)(size >> 8);
	to[1] = (uint8_t)size;
	memcpy(to + 2, bytes, size);
	return to + 2 + size;
}

/* A key for this once, which the secret is the point of (TPMS_ECC_POINT). */
static bool agree_ecdh(const struct kdf *kdf, EVP_PKEY *key, struct seed *seed)
{
	uint8_t ours[2][POINT_HALF_MAX], theirs[2][POINT_HALF_MAX], z[POINT_HALF_MAX];
	size_t half = get_point(key, theirs[0], theirs[1]);
	CLEANUP(signature_key_freep)
	EVP_PKEY *once = half ? EVP_EC_gen(half == 32 ? "P-256" : "P-384") : NULL;
	uint8_t *end;
	bool good = once && get_point(once, ours[0], ours[1]) == half &&
		    agree(once, key, z, half) &&
		    kdf_e(kdf, (struct span){z, half}, (struct span){ours[0], half},
			    (struct span){theirs[0], half}, seed->bytes);

	OPENSSL_cleanse(z, sizeof(z));
	if (!good)
		return false;
	end = put_tpm2b(put_tpm2b(seed->secret, ours[0], half), ours[1], half);
	seed->secret_size = (size_t)(end - seed->secret);
	return true;
}

/* The credential */

struct identity {
	uint8_t bytes[2 + HASH_SIZE_MAX]; /* TPM2B_DIGEST, encrypted */
	size_t size;
	uint8_t hmac[EVP_MAX_MD_SIZE];
};

static bool encrypt_secret(const struct kdf *kdf, const struct tpm_public *ek,
	const struct seed *seed, struct span name, struct span secret, struct identity *to)
{
	const char *cipher_name = ek->symmetric_bits == 256 ? "AES-256-CFB" : "AES-128-CFB";
	uint8_t key[32], plain[2 + HASH_SIZE_MAX], iv[16] = {0};
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, cipher_name, NULL);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int size = (int)(put_tpm2b(plain, secret.data, secret.size) - plain), done;
	bool good = cipher && context &&
		    kdf_a(kdf, seed->bytes, "STORAGE", name, ek->symmetric_bits, key) &&
		    EVP_EncryptInit_ex2(context, cipher, key, iv, NULL) == 1 &&
		    EVP_EncryptUpdate(context, to->bytes, &done, plain, size) == 1 && done == size;

	to->size = (size_t)size;
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(plain, sizeof(plain));
	EVP_CIPHER_CTX_free(context);
	EVP_CIPHER_free(cipher);
	return good;
}

static bool authenticate(
	const struct kdf *kdf, const struct seed *seed, struct span name, struct identity *identity)
{
	uint8_t key[EVP_MAX_MD_SIZE], message[sizeof(identity->bytes) + TPM_NAME_SIZE_MAX];
	bool good = kdf_a(
		kdf, seed->bytes, "INTEGRITY", (struct span){0}, (uint32_t)(8 * kdf->size), key);

	memcpy(message, identity->bytes, identity->size);
	memcpy(message + identity->size, name.data, name.size);
	good = good && HMAC(EVP_get_digestbyname(kdf->hash), key, (int)kdf->size, message,
			       identity->size + name.size, identity->hmac, NULL);
	OPENSSL_cleanse(key, sizeof(key));
	return good;
}

/* TPM2B_ID_OBJECT, then TPM2B_ENCRYPTED_SECRET. */
static int put_credential(const struct kdf *kdf, const struct identity *identity,
	const struct seed *seed, uint8_t **ret, size_t *ret_size)
{
	size_t object_size = 2 + kdf->size + identity->size;
	uint8_t *credential = malloc(2 + object_size + 2 + seed->secret_size), *at = credential;

	if (!credential)
		return -ENOMEM;
	at[0] = (uint8_t)(object_size >> 8);
	at[1] = (uint8_t)object_size;
	at = put_tpm2b(at + 2, identity->hmac, kdf->size);
	memcpy(at, identity->bytes, identity->size);
	at = put_tpm2b(at + identity->size, seed->secret, seed->secret_size);
	*ret = credential;
	*ret_size = (size_t)(at - credential);
	return 0;
}

/* Only what a TPM itself made and never gives away is worth a credential: else its owner activates
 * one for a key that signs whatever he likes. */
static int check_keys(
	const struct tpm_public *ek, const struct tpm_public *ak, struct attest_error *error)
{
	bool has_symmetric = ek->symmetric == TPM_ALG_AES && ek->symmetric_mode == TPM_ALG_CFB &&
			     (ek->symmetric_bits == 128 || ek->symmetric_bits == 256);

	if ((ek->attributes & ATTRIBUTES_OF_ITS_OWN) != ATTRIBUTES_OF_ITS_OWN ||
		!(ek->attributes & ATTRIBUTE_DECRYPT) || ek->attributes & ATTRIBUTE_SIGN ||
		!has_symmetric)
		return verdict_fail(error, ATTEST_CERTIFICATE_MALFORMED,
			"not an endorsement key: fixed to its TPM, restricted, for decryption, "
			"with AES in CFB mode");
	if ((ak->attributes & ATTRIBUTES_OF_ITS_OWN) != ATTRIBUTES_OF_ITS_OWN ||
		!(ak->attributes & ATTRIBUTE_SIGN) || ak->attributes & ATTRIBUTE_DECRYPT)
		return verdict_fail(error, ATTEST_KEY_NOT_CERTIFIED,
			"not an attestation key: fixed to its TPM, restricted, for signing");
	return 0;
}

static int make(const struct tpm_public *ek, EVP_PKEY *key, struct span name, struct span secret,
	uint8_t **ret_credential, size_t *ret_size)
{
	struct identity identity;
	struct kdf kdf = {0};
	struct seed seed;
	int r = -ENOMEM;

	kdf.hash = tpm_hash_name(ek->name_hash, &kdf.size);
	if (!kdf.hash || secret.size < SECRET_SIZE_MIN || secret.size > kdf.size)
		return -EINVAL;
	if ((EVP_PKEY_is_a(key, "RSA") ? encrypt_oaep(&kdf, key, &seed)
				       : agree_ecdh(&kdf, key, &seed)) &&
		encrypt_secret(&kdf, ek, &seed, name, secret, &identity) &&
		authenticate(&kdf, &seed, name, &identity))
		r = put_credential(&kdf, &identity, &seed, ret_credential, ret_size);
	OPENSSL_cleanse(&seed, sizeof(seed));
	ERR_clear_error();
	return r;
}

int attest_tpm_credential_new(struct attest_bytes ek_public, struct attest_bytes ak_public,
	struct attest_bytes secret, uint8_t **ret_credential, size_t *ret_size,
	struct attest_error *error)
{
	struct span ek_bytes = {ek_public.data, ek_public.size};
	struct span ak_bytes = {ak_public.data, ak_public.size};
	CLEANUP(signature_key_freep) EVP_PKEY *key = NULL;
	uint8_t name[TPM_NAME_SIZE_MAX];
	struct tpm_public ek, ak;
	size_t name_size;
	int r;

	if (tpm_public_read(ek_bytes, &ek) < 0 || tpm_public_read(ak_bytes, &ak) < 0 ||
		tpm_key_from_public(ek_bytes, &key) < 0)
		return verdict_fail(
			error, ATTEST_CERTIFICATE_MALFORMED, "a key is not TPM2B_PUBLIC");
	r = check_keys(&ek, &ak, error);
	if (r < 0)
		return r;
	name_size = tpm_public_name(&ak, name);
	if (!name_size)
		return verdict_fail(error, ATTEST_CERTIFICATE_MALFORMED,
			"the attestation key's name is by a digest that is not known");
	r = make(&ek, key, (struct span){name, name_size}, (struct span){secret.data, secret.size},
		ret_credential, ret_size);
	if (r == -EINVAL)
		return verdict_fail(error, ATTEST_INTERNAL_ERROR,
			"the secret must be of 16 bytes to the size of the digest in the "
			"endorsement "
			"key's name");
	return r < 0 ? (verdict_fail(error, ATTEST_INTERNAL_ERROR, "cryptography failed"), r) : 0;
}

int attest_tpm_key_to_pem(struct attest_bytes public, char **ret_pem)
{
	CLEANUP(signature_key_freep) EVP_PKEY *key = NULL;
	BIO *bio;
	char *text, *pem = NULL;
	long size;

	if (tpm_key_from_public((struct span){public.data, public.size}, &key) < 0)
		return -EINVAL;
	bio = BIO_new(BIO_s_mem());
	if (bio && PEM_write_bio_PUBKEY(bio, key) == 1) {
		size = BIO_get_mem_data(bio, &text);
		pem = strndup(text, (size_t)size);
	}
	BIO_free(bio);
	ERR_clear_error();
	if (!pem)
		return -ENOMEM;
	*ret_pem = pem;
	return 0;
}
