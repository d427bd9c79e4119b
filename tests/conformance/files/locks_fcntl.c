/* covers: fcntl */
/* POSIX record locks: F_SETLK F_SETLKW F_GETLK. They belong to processes. */
#include "tests/conformance/files/conformance.h"

static int lock(int fd, int cmd, short type, off_t start, off_t len)
{
	struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};

	return fcntl(fd, cmd, &l);
}

static struct flock asked(int fd, short type, off_t start, off_t len)
{
	struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};

	CHECK_OK(fcntl(fd, F_GETLK, &l));
	return l;
}

static void test_conflicts(int fd)
{
	pid_t parent = getpid();

	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 10, 10));
	FORKED("a child isn't the holder")
	{
		struct flock l = asked(fd, F_RDLCK, 0, 0);

		CHECK_EQ(l.l_type, F_WRLCK);
		CHECK_EQ(l.l_pid, parent);
		CHECK_EQ(l.l_start, 10);
		CHECK_EQ(l.l_len, 10);
		CHECK_EQ(l.l_whence, SEEK_SET);
		CHECK_ERRNO(lock(fd, F_SETLK, F_RDLCK, 19, 1), EAGAIN);
		CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 20, 1));
		CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 10));
		CHECK_EQ(asked(fd, F_WRLCK, 30, 1).l_type, F_UNLCK);
	}
	CHECK_EQ(asked(fd, F_WRLCK, 0, 0).l_type, F_UNLCK);
	CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 0, 0));
}

static void test_shared(int fd)
{
	CHECK_OK(lock(fd, F_SETLK, F_RDLCK, 0, 0));
	FORKED("readers share, writers don't")
	{
		CHECK_OK(lock(fd, F_SETLK, F_RDLCK, 0, 0));
		CHECK_ERRNO(lock(fd, F_SETLK, F_WRLCK, 5, 1), EAGAIN);
	}
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
	FORKED("the lock was upgraded")
	{
		CHECK_ERRNO(lock(fd, F_SETLK, F_RDLCK, 0, 0), EAGAIN);
	}
	CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 0, 0));
}

static void test_split_and_merge(int fd)
{
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 30));
	CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 10, 10));
	FORKED("unlocking the middle leaves two")
	{
		CHECK_EQ(asked(fd, F_WRLCK, 0, 0).l_len, 10);
		CHECK_EQ(asked(fd, F_WRLCK, 10, 0).l_start, 20);
		CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 10, 10));
	}
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 10, 10));
	FORKED("filling the gap makes one again")
	{
		CHECK_EQ(asked(fd, F_WRLCK, 0, 0).l_len, 30);
	}
	CHECK_OK(lock(fd, F_SETLK, F_RDLCK, 5, 5));
	FORKED("a downgrade splits too")
	{
		CHECK_OK(lock(fd, F_SETLK, F_RDLCK, 5, 5));
		CHECK_ERRNO(lock(fd, F_SETLK, F_RDLCK, 4, 1), EAGAIN);
		CHECK_ERRNO(lock(fd, F_SETLK, F_WRLCK, 5, 1), EAGAIN);
	}
	CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 0, 0));
}

static void test_whence(int fd)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = -10, .l_len = 5};

	CHECK_OK(ftruncate(fd, 100));
	CHECK_OK(fcntl(fd, F_SETLK, &l));
	FORKED("SEEK_END counts from the size")
	{
		CHECK_EQ(asked(fd, F_WRLCK, 0, 0).l_start, 90);
	}
	CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 0, 0));
	CHECK_EQ(lseek(fd, 50, SEEK_SET), 50);
	l = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_start = 0, .l_len = -10};
	CHECK_OK(fcntl(fd, F_SETLK, &l));
	FORKED("a negative length reaches backwards")
	{
		struct flock got = asked(fd, F_WRLCK, 0, 0);

		CHECK_EQ(got.l_start, 40);
		CHECK_EQ(got.l_len, 10);
	}
	CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 0, 0));
}

/* fcntl(2): closing any descriptor of the file drops the process's locks on it. */
static void test_close_releases(int fd)
{
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
	close(open("file", O_RDONLY));
	FORKED("released by the unrelated close")
	{
		CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
	}
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
	close(dup(fd));
	FORKED("released by closing a duplicate, and by the child's exit before")
	{
		CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
	}
}

static void test_waiting(int fd)
{
	int ready[2], done[2];
	char c;
	pid_t pid;

	CHECK_OK(pipe(ready) | pipe(done));
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
	pid = test_fork();
	if (pid == 0) {
		CHECK_EQ(write(ready[1], "r", 1), 1);
		CHECK_OK(lock(fd, F_SETLKW, F_WRLCK, 0, 0));
		CHECK_EQ(write(done[1], "d", 1), 1);
		test_child_exit();
	}
	CHECK_EQ(read(ready[0], &c, 1), 1);
	let_others_run();
	CHECK_OK(fcntl(done[0], F_SETFL, O_NONBLOCK));
	CHECK_ERRNO(read(done[0], &c, 1), EAGAIN);
	CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 0, 0));
	JOIN(pid);
	CHECK_EQ(read(done[0], &c, 1), 1);
}

static void test_interrupted(int fd)
{
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
	FORKED("a signal ends the wait with EINTR")
	{
		interrupt_from_now_on();
		CHECK_ERRNO(lock(fd, F_SETLKW, F_WRLCK, 0, 0), EINTR);
	}
	CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 0, 0));
}

static void test_deadlock(int fd)
{
	int ready[2];
	pid_t pid;
	char c;
	int r;

	CHECK_OK(pipe(ready));
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 1));
	pid = test_fork();
	if (pid == 0) {
		CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 1, 1));
		CHECK_EQ(write(ready[1], "r", 1), 1);
		r = lock(fd, F_SETLKW, F_WRLCK, 0, 1);
		CHECK(r == 0 || errno == EDEADLK);
		_exit(test_failures ? 1 : r ? 3 : 2);
	}
	CHECK_EQ(read(ready[0], &c, 1), 1);
	r = lock(fd, F_SETLKW, F_WRLCK, 1, 1);
	int own = r == 0 ? 0 : errno, status;
	CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 0, 0));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	/* Whoever closes the circle gets EDEADLK; the other gets the lock in the end. */
	CHECK((own == EDEADLK && WEXITSTATUS(status) == 2) ||
		(own == 0 && WEXITSTATUS(status) == 3));
}

static void test_errors(int fd)
{
	int ro = open("file", O_RDONLY), wo = open("file", O_WRONLY);

	CHECK_ERRNO(lock(-1, F_SETLK, F_RDLCK, 0, 0), EBADF);
	CHECK_ERRNO(lock(ro, F_SETLK, F_WRLCK, 0, 0), EBADF);
	CHECK_ERRNO(lock(wo, F_SETLK, F_RDLCK, 0, 0), EBADF);
	CHECK_ERRNO(lock(fd, F_SETLK, 99, 0, 0), EINVAL);
	CHECK_ERRNO(lock(fd, F_SETLK, F_RDLCK, -1, 0), EINVAL);
	CHECK_ERRNO(lock(fd, F_GETLK, F_UNLCK, 0, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_fcntl, fd, F_SETLK, BAD_POINTER), EFAULT);
	CHECK_OK(lockf(fd, F_TLOCK, 0));
	CHECK_OK(lockf(fd, F_ULOCK, 0));
	close(ro);
	close(wo);
}

int main(void)
{
	int fd;

	test_begin();
	fd = open("file", O_RDWR | O_CREAT, 0600);
	REQUIRE(fd >= 0);
	test_conflicts(fd);
	test_shared(fd);
	test_split_and_merge(fd);
	test_whence(fd);
	test_close_releases(fd);
	test_waiting(fd);
	test_interrupted(fd);
	test_deadlock(fd);
	test_errors(fd);
	return test_done();
}
