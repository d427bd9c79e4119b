/* mmap(2), munmap(2), and the faults that make lazily mapped pages present. */
#include <asm/errno.h>
#include <asm-generic/siginfo.h>
#include <asm/signal.h>

#include "libos/core/heap.h"
#include "libos/files/file.h"
#include "libos/loader/text.h"
#include "libos/memory/mm.h"
#include "platform/platform.h"

/* The main stack is not grown into the last page above another mapping: stack_guard_gap's part. */
#define STACK_GUARD_SIZE (256UL * PAGE_SIZE)

/* Map what the file has of the vma from vma->mapped on; the rest stays without access. */
static int populate_file(struct vma *vma)
{
	uint64_t size = vma->end - vma->start, run;
	bool write = (vma->flags & VMA_SHARED) && (vma->flags & VMA_MAYWRITE);
	void *memory;
	int r;

	while (vma->mapped < size) {
		r = vma->file->ops->map(vma->file, vma->offset + vma->mapped, size - vma->mapped,
			write, &memory, &run);
		if (r)
			return r == -ENXIO ? 0 : r;
		run = MIN(run, size - vma->mapped);
		r = mm_map_loaded(vma, vma->mapped, run, memory);
		if (r)
			return r;
		vma->mapped += run;
	}
	return 0;
}

int mm_populate(struct vma *vma)
{
	uint64_t size = vma->end - vma->start;
	unsigned int protection = vma->flags & VMA_PROTECTION;
	int r;

	if (vma->memory)
		return platform_map_region(
			vma->start, size, protection, vma->memory, !(vma->flags & VMA_SHARED));
	if (!vma->file)
		return platform_map_anonymous(vma->start, size, protection);
	vma->mapped = 0;
	r = populate_file(vma);
	if (r || vma->mapped == size)
		return r;
	return platform_map_nothing(vma->start + vma->mapped, size - vma->mapped);
}

int mm_unmap_locked(struct mm *mm, uint64_t addr, uint64_t size)
{
	struct vma *vma = mm_find(mm, addr), *next;
	int r;

	if (mm_is_sealed(mm, addr, size))
		return -EPERM;
	/* A hole makes two of one. */
	if (vma && vma->start < addr && addr + size < vma->end && mm->vma_count >= MM_VMA_COUNT_MAX)
		return -ENOMEM;
	r = mm_split_at(mm, addr);
	if (!r)
		r = mm_split_at(mm, addr + size);
	if (r)
		return r;
	/* Trampolines first: they may be the next vma, or lie outside the range. */
	for (vma = mm_find(mm, addr); vma && vma->start < addr + size; vma = next) {
		text_unpatch(mm, vma);
		next = vma->link.next == &mm->vmas ? NULL
						   : LIST_ENTRY(vma->link.next, struct vma, link);
		mm_remove(mm, vma);
	}
	return platform_unmap(addr, size);
}

int mm_unmap(struct mm *mm, uint64_t addr, uint64_t size)
{
	if (!IS_ALIGNED(addr, PAGE_SIZE) || !size || size > PLATFORM_USER_END)
		return -EINVAL;
	size = ALIGN_UP(size, PAGE_SIZE);
	if (!platform_is_user(addr, size))
		return -EINVAL;
	LOCK_SCOPE(&mm->lock);
	return mm_unmap_locked(mm, addr, size);
}

/* Extend the vma just below instead of adding one, as Linux merges: keeps maps short when a program
 * maps piece by piece. Anonymous memory only. */
static struct vma *merge_below(struct mm *mm, uint64_t addr, uint64_t size, uint32_t flags)
{
	struct vma *next = mm_find(mm, addr), *below;
	struct list *link = next ? next->link.prev : mm->vmas.prev;

	if (link == &mm->vmas)
		return NULL;
	below = LIST_ENTRY(link, struct vma, link);
	if (below->end != addr || below->flags != flags || below->file || below->memory ||
		(flags & (VMA_SHARED | VMA_GROWSDOWN | VMA_STACK | VMA_HEAP | VMA_LOCKED)))
		return NULL;
	below->end += size;
	mm->mapped_bytes += size;
	return below;
}

static long map_locked(struct mm *mm, uint64_t addr, uint64_t size, uint32_t flags, bool fixed,
	struct file *file, uint64_t offset)
{
	struct vma *vma;
	int r;

	if (fixed) {
		if (addr < PLATFORM_USER_START)
			return -EPERM;
		r = mm_unmap_locked(mm, addr, size);
		if (r)
			return r;
	} else {
		addr = mm_find_room(mm, addr, size, file ? text_slack(file, offset) : 0);
		if (!addr)
			return -ENOMEM;
	}
	if (!mm_within_limits(mm, size, flags))
		return -ENOMEM;
	if (!file && merge_below(mm, addr, size, flags)) {
		r = platform_map_anonymous(addr, size, flags & VMA_PROTECTION);
		return r ? r : (long)addr;
	}
	vma = mm_add(mm, addr, addr + size, flags, file, offset);
	if (!vma)
		return -ENOMEM;
	r = mm_populate(vma);
	if (r) {
		(void)!mm_unmap_locked(mm, addr, size);
		return r;
	}
	if (file && (flags & VMA_EXEC))
		text_patch(mm, vma);
	if (flags & VMA_LOCKED)
		(void)!mm_make_present(vma); /* as Linux: the mapping stands */
	return (long)addr;
}

long mm_map(struct mm *mm, uint64_t addr, uint64_t size, uint32_t flags, bool fixed,
	struct file *file, uint64_t offset)
{
	if (!size || size > PLATFORM_USER_END || !IS_ALIGNED(offset, PAGE_SIZE))
		return size > PLATFORM_USER_END ? -ENOMEM : -EINVAL;
	size = ALIGN_UP(size, PAGE_SIZE);
	if (fixed && !IS_ALIGNED(addr, PAGE_SIZE))
		return -EINVAL;
	if (fixed && !platform_is_user(addr, size))
		return -ENOMEM;
	if (file && !file->ops->map)
		return -ENODEV;
	addr = ALIGN_DOWN(addr, PAGE_SIZE);
	LOCK_SCOPE(&mm->lock);
	return map_locked(mm, addr, size, flags | mm->future_flags, fixed, file, offset);
}

static int fault_signal(int signo, int code, int *ret_signo, int *ret_code)
{
	*ret_signo = signo;
	*ret_code = code;
	return -EFAULT;
}

/* @vma lies above @addr: may it grow down to it? */
static bool grow_down(struct mm *mm, struct vma *vma, uint64_t addr)
{
	uint64_t start = ALIGN_DOWN(addr, PAGE_SIZE), grown = vma->start - start, low;
	struct list *below = vma->link.prev;
	int r;

	if (!(vma->flags & VMA_GROWSDOWN))
		return false;
	if ((vma->flags & VMA_STACK) && mm->stack_top - start > mm->stack_limit)
		return false;
	low = below == &mm->vmas ? PLATFORM_USER_START : LIST_ENTRY(below, struct vma, link)->end;
	if (start < low || start - low < STACK_GUARD_SIZE || !platform_is_user(start, grown) ||
		mm->mapped_bytes + grown > mm->address_space_limit)
		return false;
	r = platform_map_anonymous(start, grown, vma->flags & VMA_PROTECTION);
	if (r)
		return false;
	vma->start = start;
	mm->mapped_bytes += grown;
	return true;
}

static int fault_in_file(struct vma *vma, uint64_t addr, int *ret_signo, int *ret_code)
{
	uint64_t at = addr - vma->start;
	int r = at < vma->mapped ? 0 : populate_file(vma);

	if (!r && at < vma->mapped)
		r = mm_load_touched(vma, at);
	else if (!r)
		r = -ENXIO; /* beyond its end */
	return r ? fault_signal(SIGBUS, BUS_ADRERR, ret_signo, ret_code) : 0;
}

int mm_fault(struct mm *mm, uint64_t addr, uint32_t access, int *ret_signo, int *ret_code)
{
	struct vma *vma;

	if (!platform_is_user(addr, 1))
		return fault_signal(SIGSEGV, SEGV_MAPERR, ret_signo, ret_code);
	LOCK_SCOPE(&mm->lock);
	vma = mm_find(mm, addr);
	if (!vma || (vma->start > addr && !grow_down(mm, vma, addr)))
		return fault_signal(SIGSEGV, SEGV_MAPERR, ret_signo, ret_code);
	/* Writable and executable pages are readable on x86. */
	if (!(vma->flags & access) &&
		!(access == VMA_READ && (vma->flags & (VMA_WRITE | VMA_EXEC))))
		return fault_signal(SIGSEGV, SEGV_ACCERR, ret_signo, ret_code);
	if (vma->file)
		return fault_in_file(vma, addr, ret_signo, ret_code);
	return 0;
}
