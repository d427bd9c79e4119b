/* Regular files of the host: reads and writes go through a buffer of the LibOS. */
#include "libos/core/heap.h"
#include "libos/files/host_inode.h"
#include "libos/files/open.h"
#include "platform/platform.h"

#define BUFFER_SIZE 65536UL
#define CHUNK_SIZE (1UL << 20) /* what is mapped is read in pieces of this size */

/* A piece of the file as it was when it was mapped first. */
struct chunk {
	struct list link;
	uint64_t offset;
	uint32_t generation;
	void *memory; /* CHUNK_SIZE bytes of the pool */
};

struct host_file {
	int host_fd;
	struct lock lock;
	struct list chunks; /* kept until nobody maps or holds the open file any more */
};

static int host_fd_of(const struct file *file)
{
	return ((const struct host_file *)file->private_data)->host_fd;
}

static int file_opened(struct inode *inode, struct file *file)
{
	struct host_file *host = heap_alloc(sizeof(*host));

	if (!host)
		return -ENOMEM;
	host->host_fd =
		platform_host_reopen(host_inode_of(inode)->path_fd, file->flags & O_ACCMODE, false);
	if (host->host_fd < 0) {
		int r = host->host_fd;

		heap_free(host);
		return r;
	}
	list_init(&host->chunks);
	file->private_data = host;
	return 0;
}

static void file_release(struct file *file)
{
	struct host_file *host = file->private_data;
	struct chunk *chunk, *next;

	LIST_FOR_EACH_SAFE (chunk, next, &host->chunks, link) {
		pool_free(chunk->memory, CHUNK_SIZE);
		heap_free(chunk);
	}
	platform_host_close(host->host_fd);
	heap_free(host);
}

/* As much as there is, up to @size. */
static long read_full(int host_fd, uint8_t *to, size_t size, uint64_t offset)
{
	size_t done = 0;

	while (done < size) {
		long n = platform_host_pread(host_fd, to + done, size - done, offset + done);

		if (n < 0)
			return done ? (long)done : n;
		if (!n)
			break;
		done += (size_t)n;
	}
	return (long)done;
}

static long file_read(struct file *file, struct io *io, uint64_t *offset)
{
	size_t size = MIN(io->left, BUFFER_SIZE);
	CLEANUP(heap_freep) uint8_t *buffer = size ? heap_alloc(size) : NULL;
	long done = 0, n, put;

	if (!size)
		return 0;
	if (!buffer)
		return -ENOMEM;
	while (io->left) {
		n = read_full(host_fd_of(file), buffer, MIN(io->left, size), *offset);
		if (n <= 0)
			return done ? done : n;
		put = io_put(io, buffer, (size_t)n);
		if (put <= 0)
			return done ? done : put;
		*offset += (uint64_t)put;
		done += put;
		if (put < n || (size_t)n < size)
			break;
	}
	return done;
}

static long write_full(
	struct file *file, const uint8_t *from, size_t size, uint64_t offset, bool append)
{
	size_t done = 0;

	while (done < size) {
		long n = platform_host_pwrite(
			host_fd_of(file), from + done, size - done, offset + done, append);

		if (n <= 0)
			return done ? (long)done : n;
		done += (size_t)n;
	}
	return (long)done;
}

/* @size bytes at @offset; write_lock held. */
static long write_at(struct file *file, struct io *io, uint64_t offset, uint64_t size, bool append)
{
	size_t chunk = MIN(size, BUFFER_SIZE);
	CLEANUP(heap_freep) uint8_t *buffer = heap_alloc(chunk);
	long done = 0, n, taken;

	if (!buffer)
		return -ENOMEM;
	while ((uint64_t)done < size) {
		taken = io_take(io, buffer, MIN(size - (uint64_t)done, chunk));
		if (taken <= 0)
			return done ? done : taken;
		n = write_full(file, buffer, (size_t)taken, offset + (uint64_t)done, append);
		if (n < 0)
			return done ? done : n;
		done += n;
		if (n < taken)
			break;
	}
	return done;
}

static long file_write(struct file *file, struct io *io, uint64_t *offset)
{
	bool append = file->flags & O_APPEND || *offset == FILE_OFFSET_END;
	struct inode *inode = file->inode;
	struct platform_host_file status;
	uint64_t size = io->left, at;
	long n;
	int r;

	if (!size)
		return 0;
	LOCK_SCOPE(&inode->write_lock);
	r = append ? host_inode_refresh(inode, &status) : 0;
	if (r)
		return r;
	at = append ? inode->size : *offset;
	r = file_limit_write(at, &size);
	if (r)
		return r;
	__atomic_add_fetch(&host_inode_of(inode)->generation, 1, __ATOMIC_RELAXED);
	inode_content_changes(inode);
	n = write_at(file, io, at, size, append);
	if (n <= 0)
		return n;
	*offset = at + (uint64_t)n;
	if (*offset > inode->size)
		__atomic_store_n(&inode->size, *offset, __ATOMIC_RELEASE);
	return n;
}

static long file_seek(struct file *file, int64_t offset, int whence)
{
	struct platform_host_file status;
	long at;
	int r;

	if (whence == SEEK_DATA || whence == SEEK_HOLE) {
		at = platform_host_seek(host_fd_of(file), offset, whence);
		if (at >= 0)
			file->position = (uint64_t)at;
		return at;
	}
	r = whence == SEEK_END ? host_inode_refresh(file->inode, &status) : 0;
	return r ? r : file_seek_within(file, offset, whence, file->inode->size);
}

/* ---- Mapping: private mappings of a copy ---- */

static struct chunk *chunk_find(struct host_file *host, uint64_t offset, uint32_t generation)
{
	struct chunk *chunk;

	LIST_FOR_EACH (chunk, &host->chunks, link)
		if (chunk->offset == offset && chunk->generation == generation)
			return chunk;
	return NULL;
}

/* Locked. */
static int chunk_get(
	struct file *file, uint64_t offset, uint32_t generation, struct chunk **ret_chunk)
{
	struct host_file *host = file->private_data;
	struct chunk *chunk = chunk_find(host, offset, generation);
	long n;

	*ret_chunk = chunk;
	if (chunk)
		return 0;
	chunk = heap_alloc(sizeof(*chunk));
	if (!chunk)
		return -ENOMEM;
	*chunk = (struct chunk){.offset = offset, .generation = generation};
	chunk->memory = pool_alloc(CHUNK_SIZE);
	n = chunk->memory ? read_full(host->host_fd, chunk->memory, CHUNK_SIZE, offset) : -ENOMEM;
	if (n < 0) {
		pool_free(chunk->memory, CHUNK_SIZE);
		heap_free(chunk);
		return (int)n;
	}
	list_add(&host->chunks, &chunk->link);
	*ret_chunk = chunk;
	return 0;
}

/* Two processes cannot share pages of the host's with each other and with it: a mapping that is to
 * write through is refused, and any other sees the file as it was when it was mapped. */
static int file_map(struct file *file, uint64_t offset, uint64_t size, bool write,
	void **ret_memory, uint64_t *ret_run)
{
	struct host_inode *inode = host_inode_of(file->inode);
	struct host_file *host = file->private_data;
	uint64_t start = ALIGN_DOWN(offset, CHUNK_SIZE), end;
	struct platform_host_file status;
	struct chunk *chunk;
	int r;

	(void)size;
	if (write)
		return -ENODEV;
	r = host_inode_refresh(file->inode, &status);
	if (r)
		return r;
	end = ALIGN_UP(MIN(status.size, (uint64_t)INT64_MAX), PAGE_SIZE);
	if (offset >= end)
		return -ENXIO;
	LOCK_SCOPE(&host->lock);
	r = chunk_get(file, start, __atomic_load_n(&inode->generation, __ATOMIC_RELAXED), &chunk);
	if (r)
		return r;
	*ret_memory = (uint8_t *)chunk->memory + (offset - start);
	*ret_run = MIN(start + CHUNK_SIZE, end) - offset;
	return 0;
}

static int file_sync(struct file *file, bool data_only)
{
	return platform_host_sync(host_fd_of(file), data_only);
}

static int file_allocate(struct inode *inode, uint32_t mode, uint64_t offset, uint64_t size)
{
	int fd = platform_host_reopen(host_inode_of(inode)->path_fd, O_WRONLY, false), r;

	if (fd < 0)
		return fd;
	__atomic_add_fetch(&host_inode_of(inode)->generation, 1, __ATOMIC_RELAXED);
	inode_content_changes(inode);
	r = platform_host_allocate(fd, mode, offset, size);
	platform_host_close(fd);
	return r;
}

const struct inode_ops host_file_inode_ops = {
	.getattr = host_inode_getattr,
	.setattr = host_inode_setattr,
	.allocate = file_allocate,
	.open = file_opened,
	.release = host_inode_release,
};

const struct file_ops host_file_ops = {
	.read = file_read,
	.write = file_write,
	.seek = file_seek,
	.map = file_map,
	.sync = file_sync,
	.release = file_release,
};
