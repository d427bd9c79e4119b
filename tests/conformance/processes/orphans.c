/* covers: prctl getppid wait4 kill fork exit_group */
/* What becomes of the children of a process that ends: new parents, PR_SET_PDEATHSIG, and groups
 * that nobody of their session looks after any more. */
#include "tests/conformance/processes/process_test.h"

#include <sys/prctl.h>

static int up[2], down[2];
static pid_t *grandchild;

/* The grandchild waits until its parent is gone, and says who is its parent now. */
static void grandchild_tells_parent(pid_t old)
{
	pid_t now;

	while ((now = getppid()) == old)
		sched_yield();
	REQUIRE(write(up[1], &now, sizeof(now)) == sizeof(now));
	pipe_hear(down[0]);
	_exit(21);
}

static void child_leaves_orphan(void)
{
	pid_t me = getpid(), pid = fork();

	if (pid == 0)
		grandchild_tells_parent(me);
	*grandchild = pid;
	_exit(20);
}

static void orphans_leave_us_unless_we_reap_them(void)
{
	pid_t now = 0;

	CHECK_EQ(child_run(child_leaves_orphan), EXITED(20));
	CHECK_EQ(read(up[0], &now, sizeof(now)), (long)sizeof(now));
	CHECK(now != getpid());
	CHECK_ERRNO(waitpid(*grandchild, NULL, WNOHANG), ECHILD);
	CHECK_EQ(kill(*grandchild, 0), 0);
	pipe_say(down[1]);
}

static void subreaper_takes_orphans(void)
{
	int is = -1;
	pid_t now = 0;

	CHECK_OK(prctl(PR_GET_CHILD_SUBREAPER, &is, 0, 0, 0));
	CHECK_EQ(is, 0);
	CHECK_OK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	CHECK_OK(prctl(PR_GET_CHILD_SUBREAPER, &is, 0, 0, 0));
	CHECK_EQ(is, 1);
	CHECK_EQ(child_run(child_leaves_orphan), EXITED(20));
	CHECK_EQ(read(up[0], &now, sizeof(now)), (long)sizeof(now));
	CHECK_EQ(now, getpid());
	pipe_say(down[1]);
	CHECK_EQ(child_wait(*grandchild), EXITED(21));
}

static void child_is_no_subreaper(void)
{
	int is = -1;

	REQUIRE(prctl(PR_GET_CHILD_SUBREAPER, &is, 0, 0, 0) == 0 && is == 0);
}

/* A zombie is handed over too, and told to its new parent. */
static void child_leaves_zombie(void)
{
	pid_t pid = fork();
	siginfo_t info;

	if (pid == 0)
		_exit(22);
	*grandchild = pid;
	REQUIRE(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
	_exit(20);
}

static void zombies_are_handed_over(void)
{
	CHECK_EQ(child_run(child_leaves_zombie), EXITED(20));
	CHECK_EQ(child_wait(*grandchild), EXITED(22));
	CHECK_ERRNO(waitpid(-1, NULL, 0), ECHILD);
}

static volatile sig_atomic_t death_signals;

static void on_death(int sig, siginfo_t *info, void *context)
{
	(void)context;
	(void)info;
	death_signals += sig == SIGUSR1;
}

static void grandchild_awaits_death_signal(void)
{
	int sig = 0;
	sigset_t none;

	signal_block(SIG_BLOCK, SIGUSR1);
	handler_set(SIGUSR1, on_death, 0);
	REQUIRE(prctl(PR_SET_PDEATHSIG, SIGUSR1) == 0);
	REQUIRE(prctl(PR_GET_PDEATHSIG, &sig) == 0 && sig == SIGUSR1);
	pipe_say(up[1]);
	sigemptyset(&none);
	while (!death_signals)
		sigsuspend(&none);
	_exit(23);
}

static void child_with_deathsig_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		grandchild_awaits_death_signal();
	*grandchild = pid;
	pipe_hear(up[0]);
	_exit(20);
}

static void death_signal_arrives(void)
{
	CHECK_EQ(child_run(child_with_deathsig_child), EXITED(20));
	CHECK_EQ(child_wait(*grandchild), EXITED(23));
}

static void grandchild_dies_with_parent(void)
{
	REQUIRE(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
	pipe_say(up[1]);
	for (;;)
		pause();
}

static void child_with_killed_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		grandchild_dies_with_parent();
	*grandchild = pid;
	pipe_hear(up[0]);
	kill(getpid(), SIGKILL);
}

static void death_signal_may_kill(void)
{
	CHECK_EQ(child_run(child_with_killed_child), SIGKILL);
	CHECK_EQ(child_wait(*grandchild), SIGKILL);
}

static void child_has_no_death_signal(void)
{
	int sig = -1;

	REQUIRE(prctl(PR_GET_PDEATHSIG, &sig) == 0 && sig == 0);
}

static void death_signal_is_not_inherited(void)
{
	CHECK_OK(prctl(PR_SET_PDEATHSIG, SIGUSR2));
	CHECK_CHILD(child_has_no_death_signal);
	CHECK_OK(prctl(PR_SET_PDEATHSIG, 0));
	CHECK_ERRNO(prctl(PR_SET_PDEATHSIG, 65), EINVAL);
}

/* Children of a thread pass to another thread of the process, not to the reaper. */
static pid_t thread_child;

static void *thread_leaves_child(void *arg)
{
	(void)arg;
	thread_child = fork();
	if (thread_child == 0) {
		pipe_hear(down[0]);
		_exit(getppid() == *grandchild ? 24 : 25);
	}
	return NULL;
}

static void children_outlive_their_thread(void)
{
	*grandchild = getpid();
	pthread_join(thread_start(thread_leaves_child, NULL), NULL);
	CHECK_EQ(waitpid(thread_child, NULL, WNOHANG), 0);
	pipe_say(down[1]);
	CHECK_EQ(child_wait(thread_child), EXITED(24));
}

/* ---- Groups that become orphaned: setpgid(2), _exit(3p) ---- */

static struct shared {
	_Atomic int hangups, continued;
	_Atomic pid_t member, other;
} * shared;

static void on_hangup(int sig, siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	atomic_fetch_add(sig == SIGHUP ? &shared->hangups : &shared->continued, 1);
}

/* Counts what it gets until it is killed. */
static void member_counts(void)
{
	handler_set(SIGHUP, on_hangup, 0);
	handler_set(SIGCONT, on_hangup, 0);
	pipe_say(up[1]);
	for (;;)
		pause();
}

static void child_ends_at_once(void)
{
}

static void child_ends_when_told(void)
{
	pipe_hear(down[0]);
}

static void stop(pid_t pid)
{
	int status;

	REQUIRE(kill(pid, SIGSTOP) == 0);
	REQUIRE(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
}

/* The only one of its group whose parent is in another one. */
static void anchor(void)
{
	REQUIRE(setpgid(0, 0) == 0);
	signal(SIGHUP, SIG_IGN); /* the others of the group are hung up, too */
	shared->member = child_start(member_counts);
	pipe_hear(up[0]);
	stop(shared->member);
	REQUIRE(child_run(child_ends_at_once) == EXITED(0)); /* it ties nobody */
	REQUIRE(shared->hangups == 0);
	shared->other = child_start(child_ends_when_told);
}

static void session_with_a_group(void)
{
	REQUIRE(setsid() > 0);
	REQUIRE(child_run(anchor) == EXITED(0));
	pipe_hear(down[0]);
}

static void wait_for(_Atomic int *count, int value)
{
	while (*count < value)
		pause_ms(5);
}

static void groups_are_hung_up_once(void)
{
	pid_t session;
	int status;

	shared->hangups = shared->continued = 0;
	session = child_start(session_with_a_group);
	wait_for(&shared->continued, 1);
	CHECK_EQ(shared->hangups, 1);
	/* It is an orphan: that another member ends changes nothing. */
	REQUIRE(kill(shared->member, SIGSTOP) == 0);
	do
		REQUIRE(waitpid(shared->member, &status, WUNTRACED) == shared->member);
	while (!WIFSTOPPED(status));
	pipe_say(down[1]);
	pipe_say(down[1]);
	CHECK_EQ(child_wait(shared->other), EXITED(0));
	CHECK_EQ(child_wait(session), EXITED(0));
	CHECK_EQ(waitpid(shared->member, &status, WCONTINUED | WNOHANG), 0);
	CHECK_OK(kill(shared->member, SIGCONT));
	wait_for(&shared->continued, 2);
	CHECK_EQ(shared->hangups, 1);
	CHECK_OK(kill(shared->member, SIGKILL));
	CHECK_EQ(child_wait(shared->member), SIGKILL);
}

static void member_of_own_group(void)
{
	REQUIRE(setpgid(0, 0) == 0);
	member_counts();
}

static void session_that_ends(void)
{
	REQUIRE(setsid() > 0);
	shared->member = child_start(member_of_own_group);
	pipe_hear(up[0]);
	stop(shared->member);
}

static void the_parent_may_be_the_anchor(void)
{
	shared->hangups = shared->continued = 0;
	CHECK_CHILD(session_that_ends);
	wait_for(&shared->continued, 1);
	CHECK_EQ(shared->hangups, 1);
	CHECK_OK(kill(shared->member, SIGKILL));
	CHECK_EQ(child_wait(shared->member), SIGKILL);
}

int main(void)
{
	test_start();
	grandchild = shared_new(PAGE);
	pipe_new(up);
	pipe_new(down);
	orphans_leave_us_unless_we_reap_them();
	subreaper_takes_orphans();
	CHECK_CHILD(child_is_no_subreaper);
	zombies_are_handed_over();
	death_signal_arrives();
	death_signal_may_kill();
	death_signal_is_not_inherited();
	children_outlive_their_thread();
	shared = shared_new(PAGE);
	groups_are_hung_up_once();
	the_parent_may_be_the_anchor();
	return test_done();
}
