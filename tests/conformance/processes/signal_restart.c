/* covers: rt_sigaction read write wait4 nanosleep clock_nanosleep poll select epoll_wait pause
 * restart_syscall futex tgkill */
/* signal(7), "Interruption of system calls": which calls go on after a handler, and which end. */
#include "tests/conformance/processes/process_test.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

static pthread_t main_thread;
static atomic_int calls, stop, after;
static int fds[2];

static void handler(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	atomic_fetch_add(&calls, 1);
}

/* Sends signals until told to stop; after twenty of them does what the call waits for. */
static void *pesters(void *arg)
{
	void (*finish)(void) = (void (*)(void))(uintptr_t)arg;

	while (!atomic_load(&stop)) {
		pthread_kill(main_thread, SIGUSR1);
		pause_ms(1);
		if (finish && atomic_load(&calls) >= 20 && !atomic_exchange(&after, 1))
			finish();
	}
	return NULL;
}

static pthread_t pester_start(int flags, void (*finish)(void))
{
	handler_set(SIGUSR1, handler, flags);
	atomic_store(&calls, 0);
	atomic_store(&stop, 0);
	atomic_store(&after, 0);
	return thread_start(pesters, (void *)(uintptr_t)finish);
}

static void pester_stop(pthread_t t)
{
	atomic_store(&stop, 1);
	pthread_join(t, NULL);
}

/* Without SA_RESTART the call ends with EINTR, with it it goes on until it has what it wants. */
#define INTERRUPTED(flags, call)                                                                   \
	do {                                                                                       \
		pthread_t t_ = pester_start(flags, NULL);                                          \
		CHECK_ERRNO(call, EINTR);                                                          \
		pester_stop(t_);                                                                   \
	} while (0)
#define RESTARTED(finish, call, want)                                                              \
	do {                                                                                       \
		pthread_t t_ = pester_start(SA_RESTART, finish);                                   \
		CHECK_EQ(call, want);                                                              \
		CHECK(atomic_load(&after));                                                        \
		pester_stop(t_);                                                                   \
	} while (0)

static void write_byte(void)
{
	pipe_say(fds[1]);
}

static void pipes(void)
{
	char c, block[65536] = {0};

	INTERRUPTED(0, read(fds[0], &c, 1));
	RESTARTED(write_byte, read(fds[0], &c, 1), 1);
	REQUIRE(fcntl(fds[1], F_SETFL, O_NONBLOCK) == 0);
	while (write(fds[1], block, sizeof(block)) > 0)
		;
	REQUIRE(fcntl(fds[1], F_SETFL, 0) == 0);
	INTERRUPTED(0, write(fds[1], block, 1));
	REQUIRE(fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0);
	while (read(fds[0], block, sizeof(block)) > 0)
		;
	REQUIRE(fcntl(fds[0], F_SETFL, 0) == 0);
}

static pid_t child;

static void kill_child(void)
{
	kill(child, SIGKILL);
}

static void child_pauses(void)
{
	for (;;)
		pause();
}

static void waiting(void)
{
	int status;

	child = child_start(child_pauses);
	INTERRUPTED(0, waitpid(child, &status, 0));
	RESTARTED(kill_child, waitpid(child, &status, 0), child);
}

/* These end with EINTR whatever the flags. */
static void never_restarted(void)
{
	struct pollfd p = {.fd = fds[0], .events = POLLIN};
	struct epoll_event event = {.events = EPOLLIN};
	struct timespec t = {100, 0}, rest = {0, 0};
	int ep = epoll_create1(EPOLL_CLOEXEC);
	fd_set set;

	REQUIRE(epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &event) == 0);
	INTERRUPTED(SA_RESTART, poll(&p, 1, -1));
	INTERRUPTED(SA_RESTART, poll(&p, 1, 100000));
	INTERRUPTED(SA_RESTART, epoll_wait(ep, &event, 1, -1));
	FD_ZERO(&set);
	FD_SET(fds[0], &set);
	INTERRUPTED(SA_RESTART, select(fds[0] + 1, &set, NULL, NULL, NULL));
	INTERRUPTED(SA_RESTART, nanosleep(&t, &rest));
	CHECK(rest.tv_sec >= 30 && rest.tv_sec <= 100);
	INTERRUPTED(SA_RESTART, pause());
	pthread_t pest = pester_start(SA_RESTART, NULL);
	CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &rest), EINTR);
	pester_stop(pest);
	int64_t end = now_ns() + 100000000000;
	t = (struct timespec){end / 1000000000, end % 1000000000};
	rest.tv_sec = 12345;
	pest = pester_start(SA_RESTART, NULL);
	CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, &rest), EINTR);
	pester_stop(pest);
	CHECK_EQ(rest.tv_sec, 12345); /* absolute sleeps leave it alone */
	close(ep);
}

/* A stop and a continue without a handler are not noticed by most calls. */
static int up[2], down[2];

static void child_reads_through_stops(void)
{
	struct timespec t = {0, 100000000};
	int64_t start = now_ns();
	struct pollfd p = {.fd = down[0], .events = POLLIN};
	char c;

	pipe_say(up[1]);
	REQUIRE(nanosleep(&t, NULL) == 0);
	REQUIRE(now_ns() - start >= 100000000);
	REQUIRE(poll(&p, 1, -1) == 1);
	REQUIRE(read(down[0], &c, 1) == 1);
	pipe_say(up[1]);
	REQUIRE(read(down[0], &c, 1) == 1);
}

static void stop_and_continue(pid_t pid)
{
	int status;

	kill(pid, SIGSTOP);
	REQUIRE(waitpid(pid, &status, WUNTRACED) == pid);
	kill(pid, SIGCONT);
	REQUIRE(waitpid(pid, &status, WCONTINUED) == pid);
}

static void stops_do_not_interrupt(void)
{
	pid_t pid;

	pipe_new(up);
	pipe_new(down);
	pid = child_start(child_reads_through_stops);
	pipe_hear(up[0]);
	for (int i = 0; i < 5; i++)
		stop_and_continue(pid);
	pause_ms(110);
	stop_and_continue(pid);
	pipe_say(down[1]);
	pipe_hear(up[0]);
	stop_and_continue(pid);
	pipe_say(down[1]);
	CHECK_EQ(child_wait(pid), EXITED(0));
}

/* What has been moved is told, not lost. */
static void *drains_a_little(void *arg)
{
	char block[100];

	REQUIRE(read(fds[0], block, sizeof(block)) > 0);
	return arg;
}

static void partial_writes(void)
{
	static char block[1 << 20];
	pthread_t t = pester_start(0, NULL), drain = thread_start(drains_a_little, NULL);
	ssize_t n = write(fds[1], block, sizeof(block));

	CHECK(n == -1 || (n > 0 && n < (ssize_t)sizeof(block)));
	pester_stop(t);
	pthread_join(drain, NULL);
}

static void ignored_signals_do_not_interrupt(void)
{
	struct timespec t = {0, 50000000};
	pthread_t pest = pester_start(0, NULL);

	signal(SIGUSR1, SIG_IGN);
	CHECK_OK(nanosleep(&t, NULL));
	pester_stop(pest);
}

int main(void)
{
	test_start();
	main_thread = pthread_self();
	pipe_new(fds);
	pipes();
	waiting();
	never_restarted();
	stops_do_not_interrupt();
	partial_writes();
	ignored_signals_do_not_interrupt();
	return test_done();
}
