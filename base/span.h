/* A read-only run of bytes with its end known. */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include "base/checked.h"

struct span {
	const uint8_t *data;
	size_t size; /* bytes */
};

/* The part [offset, offset + size) of @span; false if it does not lie inside. */
static inline bool span_slice(struct span span, uint64_t offset, uint64_t size, struct span *ret)
{
	if (!range_fits(offset, size, span.size))
		return false;
	ret->data = span.data + offset;
	ret->size = size;
	return true;
}

#endif
