#include "hypervisor/nested.h"

#include <asm/errno.h>

#include "base/memory.h"
#include "hypervisor/frames.h"
#include "hypervisor/memory.h"
#include "hypervisor/table.h"
#include "hypervisor/x86/apic.h"

#define ALL (TABLE_WRITE | TABLE_USER)

static struct table table;
static uint32_t ones_frame;

int nested_init(uint32_t levels)
{
	int r = frame_take((struct frame){.kind = FRAME_HYPERVISOR}, &ones_frame);

	if (r < 0)
		return r;
	memset(memory_at(ones_frame), 0xff, PAGE_SIZE);
	return table_init(&table, levels, 0);
}

uint64_t nested_root(void)
{
	return (uint64_t)table.root << PAGE_SHIFT;
}

uint64_t nested_ones(void)
{
	return ones_frame;
}

static bool is_ordinary(uint64_t frame)
{
	return frames_is_linux(frame) && frame != APIC_FRAME;
}

#ifdef HYPERVISOR_DEBUG
/* Each page is a fault of its own, at the worst of times too: while an event is delivered. */
#define HAS_LARGE_PAGES false
#else
#define HAS_LARGE_PAGES true
#endif

static bool is_ordinary_2m(uint64_t first)
{
	for (uint64_t i = 0; i < TABLE_LARGE_FRAMES; i++)
		if (!is_ordinary(first + i))
			return false;
	return true;
}

static int map_page(uint64_t frame)
{
	uint64_t address = frame << PAGE_SHIFT;

	if (frame == APIC_FRAME)
		return table_map(&table, address, address, TABLE_USER | TABLE_NO_EXECUTE);
	if (!frames_is_linux(frame))
		return table_map(&table, address, (uint64_t)ones_frame << PAGE_SHIFT,
			TABLE_USER | TABLE_NO_EXECUTE);
	return table_map(&table, address, address, ALL);
}

int nested_fill(uint64_t address)
{
	uint64_t frame = address >> PAGE_SHIFT, first = ALIGN_DOWN(frame, TABLE_LARGE_FRAMES);
	int r;

	/* Beyond what the table can tell apart it would answer for another page. */
	if (address >> (PAGE_SHIFT + 9 * table.levels))
		return -EFAULT;
	if (HAS_LARGE_PAGES && is_ordinary_2m(first)) {
		r = table_map(&table, first << PAGE_SHIFT, first << PAGE_SHIFT, ALL | TABLE_LARGE);
		if (r != -EEXIST)
			return r;
	}
	return map_page(frame);
}

void nested_forget(uint64_t frame)
{
	table_unmap(&table, frame << PAGE_SHIFT);
}
