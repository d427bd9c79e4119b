/* covers: personality fork */
/* personality(2): read, set, inherited. */
#include "tests/conformance/processes/process_test.h"

#include <sys/personality.h>

static void child_changes_personality(void)
{
	REQUIRE(personality(0xffffffff) == PER_LINUX);
	REQUIRE(personality(PER_LINUX | ADDR_NO_RANDOMIZE) == PER_LINUX);
	REQUIRE(personality(0xffffffff) == (PER_LINUX | ADDR_NO_RANDOMIZE));
	pid_t pid = fork();
	if (pid == 0)
		_exit(personality(0xffffffff) == (PER_LINUX | ADDR_NO_RANDOMIZE) ? 0 : 1);
	REQUIRE(child_wait(pid) == 0);
}

/* select(2) leaves the timeout as it is if one asks for it. */
static void child_keeps_timeouts(void)
{
	struct timeval span = {0, 10};

	REQUIRE(personality(PER_LINUX | STICKY_TIMEOUTS) != -1);
	REQUIRE(syscall(SYS_select, 0, NULL, NULL, NULL, &span) == 0);
	REQUIRE(span.tv_sec == 0 && span.tv_usec == 10);
	REQUIRE(personality(PER_LINUX) != -1);
	REQUIRE(syscall(SYS_select, 0, NULL, NULL, NULL, &span) == 0);
	REQUIRE(span.tv_usec == 0);
}

static void personalities(void)
{
	pid_t pid;

	CHECK_EQ(personality(0xffffffff), PER_LINUX);
	pid = fork();
	if (pid == 0) { /* some container filters permit PER_LINUX alone */
		if (personality(PER_LINUX | ADDR_NO_RANDOMIZE) == -1)
			_exit(errno == EPERM ? 2 : 1);
		personality(PER_LINUX);
		child_changes_personality();
		child_keeps_timeouts();
		_exit(0);
	}
	int status = child_wait(pid);
	if (status == EXITED(2))
		test_skip("personality", "not permitted here");
	else
		CHECK_EQ(status, EXITED(0));
}

int main(void)
{
	test_start();
	personalities();
	return test_done();
}
