/* covers: fcntl */
/* Open file description locks: F_OFD_SETLK F_OFD_SETLKW F_OFD_GETLK. They belong to open files. */
#include "tests/conformance/files/conformance.h"

static int lock(int fd, int cmd, short type, off_t start, off_t len)
{
	struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};

	return fcntl(fd, cmd, &l);
}

static void test_within_one_process(int a, int b)
{
	struct flock l = {.l_type = F_WRLCK};

	CHECK_OK(lock(a, F_OFD_SETLK, F_WRLCK, 0, 10));
	CHECK_ERRNO(lock(b, F_OFD_SETLK, F_WRLCK, 5, 1), EAGAIN);
	CHECK_ERRNO(lock(b, F_OFD_SETLK, F_RDLCK, 0, 0), EAGAIN);
	CHECK_OK(lock(b, F_OFD_SETLK, F_WRLCK, 10, 10));
	CHECK_OK(fcntl(b, F_OFD_GETLK, &l));
	CHECK_EQ(l.l_type, F_WRLCK);
	CHECK_EQ(l.l_pid, -1);
	CHECK_EQ(l.l_start, 0);
	CHECK_EQ(l.l_len, 10);
	CHECK_OK(lock(b, F_OFD_SETLK, F_UNLCK, 0, 0));
	CHECK_ERRNO(lock(b, F_OFD_SETLK, F_WRLCK, 0, 1), EAGAIN);
	CHECK_OK(lock(a, F_OFD_SETLK, F_UNLCK, 0, 0));
	CHECK_OK(lock(b, F_OFD_SETLK, F_WRLCK, 0, 1));
	CHECK_OK(lock(b, F_OFD_SETLK, F_UNLCK, 0, 0));
}

static void test_inherited(int a, int b)
{
	int copy = dup(a);

	CHECK_OK(lock(a, F_OFD_SETLK, F_WRLCK, 0, 0));
	CHECK_OK(lock(copy, F_OFD_SETLK, F_WRLCK, 0, 0));
	FORKED("a child holds its parent's lock through the shared open file")
	{
		CHECK_OK(lock(a, F_OFD_SETLK, F_WRLCK, 0, 0));
		CHECK_ERRNO(lock(b, F_OFD_SETLK, F_WRLCK, 0, 0), EAGAIN);
	}
	close(copy);
	CHECK_ERRNO(lock(b, F_OFD_SETLK, F_RDLCK, 0, 0), EAGAIN);
	close(open("file", O_RDONLY));
	CHECK_ERRNO(lock(b, F_OFD_SETLK, F_RDLCK, 0, 0), EAGAIN);
	CHECK_OK(lock(a, F_OFD_SETLK, F_UNLCK, 0, 0));
}

static void test_last_close_releases(int b)
{
	int a = open("file", O_RDWR), copy = dup(a);

	CHECK_OK(lock(a, F_OFD_SETLK, F_WRLCK, 0, 0));
	close(a);
	CHECK_ERRNO(lock(b, F_OFD_SETLK, F_WRLCK, 0, 0), EAGAIN);
	close(copy);
	CHECK_OK(lock(b, F_OFD_SETLK, F_WRLCK, 0, 0));
	CHECK_OK(lock(b, F_OFD_SETLK, F_UNLCK, 0, 0));
}

static void test_against_posix(int a, int b)
{
	CHECK_OK(lock(a, F_SETLK, F_WRLCK, 0, 0));
	CHECK_ERRNO(lock(b, F_OFD_SETLK, F_WRLCK, 0, 0), EAGAIN);
	CHECK_ERRNO(lock(a, F_OFD_SETLK, F_WRLCK, 0, 0), EAGAIN);
	CHECK_OK(lock(a, F_SETLK, F_UNLCK, 0, 0));
	CHECK_OK(lock(a, F_OFD_SETLK, F_RDLCK, 0, 0));
	CHECK_ERRNO(lock(b, F_SETLK, F_WRLCK, 0, 0), EAGAIN);
	CHECK_OK(lock(a, F_OFD_SETLK, F_UNLCK, 0, 0));
}

static void test_waiting(int a)
{
	int ready[2];
	pid_t pid;
	char c;

	CHECK_OK(pipe(ready));
	CHECK_OK(lock(a, F_OFD_SETLK, F_WRLCK, 0, 0));
	pid = test_fork();
	if (pid == 0) {
		int own = open("file", O_RDWR);

		CHECK_EQ(write(ready[1], "r", 1), 1);
		CHECK_OK(lock(own, F_OFD_SETLKW, F_WRLCK, 0, 0));
		test_child_exit();
	}
	CHECK_EQ(read(ready[0], &c, 1), 1);
	let_others_run();
	CHECK_OK(lock(a, F_OFD_SETLK, F_UNLCK, 0, 0));
	JOIN(pid);
}

static void test_errors(int a)
{
	struct flock l = {.l_type = F_WRLCK, .l_pid = 5};

	CHECK_ERRNO(fcntl(a, F_OFD_SETLK, &l), EINVAL);
	CHECK_ERRNO(fcntl(a, F_OFD_GETLK, &l), EINVAL);
	CHECK_ERRNO(lock(-1, F_OFD_SETLK, F_WRLCK, 0, 0), EBADF);
	CHECK_ERRNO(lock(open("file", O_RDONLY), F_OFD_SETLK, F_WRLCK, 0, 0), EBADF);
}

int main(void)
{
	int a, b;

	test_begin();
	a = open("file", O_RDWR | O_CREAT, 0600);
	b = open("file", O_RDWR);
	REQUIRE(a >= 0 && b >= 0);
	test_within_one_process(a, b);
	test_inherited(a, b);
	test_last_close_releases(b);
	test_against_posix(a, b);
	test_waiting(a);
	test_errors(a);
	return test_done();
}
