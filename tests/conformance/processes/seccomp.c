/* covers: seccomp prctl */
/* seccomp(2): programs may shut doors behind themselves. Where that is refused it is in words. */
#include "tests/conformance/processes/process_test.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { REFUSED = 77 };

static void refused_unless(bool ok)
{
	if (ok)
		return;
	REQUIRE(errno == ENOSYS || errno == EINVAL || errno == EPERM);
	_exit(REFUSED);
}

static void filter_load(uint32_t nr, uint32_t action, unsigned int flags)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {4, code};

	REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	refused_unless(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0);
}

static void child_returns_errno(void)
{
	filter_load(SYS_getppid, SECCOMP_RET_ERRNO | 123, 0);
	REQUIRE(syscall(SYS_getppid) == -1 && errno == 123);
	REQUIRE(syscall(SYS_getpid) > 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(syscall(SYS_getppid) == -1 && errno == 123 ? 0 : 1);
	REQUIRE(child_wait(pid) == 0); /* inherited */
	filter_load(SYS_getuid, SECCOMP_RET_ERRNO | 45, 0);
	REQUIRE(syscall(SYS_getuid) == -1 && errno == 45);
	REQUIRE(syscall(SYS_getppid) == -1 && errno == 123); /* and in force beside a second */
	REQUIRE(prctl(PR_GET_SECCOMP) == 2);
}

static volatile sig_atomic_t trapped, trapped_nr;

static void on_trap(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	trapped = info->si_code;
	trapped_nr = info->si_syscall;
}

static void child_traps(void)
{
	handler_set(SIGSYS, on_trap, 0);
	filter_load(SYS_getppid, SECCOMP_RET_TRAP | 9, 0);
	syscall(SYS_getppid);
	REQUIRE(trapped == 1 /* SYS_SECCOMP */ && trapped_nr == SYS_getppid);
}

static void child_is_killed(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	filter_load(SYS_getppid, SECCOMP_RET_KILL_PROCESS, 0);
	syscall(SYS_getppid);
}

static void child_strict(void)
{
	refused_unless(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
	char c = 0;
	ssize_t n = write(-1, &c, 0); /* write is among the four that are left */

	syscall(SYS_exit, n == -1 ? 5 : 6);
}

static void child_strict_breaks_the_rule(void)
{
	refused_unless(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
	syscall(SYS_getppid);
}

static void child_errors(void)
{
	struct sock_filter bad = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {1, &bad};

	REQUIRE(syscall(SYS_seccomp, 99, 0, NULL) == -1 && (errno == EINVAL || errno == ENOSYS));
	if (geteuid() != 0)
		refused_unless(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == -1 &&
			       errno == EACCES); /* without no_new_privs */
	REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	program.len = 0;
	REQUIRE(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == -1);
	REQUIRE(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL) == -1);
}

static void check(void (*run)(void), int want, const char *what)
{
	int status = child_run(run);

	if (status == EXITED(REFUSED))
		test_skip(what, "refused, with an errno");
	else
		test_report_eq(WIFSIGNALED(status) ? WTERMSIG(status) : status, want, what,
			__FILE__, __LINE__);
}

int main(void)
{
	test_start();
	check(child_errors, EXITED(0), "errors");
	check(child_returns_errno, EXITED(0), "a filter returns an errno");
	check(child_traps, EXITED(0), "a filter sends SIGSYS");
	check(child_is_killed, SIGSYS, "a filter kills");
	check(child_strict, EXITED(5), "strict mode leaves write and exit");
	check(child_strict_breaks_the_rule, SIGKILL, "strict mode kills");
	return test_done();
}
