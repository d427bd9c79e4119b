/* Memory calls that few programs make, about keys, other processes and the page cache: pkeys(7),
 * process_madvise(2), process_mrelease(2), remap_file_pages(2), cachestat(2), modify_ldt(2). */
#include <asm/errno.h>
#include <linux/mman.h>

#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/files/descriptors.h"
#include "libos/files/inode.h"
#include "libos/memory/mm.h"
#include "libos/processes/pidfd.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"
#include "platform/platform.h"

#define CAP_SYS_NICE 23
#define PKEY_RIGHTS 3U /* PKEY_DISABLE_ACCESS, PKEY_DISABLE_WRITE */

/* ---- Protection keys: as a processor without them has them ---- */

long sys_pkey_alloc(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return args->a || args->b & ~(uint64_t)PKEY_RIGHTS ? -EINVAL : -ENOSPC;
}

long sys_pkey_free(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	(void)args;
	return -EINVAL;
}

long sys_pkey_mprotect(struct thread *thread, const struct syscall_args *args)
{
	return (int32_t)args->d == -1 ? sys_mprotect(thread, args) : -EINVAL;
}

/* ---- process_madvise, process_mrelease ---- */

static int process_get(uint64_t pidfd, struct process **ret_process)
{
	CLEANUP(file_unrefp) struct file *file = fd_get((int)pidfd);

	if (!file)
		return -EBADF;
	*ret_process = pidfd_process(file);
	return *ret_process ? 0 : -EBADF;
}

static bool is_for_others(int advice)
{
	return advice == MADV_COLD || advice == MADV_PAGEOUT || advice == MADV_WILLNEED;
}

/* Each range as madvise(2); of other processes nothing but hints may be given, and taking none is
 * to obey them. */
static long advise_all(struct mm *own, const struct io_vector *ranges, uint64_t count, int advice)
{
	long done = 0;
	int r = 0;

	for (uint64_t i = 0; i < count && !r; i++) {
		if (own)
			r = mm_advise(own, ranges[i].base, ranges[i].size, advice);
		if (!r)
			done += (long)ranges[i].size;
	}
	return done ? done : r;
}

static int check_advice(struct thread *thread, struct process *target, int advice)
{
	LOCK_SCOPE(&process_table_lock);
	if (target->state != PROCESS_ALIVE || !target->mm)
		return -ESRCH;
	if (target->mm == thread->process->mm)
		return 0;
	if (!process_may_inspect(thread, target) ||
		!credentials_can(&thread->credentials, CAP_SYS_NICE))
		return -EPERM;
	return is_for_others(advice) ? 0 : -EINVAL;
}

long sys_process_madvise(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(heap_freep) struct io_vector *ranges = NULL;
	struct process *target;
	int advice = (int)args->d;
	bool is_own;
	long r;

	if (args->e)
		return -EINVAL;
	r = io_vectors_read(args->b, args->c, &ranges);
	r = r ? r : process_get(args->a, &target);
	if (r)
		return r;
	r = check_advice(thread, target, advice);
	is_own = target == thread->process;
	process_unref(target);
	return r ? r : advise_all(is_own ? thread->process->mm : NULL, ranges, args->c, advice);
}

/* The memory of a process that is being killed goes by itself, and soon. */
long sys_process_mrelease(struct thread *thread, const struct syscall_args *args)
{
	struct process *target;
	int r;

	(void)thread;
	if (args->b)
		return -EINVAL;
	r = process_get(args->a, &target);
	if (r)
		return r;
	lock_acquire(&process_table_lock);
	if (target->state != PROCESS_ALIVE || !target->mm)
		r = -ESRCH;
	else if (!target->signals.group_exiting)
		r = -EINVAL;
	lock_release(&process_table_lock);
	process_unref(target);
	return r;
}

/* ---- remap_file_pages ---- */

/* As Linux since 4.0: a mapping of its own for each piece. */
long sys_remap_file_pages(struct thread *thread, const struct syscall_args *args)
{
	uint64_t start = ALIGN_DOWN(args->a, PAGE_SIZE), size = ALIGN_DOWN(args->b, PAGE_SIZE);
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct mm *mm = thread->process->mm;
	uint32_t flags = 0;
	struct vma *vma;
	long r;

	if (args->c || !size || !platform_is_user(start, size) ||
		args->d > (INT64_MAX - size) / PAGE_SIZE)
		return -EINVAL;
	lock_acquire(&mm->lock);
	vma = mm_find(mm, start);
	if (vma && vma->start <= start && vma->end >= start + size && vma->flags & VMA_SHARED &&
		vma->file) {
		file = file_ref(vma->file);
		flags = vma->flags;
	}
	lock_release(&mm->lock);
	if (!file)
		return -EINVAL;
	r = mm_map(mm, start, size, flags, true, file, args->d * PAGE_SIZE);
	return MIN(r, 0);
}

/* ---- cachestat ---- */

struct cachestat_range {
	uint64_t offset, size; /* size 0: to the end */
};
struct cachestat {
	uint64_t cached, dirty, writeback, evicted, recently_evicted; /* pages */
};

long sys_cachestat(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = fd_get((int)args->a);
	struct cachestat_range range;
	struct cachestat answer = {0};
	struct file_status status;
	uint64_t first, end;

	(void)thread;
	if (!file)
		return -EBADF;
	if (USER_GET(&range, args->b))
		return -EFAULT;
	if (args->d)
		return -EINVAL;
	/* All that a file has is in memory. */
	file_status(file, &status);
	first = range.offset / PAGE_SIZE;
	end = (status.size + PAGE_SIZE - 1) / PAGE_SIZE;
	if (range.size && range.size < UINT64_MAX - range.offset - PAGE_SIZE)
		end = MIN(end, (range.offset + range.size + PAGE_SIZE - 1) / PAGE_SIZE);
	if (first < end && inode_is(file->inode, S_IFREG))
		answer.cached = MIN(end - first, status.blocks * 512 / PAGE_SIZE);
	return USER_PUT(args->c, answer);
}

/* ---- modify_ldt ---- */

/* The table is empty and stays so: 32-bit programs alone need one. */
static int table_call(const struct syscall_args *args)
{
	uint64_t size = MIN(args->c, 128UL);

	switch (args->a) {
	case 0:
		return 0;
	case 2:
		return user_zero(args->b, size) ? -EFAULT : (int)size;
	case 1:
	case 0x11:
		return args->c == 16 ? -EPERM : -EINVAL;
	default:
		return -ENOSYS;
	}
}

/* The result is cut to 32 bits, as Linux does it. */
long sys_modify_ldt(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return (uint32_t)table_call(args);
}
