#include "image/sigstruct.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <string.h>
#include <time.h>

static void bn_context_freep(BN_CTX **context)
{
	BN_CTX_free(*context);
}

static void md_context_freep(EVP_MD_CTX **context)
{
	EVP_MD_CTX_free(*context);
}

static void reverse(uint8_t bytes[SGX_KEY_SIZE])
{
	for (size_t i = 0; i < SGX_KEY_SIZE / 2; i++) {
		uint8_t byte = bytes[i];

		bytes[i] = bytes[SGX_KEY_SIZE - 1 - i];
		bytes[SGX_KEY_SIZE - 1 - i] = byte;
	}
}

static uint32_t bcd(unsigned int value, unsigned int digits)
{
	uint32_t result = 0;

	for (unsigned int i = 0; i < digits; i++, value /= 10)
		result |= value % 10 << 4 * i;
	return result;
}

uint32_t sigstruct_date(int64_t time)
{
	time_t seconds = (time_t)time;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || tm.tm_year + 1900 < 0 || tm.tm_year + 1900 > 9999)
		return 0x19700101;
	return bcd((unsigned int)tm.tm_year + 1900, 4) << 16 |
	       bcd((unsigned int)tm.tm_mon + 1, 2) << 8 | bcd((unsigned int)tm.tm_mday, 2);
}

static void fill(struct sgx_sigstruct *s, const struct sigstruct_claims *claims)
{
	struct sgx_sigstruct_body *body = &s->body;

	memset(s, 0, sizeof(*s));
	memcpy(s->header.header, SGX_SIGSTRUCT_HEADER, 16);
	memcpy(s->header.header2, SGX_SIGSTRUCT_HEADER2, 16);
	s->header.date = claims->date;
	s->exponent = SGX_KEY_EXPONENT;
	body->misc_mask = UINT32_MAX;
	body->attributes.flags =
		SGX_ATTRIBUTE_MODE64BIT | (claims->debug ? SGX_ATTRIBUTE_DEBUG : 0);
	body->attributes_mask.flags = UINT64_MAX;
	/* Vector state may be what the processor has; anything else must be off. */
	body->attributes.xfrm = SGX_XFRM_LEGACY;
	body->attributes_mask.xfrm = ~(SGX_XFRM_AVX | SGX_XFRM_AVX512);
	memcpy(body->enclave_hash, claims->measurement, IMAGE_DIGEST_SIZE);
	body->isv_prod_id = claims->product;
	body->isv_svn = claims->svn;
}

static void signed_bytes(const struct sgx_sigstruct *s, uint8_t to[256])
{
	memcpy(to, &s->header, sizeof(s->header));
	memcpy(to + sizeof(s->header), &s->body, sizeof(s->body));
}

static int sign(EVP_PKEY *key, struct sgx_sigstruct *s)
{
	CLEANUP(md_context_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t size = SGX_KEY_SIZE;
	uint8_t bytes[256];

	/* RSASSA-PKCS1-v1_5 is OpenSSL's default for RSA keys, and draws no random numbers. */
	signed_bytes(s, bytes);
	if (!context || EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) <= 0)
		return -EIO;
	if (EVP_DigestSign(context, s->signature, &size, bytes, sizeof(bytes)) <= 0)
		return -EIO;
	if (size != SGX_KEY_SIZE)
		return -EIO;
	reverse(s->signature);
	return 0;
}

/* q1 = s^2 / m; q2 = (s^3 - q1 * s * m) / m = s * (s^2 mod m) / m. */
static int quotients(
	const struct sgx_sigstruct *sigstruct, uint8_t q1[SGX_KEY_SIZE], uint8_t q2[SGX_KEY_SIZE])
{
	CLEANUP(bn_context_freep) BN_CTX *context = BN_CTX_new();
	BIGNUM *s, *m, *product, *quotient, *rest;
	int r = -EBADMSG;

	if (!context)
		return -ENOMEM;
	BN_CTX_start(context);
	s = BN_CTX_get(context);
	m = BN_CTX_get(context);
	product = BN_CTX_get(context);
	quotient = BN_CTX_get(context);
	rest = BN_CTX_get(context);
	if (rest && BN_lebin2bn(sigstruct->signature, SGX_KEY_SIZE, s) &&
		BN_lebin2bn(sigstruct->modulus, SGX_KEY_SIZE, m) && !BN_is_zero(m) &&
		BN_sqr(product, s, context) && BN_div(quotient, rest, product, m, context) &&
		BN_bn2lebinpad(quotient, q1, SGX_KEY_SIZE) == SGX_KEY_SIZE &&
		BN_mul(product, s, rest, context) && BN_div(quotient, rest, product, m, context) &&
		BN_bn2lebinpad(quotient, q2, SGX_KEY_SIZE) == SGX_KEY_SIZE)
		r = 0;
	BN_CTX_end(context);
	return r;
}

int sigstruct_sign(const struct sigstruct_claims *claims, EVP_PKEY *key, struct sgx_sigstruct *ret)
{
	struct sgx_sigstruct s;
	int r;

	fill(&s, claims);
	r = sign_key_modulus(key, s.modulus);
	if (r == 0)
		r = sign(key, &s);
	if (r == 0)
		r = quotients(&s, s.q1, s.q2);
	if (r == 0)
		*ret = s;
	return r;
}

static EVP_PKEY *public_key(const uint8_t modulus[SGX_KEY_SIZE])
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	unsigned int exponent = SGX_KEY_EXPONENT;
	uint8_t native[SGX_KEY_SIZE];
	OSSL_PARAM params[] = {
		/* OSSL_PARAM integers are in the machine's order: little-endian, as ours are. */
		OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, native, sizeof(native)),
		OSSL_PARAM_construct_uint(OSSL_PKEY_PARAM_RSA_E, &exponent),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY *key = NULL;

	memcpy(native, modulus, sizeof(native));
	if (!context || EVP_PKEY_fromdata_init(context) <= 0 ||
		EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	return key;
}

static bool signature_is_good(const struct sgx_sigstruct *s)
{
	CLEANUP(md_context_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
	CLEANUP(sign_key_freep) EVP_PKEY *key = public_key(s->modulus);
	uint8_t bytes[256], signature[SGX_KEY_SIZE];

	signed_bytes(s, bytes);
	memcpy(signature, s->signature, sizeof(signature));
	reverse(signature);
	return context && key && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) > 0 &&
	       EVP_DigestVerify(context, signature, sizeof(signature), bytes, sizeof(bytes)) == 1;
}

static void read_claims(const struct sgx_sigstruct *s, struct sigstruct_claims *ret)
{
	memcpy(ret->measurement, s->body.enclave_hash, IMAGE_DIGEST_SIZE);
	ret->date = s->header.date;
	ret->product = s->body.isv_prod_id;
	ret->svn = s->body.isv_svn;
	ret->debug = s->body.attributes.flags & SGX_ATTRIBUTE_DEBUG;
}

/* All that is not a claim, the key or the signature is what fill() writes. */
static bool constants_are_ours(const struct sgx_sigstruct *s, const struct sigstruct_claims *claims)
{
	struct sgx_sigstruct expected;

	fill(&expected, claims);
	memcpy(expected.modulus, s->modulus, SGX_KEY_SIZE);
	memcpy(expected.signature, s->signature, SGX_KEY_SIZE);
	memcpy(expected.q1, s->q1, SGX_KEY_SIZE);
	memcpy(expected.q2, s->q2, SGX_KEY_SIZE);
	return !memcmp(&expected, s, sizeof(expected));
}

int sigstruct_verify(const struct sgx_sigstruct *sigstruct, struct sigstruct_claims *ret_claims,
	struct image_error *error)
{
	uint8_t q1[SGX_KEY_SIZE], q2[SGX_KEY_SIZE];
	struct sigstruct_claims claims;
	int r;

	read_claims(sigstruct, &claims);
	if (!constants_are_ours(sigstruct, &claims))
		return image_fail(error, -EBADMSG,
			"a constant, reserved or attribute field is not as it must be");
	if (!signature_is_good(sigstruct))
		return image_fail(error, -EBADMSG, "the signature is wrong");
	r = quotients(sigstruct, q1, q2);
	if (r < 0)
		return image_fail(error, -EBADMSG, "q1 and q2 can't be computed");
	if (memcmp(q1, sigstruct->q1, sizeof(q1)) || memcmp(q2, sigstruct->q2, sizeof(q2)))
		return image_fail(error, -EBADMSG, "q1 or q2 is wrong");
	*ret_claims = claims;
	return 0;
}
