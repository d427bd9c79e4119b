/* unshare(2) and setns(2). There is one namespace of each kind: nobody gets another, and whoever
 * may join one is in it already. */
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/sched.h>

#include "libos/files/descriptors.h"
#include "libos/files/fs_context.h"
#include "libos/files/proc_namespaces.h"
#include "libos/ipc/semaphore.h"
#include "libos/processes/pidfd.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"

#define NAMESPACES                                                                                 \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
		CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME)
#define OWN (CLONE_FILES | CLONE_FS | CLONE_SYSVSEM)
#define OF_THREADS (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)

static bool has_threads(struct process *process)
{
	LOCK_SCOPE(&process_table_lock);
	return process->threads.next->next != &process->threads;
}

static int fs_unshare(struct process *process)
{
	struct fs_context *old = process->fs, *copy;

	if (__atomic_load_n(&old->reference_count, __ATOMIC_ACQUIRE) == 1)
		return 0;
	copy = fs_context_copy(old);
	if (!copy)
		return -ENOMEM;
	lock_acquire(&process_table_lock); /* /proc may be looking */
	process->fs = copy;
	lock_release(&process_table_lock);
	fs_context_unref(old);
	return 0;
}

/* What a process has, all its threads have here: one of several cannot have its own. */
long sys_unshare(struct thread *thread, const struct syscall_args *args)
{
	struct process *process = thread->process;
	uint64_t flags = args->a;
	int r = 0;

	if (flags & ~(uint64_t)(NAMESPACES | OWN | OF_THREADS))
		return -EINVAL;
	if (flags & NAMESPACES)
		return -EPERM;
	if (flags && has_threads(process))
		return -EINVAL;
	if (flags & CLONE_FILES)
		r = fd_table_unshare();
	if (!r && flags & CLONE_FS)
		r = fs_unshare(process);
	if (!r && flags & CLONE_SYSVSEM)
		semaphore_undo_exit(process);
	return r;
}

long sys_setns(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = fd_get((int)args->a);
	uint32_t wanted = (uint32_t)args->b, kind;
	struct process *other;

	if (!file)
		return -EBADF;
	other = pidfd_process(file);
	kind = other ? wanted : namespace_kind(file);
	if (other)
		process_unref(other);
	if (!kind || kind & ~(uint32_t)NAMESPACES || (wanted && wanted != kind))
		return -EINVAL;
	/* Joining the user namespace one is in is an error: setns(2). */
	if (kind & CLONE_NEWUSER)
		return -EINVAL;
	return credentials_can(&thread->credentials, CAP_SYS_ADMIN) ? 0 : -EPERM;
}
