/* covers: prctl execve fork */
/* prctl(2): the small settings of a thread or process, their errors and who inherits them. */
#include "tests/conformance/processes/process_test.h"

#include <linux/capability.h>
#include <sys/prctl.h>

static void names(void)
{
	char name[17] = {0};

	CHECK_OK(prctl(PR_SET_NAME, "short"));
	CHECK_OK(prctl(PR_GET_NAME, name));
	CHECK_STR(name, "short");
	CHECK_OK(prctl(PR_SET_NAME, "a name longer than fifteen"));
	memset(name, 'x', sizeof(name));
	CHECK_OK(prctl(PR_GET_NAME, name));
	CHECK_STR(name, "a name longer t");
	CHECK_EQ(name[16], 'x');
	CHECK_ERRNO(prctl(PR_SET_NAME, bad_address()), EFAULT);
	CHECK_ERRNO(prctl(PR_GET_NAME, bad_address()), EFAULT);
}

static void child_has_our_name(void)
{
	char name[16];

	REQUIRE(prctl(PR_GET_NAME, name) == 0 && !strcmp(name, "a name longer t"));
}

static void *thread_takes_a_name(void *arg)
{
	char name[16];

	REQUIRE(prctl(PR_GET_NAME, name) == 0 && !strcmp(name, "a name longer t"));
	REQUIRE(prctl(PR_SET_NAME, "thread") == 0);
	return arg;
}

static void a_name_is_the_threads_own(void)
{
	char name[16];

	CHECK_CHILD(child_has_our_name);
	pthread_join(thread_start(thread_takes_a_name, NULL), NULL);
	CHECK_OK(prctl(PR_GET_NAME, name));
	CHECK_STR(name, "a name longer t");
}

static void child_execs(void)
{
	char *argv[] = {"x", "execed", NULL};

	REQUIRE(prctl(PR_SET_NAME, "gone by exec") == 0);
	REQUIRE(prctl(PR_SET_DUMPABLE, 0) == 0);
	REQUIRE(prctl(PR_SET_TIMERSLACK, 12345) == 0);
	REQUIRE(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	REQUIRE(prctl(PR_SET_PDEATHSIG, SIGUSR1) == 0);
	REQUIRE(symlink("/proc/self/exe", "newname") == 0);
	execv("newname", argv);
}

static int mode_execed(void)
{
	char name[16];
	int value = -1;

	REQUIRE(prctl(PR_GET_NAME, name) == 0 && !strcmp(name, "newname"));
	REQUIRE(prctl(PR_GET_DUMPABLE) == 1);
	REQUIRE(prctl(PR_GET_TIMERSLACK) == 12345);
	REQUIRE(prctl(PR_GET_CHILD_SUBREAPER, &value, 0, 0, 0) == 0 && value == 1);
	REQUIRE(prctl(PR_GET_PDEATHSIG, &value) == 0 && value == SIGUSR1);
	return 0;
}

static void dumpable(void)
{
	CHECK_EQ(prctl(PR_GET_DUMPABLE), 1);
	CHECK_OK(prctl(PR_SET_DUMPABLE, 0));
	CHECK_EQ(prctl(PR_GET_DUMPABLE), 0);
	CHECK_ERRNO(prctl(PR_SET_DUMPABLE, 2), EINVAL);
	CHECK_ERRNO(prctl(PR_SET_DUMPABLE, -1), EINVAL);
	CHECK_OK(prctl(PR_SET_DUMPABLE, 1));
}

static void child_slack_default(void)
{
	REQUIRE(prctl(PR_GET_TIMERSLACK) == 7000);
	REQUIRE(prctl(PR_SET_TIMERSLACK, 1) == 0 && prctl(PR_SET_TIMERSLACK, 0) == 0);
	REQUIRE(prctl(PR_GET_TIMERSLACK) == 7000);
}

static int64_t slept_ns(int64_t ns)
{
	struct timespec start, end, time = {0, ns};

	clock_gettime(CLOCK_MONOTONIC, &start);
	nanosleep(&time, NULL);
	clock_gettime(CLOCK_MONOTONIC, &end);
	return (end.tv_sec - start.tv_sec) * 1000000000 + end.tv_nsec - start.tv_nsec;
}

/* Other timers of the machine may end a sleep within the slack: not each time. */
static void slack_is_heeded(void)
{
	int64_t longest = 0;

	CHECK_OK(prctl(PR_SET_TIMERSLACK, 300000000));
	for (int i = 0; i < 8; i++) {
		int64_t ns = slept_ns(1000000);

		longest = ns > longest ? ns : longest;
	}
	CHECK(longest > 20000000);
}

static void timer_slack(void)
{
	int original = prctl(PR_GET_TIMERSLACK);

	CHECK(original > 0);
	CHECK_OK(prctl(PR_SET_TIMERSLACK, 5000));
	CHECK_EQ(prctl(PR_GET_TIMERSLACK), 5000);
	slack_is_heeded();
	CHECK_OK(prctl(PR_SET_TIMERSLACK, 0)); /* back to the default: what the thread began with */
	CHECK_EQ(prctl(PR_GET_TIMERSLACK), original);
	CHECK_OK(prctl(PR_SET_TIMERSLACK, 7000)); /* which is where a child begins */
	CHECK_EQ(child_run(child_slack_default), EXITED(0));
	CHECK_OK(prctl(PR_SET_TIMERSLACK, 0));
}

static void death_signal(void)
{
	int sig = -1;

	CHECK_OK(prctl(PR_GET_PDEATHSIG, &sig));
	CHECK_EQ(sig, 0);
	CHECK_ERRNO(prctl(PR_SET_PDEATHSIG, -1), EINVAL);
	CHECK_ERRNO(prctl(PR_SET_PDEATHSIG, 65), EINVAL);
	CHECK_ERRNO(prctl(PR_GET_PDEATHSIG, bad_address()), EFAULT);
	CHECK_OK(prctl(PR_SET_PDEATHSIG, 64));
	CHECK_OK(prctl(PR_GET_PDEATHSIG, &sig));
	CHECK_EQ(sig, 64);
	CHECK_OK(prctl(PR_SET_PDEATHSIG, 0));
}

static void unknown_options(void)
{
	CHECK_ERRNO(prctl(-1), EINVAL);
	CHECK_ERRNO(prctl(0x7ffffff0), EINVAL);
	CHECK_ERRNO(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
	CHECK_ERRNO(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0), EINVAL);
	CHECK_ERRNO(prctl(PR_SET_TIMING, 1), EINVAL);
	CHECK_EQ(prctl(PR_GET_TIMING), PR_TIMING_STATISTICAL);
}

static void child_reads_time_stamps(void)
{
	int mode = 0;

	REQUIRE(prctl(PR_GET_TSC, &mode) == 0 && mode == PR_TSC_ENABLE);
	REQUIRE(prctl(PR_SET_TSC, 3) == -1 && errno == EINVAL);
}

static void thread_id_address(void)
{
	/* PR_GET_TID_ADDRESS: there only in kernels made with checkpoint support. */
	void *address = NULL;

	if (prctl(PR_GET_TID_ADDRESS, &address) == 0)
		CHECK(address != NULL);
	else
		test_skip("PR_GET_TID_ADDRESS", "made without checkpoint support");
}

static void thp(void)
{
	CHECK_EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 0);
	CHECK_ERRNO(prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0), EINVAL);
	CHECK_OK(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	CHECK(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) > 0);
	CHECK_OK(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
}

static void memory_names(void)
{
	char *p = memory_new(PAGE, PROT_READ | PROT_WRITE);

	if (prctl(0x53564d41, 0, p, PAGE, "casemate") == -1)
		CHECK_EQ(errno, EINVAL); /* PR_SET_VMA: from Linux 5.17, and only if built in */
	else
		CHECK_ERRNO(prctl(0x53564d41, 0, p, PAGE, "bad\nname"), EINVAL);
	munmap(p, PAGE);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return strcmp(argv[1], "execed") ? 1 : mode_execed();
	test_start();
	names();
	a_name_is_the_threads_own();
	CHECK_CHILD(child_execs);
	dumpable();
	timer_slack();
	death_signal();
	unknown_options();
	CHECK_CHILD(child_reads_time_stamps);
	thread_id_address();
	thp();
	memory_names();
	return test_done();
}
