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

static long compare_files(struct process *a, uint64_t fd_a, struct process *b, uint64_t fd_b)
{
	CLEANUP(file_unrefp) struct file *file_a = file_of(a, fd_a);
	CLEANUP(file_unrefp) struct file *file_b = file_of(b, fd_b);

	return file_a && file_b ? order(file_a, file_b) : -EBADF;
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

long sys_kcmp(struct thread *thread, const struct syscall_args *args)
{
	struct thread *a, *b;
	int type = (int)args->c;

	LOCK_SCOPE(&process_table_lock);
	a = thread_find((int32_t)args->a);
	b = thread_find((int32_t)args->b);
	if (!a || !b)
		return -ESRCH;
	if (!process_may_inspect(thread, a->process) || !process_may_inspect(thread, b->process))
		return -EPERM;
	if (type == KCMP_FILE)
		return compare_files(a->process, args->d, b->process, args->e);
	return compare(a->process, b->process, type);
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

/* 1: the caller's own address space, which needs no help of the platform's. */
static int check_target(struct thread *thread, int32_t pid)
{
	struct thread *target;

	LOCK_SCOPE(&process_table_lock);
	target = thread_find(pid);
	if (!target || target->process->state != PROCESS_ALIVE || !target->process->mm)
		return -ESRCH;
	if (target->process->mm == thread->process->mm)
		return 1;
	return process_may_inspect(thread, target->process) ? 0 : -EPERM;
}

/* The address space stays while it is looked at: what lives cannot go with the table locked. */
static long copy_piece(int32_t pid, uint64_t process_start_ns, void *bytes, uint64_t addr,
	size_t size, bool to_local)
{
	struct thread *target;

	LOCK_SCOPE(&process_table_lock);
	target = thread_find(pid);
	if (!target || target->process->state != PROCESS_ALIVE || !target->process->mm ||
		target->process->start_ns != process_start_ns)
		return -ESRCH;
	return to_local ? platform_space_read(target, bytes, addr, size)
			: platform_space_write(target, addr, bytes, size);
}

static uint64_t start_of(int32_t pid)
{
	struct thread *target;

	LOCK_SCOPE(&process_table_lock);
	target = thread_find(pid);
	return target ? target->process->start_ns : 0;
}

/* One vector of the other's, through a piece of the LibOS's own memory. */
static long copy_vector(int32_t pid, uint64_t start_ns, const struct io_vector *there,
	struct io *here, bool to_local)
{
	CLEANUP(heap_freep) uint8_t *bytes = heap_alloc(COPY_SIZE);
	uint64_t size = MIN(there->size, here->left), done = 0;
	long n = bytes ? 0 : -ENOMEM, put;

	while (n >= 0 && done < size) {
		size_t want = MIN(size - done, (uint64_t)COPY_SIZE);

		if (!to_local && (n = io_take(here, bytes, want)) <= 0)
			break;
		want = to_local ? want : (size_t)n;
		n = copy_piece(pid, start_ns, bytes, there->base + done, want, to_local);
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
	uint64_t start_ns = start_of(pid);
	long done = 0, n = 0;

	for (size_t i = 0; i < count && here->left; i++) {
		if (!there[i].size)
			continue;
		n = copy_vector(pid, start_ns, &there[i], here, to_local);
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
