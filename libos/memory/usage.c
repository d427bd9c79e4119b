/* What an address space takes. */
#include "libos/memory/mm.h"

#include "libos/core/heap.h"
#include "libos/memory/limit.h"
#include "platform/platform.h"

static void add_vma(const struct vma *vma, struct memory_usage *usage, uint64_t *writable)
{
	uint64_t size = vma->end - vma->start;
	bool is_private_data = vma->flags & VMA_WRITE && !(vma->flags & VMA_SHARED);

	if (vma->flags & VMA_STACK)
		usage->stack += size;
	else if (is_private_data)
		usage->data += size;
	else if (vma->flags & VMA_EXEC)
		usage->libraries += size;
	if (is_private_data)
		*writable += size;
	if (!vma->file)
		return;
	if (vma->flags & VMA_SHARED)
		usage->resident_shared += mm_loaded_bytes(vma);
	else
		usage->resident_file += mm_loaded_bytes(vma);
}

/* Of pages shared with others, those of the LibOS itself are nobody's business: a program has at
 * most what it maps. */
static void find_resident(
	struct mm *mm, struct thread *thread, uint64_t writable, struct memory_usage *usage)
{
	uint64_t own, shared;

	if (platform_space_usage(thread, &own, &shared)) {
		own = writable;
		shared = UINT64_MAX;
	}
	usage->resident_anonymous = own;
	usage->resident_file = MIN(usage->resident_file, shared);
	usage->resident_shared = MIN(usage->resident_shared, shared - usage->resident_file);
	usage->resident = MIN(own + usage->resident_file + usage->resident_shared, usage->mapped);
	mm->resident_peak_bytes = MAX(mm->resident_peak_bytes, usage->resident);
	usage->resident_peak = mm->resident_peak_bytes;
}

void mm_usage(struct mm *mm, struct thread *thread, struct memory_usage *ret_usage)
{
	uint64_t writable = 0;
	struct vma *vma;

	LOCK_SCOPE(&mm->lock);
	*ret_usage = (struct memory_usage){
		.mapped = mm->mapped_bytes,
		.peak = MAX(mm->peak_bytes, mm->mapped_bytes),
		.locked = mm->locked_bytes,
		.code = mm->code_end - mm->code_start,
		.code_start = mm->code_start,
		.code_end = mm->code_end,
		.data_start = mm->data_start,
		.data_end = mm->data_end,
		.brk_start = mm->brk_start,
		.stack_start = mm->stack_top,
	};
	LIST_FOR_EACH (vma, &mm->vmas, link)
		add_vma(vma, ret_usage, &writable);
	ret_usage->libraries -= MIN(ret_usage->libraries, ret_usage->code);
	find_resident(mm, thread, writable, ret_usage);
}

/* As much as the configuration allows, and never more than the machine has. */
void memory_system(struct memory_system *ret_system)
{
	uint64_t total, free, used = memory_limit_used(), limit = heap_limit();

	platform_memory_total(&total, &free);
	if (limit < total) {
		total = MAX(limit, PAGE_SIZE);
		free = MIN(free, total - MIN(used, total - PAGE_SIZE));
	}
	*ret_system = (struct memory_system){
		.total = total,
		.free = free,
		.cached = MIN(platform_memory_used(), total - free),
	};
}
