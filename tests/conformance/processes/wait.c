/* covers: wait4 waitid kill setpgid getrusage prlimit64 pidfd_open rt_sigaction */
/* wait(2), wait4(2): whom a call waits for, what it reports, who is reaped without being asked. */
#include "tests/conformance/processes/process_test.h"

#include <sys/resource.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static void child_exits_7(void)
{
	_exit(7);
}

static void child_pauses(void)
{
	for (;;)
		pause();
}

static void exit_statuses(void)
{
	static const int codes[] = {0, 1, 127, 255};
	int status;
	pid_t pid;

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		pid = fork();
		if (pid == 0)
			_exit(codes[i]);
		CHECK_EQ(wait4(pid, &status, 0, NULL), pid);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == codes[i]);
	}
	pid = child_start(child_exits_7);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

static void signal_statuses(void)
{
	static const int signals[] = {SIGKILL, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE, SIGALRM};
	int status, wrong = 0;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		pid_t pid = child_start(child_pauses);

		kill(pid, signals[i]);
		status = child_wait(pid);
		wrong +=
			!WIFSIGNALED(status) || WTERMSIG(status) != signals[i] || WCOREDUMP(status);
	}
	CHECK_EQ(wrong, 0);
}

static void child_aborts_without_core(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	kill(getpid(), SIGQUIT);
	pause();
}

static void child_aborts_with_core(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_CORE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_CORE, &limit);
	kill(getpid(), SIGQUIT);
	pause();
}

/* Whether a dump is written is the system's business; the signal number is not. */
static void core_signals(void)
{
	siginfo_t info = {0};
	pid_t pid;

	CHECK_EQ(WTERMSIG(child_run(child_aborts_without_core)), SIGQUIT);
	pid = child_start(child_aborts_with_core);
	CHECK_OK(waitid(P_PID, (id_t)pid, &info, WEXITED));
	CHECK(info.si_code == CLD_DUMPED || info.si_code == CLD_KILLED);
	CHECK_EQ(info.si_status, SIGQUIT);
}

static void nobody_to_wait_for(void)
{
	siginfo_t info;

	CHECK_ERRNO(wait4(-1, NULL, 0, NULL), ECHILD);
	CHECK_ERRNO(wait4(getpid(), NULL, 0, NULL), ECHILD);
	CHECK_ERRNO(wait4(1, NULL, WNOHANG, NULL), ECHILD);
	CHECK_ERRNO(wait4(0, NULL, WNOHANG, NULL), ECHILD);
	CHECK_ERRNO(wait4(-1, NULL, 0x100, NULL), EINVAL);
	CHECK_ERRNO(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
	CHECK_ERRNO(waitid(P_PID, (id_t)getpid(), &info, WEXITED), ECHILD);
	CHECK_ERRNO(waitid(P_ALL, 0, &info, 0), EINVAL);
	CHECK_ERRNO(waitid(P_ALL, 0, &info, WNOHANG), EINVAL);
	CHECK_ERRNO(waitid(P_ALL, 0, &info, WEXITED | 0x10000), EINVAL);
	CHECK_ERRNO(waitid((idtype_t)77, 0, &info, WEXITED), EINVAL);
	CHECK_ERRNO(waitid(P_PID, 0, &info, WEXITED), EINVAL);
	CHECK_ERRNO(syscall(SYS_wait4, INT32_MIN, NULL, 0, NULL), ESRCH);
}

static void bad_status_pointer(void)
{
	pid_t pid = child_start(child_exits_7);

	CHECK_ERRNO(wait4(pid, bad_address(), 0, NULL), EFAULT);
	CHECK_ERRNO(wait4(pid, NULL, 0, NULL), ECHILD); /* it was reaped all the same */
}

static void no_hang_and_no_reap(void)
{
	siginfo_t info;
	pid_t pid = child_start(child_pauses);

	CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
	memset(&info, 0xff, sizeof(info));
	CHECK_EQ(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG), 0);
	CHECK_EQ(info.si_pid, 0);
	CHECK_EQ(info.si_signo, 0);
	kill(pid, SIGKILL);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
		CHECK_EQ(info.si_pid, pid);
	}
	CHECK_EQ(kill(pid, 0), 0); /* a zombie can still be signalled */
	CHECK_EQ(waitpid(pid, NULL, WNOHANG), pid);
	CHECK_ERRNO(kill(pid, 0), ESRCH);
}

static void siginfo_fields(void)
{
	siginfo_t info = {0};
	pid_t pid = child_start(child_exits_7);
	struct rusage usage;

	CHECK_OK(waitid(P_ALL, 0, &info, WEXITED));
	CHECK_EQ(info.si_signo, SIGCHLD);
	CHECK_EQ(info.si_code, CLD_EXITED);
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(info.si_uid, getuid());
	CHECK_EQ(info.si_status, 7);
	CHECK_EQ(info.si_errno, 0);
	pid = child_start(child_pauses);
	kill(pid, SIGKILL);
	memset(&usage, 0xff, sizeof(usage));
	CHECK_OK(syscall(SYS_waitid, P_PID, pid, &info, WEXITED, &usage));
	CHECK_EQ(info.si_code, CLD_KILLED);
	CHECK_EQ(info.si_status, SIGKILL);
	CHECK(usage.ru_utime.tv_sec >= 0 && usage.ru_utime.tv_usec < 1000000);
	CHECK_OK(syscall(SYS_waitid, P_PID, child_start(child_exits_7), NULL, WEXITED, NULL));
}

static void stop_and_continue(void)
{
	siginfo_t info = {0};
	int status;
	pid_t pid = child_start(child_pauses);

	/* In a group that is not orphaned, whoever started us: else SIGTSTP would do nothing. */
	REQUIRE(setpgid(pid, pid) == 0);
	kill(pid, SIGSTOP);
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	CHECK_EQ(waitpid(pid, &status, WUNTRACED | WNOHANG), 0); /* told once */
	kill(pid, SIGCONT);
	CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
	CHECK(WIFCONTINUED(status));
	CHECK_EQ(waitpid(pid, &status, WCONTINUED | WNOHANG), 0);
	kill(pid, SIGTSTP);
	CHECK_OK(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT));
	CHECK_EQ(info.si_code, CLD_STOPPED);
	CHECK_EQ(info.si_status, SIGTSTP);
	CHECK_EQ(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG), 0);
	CHECK_EQ(info.si_pid, 0);
	CHECK_OK(waitid(P_PID, (id_t)pid, &info, WSTOPPED));
	kill(pid, SIGCONT);
	CHECK_OK(waitid(P_PID, (id_t)pid, &info, WCONTINUED));
	CHECK_EQ(info.si_code, CLD_CONTINUED);
	CHECK_EQ(info.si_status, SIGCONT);
	kill(pid, SIGSTOP);
	CHECK_OK(waitid(P_PID, (id_t)pid, &info, WSTOPPED));
	kill(pid, SIGKILL); /* a stopped process can be killed */
	CHECK_EQ(child_wait(pid), SIGKILL);
}

static void by_group(void)
{
	siginfo_t info = {0};
	pid_t ours = child_start(child_exits_7), other = child_start(child_pauses);

	CHECK_OK(setpgid(other, other));
	CHECK_EQ(waitpid(0, NULL, 0), ours);
	CHECK_ERRNO(waitpid(0, NULL, WNOHANG), ECHILD);
	CHECK_EQ(waitpid(-other, NULL, WNOHANG), 0);
	kill(other, SIGKILL);
	CHECK_OK(waitid(P_PGID, (id_t)other, &info, WEXITED | WNOWAIT));
	CHECK_EQ(info.si_pid, other);
	CHECK_EQ(waitpid(-other, NULL, 0), other);
	ours = child_start(child_exits_7);
	if (waitid(P_PGID, 0, &info, WEXITED) == -1 && errno == EINVAL) {
		test_skip("waitid of the own group as 0", "needs Linux 5.4");
		child_wait(ours);
	} else {
		CHECK_EQ(info.si_pid, ours);
	}
}

static void by_pidfd(void)
{
	siginfo_t info = {0};
	pid_t pid = child_start(child_pauses);
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0) {
		test_skip("P_PIDFD", "this kernel has no pidfd_open");
		kill(pid, SIGKILL);
		child_wait(pid);
		return;
	}
	CHECK_EQ(waitid((idtype_t)P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG), 0);
	kill(pid, SIGKILL);
	CHECK_OK(waitid((idtype_t)P_PIDFD, (id_t)fd, &info, WEXITED));
	CHECK_EQ(info.si_pid, pid);
	CHECK_ERRNO(waitid((idtype_t)P_PIDFD, (id_t)fd, &info, WEXITED), ECHILD);
	close(fd);
	CHECK_ERRNO(waitid((idtype_t)P_PIDFD, (id_t)fd, &info, WEXITED), EBADF);
}

static void child_burns_time(void)
{
	while (clock_ns(CLOCK_PROCESS_CPUTIME_ID) < 60000000)
		;
}

static void usage_of_children(void)
{
	struct rusage one, all;
	int status;
	pid_t pid = child_start(child_burns_time);

	memset(&one, 0, sizeof(one));
	CHECK_EQ(wait4(pid, &status, 0, &one), pid);
	long us = one.ru_utime.tv_usec + one.ru_stime.tv_usec +
		  1000000 * (one.ru_utime.tv_sec + one.ru_stime.tv_sec);
	CHECK(us >= 50000);
	CHECK(one.ru_maxrss > 0);
	CHECK_OK(getrusage(RUSAGE_CHILDREN, &all));
	CHECK(all.ru_utime.tv_sec * 1000000 + all.ru_utime.tv_usec >=
		one.ru_utime.tv_sec * 1000000 + one.ru_utime.tv_usec);
}

static void ignored_children_vanish(void)
{
	struct sigaction sa = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
	pid_t pid;

	signal(SIGCHLD, SIG_IGN);
	pid = child_start(child_exits_7);
	CHECK_ERRNO(waitpid(pid, NULL, 0), ECHILD); /* only after it has ended */
	sigaction(SIGCHLD, &sa, NULL);
	pid = child_start(child_exits_7);
	CHECK_ERRNO(waitpid(-1, NULL, 0), ECHILD);
	while (kill(pid, 0) == 0) /* gone a moment later, without being asked for */
		sched_yield();
	CHECK_ERRNO(kill(pid, 0), ESRCH);
	signal(SIGCHLD, SIG_DFL);
	CHECK_EQ(child_run(child_exits_7), EXITED(7));
}

static volatile sig_atomic_t stops, exits;

static void on_child(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	if (info->si_code == CLD_STOPPED)
		stops++;
	if (info->si_code == CLD_KILLED)
		exits++;
}

static void stop_signals_can_be_unwanted(void)
{
	static const int flags[] = {0, SA_NOCLDSTOP};

	for (int i = 0; i < 2; i++) {
		pid_t pid = child_start(child_pauses);

		stops = exits = 0;
		handler_set(SIGCHLD, on_child, flags[i]);
		kill(pid, SIGSTOP);
		while (waitpid(pid, NULL, WUNTRACED) < 0)
			;
		kill(pid, SIGKILL);
		child_wait(pid);
		CHECK_EQ(stops, flags[i] ? 0 : 1);
		CHECK_EQ(exits, 1);
	}
	signal(SIGCHLD, SIG_DFL);
}

static pid_t awaited;

static void *waits_in_thread(void *arg)
{
	return (void *)(intptr_t)waitpid(awaited, NULL, (int)(intptr_t)arg);
}

static void by_thread(void)
{
	void *result;

	awaited = child_start(child_exits_7);
	pthread_join(thread_start(waits_in_thread, NULL), &result);
	CHECK_EQ((intptr_t)result, awaited); /* the children of one thread are everyone's */
	awaited = child_start(child_exits_7);
	pthread_join(thread_start(waits_in_thread, (void *)(intptr_t)__WNOTHREAD), &result);
	CHECK_EQ((intptr_t)result, -1);
	CHECK_EQ(waitpid(awaited, NULL, __WNOTHREAD), awaited);
}

int main(void)
{
	test_start();
	nobody_to_wait_for();
	exit_statuses();
	signal_statuses();
	core_signals();
	bad_status_pointer();
	no_hang_and_no_reap();
	siginfo_fields();
	stop_and_continue();
	by_group();
	by_pidfd();
	usage_of_children();
	ignored_children_vanish();
	stop_signals_can_be_unwanted();
	by_thread();
	return test_done();
}
