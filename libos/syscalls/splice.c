/* splice(2), tee(2), vmsplice(2). */
#include "libos/files/splice.h"

#include <linux/errno.h>
#include <linux/fcntl.h>

#include "libos/core/heap.h"
#include "libos/files/inode.h"
#include "libos/files/notify.h"
#include "libos/syscalls/syscall.h"

#define SPLICE_F_NONBLOCK 2U
#define SPLICE_F_ALL 15U /* MOVE, MORE and GIFT are advice */

/* One side of a splice. */
struct side {
	struct file *file; /* referenced */
	struct fifo *pipe; /* NULL: another kind of file */
	uint64_t address;  /* of the program's offset; 0: the file's own position */
	uint64_t offset;
};

static void side_done(struct side *side)
{
	file_unref(side->file);
}

static int side_init(struct side *side, int fd, uint64_t address, bool input)
{
	uint32_t mode;

	*side = (struct side){.file = fd_get(fd), .address = address};
	if (!side->file)
		return -EBADF;
	mode = side->file->flags & O_ACCMODE;
	if (mode != O_RDWR && mode != (input ? O_RDONLY : O_WRONLY))
		return -EBADF;
	side->pipe = pipe_of(side->file);
	return 0;
}

/* The other file's part of the rules; pipes have no offsets. */
static int side_check(struct side *side, bool input)
{
	const struct file_ops *ops = side->file->ops;

	if (side->pipe)
		return side->address ? -ESPIPE : 0;
	if (input ? !ops->read : !ops->write || side->file->flags & O_APPEND)
		return -EINVAL;
	/* Nor what is of no kind of file: eventfds, timers, epolls. */
	if (inode_is(side->file->inode, S_IFDIR) || !(side->file->inode->mode & S_IFMT))
		return -EINVAL;
	if (!side->address)
		return 0;
	if (!ops->seek)
		return -EINVAL;
	if (USER_GET(&side->offset, side->address))
		return -EFAULT;
	return side->offset > INT64_MAX ? -EINVAL : 0;
}

static long move(struct side *in, struct side *out, size_t size, bool nonblock)
{
	if (in->pipe && out->pipe)
		return splice_pipes(in->pipe, out->pipe, size, nonblock, false);
	if (in->pipe)
		return splice_to_file(in->pipe, out->file, &out->offset, size, nonblock);
	return splice_from_file(in->file, &in->offset, out->pipe, size, nonblock);
}

/* With the position or the program's offset of the side that is no pipe. */
static long move_at(struct side *in, struct side *out, size_t size, bool nonblock)
{
	struct side *side = in->pipe ? out : in;
	long r;

	if (side->pipe || side->address) {
		r = move(in, out, size, nonblock);
		if (r > 0 && side->address && USER_PUT(side->address, side->offset))
			return -EFAULT;
		return r;
	}
	/* Streams have no position to guard, and may keep us long. */
	if (!side->file->ops->seek)
		return move(in, out, size, nonblock);
	LOCK_SCOPE(&side->file->position_lock);
	side->offset = side->file->position;
	r = move(in, out, size, nonblock);
	side->file->position = side->offset;
	return r;
}

static bool is_nonblocking(const struct side *in, const struct side *out, uint64_t flags)
{
	return flags & SPLICE_F_NONBLOCK || (in->pipe && in->file->flags & O_NONBLOCK) ||
	       (out->pipe && out->file->flags & O_NONBLOCK);
}

long sys_splice(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(side_done) struct side in = {0};
	CLEANUP(side_done) struct side out = {0};
	uint64_t flags = args->f;
	long moved;
	int r;

	(void)thread;
	if (!args->e)
		return 0;
	if ((uint32_t)flags & ~SPLICE_F_ALL)
		return -EINVAL;
	r = side_init(&in, (int)args->a, args->b, true);
	if (!r)
		r = side_init(&out, (int)args->c, args->d, false);
	if (r)
		return r;
	if ((!in.pipe && !out.pipe) || in.pipe == out.pipe)
		return -EINVAL;
	r = side_check(&in, true);
	if (!r)
		r = side_check(&out, false);
	r = r ? r : notify_file_ask(in.file, NOTIFY_MAY_ACCESS);
	if (r)
		return r;
	moved = move_at(&in, &out, args->e, is_nonblocking(&in, &out, flags));
	if (moved > 0) {
		notify_file(out.file, NOTIFY_MODIFY);
		notify_file(in.file, NOTIFY_ACCESS);
	}
	return moved;
}

long sys_tee(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(side_done) struct side in = {0};
	CLEANUP(side_done) struct side out = {0};
	int r;

	(void)thread;
	if ((uint32_t)args->d & ~SPLICE_F_ALL)
		return -EINVAL;
	if (!args->c)
		return 0;
	r = side_init(&in, (int)args->a, 0, true);
	if (!r)
		r = side_init(&out, (int)args->b, 0, false);
	if (r)
		return r;
	if (!in.pipe || !out.pipe || in.pipe == out.pipe)
		return -EINVAL;
	return splice_pipes(in.pipe, out.pipe, args->c, is_nonblocking(&in, &out, args->d), true);
}

long sys_vmsplice(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = fd_get((int)args->a);
	CLEANUP(heap_freep) struct io_vector *vectors = NULL;
	struct fifo *pipe;
	bool nonblock;
	struct io io;
	int r;

	(void)thread;
	if ((uint32_t)args->d & ~SPLICE_F_ALL)
		return -EINVAL;
	pipe = file ? pipe_of(file) : NULL;
	if (!pipe)
		return -EBADF;
	r = io_vectors_read(args->b, args->c, &vectors);
	if (r)
		return r;
	io_init_vectors(&io, vectors, args->c);
	nonblock = args->d & SPLICE_F_NONBLOCK || file->flags & O_NONBLOCK;
	if ((file->flags & O_ACCMODE) == O_RDONLY)
		return splice_to_memory(pipe, &io, nonblock);
	return splice_from_memory(&io, pipe, nonblock);
}
