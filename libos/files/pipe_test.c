#include "libos/files/pipe.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "base/test.h"
#include "libos/files/poll.h"
#include "libos/files/waiting_doubles.h"

#define LINUX_O_DIRECT 040000

static struct file *reader, *writer;
static char buffer[2 * PIPE_SIZE_MAX];

static void setup(uint32_t flags)
{
	double_signal_pending = false;
	double_last_signal = 0;
	double_sleeps = double_wakes = 0;
	double_on_sleep = NULL;
	CHECK_EQ(pipe_make(flags, &reader, &writer), 0);
}

static void teardown(void)
{
	file_unref(reader);
	file_unref(writer);
	reader = writer = NULL;
}

static void test_bytes(void)
{
	char got[16] = "";

	setup(0);
	CHECK_EQ(double_write(writer, "hello", 5), 5);
	CHECK_EQ(double_write(writer, " world", 6), 6);
	CHECK_EQ(double_read(reader, got, 3), 3);
	CHECK(!memcmp(got, "hel", 3));
	CHECK_EQ(double_read(reader, got, sizeof(got)), 8);
	CHECK(!memcmp(got, "lo world", 8));
	CHECK_EQ(double_read(reader, got, 0), 0);
	CHECK_EQ(double_sleeps, 0);
	teardown();
}

/* Every byte comes out once and in order, whatever the sizes and wherever the ring wraps. */
static void test_random_sizes(void)
{
	uint64_t written = 0, taken = 0;
	bool same = true;

	setup(O_NONBLOCK);
	srand(1);
	for (int i = 0; i < 2000; i++) {
		size_t size = (size_t)rand() % 20000 + 1;
		long r;

		for (size_t n = 0; n < size; n++)
			buffer[n] = (char)((written + n) * 7 >> 3);
		r = double_write(writer, buffer, size);
		written += r > 0 ? (uint64_t)r : 0;
		r = double_read(reader, buffer, (size_t)rand() % 20000 + 1);
		for (long n = 0; n < r; n++)
			same &= buffer[n] == (char)((taken + (uint64_t)n) * 7 >> 3);
		taken += r > 0 ? (uint64_t)r : 0;
	}
	CHECK(same);
	CHECK(taken > 1000000 && written >= taken && written - taken <= PIPE_SIZE_DEFAULT);
	teardown();
}

static void test_full_and_empty(void)
{
	setup(O_NONBLOCK);
	CHECK_EQ(double_read(reader, buffer, 1), -EAGAIN);
	CHECK_EQ(double_write(writer, buffer, 100000), PIPE_SIZE_DEFAULT);
	CHECK_EQ(double_write(writer, buffer, 1), -EAGAIN);
	CHECK_EQ(double_read(reader, buffer, 100), 100);
	/* Up to PIPE_BUF bytes go whole or not at all; more go in part. */
	CHECK_EQ(double_write(writer, buffer, 101), -EAGAIN);
	CHECK_EQ(double_write(writer, buffer, 5000), 100);
	teardown();
}

static void test_ends(void)
{
	setup(0);
	CHECK_EQ(double_write(writer, "x", 1), 1);
	file_unref(writer);
	CHECK_EQ(double_read(reader, buffer, 10), 1);
	CHECK_EQ(double_read(reader, buffer, 10), 0);
	file_unref(reader);

	setup(0);
	file_unref(reader);
	CHECK_EQ(double_write(writer, "x", 1), -EPIPE);
	CHECK_EQ(double_last_signal, SIGPIPE);
	double_last_signal = 0;
	CHECK_EQ(double_write(writer, "x", 0), 0);
	CHECK_EQ(double_last_signal, 0);
	file_unref(writer);
}

static void write_meanwhile(void)
{
	CHECK_EQ(double_write(writer, "late", 4), 4);
}

static void read_meanwhile(void)
{
	CHECK_EQ(double_read(reader, buffer, PIPE_SIZE_DEFAULT), PIPE_SIZE_DEFAULT);
}

static void close_reader_meanwhile(void)
{
	file_unref(reader);
	reader = NULL;
}

static void test_sleeping(void)
{
	setup(0);
	double_on_sleep = write_meanwhile;
	CHECK_EQ(double_read(reader, buffer, 10), 4);
	CHECK_EQ(double_sleeps, 1);
	CHECK_EQ(double_wakes, 1);
	CHECK_EQ(double_read(reader, buffer, 10), -512); /* ERESTARTSYS */
	teardown();

	setup(0);
	double_on_sleep = read_meanwhile;
	CHECK_EQ(double_write(writer, buffer, PIPE_SIZE_DEFAULT + 10), PIPE_SIZE_DEFAULT + 10);
	CHECK_EQ(double_sleeps, 1);
	/* What has been written before the signal counts. */
	CHECK_EQ(double_write(writer, buffer, PIPE_SIZE_DEFAULT), PIPE_SIZE_DEFAULT - 10);
	CHECK_EQ(double_write(writer, buffer, 1), -512);
	double_signal_pending = false;
	double_on_sleep = close_reader_meanwhile;
	CHECK_EQ(double_write(writer, buffer, 1), -EPIPE);
	CHECK_EQ(double_last_signal, SIGPIPE);
	teardown();
}

/* Nobody sleeps: nobody is woken. */
static void test_wakes_are_rare(void)
{
	setup(0);
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(double_write(writer, buffer, 4096), 4096);
		CHECK_EQ(double_read(reader, buffer, 4096), 4096);
	}
	CHECK_EQ(double_wakes, 0);
	teardown();
}

static void test_packets(void)
{
	setup(LINUX_O_DIRECT | O_NONBLOCK);
	CHECK_EQ(double_write(writer, "one", 3), 3);
	CHECK_EQ(double_write(writer, "three", 5), 5);
	CHECK_EQ(double_read(reader, buffer, 100), 3);
	CHECK_EQ(double_read(reader, buffer, 2), 2); /* the rest is lost */
	CHECK_EQ(double_read(reader, buffer, 100), -EAGAIN);
	CHECK_EQ(double_write(writer, buffer, 5000), 5000);
	CHECK_EQ(double_read(reader, buffer, 5000), PIPE_ATOMIC);
	CHECK_EQ(double_read(reader, buffer, 5000), 5000 - PIPE_ATOMIC);
	for (int i = 0; i < 16; i++)
		CHECK_EQ(double_write(writer, "x", 1), 1);
	CHECK_EQ(double_write(writer, "x", 1), -EAGAIN);
	/* A stream before and after. */
	for (int i = 0; i < 16; i++)
		CHECK_EQ(double_read(reader, buffer, 1), 1);
	writer->flags &= ~(uint32_t)LINUX_O_DIRECT;
	CHECK_EQ(double_write(writer, "ab", 2), 2);
	writer->flags |= LINUX_O_DIRECT;
	CHECK_EQ(double_write(writer, "cd", 2), 2);
	writer->flags &= ~(uint32_t)LINUX_O_DIRECT;
	CHECK_EQ(double_write(writer, "ef", 2), 2);
	CHECK_EQ(double_read(reader, buffer, 100), 2);
	CHECK_EQ(double_read(reader, buffer, 1), 1);
	CHECK_EQ(double_read(reader, buffer, 100), 2);
	CHECK(!memcmp(buffer, "ef", 2));
	teardown();
}

static void test_size(void)
{
	char got[3000];
	int32_t ready = 0;

	setup(O_NONBLOCK);
	CHECK_EQ(pipe_size(reader), PIPE_SIZE_DEFAULT);
	for (size_t i = 0; i < 65536; i++)
		buffer[i] = (char)(i >> 4);
	CHECK_EQ(double_write(writer, buffer, 65536), 65536);
	CHECK_EQ(double_read(reader, got, sizeof(got)), sizeof(got));
	CHECK_EQ(pipe_set_size(writer, 4096), -EBUSY);
	CHECK_EQ(pipe_set_size(writer, 100000), 131072);
	CHECK_EQ(double_write(writer, buffer, 200000), 131072 - 65536 + 3000);
	CHECK_EQ(reader->ops->ioctl(reader, FIONREAD, (uintptr_t)&ready), 0);
	CHECK_EQ(ready, 131072);
	CHECK_EQ(double_read(reader, buffer + 65536, 62536), 62536);
	CHECK(!memcmp(buffer + 3000, buffer + 65536, 62536));
	CHECK_EQ(double_read(reader, buffer, 200000), 131072 - 62536);
	CHECK_EQ(pipe_set_size(writer, 1), 4096);
	CHECK_EQ(pipe_size(reader), 4096);
	CHECK_EQ(pipe_set_size(writer, PIPE_SIZE_MAX), PIPE_SIZE_MAX);
	CHECK_EQ(pipe_set_size(writer, PIPE_SIZE_MAX + 1), -EPERM);
	CHECK_EQ(pipe_set_size(writer, 1UL << 40), -EINVAL);
	teardown();
}

static void test_poll(void)
{
	setup(O_NONBLOCK);
	CHECK_EQ(file_poll(reader, NULL), 0);
	CHECK_EQ(file_poll(writer, NULL), POLLOUT | POLLWRNORM);
	CHECK_EQ(double_write(writer, buffer, PIPE_SIZE_DEFAULT - PIPE_ATOMIC + 1),
		PIPE_SIZE_DEFAULT - PIPE_ATOMIC + 1);
	CHECK_EQ(file_poll(writer, NULL), 0);
	CHECK_EQ(file_poll(reader, NULL), POLLIN | POLLRDNORM);
	file_unref(writer);
	CHECK_EQ(file_poll(reader, NULL), POLLIN | POLLRDNORM | POLLHUP);
	file_unref(reader);
	setup(0);
	file_unref(reader);
	CHECK_EQ(file_poll(writer, NULL), POLLOUT | POLLWRNORM | POLLERR);
	file_unref(writer);
}

/* ---- FIFOs ---- */

static struct inode *fifo;

static struct file *fifo_try(uint32_t flags, int *ret_r)
{
	struct file *file = file_new(fifo, NULL, NULL, flags);

	*ret_r = fifo_open(fifo, file);
	if (!*ret_r)
		return file;
	file->ops = NULL;
	file_unref(file);
	return NULL;
}

static void open_writer_meanwhile(void)
{
	int r;

	writer = fifo_try(O_WRONLY, &r);
	CHECK_EQ(r, 0);
}

static void writer_comes_and_goes(void)
{
	open_writer_meanwhile();
	file_unref(writer);
}

static void test_fifo(void)
{
	int r;

	double_signal_pending = false;
	fifo = inode_new_anonymous("fifo", S_IFIFO | 0600);
	fifo->flags = 0;
	CHECK(!fifo_try(O_WRONLY | O_NONBLOCK, &r));
	CHECK_EQ(r, -ENXIO);
	reader = fifo_try(O_RDONLY | O_NONBLOCK, &r);
	CHECK_EQ(double_read(reader, buffer, 1), 0);
	CHECK_EQ(file_poll(reader, NULL), 0);
	writer = fifo_try(O_WRONLY, &r);
	CHECK_EQ(double_write(writer, "x", 1), 1);
	file_unref(writer);
	CHECK_EQ(file_poll(reader, NULL), POLLIN | POLLRDNORM | POLLHUP);
	file_unref(reader);

	/* Both gone: empty. A reader waits for a writer, even a brief one. */
	double_on_sleep = open_writer_meanwhile;
	reader = fifo_try(O_RDONLY, &r);
	CHECK_EQ(r, 0);
	reader->flags |= O_NONBLOCK;
	CHECK_EQ(double_read(reader, buffer, 1), -EAGAIN);
	file_unref(writer);
	file_unref(reader);
	double_on_sleep = writer_comes_and_goes;
	reader = fifo_try(O_RDONLY, &r);
	CHECK_EQ(r, 0);
	CHECK_EQ(double_read(reader, buffer, 1), 0);
	file_unref(reader);

	CHECK(!fifo_try(O_WRONLY, &r));
	CHECK_EQ(r, -512);
	double_signal_pending = false;
	CHECK(!fifo_try(O_WRONLY | O_NONBLOCK, &r));
	CHECK_EQ(r, -ENXIO);
	writer = fifo_try(O_RDWR, &r);
	CHECK_EQ(double_write(writer, "y", 1), 1);
	CHECK_EQ(double_read(writer, buffer, 5), 1);
	file_unref(writer);
	inode_unref(fifo);
}

int main(void)
{
	double_init();
	test_bytes();
	test_random_sizes();
	test_full_and_empty();
	test_ends();
	test_sleeping();
	test_wakes_are_rare();
	test_packets();
	test_size();
	test_poll();
	test_fifo();
	return test_done();
}
