/* SHA-256 with the processor's SHA instructions (Intel SDM volume 2, SHA256RNDS2, SHA256MSG1,
 * SHA256MSG2). Compiled with -msse4.1 -msha and never with AVX: see sha256.h. */
#include "crypto/sha256.h"

#include <immintrin.h>

void sha256_ni_compress(uint32_t state[8], const uint8_t *from, size_t count);

/* The entry: whatever registers the compiler picks for the code below, the caller's are kept.
 * The System V ABI lets every function clobber xmm0-15, which is why C can't say this. */
__asm__(".text\n"
	".p2align 4\n"
	".globl sha256_blocks_ni\n"
	".type sha256_blocks_ni, @function\n"
	"sha256_blocks_ni:\n"
	"	push %rbp\n"
	"	mov %rsp, %rbp\n"
	"	sub $256, %rsp\n"
	"	and $-16, %rsp\n"
	"	movdqu %xmm0, (%rsp)\n"
	"	movdqu %xmm1, 16(%rsp)\n"
	"	movdqu %xmm2, 32(%rsp)\n"
	"	movdqu %xmm3, 48(%rsp)\n"
	"	movdqu %xmm4, 64(%rsp)\n"
	"	movdqu %xmm5, 80(%rsp)\n"
	"	movdqu %xmm6, 96(%rsp)\n"
	"	movdqu %xmm7, 112(%rsp)\n"
	"	movdqu %xmm8, 128(%rsp)\n"
	"	movdqu %xmm9, 144(%rsp)\n"
	"	movdqu %xmm10, 160(%rsp)\n"
	"	movdqu %xmm11, 176(%rsp)\n"
	"	movdqu %xmm12, 192(%rsp)\n"
	"	movdqu %xmm13, 208(%rsp)\n"
	"	movdqu %xmm14, 224(%rsp)\n"
	"	movdqu %xmm15, 240(%rsp)\n"
	"	call sha256_ni_compress\n"
	"	movdqu (%rsp), %xmm0\n"
	"	movdqu 16(%rsp), %xmm1\n"
	"	movdqu 32(%rsp), %xmm2\n"
	"	movdqu 48(%rsp), %xmm3\n"
	"	movdqu 64(%rsp), %xmm4\n"
	"	movdqu 80(%rsp), %xmm5\n"
	"	movdqu 96(%rsp), %xmm6\n"
	"	movdqu 112(%rsp), %xmm7\n"
	"	movdqu 128(%rsp), %xmm8\n"
	"	movdqu 144(%rsp), %xmm9\n"
	"	movdqu 160(%rsp), %xmm10\n"
	"	movdqu 176(%rsp), %xmm11\n"
	"	movdqu 192(%rsp), %xmm12\n"
	"	movdqu 208(%rsp), %xmm13\n"
	"	movdqu 224(%rsp), %xmm14\n"
	"	movdqu 240(%rsp), %xmm15\n"
	"	leave\n"
	"	ret\n"
	".size sha256_blocks_ni, . - sha256_blocks_ni\n");

/* The instructions keep the eight variables in two registers: a b e f and c d g h, a and c in the
 * highest lanes. */
struct halves {
	__m128i abef, cdgh;
};

static inline __m128i load(const void *from)
{
	return _mm_loadu_si128((const __m128i *)from);
}

static inline struct halves halves_load(const uint32_t state[8])
{
	__m128i cdab = _mm_shuffle_epi32(load(state), 0xb1);
	__m128i efgh = _mm_shuffle_epi32(load(state + 4), 0x1b);

	return (struct halves){_mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xf0)};
}

static inline void halves_store(uint32_t state[8], struct halves halves)
{
	__m128i feba = _mm_shuffle_epi32(halves.abef, 0x1b);
	__m128i dchg = _mm_shuffle_epi32(halves.cdgh, 0xb1);

	_mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xf0));
	_mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

/* Four rounds, with schedule words @w and the constants of round @round on. */
static inline void rounds(struct halves *h, __m128i w, const uint32_t *constants)
{
	__m128i wk = _mm_add_epi32(w, load(constants));

	h->cdgh = _mm_sha256rnds2_epu32(h->cdgh, h->abef, wk);
	h->abef = _mm_sha256rnds2_epu32(h->abef, h->cdgh, _mm_shuffle_epi32(wk, 0x0e));
}

/* The next four schedule words from the sixteen before them, oldest first. */
static inline __m128i extend(__m128i a, __m128i b, __m128i c, __m128i d)
{
	__m128i t = _mm_add_epi32(_mm_sha256msg1_epu32(a, b), _mm_alignr_epi8(d, c, 4));

	return _mm_sha256msg2_epu32(t, d);
}

static inline __m128i load_be(const uint8_t *from)
{
	return _mm_shuffle_epi8(load(from), _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
}

void sha256_ni_compress(uint32_t state[8], const uint8_t *from, size_t count)
{
	const uint32_t *k = sha256_constants;
	struct halves h = halves_load(state);

	for (; count > 0; count--, from += SHA256_BLOCK_SIZE) {
		struct halves before = h;
		__m128i a = load_be(from), b = load_be(from + 16);
		__m128i c = load_be(from + 32), d = load_be(from + 48);

		for (int i = 0;; i += 16) {
			rounds(&h, a, k + i);
			rounds(&h, b, k + i + 4);
			rounds(&h, c, k + i + 8);
			rounds(&h, d, k + i + 12);
			if (i == 48)
				break;
			a = extend(a, b, c, d);
			b = extend(b, c, d, a);
			c = extend(c, d, a, b);
			d = extend(d, a, b, c);
		}
		h.abef = _mm_add_epi32(h.abef, before.abef);
		h.cdgh = _mm_add_epi32(h.cdgh, before.cdgh);
	}
	halves_store(state, h);
}
