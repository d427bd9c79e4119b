/* covers: fork clone wait4 getpid getppid lseek dup pipe2 */
/* fork(2): what a child gets a copy of, what it shares, and what it starts without. */
#include "tests/conformance/processes/process_test.h"

#include <sys/resource.h>
#include <sys/times.h>

static int variable = 1;
static int *heap;
static pid_t parent;
static int file;

static void child_changes_memory(void)
{
	int on_stack = 5;

	REQUIRE(variable == 1 && *heap == 2);
	variable = 10;
	*heap = 20;
	on_stack++;
	REQUIRE(variable == 10 && *heap == 20 && on_stack == 6);
}

static void memory_is_copied(void)
{
	heap = malloc(sizeof(*heap));
	*heap = 2;
	CHECK_CHILD(child_changes_memory);
	CHECK_EQ(variable, 1);
	CHECK_EQ(*heap, 2);
	free(heap);
}

enum { BIG_SIZE = 8 << 20 };
static unsigned char *big;

static void child_sees_big_memory(void)
{
	for (size_t i = 0; i < BIG_SIZE; i += PAGE)
		REQUIRE(big[i] == (unsigned char)(i / PAGE));
	memset(big, 0xff, BIG_SIZE);
}

static void every_page_is_copied(void)
{
	size_t wrong = 0;

	big = memory_new(BIG_SIZE, PROT_READ | PROT_WRITE);
	for (size_t i = 0; i < BIG_SIZE; i += PAGE)
		big[i] = (unsigned char)(i / PAGE);
	CHECK_CHILD(child_sees_big_memory);
	for (size_t i = 0; i < BIG_SIZE; i += PAGE)
		wrong += big[i] != (unsigned char)(i / PAGE);
	CHECK_EQ(wrong, 0);
	munmap(big, BIG_SIZE);
}

static void child_checks_ids(void)
{
	REQUIRE(getppid() == parent);
	REQUIRE(getpid() != parent);
	REQUIRE(thread_id() == getpid());
	REQUIRE(getpgrp() == getpgid(parent));
	REQUIRE(getsid(0) == getsid(parent));
}

static void child_reads_file(void)
{
	char c;

	REQUIRE(read(file, &c, 1) == 1 && c == 'a');
	REQUIRE(fcntl(file, F_SETFD, FD_CLOEXEC) == 0);
	REQUIRE(fcntl(file, F_SETFL, O_APPEND) == 0);
	close(0);
}

static void offsets_and_flags_are_shared_but_not_the_table(void)
{
	int zero = open("/dev/null", O_RDONLY);

	file = open("data", O_RDWR | O_CREAT | O_TRUNC, 0600);
	REQUIRE(file >= 0 && zero >= 0);
	CHECK_EQ(write(file, "abc", 3), 3);
	lseek(file, 0, SEEK_SET);
	CHECK_CHILD(child_reads_file);
	CHECK_EQ(lseek(file, 0, SEEK_CUR), 1);
	CHECK_EQ(fcntl(file, F_GETFD), 0);
	CHECK_EQ(fcntl(file, F_GETFL) & O_APPEND, O_APPEND);
	CHECK_OK(fcntl(0, F_GETFD));
	close(file);
	close(zero);
}

static void ignore(int sig)
{
	(void)sig;
}

static void child_checks_signals(void)
{
	sigset_t set;
	struct sigaction sa;

	sigpending(&set);
	REQUIRE(!sigismember(&set, SIGUSR1));
	sigprocmask(SIG_SETMASK, NULL, &set);
	REQUIRE(sigismember(&set, SIGUSR1));
	REQUIRE(sigaction(SIGUSR2, NULL, &sa) == 0 && sa.sa_handler == ignore);
	REQUIRE(sigaction(SIGHUP, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN);
}

static void signals_are_inherited_but_not_pending_ones(void)
{
	signal(SIGUSR2, ignore);
	signal(SIGHUP, SIG_IGN);
	signal_block(SIG_BLOCK, SIGUSR1);
	raise(SIGUSR1);
	CHECK_CHILD(child_checks_signals);
	signal(SIGUSR1, SIG_IGN);
	signal_block(SIG_UNBLOCK, SIGUSR1);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
}

static void child_has_no_alarm_nor_time(void)
{
	struct tms t;

	/* child_start() set a new one: alarm(0) tells what was left of it, at most the deadline. */
	REQUIRE(alarm(0) <= DEADLINE_SECONDS);
	times(&t);
	REQUIRE(t.tms_cutime == 0 && t.tms_cstime == 0);
}

static void alarm_is_not_inherited(void)
{
	pid_t pid;

	alarm(1000);
	pid = fork();
	if (pid == 0)
		_exit(alarm(0) == 0 ? 0 : 1);
	CHECK_EQ(child_wait(pid), EXITED(0));
	CHECK(alarm(DEADLINE_SECONDS) > 900);
	CHECK_CHILD(child_has_no_alarm_nor_time);
}

static void many_children_at_once(void)
{
	enum { COUNT = 50 };
	pid_t pids[COUNT];
	int gate[2], wrong = 0;

	pipe_new(gate);
	for (int i = 0; i < COUNT; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			close(gate[1]);
			pipe_hear(gate[0]);
			_exit(i);
		}
		for (int j = 0; j < i; j++)
			wrong += pids[j] == pids[i];
	}
	CHECK_EQ(wrong, 0);
	CHECK_EQ(waitpid(-1, NULL, WNOHANG), 0);
	close(gate[1]);
	for (int i = COUNT; i-- > 0;)
		wrong += child_wait(pids[i]) != EXITED(i);
	CHECK_EQ(wrong, 0);
	close(gate[0]);
}

static void two_hundred_in_sequence(void)
{
	int wrong = 0;

	for (int i = 0; i < 200; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(i & 0x7f);
		wrong += child_wait(pid) != EXITED(i & 0x7f);
	}
	CHECK_EQ(wrong, 0);
	CHECK_ERRNO(waitpid(-1, NULL, 0), ECHILD);
}

static void generations(void)
{
	pid_t me = getpid(), pid = fork();
	int depth = 0;

	while (pid == 0 && depth < 8) {
		depth++;
		if (getppid() == me)
			REQUIRE(depth == 1);
		pid = fork();
	}
	if (getpid() != me) {
		int status = pid ? child_wait(pid) : 0;

		_exit(status == 0 && depth ? 0 : CHILD_FAILED);
	}
	CHECK_EQ(child_wait(pid), EXITED(0));
}

static void *forks_from_thread(void *arg)
{
	int *wrong = arg;

	for (int i = 0; i < 10; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(thread_id() == getpid() && getppid() == parent ? 3 : 4);
		*wrong += child_wait(pid) != EXITED(3);
	}
	return NULL;
}

static void threads_fork(void)
{
	enum { COUNT = 4 };
	pthread_t threads[COUNT];
	int wrong[COUNT] = {0};

	for (int i = 0; i < COUNT; i++)
		threads[i] = thread_start(forks_from_thread, &wrong[i]);
	for (int i = 0; i < COUNT; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(wrong[0] + wrong[1] + wrong[2] + wrong[3], 0);
}

static char atfork_log[8];

static void log_prepare(void)
{
	strcat(atfork_log, "p");
}

static void log_parent(void)
{
	strcat(atfork_log, "P");
}

static void log_child(void)
{
	strcat(atfork_log, "c");
}

static void atfork_handlers_run(void)
{
	pid_t pid;

	CHECK_EQ(pthread_atfork(log_prepare, log_parent, log_child), 0);
	pid = fork();
	if (pid == 0)
		_exit(strcmp(atfork_log, "pc") != 0);
	CHECK_EQ(child_wait(pid), EXITED(0));
	CHECK_STR(atfork_log, "pP");
}

static void the_raw_call(void)
{
	long pid = syscall(SYS_fork);

	if (pid == 0)
		_exit(syscall(SYS_getppid) == parent ? 7 : 8);
	CHECK(pid > 0);
	CHECK_EQ(child_wait((pid_t)pid), EXITED(7));
}

int main(void)
{
	test_start();
	parent = getpid();
	memory_is_copied();
	every_page_is_copied();
	CHECK_CHILD(child_checks_ids);
	offsets_and_flags_are_shared_but_not_the_table();
	signals_are_inherited_but_not_pending_ones();
	alarm_is_not_inherited();
	many_children_at_once();
	two_hundred_in_sequence();
	generations();
	threads_fork();
	the_raw_call();
	atfork_handlers_run();
	return test_done();
}
