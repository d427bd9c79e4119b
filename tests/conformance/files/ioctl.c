/* covers: ioctl */
/* ioctl(2): the requests that every descriptor knows, and ENOTTY. */
#include <linux/fs.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "tests/conformance/files/conformance.h"

static void test_close_on_exec(int fd)
{
	CHECK_OK(ioctl(fd, FIOCLEX));
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_OK(ioctl(fd, FIONCLEX));
	CHECK_EQ(fcntl(fd, F_GETFD), 0);
}

static void test_nonblocking(void)
{
	int on = 1, off = 0, p[2];

	CHECK_OK(pipe(p));
	CHECK_OK(ioctl(p[0], FIONBIO, &on));
	CHECK(fcntl(p[0], F_GETFL) & O_NONBLOCK);
	CHECK_ERRNO(read(p[0], (char[1]){0}, 1), EAGAIN);
	CHECK(!(fcntl(p[1], F_GETFL) & O_NONBLOCK));
	CHECK_OK(ioctl(p[0], FIONBIO, &off));
	CHECK(!(fcntl(p[0], F_GETFL) & O_NONBLOCK));
	CHECK_ERRNO(ioctl(p[0], FIONBIO, BAD_POINTER), EFAULT);
	close(p[0]);
	close(p[1]);
}

static void test_readable_bytes(int fd)
{
	int n = -1, p[2];

	CHECK_OK(ioctl(fd, FIONREAD, &n));
	CHECK_EQ(n, 10);
	CHECK_EQ(lseek(fd, 7, SEEK_SET), 7);
	CHECK_OK(ioctl(fd, FIONREAD, &n));
	CHECK_EQ(n, 3);
	CHECK_OK(pipe(p));
	CHECK_EQ(write(p[1], "abcd", 4), 4);
	CHECK_OK(ioctl(p[0], FIONREAD, &n));
	CHECK_EQ(n, 4);
	CHECK_OK(ioctl(p[1], FIONREAD, &n));
	CHECK_EQ(n, 4);
	CHECK_ERRNO(ioctl(p[0], FIONREAD, BAD_POINTER), EFAULT);
	close(p[0]);
	close(p[1]);
}

static void test_not_a_terminal(int fd)
{
	struct winsize w;
	struct termios t;
	int p[2], null = open("/dev/null", O_RDWR), dir = open(".", O_RDONLY);

	CHECK_OK(pipe(p));
	CHECK_ERRNO(ioctl(fd, TCGETS, &t), ENOTTY);
	CHECK_ERRNO(ioctl(fd, TIOCGWINSZ, &w), ENOTTY);
	CHECK_ERRNO(ioctl(p[0], TCGETS, &t), ENOTTY);
	CHECK_ERRNO(ioctl(null, TCGETS, &t), ENOTTY);
	CHECK_ERRNO(ioctl(dir, TCGETS, &t), ENOTTY);
	CHECK_ERRNO(ioctl(fd, 0x12345678, &t), ENOTTY);
	CHECK_EQ(isatty(fd), 0);
	CHECK_EQ(errno, ENOTTY);
	close(p[0]);
	close(p[1]);
	close(null);
	close(dir);
}

static void test_errors(void)
{
	int n, path = open("f", O_PATH);

	CHECK_ERRNO(ioctl(-1, FIONREAD, &n), EBADF);
	CHECK_ERRNO(ioctl(4000, FIOCLEX), EBADF);
	CHECK_ERRNO(ioctl(path, FIONREAD, &n), EBADF);
	close(path);
}

/* Only some file systems share blocks; the others say so. */
static void test_clone(void)
{
	int from = open("from", O_RDWR | O_CREAT, 0644), to = open("to", O_RDWR | O_CREAT, 0644);

	CHECK(ioctl(to, FICLONE, from) == 0 || errno == EOPNOTSUPP);
	close(from);
	close(to);
}

static void test_random(void)
{
	int fd = open("/dev/urandom", O_RDONLY), bits = 0;
	char text[16];

	CHECK_OK(ioctl(fd, RNDGETENTCNT, &bits));
	CHECK_OK(get_file("/proc/sys/kernel/random/entropy_avail", text, sizeof(text)));
	CHECK_EQ(bits, atoi(text));
	CHECK_ERRNO(ioctl(fd, RNDGETENTCNT, BAD_POINTER), EFAULT);
	CHECK_ERRNO(ioctl(fd, 0x52ff, 0), EINVAL);
	close(fd);
}

int main(void)
{
	int fd;

	test_begin();
	put_file("f", "0123456789");
	fd = open("f", O_RDWR);
	REQUIRE(fd >= 0);
	test_close_on_exec(fd);
	test_nonblocking();
	test_readable_bytes(fd);
	test_not_a_terminal(fd);
	test_errors();
	test_clone();
	test_random();
	return test_done();
}
