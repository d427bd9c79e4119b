/* The memory system calls. */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>

#include "base/checked.h"
#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/files/file.h"
#include "libos/files/marks.h"
#include "libos/files/open.h"
#include "libos/memory/mm.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"
#include "platform/platform.h"

#define RLIMIT_MEMLOCK 8
#define RESIDENT_CHUNK 4096 /* pages asked for at a time */

static uint32_t vma_flags_of(uint32_t prot, uint32_t flags)
{
	return (prot & VMA_PROTECTION) | (flags & MAP_GROWSDOWN ? VMA_GROWSDOWN : 0) |
	       (flags & MAP_NORESERVE ? VMA_NORESERVE : 0) | (flags & MAP_LOCKED ? VMA_LOCKED : 0);
}

static long check_file(struct file *file, uint32_t prot, uint32_t type, uint32_t *vma_flags)
{
	uint32_t mode = file->flags & O_ACCMODE;

	if ((file->flags & O_PATH) || mode == O_WRONLY)
		return file->flags & O_PATH ? -EBADF : -EACCES;
	if (type == MAP_PRIVATE) {
		*vma_flags |= VMA_MAYWRITE;
		return 0;
	}
	*vma_flags |= VMA_SHARED;
	if (mode == O_RDWR)
		*vma_flags |= VMA_MAYWRITE;
	else if (prot & PROT_WRITE)
		return -EACCES;
	if (mode == O_RDWR && inode_is_append_only(file->inode))
		return -EACCES;
	return 0;
}

/* Anonymous memory: a shared mapping has a nameless file behind it. */
static long anonymous_object(
	uint64_t size, uint32_t type, uint32_t *vma_flags, struct file **ret_file)
{
	*vma_flags |= VMA_MAYWRITE;
	*ret_file = NULL;
	if (type != MAP_SHARED)
		return 0;
	*vma_flags |= VMA_SHARED;
	return file_shared_memory(size, ret_file);
}

/* /dev/zero is anonymous memory that may be written only if the device is open for that. */
static long zero_object(uint64_t size, uint32_t type, uint32_t *vma_flags, struct file **ret_file)
{
	uint32_t may_write = *vma_flags & VMA_MAYWRITE;
	long r = anonymous_object(size, type, vma_flags, ret_file);

	*vma_flags = (*vma_flags & ~(uint32_t)VMA_MAYWRITE) | may_write;
	return r;
}

/* What is to be mapped: *ret_file referenced, or NULL. */
static long find_object(
	const struct syscall_args *args, uint32_t type, uint32_t *vma_flags, struct file **ret_file)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	long r;

	if (args->d & MAP_ANONYMOUS)
		return anonymous_object(args->b, type, vma_flags, ret_file);
	file = fd_get((int)args->e);
	if (!file)
		return -EBADF;
	r = check_file(file, (uint32_t)args->c, type, vma_flags);
	if (r)
		return r;
	if (device_is_zero(file)) /* mem(4) */
		return zero_object(args->b, type, vma_flags, ret_file);
	*ret_file = TAKE(file);
	return 0;
}

static long check_place(struct mm *mm, uint64_t addr, uint64_t size, uint32_t flags)
{
	bool is_free;

	if (!(flags & MAP_FIXED_NOREPLACE) || (flags & MAP_FIXED))
		return 0;
	if (!IS_ALIGNED(addr, PAGE_SIZE))
		return -EINVAL;
	lock_acquire(&mm->lock);
	is_free = mm_is_free(mm, addr, ALIGN_UP(size, PAGE_SIZE));
	lock_release(&mm->lock);
	return is_free ? 0 : -EEXIST;
}

/* MAP_SHARED_VALIDATE is MAP_SHARED that refuses flags it does not know. */
static long check_flags(uint32_t flags, uint32_t *type)
{
	const uint32_t known = MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN |
			       MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE |
			       MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB |
			       MAP_FIXED_NOREPLACE | (0x3fU << MAP_HUGE_SHIFT);

	*type = flags & MAP_TYPE;
	if (*type == MAP_SHARED_VALIDATE) {
		*type = MAP_SHARED;
		return flags & ~known ? -EOPNOTSUPP : 0;
	}
	return *type == MAP_SHARED || *type == MAP_PRIVATE ? 0 : -EINVAL;
}

/* MAP_32BIT: the first 2 GiB. Another thread may take the place meanwhile: then look again. */
static long map_low(struct mm *mm, uint64_t wish, uint64_t size, uint32_t vma_flags,
	struct file *file, uint64_t offset)
{
	uint64_t hint;
	long at;

	do {
		lock_acquire(&mm->lock);
		hint = mm_find_low_room(mm, ALIGN_UP(wish, PAGE_SIZE), ALIGN_UP(size, PAGE_SIZE));
		lock_release(&mm->lock);
		if (!hint)
			return -ENOMEM;
		at = mm_map(mm, hint, size, vma_flags, false, file, offset);
		if (at < 0 || (uint64_t)at == hint)
			return at;
	} while (!mm_unmap(mm, (uint64_t)at, size));
	return -ENOMEM;
}

/* MAP_POPULATE: as much as can be had. */
static long populate(struct mm *mm, long at, uint64_t size, uint32_t vma_flags)
{
	bool write = (vma_flags & VMA_WRITE) && !(vma_flags & VMA_SHARED);

	if (at >= 0)
		(void)!mm_advise(
			mm, (uint64_t)at, size, write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
	return at;
}

static bool is_descriptor(uint64_t fd)
{
	CLEANUP(file_unrefp) struct file *file = fd_get((int)fd);

	return file;
}

long sys_mmap(struct thread *thread, const struct syscall_args *args)
{
	uint32_t flags = (uint32_t)args->d, type,
		 vma_flags = vma_flags_of((uint32_t)args->c, flags);
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct mm *mm = thread->process->mm;
	uint64_t offset = args->f;
	long r = check_flags(flags, &type);

	if (r)
		return r;
	if (!IS_ALIGNED(offset, PAGE_SIZE))
		return -EINVAL;
	if (!args->b) /* a bad descriptor is found first */
		return flags & MAP_ANONYMOUS || is_descriptor(args->e) ? -EINVAL : -EBADF;
	if (args->b > PLATFORM_USER_END)
		return -ENOMEM;
	if (offset > INT64_MAX - args->b)
		return -EOVERFLOW;
	r = find_object(args, type, &vma_flags, &file);
	if (!r)
		r = check_place(mm, args->a, args->b, flags);
	if (r)
		return r;
	if ((flags & MAP_ANONYMOUS) || !file)
		offset = 0;
	if ((flags & MAP_32BIT) && !(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)))
		r = map_low(mm, args->a, args->b, vma_flags, file, offset);
	else
		r = mm_map(mm, args->a, args->b, vma_flags,
			flags & (MAP_FIXED | MAP_FIXED_NOREPLACE), file, offset);
	return flags & MAP_POPULATE && !(flags & MAP_NONBLOCK) ? populate(mm, r, args->b, vma_flags)
							       : r;
}

long sys_munmap(struct thread *thread, const struct syscall_args *args)
{
	return mm_unmap(thread->process->mm, args->a, args->b);
}

long sys_mseal(struct thread *thread, const struct syscall_args *args)
{
	uint64_t size = ALIGN_UP(args->b, PAGE_SIZE);

	if (args->c || !IS_ALIGNED(args->a, PAGE_SIZE) || size < args->b ||
		args->a + size < args->a)
		return -EINVAL;
	if (!size)
		return 0;
	return platform_is_user(args->a, size) ? mm_seal(thread->process->mm, args->a, size)
					       : -ENOMEM;
}

/* PROT_GROWSDOWN: the change reaches down to the start of the stack that @addr lies in. */
static long whole_stack(struct mm *mm, uint64_t *addr, uint64_t *size)
{
	struct vma *vma;

	LOCK_SCOPE(&mm->lock);
	vma = mm_find(mm, *addr);
	if (!vma || vma->start > *addr)
		return -ENOMEM;
	if (!(vma->flags & VMA_GROWSDOWN))
		return -EINVAL;
	*size += *addr - vma->start;
	*addr = vma->start;
	return 0;
}

long sys_mprotect(struct thread *thread, const struct syscall_args *args)
{
	const uint64_t grows = PROT_GROWSDOWN | PROT_GROWSUP;
	uint64_t addr = args->a, size = args->b, prot = args->c;
	struct mm *mm = thread->process->mm;
	long r;

	if ((prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | grows)) || (prot & grows) == grows)
		return -EINVAL;
	if (prot & PROT_GROWSUP)
		return -EINVAL; /* nothing grows up on x86 */
	if ((prot & PROT_GROWSDOWN) && size) {
		r = whole_stack(mm, &addr, &size);
		if (r)
			return r;
	}
	return mm_protect(mm, addr, size, (uint32_t)prot & VMA_PROTECTION);
}

long sys_mremap(struct thread *thread, const struct syscall_args *args)
{
	return mm_remap(thread->process->mm, args->a, args->b, args->c, (uint32_t)args->d, args->e);
}

long sys_madvise(struct thread *thread, const struct syscall_args *args)
{
	return mm_advise(thread->process->mm, args->a, args->b, (int)args->c);
}

long sys_brk(struct thread *thread, const struct syscall_args *args)
{
	return (long)mm_set_brk(thread->process->mm, args->a);
}

/* All of [addr, addr + size) mapped: apply @set and @clear to its flags. */
static int change_flags(
	struct mm *mm, uint64_t addr, uint64_t size, uint32_t set, uint32_t clear, uint64_t limit)
{
	uint64_t at = addr;
	struct vma *vma;
	int r;

	LOCK_SCOPE(&mm->lock);
	r = mm_split_range(mm, addr, size);
	if (r)
		return r;
	if (set && mm->locked_bytes + size > limit)
		return -ENOMEM;
	for (vma = mm_find(mm, addr); vma && vma->start <= at && at < addr + size;) {
		if (set && !(vma->flags & VMA_LOCKED))
			mm->locked_bytes += vma->end - vma->start;
		if (clear && (vma->flags & VMA_LOCKED))
			mm->locked_bytes -= vma->end - vma->start;
		vma->flags = (vma->flags | set) & ~clear;
		if (set && mm_make_present(vma))
			return -ENOMEM;
		at = vma->end;
		vma = vma->link.next == &mm->vmas ? NULL
						  : LIST_ENTRY(vma->link.next, struct vma, link);
	}
	return at >= addr + size ? 0 : -ENOMEM;
}

static uint64_t lock_limit(struct thread *thread)
{
	if (credentials_can(&thread->credentials, 14 /* CAP_IPC_LOCK */))
		return UINT64_MAX;
	return thread->process->limits[RLIMIT_MEMLOCK].soft;
}

static long lock_range(struct thread *thread, uint64_t addr, uint64_t size, bool lock)
{
	uint64_t start = ALIGN_DOWN(addr, PAGE_SIZE), end;

	if (CHECKED_ADD(addr, size, &end) || end > PLATFORM_USER_END)
		return -EINVAL;
	end = ALIGN_UP(end, PAGE_SIZE);
	if (start == end)
		return 0;
	if (lock && !lock_limit(thread))
		return -EPERM;
	if (!platform_is_user(start, end - start))
		return -ENOMEM;
	return change_flags(thread->process->mm, start, end - start, lock ? VMA_LOCKED : 0,
		lock ? 0 : VMA_LOCKED, lock_limit(thread));
}

long sys_mlock(struct thread *thread, const struct syscall_args *args)
{
	return lock_range(thread, args->a, args->b, true);
}

long sys_mlock2(struct thread *thread, const struct syscall_args *args)
{
	return args->c & ~1UL ? -EINVAL : lock_range(thread, args->a, args->b, true);
}

long sys_munlock(struct thread *thread, const struct syscall_args *args)
{
	return lock_range(thread, args->a, args->b, false);
}

static void lock_all(struct mm *mm, bool lock)
{
	struct vma *vma;

	LIST_FOR_EACH (vma, &mm->vmas, link) {
		vma->flags = lock ? vma->flags | VMA_LOCKED : vma->flags & ~(uint32_t)VMA_LOCKED;
		if (lock)
			(void)!mm_make_present(vma);
	}
	mm->locked_bytes = lock ? mm->mapped_bytes : 0;
}

long sys_mlockall(struct thread *thread, const struct syscall_args *args)
{
	struct mm *mm = thread->process->mm;
	uint64_t flags = args->a;

	if (!flags || (flags & ~(uint64_t)(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) ||
		flags == MCL_ONFAULT)
		return -EINVAL;
	if (!lock_limit(thread))
		return -EPERM;
	LOCK_SCOPE(&mm->lock);
	if ((flags & MCL_CURRENT) && mm->mapped_bytes > lock_limit(thread))
		return -ENOMEM;
	mm->future_flags = flags & MCL_FUTURE ? VMA_LOCKED : 0;
	if (flags & MCL_CURRENT)
		lock_all(mm, true);
	return 0;
}

long sys_munlockall(struct thread *thread, const struct syscall_args *args)
{
	struct mm *mm = thread->process->mm;

	(void)args;
	LOCK_SCOPE(&mm->lock);
	mm->future_flags = 0;
	lock_all(mm, false);
	return 0;
}

long sys_mincore(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(heap_freep) uint8_t *vector = NULL;
	uint64_t addr = args->a, pages = (args->b + PAGE_SIZE - 1) / PAGE_SIZE, to = args->c;
	int r;

	(void)thread;
	if (!IS_ALIGNED(addr, PAGE_SIZE))
		return -EINVAL;
	if (args->b > PLATFORM_USER_END || !platform_is_user(addr, pages * PAGE_SIZE))
		return -ENOMEM;
	vector = heap_alloc(RESIDENT_CHUNK);
	if (!vector)
		return -EAGAIN;
	while (pages) {
		uint64_t n = MIN(pages, (uint64_t)RESIDENT_CHUNK);

		r = platform_resident(addr, n * PAGE_SIZE, vector);
		if (r)
			return r;
		if (user_write(to, vector, n))
			return -EFAULT;
		addr += n * PAGE_SIZE;
		to += n;
		pages -= n;
	}
	return 0;
}

long sys_msync(struct thread *thread, const struct syscall_args *args)
{
	struct mm *mm = thread->process->mm;
	uint64_t addr = args->a, end, at = args->a, flags = args->c;
	struct vma *vma;

	if (!IS_ALIGNED(addr, PAGE_SIZE) ||
		(flags & ~(uint64_t)(MS_ASYNC | MS_SYNC | MS_INVALIDATE)) ||
		((flags & MS_ASYNC) && (flags & MS_SYNC)))
		return -EINVAL;
	if (CHECKED_ADD(addr, ALIGN_UP(args->b, PAGE_SIZE), &end))
		return -ENOMEM;
	/* Shared pages are the file's pages: there is nothing to write back. */
	LOCK_SCOPE(&mm->lock);
	for (vma = mm_find(mm, addr); vma && vma->start <= at && at < end;) {
		if ((flags & MS_INVALIDATE) && (vma->flags & VMA_LOCKED))
			return -EBUSY;
		at = vma->end;
		vma = vma->link.next == &mm->vmas ? NULL
						  : LIST_ENTRY(vma->link.next, struct vma, link);
	}
	return at >= end ? 0 : -ENOMEM;
}
