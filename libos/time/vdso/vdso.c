/* The vDSO itself: mapped into programs, position-independent, no data of its own. What it can't
 * tell it asks the LibOS for, by the same door as a patched system call. */
#include <asm/unistd.h>
#include <linux/time.h>

#include "libos/time/vdso/page.h"

#define EXPORT __attribute__((visibility("default")))
#define COARSE_RESOLUTION_NS 4000000

extern const struct vdso_page vdso_page __attribute__((visibility("hidden")));

struct vdso_timespec {
	int64_t seconds, nanoseconds;
};
struct vdso_timeval {
	int64_t seconds, microseconds;
};

EXPORT int __vdso_clock_gettime(int clock, struct vdso_timespec *ts);
EXPORT int __vdso_gettimeofday(struct vdso_timeval *tv, uint64_t *zone);
EXPORT int64_t __vdso_time(int64_t *ret_seconds);
EXPORT int __vdso_clock_getres(int clock, struct vdso_timespec *ts);
EXPORT int __vdso_getcpu(uint32_t *ret_cpu, uint32_t *ret_node, void *unused);

/* libos/loader/patch.h: %rcx = where to go on, then jump to PATCH_ENTRY_GS_OFFSET. */
static long ask(long nr, uint64_t a, uint64_t b, uint64_t c)
{
	long result;

	__asm__ volatile("leaq 1f(%%rip), %%rcx\n\t"
			 "jmp *%%gs:8\n"
			 "1:"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

static bool is_realtime(int clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
}

static bool is_monotonic(int clock)
{
	return clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW ||
	       clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_BOOTTIME;
}

int __vdso_clock_gettime(int clock, struct vdso_timespec *ts)
{
	uint64_t ns, realtime;

	if (!(is_realtime(clock) || is_monotonic(clock)) ||
		!vdso_page_read(&vdso_page, &ns, &realtime))
		return (int)ask(__NR_clock_gettime, (uint64_t)(int64_t)clock, (uintptr_t)ts, 0);
	if (is_realtime(clock))
		ns = realtime;
	ts->seconds = (int64_t)(ns / CLOCK_NS_PER_S);
	ts->nanoseconds = (int64_t)(ns % CLOCK_NS_PER_S);
	return 0;
}

int __vdso_gettimeofday(struct vdso_timeval *tv, uint64_t *zone)
{
	uint64_t ns, realtime;

	if (!vdso_page_read(&vdso_page, &ns, &realtime))
		return (int)ask(__NR_gettimeofday, (uintptr_t)tv, (uintptr_t)zone, 0);
	if (tv) {
		tv->seconds = (int64_t)(realtime / CLOCK_NS_PER_S);
		tv->microseconds = (int64_t)(realtime % CLOCK_NS_PER_S / 1000);
	}
	if (zone)
		*zone = 0; /* Greenwich, no summer time: two ints */
	return 0;
}

int64_t __vdso_time(int64_t *ret_seconds)
{
	uint64_t ns, realtime;

	if (!vdso_page_read(&vdso_page, &ns, &realtime))
		return ask(__NR_time, (uintptr_t)ret_seconds, 0, 0);
	if (ret_seconds)
		*ret_seconds = (int64_t)(realtime / CLOCK_NS_PER_S);
	return (int64_t)(realtime / CLOCK_NS_PER_S);
}

int __vdso_clock_getres(int clock, struct vdso_timespec *ts)
{
	if (!is_realtime(clock) && !is_monotonic(clock))
		return (int)ask(__NR_clock_getres, (uint64_t)(int64_t)clock, (uintptr_t)ts, 0);
	if (!ts)
		return 0;
	ts->seconds = 0;
	ts->nanoseconds = clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE
				  ? COARSE_RESOLUTION_NS
				  : 1;
	return 0;
}

int __vdso_getcpu(uint32_t *ret_cpu, uint32_t *ret_node, void *unused)
{
	uint64_t limit;

	(void)unused;
	if (!__atomic_load_n(&vdso_page.cpu_numbers, __ATOMIC_RELAXED))
		return (int)ask(__NR_getcpu, (uintptr_t)ret_cpu, (uintptr_t)ret_node, 0);
	/* Linux keeps the number as the limit of a segment made for it: node << 12 | processor. */
	__asm__ volatile("lsl %1, %0" : "=r"(limit) : "r"(0x7bUL));
	if (ret_cpu)
		*ret_cpu = (uint32_t)limit & 0xfff;
	if (ret_node)
		*ret_node = 0;
	return 0;
}
