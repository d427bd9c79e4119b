/* sendfile(2) and copy_file_range(2): copies that stay inside the LibOS. */
#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/files/descriptors.h"
#include "libos/files/marks.h"
#include "libos/files/notify.h"
#include "libos/files/open.h"
#include "libos/files/mount.h"
#include "libos/syscalls/syscall.h"

#define CHUNK_SIZE 65536UL
#define COPY_SIZE_MAX 0x7ffff000UL

/* One side of a copy: at @offset, or at the file's position, which is locked meanwhile. */
struct side {
	struct file *file;
	uint64_t offset;
	bool is_position;
};

static void side_start(struct side *side)
{
	if (!side->is_position)
		return;
	if (side->file->ops->seek)
		lock_acquire(&side->file->position_lock);
	side->offset = side->file->position;
}

static void side_end(struct side *side)
{
	if (!side->is_position)
		return;
	side->file->position = side->offset;
	if (side->file->ops->seek)
		lock_release(&side->file->position_lock);
}

/* All of the chunk unless the file takes no more. */
static long write_all(struct side *to, uint8_t *chunk, size_t size)
{
	size_t done = 0;
	struct io io;

	while (done < size) {
		long n;

		io_init_kernel(&io, chunk + done, size - done);
		n = to->file->ops->write(to->file, &io, &to->offset);
		if (n <= 0)
			return done ? (long)done : n;
		done += (size_t)n;
	}
	return (long)done;
}

static long copy_chunk(struct side *from, struct side *to, uint8_t *chunk, size_t size)
{
	uint64_t offset = from->offset;
	struct io io;
	long n, written;

	io_init_kernel(&io, chunk, size);
	n = from->file->ops->read(from->file, &io, &from->offset);
	if (n <= 0)
		return n;
	written = write_all(to, chunk, (size_t)n);
	/* What could not be written has not been read. */
	if (written < n)
		from->offset = offset + (uint64_t)MAX(written, 0L);
	return written;
}

static long copy(struct side *from, struct side *to, size_t size)
{
	CLEANUP(heap_freep) uint8_t *chunk = heap_alloc_uncleared(MIN(MAX(size, 1UL), CHUNK_SIZE));
	size_t done = 0;
	long n = 0;

	if (!chunk)
		return -ENOMEM;
	while (done < size) {
		size_t want = MIN(size - done, CHUNK_SIZE);

		n = copy_chunk(from, to, chunk, want);
		if (n <= 0)
			break;
		done += (size_t)n;
		if ((size_t)n < want)
			break;
	}
	return done ? (long)done : n;
}

/* Positions are locked in the order of the files' addresses. */
static long copy_locked(struct side *from, struct side *to, size_t size)
{
	bool from_first = from->file < to->file;
	long r;

	if (from->file == to->file && from->is_position && to->is_position)
		return -EINVAL;
	r = notify_file_ask(from->file, NOTIFY_MAY_ACCESS);
	if (r)
		return r;
	side_start(from_first ? from : to);
	side_start(from_first ? to : from);
	r = copy(from, to, size);
	side_end(from);
	side_end(to);
	if (r > 0) {
		notify_file(from->file, NOTIFY_ACCESS);
		notify_file(to->file, NOTIFY_MODIFY);
	}
	return r;
}

static int check_sides(const struct side *from, const struct side *to)
{
	if (!from->file || !to->file || !file_can_read(from->file) || !file_can_write(to->file))
		return -EBADF;
	if (!from->file->ops || !from->file->ops->read || !to->file->ops || !to->file->ops->write)
		return -EINVAL;
	return 0;
}

static long sendfile_checked(struct side *from, struct side *to, uint64_t user_offset, size_t size)
{
	long r = check_sides(from, to);

	if (r)
		return r;
	if (to->file->flags & O_APPEND || !from->file->ops->seek ||
		inode_is(from->file->inode, S_IFDIR))
		return -EINVAL;
	if (user_offset && USER_GET(&from->offset, user_offset))
		return -EFAULT;
	if (!from->is_position && (int64_t)from->offset < 0)
		return -EINVAL;
	r = copy_locked(from, to, size);
	if (r >= 0 && user_offset && USER_PUT(user_offset, from->offset))
		return -EFAULT;
	return r;
}

long sys_sendfile(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *in = fd_get((int)args->b);
	CLEANUP(file_unrefp) struct file *out = fd_get((int)args->a);
	struct side from = {.file = in, .is_position = !args->c};
	struct side to = {.file = out, .is_position = true};

	(void)thread;
	return sendfile_checked(&from, &to, args->c, MIN(args->d, COPY_SIZE_MAX));
}

static int offset_get(struct side *side, uint64_t user_offset)
{
	side->is_position = !user_offset;
	if (!user_offset) {
		side->offset = side->file->position;
		return 0;
	}
	if (USER_GET(&side->offset, user_offset))
		return -EFAULT;
	return (int64_t)side->offset < 0 ? -EINVAL : 0;
}

/* What only copy_file_range(2) wants: regular files. */
static int check_kinds(const struct side *from, const struct side *to)
{
	const struct inode *in = from->file ? from->file->inode : NULL;
	const struct inode *out = to->file ? to->file->inode : NULL;

	if (!in || !out || (from->file->flags | to->file->flags) & O_PATH)
		return -EBADF;
	if (inode_is(in, S_IFDIR) || inode_is(out, S_IFDIR))
		return -EISDIR;
	return inode_is(in, S_IFREG) && inode_is(out, S_IFREG) ? 0 : -EINVAL;
}

/* @size is what was asked for, however much of it one call copies. */
static int check_range(const struct side *from, const struct side *to, size_t size)
{
	struct inode *in = from->file->inode, *out = to->file->inode;
	uint64_t distance;

	if (to->file->flags & O_APPEND)
		return -EBADF;
	if (inode_is_immutable(out))
		return -EPERM;
	if (from->offset + size < size || to->offset + size < size)
		return -EOVERFLOW;
	distance =
		from->offset > to->offset ? from->offset - to->offset : to->offset - from->offset;
	return in == out && distance < size ? -EINVAL : 0;
}

static long copy_range(struct side *from, struct side *to, const struct syscall_args *args)
{
	size_t size = MIN(args->e, COPY_SIZE_MAX);
	long r = check_kinds(from, to);

	r = r ? r : check_sides(from, to);
	r = r ? r : offset_get(from, args->b);
	r = r ? r : offset_get(to, args->d);
	if (r)
		return r;
	r = args->f ? -EINVAL : check_range(from, to, args->e);
	r = r ? r : copy_locked(from, to, size);
	if (r <= 0)
		return r;
	if ((args->b && USER_PUT(args->b, from->offset)) ||
		(args->d && USER_PUT(args->d, to->offset)))
		return -EFAULT;
	return r;
}

long sys_copy_file_range(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *in = fd_get((int)args->a);
	CLEANUP(file_unrefp) struct file *out = fd_get((int)args->c);
	struct side from = {.file = in}, to = {.file = out};

	(void)thread;
	return copy_range(&from, &to, args);
}
