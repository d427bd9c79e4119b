/* covers: exit exit_group clone execve wait4 */
/* Threads of one process that leave at the same moment, in every order: by exit_group, by
 * pthread_exit and by the execve of another; two trees of processes do so side by side. */
#include "tests/conformance/processes/process_test.h"

#include <limits.h>

enum { ROUNDS = 150, THREADS = 3, EXIT_CODE = 5 };

static atomic_int arrived;
static char program[PATH_MAX]; /* /proc/self/exe is gone with the leader */

static void meet(void)
{
	atomic_fetch_add(&arrived, 1);
	while (atomic_load(&arrived) <= THREADS)
		sched_yield();
}

static void *thread_leaves(void *arg)
{
	meet();
	return arg;
}

static void *thread_execs(void *arg)
{
	meet();
	execl(program, "exit_races", "exit", NULL);
	return arg;
}

static void threads_start(void *(*last)(void *))
{
	pthread_t thread;

	for (int i = 0; i < THREADS; i++)
		REQUIRE(!pthread_create(
			&thread, NULL, i == THREADS - 1 ? last : thread_leaves, NULL));
	meet();
}

static void child_ends_all(void)
{
	threads_start(thread_leaves);
	_exit(EXIT_CODE);
}

static void child_leader_leaves(void)
{
	threads_start(thread_leaves);
	syscall(SYS_exit, EXIT_CODE);
}

static void child_is_replaced(void)
{
	threads_start(thread_execs);
	syscall(SYS_exit, 0);
}

/* Returns how many children did not end with one of the two statuses. */
static int rounds(void (*run)(void), int code, int other_code)
{
	int wrong = 0;

	for (int i = 0; i < ROUNDS; i++) {
		int status = child_run(run);

		wrong += status != EXITED(code) && status != EXITED(other_code);
	}
	return wrong;
}

static void child_does_rounds(void)
{
	REQUIRE(rounds(child_ends_all, EXIT_CODE, EXIT_CODE) == 0);
}

int main(int argc, char **argv)
{
	pid_t beside;

	if (argc > 1 && !strcmp(argv[1], "exit"))
		return EXIT_CODE;
	test_start();
	REQUIRE(readlink("/proc/self/exe", program, sizeof(program) - 1) > 0);
	beside = child_start(child_does_rounds);
	CHECK_EQ(rounds(child_ends_all, EXIT_CODE, EXIT_CODE), 0);
	/* The status is that of the thread that was last. */
	CHECK_EQ(rounds(child_leader_leaves, EXIT_CODE, 0), 0);
	CHECK_EQ(rounds(child_is_replaced, EXIT_CODE, EXIT_CODE), 0);
	CHECK_EQ(child_wait(beside), EXITED(0));
	return test_done();
}
