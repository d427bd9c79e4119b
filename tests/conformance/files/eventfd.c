/* covers: eventfd eventfd2 poll */
/* eventfd(2): counter, semaphore mode, blocking, overflow, readiness. */
#include <poll.h>
#include <sys/eventfd.h>

#include "tests/conformance/files/conformance.h"

static uint64_t take(int fd)
{
	uint64_t v = 0;

	return read(fd, &v, sizeof(v)) == sizeof(v) ? v : 0;
}

static ssize_t add(int fd, uint64_t v)
{
	return write(fd, &v, sizeof(v));
}

static short ready(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};

	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

static void test_counter(void)
{
	int fd = eventfd(3, EFD_NONBLOCK);
	uint64_t v;

	CHECK_EQ(take(fd), 3);
	CHECK_ERRNO(read(fd, &v, sizeof(v)), EAGAIN);
	CHECK_EQ(add(fd, 5), 8);
	CHECK_EQ(add(fd, 7), 8);
	CHECK_EQ(take(fd), 12);
	CHECK_EQ(add(fd, 0), 8);
	CHECK_ERRNO(read(fd, &v, sizeof(v)), EAGAIN);
	close(fd);
}

static void test_semaphore(void)
{
	int fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	uint64_t v;

	CHECK_EQ(take(fd), 1);
	CHECK_EQ(take(fd), 1);
	CHECK_ERRNO(read(fd, &v, sizeof(v)), EAGAIN);
	CHECK_EQ(add(fd, 1), 8);
	CHECK_EQ(take(fd), 1);
	close(fd);
}

static void test_overflow(void)
{
	const uint64_t max = UINT64_MAX - 1;
	int fd = eventfd(0, EFD_NONBLOCK);

	CHECK_EQ(add(fd, max), 8);
	CHECK_ERRNO(add(fd, 1), EAGAIN);
	CHECK_EQ(add(fd, 0), 8);
	CHECK_EQ(ready(fd), POLLIN);
	CHECK_EQ(take(fd), max);
	CHECK_ERRNO(add(fd, UINT64_MAX), EINVAL);
	close(fd);
}

static void test_sizes(void)
{
	char buf[16] = {1};
	int fd = eventfd(1, EFD_NONBLOCK);

	CHECK_ERRNO(read(fd, buf, 7), EINVAL);
	CHECK_ERRNO(write(fd, buf, 7), EINVAL);
	CHECK_EQ(read(fd, buf, 16), 8);
	CHECK_ERRNO(syscall(SYS_write, fd, BAD_POINTER, 8), EFAULT);
	close(fd);
}

static void test_readiness(void)
{
	int fd = eventfd(0, 0);

	CHECK_EQ(ready(fd), POLLOUT);
	CHECK_EQ(add(fd, 1), 8);
	CHECK_EQ(ready(fd), POLLIN | POLLOUT);
	CHECK_EQ(take(fd), 1);
	CHECK_EQ(ready(fd), POLLOUT);
	close(fd);
}

static void test_blocking(void)
{
	int fd = eventfd(0, 0);
	pid_t pid = test_fork();

	if (pid == 0) {
		let_others_run();
		CHECK_EQ(add(fd, 42), 8);
		test_child_exit();
	}
	CHECK_EQ(take(fd), 42);
	JOIN(pid);
	CHECK_EQ(add(fd, UINT64_MAX - 1), 8);
	pid = test_fork();
	if (pid == 0) {
		CHECK_EQ(add(fd, 1), 8);
		test_child_exit();
	}
	let_others_run();
	CHECK_EQ(take(fd), UINT64_MAX - 1);
	CHECK_EQ(take(fd), 1);
	JOIN(pid);
	FORKED("a signal ends the wait with EINTR")
	{
		uint64_t v;

		interrupt_from_now_on();
		CHECK_ERRNO(read(fd, &v, sizeof(v)), EINTR);
	}
	close(fd);
}

static void test_flags(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
	close(fd);
	fd = (int)syscall(SYS_eventfd, 9);
	CHECK_EQ(fcntl(fd, F_GETFD), 0);
	CHECK_EQ(take(fd), 9);
	close(fd);
	CHECK_ERRNO(syscall(SYS_eventfd2, 0, 0x100), EINVAL);
}

static void test_fdinfo(void)
{
	char path[64], info[512];
	int fd = eventfd(0x2a, 0);

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	CHECK(get_file(path, info, sizeof(info)) > 0);
	CHECK(strstr(info, "eventfd-count:") && strstr(info, "2a"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	info[readlink(path, info, sizeof(info) - 1)] = 0;
	CHECK_STR(info, "anon_inode:[eventfd]");
	close(fd);
}

int main(void)
{
	test_begin();
	test_counter();
	test_semaphore();
	test_overflow();
	test_sizes();
	test_readiness();
	test_blocking();
	test_flags();
	test_fdinfo();
	return test_done();
}
