/* Arithmetic that says when it overflows: true = overflow, *ret then undefined. */
#ifndef BASE_CHECKED_H
#define BASE_CHECKED_H

#include "base/compiler.h"

#define CHECKED_ADD(a, b, ret) __builtin_add_overflow(a, b, ret)
#define CHECKED_SUB(a, b, ret) __builtin_sub_overflow(a, b, ret)
#define CHECKED_MUL(a, b, ret) __builtin_mul_overflow(a, b, ret)

/* Does [offset, offset + size) lie inside [0, limit)? An empty range at limit does. */
static inline bool range_fits(uint64_t offset, uint64_t size, uint64_t limit)
{
	return offset <= limit && size <= limit - offset;
}

#endif
