/* SHA-256 (FIPS 180-4), freestanding. Nothing here uses %fs or changes a vector register that the
 * caller's caller can see: the LibOS runs with the program's vector registers live in the
 * processor, so the SHA-NI code (sha256_ni.c, the one file compiled with vector instructions)
 * saves the sixteen xmm registers on entry and restores them on exit. It uses legacy SSE encodings
 * only, which leave the upper halves of ymm and zmm as they are. It needs 512 bytes of stack. */
#ifndef CRYPTO_SHA256_H
#define CRYPTO_SHA256_H

#include "base/compiler.h"

#define SHA256_SIZE 32       /* bytes of a digest */
#define SHA256_BLOCK_SIZE 64 /* bytes the compression takes at a time */

struct sha256 {
	uint32_t state[8];
	uint64_t size; /* bytes so far */
	uint8_t block[SHA256_BLOCK_SIZE];
};

/* Choose the implementation for all later calls: once, before there are threads. Without it the
 * portable one runs. sha256_choose() executes CPUID; where that instruction is not allowed (SGX),
 * the platform says with sha256_use_ni() what its processor has. */
void sha256_choose(void);
void sha256_use_ni(bool use);
bool sha256_uses_ni(void);

void sha256(const void *from, size_t size, uint8_t digest[SHA256_SIZE]);

/* The same in pieces. _finish leaves the context wiped. */
void sha256_start(struct sha256 *sha);
void sha256_update(struct sha256 *sha, const void *from, size_t size);
void sha256_finish(struct sha256 *sha, uint8_t digest[SHA256_SIZE]);

/* The two compression functions: @count blocks of 64 bytes at @from into @state. */
void sha256_blocks_portable(uint32_t state[8], const uint8_t *from, size_t count);
void sha256_blocks_ni(uint32_t state[8], const uint8_t *from, size_t count);

extern const uint32_t sha256_constants[64];

#endif
