/* covers: dup dup2 dup3 */
/* dup(2): which number, what is shared, what isn't, and limits. */
#include <sys/resource.h>

#include "tests/conformance/files/conformance.h"

static void test_dup(int fd)
{
	int a = dup(fd), b;

	CHECK(a > fd);
	b = dup(fd);
	close(a);
	CHECK_EQ(dup(fd), a);
	CHECK_EQ(lseek(a, 3, SEEK_SET), 3);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 3);
	CHECK_ERRNO(dup(-1), EBADF);
	CHECK_ERRNO(dup(99999), EBADF);
	close(a);
	CHECK_EQ(lseek(b, 0, SEEK_CUR), 3);
	close(b);
}

static void test_dup_drops_cloexec(int fd)
{
	int a;

	CHECK_OK(fcntl(fd, F_SETFD, FD_CLOEXEC));
	a = dup(fd);
	CHECK_EQ(fcntl(a, F_GETFD), 0);
	CHECK_EQ(dup2(fd, a), a);
	CHECK_EQ(fcntl(a, F_GETFD), 0);
	CHECK_OK(fcntl(fd, F_SETFD, 0));
	close(a);
}

static void test_dup2(int fd)
{
	int p[2];
	char c;

	CHECK_OK(pipe(p));
	CHECK_EQ(dup2(fd, 200), 200);
	CHECK(fd_open(200));
	/* The descriptor replaced is closed silently: here, the pipe's only writer. */
	CHECK_EQ(dup2(fd, p[1]), p[1]);
	CHECK_EQ(read(p[0], &c, 1), 0);
	CHECK_EQ(dup2(fd, fd), fd);
	CHECK_OK(fcntl(fd, F_SETFD, FD_CLOEXEC));
	CHECK_EQ(dup2(fd, fd), fd);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_ERRNO(dup2(-1, 200), EBADF);
	CHECK(fd_open(200));
	CHECK_ERRNO(dup2(99999, 99999), EBADF);
	CHECK_ERRNO(dup2(fd, -1), EBADF);
	CHECK_ERRNO(dup2(fd, INT_MAX), EBADF);
	close(200);
	close(p[0]);
	close(p[1]);
}

static void test_dup3(int fd)
{
	CHECK_EQ(dup3(fd, 201, O_CLOEXEC), 201);
	CHECK_EQ(fcntl(201, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(dup3(fd, 201, 0), 201);
	CHECK_EQ(fcntl(201, F_GETFD), 0);
	CHECK_ERRNO(dup3(fd, fd, 0), EINVAL);
	CHECK_ERRNO(dup3(fd, 201, O_NONBLOCK), EINVAL);
	CHECK_ERRNO(dup3(-1, 201, 0), EBADF);
	CHECK_ERRNO(dup3(fd, -1, 0), EBADF);
	close(201);
}

static void test_limit(int fd)
{
	const struct rlimit small = {50, 50};
	int last = -1, n;

	FORKED("RLIMIT_NOFILE bounds the number, not the count")
	{
		CHECK_EQ(dup2(fd, 120), 120);
		CHECK_OK(setrlimit(RLIMIT_NOFILE, &small));
		CHECK_EQ(dup2(fd, 49), 49);
		CHECK_ERRNO(dup2(fd, 50), EBADF);
		CHECK_ERRNO(dup3(fd, 50, 0), EBADF);
		CHECK_ERRNO(fcntl(fd, F_DUPFD, 50), EINVAL);
		CHECK_ERRNO(fcntl(fd, F_DUPFD, 49), EMFILE);
		while ((n = dup(fd)) >= 0)
			last = n;
		CHECK_EQ(errno, EMFILE);
		CHECK_EQ(last, 48);
		CHECK_ERRNO(open("f", O_RDONLY), EMFILE);
		CHECK_EQ(lseek(120, 0, SEEK_SET), 0);
		CHECK_EQ(close(120), 0);
	}
}

static void test_table_is_copied_by_fork(int fd)
{
	FORKED("a child's close is its own")
	{
		CHECK_EQ(close(fd), 0);
		CHECK(!fd_open(fd));
	}
	CHECK(fd_open(fd));
}

int main(void)
{
	int fd;

	test_begin();
	put_file("f", "0123456789");
	fd = open("f", O_RDWR);
	REQUIRE(fd >= 0);
	test_dup(fd);
	test_dup_drops_cloexec(fd);
	test_dup2(fd);
	test_dup3(fd);
	test_limit(fd);
	test_table_is_copied_by_fork(fd);
	return test_done();
}
