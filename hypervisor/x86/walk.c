#include "hypervisor/x86/walk.h"

#include "base/memory.h"
#include "hypervisor/frames.h"
#include "hypervisor/memory.h"
#include "hypervisor/table.h"
#include "hypervisor/x86/x86.h"

/* Never follows a table or page that is not Linux's memory. */
static bool translate(uint64_t cr3, uint64_t cr4, uint64_t address, uint64_t *ret_frame)
{
	uint64_t page = address >> PAGE_SHIFT, frame = (cr3 & TABLE_FRAME_MASK) >> PAGE_SHIFT;

	for (uint32_t level = cr4 & CR4_LA57 ? 5 : 4; level; level--) {
		unsigned int shift = 9 * (level - 1);
		uint64_t entry, pages = 1UL << shift;

		if (!frames_is_memory(frame))
			return false;
		entry = __atomic_load_n(
			(uint64_t *)memory_at(frame) + (page >> shift) % 512, __ATOMIC_RELAXED);
		if (!(entry & TABLE_PRESENT))
			return false;
		frame = (entry & TABLE_FRAME_MASK) >> PAGE_SHIFT;
		if (level == 1 || (level <= 3 && (entry & TABLE_LARGE))) {
			frame = ALIGN_DOWN(frame, pages) | (page & (pages - 1));
			if (!frames_is_memory(frame))
				return false;
			*ret_frame = frame;
			return true;
		}
	}
	return false;
}

size_t walk_read(uint64_t cr3, uint64_t cr4, uint64_t address, void *to, size_t size)
{
	size_t done = 0;

	while (done < size) {
		uint64_t at = address + done, frame;
		size_t part = MIN(size - done, PAGE_SIZE - at % PAGE_SIZE);

		if (!translate(cr3, cr4, at, &frame))
			break;
		memcpy((uint8_t *)to + done, (uint8_t *)memory_at(frame) + at % PAGE_SIZE, part);
		done += part;
	}
	return done;
}
