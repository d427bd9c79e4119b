/* The platform of hosted unit tests: this process is the machine. Only what units under test use.
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "libos/core/user_copy.h"
#include "platform/platform.h"

#define NS_PER_S 1000000000UL
#define LOWEST_ADDRESS 65536UL

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t platform_monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t platform_realtime_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

void platform_random(void *to, size_t size)
{
	if (getrandom(to, size, 0) != (ssize_t)size)
		abort();
}

uint64_t platform_memory_used(void)
{
	return UINT64_MAX;
}

void platform_memory_discard(void *start, size_t size)
{
	if (madvise(start, size, MADV_DONTNEED))
		memset(start, 0, size);
}

void platform_wait(uint32_t *word, uint32_t value, uint64_t deadline_ns)
{
	struct timespec deadline = {
		(time_t)(deadline_ns / NS_PER_S), (long)(deadline_ns % NS_PER_S)};

	syscall(SYS_futex, word, FUTEX_WAIT_BITSET, value,
		deadline_ns == UINT64_MAX ? NULL : &deadline, NULL, FUTEX_BITSET_MATCH_ANY);
}

void platform_wake(uint32_t *word, unsigned int count)
{
	syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
}

uint32_t platform_cpu_hint(void)
{
	return (uint32_t)sched_getcpu();
}

void platform_yield(void)
{
	sched_yield();
}

void platform_timer_slack(uint64_t ns)
{
	(void)prctl(PR_SET_TIMERSLACK, ns);
}

void platform_log(const char *line, size_t length)
{
	fwrite("# ", 1, 2, stdout);
	fwrite(line, 1, length, stdout);
}

void platform_panic(const char *why)
{
	printf("Bail out! %s\n", why);
	fflush(stdout);
	abort();
}

/* A program's memory may be read further than an object in it goes, as user_read_string does. */
__attribute__((no_sanitize("address"))) static void read_unchecked(
	uint8_t *to, const volatile uint8_t *from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		to[i] = from[i];
}

/* The test is the program: its memory is the program's. The first pages are never mapped. */
size_t user_copy(void *to, const void *from, size_t size)
{
	uint8_t chunk[4096];

	if ((uintptr_t)to < LOWEST_ADDRESS || (uintptr_t)from < LOWEST_ADDRESS)
		return size;
	for (size_t at = 0, n; at < size; at += n) {
		n = MIN(size - at, sizeof(chunk));
		read_unchecked(chunk, (const uint8_t *)from + at, n);
		memcpy((uint8_t *)to + at, chunk, n);
	}
	return 0;
}
