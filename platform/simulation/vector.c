/* The program's vector state: XSAVE area in standard form (SDM vol. 1, ch. 13). The LibOS itself
 * never uses these registers, so they are saved only where a program may see or change them: signal
 * frames. */
#include <asm/errno.h>

#include "base/memory.h"
#include "platform/simulation/simulation.h"

#define XCR0_AMX ((1UL << 17) | (1UL << 18))
#define MXCSR_DEFAULT 0x1f80U
#define MXCSR_OFFSET 24
#define HEADER_OFFSET 512

static uint64_t vector_mask(void)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (((uint64_t)high << 32) | low) & ~XCR0_AMX;
}

uint64_t platform_vector_mask(void)
{
	return vector_mask();
}

size_t platform_vector_size(void)
{
	static size_t size;
	uint32_t a = 0xd, b, c = 0, d;

	if (!size) {
		__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
		size = b;
	}
	return size;
}

void platform_vector_save(void *to)
{
	uint64_t mask = vector_mask();

	memset((uint8_t *)to + HEADER_OFFSET, 0, 64);
	__asm__ volatile("xsave64 (%0)"
			 :
			 : "r"(to), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32))
			 : "memory");
}

int platform_vector_restore(const void *from)
{
	uint64_t mask = vector_mask();
	const uint64_t *header = (const uint64_t *)((const uint8_t *)from + HEADER_OFFSET);
	uint32_t mxcsr;

	memcpy(&mxcsr, (const uint8_t *)from + MXCSR_OFFSET, sizeof(mxcsr));
	/* What would make XRSTOR fault: unknown components, compacted form, reserved MXCSR bits. */
	if ((header[0] & ~mask) || header[1] || header[2] || (mxcsr & 0xffff0000U))
		return -EINVAL;
	__asm__ volatile("xrstor64 (%0)"
			 :
			 : "r"(from), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32))
			 : "memory");
	return 0;
}

void platform_vector_reset(void)
{
	static const uint8_t initial[4096] ALIGNED(64) = {[0] = 0x7f,
		[1] = 0x03,
		[MXCSR_OFFSET] = MXCSR_DEFAULT & 0xff,
		[MXCSR_OFFSET + 1] = MXCSR_DEFAULT >> 8};

	if (platform_vector_restore(initial))
		platform_panic("the processor refuses the initial vector state");
}
