/* read(2), write(2), lseek(2) and their kin. */
#include <asm/poll.h>
#include <linux/fs.h>

#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/files/descriptors.h"
#include "libos/files/notify.h"
#include "libos/files/open.h"
#include "libos/syscalls/syscall.h"
#include "platform/platform.h"

#define IO_SIZE_MAX 0x7ffff000UL /* MAX_RW_COUNT */
#define RWF_KNOWN (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND)

enum direction { IN, OUT };

/* @offset NULL: at the file's position, which moves. */
static long transfer(struct file *file, struct io *io, enum direction direction, uint64_t *offset)
{
	uint64_t none = 0;
	long n;

	io->left = MIN(io->left, IO_SIZE_MAX);
	if (!offset && (!file->ops->seek || file->ops->has_no_position))
		offset = &none; /* a stream: blocks, with no position to protect */
	if (offset)
		return direction == IN ? file->ops->read(file, io, offset)
				       : file->ops->write(file, io, offset);
	lock_acquire(&file->position_lock);
	n = direction == IN ? file->ops->read(file, io, &file->position)
			    : file->ops->write(file, io, &file->position);
	lock_release(&file->position_lock);
	return n;
}

static int check(const struct file *file, enum direction direction)
{
	if (!(direction == IN ? file_can_read(file) : file_can_write(file)))
		return -EBADF;
	if (!file->ops || !(direction == IN ? (void *)file->ops->read : (void *)file->ops->write))
		return -EINVAL;
	return 0;
}

static long transfer_checked(
	int fd, struct io *io, enum direction direction, uint64_t *offset, bool at_offset)
{
	CLEANUP(fd_give_back) struct borrowed_file borrowed = fd_borrow(fd);
	struct file *file = borrowed.file;
	long r;

	if (!file || file->flags & O_PATH)
		return -EBADF;
	if (at_offset && file->ops && !file->ops->seek)
		r = -ESPIPE; /* even if it is the end that can't be read, or written */
	else
		r = check(file, direction);
	if (!r && direction == IN)
		r = notify_file_ask(file, NOTIFY_MAY_ACCESS);
	r = r ? r : transfer(file, io, direction, offset);
	if (r > 0)
		notify_file(file, direction == IN ? NOTIFY_ACCESS : NOTIFY_MODIFY);
	return r;
}

static long transfer_one(
	uint64_t fd, uint64_t base, uint64_t size, enum direction direction, uint64_t *offset)
{
	struct io io;

	if (offset && (int64_t)*offset < 0)
		return -EINVAL;
	if (UNLIKELY(size > INT64_MAX))
		return fd_get_cloexec((int)fd) < 0 ? -EBADF : -EINVAL;
	if (UNLIKELY(!platform_is_user(base, MIN(size, IO_SIZE_MAX))))
		return fd_get_cloexec((int)fd) < 0 ? -EBADF : -EFAULT;
	io_init_user(&io, base, size);
	return transfer_checked((int)fd, &io, direction, offset, offset);
}

long sys_read(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return transfer_one(args->a, args->b, args->c, IN, NULL);
}

long sys_write(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return transfer_one(args->a, args->b, args->c, OUT, NULL);
}

long sys_pread64(struct thread *thread, const struct syscall_args *args)
{
	uint64_t offset = args->d;

	(void)thread;
	return transfer_one(args->a, args->b, args->c, IN, &offset);
}

long sys_pwrite64(struct thread *thread, const struct syscall_args *args)
{
	uint64_t offset = args->d;

	(void)thread;
	return transfer_one(args->a, args->b, args->c, OUT, &offset);
}

static long transfer_vectors(uint64_t fd, uint64_t vectors, uint64_t count,
	enum direction direction, uint64_t *offset, bool at_offset)
{
	CLEANUP(heap_freep) struct io_vector *copy = NULL;
	struct io io;
	int r;

	if (at_offset && (int64_t)*offset < 0)
		return -EINVAL;
	if (fd_get_cloexec((int)fd) < 0)
		return -EBADF;
	r = io_vectors_read(vectors, count, &copy);
	if (r)
		return r;
	io_init_vectors(&io, copy, count);
	return transfer_checked((int)fd, &io, direction, offset, at_offset);
}

long sys_readv(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return transfer_vectors(args->a, args->b, args->c, IN, NULL, false);
}

long sys_writev(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return transfer_vectors(args->a, args->b, args->c, OUT, NULL, false);
}

long sys_preadv(struct thread *thread, const struct syscall_args *args)
{
	uint64_t offset = args->d;

	(void)thread;
	return transfer_vectors(args->a, args->b, args->c, IN, &offset, true);
}

long sys_pwritev(struct thread *thread, const struct syscall_args *args)
{
	uint64_t offset = args->d;

	(void)thread;
	return transfer_vectors(args->a, args->b, args->c, OUT, &offset, true);
}

int io_flags_check(uint64_t fd, uint64_t flags, bool is_write)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	enum direction direction = is_write ? OUT : IN;

	if (flags & ~(uint64_t)RWF_KNOWN)
		return -EOPNOTSUPP;
	if (!(flags & RWF_NOWAIT))
		return 0;
	file = fd_get((int)fd);
	if (!file || check(file, direction))
		return -EBADF;
	if (file->ops->map)
		return 0;
	if (!file->ops->poll)
		return -EOPNOTSUPP;
	return file->ops->poll(file, NULL) &
			       (direction == IN ? POLLIN | POLLHUP : POLLOUT | POLLERR)
		       ? 0
		       : -EAGAIN;
}

long sys_preadv2(struct thread *thread, const struct syscall_args *args)
{
	uint64_t offset = args->d;
	int r = io_flags_check(args->a, args->f, false);

	(void)thread;
	if (r)
		return r;
	if (args->f & RWF_APPEND)
		return -EOPNOTSUPP;
	if (offset == UINT64_MAX)
		return transfer_vectors(args->a, args->b, args->c, IN, NULL, false);
	return transfer_vectors(args->a, args->b, args->c, IN, &offset, true);
}

/* At the end, whatever the file's flags say. The position moves there if the caller gave none. */
static long append_vectors(const struct syscall_args *args, bool moves)
{
	CLEANUP(file_unrefp) struct file *file = fd_get((int)args->a);
	uint64_t offset = FILE_OFFSET_END;
	long r;

	if (!file)
		return -EBADF;
	if (!file->ops || !file->ops->map)
		return -EOPNOTSUPP;
	r = transfer_vectors(args->a, args->b, args->c, OUT, &offset, false);
	if (r > 0 && moves) {
		LOCK_SCOPE(&file->position_lock);
		file->position = offset;
	}
	return r;
}

long sys_pwritev2(struct thread *thread, const struct syscall_args *args)
{
	uint64_t offset = args->d;
	int r = io_flags_check(args->a, args->f, true);

	(void)thread;
	if (r)
		return r;
	if (offset != UINT64_MAX && (int64_t)offset < 0)
		return -EINVAL;
	if (args->f & RWF_APPEND)
		return append_vectors(args, offset == UINT64_MAX);
	if (offset == UINT64_MAX)
		return transfer_vectors(args->a, args->b, args->c, OUT, NULL, false);
	return transfer_vectors(args->a, args->b, args->c, OUT, &offset, true);
}

long sys_lseek(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = fd_get((int)args->a);
	int whence = (int)args->c;

	(void)thread;
	if (!file)
		return -EBADF;
	if (whence < 0 || whence > SEEK_MAX)
		return -EINVAL;
	if (!file->ops || !file->ops->seek)
		return -ESPIPE;
	LOCK_SCOPE(&file->position_lock);
	return file->ops->seek(file, (int64_t)args->b, whence);
}
