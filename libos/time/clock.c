#include "libos/time/clock.h"

#include <asm/errno.h>
#include <linux/time.h>

#include "libos/processes/process.h"
#include "libos/processes/rusage.h"
#include "libos/time/timespec.h"
#include "platform/platform.h"

/* Clocks of one process or thread, clock_getcpuclockid(3): ~number << 3, and what is counted. */
#define CPU_CLOCK_OF_CALLER (-6) /* number 0, scheduled time */
#define CPU_CLOCK_PER_THREAD 4
#define CPU_CLOCK_KIND 3
#define CPU_CLOCK_KIND_COUNT 3

uint64_t clock_monotonic_ns(void)
{
	return platform_monotonic_ns();
}

uint64_t clock_realtime_ns(void)
{
	return platform_realtime_ns();
}

uint64_t clock_realtime_deadline(uint64_t ns)
{
	uint64_t now = clock_realtime_ns();

	return deadline_after(clock_monotonic_ns(), ns > now ? ns - now : 0);
}

static int cpu_clock_read(int id, uint64_t *ret_ns)
{
	struct thread *self = thread_current(), *thread = self;
	int32_t number = ~(id >> 3);

	if ((id & CPU_CLOCK_KIND) >= CPU_CLOCK_KIND_COUNT)
		return -EINVAL;
	LOCK_SCOPE(&process_table_lock);
	if (number)
		thread = thread_find(number);
	if (!thread)
		return -EINVAL;
	if (id & CPU_CLOCK_PER_THREAD) {
		if (thread->process != self->process)
			return -EINVAL;
		*ret_ns = thread_cpu_ns(thread);
		return 0;
	}
	if (thread != thread->process->leader && thread->process != self->process)
		return -EINVAL;
	*ret_ns = process_cpu_ns(thread->process);
	return 0;
}

int clock_read(int id, uint64_t *ret_ns)
{
	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_TAI: /* no leap seconds are known here: as a kernel that was not told them */
		*ret_ns = clock_realtime_ns();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		*ret_ns = clock_monotonic_ns();
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		*ret_ns = platform_thread_cpu_ns();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		return cpu_clock_read(CPU_CLOCK_OF_CALLER, ret_ns);
	default:
		return id < 0 ? cpu_clock_read(id, ret_ns) : -EINVAL;
	}
}

bool clock_counts_cpu(int id)
{
	return id < 0 || id == CLOCK_THREAD_CPUTIME_ID || id == CLOCK_PROCESS_CPUTIME_ID;
}
