#include "libos/files/poll.h"

#include <errno.h>
#include <stdlib.h>

#include "base/test.h"
#include "libos/files/host_stream.h"
#include "libos/files/pipe.h"
#include "libos/files/waiting_doubles.h"
#include "libos/syscalls/timeout.h"
#include "libos/syscalls/syscall.h"

/* struct pollfd */
struct request {
	int32_t fd;
	int16_t events, ready;
};

static struct file *reader, *writer;

/* Descriptors 3 and 4. */
static void setup(void)
{
	double_signal_pending = false;
	double_sleeps = double_wakes = 0;
	double_on_sleep = NULL;
	double_host_ready = 0;
	CHECK_EQ(pipe_make(0, &reader, &writer), 0);
	double_fd_set(3, file_ref(reader));
	double_fd_set(4, file_ref(writer));
}

static void teardown(void)
{
	double_fd_set(3, NULL);
	double_fd_set(4, NULL);
	file_unref(reader);
	file_unref(writer);
}

static long call_poll(struct request *requests, size_t count, int timeout_ms)
{
	struct syscall_args args = {(uintptr_t)requests, count, (uint64_t)timeout_ms, 0, 0, 0};

	return sys_poll(&double_thread, &args);
}

static void write_meanwhile(void)
{
	CHECK_EQ(double_write(writer, "x", 1), 1);
}

static void test_poll(void)
{
	struct request requests[4] = {
		{3, POLLIN, -1}, {4, POLLOUT, -1}, {-1, POLLIN, -1}, {50, POLLIN, -1}};

	setup();
	CHECK_EQ(call_poll(requests, 2, -1), 1);
	CHECK_EQ(requests[0].ready, 0);
	CHECK_EQ(requests[1].ready, POLLOUT);
	CHECK_EQ(call_poll(requests, 4, -1), 2);
	CHECK_EQ(requests[2].ready, 0);
	CHECK_EQ(requests[3].ready, POLLNVAL);
	CHECK_EQ(double_sleeps, 0);

	double_on_sleep = write_meanwhile;
	CHECK_EQ(call_poll(requests, 1, -1), 1);
	CHECK_EQ(requests[0].ready, POLLIN);
	CHECK_EQ(double_sleeps, 1);
	CHECK_EQ(call_poll(requests, 65, 0), -EINVAL);
	CHECK_EQ(call_poll(NULL, 1, 0), -EFAULT);
	teardown();
}

static void test_poll_timeouts(void)
{
	struct request request = {3, POLLIN, -1};
	uint64_t start = double_now_ns;

	setup();
	CHECK_EQ(call_poll(&request, 1, 0), 0);
	CHECK_EQ(double_sleeps, 0);
	CHECK_EQ(call_poll(&request, 1, 5), 0);
	CHECK_EQ(double_now_ns - start, 5000000);
	CHECK_EQ(request.ready, 0);
	/* A signal ends it; the rest of the time is waited for by restart_syscall. */
	CHECK_EQ(call_poll(&request, 1, -1), -516);
	CHECK(double_thread.restart.resume != NULL);
	CHECK_EQ(call_poll(&request, 1, 0), -516);
	double_signal_pending = false;
	CHECK_EQ(double_write(writer, "x", 1), 1);
	CHECK_EQ(double_thread.restart.resume(&double_thread), 1);
	teardown();
}

/* More than fit in the set itself and on the stack. */
static void test_poll_many(void)
{
	struct request requests[60];

	setup();
	for (int i = 0; i < 60; i++) {
		requests[i] = (struct request){i < 40 ? 3 : 5 + i - 40, POLLIN, -1};
		if (i >= 40)
			double_fd_set(5 + i - 40, file_ref(reader));
	}
	double_on_sleep = write_meanwhile;
	CHECK_EQ(call_poll(requests, 60, -1), 60);
	CHECK_EQ(requests[59].ready, POLLIN);
	for (int i = 40; i < 60; i++)
		double_fd_set(5 + i - 40, NULL);
	CHECK(list_is_empty(&pipe_of(reader)->readable.waiters));
	teardown();
}

static void test_ppoll(void)
{
	struct request request = {3, POLLIN, -1};
	struct {
		int64_t seconds, ns;
	} timeout = {1, 500}, bad = {0, 1000000000};
	uint64_t mask = ~0UL;
	struct syscall_args args = {
		(uintptr_t)&request, 1, (uintptr_t)&timeout, (uintptr_t)&mask, 8, 0};

	setup();
	CHECK_EQ(sys_ppoll(&double_thread, &args), 0);
	CHECK(timeout.seconds == 0 && timeout.ns == 0);
	CHECK(!double_thread.signals.has_saved);
	timeout.seconds = 2;
	double_signal_pending = true;
	CHECK_EQ(sys_ppoll(&double_thread, &args), -514);
	CHECK(timeout.seconds == 2);
	CHECK(double_thread.signals.has_saved); /* the way out restores it */
	CHECK(!(double_thread.signals.blocked & SIGNAL_BIT(9)));
	double_thread.signals.has_saved = false;
	args.e = 4;
	CHECK_EQ(sys_ppoll(&double_thread, &args), -EINVAL);
	args.e = 8;
	args.c = (uintptr_t)&bad;
	CHECK_EQ(sys_ppoll(&double_thread, &args), -EINVAL);
	teardown();
}

static void test_select(void)
{
	uint64_t in = 1 << 3, out = 1 << 4 | 1 << 3, except = 1 << 3;
	struct {
		int64_t seconds, us;
	} timeout = {0, 2000};
	struct syscall_args args = {
		5, (uintptr_t)&in, (uintptr_t)&out, (uintptr_t)&except, (uintptr_t)&timeout, 0};

	setup();
	CHECK_EQ(sys_select(&double_thread, &args), 1);
	CHECK(in == 0 && out == 1 << 4 && except == 0);
	CHECK(timeout.us == 2000);

	in = 1 << 3;
	args.c = args.d = 0;
	CHECK_EQ(sys_select(&double_thread, &args), 0);
	CHECK(in == 0 && timeout.us == 0);
	in = 1UL << 3 | 1UL << 60; /* beyond n: not looked at */
	timeout.us = 7;
	double_on_sleep = write_meanwhile;
	CHECK_EQ(sys_select(&double_thread, &args), 1);
	CHECK_EQ(in, 1 << 3);
	args.a = 64;
	in = 1UL << 60;
	CHECK_EQ(sys_select(&double_thread, &args), -EBADF);
	args.a = (uint64_t)-1;
	CHECK_EQ(sys_select(&double_thread, &args), -EINVAL);

	/* A hang-up is no exception: it does not end the wait. */
	file_unref(writer);
	double_fd_set(4, NULL);
	args = (struct syscall_args){4, 0, 0, (uintptr_t)&except, (uintptr_t)&timeout, 0};
	except = 1 << 3;
	timeout.us = 9;
	CHECK_EQ(sys_select(&double_thread, &args), 0);
	double_fd_set(3, NULL);
	file_unref(reader);
}

static void test_deadlines(void)
{
	int64_t span[2] = {INT64_MAX, 5};
	uint64_t deadline;

	CHECK_EQ(timeout_from_timespec((uintptr_t)span, &deadline), 0);
	CHECK_EQ(deadline, WAIT_FOREVER);
	CHECK_EQ(timeout_from_timeval((uintptr_t)span, &deadline), 0);
	CHECK_EQ(deadline, WAIT_FOREVER);
	span[0] = 0;
	span[1] = 2000001;
	CHECK_EQ(timeout_from_timeval((uintptr_t)span, &deadline), 0);
	CHECK_EQ(deadline - double_now_ns, 2000001000);
	span[0] = -1;
	CHECK_EQ(timeout_from_timespec((uintptr_t)span, &deadline), -EINVAL);
	CHECK_EQ(timeout_from_timespec(0, &deadline), 0);
	CHECK_EQ(deadline, WAIT_FOREVER);
}

/* ---- Host streams ---- */

static void host_gets_ready(void)
{
	double_host_ready = 1;
}

/* A descriptor of the host and a pipe at once: a wake of either ends the sleep, and the mark it
 * leaves does not keep the next one from sleeping. */
static void test_host_and_pipe(void)
{
	struct request requests[2] = {{0, POLLIN, 0}, {3, POLLIN, 0}};
	struct file *stream;

	setup();
	CHECK_EQ(host_stream_open(0, &stream), 0);
	double_fd_set(0, stream);
	double_on_sleep = host_gets_ready;
	CHECK_EQ(call_poll(requests, 2, -1), 1);
	CHECK(requests[0].ready == POLLIN && !requests[1].ready);
	double_host_ready = 0;
	double_on_sleep = write_meanwhile;
	CHECK_EQ(call_poll(requests, 2, -1), 1);
	CHECK(!requests[0].ready && requests[1].ready == POLLIN);
	CHECK_EQ(double_wakes, 1);
	CHECK_EQ(double_thread.block.pending, 1);
	requests[1].fd = -1;
	double_sleeps = 0;
	double_on_sleep = host_gets_ready;
	CHECK_EQ(call_poll(requests, 2, -1), 1);
	CHECK_EQ(double_sleeps, 1);
	double_thread.block.pending = 0;
	double_fd_set(0, NULL);
	teardown();
}

static void test_stream_transfers(void)
{
	static char text[3000];
	struct file *stream;

	setup();
	CHECK_EQ(host_stream_open(0, &stream), 0);
	double_host_input = "some words";
	CHECK_EQ(double_read(stream, text, 4), 4);
	CHECK_EQ(double_read(stream, text, sizeof(text)), 6);
	CHECK(!memcmp(text, " words", 6));
	CHECK_EQ(double_read(stream, text, sizeof(text)), 0);
	stream->flags |= O_NONBLOCK;
	CHECK_EQ(double_read(stream, text, 4), -EAGAIN);
	stream->flags &= ~(uint32_t)O_NONBLOCK;
	double_signal_pending = true;
	CHECK_EQ(double_read(stream, text, 4), -512);
	double_signal_pending = false;
	CHECK_EQ(double_write(stream, "out", 3), 3);
	CHECK_STR(double_host_output, "out");
	CHECK(stream->ops->seek == NULL);
	file_unref(stream);

	CHECK_EQ(host_stream_open(1, &stream), 0);
	CHECK_EQ(double_write(stream, "put", 3), 3);
	CHECK_STR(double_host_output, "output");
	CHECK_EQ(stream->position, 3);
	CHECK_EQ(stream->ops->seek(stream, 9, 0), 9);
	CHECK_EQ(stream->position, 9);
	file_unref(stream);
	CHECK_EQ(host_stream_open(3, &stream), -EBADF);
	teardown();
}

static void test_terminal(void)
{
	struct platform_window window = {0};
	uint8_t settings[36] = {0};
	struct file *stream;
	int32_t pgid = 200;

	CHECK_EQ(host_stream_open(0, &stream), 0);
	CHECK_EQ(stream->ops->ioctl(stream, 0x5401 /* TCGETS */, (uintptr_t)settings), -ENOTTY);
	file_unref(stream);
	CHECK_EQ(host_stream_open(2, &stream), 0);
	CHECK_EQ(stream->ops->ioctl(stream, 0x5401, (uintptr_t)settings), 0);
	CHECK_EQ(settings[35], 7);
	CHECK_EQ(stream->ops->ioctl(stream, 0x5413 /* TIOCGWINSZ */, (uintptr_t)&window), 0);
	CHECK(window.rows == 24 && window.columns == 80);
	CHECK_EQ(stream->ops->ioctl(stream, 0x5410 /* TIOCSPGRP */, (uintptr_t)&pgid), 0);
	CHECK_EQ(host_stream_foreground(), 200);
	pgid = 12345;
	CHECK_EQ(stream->ops->ioctl(stream, 0x5410, (uintptr_t)&pgid), -ESRCH);
	CHECK_EQ(stream->ops->ioctl(stream, 0x541b /* FIONREAD */, 0), -ENOTTY);
	file_unref(stream);
}

int main(void)
{
	double_init();
	test_poll();
	test_poll_timeouts();
	test_poll_many();
	test_ppoll();
	test_select();
	test_deadlines();
	test_host_and_pipe();
	test_stream_transfers();
	test_terminal();
	return test_done();
}
