/* Calls about the system as a whole: sysinfo(2), getrandom(2), personality(2), memory nodes. */
#include <asm/errno.h>
#include <linux/random.h>
#include <linux/sysinfo.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/memory/mm.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"
#include "libos/time/clock.h"
#include "libos/time/timespec.h"
#include "platform/platform.h"

#define RANDOM_CHUNK 256

static uint16_t count_threads(void)
{
	struct process *process;
	uint32_t count = 0;

	LOCK_SCOPE(&process_table_lock);
	LIST_FOR_EACH (process, &process_table, link)
		count += process->thread_count;
	return (uint16_t)MIN(count, (uint32_t)UINT16_MAX);
}

long sys_sysinfo(struct thread *thread, const struct syscall_args *args)
{
	struct sysinfo info = {0};
	struct memory_system memory;

	(void)thread;
	info.uptime = (long)(clock_monotonic_ns() / NS_PER_S);
	memory_system(&memory);
	info.totalram = memory.total;
	info.freeram = memory.free;
	info.procs = count_threads();
	info.mem_unit = 1;
	return USER_PUT(args->a, info);
}

long sys_getrandom(struct thread *thread, const struct syscall_args *args)
{
	uint8_t bytes[RANDOM_CHUNK];
	size_t size = MIN(args->b, (uint64_t)INT32_MAX), done = 0, n;
	uint32_t flags = (uint32_t)args->c;

	if ((flags & ~(uint32_t)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) ||
		(flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	for (; done < size; done += n) {
		/* As Linux: a large request ends at a signal. */
		if (done >= PAGE_SIZE && signal_is_pending(thread))
			break;
		n = MIN(size - done, sizeof(bytes));
		platform_random(bytes, n);
		if (user_write(args->a + done, bytes, n)) {
			memory_wipe(bytes, sizeof(bytes));
			return done ? (long)done : -EFAULT;
		}
	}
	memory_wipe(bytes, sizeof(bytes));
	return (long)done;
}

long sys_personality(struct thread *thread, const struct syscall_args *args)
{
	uint32_t old = thread->process->personality;

	if ((uint32_t)args->a != UINT32_MAX)
		thread->process->personality = (uint32_t)args->a;
	return old;
}
