/* covers: splice tee vmsplice */
/* Moving data through pipes: splice(2), tee(2), vmsplice(2). */
#include <sys/eventfd.h>
#include <sys/uio.h>

#include "tests/conformance/files/conformance.h"

static int p[2], q[2];

static void test_file_to_pipe(void)
{
	char buf[16];
	int fd = open("in", O_RDONLY);
	loff_t at = 2;

	CHECK_EQ(splice(fd, NULL, p[1], NULL, 4, 0), 4);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4);
	CHECK_EQ(splice(fd, &at, p[1], NULL, 3, 0), 3);
	CHECK_EQ(at, 5);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4);
	CHECK_EQ(read(p[0], buf, sizeof(buf)), 7);
	CHECK(!memcmp(buf, "0123234", 7));
	at = 10;
	CHECK_EQ(splice(fd, &at, p[1], NULL, 5, 0), 0);
	CHECK_EQ(splice(fd, NULL, p[1], NULL, 0, 0), 0);
	close(fd);
}

static void test_pipe_to_file(void)
{
	int fd = open("out", O_RDWR | O_CREAT, 0600);
	loff_t at = 5;

	CHECK_EQ(write(p[1], "abcdef", 6), 6);
	CHECK_EQ(splice(p[0], NULL, fd, NULL, 2, 0), 2);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 2);
	CHECK_EQ(splice(p[0], NULL, fd, &at, 100, SPLICE_F_MOVE), 4);
	CHECK_EQ(at, 9);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 2);
	CHECK_EQ(size_of(fd), 9);
	CHECK_ERRNO(splice(p[0], NULL, fd, NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
	close(fd);
	fd = open("out", O_WRONLY | O_APPEND);
	CHECK_EQ(write(p[1], "z", 1), 1);
	CHECK_ERRNO(splice(p[0], NULL, fd, NULL, 1, 0), EINVAL);
	CHECK_EQ(read(p[0], (char[1]){0}, 1), 1);
	close(fd);
}

static void test_pipe_to_pipe(void)
{
	char buf[16];

	CHECK_EQ(write(p[1], "hello world", 11), 11);
	CHECK_EQ(splice(p[0], NULL, q[1], NULL, 5, 0), 5);
	CHECK_EQ(read(q[0], buf, sizeof(buf)), 5);
	CHECK(!memcmp(buf, "hello", 5));
	CHECK_EQ(read(p[0], buf, sizeof(buf)), 6);
	CHECK_ERRNO(splice(p[0], NULL, p[1], NULL, 5, 0), EINVAL);
}

static void test_tee(void)
{
	char buf[16];

	CHECK_EQ(write(p[1], "twice", 5), 5);
	CHECK_EQ(tee(p[0], q[1], 3, 0), 3);
	CHECK_EQ(read(q[0], buf, sizeof(buf)), 3);
	CHECK(!memcmp(buf, "twi", 3));
	CHECK_EQ(read(p[0], buf, sizeof(buf)), 5);
	CHECK(!memcmp(buf, "twice", 5));
	CHECK_ERRNO(tee(p[0], q[1], 3, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK_EQ(tee(p[0], q[1], 0, 0), 0);
	CHECK_ERRNO(tee(p[0], p[1], 3, 0), EINVAL);
	CHECK_ERRNO(tee(-1, q[1], 3, 0), EBADF);
}

static void test_vmsplice(void)
{
	char a[] = "from ", b[] = "memory", buf[16] = "";
	struct iovec v[2] = {{a, 5}, {b, 6}}, in = {buf, 4};

	CHECK_EQ(vmsplice(p[1], v, 2, 0), 11);
	CHECK_EQ(read(p[0], buf, sizeof(buf)), 11);
	CHECK(!memcmp(buf, "from memory", 11));
	CHECK_EQ(write(p[1], "back", 4), 4);
	CHECK_EQ(vmsplice(p[0], &in, 1, 0), 4);
	CHECK(!memcmp(buf, "back", 4));
	CHECK_EQ(vmsplice(p[1], v, 0, 0), 0);
	CHECK_ERRNO(vmsplice(-1, v, 1, 0), EBADF);
	CHECK_ERRNO(vmsplice(p[1], v, 1, 0x1000), EINVAL);
}

static void test_end_of_file(void)
{
	int r[2];

	CHECK_OK(pipe(r));
	close(r[1]);
	CHECK_EQ(splice(r[0], NULL, q[1], NULL, 5, 0), 0);
	CHECK_EQ(tee(r[0], q[1], 5, 0), 0);
	close(r[0]);
}

static void test_broken(void)
{
	int r[2];

	signal(SIGPIPE, SIG_IGN);
	CHECK_OK(pipe(r));
	close(r[0]);
	CHECK_EQ(write(p[1], "x", 1), 1);
	CHECK_ERRNO(splice(p[0], NULL, r[1], NULL, 1, 0), EPIPE);
	CHECK_ERRNO(tee(p[0], r[1], 1, 0), EPIPE);
	CHECK_EQ(read(p[0], (char[1]){0}, 1), 1);
	close(r[1]);
	signal(SIGPIPE, SIG_DFL);
}

static void test_errors(void)
{
	loff_t at = 0;
	int in = open("in", O_RDONLY), out = open("out", O_RDWR);

	CHECK_ERRNO(splice(in, NULL, out, NULL, 1, 0), EINVAL);
	CHECK_ERRNO(splice(-1, NULL, p[1], NULL, 1, 0), EBADF);
	CHECK_ERRNO(splice(in, NULL, -1, NULL, 1, 0), EBADF);
	CHECK_ERRNO(splice(p[0], &at, out, NULL, 1, 0), ESPIPE);
	CHECK_ERRNO(splice(in, NULL, p[1], &at, 1, 0), ESPIPE);
	CHECK_ERRNO(splice(in, NULL, p[0], NULL, 1, 0), EBADF);
	CHECK_ERRNO(splice(p[0], NULL, in, NULL, 1, 0), EBADF);
	CHECK_ERRNO(splice(in, NULL, p[1], NULL, 1, 0x1000), EINVAL);
	CHECK_ERRNO(tee(in, p[1], 1, 0), EINVAL);
	at = -1;
	CHECK_ERRNO(splice(in, &at, p[1], NULL, 1, 0), EINVAL);
	close(in);
	close(out);
}

/* splice(2) may stop short at the pipe's capacity; in a loop all bytes arrive. */
static void test_large(void)
{
	static char buf[200000], back[200000];
	int fd = open("large", O_RDWR | O_CREAT, 0600);
	size_t got = 0;
	pid_t pid;
	ssize_t n;

	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (char)(i * 7);
	CHECK_EQ(write(fd, buf, sizeof(buf)), sizeof(buf));
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	pid = test_fork();
	if (pid == 0) {
		while ((n = splice(fd, NULL, p[1], NULL, sizeof(buf), 0)) > 0)
			;
		CHECK_EQ(n, 0);
		test_child_exit();
	}
	while (got < sizeof(back) && (n = read(p[0], back + got, sizeof(back) - got)) > 0)
		got += (size_t)n;
	JOIN(pid);
	CHECK(!memcmp(buf, back, sizeof(buf)));
	close(fd);
}

static void test_other_kinds(void)
{
	int dir = open(".", O_RDONLY | O_DIRECTORY), event = eventfd(1, 0), ends[2];

	CHECK_OK(pipe(ends));
	CHECK_ERRNO(splice(dir, NULL, ends[1], NULL, 1, 0), EINVAL);
	CHECK_ERRNO(splice(event, NULL, ends[1], NULL, 8, 0), EINVAL);
	CHECK_ERRNO(splice(ends[0], NULL, event, NULL, 8, 0), EINVAL); /* nor does it wait */
	close(dir);
	close(event);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	test_begin();
	put_file("in", "0123456789");
	REQUIRE(pipe(p) == 0 && pipe(q) == 0);
	test_file_to_pipe();
	test_pipe_to_file();
	test_pipe_to_pipe();
	test_tee();
	test_vmsplice();
	test_end_of_file();
	test_broken();
	test_errors();
	test_large();
	test_other_kinds();
	return test_done();
}
