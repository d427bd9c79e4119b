/* Regular files of the file systems in memory: read, write, size, holes, mapping. */
#include <linux/falloc.h>
#include <linux/memfd.h>

#include "libos/core/log.h"
#include "libos/files/memory_inode.h"
#include "libos/files/open.h"

static void touch_read(struct file *file, struct inode *inode)
{
	if (!(file->flags & O_NOATIME))
		inode_touch_read(inode);
}

static long memory_read(struct file *file, struct io *io, uint64_t *offset)
{
	struct inode *inode = file->inode;
	uint64_t size = __atomic_load_n(&inode->size, __ATOMIC_ACQUIRE);
	long n = 0;

	if (!io->left)
		return 0;
	if (*offset < size)
		n = data_read(
			&memory_inode_of(inode)->data, io, *offset, MIN(io->left, size - *offset));
	if (n >= 0) {
		*offset += (uint64_t)n;
		touch_read(file, inode); /* at the end of the file, too */
	}
	return n;
}

/* write_lock held. */
static void content_changes(struct inode *inode)
{
	memory_inode_of(inode)->is_changed = true;
	inode_content_changes(inode);
}

/* What a memfd's seals leave of a write of *size bytes. */
static int limit_by_seals(const struct inode *inode, uint64_t offset, uint64_t *size)
{
	if (LIKELY(!inode->seals) || !*size)
		return 0;
	if (inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	if (inode->seals & F_SEAL_GROW && offset + *size > inode->size) {
		if (offset >= inode->size)
			return -EPERM;
		*size = inode->size - offset;
	}
	return 0;
}

/* write_lock held. */
static long write_at(struct inode *inode, struct io *io, uint64_t offset)
{
	struct data *data = &memory_inode_of(inode)->data;
	uint64_t size = io->left, old = inode->size;
	long n;
	int r;

	r = file_limit_write(offset, &size);
	r = r ? r : limit_by_seals(inode, offset, &size);
	if (r || !size)
		return r;
	content_changes(inode);
	file_drop_privileges(inode);
	if (offset > old) {
		r = data_resize(data, old, offset);
		if (r)
			return r;
	}
	n = data_write(data, io, offset, size);
	if (n <= 0)
		return n;
	if (offset + (uint64_t)n > old)
		__atomic_store_n(&inode->size, offset + (uint64_t)n, __ATOMIC_RELEASE);
	inode_touch(inode, true, true);
	return n;
}

static long memory_write(struct file *file, struct io *io, uint64_t *offset)
{
	struct inode *inode = file->inode;
	uint64_t at;
	long n;

	LOCK_SCOPE(&inode->write_lock);
	at = file->flags & O_APPEND || *offset == FILE_OFFSET_END ? inode->size : *offset;
	n = write_at(inode, io, at);
	if (n > 0)
		*offset = at + (uint64_t)n;
	return n;
}

static long memory_seek(struct file *file, int64_t offset, int whence)
{
	struct inode *inode = file->inode;
	uint64_t size = __atomic_load_n(&inode->size, __ATOMIC_ACQUIRE), at;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return file_seek_within(file, offset, whence, size);
	if (offset < 0 || (uint64_t)offset >= size)
		return -ENXIO;
	at = data_next(&memory_inode_of(inode)->data, (uint64_t)offset, size, whence == SEEK_HOLE);
	if (whence == SEEK_DATA && at >= size)
		return -ENXIO;
	file->position = at;
	return (long)at;
}

static int memory_map(struct file *file, uint64_t offset, uint64_t size, bool write,
	void **ret_memory, uint64_t *ret_run)
{
	struct inode *inode = file->inode;
	uint64_t end = __atomic_load_n(&inode->size, __ATOMIC_ACQUIRE);

	if (write && !file->counts_as_writer)
		return -EACCES;
	if (write && inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	if (write)
		content_changes(inode);
	return data_map(&memory_inode_of(inode)->data, offset, size, ALIGN_UP(end, PAGE_SIZE),
		write, ret_memory, ret_run);
}

static bool memory_is_loaded(struct file *file, uint64_t offset, uint64_t *ret_run)
{
	return data_is_loaded(&memory_inode_of(file->inode)->data, offset, ret_run);
}

static int memory_load(struct file *file, uint64_t offset, uint64_t size)
{
	return data_load(&memory_inode_of(file->inode)->data, offset, size);
}

static long memory_peek(struct file *file, void *to, size_t size, uint64_t offset)
{
	uint64_t end = __atomic_load_n(&file->inode->size, __ATOMIC_ACQUIRE);

	if (offset >= end)
		return 0;
	return data_peek(&memory_inode_of(file->inode)->data, to, offset, MIN(size, end - offset));
}

/* write_lock held. */
static int set_size(struct inode *inode, uint64_t size)
{
	uint64_t old = inode->size;
	int r;

	if ((size < old && inode->seals & F_SEAL_SHRINK) ||
		(size > old && inode->seals & F_SEAL_GROW))
		return -EPERM;
	content_changes(inode);
	/* Readers must not see what goes; and what comes must be zero before they see it. */
	if (size < old)
		__atomic_store_n(&inode->size, size, __ATOMIC_RELEASE);
	r = size == old ? 0 : data_resize(&memory_inode_of(inode)->data, old, size);
	__atomic_store_n(&inode->size, r ? old : size, __ATOMIC_RELEASE);
	if (!r)
		inode_touch(inode, true, true);
	return r;
}

static int file_setattr(struct inode *inode, const struct inode_change *change)
{
	int r = 0;

	if (change->valid & CHANGE_SIZE) {
		lock_acquire(&inode->write_lock);
		r = set_size(inode, change->size);
		lock_release(&inode->write_lock);
	}
	if (r || !(change->valid & ~(uint32_t)CHANGE_SIZE))
		return r;
	return memory_setattr(inode, change);
}

static int file_getattr(struct inode *inode, struct file_status *status)
{
	const struct data *data = &memory_inode_of(inode)->data;

	status->blocks = (data->page_count + data->source_left) * (PAGE_SIZE / 512);
	return 0;
}

static int allocate_locked(struct inode *inode, uint32_t mode, uint64_t offset, uint64_t size)
{
	struct data *data = &memory_inode_of(inode)->data;
	uint64_t end = offset + size, grown = 1;
	int r;

	if (mode & FALLOC_FL_PUNCH_HOLE) {
		if (inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
			return -EPERM;
		if (offset >= inode->size)
			return 0;
		return data_punch(
			data, offset, MIN(end, ALIGN_UP(inode->size, PAGE_SIZE)) - offset);
	}
	if (end > inode->size && !(mode & FALLOC_FL_KEEP_SIZE)) {
		if (inode->seals & F_SEAL_GROW)
			return -EPERM;
		r = file_limit_write(end - 1, &grown);
		if (r)
			return r;
	}
	r = data_allocate(data, offset, size);
	if (!r && end > inode->size && !(mode & FALLOC_FL_KEEP_SIZE))
		r = set_size(inode, end);
	return r;
}

static int file_allocate(struct inode *inode, uint32_t mode, uint64_t offset, uint64_t size)
{
	int r;

	if (mode & ~(uint32_t)(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	LOCK_SCOPE(&inode->write_lock);
	content_changes(inode);
	file_drop_privileges(inode);
	r = allocate_locked(inode, mode, offset, size);
	if (!r)
		inode_touch(inode, mode & FALLOC_FL_PUNCH_HOLE, true);
	return r;
}

static int memory_sync(struct file *file, bool data_only)
{
	(void)file;
	(void)data_only;
	return 0; /* as durable as it will ever be */
}

const struct inode_ops memory_file_inode_ops = {
	.getattr = file_getattr,
	.setattr = file_setattr,
	.allocate = file_allocate,
	.release = memory_release,
	MEMORY_XATTR_OPS,
};

const struct file_ops memory_file_ops = {
	.read = memory_read,
	.write = memory_write,
	.seek = memory_seek,
	.map = memory_map,
	.is_loaded = memory_is_loaded,
	.load = memory_load,
	.peek = memory_peek,
	.sync = memory_sync,
};
