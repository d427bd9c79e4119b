/* covers: nanosleep clock_nanosleep rt_sigaction tgkill */
/* nanosleep(2), clock_nanosleep(2): never shorter than asked for, and honest when interrupted. */
#include "tests/conformance/processes/process_test.h"

static void errors(void)
{
	static const struct timespec bad[] = {{0, -1}, {0, 1000000000}, {-1, 0}};
	struct timespec good = {0, 0};

	for (int i = 0; i < 3; i++) {
		CHECK_ERRNO(nanosleep(&bad[i], NULL), EINVAL);
		CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, 0, &bad[i], NULL), EINVAL);
		CHECK_EQ(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &bad[i], NULL), EINVAL);
	}
	CHECK_ERRNO(syscall(SYS_nanosleep, bad_address(), NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, bad_address(), NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_clock_nanosleep, 12345, 0, &good, NULL), EINVAL);
	CHECK_EQ(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &good, NULL), EINVAL);
	CHECK_ERRNO(
		syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &good, NULL), EOPNOTSUPP);
	CHECK_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_RAW, 0, &good, NULL), EOPNOTSUPP);
	CHECK_ERRNO(
		syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_COARSE, 0, &good, NULL), EOPNOTSUPP);
	CHECK_OK(nanosleep(&good, NULL));
}

static void never_short(void)
{
	static const clockid_t clocks[] = {
		CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_TAI};
	static const long ns[] = {1, 1000, 100000, 3000000, 20000000};
	int wrong = 0;

	for (int i = 0; i < 5; i++) {
		struct timespec t = {0, ns[i]};
		int64_t start = now_ns();

		wrong += nanosleep(&t, NULL) != 0 || now_ns() - start < ns[i];
		for (int j = 0; j < 4; j++) {
			start = now_ns();
			wrong += clock_nanosleep(clocks[j], 0, &t, NULL) != 0;
			wrong += now_ns() - start < ns[i];
		}
	}
	CHECK_EQ(wrong, 0);
}

static void until(void)
{
	static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME};
	int wrong = 0;

	for (int i = 0; i < 3; i++) {
		int64_t end = clock_ns(clocks[i]) + 15000000;
		struct timespec t = {end / 1000000000, end % 1000000000};

		CHECK_EQ(clock_nanosleep(clocks[i], TIMER_ABSTIME, &t, NULL), 0);
		wrong += clock_ns(clocks[i]) < end;
		t.tv_sec -= 100; /* long ago: at once */
		CHECK_EQ(clock_nanosleep(clocks[i], TIMER_ABSTIME, &t, NULL), 0);
		t = (struct timespec){0, 0};
		CHECK_EQ(clock_nanosleep(clocks[i], TIMER_ABSTIME, &t, NULL), 0);
	}
	CHECK_EQ(wrong, 0);
}

static void processor_clock(void)
{
	/* Some time is used already, so that it returns at once. */
	struct timespec t = {0, 1};

	CHECK_EQ(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &t, NULL), 0);
}

static void handler(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
}

static atomic_int done;
static pthread_t main_thread;

static void *pesters(void *arg)
{
	pause_ms(20);
	while (!atomic_load(&done)) {
		pthread_kill(main_thread, SIGUSR1);
		pause_ms(3);
	}
	return arg;
}

/* The rests add up: sleeping them all is sleeping the whole. */
static void rests(void)
{
	struct timespec t = {0, 150000000}, rest;
	int64_t start = now_ns();
	int wrong = 0;
	pthread_t pest;

	main_thread = pthread_self();
	handler_set(SIGUSR1, handler, SA_RESTART);
	pest = thread_start(pesters, NULL);
	rest = t;
	while (nanosleep(&t, &rest) == -1) {
		wrong += errno != EINTR || rest.tv_nsec < 0 || rest.tv_nsec > 999999999;
		t = rest;
	}
	CHECK(now_ns() - start >= 150000000);
	CHECK_EQ(wrong, 0);
	t = (struct timespec){1000, 0};
	CHECK_ERRNO(nanosleep(&t, &t), EINTR); /* one place for both */
	CHECK(t.tv_sec > 900 && t.tv_sec <= 1000);
	CHECK_ERRNO(nanosleep(&t, NULL), EINTR);
	atomic_store(&done, 1);
	pthread_join(pest, NULL);
}

static void *sleeps(void *arg)
{
	struct timespec t = {0, 10000000};

	for (int i = 0; i < 5; i++)
		REQUIRE(nanosleep(&t, NULL) == 0);
	return arg;
}

static void many_sleep_at_once(void)
{
	pthread_t threads[40];
	int64_t start = now_ns();

	for (int i = 0; i < 40; i++)
		threads[i] = thread_start(sleeps, NULL);
	for (int i = 0; i < 40; i++)
		pthread_join(threads[i], NULL);
	CHECK(now_ns() - start >= 50000000);
}

int main(void)
{
	test_start();
	errors();
	never_short();
	until();
	processor_clock();
	rests();
	many_sleep_at_once();
	return test_done();
}
