/* covers: clock_gettime clock_getres clock_settime gettimeofday time times getrusage */
/* clock_gettime(2) and older ways to ask for the time: they agree, and never go back. */
#include "tests/conformance/processes/process_test.h"

#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>

static int64_t raw_ns(clockid_t clock)
{
	struct timespec t;

	REQUIRE(syscall(SYS_clock_gettime, clock, &t) == 0);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static const clockid_t all[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID,
	CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE,
	CLOCK_BOOTTIME, CLOCK_TAI};
enum { CLOCKS = sizeof(all) / sizeof(all[0]) };

static void every_clock_reads(void)
{
	for (int i = 0; i < CLOCKS; i++) {
		struct timespec t = {-1, -1}, resolution = {-1, -1};

		CHECK_OK(clock_gettime(all[i], &t));
		CHECK(t.tv_sec >= 0 && t.tv_nsec >= 0 && t.tv_nsec < 1000000000);
		CHECK_OK(clock_getres(all[i], &resolution));
		CHECK(resolution.tv_sec == 0 && resolution.tv_nsec > 0);
	}
}

static void errors(void)
{
	struct timespec t;

	CHECK_ERRNO(syscall(SYS_clock_gettime, 12345, &t), EINVAL);
	CHECK_ERRNO(syscall(SYS_clock_getres, 12345, &t), EINVAL);
	CHECK_ERRNO(syscall(SYS_clock_gettime, CLOCK_REALTIME, bad_address()), EFAULT);
	CHECK_OK(clock_getres(CLOCK_REALTIME, NULL));
	clock_gettime(CLOCK_MONOTONIC, &t);
	CHECK_ERRNO(clock_settime(CLOCK_MONOTONIC, &t), EINVAL);
	t.tv_nsec = 1000000000;
	CHECK_ERRNO(clock_settime(CLOCK_REALTIME, &t), EINVAL);
	if (geteuid() != 0) {
		t.tv_nsec = 0;
		CHECK_ERRNO(clock_settime(CLOCK_REALTIME, &t), EPERM);
	}
}

/* The vDSO and the system call tell the same time: each lies between two of the other. */
static void both_ways_agree(void)
{
	for (int i = 0; i < CLOCKS; i++) {
		int wrong = 0;

		for (int j = 0; j < 2000; j++) {
			int64_t a = clock_ns(all[i]), b = raw_ns(all[i]), c = clock_ns(all[i]);

			if (all[i] != CLOCK_REALTIME && all[i] != CLOCK_REALTIME_COARSE &&
				all[i] != CLOCK_TAI)
				wrong += a > b || b > c;
		}
		CHECK_EQ(wrong, 0);
	}
}

static _Atomic int64_t latest;
static atomic_long went_back;

static void *watches_the_clock(void *arg)
{
	for (int i = 0; i < 100000; i++) {
		int64_t before = atomic_load(&latest), now = now_ns();

		if (now < before)
			atomic_fetch_add(&went_back, 1);
		while (now > before && !atomic_compare_exchange_weak(&latest, &before, now))
			;
	}
	return arg;
}

static void monotonic_across_threads(void)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		threads[i] = thread_start(watches_the_clock, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(atomic_load(&went_back), 0);
}

static _Atomic int64_t *shared_latest;

static void child_reads_clock(void)
{
	for (int i = 0; i < 1000; i++) {
		int64_t before = atomic_load(shared_latest);

		REQUIRE(now_ns() >= before);
		atomic_store(shared_latest, now_ns());
		sched_yield();
	}
}

static void monotonic_across_processes(void)
{
	shared_latest = shared_new(PAGE);
	atomic_store(shared_latest, now_ns());
	CHECK_CHILD(child_reads_clock);
	CHECK(now_ns() >= atomic_load(shared_latest));
}

static void old_calls(void)
{
	struct timeval tv;
	struct timezone tz = {1, 1};
	int64_t before = clock_ns(CLOCK_REALTIME) / 1000, after;
	time_t seconds, stored = 0;

	CHECK_OK(gettimeofday(&tv, &tz));
	after = clock_ns(CLOCK_REALTIME) / 1000;
	CHECK(tv.tv_usec >= 0 && tv.tv_usec < 1000000);
	CHECK(tv.tv_sec * 1000000 + tv.tv_usec >= before);
	CHECK(tv.tv_sec * 1000000 + tv.tv_usec <= after);
	CHECK_OK(syscall(SYS_gettimeofday, &tv, NULL));
	CHECK(tv.tv_sec * 1000000 + tv.tv_usec >= after);
	/* time(2) may lag by a tick. */
	before = clock_ns(CLOCK_REALTIME) / 1000000000;
	seconds = time(&stored);
	CHECK_EQ(seconds, stored);
	CHECK(seconds >= before - 1 && seconds <= clock_ns(CLOCK_REALTIME) / 1000000000);
	stored = (time_t)syscall(SYS_time, NULL);
	CHECK(stored >= seconds);
}

static void coarse_clocks_lag(void)
{
	int wrong = 0;

	for (int i = 0; i < 1000; i++) {
		int64_t coarse = clock_ns(CLOCK_MONOTONIC_COARSE);

		wrong += coarse > now_ns();
	}
	CHECK_EQ(wrong, 0);
}

static void *burns(void *arg)
{
	int64_t want = *(int64_t *)arg;

	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < want)
		;
	return NULL;
}

static void processor_time(void)
{
	int64_t want = 30000000, process = clock_ns(CLOCK_PROCESS_CPUTIME_ID), mine;
	struct timespec t;
	clockid_t clock;
	pthread_t threads[2];

	mine = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	for (int i = 0; i < 2; i++)
		threads[i] = thread_start(burns, &want);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	CHECK(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - process >= 60000000);
	CHECK(clock_ns(CLOCK_THREAD_CPUTIME_ID) >= mine);
	CHECK(clock_ns(CLOCK_PROCESS_CPUTIME_ID) >= clock_ns(CLOCK_THREAD_CPUTIME_ID));
	CHECK_EQ(clock_getcpuclockid(0, &clock), 0);
	CHECK_OK(clock_gettime(clock, &t));
	CHECK(t.tv_sec * 1000000000 + t.tv_nsec >= 60000000);
	CHECK_EQ(pthread_getcpuclockid(pthread_self(), &clock), 0);
	CHECK_OK(clock_gettime(clock, &t));
	CHECK_ERRNO(syscall(SYS_clock_gettime, (int)(~0x3ffffffU << 3 | 2), &t), EINVAL);
}

static void child_burns(void)
{
	int64_t want = 40000000;

	burns(&want);
}

static int64_t microseconds(struct timeval time)
{
	return time.tv_sec * 1000000L + time.tv_usec;
}

/* New pages come from a kernel: the time they take is not the program's own. */
static void spend_in_the_kernel(void)
{
	size_t size = 32UL << 20;
	int64_t before, used = 0;
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	before = microseconds(usage.ru_stime);
	for (int i = 0; i < 200 && used < 50000; i++) {
		void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		munmap(pages, size);
		getrusage(RUSAGE_SELF, &usage);
		used = microseconds(usage.ru_stime) - before;
	}
	CHECK(used >= 50000);
}

static void accounting(void)
{
	struct tms before, after;
	clock_t a = times(&before), b;
	struct rusage self, thread;

	CHECK(a != (clock_t)-1);
	CHECK_CHILD(child_burns);
	b = times(&after);
	CHECK(b >= a);
	CHECK(after.tms_cutime + after.tms_cstime >= before.tms_cutime + before.tms_cstime + 3);
	CHECK(after.tms_utime >= before.tms_utime);
	CHECK_OK(getrusage(RUSAGE_SELF, &self));
	CHECK_OK(getrusage(RUSAGE_THREAD, &thread));
	CHECK(self.ru_utime.tv_sec * 1000000 + self.ru_utime.tv_usec > 0);
	CHECK(self.ru_maxrss > 100);
	CHECK(self.ru_minflt > 0);
	spend_in_the_kernel();
	CHECK_ERRNO(getrusage((__rusage_who_t)5, &self), EINVAL);
	CHECK_ERRNO(syscall(SYS_getrusage, RUSAGE_SELF, bad_address()), EFAULT);
	CHECK_ERRNO(syscall(SYS_times, bad_address()), EFAULT);
}

int main(void)
{
	test_start();
	every_clock_reads();
	errors();
	both_ways_agree();
	monotonic_across_threads();
	monotonic_across_processes();
	old_calls();
	coarse_clocks_lag();
	processor_time();
	accounting();
	return test_done();
}
