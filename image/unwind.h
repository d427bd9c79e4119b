/* The unwind tables of an ELF file, as far as they tell where functions are.
 * Source: Linux Standard Base Core 5.0, "Exception Frames". */
#ifndef IMAGE_UNWIND_H
#define IMAGE_UNWIND_H

#include "image/code_map.h"

/* Add the functions that the records (.eh_frame) at @vaddr describe. A function with a table of
 * landing pads has all its bytes marked as targets, for the unwinder may jump to any of them.
 * Ends silently at what it can't read. Errors: -ENOMEM. */
int unwind_add(struct code_map *map, uint64_t vaddr) MUST_CHECK;

/* The same, the records being found through the index (.eh_frame_hdr) at @vaddr. */
int unwind_add_indexed(struct code_map *map, uint64_t vaddr) MUST_CHECK;

#endif
