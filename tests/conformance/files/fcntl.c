/* covers: fcntl fadvise64 readahead */
/* fcntl(2): duplicating, descriptor flags, status flags, owners, pipe sizes, hints. */
#include "tests/conformance/files/conformance.h"

static void test_duplicate(int fd)
{
	int a = fcntl(fd, F_DUPFD, 100), b = fcntl(fd, F_DUPFD_CLOEXEC, 100);

	CHECK_EQ(a, 100);
	CHECK_EQ(b, 101);
	CHECK_EQ(fcntl(a, F_GETFD), 0);
	CHECK_EQ(fcntl(b, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(lseek(fd, 7, SEEK_SET), 7);
	CHECK_EQ(lseek(a, 0, SEEK_CUR), 7);
	CHECK_ERRNO(fcntl(fd, F_DUPFD, -1), EINVAL);
	CHECK_ERRNO(fcntl(fd, F_DUPFD, 1 << 30), EINVAL);
	CHECK_ERRNO(fcntl(-1, F_DUPFD, 0), EBADF);
	close(a);
	close(b);
}

static void test_descriptor_flags(int fd)
{
	int copy = dup(fd);

	CHECK_OK(fcntl(fd, F_SETFD, FD_CLOEXEC));
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(copy, F_GETFD), 0);
	CHECK_OK(fcntl(fd, F_SETFD, 0));
	CHECK_EQ(fcntl(fd, F_GETFD), 0);
	CHECK_OK(fcntl(fd, F_SETFD, -1));
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_ERRNO(fcntl(-1, F_GETFD), EBADF);
	close(copy);
}

static void test_status_flags(int fd)
{
	int copy = dup(fd), flags = fcntl(fd, F_GETFL);

	CHECK_EQ(flags & O_ACCMODE, O_RDWR);
	CHECK_EQ(flags & (O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC), 0);
	CHECK_OK(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK));
	CHECK_EQ(fcntl(copy, F_GETFL) & (O_APPEND | O_NONBLOCK), O_APPEND | O_NONBLOCK);
	/* Access mode and creation flags can't be changed; they are ignored. */
	CHECK_OK(fcntl(fd, F_SETFL, O_WRONLY | O_TRUNC | O_SYNC));
	CHECK_EQ(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_SYNC), O_RDWR);
	CHECK_EQ(size_of(fd), 4);
	CHECK_OK(fcntl(fd, F_SETFL, O_APPEND));
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(write(fd, "!", 1), 1);
	CHECK(file_is("f", "text!"));
	CHECK_ERRNO(fcntl(-1, F_GETFL), EBADF);
	close(copy);
}

static void test_path_descriptor(void)
{
	int fd = open("f", O_PATH);

	CHECK_EQ(fcntl(fd, F_GETFD), 0);
	CHECK_OK(fcntl(fd, F_SETFD, FD_CLOEXEC));
	CHECK(fcntl(fd, F_GETFL) & O_PATH);
	CHECK_ERRNO(fcntl(fd, F_SETFL, 0), EBADF);
	close(fcntl(fd, F_DUPFD, 0));
	close(fd);
}

static void test_owner(int fd)
{
	struct f_owner_ex owner = {.type = F_OWNER_PID, .pid = getpid()}, got = {0};

	CHECK_EQ(fcntl(fd, F_GETOWN), 0);
	CHECK_OK(fcntl(fd, F_SETOWN, getpid()));
	CHECK_EQ(fcntl(fd, F_GETOWN), getpid());
	CHECK_OK(fcntl(fd, F_SETOWN_EX, &owner));
	CHECK_OK(fcntl(fd, F_GETOWN_EX, &got));
	CHECK_EQ(got.type, F_OWNER_PID);
	CHECK_EQ(got.pid, getpid());
	CHECK_EQ(fcntl(fd, F_GETSIG), 0);
	CHECK_OK(fcntl(fd, F_SETSIG, SIGUSR1));
	CHECK_EQ(fcntl(fd, F_GETSIG), SIGUSR1);
	CHECK_ERRNO(fcntl(fd, F_SETSIG, 999), EINVAL);
}

static void test_pipe_size(int fd)
{
	int p[2], size;

	CHECK_OK(pipe(p));
	size = fcntl(p[0], F_GETPIPE_SZ);
	CHECK(size >= 4096);
	CHECK_EQ(fcntl(p[1], F_GETPIPE_SZ), size);
	CHECK_ERRNO(fcntl(fd, F_GETPIPE_SZ), EBADF);
	CHECK_ERRNO(fcntl(fd, F_SETPIPE_SZ, 4096), EBADF);
	close(p[0]);
	close(p[1]);
}

static volatile sig_atomic_t lease_broken;

static void on_lease(int sig)
{
	(void)sig;
	lease_broken = 1;
}

/* A lease is granted or refused cleanly; if granted, opening for writing breaks it. */
static void test_lease(void)
{
	int fd = open("f", O_RDONLY);

	if (fcntl(fd, F_SETLEASE, F_RDLCK)) {
		CHECK(errno == EINVAL || errno == EACCES || errno == EAGAIN);
		test_skip("leases", "not here");
		close(fd);
		return;
	}
	signal(SIGIO, on_lease);
	CHECK_EQ(fcntl(fd, F_GETLEASE), F_RDLCK);
	CHECK_ERRNO(open("f", O_WRONLY | O_NONBLOCK), EWOULDBLOCK);
	CHECK_EQ(lease_broken, 1);
	CHECK_OK(fcntl(fd, F_SETLEASE, F_UNLCK));
	CHECK_EQ(fcntl(fd, F_GETLEASE), F_UNLCK);
	close(fd);
}

static void test_hints(int fd)
{
	uint64_t hint = 0, bad = 999;

	if (fcntl(fd, F_GET_RW_HINT, &hint)) {
		CHECK_EQ(errno, EINVAL);
		test_skip("write life-time hints", "not here");
		return;
	}
	CHECK_EQ(hint, RWH_WRITE_LIFE_NOT_SET);
	CHECK_ERRNO(fcntl(fd, F_SET_RW_HINT, &bad), EINVAL);
}

static void test_errors(int fd)
{
	int p[2];

	CHECK_OK(pipe(p));
	CHECK_ERRNO(fcntl(fd, 99999), EINVAL);
	CHECK_ERRNO(fcntl(-1, 99999), EBADF);
	CHECK_ERRNO(fcntl(p[1], F_ADD_SEALS, 0), EINVAL);
	CHECK_ERRNO(fcntl(p[0], F_GET_SEALS), EINVAL);
	close(p[0]);
	close(p[1]);
	CHECK_ERRNO(fcntl(fd, F_NOTIFY, 1), ENOTDIR);
}

static void test_advise(int fd)
{
	int p[2];

	CHECK_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL), 0);
	CHECK_EQ(posix_fadvise(fd, 0, 100, POSIX_FADV_DONTNEED), 0);
	CHECK_EQ(posix_fadvise(fd, 0, 0, 99), EINVAL);
	CHECK_EQ(posix_fadvise(fd, 0, -1, POSIX_FADV_NORMAL), EINVAL);
	CHECK_EQ(posix_fadvise(-1, 0, 0, POSIX_FADV_NORMAL), EBADF);
	CHECK_OK(pipe(p));
	CHECK_EQ(posix_fadvise(p[0], 0, 0, POSIX_FADV_NORMAL), ESPIPE);
	CHECK_OK(readahead(fd, 0, 100));
	CHECK_ERRNO(readahead(-1, 0, 100), EBADF);
	CHECK_ERRNO(readahead(p[0], 0, 100), EINVAL);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	int fd;

	test_begin();
	put_file("f", "text");
	fd = open("f", O_RDWR | O_CREAT, 0600);
	REQUIRE(fd >= 0);
	test_duplicate(fd);
	test_descriptor_flags(fd);
	test_status_flags(fd);
	test_path_descriptor();
	test_owner(fd);
	test_pipe_size(fd);
	test_hints(fd);
	test_errors(fd);
	test_advise(fd);
	close(fd);
	test_lease();
	return test_done();
}
