#include "libos/files/epoll.h"

#include <errno.h>
#include <linux/eventpoll.h>

#include "base/test.h"
#include "libos/files/host_stream.h"
#include "libos/files/pipe.h"
#include "libos/files/poll.h"
#include "libos/files/waiting_doubles.h"
#include "libos/syscalls/syscall.h"

#define EPOLL_FD 10

static struct file *reader, *writer, *epoll;
static struct epoll_event_user got[80];

static struct file *epoll_make(int fd)
{
	struct syscall_args args = {0};
	long made = sys_epoll_create1(&double_thread, &args);
	struct file *file = fd_get((int)made);

	double_fd_set((int)made, NULL);
	double_fd_set(fd, file_ref(file));
	return file;
}

/* A pipe at 3 and 4, an epoll at 10; the test has references of its own. */
static void setup(void)
{
	double_signal_pending = false;
	double_sleeps = double_wakes = 0;
	double_on_sleep = NULL;
	double_host_ready = 0;
	double_thread.block.pending = 0;
	CHECK_EQ(pipe_make(O_NONBLOCK, &reader, &writer), 0);
	double_fd_set(3, file_ref(reader));
	double_fd_set(4, file_ref(writer));
	epoll = epoll_make(EPOLL_FD);
	memset(got, 0xee, sizeof(got));
}

static void teardown(void)
{
	for (int fd = 0; fd < 64; fd++)
		double_fd_set(fd, NULL);
	file_unref(reader);
	file_unref(writer);
	file_unref(epoll);
	reader = writer = epoll = NULL;
}

static long control(int epoll_fd, int op, int fd, uint32_t events)
{
	struct epoll_event_user event = {events, (uint64_t)fd};
	struct syscall_args args = {
		(uint64_t)epoll_fd, (uint64_t)op, (uint64_t)fd, (uintptr_t)&event, 0, 0};

	return sys_epoll_ctl(&double_thread, &args);
}

static long wait_on(int epoll_fd, int max, int timeout_ms)
{
	struct syscall_args args = {
		(uint64_t)epoll_fd, (uintptr_t)got, (uint64_t)max, (uint64_t)timeout_ms, 0, 0};

	return sys_epoll_wait(&double_thread, &args);
}

static void put(const char *text)
{
	CHECK_EQ(double_write(writer, text, strlen(text)), (long)strlen(text));
}

static void take(void)
{
	static char bytes[100];

	CHECK(double_read(reader, bytes, sizeof(bytes)) > 0);
}

static void test_level(void)
{
	setup();
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_ADD, 3, EPOLLIN), 0);
	CHECK_EQ(wait_on(EPOLL_FD, 5, 0), 0);
	put("x");
	CHECK_EQ(wait_on(EPOLL_FD, 5, 0), 1);
	CHECK(got[0].events == EPOLLIN && got[0].data == 3);
	CHECK_EQ(wait_on(EPOLL_FD, 5, 0), 1);
	take();
	CHECK_EQ(wait_on(EPOLL_FD, 5, 0), 0);
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_ADD, 4, EPOLLOUT), 0);
	put("x");
	CHECK_EQ(wait_on(EPOLL_FD, 5, 0), 2);
	/* One at a time: both get their turn. */
	CHECK_EQ(wait_on(EPOLL_FD, 1, 0), 1);
	uint64_t first = got[0].data;
	CHECK_EQ(wait_on(EPOLL_FD, 1, 0), 1);
	CHECK(got[0].data != first);
	teardown();
}

static void test_edge(void)
{
	setup();
	put("x");
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_ADD, 3, EPOLLIN | EPOLLET), 0);
	CHECK_EQ(wait_on(EPOLL_FD, 5, 0), 1);
	CHECK_EQ(wait_on(EPOLL_FD, 5, 0), 0);
	put("y"); /* a new edge although the pipe was not empty */
	CHECK_EQ(wait_on(EPOLL_FD, 5, 0), 1);
	CHECK_EQ(wait_on(EPOLL_FD, 5, 0), 0);
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_MOD, 3, EPOLLIN | EPOLLET), 0);
	CHECK_EQ(wait_on(EPOLL_FD, 5, 0), 1);
	teardown();
}

static void test_oneshot(void)
{
	setup();
	put("x");
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_ADD, 3, EPOLLIN | EPOLLONESHOT), 0);
	CHECK_EQ(wait_on(EPOLL_FD, 5, 0), 1);
	put("y");
	CHECK_EQ(wait_on(EPOLL_FD, 5, 0), 0);
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_MOD, 3, EPOLLIN | EPOLLONESHOT), 0);
	CHECK_EQ(wait_on(EPOLL_FD, 5, 0), 1);
	teardown();
}

static void test_errors(void)
{
	setup();
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_ADD, 3, EPOLLIN), 0);
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_ADD, 3, EPOLLIN), -EEXIST);
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_MOD, 4, EPOLLIN), -ENOENT);
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_DEL, 4, 0), -ENOENT);
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_ADD, 60, 0), -EBADF);
	CHECK_EQ(control(60, EPOLL_CTL_ADD, 3, 0), -EBADF);
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_ADD, EPOLL_FD, 0), -EINVAL);
	CHECK_EQ(control(3, EPOLL_CTL_ADD, 4, 0), -EINVAL);
	CHECK_EQ(control(EPOLL_FD, 9, 4, 0), -EINVAL);
	double_fd_set(5, double_regular_file());
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_ADD, 5, EPOLLIN), -EPERM);
	CHECK_EQ(wait_on(EPOLL_FD, 0, 0), -EINVAL);
	CHECK_EQ(wait_on(3, 1, 0), -EINVAL);
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_MOD, 3, EPOLLIN | EPOLLEXCLUSIVE), -EINVAL);
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_ADD, 4, EPOLLONESHOT | EPOLLEXCLUSIVE), -EINVAL);
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_ADD, 4, EPOLLOUT | EPOLLEXCLUSIVE), 0);
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_MOD, 4, EPOLLOUT), -EINVAL);
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_DEL, 4, 0), 0);
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_DEL, 4, 0), -ENOENT);
	teardown();
}

/* The last descriptor of a file takes its items along, an earlier one does not. */
static void test_closing(void)
{
	setup();
	put("x");
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_ADD, 3, EPOLLIN), 0);
	double_fd_set(3, NULL);
	CHECK_EQ(wait_on(EPOLL_FD, 5, 0), 1);
	file_unref(reader);
	reader = NULL;
	CHECK_EQ(wait_on(EPOLL_FD, 5, 0), 0);
	teardown();

	/* The epoll goes first. */
	setup();
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_ADD, 3, EPOLLIN), 0);
	double_fd_set(EPOLL_FD, NULL);
	file_unref(epoll);
	epoll = NULL;
	put("x");
	teardown();
}

static void put_meanwhile(void)
{
	put("x");
}

static void test_sleeping(void)
{
	setup();
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_ADD, 3, EPOLLIN), 0);
	double_on_sleep = put_meanwhile;
	CHECK_EQ(wait_on(EPOLL_FD, 5, -1), 1);
	CHECK_EQ(double_wakes, 1);
	take();
	uint64_t start = double_now_ns;
	CHECK_EQ(wait_on(EPOLL_FD, 5, 3), 0);
	CHECK_EQ(double_now_ns - start, 3000000);
	CHECK_EQ(wait_on(EPOLL_FD, 5, -1), -EINTR);
	teardown();
}

static void test_many(void)
{
	struct file *readers[40], *writers[40];

	setup();
	for (int i = 0; i < 40; i++) {
		CHECK_EQ(pipe_make(0, &readers[i], &writers[i]), 0);
		double_fd_set(11 + i, readers[i]);
		CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_ADD, 11 + i, EPOLLIN), 0);
	}
	for (int i = 0; i < 40; i += 2)
		CHECK_EQ(double_write(writers[i], "x", 1), 1);
	CHECK_EQ(wait_on(EPOLL_FD, 80, 0), 20);
	for (int i = 0; i < 40; i++) {
		CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_DEL, 11 + i, 0), 0);
		file_unref(writers[i]);
	}
	CHECK_EQ(wait_on(EPOLL_FD, 80, 0), 0);
	teardown();
}

static void test_nesting(void)
{
	struct file *chain[8];

	setup();
	for (int i = 0; i < 8; i++)
		chain[i] = epoll_make(20 + i);
	CHECK_EQ(control(20, EPOLL_CTL_ADD, 3, EPOLLIN), 0);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(control(21 + i, EPOLL_CTL_ADD, 20 + i, EPOLLIN), 0);
	CHECK_EQ(control(25, EPOLL_CTL_ADD, 24, EPOLLIN), -ELOOP);
	CHECK_EQ(control(20, EPOLL_CTL_ADD, 24, EPOLLIN), -ELOOP);
	CHECK_EQ(wait_on(24, 5, 0), 0);
	put("x");
	CHECK_EQ(wait_on(24, 5, 0), 1);
	CHECK(got[0].events == EPOLLIN && got[0].data == 23);
	CHECK_EQ(file_poll(chain[3], NULL), POLLIN | POLLRDNORM);
	take();
	CHECK_EQ(wait_on(24, 5, 0), 0);
	CHECK_EQ(file_poll(chain[3], NULL), 0);
	double_on_sleep = put_meanwhile;
	CHECK_EQ(wait_on(24, 5, -1), 1);
	for (int i = 0; i < 8; i++)
		file_unref(chain[i]);
	teardown();
}

static void host_gets_ready(void)
{
	double_host_ready = 1;
}

static void test_host(void)
{
	struct file *stream, *outer;

	setup();
	CHECK_EQ(host_stream_open(0, &stream), 0);
	double_fd_set(0, stream);
	outer = epoll_make(11);
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_ADD, 0, EPOLLIN), 0);
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_ADD, 3, EPOLLIN), 0);
	CHECK_EQ(control(11, EPOLL_CTL_ADD, EPOLL_FD, EPOLLIN), 0);
	CHECK_EQ(wait_on(EPOLL_FD, 5, 0), 0);
	double_on_sleep = host_gets_ready;
	CHECK_EQ(wait_on(EPOLL_FD, 5, -1), 1);
	CHECK(got[0].data == 0 && got[0].events == EPOLLIN);
	CHECK_EQ(wait_on(EPOLL_FD, 5, -1), 1);
	double_host_ready = 0;
	double_on_sleep = put_meanwhile;
	CHECK_EQ(wait_on(EPOLL_FD, 5, -1), 1);
	CHECK_EQ(got[0].data, 3);
	take();
	double_on_sleep = host_gets_ready;
	CHECK_EQ(wait_on(11, 5, -1), 1);
	CHECK_EQ(got[0].data, EPOLL_FD);

	/* Edges: once, then again after a transfer. */
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_MOD, 0, EPOLLIN | EPOLLET), 0);
	CHECK_EQ(wait_on(EPOLL_FD, 5, 0), 1);
	CHECK_EQ(wait_on(EPOLL_FD, 5, 0), 0);
	CHECK_EQ(wait_on(EPOLL_FD, 5, 10), 0);
	double_host_input = "abc";
	CHECK_EQ(double_read(stream, got, 1), 1);
	CHECK_EQ(wait_on(EPOLL_FD, 5, 0), 1);
	file_unref(outer);
	teardown();
}

static struct file *event;

static void add_meanwhile(void)
{
	uint64_t value = 5;

	CHECK_EQ(double_write(event, &value, 8), 8);
}

static void take_meanwhile(void)
{
	uint64_t value;

	CHECK_EQ(double_read(event, &value, 8), 8);
}

static void test_eventfd(void)
{
	struct syscall_args args = {3, 0, 0, 0, 0, 0};
	uint64_t value = 4;

	setup();
	double_fd_set(0, NULL);
	CHECK_EQ(sys_eventfd2(&double_thread, &args), 0);
	event = fd_get(0);
	CHECK_EQ(control(EPOLL_FD, EPOLL_CTL_ADD, 0, EPOLLIN | EPOLLET), 0);
	CHECK_EQ(wait_on(EPOLL_FD, 5, 0), 1);
	CHECK_EQ(double_write(event, &value, 8), 8);
	CHECK_EQ(wait_on(EPOLL_FD, 5, 0), 1);
	CHECK_EQ(double_read(event, &value, 7), -EINVAL);
	CHECK_EQ(double_read(event, &value, 8), 8);
	CHECK_EQ(value, 7);
	double_on_sleep = add_meanwhile;
	CHECK_EQ(double_read(event, &value, 8), 8);
	CHECK_EQ(value, 5);
	value = UINT64_MAX;
	CHECK_EQ(double_write(event, &value, 8), -EINVAL);
	value = UINT64_MAX - 1;
	CHECK_EQ(double_write(event, &value, 8), 8);
	CHECK_EQ(file_poll(event, NULL), POLLIN | POLLRDNORM);
	double_on_sleep = take_meanwhile;
	value = 1;
	CHECK_EQ(double_write(event, &value, 8), 8);
	event->flags |= O_NONBLOCK;
	CHECK_EQ(double_read(event, &value, 8), 8);
	CHECK_EQ(double_read(event, &value, 8), -EAGAIN);
	file_unref(event);
	double_fd_set(0, NULL);
	args.b = 1; /* EFD_SEMAPHORE */
	CHECK_EQ(sys_eventfd2(&double_thread, &args), 0);
	event = fd_get(0);
	CHECK_EQ(double_read(event, &value, 8), 8);
	CHECK_EQ(value, 1);
	file_unref(event);
	args.b = 2;
	CHECK_EQ(sys_eventfd2(&double_thread, &args), -EINVAL);
	teardown();
}

int main(void)
{
	double_init();
	test_level();
	test_edge();
	test_oneshot();
	test_errors();
	test_closing();
	test_sleeping();
	test_many();
	test_nesting();
	test_host();
	test_eventfd();
	return test_done();
}
