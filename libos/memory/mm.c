#include "libos/memory/mm.h"

#include <asm/errno.h>

#include "base/checked.h"
#include "libos/core/heap.h"
#include "libos/files/aio.h"
#include "libos/files/file.h"
#include "libos/loader/text.h"
#include "platform/platform.h"

struct mm *mm_new(void)
{
	struct mm *mm = heap_alloc(sizeof(*mm));

	if (!mm)
		return NULL;
	mm->reference_count = 1;
	list_init(&mm->vmas);
	mm->address_space_limit = UINT64_MAX;
	mm->data_limit = UINT64_MAX;
	return mm;
}

struct mm *mm_ref(struct mm *mm)
{
	__atomic_add_fetch(&mm->reference_count, 1, __ATOMIC_RELAXED);
	return mm;
}

static void count_mapping(const struct vma *vma, int change)
{
	if (vma->file && vma->file->ops->mapped)
		vma->file->ops->mapped(vma->file, change);
	if (vma->file && vma->flags & VMA_SHARED && vma->flags & VMA_MAYWRITE)
		file_count_writable_map(vma->file, change);
}

static void vma_free(struct vma *vma)
{
	count_mapping(vma, -1);
	file_unref(vma->file);
	patched_text_unref(vma->patched);
	heap_free(vma);
}

void mm_unref(struct mm *mm)
{
	struct vma *vma, *next;

	if (!mm || __atomic_sub_fetch(&mm->reference_count, 1, __ATOMIC_ACQ_REL))
		return;
	LIST_FOR_EACH_SAFE (vma, next, &mm->vmas, link)
		vma_free(vma);
	aio_contexts_free(mm->aio_contexts);
	heap_free(mm);
}

static struct vma *vma_copy(const struct vma *from)
{
	struct vma *vma = heap_alloc(sizeof(*vma));

	if (!vma)
		return NULL;
	*vma = *from;
	list_init(&vma->link);
	if (vma->file)
		file_ref(vma->file);
	count_mapping(vma, 1);
	patched_text_ref(vma->patched);
	return vma;
}

struct mm *mm_copy(struct mm *from)
{
	struct mm *mm = mm_new();
	struct vma *vma, *copy;

	if (!mm)
		return NULL;
	*mm = *from;
	mm->reference_count = 1;
	mm->lock = (struct lock){0};
	mm->last_hit = NULL;
	mm->aio_contexts = NULL;
	mm->locked_bytes = 0;
	mm->peak_bytes = mm->resident_peak_bytes = 0;
	mm->future_flags = 0;
	list_init(&mm->vmas);
	LIST_FOR_EACH (vma, &from->vmas, link) {
		copy = vma_copy(vma);
		if (!copy) {
			mm_unref(mm);
			return NULL;
		}
		copy->flags &= ~(uint32_t)VMA_LOCKED;
		list_add_tail(&mm->vmas, &copy->link);
	}
	return mm;
}

void mm_after_fork(struct mm *mm)
{
	struct vma *vma, *next;

	LOCK_SCOPE(&mm->lock);
	LIST_FOR_EACH_SAFE (vma, next, &mm->vmas, link) {
		if (vma->flags & VMA_WIPEONFORK)
			(void)!mm_populate(vma);
		if (!(vma->flags & VMA_DONTFORK))
			continue;
		(void)!platform_unmap(vma->start, vma->end - vma->start);
		mm_remove(mm, vma);
	}
}

struct vma *mm_next(struct mm *mm, struct vma *vma)
{
	return vma->link.next == &mm->vmas ? NULL : LIST_ENTRY(vma->link.next, struct vma, link);
}

/* From the last one found, as programs work on one place for a while: on to the first that ends
 * beyond
 * @addr, or back to it. */
struct vma *mm_find(struct mm *mm, uint64_t addr)
{
	struct list *at = mm->last_hit ? &mm->last_hit->link : mm->vmas.next;

	while (at != &mm->vmas && LIST_ENTRY(at, struct vma, link)->end <= addr)
		at = at->next;
	while (at->prev != &mm->vmas && LIST_ENTRY(at->prev, struct vma, link)->end > addr)
		at = at->prev;
	if (at == &mm->vmas)
		return NULL;
	mm->last_hit = LIST_ENTRY(at, struct vma, link);
	return mm->last_hit;
}

bool mm_is_free(struct mm *mm, uint64_t addr, uint64_t size)
{
	struct vma *vma;

	if (!platform_is_user(addr, size) || addr < PLATFORM_USER_START)
		return false;
	vma = mm_find(mm, addr);
	return !vma || vma->start >= addr + size;
}

/* The highest free place for @size bytes in [low, high), or 0. */
static uint64_t room_below(struct mm *mm, uint64_t low, uint64_t high, uint64_t size)
{
	struct list *at;
	uint64_t gap_end = high;

	for (at = mm->vmas.prev; at != &mm->vmas; at = at->prev) {
		struct vma *vma = LIST_ENTRY(at, struct vma, link);

		if (vma->start >= high)
			continue;
		if (vma->end < gap_end && gap_end - vma->end >= size)
			break;
		gap_end = MIN(gap_end, vma->start);
		if (gap_end < low + size)
			return 0;
	}
	return gap_end >= low + size ? gap_end - size : 0;
}

uint64_t mm_find_room(struct mm *mm, uint64_t hint, uint64_t size, uint64_t slack)
{
	uint64_t addr, need;

	if (CHECKED_ADD(size, slack, &need) || need > PLATFORM_USER_END)
		return 0;
	if (hint && mm_is_free(mm, hint, need))
		return hint;
	addr = room_below(mm, PLATFORM_REGION_END, mm->mmap_top, need);
	if (!addr)
		addr = room_below(mm, PLATFORM_USER_START, PLATFORM_REGION_START, need);
	return addr;
}

uint64_t mm_find_low_room(struct mm *mm, uint64_t hint, uint64_t size)
{
	const uint64_t end = 0x80000000UL;

	if (hint && size <= end && hint <= end - size && mm_is_free(mm, hint, size))
		return hint;
	return room_below(mm, 0x40000000UL, end, size);
}

/* getrlimit(2): private writable memory that is no stack is data. */
static bool is_data(uint32_t flags)
{
	return (flags & VMA_WRITE) && !(flags & (VMA_SHARED | VMA_STACK | VMA_GROWSDOWN));
}

bool mm_within_limits(struct mm *mm, uint64_t size, uint32_t flags)
{
	uint64_t data = 0;
	struct vma *vma;

	if (size > mm->address_space_limit || mm->mapped_bytes > mm->address_space_limit - size)
		return false;
	/* An obvious overcommit of what the enclave may have, as proc(5) calls it. */
	if (is_data(flags) && !(flags & VMA_NORESERVE) && size > heap_limit())
		return false;
	if (mm->data_limit == UINT64_MAX || !is_data(flags))
		return true;
	LIST_FOR_EACH (vma, &mm->vmas, link)
		if (is_data(vma->flags))
			data += vma->end - vma->start;
	return size <= mm->data_limit && data <= mm->data_limit - size;
}

struct vma *mm_add(struct mm *mm, uint64_t start, uint64_t end, uint32_t flags, struct file *file,
	uint64_t offset)
{
	struct vma *next, *vma;

	if (mm->vma_count >= MM_VMA_COUNT_MAX)
		return NULL;
	vma = heap_alloc(sizeof(*vma));
	if (!vma)
		return NULL;
	vma->start = start;
	vma->end = end;
	vma->flags = flags;
	vma->file = file ? file_ref(file) : NULL;
	count_mapping(vma, 1);
	vma->offset = offset;
	next = mm_find(mm, start);
	list_add_tail(next ? &next->link : &mm->vmas, &vma->link);
	mm->vma_count++;
	mm->mapped_bytes += end - start;
	if (flags & VMA_LOCKED)
		mm->locked_bytes += end - start;
	return vma;
}

void mm_remove(struct mm *mm, struct vma *vma)
{
	mm->peak_bytes = MAX(mm->peak_bytes, mm->mapped_bytes);
	mm->mapped_bytes -= vma->end - vma->start;
	if (vma->flags & VMA_LOCKED)
		mm->locked_bytes -= vma->end - vma->start;
	mm->vma_count--;
	if (mm->last_hit == vma)
		mm->last_hit = vma->link.next == &mm->vmas
				       ? NULL
				       : LIST_ENTRY(vma->link.next, struct vma, link);
	list_remove(&vma->link);
	vma_free(vma);
}

int mm_split_at(struct mm *mm, uint64_t addr)
{
	struct vma *vma = mm_find(mm, addr), *upper;
	uint64_t cut;

	if (!vma || vma->start >= addr)
		return 0;
	upper = vma_copy(vma);
	if (!upper)
		return -ENOMEM;
	cut = addr - vma->start;
	upper->start = addr;
	upper->offset += cut;
	upper->mapped = vma->mapped > cut ? vma->mapped - cut : 0;
	if (upper->memory)
		upper->memory = (const uint8_t *)upper->memory + cut;
	vma->end = addr;
	vma->mapped = MIN(vma->mapped, cut);
	list_add(&vma->link, &upper->link);
	mm->vma_count++;
	return 0;
}

static int split_counted(struct mm *mm, uint64_t addr)
{
	const struct vma *vma = mm_find(mm, addr);

	if (vma && vma->start < addr && mm->vma_count >= MM_VMA_COUNT_MAX)
		return -ENOMEM;
	return mm_split_at(mm, addr);
}

int mm_split_range(struct mm *mm, uint64_t addr, uint64_t size)
{
	int r = split_counted(mm, addr);

	return r ? r : split_counted(mm, addr + size);
}

int mm_shared_key(struct mm *mm, uint64_t addr, const void **ret_object, uint64_t *ret_offset)
{
	struct vma *vma;

	LOCK_SCOPE(&mm->lock);
	vma = mm_find(mm, addr);
	if (!vma || vma->start > addr || !(vma->flags & VMA_READ))
		return -EFAULT;
	if (vma->file && addr - vma->start >= vma->mapped)
		return -EFAULT; /* beyond the end of the file */
	*ret_object = NULL;
	if (vma->flags & VMA_SHARED) {
		*ret_object = vma->file->inode;
		*ret_offset = vma->offset + (addr - vma->start);
	}
	return 0;
}
