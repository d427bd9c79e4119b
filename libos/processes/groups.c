/* Process groups and sessions, and who is who: credentials(7) of the numbers. */
#include <asm/errno.h>

#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"
#include "libos/terminals/control.h"

long sys_getpid(struct thread *thread, const struct syscall_args *args)
{
	(void)args;
	return thread->process->pid;
}

long sys_gettid(struct thread *thread, const struct syscall_args *args)
{
	(void)args;
	return thread->tid;
}

long sys_getppid(struct thread *thread, const struct syscall_args *args)
{
	/* A parent that is reaped meanwhile stays in memory until its last reference is gone, and
	 * its children have been given to another before: no lock is needed to read a number. */
	struct process *parent = __atomic_load_n(&thread->process->parent, __ATOMIC_ACQUIRE);

	(void)args;
	return parent ? parent->pid : 0;
}

static long id_of(struct thread *thread, int32_t pid, bool session)
{
	struct process *process;
	struct thread *found;

	LOCK_SCOPE(&process_table_lock);
	found = pid ? thread_find(pid) : thread; /* a thread's number does, too */
	if (!found || pid < 0)
		return -ESRCH;
	process = found->process;
	return session ? process->sid : process->pgid;
}

long sys_getpgid(struct thread *thread, const struct syscall_args *args)
{
	return id_of(thread, (int32_t)args->a, false);
}

long sys_getpgrp(struct thread *thread, const struct syscall_args *args)
{
	(void)args;
	return thread->process->pgid;
}

long sys_getsid(struct thread *thread, const struct syscall_args *args)
{
	return id_of(thread, (int32_t)args->a, true);
}

static bool group_exists_in(int32_t pgid, int32_t sid)
{
	struct process *p;

	LIST_FOR_EACH (p, &process_table, link)
		if (p->pgid == pgid && p->sid == sid)
			return true;
	return false;
}

long sys_setpgid(struct thread *thread, const struct syscall_args *args)
{
	int32_t pid = (int32_t)args->a, pgid = (int32_t)args->b;
	struct process *self = thread->process, *target;

	pgid = pgid ? pgid : pid;
	if (pgid < 0)
		return -EINVAL;
	LOCK_SCOPE(&process_table_lock);
	target = pid ? process_find(pid) : self;
	if (!target || (target != self && target->parent != self))
		return -ESRCH;
	if (target != self && target->sid != self->sid)
		return -EPERM;
	if (target != self && target->did_exec)
		return -EACCES;
	if (target->sid == target->pid)
		return -EPERM;
	pgid = pgid ? pgid : target->pid;
	if (pgid != target->pid && !group_exists_in(pgid, self->sid))
		return -EPERM;
	process_set_groups(target, pgid, target->sid);
	return 0;
}

long sys_setsid(struct thread *thread, const struct syscall_args *args)
{
	struct process *self = thread->process, *p;

	(void)args;
	LOCK_SCOPE(&process_table_lock);
	LIST_FOR_EACH (p, &process_table, link)
		if (p->pgid == self->pid)
			return -EPERM;
	process_set_groups(self, self->pid, self->pid);
	control_leave(self);
	return self->pid;
}

long sys_set_tid_address(struct thread *thread, const struct syscall_args *args)
{
	thread->clear_child_tid = args->a;
	return thread->tid;
}
