/* covers: ptrace wait4 kill */
/* ptrace(2): a debugger is served, or refused with an errno and no trace on its target. */
#include "tests/conformance/processes/process_test.h"

#include <sys/ptrace.h>

static void child_pauses(void)
{
	for (;;)
		pause();
}

/* A debugger may be refused, but then in words; if not, it must work. */
static void tracing(void)
{
	pid_t pid = child_start(child_pauses);
	int status = 0;

	if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) == -1) {
		CHECK(errno == EPERM || errno == ENOSYS);
		test_skip("ptrace", "refused");
	} else {
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(WIFSTOPPED(status));
		CHECK_OK(ptrace(PTRACE_DETACH, pid, NULL, NULL));
	}
	CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGKILL);
	CHECK_EQ(child_wait(pid), SIGKILL);
	CHECK(ptrace((enum __ptrace_request)9999, getpid(), NULL, NULL) == -1);
}

int main(void)
{
	test_start();
	tracing();
	return test_done();
}
