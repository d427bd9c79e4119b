#include "hypervisor/x86/walk.h"

#include "base/memory.h"
#include "hypervisor/frames.h"
#include "hypervisor/memory.h"
#include "hypervisor/table.h"
#include "hypervisor/x86/x86.h"

/* Never follows a table or page that is not Linux's memory. */
static bool translate(uint64_t cr3, uint64_t cr4, uint64_t address, uint64_t *ret_physical)
{
	uint64_t table = cr3 & TABLE_FRAME_MASK;

	for (uint32_t level = cr4 & CR4_LA57 ? 5 : 4; level; level--) {
		unsigned int shift = PAGE_SHIFT + 9 * (level - 1);
		uint64_t entry, size = 1UL << shift;

		if (!frames_is_memory(table >> PAGE_SHIFT))
			return false;
		entry = __atomic_load_n(
			(uint64_t *)memory_at(table >> PAGE_SHIFT) + (address >> shift) % 512,
			__ATOMIC_RELAXED);
		if (!(entry & TABLE_PRESENT))
			return false;
		table = entry & TABLE_FRAME_MASK;
		if (level == 1 || (level <= 3 && (entry & TABLE_LARGE))) {
			*ret_physical = ALIGN_DOWN(table, size) | (address & (size - 1));
			return frames_is_memory(*ret_physical >> PAGE_SHIFT);
		}
	}
	return false;
}

size_t walk_read(uint64_t cr3, uint64_t cr4, uint64_t address, void *to, size_t size)
{
	size_t done = 0;

	while (done < size) {
		uint64_t at = address + done, physical;
		size_t part = MIN(size - done, PAGE_SIZE - at % PAGE_SIZE);

		if (!translate(cr3, cr4, at, &physical))
			break;
		memcpy((uint8_t *)to + done,
			(uint8_t *)memory_at(physical >> PAGE_SHIFT) + physical % PAGE_SIZE, part);
		done += part;
	}
	return done;
}
