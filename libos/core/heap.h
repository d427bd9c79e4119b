/* The LibOS's own memory.
 * heap_*: objects of any size, zeroed, 16-byte aligned (whole pages from 2048 bytes on are page
 * aligned when the size is a power of two).
 * pool_*: runs of whole pages that can be mapped into programs (file data, shared memory).
 * Addresses are plentiful, memory is committed by use; a run is zero-filled when handed out. Sizes
 * are rounded up to a power of two pages. Both return NULL when the memory limit is reached. */
#ifndef LIBOS_CORE_HEAP_H
#define LIBOS_CORE_HEAP_H

#include "base/compiler.h"

void heap_init(void);
MUST_CHECK void *heap_alloc(size_t size);
/* The same, with anything in it: for what is filled at once. */
MUST_CHECK void *heap_alloc_uncleared(size_t size);
void heap_free(void *object); /* NULL is fine */
static inline void heap_freep(void *object)
{
	heap_free(*(void **)object);
}

MUST_CHECK void *pool_alloc(size_t size);
void pool_free(void *run, size_t size); /* the same size as at its pool_alloc */
/* The pages in [start, start + size) are no longer needed: zeros from now on. */
void pool_discard(void *start, size_t size);
/* At most this many bytes from now on; 0 = no limit. */
void heap_limit_set(uint64_t bytes);
uint64_t heap_limit(void); /* UINT64_MAX: none */
/* At most this many bytes here, whatever programs have; 0 = no limit. */
void heap_own_limit_set(uint64_t bytes);
/* Programs have so many bytes of their own, which count towards the limit. */
void heap_limit_note(uint64_t bytes);
/* Has the limit not been reached? Runs are handed out before they are touched: who goes on to fill
 * a large one asks. */
bool heap_has_room(void);
/* Bytes that the pool and the heap hold now. */
uint64_t heap_used(void);

#endif
