/* getrlimit(2), setrlimit(2), prlimit(2). */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/resource.h>

#include "libos/core/user.h"
#include "libos/memory/mm.h"
#include "libos/files/descriptors.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"
#include "libos/time/timers.h"

/* What the limit means elsewhere. */
static void apply(struct process *process, uint32_t resource)
{
	uint64_t soft = process->limits[resource].soft;

	if (resource == RLIMIT_CPU && !soft)
		process->limits[resource].soft = 1;
	if (resource == RLIMIT_CPU && process->thread_count)
		timers_watch_cpu(process);
	if (!process->mm)
		return;
	if (resource == RLIMIT_STACK)
		__atomic_store_n(&process->mm->stack_limit, soft, __ATOMIC_RELAXED);
	else if (resource == RLIMIT_AS)
		__atomic_store_n(&process->mm->address_space_limit, soft, __ATOMIC_RELAXED);
	else if (resource == RLIMIT_DATA)
		__atomic_store_n(&process->mm->data_limit, soft, __ATOMIC_RELAXED);
}

static int check_new(struct thread *thread, const struct rlimit_pair *old,
	const struct rlimit_pair *limit, uint32_t resource)
{
	if (limit->soft > limit->hard)
		return -EINVAL;
	if (resource == RLIMIT_NOFILE && limit->hard > (uint64_t)fd_count_limit)
		return -EPERM;
	if (limit->hard > old->hard && !credentials_can(&thread->credentials, CAP_SYS_RESOURCE))
		return -EPERM;
	return 0;
}

static bool may_limit(struct thread *thread, struct process *target)
{
	const struct credentials *own = &thread->credentials, *its = &target->leader->credentials;

	if (target == thread->process || credentials_can(own, CAP_SYS_RESOURCE))
		return true;
	return own->uid == its->euid && own->uid == its->suid && own->uid == its->uid &&
	       own->gid == its->egid && own->gid == its->sgid && own->gid == its->gid;
}

/* The limit of process @pid (0: the caller's) as it was, and then as @limit (NULL: unchanged). */
static int limit_change(struct thread *thread, int32_t pid, uint32_t resource,
	const struct rlimit_pair *limit, struct rlimit_pair *ret_old)
{
	struct process *process = thread->process;
	struct thread *target;
	int r;

	if (resource >= RLIMIT_COUNT)
		return -EINVAL;
	LOCK_SCOPE(&process_table_lock);
	if (pid) {
		target = thread_find(pid);
		if (!target)
			return -ESRCH;
		process = target->process;
		if (!may_limit(thread, process))
			return -EPERM;
	}
	*ret_old = process->limits[resource];
	if (!limit)
		return 0;
	r = check_new(thread, ret_old, limit, resource);
	if (r)
		return r;
	process->limits[resource] = *limit;
	apply(process, resource);
	return 0;
}

long sys_prlimit64(struct thread *thread, const struct syscall_args *args)
{
	struct rlimit_pair new_limit, old;
	int r;

	if (args->c && USER_GET(&new_limit, args->c))
		return -EFAULT;
	r = limit_change(
		thread, (int32_t)args->a, (uint32_t)args->b, args->c ? &new_limit : NULL, &old);
	if (r)
		return r;
	return args->d && USER_PUT(args->d, old) ? -EFAULT : 0;
}

long sys_getrlimit(struct thread *thread, const struct syscall_args *args)
{
	struct rlimit_pair old;
	int r = limit_change(thread, 0, (uint32_t)args->a, NULL, &old);

	return r ? r : USER_PUT(args->b, old);
}

long sys_setrlimit(struct thread *thread, const struct syscall_args *args)
{
	struct rlimit_pair new_limit, old;

	if (USER_GET(&new_limit, args->b))
		return -EFAULT;
	return limit_change(thread, 0, (uint32_t)args->a, &new_limit, &old);
}
