#include "attestation/signature.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

void signature_key_freep(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void context_freep(EVP_PKEY_CTX **context)
{
	EVP_PKEY_CTX_free(*context);
}

static void digest_context_freep(EVP_MD_CTX **context)
{
	EVP_MD_CTX_free(*context);
}

int signature_key_from_point(const char *group, struct span point, EVP_PKEY **ret_key)
{
	CLEANUP(context_freep) EVP_PKEY_CTX *context = NULL;
	uint8_t encoded[1 + 2 * SIGNATURE_HALF_MAX] = {4}; /* uncompressed */
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)group, strlen(group)),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, encoded, 1 + point.size),
		OSSL_PARAM_END};

	if (point.size > sizeof(encoded) - 1)
		return -EINVAL;
	memcpy(encoded + 1, point.data, point.size);
	context = EVP_PKEY_CTX_new_from_name(NULL, strcmp(group, "SM2") ? "EC" : "SM2", NULL);
	if (!context || EVP_PKEY_fromdata_init(context) != 1)
		return -ENOMEM;
	if (EVP_PKEY_fromdata(context, ret_key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
		ERR_clear_error();
		return -EINVAL;
	}
	return 0;
}

int signature_key_from_spki(struct span der, EVP_PKEY **ret_key)
{
	const uint8_t *at = der.data;
	EVP_PKEY *key = der.size <= 1 << 16 ? d2i_PUBKEY(NULL, &at, (long)der.size) : NULL;
	uint8_t *again = NULL;
	int size = key ? i2d_PUBKEY(key, &again) : 0;
	bool same = size > 0 && (size_t)size == der.size && !memcmp(again, der.data, der.size);

	OPENSSL_free(again);
	ERR_clear_error();
	if (!same) {
		EVP_PKEY_free(key);
		return -EINVAL;
	}
	*ret_key = key;
	return 0;
}

int signature_key_from_rsa(struct span modulus, struct span exponent, EVP_PKEY **ret_key)
{
	CLEANUP(context_freep)
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *n = NULL, *e = NULL;
	OSSL_PARAM *params = NULL;
	int r = -EINVAL;

	if (modulus.size <= SIGNATURE_RSA_MAX && exponent.size <= 8) {
		n = BN_bin2bn(modulus.data, (int)modulus.size, NULL);
		e = BN_bin2bn(exponent.data, (int)exponent.size, NULL);
	}
	if (context && builder && n && e &&
		OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) &&
		OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e))
		params = OSSL_PARAM_BLD_to_param(builder);
	if (params && EVP_PKEY_fromdata_init(context) == 1 &&
		EVP_PKEY_fromdata(context, ret_key, EVP_PKEY_PUBLIC_KEY, params) == 1)
		r = 0;
	ERR_clear_error();
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	BN_free(n);
	BN_free(e);
	return r;
}

/* INTEGER of an unsigned number; returns its size. */
static size_t put_integer(struct span number, uint8_t *to)
{
	size_t skip = 0, size, pad;

	while (skip + 1 < number.size && number.data[skip] == 0)
		skip++;
	size = number.size - skip;
	pad = number.data[skip] >> 7;
	to[0] = 0x02;
	to[1] = (uint8_t)(size + pad);
	to[2] = 0;
	memcpy(to + 2 + pad, number.data + skip, size);
	return 2 + pad + size;
}

/* SEQUENCE { r, s }, as OpenSSL takes it (RFC 3279, section 2.2.3). */
static size_t put_signature(struct span r, struct span s, uint8_t to[2 * SIGNATURE_HALF_MAX + 16])
{
	uint8_t body[2 * SIGNATURE_HALF_MAX + 8];
	size_t size, head = 2;

	if (!r.size || !s.size || r.size > SIGNATURE_HALF_MAX || s.size > SIGNATURE_HALF_MAX)
		return 0;
	size = put_integer(r, body);
	size += put_integer(s, body + size);
	to[0] = 0x30;
	if (size < 0x80) {
		to[1] = (uint8_t)size;
	} else {
		to[1] = 0x81;
		to[2] = (uint8_t)size;
		head = 3;
	}
	memcpy(to + head, body, size);
	return head + size;
}

static bool verify(EVP_MD_CTX *context, struct span message, const uint8_t *signature, size_t size)
{
	bool good = EVP_DigestVerify(context, signature, size, message.data, message.size) == 1;

	ERR_clear_error();
	return good;
}

bool signature_is_ecdsa(
	EVP_PKEY *key, const char *hash, struct span message, struct span r, struct span s)
{
	CLEANUP(digest_context_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t der[2 * SIGNATURE_HALF_MAX + 16];
	size_t size = put_signature(r, s, der);

	if (!context || !size || !EVP_PKEY_is_a(key, "EC") ||
		EVP_DigestVerifyInit_ex(context, NULL, hash, NULL, NULL, key, NULL) != 1) {
		ERR_clear_error();
		return false;
	}
	return verify(context, message, der, size);
}

bool signature_is_p256(EVP_PKEY *key, struct span message, struct span signature)
{
	struct span r, s;

	return signature.size == 64 && span_slice(signature, 0, 32, &r) &&
	       span_slice(signature, 32, 32, &s) &&
	       signature_is_ecdsa(key, "SHA256", message, r, s);
}

int signature_make_p256(EVP_PKEY *key, struct span message, uint8_t to[64])
{
	CLEANUP(digest_context_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t der[2 * SIGNATURE_HALF_MAX + 16];
	const uint8_t *at = der;
	size_t size = sizeof(der);
	ECDSA_SIG *parts = NULL;
	int r = -ENOMEM;

	if (context && EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
		EVP_DigestSign(context, der, &size, message.data, message.size) == 1)
		parts = d2i_ECDSA_SIG(NULL, &at, (long)size);
	if (parts && BN_bn2binpad(ECDSA_SIG_get0_r(parts), to, 32) == 32 &&
		BN_bn2binpad(ECDSA_SIG_get0_s(parts), to + 32, 32) == 32)
		r = 0;
	ECDSA_SIG_free(parts);
	ERR_clear_error();
	return r;
}

bool signature_is_rsa(
	EVP_PKEY *key, const char *hash, bool is_pss, struct span message, struct span signature)
{
	CLEANUP(digest_context_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *key_context;

	if (!context || !EVP_PKEY_is_a(key, "RSA") ||
		EVP_DigestVerifyInit_ex(context, &key_context, hash, NULL, NULL, key, NULL) != 1)
		goto failed;
	if (is_pss &&
		(EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) != 1 ||
			EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_AUTO) != 1))
		goto failed;
	return verify(context, message, signature.data, signature.size);
failed:
	ERR_clear_error();
	return false;
}

bool signature_is_sm2(
	EVP_PKEY *key, struct span id, struct span message, struct span r, struct span s)
{
	CLEANUP(digest_context_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
	CLEANUP(context_freep)
	EVP_PKEY_CTX *key_context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	uint8_t der[2 * SIGNATURE_HALF_MAX + 16];
	size_t size = put_signature(r, s, der);

	if (!context || !key_context || !size || !EVP_PKEY_is_a(key, "SM2"))
		goto failed;
	EVP_MD_CTX_set_pkey_ctx(context, key_context);
	if (EVP_PKEY_CTX_set1_id(key_context, id.data, (int)id.size) != 1 ||
		EVP_DigestVerifyInit_ex(context, NULL, "SM3", NULL, NULL, key, NULL) != 1)
		goto failed;
	return verify(context, message, der, size);
failed:
	ERR_clear_error();
	return false;
}

size_t signature_digest(const char *hash, const struct span *parts, size_t count, uint8_t *to)
{
	CLEANUP(digest_context_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
	const EVP_MD *md = EVP_get_digestbyname(hash);
	unsigned int size;

	if (!context || !md || EVP_DigestInit_ex(context, md, NULL) != 1)
		return 0;
	for (size_t i = 0; i < count; i++)
		if (EVP_DigestUpdate(context, parts[i].data, parts[i].size) != 1)
			return 0;
	return EVP_DigestFinal_ex(context, to, &size) == 1 ? size : 0;
}

bool signature_key_digest(EVP_PKEY *key, uint8_t digest[32])
{
	uint8_t *der = NULL, out[EVP_MAX_MD_SIZE];
	int size = i2d_PUBKEY(key, &der);
	struct span part = {der, size > 0 ? (size_t)size : 0};
	bool good = size > 0 && signature_digest("SHA256", &part, 1, out) == 32;

	if (good)
		memcpy(digest, out, 32);
	OPENSSL_free(der);
	return good;
}
