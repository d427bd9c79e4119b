/* covers: ioprio_set ioprio_get */
/* ioprio_set(2): what was set is told and inherited; who may set what, and errors. */
#include "tests/conformance/processes/process_test.h"

#include <linux/ioprio.h>

#define NOBODY 65534
#define NO_SUCH_PROCESS 0x3fffffff
#define INVALID_CLASS 7
#define BEST_EFFORT(level) IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, level)

static long get(int which, int who)
{
	return syscall(SYS_ioprio_get, which, who);
}

static long set(int which, int who, int value)
{
	return syscall(SYS_ioprio_set, which, who, value);
}

static void what_is_set_is_told(void)
{
	CHECK_OK(set(IOPRIO_WHO_PROCESS, 0, BEST_EFFORT(6)));
	CHECK_EQ(get(IOPRIO_WHO_PROCESS, 0), BEST_EFFORT(6));
	CHECK_EQ(get(IOPRIO_WHO_PROCESS, getpid()), BEST_EFFORT(6));
	CHECK_OK(set(IOPRIO_WHO_PROCESS, getpid(), IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0)));
	CHECK_EQ(get(IOPRIO_WHO_PROCESS, 0), IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));
	CHECK_OK(set(IOPRIO_WHO_PROCESS, 0, BEST_EFFORT(5)));
}

static void child_inherits(void)
{
	REQUIRE(get(IOPRIO_WHO_PROCESS, 0) == BEST_EFFORT(5));
	REQUIRE(set(IOPRIO_WHO_PROCESS, 0, BEST_EFFORT(7)) == 0);
}

/* A group's priority is the best of its members'. */
static void group_of_one(void)
{
	REQUIRE(setpgid(0, 0) == 0);
	REQUIRE(set(IOPRIO_WHO_PGRP, 0, BEST_EFFORT(3)) == 0);
	REQUIRE(get(IOPRIO_WHO_PGRP, 0) == BEST_EFFORT(3));
	REQUIRE(get(IOPRIO_WHO_PROCESS, 0) == BEST_EFFORT(3));
}

static void nobody_is_limited(void)
{
	bool was_root = geteuid() == 0;

	REQUIRE(!was_root || setresuid(NOBODY, NOBODY, NOBODY) == 0);
	REQUIRE(set(IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_RT, 4)) == -1);
	REQUIRE(errno == EPERM);
	if (was_root)
		REQUIRE(set(IOPRIO_WHO_PROCESS, getppid(), BEST_EFFORT(1)) == -1 && errno == EPERM);
}

static void errors(void)
{
	CHECK_ERRNO(get(99, 0), EINVAL);
	CHECK_ERRNO(set(99, 0, BEST_EFFORT(4)), EINVAL);
	CHECK_ERRNO(set(IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(INVALID_CLASS, 0)), EINVAL);
	CHECK_ERRNO(set(IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_NONE, 1)), EINVAL);
	CHECK_ERRNO(get(IOPRIO_WHO_PROCESS, NO_SUCH_PROCESS), ESRCH);
	CHECK_ERRNO(set(IOPRIO_WHO_PROCESS, NO_SUCH_PROCESS, BEST_EFFORT(4)), ESRCH);
}

int main(void)
{
	test_start();
	what_is_set_is_told();
	CHECK_CHILD(child_inherits);
	CHECK_EQ(get(IOPRIO_WHO_PROCESS, 0), BEST_EFFORT(5));
	CHECK_CHILD(group_of_one);
	CHECK_CHILD(nobody_is_limited);
	errors();
	return test_done();
}
