/* covers: close close_range */
/* close_range(2): ranges, CLOSE_RANGE_CLOEXEC, CLOSE_RANGE_UNSHARE. */
#include <sched.h>

#include "tests/conformance/files/conformance.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define UNSHARE 2U
#define CLOEXEC 4U

static long range(unsigned first, unsigned last, unsigned flags)
{
	return syscall(SYS_close_range, first, last, flags);
}

static void open_some(void)
{
	for (int fd = 100; fd < 110; fd++)
		if (dup2(STDOUT_FILENO, fd) != fd)
			_exit(97);
}

static int open_count(void)
{
	int n = 0;

	for (int fd = 100; fd < 110; fd++)
		n += fd_open(fd);
	return n;
}

static void test_ranges(void)
{
	open_some();
	CHECK_OK(range(102, 104, 0));
	CHECK(fd_open(101) && !fd_open(102) && !fd_open(104) && fd_open(105));
	CHECK_OK(range(102, 104, 0));
	CHECK_EQ(open_count(), 7);
	CHECK_OK(range(105, 105, 0));
	CHECK_EQ(open_count(), 6);
	CHECK_OK(range(100, ~0U, 0));
	CHECK_EQ(open_count(), 0);
	CHECK_OK(range(5000, 6000, 0));
	CHECK(fd_open(STDOUT_FILENO));
}

static void test_cloexec(void)
{
	open_some();
	if (range(103, 106, CLOEXEC) && errno == EINVAL) {
		test_skip("CLOSE_RANGE_CLOEXEC", "needs Linux 5.11");
		return;
	}
	CHECK_EQ(open_count(), 10);
	CHECK_EQ(fcntl(102, F_GETFD), 0);
	CHECK_EQ(fcntl(103, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(106, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(107, F_GETFD), 0);
	CHECK_OK(range(100, ~0U, 0));
}

static int close_privately(void *arg)
{
	(void)arg;
	return range(104, ~0U, UNSHARE) || fd_open(104) || !fd_open(103);
}

static int close_publicly(void *arg)
{
	(void)arg;
	return (int)range(104, ~0U, 0);
}

static void test_unshare(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	int status = -1;
	pid_t pid;

	open_some();
	pid = clone(close_privately, stack + sizeof(stack), CLONE_FILES | SIGCHLD, NULL);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(open_count(), 10);
	pid = clone(close_publicly, stack + sizeof(stack), CLONE_FILES | SIGCHLD, NULL);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(open_count(), 4);
	CHECK_OK(range(100, ~0U, 0));
}

static void test_errors(void)
{
	CHECK_ERRNO(range(5, 4, 0), EINVAL);
	CHECK_ERRNO(range(3, 4, 0x80), EINVAL);
}

static void test_close(void)
{
	CHECK_ERRNO(close(-1), EBADF);
	CHECK_ERRNO(close(4000), EBADF);
	CHECK_EQ(dup2(STDOUT_FILENO, 100), 100);
	CHECK_EQ(close(100), 0);
	CHECK_ERRNO(close(100), EBADF);
}

int main(void)
{
	test_begin();
	test_close();
	if (range(5000, 5000, 0) && errno == ENOSYS) {
		test_skip("close_range", "needs Linux 5.9");
		return test_done();
	}
	test_ranges();
	test_cloexec();
	test_unshare();
	test_errors();
	return test_done();
}
