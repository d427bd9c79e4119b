/* covers: setpgid getpgid getpgrp setsid getsid kill execve wait4 */
/* setpgid(2), setsid(2): who may be moved where, and who hears a signal to a group. */
#include "tests/conformance/processes/process_test.h"

static int up[2], down[2];

static void child_waits(void)
{
	pipe_say(up[1]);
	pipe_hear(down[0]);
}

static void groups_of_children(void)
{
	pid_t a = child_start(child_waits), b = child_start(child_waits);

	CHECK_EQ(getpgid(a), getpgrp());
	CHECK_EQ(setpgid(a, 0), 0);
	CHECK_EQ(getpgid(a), a);
	CHECK_EQ(setpgid(b, a), 0);
	CHECK_EQ(getpgid(b), a);
	CHECK_EQ(setpgid(b, getpgrp()), 0);
	CHECK_EQ(getpgid(b), getpgrp());
	CHECK_EQ(getsid(a), getsid(0));
	pipe_say(down[1]);
	pipe_say(down[1]);
	child_wait(a);
	CHECK_ERRNO(setpgid(b, a), EPERM); /* that group is gone */
	child_wait(b);
	CHECK_ERRNO(getpgid(b), ESRCH);
	CHECK_ERRNO(setpgid(b, 0), ESRCH);
	CHECK_ERRNO(getsid(b), ESRCH);
}

static void errors(void)
{
	CHECK_ERRNO(setpgid(0, -1), EINVAL);
	CHECK_ERRNO(setpgid(-1, 0), EINVAL); /* the group would be -1 */
	CHECK_ERRNO(setpgid(-1, getpgrp()), ESRCH);
	CHECK_ERRNO(setpgid(getppid(), 0), ESRCH); /* not our child */
	CHECK_ERRNO(getpgid(-1), ESRCH);
	CHECK_ERRNO(getsid(-1), ESRCH);
	CHECK_EQ(getpgid(0), getpgrp());
	CHECK_EQ(getpgid(getpid()), getpgrp());
	CHECK_EQ(syscall(SYS_getpgrp), getpgid(0));
}

static void child_becomes_session_leader(void)
{
	pid_t me = getpid(), pid;

	REQUIRE(setsid() == me);
	REQUIRE(getsid(0) == me && getpgrp() == me);
	REQUIRE(setsid() == -1 && errno == EPERM);
	REQUIRE(setpgid(0, 0) == -1 && errno == EPERM); /* a session leader stays */
	REQUIRE(setpgid(0, me) == -1 && errno == EPERM);
	REQUIRE(open("/dev/tty", O_RDWR) == -1);
	pid = fork();
	if (pid == 0) {
		REQUIRE(getsid(0) == me && getpgrp() == me);
		REQUIRE(setpgid(0, 0) == 0 && getpgrp() == getpid());
		REQUIRE(setsid() == -1 && errno == EPERM); /* a group leader can't */
		_exit(0);
	}
	REQUIRE(child_wait(pid) == EXITED(0));
}

static void child_is_group_leader(void)
{
	REQUIRE(setpgid(0, 0) == 0);
	REQUIRE(setsid() == -1 && errno == EPERM);
}

static void child_starts_session_and_waits(void)
{
	REQUIRE(setsid() == getpid());
	child_waits();
}

static void other_sessions_are_out_of_reach(void)
{
	pid_t pid = child_start(child_starts_session_and_waits);

	pipe_hear(up[0]);
	CHECK_EQ(getsid(pid), pid);
	CHECK_EQ(getpgid(pid), pid);
	CHECK_ERRNO(setpgid(pid, getpgrp()), EPERM);
	CHECK_ERRNO(setpgid(0, pid), EPERM);
	pipe_say(down[1]);
	child_wait(pid);
}

static void child_execs(void)
{
	char *argv[] = {"x", "wait", NULL};

	dup2(up[1], 1);
	dup2(down[0], 0);
	execv("/proc/self/exe", argv);
}

/* A child that has called execve() can't be moved by its parent. */
static void too_late_after_exec(void)
{
	pid_t pid = child_start(child_execs);

	pipe_hear(up[0]);
	CHECK_ERRNO(setpgid(pid, pid), EACCES);
	pipe_say(down[1]);
	CHECK_EQ(child_wait(pid), EXITED(0));
}

static void child_is_killed_waiting(void)
{
	pipe_say(up[1]);
	for (;;)
		pause();
}

static void signals_to_a_group(void)
{
	enum { COUNT = 5 };
	pid_t pids[COUNT], outsider = child_start(child_is_killed_waiting);
	int killed = 0;

	pipe_hear(up[0]);
	for (int i = 0; i < COUNT; i++) {
		pids[i] = child_start(child_is_killed_waiting);
		REQUIRE(setpgid(pids[i], pids[0]) == 0);
		pipe_hear(up[0]);
	}
	CHECK_EQ(kill(-pids[0], 0), 0);
	CHECK_EQ(killpg(pids[0], SIGTERM), 0);
	for (int i = 0; i < COUNT; i++)
		killed += child_wait(pids[i]) == SIGTERM;
	CHECK_EQ(killed, COUNT);
	CHECK_ERRNO(kill(-pids[0], 0), ESRCH);
	CHECK_EQ(waitpid(outsider, NULL, WNOHANG), 0);
	kill(outsider, SIGKILL);
	child_wait(outsider);
}

static void child_signals_own_group(void)
{
	pid_t pid;

	REQUIRE(setpgid(0, 0) == 0);
	pid = fork();
	if (pid == 0)
		child_is_killed_waiting();
	pipe_hear(up[0]);
	signal(SIGUSR1, SIG_IGN);
	REQUIRE(kill(0, SIGUSR1) == 0);
	REQUIRE(child_wait(pid) == SIGUSR1);
}

/* A group that becomes orphaned with a stopped member hears SIGHUP, then SIGCONT. */
static void middle_leaves_stopped_child(void)
{
	pid_t pid;

	REQUIRE(setpgid(0, 0) == 0);
	pid = fork();
	if (pid == 0) {
		raise(SIGSTOP);
		for (;;)
			pause();
	}
	REQUIRE(waitpid(pid, NULL, WUNTRACED) == pid);
	/* The pipe end lives on in the stopped process alone. */
}

static void orphaned_groups_are_told(void)
{
	int life[2];
	char c;
	pid_t pid;

	pipe_new(life);
	pid = fork();
	if (pid == 0) {
		alarm(DEADLINE_SECONDS);
		REQUIRE(setsid() > 0);
		pid = fork();
		if (pid == 0) {
			middle_leaves_stopped_child();
			_exit(0);
		}
		_exit(child_wait(pid) == EXITED(0) ? 0 : CHILD_FAILED);
	}
	close(life[1]);
	CHECK_EQ(child_wait(pid), EXITED(0));
	CHECK_EQ(read(life[0], &c, 1), 0); /* ends when SIGHUP has killed it */
	close(life[0]);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		pipe_say(1);
		return !argv[1] || !pipe_hear(0);
	}
	test_start();
	pipe_new(up);
	pipe_new(down);
	errors();
	groups_of_children();
	pipe_hear(up[0]);
	pipe_hear(up[0]);
	CHECK_CHILD(child_becomes_session_leader);
	CHECK_CHILD(child_is_group_leader);
	other_sessions_are_out_of_reach();
	too_late_after_exec();
	signals_to_a_group();
	CHECK_CHILD(child_signals_own_group);
	orphaned_groups_are_told();
	return test_done();
}
