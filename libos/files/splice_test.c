#include "libos/files/splice.h"

#include <errno.h>
#include <signal.h>

#include "base/test.h"
#include "libos/files/waiting_doubles.h"

static struct file *reader, *writer, *reader2, *writer2;
static char buffer[2 * PIPE_SIZE_DEFAULT];

/* A seekable file of 100000 bytes, and what has been written to it. */
static char content[100000], stored[100000];
static long store_result;

static long memory_read(struct file *file, struct io *io, uint64_t *offset)
{
	size_t size = MIN(io->left, sizeof(content) - MIN(*offset, sizeof(content)));
	long r = io_put(io, content + *offset, size);

	(void)file;
	*offset += (uint64_t)r;
	return r;
}

static long memory_write(struct file *file, struct io *io, uint64_t *offset)
{
	long r;

	(void)file;
	if (store_result)
		return store_result;
	r = io_take(io, stored + *offset, io->left);
	*offset += (uint64_t)r;
	return r;
}

static long memory_seek(struct file *file, int64_t offset, int whence)
{
	(void)file;
	(void)whence;
	return offset;
}

static const struct file_ops memory_ops = {
	.read = memory_read, .write = memory_write, .seek = memory_seek};
static const struct file_ops stream_ops = {.read = memory_read, .write = memory_write};
static struct file memory_file = {.ops = &memory_ops};

static void setup(void)
{
	double_signal_pending = false;
	double_on_sleep = NULL;
	double_last_signal = 0;
	store_result = 0;
	memset(stored, 0, sizeof(stored));
	CHECK_EQ(pipe_make(0, &reader, &writer), 0);
	CHECK_EQ(pipe_make(0, &reader2, &writer2), 0);
}

static void teardown(void)
{
	file_unref(reader);
	file_unref(writer);
	file_unref(reader2);
	file_unref(writer2);
}

static void write_meanwhile(void)
{
	CHECK_EQ(double_write(writer, "late", 4), 4);
}

static void test_to_file(const struct file_ops *ops)
{
	struct file file = {.ops = ops};
	uint64_t offset = 10;

	setup();
	CHECK_EQ(double_write(writer, content, 60000), 60000);
	CHECK_EQ(splice_to_file(pipe_of(reader), &file, &offset, 50000, false), 50000);
	CHECK_EQ(offset, 50010);
	CHECK(!memcmp(stored + 10, content, 50000));
	CHECK_EQ(splice_to_file(pipe_of(reader), &file, &offset, 50000, false), 10000);
	CHECK_EQ(splice_to_file(pipe_of(reader), &file, &offset, 1, true), -EAGAIN);
	double_on_sleep = write_meanwhile;
	CHECK_EQ(splice_to_file(pipe_of(reader), &file, &offset, 100, false), 4);
	CHECK(!memcmp(stored + 60010, "late", 4));
	CHECK_EQ(double_write(writer, "x", 1), 1);
	store_result = -EAGAIN;
	CHECK_EQ(splice_to_file(pipe_of(reader), &file, &offset, 100, false), -EAGAIN);
	store_result = 0;
	file_unref(writer);
	writer = NULL;
	/* What a seekable file refuses stays in the pipe. */
	CHECK_EQ(splice_to_file(pipe_of(reader), &file, &offset, 100, false), ops->seek ? 1 : 0);
	CHECK_EQ(splice_to_file(pipe_of(reader), &file, &offset, 100, false), 0);
	teardown();
}

static void read_meanwhile(void)
{
	CHECK_EQ(double_read(reader, buffer, 5000), 5000);
}

static void test_from_file(void)
{
	uint64_t offset = 99000;

	setup();
	CHECK_EQ(splice_from_file(&memory_file, &offset, pipe_of(writer), 5000, false), 1000);
	CHECK_EQ(offset, 100000);
	CHECK_EQ(splice_from_file(&memory_file, &offset, pipe_of(writer), 5000, false), 0);
	CHECK_EQ(double_read(reader, buffer, 5000), 1000);
	CHECK(!memcmp(buffer, content + 99000, 1000));
	offset = 0;
	CHECK_EQ(splice_from_file(&memory_file, &offset, pipe_of(writer), 100000, false), 65536);
	CHECK_EQ(splice_from_file(&memory_file, &offset, pipe_of(writer), 1, true), -EAGAIN);
	double_on_sleep = read_meanwhile;
	CHECK_EQ(splice_from_file(&memory_file, &offset, pipe_of(writer), 100000, false), 5000);
	CHECK_EQ(offset, 70536);
	CHECK_EQ(splice_from_file(&memory_file, &offset, pipe_of(writer), 1, false), -512);
	file_unref(reader);
	reader = NULL;
	CHECK_EQ(splice_from_file(&memory_file, &offset, pipe_of(writer), 1, false), -EPIPE);
	CHECK_EQ(double_last_signal, SIGPIPE);
	teardown();
}

static void write_late(void)
{
	CHECK_EQ(double_write(writer, "late", 4), 4);
}

static void test_pipes(void)
{
	setup();
	CHECK_EQ(double_write(writer, "abcdef", 6), 6);
	CHECK_EQ(splice_pipes(pipe_of(reader), pipe_of(writer2), 4, false, true), 4);
	CHECK_EQ(splice_pipes(pipe_of(reader), pipe_of(writer2), 100, false, false), 6);
	CHECK_EQ(double_read(reader2, buffer, 100), 10);
	CHECK(!memcmp(buffer, "abcdabcdef", 10));
	CHECK_EQ(splice_pipes(pipe_of(reader), pipe_of(writer2), 100, true, false), -EAGAIN);
	double_on_sleep = write_late;
	CHECK_EQ(splice_pipes(pipe_of(reader), pipe_of(writer2), 100, false, false), 4);
	CHECK_EQ(double_write(writer, "x", 1), 1);
	file_unref(reader2);
	reader2 = NULL;
	CHECK_EQ(splice_pipes(pipe_of(reader), pipe_of(writer2), 100, false, false), -EPIPE);
	teardown();
}

static void test_memory(void)
{
	struct io io;

	setup();
	io_init_kernel(&io, content, sizeof(content));
	CHECK_EQ(splice_from_memory(&io, pipe_of(writer), false), 65536);
	CHECK_EQ(splice_from_memory(&io, pipe_of(writer), true), -EAGAIN);
	io_init_kernel(&io, buffer, 1000);
	CHECK_EQ(splice_to_memory(pipe_of(reader), &io, false), 1000);
	CHECK(!memcmp(buffer, content, 1000));
	teardown();
}

int main(void)
{
	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (char)(i * 31 >> 5);
	double_init();
	test_to_file(&memory_ops);
	test_to_file(&stream_ops);
	test_from_file();
	test_pipes();
	test_memory();
	return test_done();
}
