#include "crypto/sha256.h"

#include <cpuid.h>

#include "base/memory.h"

/* FIPS 180-4, 4.2.2. Aligned: the SHA-NI code loads four at a time. */
const uint32_t sha256_constants[64] ALIGNED(16) = {0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5,
	0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
	0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
	0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152,
	0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e,
	0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624,
	0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3,
	0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static const uint32_t initial_state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static bool use_ni;

void sha256_choose(void)
{
	unsigned int a, b, c, d;
	bool sse41, sha;

	if (!__get_cpuid(1, &a, &b, &c, &d))
		return;
	sse41 = (c & bit_SSE4_1) && (c & bit_SSSE3);
	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
		return;
	sha = b & (1U << 29);
	use_ni = sse41 && sha;
}

void sha256_use_ni(bool use)
{
	use_ni = use;
}

bool sha256_uses_ni(void)
{
	return use_ni;
}

static uint32_t rotate_right(uint32_t x, unsigned int n)
{
	return x >> n | x << (32 - n);
}

static uint32_t load_be32(const uint8_t *from)
{
	return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static void store_be32(uint8_t *to, uint32_t x)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(x >> (24 - 8 * i));
}

/* The message schedule (FIPS 180-4, 6.2.2, step 1). */
static void schedule(uint32_t w[64], const uint8_t *from)
{
	for (int i = 0; i < 16; i++)
		w[i] = load_be32(from + 4 * i);
	for (int i = 16; i < 64; i++) {
		uint32_t x = w[i - 15], y = w[i - 2];
		uint32_t s0 = rotate_right(x, 7) ^ rotate_right(x, 18) ^ x >> 3;
		uint32_t s1 = rotate_right(y, 17) ^ rotate_right(y, 19) ^ y >> 10;

		w[i] = w[i - 16] + s0 + w[i - 7] + s1;
	}
}

/* Steps 2 to 4: instead of moving eight variables along, v[] is read at a turning index. */
static void compress(uint32_t state[8], const uint8_t *from)
{
	uint32_t w[64], v[8];

#define V(letter) v[((letter)-i) & 7]
	schedule(w, from);
	memcpy(v, state, sizeof(v));
	for (unsigned int i = 0; i < 64; i++) {
		uint32_t a = V(0U), b = V(1U), c = V(2U), e = V(4U), f = V(5U), g = V(6U);
		uint32_t s1 = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
		uint32_t s0 = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
		uint32_t choice = g ^ (e & (f ^ g)), majority = (a & b) | (c & (a | b));
		uint32_t t = V(7U) + s1 + choice + sha256_constants[i] + w[i];

		V(3U) += t;
		V(7U) = t + s0 + majority;
	}
#undef V
	for (int i = 0; i < 8; i++)
		state[i] += v[i];
}

void sha256_blocks_portable(uint32_t state[8], const uint8_t *from, size_t count)
{
	for (; count > 0; count--, from += SHA256_BLOCK_SIZE)
		compress(state, from);
}

static void blocks(uint32_t state[8], const uint8_t *from, size_t count)
{
	if (use_ni)
		sha256_blocks_ni(state, from, count);
	else
		sha256_blocks_portable(state, from, count);
}

void sha256_start(struct sha256 *sha)
{
	memcpy(sha->state, initial_state, sizeof(sha->state));
	sha->size = 0;
}

void sha256_update(struct sha256 *sha, const void *from, size_t size)
{
	const uint8_t *p = from;
	size_t used = sha->size % SHA256_BLOCK_SIZE;
	size_t part = MIN(size, SHA256_BLOCK_SIZE - used);

	if (size == 0)
		return;
	sha->size += size;
	if (used > 0) {
		memcpy(sha->block + used, p, part);
		if (used + part < SHA256_BLOCK_SIZE)
			return;
		blocks(sha->state, sha->block, 1);
		p += part;
		size -= part;
	}
	blocks(sha->state, p, size / SHA256_BLOCK_SIZE);
	memcpy(sha->block, p + ALIGN_DOWN(size, SHA256_BLOCK_SIZE), size % SHA256_BLOCK_SIZE);
}

void sha256_finish(struct sha256 *sha, uint8_t digest[SHA256_SIZE])
{
	size_t used = sha->size % SHA256_BLOCK_SIZE;
	uint64_t bits = sha->size * 8;

	sha->block[used++] = 0x80;
	memset(sha->block + used, 0, SHA256_BLOCK_SIZE - used);
	if (used > SHA256_BLOCK_SIZE - 8) {
		blocks(sha->state, sha->block, 1);
		memset(sha->block, 0, SHA256_BLOCK_SIZE);
	}
	store_be32(sha->block + 56, (uint32_t)(bits >> 32));
	store_be32(sha->block + 60, (uint32_t)bits);
	blocks(sha->state, sha->block, 1);
	for (int i = 0; i < 8; i++)
		store_be32(digest + 4 * i, sha->state[i]);
	memory_wipe(sha, sizeof(*sha));
}

void sha256(const void *from, size_t size, uint8_t digest[SHA256_SIZE])
{
	struct sha256 sha;

	sha256_start(&sha);
	sha256_update(&sha, from, size);
	sha256_finish(&sha, digest);
}
