/* Time, chance, sleep and the host's files, for the simulation. */
#include <asm/errno.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/time.h>

#include "platform/simulation/host_call.h"
#include "platform/simulation/simulation.h"

#define NS_PER_S 1000000000UL
#define HOST_IO_SIZE_MAX 0x7ffff000UL
#define PREPARED_SIZE_MIN (4 * PAGE_SIZE)

struct host_timespec {
	int64_t seconds, nanoseconds;
};

static uint64_t host_clock(int clock)
{
	struct host_timespec ts = {0};

	if (HOST_CALL(clock_gettime, clock, &ts, 0, 0, 0, 0) || ts.seconds < 0 ||
		ts.seconds > INT64_MAX / (int64_t)NS_PER_S - 1 || ts.nanoseconds < 0 ||
		ts.nanoseconds >= (int64_t)NS_PER_S)
		return 0;
	return (uint64_t)ts.seconds * NS_PER_S + (uint64_t)ts.nanoseconds;
}

uint64_t platform_monotonic_ns(void)
{
	static uint64_t last;
	uint64_t now = host_clock(CLOCK_MONOTONIC);
	uint64_t seen = __atomic_load_n(&last, __ATOMIC_RELAXED);

	while (now > seen)
		if (__atomic_compare_exchange_n(
			    &last, &seen, now, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return now;
	return seen;
}

uint64_t platform_realtime_ns(void)
{
	return host_clock(CLOCK_REALTIME);
}

uint64_t platform_thread_cpu_ns(void)
{
	return host_clock(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t platform_thread_cpu_ns_of(struct thread *thread)
{
	/* The kernel's name for the scheduler clock of a thread: clock_getcpuclockid(3). */
	return host_clock((int)(~(uint32_t)thread->platform->host_tid << 3 | 6));
}

uint64_t platform_space_cpu_ns_of(struct thread *thread)
{
	struct platform_thread *p = thread->platform;
	int32_t pid = p->host_pid ? p->host_pid : p->host_tid;

	return host_clock((int)(~(uint32_t)pid << 3 | 2));
}

bool platform_thread_is_near(struct thread *thread)
{
	return thread->platform->host_pid == thread_current()->platform->host_pid;
}

void platform_wait(uint32_t *word, uint32_t value, uint64_t deadline_ns)
{
	struct host_timespec ts = {
		(int64_t)(deadline_ns / NS_PER_S), (int64_t)(deadline_ns % NS_PER_S)};

	/* FUTEX_WAIT_BITSET takes an absolute monotonic time. */
	(void)HOST_CALL(futex, word, FUTEX_WAIT_BITSET, value,
		deadline_ns == UINT64_MAX ? NULL : &ts, 0, FUTEX_BITSET_MATCH_ANY);
}

void platform_wake(uint32_t *word, unsigned int count)
{
	(void)HOST_CALL(futex, word, FUTEX_WAKE, count, 0, 0, 0);
}

void platform_timer_slack(uint64_t ns)
{
	(void)HOST_CALL(prctl, PR_SET_TIMERSLACK, ns, 0, 0, 0, 0);
}

void platform_random(void *to, size_t size)
{
	uint8_t *at = to;

	while (size) {
		size_t wanted = MIN(size, 256UL);
		long n = host_check_size(HOST_CALL(getrandom, at, wanted, 0, 0, 0, 0), wanted);

		if (n <= 0)
			platform_panic("the host gave no random bytes");
		at += n;
		size -= (size_t)n;
	}
}

long platform_host_read(int host_fd, void *to, size_t size)
{
	size = MIN(size, HOST_IO_SIZE_MAX);
	return host_check_size(HOST_CALL_INTERRUPTIBLE(read, host_fd, to, size, 0, 0, 0), size);
}

long platform_host_write(int host_fd, const void *from, size_t size)
{
	size = MIN(size, HOST_IO_SIZE_MAX);
	return host_check_size(HOST_CALL_INTERRUPTIBLE(write, host_fd, from, size, 0, 0, 0), size);
}

/* The host's copy into pages that nobody has touched would fault once for each. */
static void pages_prepare(void *start, size_t size)
{
	uint64_t from = ALIGN_UP((uint64_t)start, PAGE_SIZE);
	uint64_t end = ALIGN_DOWN((uint64_t)start + size, PAGE_SIZE);

	if (end > from && end - from >= PREPARED_SIZE_MIN)
		(void)HOST_CALL(madvise, from, end - from, MADV_POPULATE_WRITE, 0, 0, 0);
}

long platform_host_pread(int host_fd, void *to, size_t size, uint64_t offset)
{
	size = MIN(size, HOST_IO_SIZE_MAX);
	if (offset > INT64_MAX)
		return -EINVAL;
	pages_prepare(to, size);
	return host_check_size(HOST_CALL(pread64, host_fd, to, size, offset, 0, 0), size);
}

/* A terminal that is shown raw needs to be told where a line begins. */
static void write_line(int fd, const char *line, size_t length)
{
	bool is_raw = simulation_launch.flags & LAUNCH_TERMINAL;

	if (is_raw && length && line[length - 1] == '\n')
		length--;
	else
		is_raw = false;
	(void)HOST_CALL(write, fd, line, length, 0, 0, 0);
	if (is_raw)
		(void)HOST_CALL(write, fd, "\r\n", 2, 0, 0, 0);
}

void platform_log(const char *line, size_t length)
{
	write_line(simulation_launch.log_fd, line, length);
}

void platform_trace(const char *line, size_t length)
{
	write_line(simulation_launch.trace_fd, line, length);
}
