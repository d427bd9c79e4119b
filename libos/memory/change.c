/* mprotect(2), mremap(2), madvise(2), brk(2). */
#include <asm/errno.h>
#include <linux/falloc.h>
#include <linux/mman.h>

#include "libos/files/file.h"
#include "libos/files/inode.h"
#include "libos/loader/text.h"
#include "libos/memory/mm.h"
#include "platform/platform.h"

/* Is all of [addr, addr + size) mapped? (lock held) */
static bool is_covered(struct mm *mm, uint64_t addr, uint64_t size)
{
	uint64_t at = addr;

	for (struct vma *vma = mm_find(mm, addr); vma && at < addr + size; vma = mm_next(mm, vma)) {
		if (vma->start > at)
			return false;
		at = vma->end;
	}
	return at >= addr + size;
}

bool mm_is_sealed(struct mm *mm, uint64_t addr, uint64_t size)
{
	for (struct vma *vma = mm_find(mm, addr); vma && vma->start < addr + size;
		vma = mm_next(mm, vma))
		if (vma->flags & VMA_SEALED)
			return true;
	return false;
}

int mm_seal(struct mm *mm, uint64_t addr, uint64_t size)
{
	int r;

	LOCK_SCOPE(&mm->lock);
	if (!is_covered(mm, addr, size))
		return -ENOMEM;
	r = mm_split_range(mm, addr, size);
	for (struct vma *vma = mm_find(mm, addr); !r && vma && vma->start < addr + size;
		vma = mm_next(mm, vma))
		vma->flags |= VMA_SEALED;
	return r;
}

static int protect_vma(struct mm *mm, struct vma *vma, uint32_t protection)
{
	int r;

	if ((protection & VMA_WRITE) && (vma->flags & VMA_SHARED) && !(vma->flags & VMA_MAYWRITE))
		return -EACCES;
	vma->flags = (vma->flags & ~(uint32_t)VMA_PROTECTION) | protection;
	r = vma->file ? mm_protect_loaded(vma)
		      : platform_protect(vma->start, vma->end - vma->start, protection);
	if (r)
		return r;
	if (vma->file && (protection & VMA_EXEC) && !vma->patched)
		text_patch(mm, vma);
	return 0;
}

int mm_protect(struct mm *mm, uint64_t addr, uint64_t size, uint32_t protection)
{
	bool covered;
	int r;

	if (!IS_ALIGNED(addr, PAGE_SIZE))
		return -EINVAL;
	if (!size)
		return 0;
	if (size > PLATFORM_USER_END || !platform_is_user(addr, ALIGN_UP(size, PAGE_SIZE)))
		return -ENOMEM;
	size = ALIGN_UP(size, PAGE_SIZE);
	LOCK_SCOPE(&mm->lock);
	if (mm_is_sealed(mm, addr, size))
		return -EPERM;
	covered = is_covered(mm, addr, size);
	r = mm_split_range(mm, addr, size);
	for (struct vma *vma = mm_find(mm, addr); !r && vma && vma->start < addr + size;
		vma = mm_next(mm, vma))
		r = protect_vma(mm, vma, protection);
	if (!r && !covered)
		r = -ENOMEM; /* as Linux: what was mapped has been changed */
	return r;
}

/* Move pages; the host may see several mappings where we see one, and moves only one at a time. */
static int move_pages(uint64_t addr, uint64_t size, uint64_t new_addr)
{
	int r = platform_move(addr, size, new_addr);
	uint64_t half = ALIGN_DOWN(size / 2, PAGE_SIZE);

	if (!r || size <= PAGE_SIZE)
		return r;
	r = move_pages(addr, half, new_addr);
	return r ? r : move_pages(addr + half, size - half, new_addr + half);
}

/* A mapping like @vma's [addr, addr + size), moved to @new_addr with its pages. */
static long move_vma(
	struct mm *mm, struct vma *vma, uint64_t size, uint64_t new_addr, bool keep_old)
{
	uint64_t addr = vma->start;
	struct vma *moved =
		mm_add(mm, new_addr, new_addr + size, vma->flags, vma->file, vma->offset);
	uint64_t pages = vma->file ? MIN(vma->mapped, size) : size;
	int r = 0;

	if (!moved)
		return -ENOMEM;
	moved->memory = vma->memory;
	if (pages)
		r = move_pages(addr, pages, new_addr);
	if (r) {
		mm_remove(mm, moved);
		return r;
	}
	moved->mapped = vma->file ? pages : 0;
	if (pages < size)
		r = platform_map_nothing(new_addr + pages, size - pages);
	if (!r && keep_old)
		return mm_populate(vma);
	return r ? r : mm_unmap_locked(mm, addr, size);
}

/* Make the vma that ends at @end longer by @more bytes; the room is free. */
static int extend(struct mm *mm, struct vma *vma, uint64_t more)
{
	uint64_t end = vma->end;
	int r;

	if (!mm_within_limits(mm, more, vma->flags))
		return -ENOMEM;
	if (vma->memory)
		return -EFAULT;
	if (!vma->file) {
		r = platform_map_anonymous(end, more, vma->flags & VMA_PROTECTION);
		if (r)
			return r;
	} else {
		r = platform_map_nothing(end, more);
		if (r)
			return r;
	}
	vma->end += more;
	mm->mapped_bytes += more;
	if (vma->flags & VMA_LOCKED)
		mm->locked_bytes += more;
	/* File pages beyond the old end come in by faults. */
	return 0;
}

static long remap_duplicate(
	struct mm *mm, struct vma *vma, uint64_t addr, uint64_t new_size, uint64_t new_addr)
{
	struct vma *copy;
	int r;

	if (!(vma->flags & VMA_SHARED))
		return -EINVAL;
	new_addr = new_addr ? new_addr : mm_find_room(mm, 0, new_size, 0);
	if (!new_addr)
		return -ENOMEM;
	copy = mm_add(mm, new_addr, new_addr + new_size, vma->flags, vma->file,
		vma->offset + (addr - vma->start));
	if (!copy)
		return -ENOMEM;
	r = mm_populate(copy);
	return r ? r : (long)new_addr;
}

static long remap_move(struct mm *mm, struct vma *vma, uint64_t old_size, uint64_t new_size,
	uint64_t new_addr, bool keep_old)
{
	struct vma *moved;
	long r;

	if (!new_addr)
		new_addr = mm_find_room(mm, 0, new_size, 0);
	if (!new_addr)
		return -ENOMEM;
	r = move_vma(mm, vma, MIN(old_size, new_size), new_addr, keep_old);
	if (r)
		return r;
	if (new_size > old_size) {
		moved = mm_find(mm, new_addr);
		r = extend(mm, moved, new_size - old_size);
	}
	return r ? r : (long)new_addr;
}

static int remap_check(
	uint64_t addr, uint64_t *old_size, uint64_t *new_size, uint32_t flags, uint64_t new_addr)
{
	const uint32_t known = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;

	if ((flags & ~known) ||
		((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && !(flags & MREMAP_MAYMOVE)))
		return -EINVAL;
	if (!IS_ALIGNED(addr, PAGE_SIZE) || !*new_size || *new_size > PLATFORM_USER_END ||
		*old_size > PLATFORM_USER_END)
		return -EINVAL;
	*old_size = ALIGN_UP(*old_size, PAGE_SIZE);
	*new_size = ALIGN_UP(*new_size, PAGE_SIZE);
	if ((flags & MREMAP_DONTUNMAP) && *old_size != *new_size)
		return -EINVAL;
	if (!(flags & MREMAP_FIXED))
		return 0;
	if (!IS_ALIGNED(new_addr, PAGE_SIZE) || !platform_is_user(new_addr, *new_size) ||
		(addr < new_addr + *new_size && new_addr < addr + *old_size))
		return -EINVAL;
	return 0;
}

long mm_remap(struct mm *mm, uint64_t addr, uint64_t old_size, uint64_t new_size, uint32_t flags,
	uint64_t new_addr)
{
	bool fixed = flags & MREMAP_FIXED, keep_old = flags & MREMAP_DONTUNMAP;
	struct vma *vma;
	int r = remap_check(addr, &old_size, &new_size, flags, new_addr);

	if (r)
		return r;
	LOCK_SCOPE(&mm->lock);
	if (mm_is_sealed(mm, addr, old_size ? old_size : PAGE_SIZE))
		return -EPERM;
	vma = mm_find(mm, addr);
	if (!vma || vma->start > addr || vma->end - addr < old_size)
		return -EFAULT;
	if (keep_old && (vma->file || (vma->flags & VMA_SHARED)))
		return -EINVAL;
	if (fixed) {
		r = mm_unmap_locked(mm, new_addr, new_size);
		if (r)
			return r;
	}
	if (!fixed)
		new_addr =
			keep_old && new_addr && mm_is_free(mm, new_addr, new_size) ? new_addr : 0;
	if (!old_size)
		return remap_duplicate(mm, vma, addr, new_size, new_addr);
	if (new_size <= old_size && !fixed && !keep_old) {
		r = new_size < old_size ? mm_unmap_locked(mm, addr + new_size, old_size - new_size)
					: 0;
		return r ? r : (long)addr;
	}
	if (!fixed && !keep_old && vma->end == addr + old_size &&
		mm_is_free(mm, vma->end, new_size - old_size)) {
		r = extend(mm, vma, new_size - old_size);
		return r ? r : (long)addr;
	}
	if (!(flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	if (new_size < old_size) {
		r = mm_unmap_locked(mm, addr + new_size, old_size - new_size);
		old_size = new_size;
	}
	if (!r)
		r = mm_split_range(mm, addr, old_size);
	return r ? r : remap_move(mm, mm_find(mm, addr), old_size, new_size, new_addr, keep_old);
}

int mm_make_present(struct vma *vma)
{
	uint64_t size = vma->file ? vma->mapped : vma->end - vma->start;
	bool write = (vma->flags & VMA_WRITE) && !(vma->flags & VMA_SHARED);
	int r = vma->file ? mm_load(vma) : 0;

	if (!r && size && (vma->flags & VMA_PROTECTION))
		platform_advise(vma->start, size, write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
	return r;
}

/* madvise(2): where a touch would be refused, EINVAL; where it would raise SIGBUS, EFAULT. */
static int populate_vma(struct vma *vma, int advice)
{
	uint32_t access = advice == MADV_POPULATE_WRITE ? VMA_WRITE : VMA_READ;

	if (!(vma->flags & access))
		return -EINVAL;
	if (vma->file && (mm_load(vma) || vma->mapped < vma->end - vma->start))
		return -EFAULT;
	platform_advise(vma->start, vma->end - vma->start, advice);
	return 0;
}

/* The part of [addr, end) that one vma maps, for MADV_REMOVE: *ret_file referenced. */
static int removable(struct mm *mm, uint64_t addr, uint64_t end, struct file **ret_file,
	uint64_t *ret_offset, uint64_t *ret_size)
{
	struct vma *vma;

	LOCK_SCOPE(&mm->lock);
	vma = mm_find(mm, addr);
	if (!vma || vma->start > addr)
		return -ENOMEM;
	if (!vma->file || (vma->flags & VMA_LOCKED))
		return -EINVAL;
	if (!(vma->flags & VMA_SHARED) || !(vma->flags & VMA_MAYWRITE))
		return -EACCES;
	if (!vma->file->inode->ops->allocate)
		return -EOPNOTSUPP;
	*ret_file = file_ref(vma->file);
	*ret_offset = vma->offset + (addr - vma->start);
	*ret_size = MIN(vma->end, end) - addr;
	return 0;
}

/* MADV_REMOVE: a hole in the file behind a shared mapping. Not under the lock: whoever writes to
 * the file holds the inode's when it touches a page that has to be loaded. */
static int remove_range(struct mm *mm, uint64_t addr, uint64_t end)
{
	uint64_t offset, size;
	int r = 0;

	for (; addr < end && !r; addr += size) {
		CLEANUP(file_unrefp) struct file *file = NULL;

		r = removable(mm, addr, end, &file, &offset, &size);
		if (!r)
			r = file->inode->ops->allocate(file->inode,
				FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size);
	}
	return r;
}

/* Advice that loses what sealed memory holds, though its owner may not write there. */
static bool is_against_seal(const struct vma *vma, int advice)
{
	if (!(vma->flags & VMA_SEALED) || vma->file || vma->flags & (VMA_SHARED | VMA_WRITE))
		return false;
	return advice == MADV_DONTNEED || advice == MADV_FREE || advice == MADV_DONTFORK ||
	       advice == MADV_WIPEONFORK;
}

static int advise_vma(struct vma *vma, int advice)
{
	uint64_t size = vma->file ? vma->mapped : vma->end - vma->start;

	if (is_against_seal(vma, advice))
		return -EPERM;
	switch (advice) {
	case MADV_DONTNEED:
		if (vma->flags & VMA_LOCKED)
			return -EINVAL;
		/* Shared pages are the file's: dropping them here would lose nothing. */
		return (vma->flags & VMA_SHARED) || !size ? 0 : platform_discard(vma->start, size);
	case MADV_FREE:
		if (vma->file || (vma->flags & VMA_SHARED))
			return -EINVAL;
		platform_advise(vma->start, size, advice);
		return 0;
	case MADV_DONTFORK:
		vma->flags |= VMA_DONTFORK;
		return 0;
	case MADV_DOFORK:
		vma->flags &= ~(uint32_t)VMA_DONTFORK;
		return 0;
	case MADV_WIPEONFORK:
		if (vma->file || (vma->flags & VMA_SHARED))
			return -EINVAL;
		vma->flags |= VMA_WIPEONFORK;
		return 0;
	case MADV_KEEPONFORK:
		vma->flags &= ~(uint32_t)VMA_WIPEONFORK;
		return 0;
	case MADV_DONTDUMP:
		vma->flags |= VMA_DONTDUMP;
		return 0;
	case MADV_DODUMP:
		vma->flags &= ~(uint32_t)VMA_DONTDUMP;
		return 0;
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		return populate_vma(vma, advice);
	default:
		if (size)
			platform_advise(vma->start, size, advice);
		return 0;
	}
}

static bool advice_is_known(int advice)
{
	switch (advice) {
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_DONTNEED:
	case MADV_FREE:
	case MADV_REMOVE:
	case MADV_DONTFORK:
	case MADV_DOFORK:
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
	case MADV_WIPEONFORK:
	case MADV_KEEPONFORK:
	case MADV_COLD:
	case MADV_PAGEOUT:
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		return true;
	default:
		return false;
	}
}

int mm_advise(struct mm *mm, uint64_t addr, uint64_t size, int advice)
{
	bool covered;
	int r;

	if (!advice_is_known(advice) || !IS_ALIGNED(addr, PAGE_SIZE) || size > PLATFORM_USER_END)
		return -EINVAL;
	size = ALIGN_UP(size, PAGE_SIZE);
	if (!size)
		return 0;
	if (!platform_is_user(addr, size))
		return -ENOMEM;
	if (advice == MADV_REMOVE)
		return remove_range(mm, addr, addr + size);
	LOCK_SCOPE(&mm->lock);
	covered = is_covered(mm, addr, size);
	r = mm_split_range(mm, addr, size);
	for (struct vma *vma = mm_find(mm, addr); !r && vma && vma->start < addr + size;
		vma = mm_next(mm, vma))
		r = advise_vma(vma, advice);
	return !r && !covered ? -ENOMEM : r;
}

uint64_t mm_set_brk(struct mm *mm, uint64_t brk)
{
	const uint32_t flags = VMA_READ | VMA_WRITE | VMA_MAYWRITE | VMA_HEAP;
	uint64_t old_end, new_end;
	struct vma *heap;

	LOCK_SCOPE(&mm->lock);
	old_end = ALIGN_UP(mm->brk, PAGE_SIZE);
	if (brk < mm->brk_start || brk > PLATFORM_USER_END)
		return mm->brk;
	new_end = ALIGN_UP(brk, PAGE_SIZE);
	if (new_end < old_end) {
		if (mm_unmap_locked(mm, new_end, old_end - new_end))
			return mm->brk;
	} else if (new_end > old_end) {
		if (!mm_is_free(mm, old_end, new_end - old_end) ||
			!mm_within_limits(mm, new_end - old_end, flags))
			return mm->brk;
		heap = old_end > mm->brk_start ? mm_find(mm, old_end - 1) : NULL;
		if (heap && heap->end == old_end && (heap->flags & VMA_HEAP)) {
			if (extend(mm, heap, new_end - old_end))
				return mm->brk;
		} else {
			heap = mm_add(mm, old_end, new_end, flags | mm->future_flags, NULL, 0);
			if (!heap || mm_populate(heap))
				return mm->brk;
		}
	}
	mm->brk = brk;
	return brk;
}
