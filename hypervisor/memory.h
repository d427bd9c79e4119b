/* Physical memory as the hypervisor sees it: mapped as a whole where Linux maps it too, so that an
 * address means the same before and after a processor changes to our page table. */
#ifndef HYPERVISOR_MEMORY_H
#define HYPERVISOR_MEMORY_H

#include "base/compiler.h"

extern uint64_t memory_direct_map; /* set once, by init */

static inline void *memory_at(uint64_t frame)
{
	return (void *)(memory_direct_map + (frame << PAGE_SHIFT));
}

#endif
