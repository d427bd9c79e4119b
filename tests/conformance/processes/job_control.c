/* covers: kill wait4 rt_sigaction rt_sigprocmask rt_sigpending tgkill */
/* Stopping and continuing: SIGSTOP, SIGTSTP, SIGTTIN, SIGCONT, and what each cancels. */
#include "tests/conformance/processes/process_test.h"

static atomic_long *progress;

static void child_counts(void)
{
	for (;;) {
		atomic_fetch_add(progress, 1);
		sched_yield();
	}
}

static void *counts(void *arg)
{
	child_counts();
	return arg;
}

static void child_counts_in_threads(void)
{
	for (int i = 0; i < 3; i++)
		thread_start(counts, NULL);
	child_counts();
}

static bool moves(void)
{
	long before = atomic_load(progress);

	for (int i = 0; i < 20; i++) {
		pause_ms(1);
		if (atomic_load(progress) != before)
			return true;
	}
	return false;
}

static int wait_stop(pid_t pid)
{
	int status = 0;

	REQUIRE(waitpid(pid, &status, WUNTRACED) == pid);
	return WIFSTOPPED(status) ? WSTOPSIG(status) : -1;
}

static void wait_continue(pid_t pid)
{
	int status = 0;

	REQUIRE(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
}

static void all_threads_stop(void)
{
	pid_t pid = child_start(child_counts_in_threads);

	while (!moves())
		;
	kill(pid, SIGSTOP);
	CHECK_EQ(wait_stop(pid), SIGSTOP);
	CHECK(!moves());
	kill(pid, SIGTERM); /* waits until it continues */
	CHECK(!moves());
	CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGCONT);
	CHECK_EQ(child_wait(pid), SIGTERM);
}

static void continue_resumes(void)
{
	static const int signals[] = {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};

	for (int i = 0; i < 4; i++) {
		pid_t pid = child_start(child_counts);

		/* Its own group, but of this session: not orphaned, so the terminal's stops work.
		 */
		setpgid(pid, pid);
		while (!moves())
			;
		kill(pid, signals[i]);
		CHECK_EQ(wait_stop(pid), signals[i]);
		kill(pid, SIGCONT);
		wait_continue(pid);
		while (!moves())
			;
		kill(pid, SIGKILL);
		CHECK_EQ(child_wait(pid), SIGKILL);
	}
}

static volatile sig_atomic_t continued;

static void on_continue(int sig)
{
	continued += sig == SIGCONT;
}

static void child_handles_continue(void)
{
	signal(SIGCONT, on_continue);
	raise(SIGSTOP);
	REQUIRE(continued == 1);
	signal_block(SIG_BLOCK, SIGCONT); /* blocked it still continues, and stays pending */
	raise(SIGSTOP);
	sigset_t pending;
	sigpending(&pending);
	REQUIRE(sigismember(&pending, SIGCONT) && continued == 1);
	signal_block(SIG_UNBLOCK, SIGCONT);
	REQUIRE(continued == 2);
}

static void handlers_of_continue(void)
{
	pid_t pid = child_start(child_handles_continue);

	for (int i = 0; i < 2; i++) {
		CHECK_EQ(wait_stop(pid), SIGSTOP);
		kill(pid, SIGCONT);
	}
	CHECK_EQ(child_wait(pid), EXITED(0));
}

static void child_pending_stop_is_dropped(void)
{
	sigset_t pending;

	signal_block(SIG_BLOCK, SIGTSTP);
	signal_block(SIG_BLOCK, SIGCONT);
	signal(SIGCONT, on_continue);
	raise(SIGTSTP);
	raise(SIGCONT);
	sigpending(&pending);
	REQUIRE(sigismember(&pending, SIGCONT) && !sigismember(&pending, SIGTSTP));
	raise(SIGTSTP);
	sigpending(&pending);
	REQUIRE(!sigismember(&pending, SIGCONT) && sigismember(&pending, SIGTSTP));
	raise(SIGCONT);
}

static volatile sig_atomic_t stops_seen;

static void on_stop(int sig)
{
	stops_seen += sig == SIGTSTP;
}

static void child_handles_stop(void)
{
	signal(SIGTSTP, on_stop);
	raise(SIGTSTP);
	REQUIRE(stops_seen == 1);
	signal(SIGTTIN, SIG_IGN);
	raise(SIGTTIN);
}

/* In an orphaned group nobody could continue it: the terminal's stop signals do nothing. */
static void child_in_orphaned_group(void)
{
	REQUIRE(setsid() > 0);
	raise(SIGTSTP);
	raise(SIGTTOU);
}

static void child_stops_in_orphaned_group(void)
{
	REQUIRE(setsid() > 0);
	raise(SIGSTOP);
}

static void orphaned_groups(void)
{
	pid_t pid;

	CHECK_CHILD(child_in_orphaned_group);
	pid = child_start(child_stops_in_orphaned_group);
	CHECK_EQ(wait_stop(pid), SIGSTOP); /* this one always stops */
	kill(pid, SIGCONT);
	CHECK_EQ(child_wait(pid), EXITED(0));
}

static void many_rounds(void)
{
	pid_t pid = child_start(child_counts_in_threads);
	int wrong = 0;

	for (int i = 0; i < 100; i++) {
		kill(pid, SIGSTOP);
		wrong += wait_stop(pid) != SIGSTOP;
		kill(pid, SIGCONT);
		wait_continue(pid);
	}
	CHECK_EQ(wrong, 0);
	kill(pid, SIGKILL);
	CHECK_EQ(child_wait(pid), SIGKILL);
}

int main(void)
{
	test_start();
	progress = shared_new(PAGE);
	all_threads_stop();
	continue_resumes();
	handlers_of_continue();
	CHECK_CHILD(child_pending_stop_is_dropped);
	CHECK_CHILD(child_handles_stop);
	orphaned_groups();
	many_rounds();
	return test_done();
}
