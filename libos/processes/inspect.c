/* Looking into processes: kcmp(2), process_vm_readv(2). */
#include <asm/errno.h>
#include <linux/kcmp.h>

#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/files/file.h"
#include "libos/files/descriptors.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"

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

/* Only the caller's own memory can be reached: other processes' is in other address spaces. */
static int check_target(struct thread *thread, int32_t pid)
{
	struct thread *target;

	LOCK_SCOPE(&process_table_lock);
	target = thread_find(pid);
	if (!target || target->process->state != PROCESS_ALIVE)
		return -ESRCH;
	return target->process->mm == thread->process->mm ? 0 : -EPERM;
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
	if (r)
		return r;
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
