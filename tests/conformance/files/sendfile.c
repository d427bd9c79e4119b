/* covers: sendfile */
/* sendfile(2): offsets, targets, short counts, errors. */
#include <sys/sendfile.h>

#include "tests/conformance/files/conformance.h"

static void test_file_to_file(void)
{
	int in = open("in", O_RDONLY), out = open("out", O_RDWR | O_CREAT, 0600);
	off_t at = 6;

	CHECK_EQ(sendfile(out, in, NULL, 4), 4);
	CHECK_EQ(lseek(in, 0, SEEK_CUR), 4);
	CHECK_EQ(lseek(out, 0, SEEK_CUR), 4);
	CHECK_EQ(sendfile(out, in, &at, 100), 4);
	CHECK_EQ(at, 10);
	CHECK_EQ(lseek(in, 0, SEEK_CUR), 4);
	CHECK(file_is("out", "01236789"));
	CHECK_EQ(sendfile(out, in, &at, 100), 0);
	CHECK_EQ(sendfile(out, in, NULL, 0), 0);
	at = 1000;
	CHECK_EQ(sendfile(out, in, &at, 1), 0);
	CHECK_EQ(at, 1000);
	close(in);
	close(out);
}

static void test_file_to_pipe(void)
{
	char buf[16];
	int in = open("in", O_RDONLY), p[2];

	CHECK_OK(pipe(p));
	CHECK_EQ(sendfile(p[1], in, NULL, 100), 10);
	CHECK_EQ(read(p[0], buf, sizeof(buf)), 10);
	CHECK(!memcmp(buf, "0123456789", 10));
	CHECK_ERRNO(sendfile(STDOUT_FILENO, p[0], NULL, 1), EINVAL);
	close(p[0]);
	signal(SIGPIPE, SIG_IGN);
	CHECK_OK(lseek(in, 0, SEEK_SET));
	CHECK_ERRNO(sendfile(p[1], in, NULL, 5), EPIPE);
	signal(SIGPIPE, SIG_DFL);
	close(p[1]);
	close(in);
}

static void test_large(void)
{
	static char buf[300000], back[300000];
	int in = open("large", O_RDWR | O_CREAT, 0600), out = open("copy", O_RDWR | O_CREAT, 0600);
	ssize_t n;

	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (char)(i * 13);
	CHECK_EQ(write(in, buf, sizeof(buf)), sizeof(buf));
	CHECK_EQ(lseek(in, 0, SEEK_SET), 0);
	while ((n = sendfile(out, in, NULL, sizeof(buf))) > 0)
		;
	CHECK_EQ(n, 0);
	CHECK_EQ(pread(out, back, sizeof(back), 0), sizeof(back));
	CHECK(!memcmp(buf, back, sizeof(buf)));
	close(in);
	close(out);
}

static void test_errors(void)
{
	int in = open("in", O_RDONLY), wo = open("out", O_WRONLY), dir = open(".", O_RDONLY);
	off_t at = -1;

	CHECK_ERRNO(sendfile(-1, in, NULL, 1), EBADF);
	CHECK_ERRNO(sendfile(wo, -1, NULL, 1), EBADF);
	CHECK_ERRNO(sendfile(in, in, NULL, 1), EBADF);
	CHECK_ERRNO(sendfile(wo, wo, NULL, 1), EBADF);
	CHECK_ERRNO(sendfile(wo, in, &at, 1), EINVAL);
	CHECK_ERRNO(sendfile(wo, dir, NULL, 1), EINVAL);
	CHECK_ERRNO(syscall(SYS_sendfile, wo, in, BAD_POINTER, 1), EFAULT);
	CHECK_OK(fcntl(wo, F_SETFL, O_APPEND));
	CHECK_ERRNO(sendfile(wo, in, NULL, 1), EINVAL);
	close(in);
	close(wo);
	close(dir);
}

static void test_nonblocking_target(void)
{
	int in = open("large", O_RDONLY), p[2];
	ssize_t n;

	CHECK_OK(pipe2(p, O_NONBLOCK));
	n = sendfile(p[1], in, NULL, 300000);
	CHECK(n > 0 && n <= fcntl(p[0], F_GETPIPE_SZ));
	CHECK_EQ(lseek(in, 0, SEEK_CUR), n);
	while (sendfile(p[1], in, NULL, 300000) > 0)
		;
	CHECK_EQ(errno, EAGAIN);
	close(in);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	test_begin();
	put_file("in", "0123456789");
	test_file_to_file();
	test_file_to_pipe();
	test_large();
	test_errors();
	test_nonblocking_target();
	return test_done();
}
