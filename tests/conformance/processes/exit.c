/* covers: exit exit_group wait4 tgkill */
/* _exit(2), exit_group(2): one thread's end, everyone's end, and what the parent hears of it. */
#include "tests/conformance/processes/process_test.h"

static int fds[2];

static void child_status_is_truncated(void)
{
	syscall(SYS_exit_group, 0x1234);
}

static void child_negative_status(void)
{
	syscall(SYS_exit_group, -1);
}

static void child_thread_exit_as_only_thread(void)
{
	syscall(SYS_exit, 17);
}

static void *ends_the_process(void *arg)
{
	_exit((int)(intptr_t)arg);
}

static void *blocks(void *arg)
{
	(void)arg;
	pipe_hear(fds[0]);
	return NULL;
}

static void *spins(void *arg)
{
	(void)arg;
	for (;;)
		;
	return NULL;
}

static void child_group_exit_from_thread(void)
{
	thread_start(blocks, NULL);
	thread_start(spins, NULL);
	thread_start(ends_the_process, (void *)18);
	for (;;)
		pause();
}

static void *ends_later(void *arg)
{
	pause_ms(20);
	pipe_say(fds[1]);
	syscall(SYS_exit, 19);
	return arg;
}

/* The leader has ended, its thread runs on; the process ends with the last thread. Whose status it
 * has then, the leader's or the last thread's, has changed with Linux 5.19: here they agree. */
static void child_main_thread_leaves(void)
{
	thread_start(ends_later, NULL);
	syscall(SYS_exit, 19);
}

static void *exits_group_later(void *arg)
{
	pause_ms(20);
	_exit((int)(intptr_t)arg);
}

static void child_main_thread_leaves_then_group_exit(void)
{
	thread_start(exits_group_later, (void *)20);
	syscall(SYS_exit, 19);
}

static void leader_waits_for_its_threads(void)
{
	pid_t pid = child_start(child_main_thread_leaves);

	CHECK_EQ(child_wait(pid), EXITED(19));
	CHECK_EQ(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	CHECK(pipe_hear(fds[0])); /* the thread had said it before the parent heard */
	fcntl(fds[0], F_SETFL, 0);
	CHECK_EQ(child_run(child_main_thread_leaves_then_group_exit), EXITED(20));
}

static void *waits_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* Without its leader a process is still there: it can be signalled, but not reaped. */
static void leaderless_process_is_alive(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		alarm(DEADLINE_SECONDS);
		thread_start(waits_for_ever, NULL);
		pipe_say(fds[1]);
		syscall(SYS_exit, 0);
	}
	pipe_hear(fds[0]);
	pause_ms(10);
	CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
	CHECK_EQ(kill(pid, 0), 0);
	CHECK_EQ(kill(pid, SIGTERM), 0);
	CHECK_EQ(child_wait(pid), SIGTERM);
}

static void *kills_itself(void *arg)
{
	syscall(SYS_tgkill, getpid(), thread_id(), SIGTERM);
	return arg;
}

/* A deadly signal to one thread is deadly to all. */
static void child_thread_dies_by_signal(void)
{
	thread_start(blocks, NULL);
	thread_start(kills_itself, NULL);
	for (;;)
		pause();
}

static void child_races_to_exit(void)
{
	for (intptr_t i = 0; i < 8; i++)
		thread_start(ends_the_process, (void *)(intptr_t)33);
	_exit(33);
}

static void exits_race(void)
{
	int wrong = 0;

	for (int i = 0; i < 30; i++)
		wrong += child_run(child_races_to_exit) != EXITED(33);
	CHECK_EQ(wrong, 0);
}

static void files_are_closed(void)
{
	int pair[2];
	char c;

	pipe_new(pair);
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	close(pair[1]);
	CHECK_EQ(read(pair[0], &c, 1), 0); /* ends when the child's copy is closed by its exit */
	CHECK_EQ(child_wait(pid), EXITED(0));
	close(pair[0]);
}

static int *at_exit_count;

static void count_at_exit(void)
{
	++*at_exit_count;
}

static void child_runs_handlers(void)
{
	atexit(count_at_exit);
	exit(3);
}

static void child_skips_handlers(void)
{
	atexit(count_at_exit);
	_exit(4);
}

static void *returns(void *arg)
{
	return arg;
}

/* pthread_exit() of the only thread that is left is exit(0). */
static void child_pthread_exits(void)
{
	atexit(count_at_exit);
	thread_start(returns, NULL);
	pthread_exit(NULL);
}

static void handlers(void)
{
	at_exit_count = shared_new(PAGE);
	CHECK_EQ(child_run(child_runs_handlers), EXITED(3));
	CHECK_EQ(*at_exit_count, 1);
	CHECK_EQ(child_run(child_skips_handlers), EXITED(4));
	CHECK_EQ(*at_exit_count, 1);
	CHECK_EQ(child_run(child_pthread_exits), EXITED(0));
	CHECK_EQ(*at_exit_count, 2);
}

int main(void)
{
	test_start();
	pipe_new(fds);
	CHECK_EQ(child_run(child_status_is_truncated), EXITED(0x34));
	CHECK_EQ(child_run(child_negative_status), EXITED(0xff));
	CHECK_EQ(child_run(child_thread_exit_as_only_thread), EXITED(17));
	CHECK_EQ(child_run(child_group_exit_from_thread), EXITED(18));
	leader_waits_for_its_threads();
	leaderless_process_is_alive();
	CHECK_EQ(child_run(child_thread_dies_by_signal), SIGTERM);
	exits_race();
	files_are_closed();
	handlers();
	return test_done();
}
