/* covers: pipe pipe2 read write ioctl fcntl */
/* pipe(7): capacity, atomic writes, end of file, broken pipes, packets. */
#include <sys/ioctl.h>

#include "tests/conformance/files/conformance.h"

static void close_both(const int p[2])
{
	close(p[0]);
	close(p[1]);
}

static void test_create(void)
{
	int p[2];

	CHECK_EQ(syscall(SYS_pipe, p), 0);
	CHECK_EQ(fcntl(p[0], F_GETFL) & O_ACCMODE, O_RDONLY);
	CHECK_EQ(fcntl(p[1], F_GETFL) & O_ACCMODE, O_WRONLY);
	CHECK_EQ(fcntl(p[0], F_GETFD), 0);
	CHECK_ERRNO(write(p[0], "x", 1), EBADF);
	CHECK_ERRNO(read(p[1], (char[1]){0}, 1), EBADF);
	close_both(p);
	CHECK_OK(pipe2(p, O_CLOEXEC | O_NONBLOCK));
	CHECK_EQ(fcntl(p[0], F_GETFD), FD_CLOEXEC);
	CHECK(fcntl(p[0], F_GETFL) & O_NONBLOCK);
	CHECK(fcntl(p[1], F_GETFL) & O_NONBLOCK);
	close_both(p);
	CHECK_ERRNO(pipe2(p, O_APPEND), EINVAL);
	CHECK_ERRNO(syscall(SYS_pipe, BAD_POINTER), EFAULT);
	CHECK_ERRNO(syscall(SYS_pipe2, BAD_POINTER, 0), EFAULT);
}

static void test_stream(void)
{
	char buf[16];
	int p[2], n = -1;

	CHECK_OK(pipe(p));
	CHECK_EQ(write(p[1], "abc", 3), 3);
	CHECK_EQ(write(p[1], "def", 3), 3);
	CHECK_OK(ioctl(p[0], FIONREAD, &n));
	CHECK_EQ(n, 6);
	CHECK_EQ(read(p[0], buf, 2), 2);
	CHECK_EQ(read(p[0], buf, 16), 4);
	CHECK(!memcmp(buf, "cdef", 4));
	CHECK_OK(ioctl(p[0], FIONREAD, &n));
	CHECK_EQ(n, 0);
	CHECK_EQ(read(p[0], buf, 0), 0);
	CHECK_EQ(write(p[1], buf, 0), 0);
	close_both(p);
}

static void test_end_of_file(void)
{
	char buf[8];
	int p[2], w2;

	CHECK_OK(pipe(p));
	w2 = dup(p[1]);
	CHECK_EQ(write(p[1], "last", 4), 4);
	close(p[1]);
	CHECK_OK(fcntl(p[0], F_SETFL, O_NONBLOCK));
	CHECK_EQ(read(p[0], buf, 8), 4);
	CHECK_ERRNO(read(p[0], buf, 8), EAGAIN);
	close(w2);
	CHECK_EQ(read(p[0], buf, 8), 0);
	CHECK_EQ(read(p[0], buf, 8), 0);
	close(p[0]);
}

static volatile sig_atomic_t broken;

static void on_sigpipe(int sig)
{
	(void)sig;
	broken++;
}

static void test_broken(void)
{
	int p[2], status;
	pid_t pid;

	CHECK_OK(pipe(p));
	close(p[0]);
	signal(SIGPIPE, on_sigpipe);
	CHECK_ERRNO(write(p[1], "x", 1), EPIPE);
	CHECK_EQ(broken, 1);
	signal(SIGPIPE, SIG_IGN);
	CHECK_ERRNO(write(p[1], "x", 1), EPIPE);
	CHECK_EQ(broken, 1);
	signal(SIGPIPE, SIG_DFL);
	pid = test_fork();
	if (pid == 0)
		_exit((int)write(p[1], "x", 1));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
	close(p[1]);
}

static size_t fill(int fd)
{
	static char block[4096];
	size_t total = 0;
	ssize_t n;

	while ((n = write(fd, block, sizeof(block))) > 0)
		total += (size_t)n;
	CHECK_EQ(errno, EAGAIN);
	while (write(fd, block, 1) == 1)
		total++;
	return total;
}

static void test_capacity(void)
{
	static char buf[65536];
	int p[2];
	size_t full;

	CHECK_OK(pipe2(p, O_NONBLOCK));
	full = fill(p[1]);
	CHECK_EQ(full, fcntl(p[0], F_GETPIPE_SZ));
	CHECK_ERRNO(write(p[1], "x", 1), EAGAIN);
	CHECK(read(p[0], buf, PIPE_BUF) == PIPE_BUF);
	CHECK_EQ(write(p[1], buf, PIPE_BUF), PIPE_BUF);
	close_both(p);
}

/* pipe(7): up to PIPE_BUF bytes go in whole or not at all; more may go in part. */
static void test_atomic_or_partial(void)
{
	static char buf[2 * PIPE_BUF];
	int p[2];
	ssize_t n;

	CHECK_OK(pipe2(p, O_NONBLOCK));
	fill(p[1]);
	CHECK_EQ(read(p[0], buf, PIPE_BUF), PIPE_BUF);
	CHECK_EQ(write(p[1], "x", 1), 1);
	CHECK_ERRNO(write(p[1], buf, PIPE_BUF), EAGAIN);
	n = write(p[1], buf, sizeof(buf));
	CHECK((n > 0 && n < PIPE_BUF) || (n == -1 && errno == EAGAIN));
	close_both(p);
}

static void test_set_size(void)
{
	int p[2], n;

	CHECK_OK(pipe2(p, O_NONBLOCK));
	n = fcntl(p[1], F_SETPIPE_SZ, 4096);
	CHECK_EQ(n, 4096);
	CHECK_EQ(fcntl(p[0], F_GETPIPE_SZ), 4096);
	CHECK_EQ(fill(p[1]), 4096);
	n = fcntl(p[1], F_SETPIPE_SZ, 20000);
	CHECK(n == 32768 || n == 20480);
	CHECK(fill(p[1]) > 0);
	CHECK_ERRNO(fcntl(p[1], F_SETPIPE_SZ, 4096), EBUSY);
	CHECK_ERRNO(fcntl(p[1], F_SETPIPE_SZ, 0x80000001U), EINVAL);
	close_both(p);
	FORKED("an ordinary user has a ceiling")
	{
		become_nobody();
		CHECK_OK(pipe(p));
		CHECK_ERRNO(fcntl(p[1], F_SETPIPE_SZ, 1 << 30), EPERM);
	}
}

/* A blocking writer of more than fits goes on as the reader drains. */
static void test_blocking_write(void)
{
	static char buf[300000];
	size_t got = 0, wrong = 0;
	int p[2];
	pid_t pid;
	ssize_t n;

	CHECK_OK(pipe(p));
	pid = test_fork();
	if (pid == 0) {
		close(p[0]);
		memset(buf, 'q', sizeof(buf));
		CHECK_EQ(write(p[1], buf, sizeof(buf)), sizeof(buf));
		test_child_exit();
	}
	close(p[1]);
	while ((n = read(p[0], buf, sizeof(buf))) > 0) {
		got += (size_t)n;
		for (ssize_t i = 0; i < n; i++)
			wrong += buf[i] != 'q';
	}
	JOIN(pid);
	CHECK_EQ(got, sizeof(buf));
	CHECK_EQ(wrong, 0);
	close(p[0]);
}

/* Writers of PIPE_BUF bytes never interleave. */
static void test_writers_do_not_mix(void)
{
	static char buf[PIPE_BUF];
	pid_t pids[3];
	int p[2], mixed = 0, blocks = 0;

	CHECK_OK(pipe(p));
	for (int w = 0; w < 3; w++) {
		pids[w] = test_fork();
		if (pids[w] == 0) {
			memset(buf, 'a' + w, sizeof(buf));
			for (int i = 0; i < 50; i++)
				CHECK_EQ(write(p[1], buf, sizeof(buf)), sizeof(buf));
			test_child_exit();
		}
	}
	close(p[1]);
	for (;;) {
		size_t have = 0;
		ssize_t n = 1;

		while (have < sizeof(buf) && (n = read(p[0], buf + have, sizeof(buf) - have)) > 0)
			have += (size_t)n;
		if (have < sizeof(buf))
			break;
		blocks++;
		for (size_t i = 1; i < sizeof(buf); i++)
			mixed += buf[i] != buf[0];
	}
	CHECK_EQ(blocks, 150);
	CHECK_EQ(mixed, 0);
	for (int w = 0; w < 3; w++)
		JOIN(pids[w]);
	close(p[0]);
}

static void test_interrupted_read(void)
{
	int p[2];

	CHECK_OK(pipe(p));
	FORKED("a signal without SA_RESTART ends the read with EINTR")
	{
		char c;

		interrupt_from_now_on();
		CHECK_ERRNO(read(p[0], &c, 1), EINTR);
	}
	close_both(p);
}

static void test_packets(void)
{
	char buf[16];
	int p[2];

	CHECK_OK(pipe2(p, O_DIRECT | O_NONBLOCK));
	CHECK_EQ(write(p[1], "one", 3), 3);
	CHECK_EQ(write(p[1], "second", 6), 6);
	CHECK_EQ(read(p[0], buf, sizeof(buf)), 3);
	/* What doesn't fit into the reader's buffer is lost. */
	CHECK_EQ(read(p[0], buf, 2), 2);
	CHECK(!memcmp(buf, "se", 2));
	CHECK_ERRNO(read(p[0], buf, sizeof(buf)), EAGAIN);
	close_both(p);
}

static void test_errors(void)
{
	int p[2];

	CHECK_OK(pipe2(p, O_NONBLOCK));
	CHECK_ERRNO(syscall(SYS_write, p[1], BAD_POINTER, 4), EFAULT);
	CHECK_EQ(write(p[1], "x", 1), 1);
	CHECK_ERRNO(syscall(SYS_read, p[0], BAD_POINTER, 4), EFAULT);
	CHECK_EQ(read(p[0], (char[4]){0}, 4), 1);
	close_both(p);
}

int main(void)
{
	test_begin();
	test_create();
	test_stream();
	test_end_of_file();
	test_broken();
	test_capacity();
	test_atomic_or_partial();
	test_set_size();
	test_blocking_write();
	test_writers_do_not_mix();
	test_interrupted_read();
	test_packets();
	test_errors();
	return test_done();
}
