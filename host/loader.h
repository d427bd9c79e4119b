/* The LibOS's ELF file, into the region. */
#ifndef HOST_LOADER_H
#define HOST_LOADER_H

#include "base/span.h"
#include "image/error.h"

/* Copy the segments of @libos to their addresses in [region, region + size), which is mapped
 * writable, and give them their protections. *ret_entry: where to begin; *ret_end: the first page
 * after. */
MUST_CHECK int loader_place(struct span libos, uintptr_t region, size_t size, uintptr_t *ret_entry,
	uintptr_t *ret_end, struct image_error *error);

#endif
