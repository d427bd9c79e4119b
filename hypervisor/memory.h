/* Physical memory as the hypervisor sees it: mapped as a whole where Linux maps it too, so that an
 * address means the same before and after a processor changes to our page table. */
#ifndef HYPERVISOR_MEMORY_H
#define HYPERVISOR_MEMORY_H

#include "base/compiler.h"

#define FRAME_WORDS (PAGE_SIZE / sizeof(uint64_t))

#ifdef __FRAMAC__
/* For proofs, memory is an array of frames of words, apart from all variables. */
extern struct {
	uint64_t words[FRAME_WORDS];
} memory_frames[UINT32_MAX];
#define memory_at(frame) (memory_frames[frame].words)
#else
extern uint64_t memory_direct_map; /* set once, by init */

static inline void *memory_at(uint64_t frame)
{
	return (void *)(memory_direct_map + (frame << PAGE_SHIFT));
}
#endif

/*@ predicate is_zero{L}(integer f) =
  @   \forall integer w; 0 <= w < FRAME_WORDS ==> \at(memory_frames[f].words[w], L) == 0; */

/*@ requires frame < UINT32_MAX;
  @ assigns memory_frames[frame];
  @ ensures is_zero(frame); */
static inline void memory_zero(uint64_t frame)
{
	uint64_t *words = memory_at(frame);

	/*@ loop invariant 0 <= i <= FRAME_WORDS;
	  @ loop invariant \forall integer w; 0 <= w < i ==> words[w] == 0;
	  @ loop assigns i, memory_frames[frame];
	  @ loop variant FRAME_WORDS - i; */
	for (size_t i = 0; i < FRAME_WORDS; i++)
		words[i] = 0;
	/* The compiler may not drop it, whatever becomes of the frame. */
	__asm__ volatile("" : : : "memory");
}

#endif
