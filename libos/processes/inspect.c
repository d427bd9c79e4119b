/* Looking into processes: kcmp(2), process_vm_readv(2). */
#include <asm/errno.h>
#include <linux/kcmp.h>

#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/files/file.h"
#include "libos/files/descriptors.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"
#include "platform/platform.h"

#define COPY_SIZE 4096

/* ---- kcmp --------------------------------------------------------------------------------------
 */

static struct file *file_of(struct process *process, uint64_t fd)
{
	return process->files && fd <= INT32_MAX ? fd_table_get(process->files, (int)fd) : NULL;
}

static long order(const void *a, const void *b)
{
	return a == b ? 0 : a < b ? 1 : 2;
}

static long compare(struct process *a, struct process *b, int type)
{
	switch (type) {
	case KCMP_VM:
		return order(a->mm, b->mm);
	case KCMP_FILES:
		return order(a->files, b->files);
	case KCMP_FS:
		return order(a->fs, b->fs);
	case KCMP_SIGHAND:
		return order(a->signals.actions, b->signals.actions);
	case KCMP_SYSVSEM:
		return order(a->semaphore_undos, b->semaphore_undos);
	case KCMP_IO: /* as of processes that never made one */
		return 0;
	default:
		return -EINVAL;
	}
}

/* Both may be looked at. process_table_lock held. */
static int find_both(struct thread *thread, const struct syscall_args *args, struct process **ret_a,
	struct process **ret_b)
{
	struct thread *a = thread_find((int32_t)args->a), *b = thread_find((int32_t)args->b);

	if (!a || !b)
		return -ESRCH;
	*ret_a = a->process;
	*ret_b = b->process;
	return process_may_inspect(thread, *ret_a) && process_may_inspect(thread, *ret_b) ? 0
											  : -EPERM;
}

/* Files may be let go only without the lock: they may have been closed meanwhile. */
static long compare_files(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file_a = NULL;
	CLEANUP(file_unrefp) struct file *file_b = NULL;
	struct process *a, *b;
	int r;

	lock_acquire(&process_table_lock);
	r = find_both(thread, args, &a, &b);
	if (!r) {
		file_a = file_of(a, args->d);
		file_b = file_of(b, args->e);
	}
	lock_release(&process_table_lock);
	if (r)
		return r;
	return file_a && file_b ? order(file_a, file_b) : -EBADF;
}

long sys_kcmp(struct thread *thread, const struct syscall_args *args)
{
	struct process *a, *b;
	int r;

	if ((int)args->c == KCMP_FILE)
		return compare_files(thread, args);
	LOCK_SCOPE(&process_table_lock);
	r = find_both(thread, args, &a, &b);
	return r ? r : compare(a, b, (int)args->c);
}

/* ---- process_vm_readv, process_vm_writev -------------------------------------------------------
 */

static long copy(struct io *to, struct io *from)
{
	CLEANUP(heap_freep) uint8_t *bytes = heap_alloc(COPY_SIZE);
	long done = 0, n, put;

	if (!bytes)
		return -ENOMEM;
	while (to->left && from->left) {
		n = io_take(from, bytes, MIN(MIN(to->left, from->left), (size_t)COPY_SIZE));
		put = n > 0 ? io_put(to, bytes, (size_t)n) : n;
		if (put <= 0)
			return done ? done : put;
		done += put;
		if (put < n)
			break;
	}
	return done;
}

/* Its memory may be looked at, and stays while process_table_lock is held: what lives cannot go. */
static int find_target(struct thread *thread, int32_t pid, struct thread **ret_target)
{
	struct thread *target = thread_find(pid);

	if (!target || target->process->state != PROCESS_ALIVE || !target->process->mm)
		return -ESRCH;
	*ret_target = target;
	return target->process->mm == thread->process->mm ||
			       process_may_inspect(thread, target->process)
		       ? 0
		       : -EPERM;
}

/* 1: the caller's own address space, which needs no help of the platform's. */
static int check_target(struct thread *thread, int32_t pid)
{
	struct thread *target;
	int r;

	LOCK_SCOPE(&process_table_lock);
	r = find_target(thread, pid, &target);
	return r ? r : target->process->mm == thread->process->mm;
}

/* Asked anew for each piece: it may have become another program, or another's. */
static long copy_piece(int32_t pid, void *bytes, uint64_t addr, size_t size, bool to_local)
{
	struct thread *target;
	int r;

	LOCK_SCOPE(&process_table_lock);
	r = find_target(thread_current(), pid, &target);
	if (r)
		return r;
	return to_local ? platform_space_read(target, bytes, addr, size)
			: platform_space_write(target, addr, bytes, size);
}

/* One vector of the other's, through a piece of the LibOS's own memory. */
static long copy_vector(int32_t pid, const struct io_vector *there, struct io *here, bool to_local)
{
	CLEANUP(heap_freep) uint8_t *bytes = heap_alloc(COPY_SIZE);
	uint64_t size = MIN(there->size, here->left), done = 0;
	long n = bytes ? 0 : -ENOMEM, put;

	while (n >= 0 && done < size) {
		size_t want = MIN(size - done, (uint64_t)COPY_SIZE);

		if (!to_local && (n = io_take(here, bytes, want)) <= 0)
			break;
		want = to_local ? want : (size_t)n;
		n = copy_piece(pid, bytes, there->base + done, want, to_local);
		if (n <= 0)
			break;
		put = to_local ? io_put(here, bytes, (size_t)n) : n;
		if (put > 0)
			done += (uint64_t)put;
		if (put < (long)want)
			n = put < 0 ? put : -EFAULT;
	}
	return done ? (long)done : n;
}

static long copy_other(
	int32_t pid, const struct io_vector *there, size_t count, struct io *here, bool to_local)
{
	long done = 0, n = 0;

	for (size_t i = 0; i < count && here->left; i++) {
		if (!there[i].size)
			continue;
		n = copy_vector(pid, &there[i], here, to_local);
		if (n > 0)
			done += n;
		if (n < 0 || ((uint64_t)n < there[i].size && here->left))
			break;
	}
	return done ? done : n;
}

static long transfer(struct thread *thread, const struct syscall_args *args, bool to_local)
{
	CLEANUP(heap_freep) struct io_vector *local = NULL;
	CLEANUP(heap_freep) struct io_vector *remote = NULL;
	struct io here, there;
	int r;

	if (args->f)
		return -EINVAL;
	r = io_vectors_read(args->b, args->c, &local);
	if (!r)
		r = io_vectors_read(args->d, args->e, &remote);
	if (r)
		return r;
	io_init_vectors(&here, local, args->c);
	io_init_vectors(&there, remote, args->e);
	if (!here.left || !there.left)
		return 0;
	r = check_target(thread, (int32_t)args->a);
	if (r < 0)
		return r;
	if (!r)
		return copy_other((int32_t)args->a, remote, args->e, &here, to_local);
	return to_local ? copy(&here, &there) : copy(&there, &here);
}

long sys_process_vm_readv(struct thread *thread, const struct syscall_args *args)
{
	return transfer(thread, args, true);
}

long sys_process_vm_writev(struct thread *thread, const struct syscall_args *args)
{
	return transfer(thread, args, false);
}
