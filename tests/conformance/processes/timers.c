/* covers: setitimer getitimer alarm timer_create timer_settime timer_gettime timer_delete
 * timer_getoverrun fork execve */
/* setitimer(2), alarm(2), timer_create(2). Only lower bounds are checked: machines may be slow. */
#include "tests/conformance/processes/process_test.h"

#include <limits.h>
#include <sys/time.h>

static volatile sig_atomic_t calls, value, code, overrun;

static void handler(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	calls++;
	code = info->si_code;
	value = info->si_value.sival_int;
	overrun += info->si_overrun;
}

static long us_left(int which)
{
	struct itimerval t;

	REQUIRE(getitimer((__itimer_which_t)which, &t) == 0);
	return t.it_value.tv_sec * 1000000 + t.it_value.tv_usec;
}

static void one_shot(void)
{
	struct itimerval t = {{0, 0}, {0, 30000}};
	int64_t start = now_ns();

	handler_set(SIGALRM, handler, 0);
	calls = 0;
	CHECK_OK(setitimer(ITIMER_REAL, &t, NULL));
	CHECK(us_left(ITIMER_REAL) <= 30000);
	while (!calls)
		sched_yield();
	CHECK(now_ns() - start >= 30000000);
	CHECK_EQ(code, SI_KERNEL);
	CHECK_EQ(us_left(ITIMER_REAL), 0);
}

static void periodic(void)
{
	struct itimerval t = {{0, 5000}, {0, 5000}}, none = {{0, 0}, {0, 0}}, old;
	int64_t start = now_ns();

	calls = 0;
	CHECK_OK(setitimer(ITIMER_REAL, &t, NULL));
	while (calls < 5)
		sched_yield();
	CHECK(now_ns() - start >= 25000000);
	CHECK_OK(setitimer(ITIMER_REAL, &none, &old));
	CHECK_EQ(old.it_interval.tv_usec, 5000);
	CHECK_EQ(us_left(ITIMER_REAL), 0);
}

static void processor_time(void)
{
	static const int which[] = {ITIMER_VIRTUAL, ITIMER_PROF};
	static const int signals[] = {SIGVTALRM, SIGPROF};

	for (int i = 0; i < 2; i++) {
		struct itimerval t = {{0, 0}, {0, 50000}};
		int64_t start = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

		handler_set(signals[i], handler, 0);
		calls = 0;
		CHECK_OK(setitimer((__itimer_which_t)which[i], &t, NULL));
		CHECK(us_left(which[i]) > 0);
		pause_ms(70); /* sleeping does not count */
		CHECK_EQ(calls, 0);
		while (!calls)
			;
		/* Counted in ticks, and a busy machine charges whole ticks for short turns. */
		CHECK(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start >= 5000000);
	}
}

static void errors(void)
{
	struct itimerval bad = {{0, 0}, {0, 1000000}}, negative = {{0, 0}, {-1, 0}};

	CHECK_ERRNO(setitimer(ITIMER_REAL, &bad, NULL), EINVAL);
	CHECK_ERRNO(setitimer(ITIMER_REAL, &negative, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_setitimer, 3, &negative, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_getitimer, 3, &bad), EINVAL);
	CHECK_ERRNO(syscall(SYS_getitimer, 0, bad_address()), EFAULT);
	CHECK_ERRNO(syscall(SYS_setitimer, 0, bad_address(), NULL), EFAULT);
}

static void alarms(void)
{
	struct itimerval t;

	alarm(100);
	getitimer(ITIMER_REAL, &t); /* they are the same timer */
	CHECK(t.it_value.tv_sec >= 90 && t.it_value.tv_sec <= 100);
	unsigned int left = alarm(0);
	CHECK(left >= 90 && left <= 100);
	CHECK_EQ(alarm(0), 0);
	calls = 0;
	alarm(1);
	int64_t start = now_ns();
	while (!calls)
		pause_ms(10);
	CHECK(now_ns() - start >= 900000000);
}

static void child_has_no_timers(void)
{
	alarm(0);
	REQUIRE(us_left(ITIMER_REAL) == 0 && us_left(ITIMER_PROF) == 0);
}

static void child_execs_with_alarm(void)
{
	struct itimerval t = {{0, 0}, {500, 0}};
	char *argv[] = {"x", "execed", NULL};

	setitimer(ITIMER_REAL, &t, NULL);
	setitimer(ITIMER_PROF, &t, NULL);
	execv("/proc/self/exe", argv);
}

static void inheritance(void)
{
	struct itimerval t = {{0, 0}, {500, 0}}, none = {{0, 0}, {0, 0}};

	setitimer(ITIMER_PROF, &t, NULL);
	CHECK_CHILD(child_has_no_timers);
	CHECK_CHILD(child_execs_with_alarm); /* but across execve they stay */
	setitimer(ITIMER_PROF, &none, NULL);
}

static void posix_timer(clockid_t clock)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
	struct itimerspec t = {{0, 0}, {0, 20000000}}, old;
	int64_t start = clock_ns(clock);
	timer_t timer;

	event.sigev_value.sival_int = 77;
	handler_set(SIGRTMIN, handler, 0);
	if (timer_create(clock, &event, &timer)) {
		CHECK_EQ(errno, 0);
		return;
	}
	calls = 0;
	CHECK_OK(timer_settime(timer, 0, &t, NULL));
	CHECK_OK(timer_gettime(timer, &old));
	CHECK(old.it_value.tv_sec == 0 && old.it_value.tv_nsec <= 20000000);
	while (!calls)
		;
	CHECK(clock_ns(clock) - start >= 20000000);
	CHECK_EQ(code, SI_TIMER);
	CHECK_EQ(value, 77);
	start = clock_ns(clock) + 10000000;
	t.it_value = (struct timespec){start / 1000000000, start % 1000000000};
	calls = 0;
	CHECK_OK(timer_settime(timer, TIMER_ABSTIME, &t, NULL));
	while (!calls)
		;
	CHECK(clock_ns(clock) >= start);
	CHECK_OK(timer_delete(timer));
}

static void posix_errors_and_overrun(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 100};
	struct itimerspec t = {{0, 1000000}, {0, 1000000}}, bad = {{0, 0}, {0, 1000000000}};
	timer_t timer;
	int id;

	CHECK_ERRNO(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id), EINVAL);
	CHECK_ERRNO(syscall(SYS_timer_create, 12345, NULL, &id), EINVAL);
	CHECK_ERRNO(syscall(SYS_timer_settime, 99999, 0, &t, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_timer_delete, 99999), EINVAL);
	event.sigev_signo = SIGRTMIN + 1;
	REQUIRE(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
	CHECK_ERRNO(timer_settime(timer, 0, &bad, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_timer_settime, timer, 0, NULL, NULL), EINVAL);
	handler_set(SIGRTMIN + 1, handler, 0);
	signal_block(SIG_BLOCK, SIGRTMIN + 1);
	CHECK_OK(timer_settime(timer, 0, &t, NULL));
	pause_ms(30);
	overrun = calls = 0;
	signal_block(SIG_UNBLOCK, SIGRTMIN + 1);
	CHECK(calls >= 1);
	CHECK(overrun >= 20); /* 30 periods at least, one signal queued for them */
	CHECK(timer_getoverrun(timer) >= 0);
	CHECK_OK(timer_delete(timer));
	CHECK_ERRNO(timer_gettime(timer, &t), EINVAL);
}

/* In the handler of the first signal: what timer_getoverrun says is of that one, however often the
 * timer has expired since; and it is no more than DELAYTIMER_MAX. */
static timer_t overrun_timer;
static volatile int first_overrun, first_asked;

static void overrun_handler(int signo, siginfo_t *info, void *context)
{
	struct itimerspec off = {{0, 0}, {0, 0}};

	(void)signo;
	(void)context;
	if (!calls++) {
		first_overrun = info->si_overrun;
		first_asked = timer_getoverrun(overrun_timer);
		timer_settime(overrun_timer, 0, &off, NULL);
	}
}

static void posix_overrun_limit(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1};
	struct itimerspec t = {{0, 1}, {0, 0}};

	REQUIRE(timer_create(CLOCK_REALTIME, &event, &overrun_timer) == 0);
	handler_set(SIGRTMIN + 1, overrun_handler, 0);
	calls = 0;
	CHECK_OK(clock_gettime(CLOCK_REALTIME, &t.it_value));
	t.it_value.tv_sec -= 10; /* 10,000,000,000 periods ago */
	CHECK_OK(timer_settime(overrun_timer, TIMER_ABSTIME, &t, NULL));
	while (!calls)
		;
	CHECK_EQ(first_overrun, INT_MAX);
	CHECK_EQ(first_asked, INT_MAX);
	CHECK_OK(timer_delete(overrun_timer));
}

static atomic_int notified;

static void notify(union sigval v)
{
	atomic_store(&notified, v.sival_int);
}

static void by_thread(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = notify};
	struct itimerspec t = {{0, 0}, {0, 1000000}};
	timer_t timer;

	event.sigev_value.sival_int = 5;
	REQUIRE(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
	CHECK_OK(timer_settime(timer, 0, &t, NULL));
	while (!atomic_load(&notified))
		sched_yield();
	CHECK_EQ(atomic_load(&notified), 5);
	timer_delete(timer);
}

/* The alarm is what is tested here, so the deadline is another process's. */
static pid_t watchdog_start(void)
{
	pid_t tested = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	for (int i = 0; i < DEADLINE_SECONDS * 10 && getppid() == tested; i++)
		pause_ms(100);
	if (getppid() == tested)
		kill(tested, SIGKILL);
	_exit(0);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		REQUIRE(!strcmp(argv[1], "execed"));
		REQUIRE(us_left(ITIMER_REAL) > 400000000 && us_left(ITIMER_PROF) > 400000000);
		return 0;
	}
	pid_t watchdog = watchdog_start();

	test_start();
	one_shot();
	periodic();
	processor_time();
	errors();
	alarms();
	inheritance();
	posix_timer(CLOCK_MONOTONIC);
	posix_timer(CLOCK_REALTIME);
	posix_timer(CLOCK_PROCESS_CPUTIME_ID);
	posix_timer(CLOCK_THREAD_CPUTIME_ID);
	posix_errors_and_overrun();
	posix_overrun_limit();
	by_thread();
	kill(watchdog, SIGKILL);
	child_wait(watchdog);
	return test_done();
}
