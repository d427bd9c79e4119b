/* covers: seccomp prctl */
/* seccomp(2): programs may shut doors behind themselves. */
#include "tests/conformance/processes/process_test.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>

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
	REQUIRE(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0);
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
	REQUIRE(syscall(SYS_getppid) == SYS_getppid); /* as if never made */
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
	REQUIRE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
	char c = 0;
	ssize_t n = write(-1, &c, 0); /* write is among the four that are left */

	syscall(SYS_exit, n == -1 ? 5 : 6);
}

static void child_strict_breaks_the_rule(void)
{
	REQUIRE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
	syscall(SYS_getppid);
}

static long load(const struct sock_filter *code, unsigned short count)
{
	struct sock_fprog program = {count, (struct sock_filter *)code};

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static void child_errors(void)
{
	const struct sock_filter good = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_filter endless = BPF_STMT(BPF_LD | BPF_IMM, 0);
	const struct sock_filter outside[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, sizeof(struct seccomp_data)), good};

	REQUIRE(syscall(SYS_seccomp, 99, 0, NULL) == -1 && errno == EINVAL);
	if (geteuid() != 0) /* without no_new_privs */
		REQUIRE(load(&good, 1) == -1 && errno == EACCES);
	REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	REQUIRE(load(&good, 0) == -1 && errno == EINVAL);
	REQUIRE(load(&endless, 1) == -1 && errno == EINVAL);
	REQUIRE(load(outside, 2) == -1 && errno == EINVAL);
	REQUIRE(load((void *)8, 1) == -1 && errno == EFAULT);
	REQUIRE(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) == -1 && errno == EFAULT);
	REQUIRE(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 1 << 20, NULL) == -1);
	REQUIRE(errno == EINVAL);
	REQUIRE(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL) == -1 && errno == EINVAL);
	REQUIRE(prctl(PR_SET_SECCOMP, 3, 0) == -1 && errno == EINVAL);
	REQUIRE(prctl(PR_GET_SECCOMP) == 0);
	REQUIRE(load(&good, 1) == 0);
	REQUIRE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == -1 && errno == EINVAL);
}

static void child_knows_actions(void)
{
	const uint32_t known[] = {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD,
		SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO, SECCOMP_RET_TRACE, SECCOMP_RET_LOG,
		SECCOMP_RET_ALLOW};
	const uint32_t unknown = 0x12340000;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		REQUIRE(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &known[i]) == 0);
	REQUIRE(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &unknown) == -1);
	REQUIRE(errno == EOPNOTSUPP);
}

static void child_has_no_tracer(void)
{
	filter_load(SYS_getppid, SECCOMP_RET_TRACE | 1, 0);
	REQUIRE(syscall(SYS_getppid) == -1 && errno == ENOSYS);
	filter_load(SYS_getuid, SECCOMP_RET_LOG, 0);
	REQUIRE(syscall(SYS_getuid) >= 0);
	filter_load(SYS_getuid, SECCOMP_RET_ERRNO | 0, 0); /* done, it says */
	REQUIRE(syscall(SYS_getuid) == 0);
}

/* Filters look at arguments, and the most severe of several answers counts. */
static void child_compares_arguments(void)
{
	const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_dup, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 77, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 5),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	REQUIRE(load(code, 8) == 0);
	REQUIRE(syscall(SYS_dup, 77) == -1 && errno == 5);
	REQUIRE(syscall(SYS_dup, 1) >= 0);
	filter_load(SYS_dup, SECCOMP_RET_TRACE, 0); /* milder than the errno */
	REQUIRE(syscall(SYS_dup, 77) == -1 && errno == 5);
	REQUIRE(syscall(SYS_dup, 1) == -1 && errno == ENOSYS);
}

static void *killed_thread(void *argument)
{
	filter_load(SYS_getppid, SECCOMP_RET_KILL_THREAD, 0);
	syscall(SYS_getppid);
	return argument;
}

static void child_kills_a_thread(void)
{
	pthread_t thread;

	REQUIRE(pthread_create(&thread, NULL, killed_thread, NULL) == 0);
	/* It can't say so; its number goes. */
	REQUIRE(pthread_join(thread, NULL) == 0);
	REQUIRE(syscall(SYS_getppid) > 0);
}

static atomic_int step;

static void *follower(void *argument)
{
	while (step == 0)
		sched_yield();
	*(int *)argument = syscall(SYS_getppid) == -1 ? errno : 0;
	return NULL;
}

static void child_brings_all_threads(void)
{
	pthread_t thread;
	int seen = 0;

	REQUIRE(pthread_create(&thread, NULL, follower, &seen) == 0);
	filter_load(SYS_getppid, SECCOMP_RET_ERRNO | 88, SECCOMP_FILTER_FLAG_TSYNC);
	step = 1;
	REQUIRE(pthread_join(thread, NULL) == 0 && seen == 88);
}

static void *on_its_own_way(void *argument)
{
	filter_load(SYS_getuid, SECCOMP_RET_ERRNO | 1, 0);
	step = 1;
	while (step != 2)
		sched_yield();
	return argument;
}

static void child_cannot_bring_all(void)
{
	const struct sock_filter good = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {1, (struct sock_filter *)&good};
	pthread_t thread;

	REQUIRE(pthread_create(&thread, NULL, on_its_own_way, NULL) == 0);
	while (step != 1)
		sched_yield();
	REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	REQUIRE(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) >
		0); /* who it was */
	REQUIRE(prctl(PR_GET_SECCOMP) == 0);
	step = 2;
	REQUIRE(pthread_join(thread, NULL) == 0);
}

static void child_keeps_it_over_exec(void)
{
	char *argv[] = {"/proc/self/exe", "exec", NULL}, *envp[] = {NULL};

	filter_load(SYS_getppid, SECCOMP_RET_ERRNO | 66, 0);
	execve("/proc/self/exe", argv, envp);
}

static void child_is_shown(void)
{
	char text[8192], *line;
	int fd;
	ssize_t n;

	filter_load(SYS_getppid, SECCOMP_RET_ERRNO, 0);
	filter_load(SYS_getppid, SECCOMP_RET_ERRNO, 0);
	fd = open("/proc/self/status", O_RDONLY);
	n = read(fd, text, sizeof(text) - 1);
	REQUIRE(n > 0);
	text[n] = '\0';
	line = strstr(text, "\nSeccomp:\t");
	REQUIRE(line && atoi(line + 10) == 2);
	line = strstr(text, "\nSeccomp_filters:\t");
	REQUIRE(line && atoi(line + 18) >= 2);
}

static void check(void (*run)(void), int want, const char *what)
{
	int status = child_run(run);

	test_report_eq(
		WIFSIGNALED(status) ? WTERMSIG(status) : status, want, what, __FILE__, __LINE__);
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return syscall(SYS_getppid) == -1 && errno == 66 ? 7 : 8;
	test_start();
	check(child_errors, EXITED(0), "errors");
	check(child_returns_errno, EXITED(0), "a filter returns an errno");
	check(child_traps, EXITED(0), "a filter sends SIGSYS");
	check(child_is_killed, SIGSYS, "a filter kills");
	check(child_knows_actions, EXITED(0), "actions that there are");
	check(child_has_no_tracer, EXITED(0), "a tracer that is not there");
	check(child_compares_arguments, EXITED(0), "arguments are compared");
	check(child_kills_a_thread, EXITED(0), "a filter kills a thread");
	check(child_brings_all_threads, EXITED(0), "a filter for all threads");
	check(child_cannot_bring_all, EXITED(0), "a thread with another filter");
	check(child_keeps_it_over_exec, EXITED(7), "kept over exec");
	check(child_is_shown, EXITED(0), "/proc shows it");
	check(child_strict, EXITED(5), "strict mode leaves write and exit");
	check(child_strict_breaks_the_rule, SIGKILL, "strict mode kills");
	return test_done();
}
