/* prctl(2): what a process and a thread can say about themselves. The capability operations are in
 * capabilities.c. */
#include <asm/errno.h>
#include <asm/prctl.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/securebits.h>

#include "base/memory.h"
#include "libos/core/user.h"
#include "libos/processes/capabilities.h"
#include "libos/processes/process.h"
#include "libos/processes/seccomp.h"
#include "libos/syscalls/syscall.h"
#include "platform/platform.h"

static bool has_more(const struct syscall_args *args)
{
	return args->c || args->d || args->e;
}

static long put_int(uint64_t address, int value)
{
	return USER_PUT(address, value);
}

static long set_name(struct thread *thread, uint64_t address)
{
	char name[sizeof(thread->name)] = "";
	long r = user_read_string(name, address, sizeof(name) - 1);

	if (r < 0 && r != -ENAMETOOLONG)
		return r;
	name[r < 0 ? sizeof(name) - 1 : (size_t)r] = '\0';
	memset(thread->name, 0, sizeof(thread->name));
	string_copy(thread->name, name, sizeof(thread->name));
	return 0;
}

static long set_timer_slack(struct thread *thread, uint64_t ns)
{
	thread->timer_slack_ns = (int64_t)ns <= 0 ? thread->timer_slack_default_ns : ns;
	platform_timer_slack(thread->timer_slack_ns);
	return 0;
}

static long set_death_signal(struct process *process, uint64_t signo)
{
	if (signo > SIGNAL_COUNT)
		return -EINVAL;
	process->parent_death_signal = (int32_t)signo;
	return 0;
}

static long set_dumpable(struct process *process, uint64_t value)
{
	if (value > 1)
		return -EINVAL;
	process->dumpable = value;
	return 0;
}

static long process_option(struct thread *thread, const struct syscall_args *args)
{
	struct process *process = thread->process;

	switch ((int)args->a) {
	case PR_SET_PDEATHSIG:
		return set_death_signal(process, args->b);
	case PR_GET_PDEATHSIG:
		return put_int(args->b, process->parent_death_signal);
	case PR_GET_DUMPABLE:
		return process->dumpable;
	case PR_SET_DUMPABLE:
		return set_dumpable(process, args->b);
	case PR_SET_CHILD_SUBREAPER:
		process->is_subreaper = args->b;
		return 0;
	case PR_GET_CHILD_SUBREAPER:
		return put_int(args->b, process->is_subreaper);
	case PR_SET_THP_DISABLE:
		if (has_more(args))
			return -EINVAL;
		process->no_huge_pages = args->b;
		return 0;
	case PR_GET_THP_DISABLE:
		return args->b || has_more(args) ? -EINVAL : process->no_huge_pages;
	case PR_SET_MM: /* the memory map is the LibOS's to describe */
		return credentials_can(&thread->credentials, CAP_SYS_RESOURCE) ? -EINVAL : -EPERM;
	default:
		return capability_option(thread, args);
	}
}

long sys_prctl(struct thread *thread, const struct syscall_args *args)
{
	switch ((int)args->a) {
	case PR_SET_NAME:
		return set_name(thread, args->b);
	case PR_GET_NAME:
		return user_write(args->b, thread->name, sizeof(thread->name));
	case PR_SET_TIMERSLACK:
		return set_timer_slack(thread, args->b);
	case PR_GET_TIMERSLACK:
		return (long)thread->timer_slack_ns;
	case PR_GET_TIMING:
		return PR_TIMING_STATISTICAL;
	case PR_SET_TIMING:
		return args->b == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
	case PR_GET_TSC:
		return put_int(args->b, PR_TSC_ENABLE);
	case PR_SET_TSC: /* the vDSO needs it */
		return args->b == PR_TSC_ENABLE ? 0 : -EINVAL;
	case PR_GET_TID_ADDRESS:
		return USER_PUT(args->b, thread->clear_child_tid);
	case PR_GET_SECCOMP:
		return thread->seccomp_mode;
	case PR_SET_SECCOMP:
		return seccomp_set_mode(thread, args->b, args->c);
	case PR_TASK_PERF_EVENTS_DISABLE: /* there are none */
	case PR_TASK_PERF_EVENTS_ENABLE:
		return 0;
	default:
		return process_option(thread, args);
	}
}

long sys_arch_prctl(struct thread *thread, const struct syscall_args *args)
{
	uint64_t base;

	(void)thread;
	switch ((int)args->a) {
	case ARCH_SET_FS:
		if (args->b >= PLATFORM_USER_END)
			return -EPERM;
		platform_fs_base_set(args->b);
		return 0;
	case ARCH_GET_FS:
		base = platform_fs_base();
		return USER_PUT(args->b, base);
	case ARCH_GET_GS:
		base = 0;
		return USER_PUT(args->b, base);
	case ARCH_SET_GS:
		return -EPERM;
	case ARCH_GET_CPUID:
		return 1;
	case ARCH_SET_CPUID:
		return -ENODEV;
	default:
		return -EINVAL;
	}
}
