/* covers: flock */
/* flock(2): whole-file locks that belong to open file descriptions. */
#include <sys/file.h>

#include "tests/conformance/files/conformance.h"

static void test_exclusive_and_shared(void)
{
	int a = open("f", O_RDWR | O_CREAT, 0600), b = open("f", O_RDONLY);

	CHECK_OK(flock(a, LOCK_EX));
	CHECK_ERRNO(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	CHECK_ERRNO(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	CHECK_OK(flock(a, LOCK_EX | LOCK_NB));
	CHECK_OK(flock(a, LOCK_SH));
	CHECK_OK(flock(b, LOCK_SH | LOCK_NB));
	CHECK_ERRNO(flock(a, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	CHECK_OK(flock(b, LOCK_UN));
	CHECK_OK(flock(a, LOCK_EX | LOCK_NB));
	CHECK_OK(flock(a, LOCK_UN));
	CHECK_OK(flock(a, LOCK_UN));
	/* A read-only descriptor may lock exclusively. */
	CHECK_OK(flock(b, LOCK_EX | LOCK_NB));
	close(a);
	close(b);
}

static void test_duplicates(void)
{
	int a = open("f", O_RDWR), copy = dup(a), b = open("f", O_RDWR);

	CHECK_OK(flock(a, LOCK_EX));
	CHECK_OK(flock(copy, LOCK_EX | LOCK_NB));
	close(a);
	CHECK_ERRNO(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	close(copy);
	CHECK_OK(flock(b, LOCK_SH | LOCK_NB));
	close(b);
}

static void test_inherited(void)
{
	int a = open("f", O_RDWR), b = open("f", O_RDWR);

	CHECK_OK(flock(a, LOCK_EX));
	FORKED("a child's unlock is everyone's")
	{
		CHECK_OK(flock(a, LOCK_EX | LOCK_NB));
		CHECK_ERRNO(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
		CHECK_OK(flock(a, LOCK_UN));
	}
	CHECK_OK(flock(b, LOCK_EX | LOCK_NB));
	close(a);
	close(b);
}

static void test_waiting(void)
{
	int a = open("f", O_RDWR), ready[2];
	pid_t pid;
	char c;

	CHECK_OK(pipe(ready));
	CHECK_OK(flock(a, LOCK_EX));
	pid = test_fork();
	if (pid == 0) {
		int own = open("f", O_RDWR);

		CHECK_EQ(write(ready[1], "r", 1), 1);
		CHECK_OK(flock(own, LOCK_EX));
		test_child_exit();
	}
	CHECK_EQ(read(ready[0], &c, 1), 1);
	let_others_run();
	CHECK_OK(flock(a, LOCK_UN));
	JOIN(pid);
	close(a);
}

static void test_interrupted(void)
{
	int a = open("f", O_RDWR);

	CHECK_OK(flock(a, LOCK_EX));
	FORKED("a signal ends the wait with EINTR")
	{
		int own = open("f", O_RDWR);

		interrupt_from_now_on();
		CHECK_ERRNO(flock(own, LOCK_EX), EINTR);
	}
	close(a);
}

/* On local files flock(2) and fcntl(2) locks don't see each other. */
static void test_apart_from_fcntl(void)
{
	struct flock l = {.l_type = F_WRLCK};
	int a = open("f", O_RDWR);

	CHECK_OK(flock(a, LOCK_EX));
	FORKED("a record lock is still free")
	{
		CHECK_OK(fcntl(a, F_SETLK, &l));
	}
	close(a);
}

static void test_errors(void)
{
	int path = open("f", O_PATH), dir = open(".", O_RDONLY), p[2];

	CHECK_ERRNO(flock(-1, LOCK_EX), EBADF);
	CHECK_ERRNO(flock(path, LOCK_EX), EBADF);
	CHECK_ERRNO(flock(dir, 0), EINVAL);
	CHECK_ERRNO(flock(dir, LOCK_EX | LOCK_SH), EINVAL);
	CHECK_OK(flock(dir, LOCK_EX | LOCK_NB));
	CHECK_OK(pipe(p));
	CHECK_OK(flock(p[0], LOCK_EX | LOCK_NB));
	close(path);
	close(dir);
}

int main(void)
{
	test_begin();
	test_exclusive_and_shared();
	test_duplicates();
	test_inherited();
	test_waiting();
	test_interrupted();
	test_apart_from_fcntl();
	test_errors();
	return test_done();
}
