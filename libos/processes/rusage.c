#include "libos/processes/rusage.h"

#include <asm/errno.h>
#include <linux/resource.h>

#include "libos/core/user.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"
#include "platform/platform.h"

#define NS_PER_S 1000000000UL

static void add_time(struct __kernel_old_timeval *tv, uint64_t ns)
{
	uint64_t total = (uint64_t)tv->tv_sec * NS_PER_S + (uint64_t)tv->tv_usec * 1000 + ns;

	tv->tv_sec = (long)(total / NS_PER_S);
	tv->tv_usec = (long)(total % NS_PER_S / 1000);
}

uint64_t thread_cpu_ns(struct thread *thread)
{
	return thread == thread_current() ? platform_thread_cpu_ns()
					  : platform_thread_cpu_ns_of(thread);
}

uint64_t process_cpu_ns(struct process *process)
{
	uint64_t dead = process->dead_ns, ns = dead;
	struct thread *thread;

	LIST_FOR_EACH (thread, &process->threads, in_process) {
		/* The host tells times of threads only to their own address space. The sum for
		 * another one includes its dead threads. */
		if (!platform_thread_is_near(thread))
			return MAX(dead, platform_space_cpu_ns_of(thread));
		ns += thread_cpu_ns(thread);
	}
	return ns;
}

void rusage_note_peak(struct process *process)
{
	uint64_t bytes, faults, system_ns;

	platform_space_peak(&bytes, &faults, &system_ns);
	process->system_ns = MAX(process->system_ns, system_ns);
	process->peak_bytes = MAX(process->peak_bytes, bytes);
	process->fault_count = MAX(process->fault_count, faults);
}

/* The host samples, and corrects itself: neither part goes back here. */
void rusage_split(
	struct process *process, uint64_t ns, uint64_t *ret_user_ns, uint64_t *ret_system_ns)
{
	process->user_ns = MAX(process->user_ns, ns - MIN(process->system_ns, ns));
	*ret_user_ns = MIN(process->user_ns, ns);
	*ret_system_ns = ns - *ret_user_ns;
}

void rusage_of_process(struct process *process, struct rusage *ret_rusage)
{
	uint64_t user_ns, system_ns;

	if (process == thread_current()->process)
		rusage_note_peak(process);
	*ret_rusage = (struct rusage){0};
	rusage_split(process, process_cpu_ns(process), &user_ns, &system_ns);
	add_time(&ret_rusage->ru_utime, user_ns);
	add_time(&ret_rusage->ru_stime, system_ns);
	ret_rusage->ru_maxrss = (long)(process->peak_bytes / 1024);
	ret_rusage->ru_minflt = (long)process->fault_count;
}

static void add_children(struct process *process, struct rusage *ret_rusage)
{
	add_time(&ret_rusage->ru_utime, process->children_user_ns);
	add_time(&ret_rusage->ru_stime, process->children_system_ns);
	ret_rusage->ru_maxrss =
		MAX(ret_rusage->ru_maxrss, (long)(process->children_peak_bytes / 1024));
	ret_rusage->ru_minflt += (long)process->children_fault_count;
}

void rusage_of_family(struct process *process, struct rusage *ret_rusage)
{
	rusage_of_process(process, ret_rusage);
	add_children(process, ret_rusage);
}

void rusage_add_child(struct process *process, struct process *child)
{
	uint64_t peak = MAX(child->peak_bytes, child->children_peak_bytes), user_ns, system_ns;

	rusage_split(child, child->dead_ns, &user_ns, &system_ns);
	process->children_user_ns += user_ns + child->children_user_ns;
	process->children_system_ns += system_ns + child->children_system_ns;
	process->children_fault_count += child->fault_count + child->children_fault_count;
	process->children_peak_bytes = MAX(process->children_peak_bytes, peak);
}

long sys_getrusage(struct thread *thread, const struct syscall_args *args)
{
	struct rusage rusage = {0};

	lock_acquire(&process_table_lock);
	switch ((int)args->a) {
	case RUSAGE_SELF:
		rusage_of_process(thread->process, &rusage);
		break;
	case RUSAGE_CHILDREN:
		add_children(thread->process, &rusage);
		break;
	case 1 /* RUSAGE_THREAD */:
		add_time(&rusage.ru_utime, platform_thread_cpu_ns());
		break;
	default:
		lock_release(&process_table_lock);
		return -EINVAL;
	}
	lock_release(&process_table_lock);
	return USER_PUT(args->b, rusage);
}

long sys_times(struct thread *thread, const struct syscall_args *args)
{
	const uint64_t tick = NS_PER_S / 100;
	struct process *process = thread->process;
	uint64_t user_ns, system_ns;
	int64_t tms[4];

	lock_acquire(&process_table_lock);
	rusage_note_peak(process);
	rusage_split(process, process_cpu_ns(process), &user_ns, &system_ns);
	tms[0] = (int64_t)(user_ns / tick);
	tms[1] = (int64_t)(system_ns / tick);
	tms[2] = (int64_t)(process->children_user_ns / tick);
	tms[3] = (int64_t)(process->children_system_ns / tick);
	lock_release(&process_table_lock);
	if (args->a && USER_PUT(args->a, tms[0]))
		return -EFAULT;
	if (args->a && user_write(args->a, tms, sizeof(tms)))
		return -EFAULT;
	return (long)(platform_monotonic_ns() / tick);
}
