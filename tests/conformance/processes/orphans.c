/* covers: prctl getppid wait4 kill fork exit_group */
/* What becomes of the children of a process that ends: new parents, and PR_SET_PDEATHSIG. */
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
	return test_done();
}
