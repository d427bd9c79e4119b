/* The standard streams of the first process: the host's descriptors 0, 1 and 2. What comes from
 * there is the host's word; what goes there is no longer secret. */
#include "libos/core/heap.h"
#include "libos/files/descriptors.h"
#include "libos/files/open.h"
#include "libos/signals/signal.h"
#include "platform/platform.h"

#define CHUNK_SIZE 65536UL

static int host_fd_of(const struct file *file)
{
	return (int)(uintptr_t)file->inode->private;
}

static long stream_read(struct file *file, struct io *io, uint64_t *offset)
{
	size_t size = MIN(io->left, CHUNK_SIZE);
	CLEANUP(heap_freep) void *chunk = NULL;
	long n;

	(void)offset;
	if (!size)
		return 0;
	chunk = heap_alloc(size);
	if (!chunk)
		return -ENOMEM;
	n = platform_host_read(host_fd_of(file), chunk, size);
	if (n == -EINTR)
		return -ERESTARTSYS;
	return n > 0 ? io_put(io, chunk, (size_t)n) : n;
}

/* All of the chunk, unless the host fails or a signal comes. */
static long write_chunk(int host_fd, const uint8_t *chunk, size_t size)
{
	size_t done = 0;

	while (done < size) {
		long n = platform_host_write(host_fd, chunk + done, size - done);

		if (n <= 0)
			return done ? (long)done : n;
		done += (size_t)n;
	}
	return (long)done;
}

static long stream_write(struct file *file, struct io *io, uint64_t *offset)
{
	size_t size = MIN(io->left, CHUNK_SIZE), done = 0;
	CLEANUP(heap_freep) void *chunk = NULL;
	long n = 0;

	(void)offset;
	if (!size)
		return 0;
	chunk = heap_alloc(size);
	if (!chunk)
		return -ENOMEM;
	while (io->left) {
		long taken = io_take(io, chunk, MIN(io->left, CHUNK_SIZE));

		if (taken <= 0)
			return done ? (long)done : taken;
		n = write_chunk(host_fd_of(file), chunk, (size_t)taken);
		if (n <= 0)
			break;
		done += (size_t)n;
		if (n < taken)
			break;
	}
	if (done)
		return (long)done;
	return n == -EINTR ? -ERESTARTSYS : n;
}

static const struct file_ops stream_ops = {
	.read = stream_read,
	.write = stream_write,
};

/* Opened again by way of /dev/stdin and the like. */
static int stream_open(struct inode *inode, struct file *file)
{
	(void)inode;
	file->ops = &stream_ops;
	return 0;
}

static const struct inode_ops stream_inode_ops = {.open = stream_open};

static int stream_install(struct fd_table *table, int fd)
{
	struct inode *inode = inode_new_anonymous("pipe", S_IFIFO | 0600);
	struct file *file;

	if (!inode)
		return -ENOMEM;
	inode->ops = &stream_inode_ops;
	inode->private = (void *)(uintptr_t)fd;
	file = file_new(inode, NULL, &stream_ops, fd ? O_WRONLY : O_RDONLY);
	inode_unref(inode);
	if (!file)
		return -ENOMEM;
	return fd_table_place(table, file, fd);
}

int files_standard_streams(struct fd_table *table)
{
	int r = 0;

	for (int fd = 0; fd <= 2 && !r; fd++)
		r = stream_install(table, fd);
	return r;
}
