/* Signatures of SIGSTRUCTs: a key and signatures of OpenSSL's, and what others
 * would like to pass for one. */
#include "hypervisor/signature.h"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/test.h"

#define KEY_BITS 3072
#define TRIES 200

static BN_CTX *context;

static EVP_PKEY *make_key(void)
{
	EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
	BIGNUM *three = BN_new();
	EVP_PKEY *key = NULL;

	BN_set_word(three, SGX_KEY_EXPONENT);
	if (EVP_PKEY_keygen_init(maker) <= 0 ||
		EVP_PKEY_CTX_set_rsa_keygen_bits(maker, KEY_BITS) <= 0 ||
		EVP_PKEY_CTX_set1_rsa_keygen_pubexp(maker, three) <= 0 ||
		EVP_PKEY_keygen(maker, &key) <= 0)
		exit(1);
	BN_free(three);
	EVP_PKEY_CTX_free(maker);
	return key;
}

/* The modulus, the signature, and the quotients that go with them. */
static void fill_numbers(struct sgx_sigstruct *to, const BIGNUM *m, const BIGNUM *s)
{
	BIGNUM *q1 = BN_new(), *q2 = BN_new(), *product = BN_new(), *rest = BN_new();

	BN_mul(product, s, s, context);
	BN_div(q1, rest, product, m, context);
	BN_mul(product, rest, s, context);
	BN_div(q2, NULL, product, m, context);
	BN_bn2lebinpad(m, to->modulus, SGX_KEY_SIZE);
	BN_bn2lebinpad(s, to->signature, SGX_KEY_SIZE);
	BN_bn2lebinpad(q1, to->q1, SGX_KEY_SIZE);
	BN_bn2lebinpad(q2, to->q2, SGX_KEY_SIZE);
	BN_free(q1);
	BN_free(q2);
	BN_free(product);
	BN_free(rest);
}

static void fill_claims(struct sgx_sigstruct *to)
{
	memset(to, 0, sizeof(*to));
	memcpy(to->header.header, SGX_SIGSTRUCT_HEADER, sizeof(to->header.header));
	memcpy(to->header.header2, SGX_SIGSTRUCT_HEADER2, sizeof(to->header.header2));
	to->exponent = SGX_KEY_EXPONENT;
	for (size_t i = 0; i < sizeof(to->body.enclave_hash); i++)
		to->body.enclave_hash[i] = (uint8_t)rand();
}

static void signed_part(const struct sgx_sigstruct *of, uint8_t ret[256])
{
	memcpy(ret, &of->header, sizeof(of->header));
	memcpy(ret + sizeof(of->header), &of->body, sizeof(of->body));
}

static void sign(struct sgx_sigstruct *sigstruct, EVP_PKEY *key, const BIGNUM *m)
{
	uint8_t message[256], signature[SGX_KEY_SIZE];
	size_t size = sizeof(signature);
	EVP_MD_CTX *signer = EVP_MD_CTX_new();
	BIGNUM *s = BN_new();

	signed_part(sigstruct, message);
	if (EVP_DigestSignInit(signer, NULL, EVP_sha256(), NULL, key) <= 0 ||
		EVP_DigestSign(signer, signature, &size, message, sizeof(message)) <= 0)
		exit(1);
	BN_bin2bn(signature, (int)size, s);
	fill_numbers(sigstruct, m, s);
	BN_free(s);
	EVP_MD_CTX_free(signer);
}

/* The least number whose cube begins as a signature's must: it is none of this
 * key's. What stands behind the hash is whatever the cube has there. */
static void forge_by_root(struct sgx_sigstruct *sigstruct, const BIGNUM *m)
{
	static const uint8_t prefix[] = {0x00, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0x00, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
		0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
	uint8_t block[SGX_KEY_SIZE] = {0}, message[256];
	BIGNUM *target = BN_new(), *root = BN_new(), *cube = BN_new();

	signed_part(sigstruct, message);
	memcpy(block, prefix, sizeof(prefix));
	SHA256(message, sizeof(message), block + sizeof(prefix));
	BN_bin2bn(block, sizeof(block), target);
	BN_zero(root);
	for (int bit = KEY_BITS / 3; bit >= 0; bit--) {
		BN_set_bit(root, bit);
		BN_sqr(cube, root, context);
		BN_mul(cube, cube, root, context);
		if (BN_cmp(cube, target) > 0)
			BN_clear_bit(root, bit);
	}
	BN_add_word(root, 1);
	fill_numbers(sigstruct, m, root);
	BN_free(target);
	BN_free(root);
	BN_free(cube);
}

static bool is_accepted(const struct sgx_sigstruct *sigstruct)
{
	return signature_verify(sigstruct) == 0;
}

/* One bit of what counts: all but what SIGSTRUCT reserves. */
static bool is_accepted_changed(const struct sgx_sigstruct *from)
{
	struct sgx_sigstruct changed = *from;
	size_t bit = (size_t)rand() % (8 * sizeof(changed));
	size_t reserved = offsetof(struct sgx_sigstruct, reserved);

	if (bit / 8 >= reserved && bit / 8 < reserved + sizeof(changed.reserved))
		return false;
	((uint8_t *)&changed)[bit / 8] ^= (uint8_t)(1U << bit % 8);
	return is_accepted(&changed);
}

int main(void)
{
	struct sgx_sigstruct sigstruct, other;
	EVP_PKEY *key = make_key();
	BIGNUM *m = NULL, *s = BN_new();
	bool all = true, one = false;

	context = BN_CTX_new();
	EVP_PKEY_get_bn_param(key, "n", &m);
	for (int i = 0; i < 20; i++) {
		fill_claims(&sigstruct);
		sign(&sigstruct, key, m);
		all &= is_accepted(&sigstruct);
	}
	CHECK(all);
	for (int i = 0; i < TRIES; i++)
		one |= is_accepted_changed(&sigstruct);
	CHECK(!one);

	/* The same number modulo the key, and its negative, whose cube is negative,
	 * too. */
	BN_lebin2bn(sigstruct.signature, SGX_KEY_SIZE, s);
	other = sigstruct;
	BN_sub(s, m, s);
	fill_numbers(&other, m, s);
	CHECK(!is_accepted(&other));
	/* Quotients that are one too small leave a rest that is too large. */
	other = sigstruct;
	other.q2[0]--;
	CHECK(!is_accepted(&other));

	forge_by_root(&sigstruct, m);
	CHECK(!is_accepted(&sigstruct));
	BN_one(s);
	fill_numbers(&sigstruct, m, s);
	CHECK(!is_accepted(&sigstruct));
	/* A key of 1 has every number for its signature; so would one of 0. */
	memset(&sigstruct.modulus, 0, sizeof(sigstruct.modulus));
	memset(&sigstruct.signature, 0, sizeof(sigstruct.signature));
	sigstruct.modulus[0] = 1;
	CHECK(!is_accepted(&sigstruct));
	BN_free(m);
	BN_free(s);
	BN_CTX_free(context);
	EVP_PKEY_free(key);
	return test_done();
}
