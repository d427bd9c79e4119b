#include "hypervisor/signature.h"

#include <asm/errno.h>

#include "base/memory.h"
#include "crypto/sha256.h"

#define LIMBS (SGX_KEY_SIZE / 4)

/* Little-endian, as SIGSTRUCT's numbers are: least limb first. Of 32 bits, so that products are of
 * 64, which what looks for undefined behaviour can read. */
struct number {
	uint32_t limbs[LIMBS];
};

struct product {
	uint32_t limbs[2 * LIMBS];
};

static struct number load(const uint8_t bytes[SGX_KEY_SIZE])
{
	struct number n;

	memcpy(n.limbs, bytes, sizeof(n.limbs));
	return n;
}

static bool is_less(const struct number *a, const struct number *b)
{
	for (size_t i = LIMBS; i-- > 0;)
		if (a->limbs[i] != b->limbs[i])
			return a->limbs[i] < b->limbs[i];
	return false;
}

static void multiply(const struct number *a, const struct number *b, struct product *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < LIMBS; i++) {
		uint64_t carry = 0;

		for (size_t j = 0; j < LIMBS; j++) {
			/* At most (2^32 - 1)^2 + 2 (2^32 - 1) = 2^64 - 1. */
			uint64_t sum =
				(uint64_t)a->limbs[i] * b->limbs[j] + ret->limbs[i + j] + carry;

			ret->limbs[i + j] = (uint32_t)sum;
			carry = sum >> 32;
		}
		ret->limbs[i + LIMBS] = (uint32_t)carry;
	}
}

/* @a - @b; false: it would be negative. */
static bool subtract(struct product *a, const struct product *b)
{
	uint64_t borrow = 0;

	for (size_t i = 0; i < ARRAY_SIZE(a->limbs); i++) {
		uint64_t rest = (uint64_t)a->limbs[i] - b->limbs[i] - borrow;

		a->limbs[i] = (uint32_t)rest;
		borrow = rest >> 63;
	}
	return borrow == 0;
}

/* @a * @b mod @m, given the quotient; false: that is not the quotient. */
static bool multiply_mod(const struct number *a, const struct number *b, const struct number *m,
	const struct number *quotient, struct number *ret)
{
	struct product product, whole;

	multiply(a, b, &product);
	multiply(quotient, m, &whole);
	if (!subtract(&product, &whole))
		return false;
	for (size_t i = LIMBS; i < ARRAY_SIZE(product.limbs); i++)
		if (product.limbs[i])
			return false;
	memcpy(ret->limbs, product.limbs, sizeof(ret->limbs));
	return is_less(ret, m);
}

/* EMSA-PKCS1-v1_5, least byte first: hash, DigestInfo, 0, ff..., 1, 0. */
static void encode(const struct sgx_sigstruct *sigstruct, uint8_t message[SGX_KEY_SIZE])
{
	static const uint8_t info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
		0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
	uint8_t hash[SHA256_SIZE];
	struct sha256 sha;

	sha256_start(&sha);
	sha256_update(&sha, &sigstruct->header, sizeof(sigstruct->header));
	sha256_update(&sha, &sigstruct->body, sizeof(sigstruct->body));
	sha256_finish(&sha, hash);
	memset(message, 0xff, SGX_KEY_SIZE);
	for (size_t i = 0; i < sizeof(hash); i++)
		message[i] = hash[sizeof(hash) - 1 - i];
	for (size_t i = 0; i < sizeof(info); i++)
		message[sizeof(hash) + i] = info[sizeof(info) - 1 - i];
	message[sizeof(hash) + sizeof(info)] = 0;
	message[SGX_KEY_SIZE - 2] = 1;
	message[SGX_KEY_SIZE - 1] = 0;
}

int signature_verify(const struct sgx_sigstruct *sigstruct)
{
	struct number s = load(sigstruct->signature), m = load(sigstruct->modulus), square, cube;
	struct number q1 = load(sigstruct->q1), q2 = load(sigstruct->q2);
	uint8_t message[SGX_KEY_SIZE];

	if (memcmp(sigstruct->header.header, SGX_SIGSTRUCT_HEADER, 16) != 0 ||
		memcmp(sigstruct->header.header2, SGX_SIGSTRUCT_HEADER2, 16) != 0 ||
		sigstruct->exponent != SGX_KEY_EXPONENT)
		return -EKEYREJECTED;
	/* A key of fewer bits would be a weaker one. */
	if (!(m.limbs[LIMBS - 1] >> 31) || !is_less(&s, &m))
		return -EKEYREJECTED;
	if (!multiply_mod(&s, &s, &m, &q1, &square) || !multiply_mod(&s, &square, &m, &q2, &cube))
		return -EKEYREJECTED;
	encode(sigstruct, message);
	return memcmp(cube.limbs, message, SGX_KEY_SIZE) == 0 ? 0 : -EKEYREJECTED;
}
