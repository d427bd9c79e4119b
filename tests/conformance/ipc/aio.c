/* covers: io_setup io_destroy io_submit io_getevents io_pgetevents io_cancel */
/* io_submit(2) and its like, by the calls themselves. */
#include <linux/aio_abi.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <time.h>

#include "tests/conformance/files/conformance.h"

static long setup(unsigned int n, aio_context_t *context)
{
	return syscall(SYS_io_setup, n, context);
}

static long submit(aio_context_t context, long n, struct iocb **requests)
{
	return syscall(SYS_io_submit, context, n, requests);
}

static long getevents(aio_context_t context, long least, long most, struct io_event *events,
	struct timespec *timeout)
{
	return syscall(SYS_io_getevents, context, least, most, events, timeout);
}

static struct iocb request(int op, int fd, const void *buffer, size_t size, long offset)
{
	return (struct iocb){.aio_data = 42,
		.aio_lio_opcode = (uint16_t)op,
		.aio_fildes = (uint32_t)fd,
		.aio_buf = (uint64_t)(uintptr_t)buffer,
		.aio_nbytes = size,
		.aio_offset = offset};
}

static void test_contexts(void)
{
	aio_context_t c = 0, used = 1;
	struct io_event event;
	struct timespec none = {0, 0};

	CHECK_OK(setup(4, &c));
	CHECK(c != 0);
	CHECK_EQ(getevents(c, 0, 1, &event, &none), 0);
	CHECK_EQ(getevents(c, 1, 1, &event, &none), 0);
	CHECK_ERRNO(getevents(c, 2, 1, &event, &none), EINVAL);
	CHECK_ERRNO(getevents(c, -1, 1, &event, &none), EINVAL);
	CHECK_OK(syscall(SYS_io_destroy, c));
	CHECK_ERRNO(syscall(SYS_io_destroy, c), EINVAL);
	CHECK_ERRNO(getevents(c, 0, 1, &event, &none), EINVAL);
	CHECK_ERRNO(setup(4, &used), EINVAL);
	used = 0;
	CHECK_ERRNO(setup(0, &used), EINVAL);
	CHECK_ERRNO(setup(100000000, &used), EINVAL);
	CHECK_ERRNO(setup(1000000, &used), EAGAIN);
	CHECK_ERRNO(setup(4, BAD_POINTER), EFAULT);
}

static void test_transfers(void)
{
	char from[] = "hello, world", to[16] = "", part[4] = "", rest[8] = "";
	struct iovec v[] = {{part, 4}, {rest, 4}};
	int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0600), efd = eventfd(0, EFD_NONBLOCK);
	struct iocb w = request(IOCB_CMD_PWRITE, fd, from, sizeof(from), 10);
	struct iocb s = request(IOCB_CMD_FSYNC, fd, NULL, 0, 0);
	struct iocb r = request(IOCB_CMD_PREAD, fd, to, sizeof(to), 10);
	struct iocb rv = request(IOCB_CMD_PREADV, fd, v, 2, 12);
	struct iocb *all[] = {&w, &s}, *reads[] = {&r, &rv};
	struct io_event events[4];
	aio_context_t c = 0;
	uint64_t count = 0;

	REQUIRE(!setup(8, &c));
	w.aio_flags = IOCB_FLAG_RESFD;
	w.aio_resfd = (uint32_t)efd;
	CHECK_EQ(submit(c, 2, all), 2);
	CHECK_EQ(getevents(c, 2, 4, events, NULL), 2);
	CHECK_EQ(events[0].data, 42);
	CHECK(events[0].obj == (uintptr_t)&w || events[0].obj == (uintptr_t)&s);
	CHECK_EQ(read(efd, &count, sizeof(count)), 8);
	CHECK_EQ(count, 1);
	CHECK_EQ(submit(c, 2, reads), 2);
	CHECK_EQ(getevents(c, 2, 2, events, NULL), 2);
	CHECK_STR(to, from);
	CHECK(!memcmp(part, "llo,", 4) && !memcmp(rest, " wor", 4));
	for (int i = 0; i < 2; i++)
		CHECK_EQ(events[i].res, events[i].obj == (uintptr_t)&r ? 13 : 8);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	CHECK_OK(syscall(SYS_io_destroy, c));
	close(efd);
	close(fd);
}

static void test_errors(void)
{
	char byte = 0;
	int fd = open("f", O_RDONLY);
	struct iocb good = request(IOCB_CMD_PREAD, fd, &byte, 1, 0);
	struct iocb bad_fd = request(IOCB_CMD_PREAD, -1, &byte, 1, 0);
	struct iocb read_only = request(IOCB_CMD_PWRITE, fd, &byte, 1, 0);
	struct iocb unknown = request(77, fd, &byte, 1, 0);
	struct iocb no_event = request(IOCB_CMD_PREAD, fd, &byte, 1, 0);
	struct iocb *some[] = {&good, &bad_fd}, *one;
	struct io_event event;
	aio_context_t c = 0;

	REQUIRE(!setup(8, &c));
	CHECK_EQ(submit(c, 2, some), 1);
	CHECK_EQ(getevents(c, 1, 1, &event, NULL), 1);
	CHECK_EQ(event.res, 1);
	one = &bad_fd;
	CHECK_ERRNO(submit(c, 1, &one), EBADF);
	one = &read_only;
	CHECK_ERRNO(submit(c, 1, &one), EBADF);
	one = &unknown;
	CHECK_ERRNO(submit(c, 1, &one), EINVAL);
	no_event.aio_flags = IOCB_FLAG_RESFD;
	no_event.aio_resfd = (uint32_t)fd;
	one = &no_event;
	CHECK_ERRNO(submit(c, 1, &one), EINVAL);
	one = BAD_POINTER;
	CHECK_ERRNO(submit(c, 1, &one), EFAULT);
	CHECK_EQ(submit(c, 0, &one), 0);
	CHECK_ERRNO(submit(c, -1, &one), EINVAL);
	CHECK_ERRNO(submit(0, 1, &one), EINVAL);
	CHECK_ERRNO(syscall(SYS_io_cancel, c, &good, &event), EINVAL);
	CHECK_ERRNO(syscall(SYS_io_cancel, c, BAD_POINTER, &event), EFAULT);
	CHECK_OK(syscall(SYS_io_destroy, c));
	close(fd);
}

static void test_without_waiting(void)
{
	struct io_event event;
	aio_context_t c = 0;
	char buffer[8];
	int pipe_fds[2];
	struct iocb r, *list[] = {&r};

	REQUIRE(pipe(pipe_fds) == 0);
	CHECK_OK(setup(1, &c));
	r = request(IOCB_CMD_PREAD, pipe_fds[0], buffer, sizeof(buffer), 0);
	r.aio_rw_flags = RWF_NOWAIT;
	CHECK_EQ(submit(c, 1, list), 1);
	CHECK_EQ(getevents(c, 1, 1, &event, NULL), 1);
	CHECK_EQ((long)event.res, -EAGAIN);
	r.aio_rw_flags = 1 << 30;
	CHECK_ERRNO(submit(c, 1, list), EOPNOTSUPP);
	CHECK_OK(syscall(SYS_io_destroy, c));
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static void test_masked(void)
{
	struct timespec soon = {0, 10000000};
	struct {
		const sigset_t *mask;
		size_t size;
	} signals;
	struct io_event event;
	aio_context_t c = 0;
	sigset_t none;

	sigemptyset(&none);
	signals.mask = &none;
	signals.size = 8;
	REQUIRE(!setup(1, &c));
	CHECK_EQ(syscall(SYS_io_pgetevents, c, 1, 1, &event, &soon, &signals), 0);
	signals.size = 7;
	CHECK_ERRNO(syscall(SYS_io_pgetevents, c, 1, 1, &event, &soon, &signals), EINVAL);
	FORKED("a signal ends the wait")
	{
		interrupt_from_now_on();
		CHECK_ERRNO(getevents(c, 0, 1, &event, NULL), EINVAL); /* not inherited */
		c = 0;
		CHECK_OK(setup(1, &c));
		CHECK_ERRNO(getevents(c, 1, 1, &event, NULL), EINTR);
	}
	CHECK_OK(syscall(SYS_io_destroy, c));
}

/* One signal more than the eventfd can count: eventfd(2), "overflow". */
static void test_eventfd_overflow(void)
{
	int event = eventfd(0, EFD_NONBLOCK), fd = open("f", O_RDWR | O_CREAT, 0600);
	struct iocb write_one = request(IOCB_CMD_PWRITE, fd, "x", 1, 0), *list[] = {&write_one};
	struct pollfd look = {.fd = event, .events = POLLIN | POLLOUT};
	struct io_event done;
	aio_context_t c = 0;
	uint64_t count;

	write_one.aio_flags = IOCB_FLAG_RESFD;
	write_one.aio_resfd = (uint32_t)event;
	REQUIRE(setup(1, &c) == 0);
	CHECK_OK(eventfd_write(event, UINT64_MAX - 1));
	CHECK_EQ(submit(c, 1, list), 1);
	CHECK_EQ(getevents(c, 1, 1, &done, NULL), 1);
	CHECK_EQ(poll(&look, 1, 0), 1);
	CHECK_EQ(look.revents, POLLIN | POLLERR);
	CHECK_ERRNO(eventfd_write(event, 1), EAGAIN);
	CHECK_EQ(read(event, &count, sizeof(count)), sizeof(count));
	CHECK(count == UINT64_MAX);
	CHECK_EQ(poll(&look, 1, 0), 1);
	CHECK_EQ(look.revents, POLLOUT);
	syscall(SYS_io_destroy, c);
	close(fd);
	close(event);
}

int main(void)
{
	aio_context_t c = 0;

	test_begin();
	if (setup(1, &c) && errno == ENOSYS) {
		test_skip("aio", "the kernel is built without it");
		return test_done();
	}
	syscall(SYS_io_destroy, c);
	test_contexts();
	test_transfers();
	test_errors();
	test_masked();
	test_without_waiting();
	test_eventfd_overflow();
	return test_done();
}
