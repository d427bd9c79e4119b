/* The CPUID instruction: what the processor says of itself (Intel SDM volume 2A). A monitor below
 * may have made it up: for display only. */
#ifndef LIBOS_FILES_CPUID_H
#define LIBOS_FILES_CPUID_H

#include "base/compiler.h"

struct cpuid {
	uint32_t a, b, c, d;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t part)
{
	struct cpuid r = {.a = leaf, .c = part};

	__asm__ volatile("cpuid" : "+a"(r.a), "=b"(r.b), "+c"(r.c), "=d"(r.d));
	return r;
}

#endif
