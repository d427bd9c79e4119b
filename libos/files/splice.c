#include "libos/files/splice.h"

#include <linux/errno.h>

#include "libos/core/heap.h"

/* What goes through a buffer goes in pieces of this size. */
#define PIECE_SIZE 65536UL

/* ---- Pipe to file ---- */

struct file_target {
	struct file *file;
	uint64_t *offset;
	bool would_block; /* it is the file that said -EAGAIN, not the pipe */
};

static long write_piece(void *context, void *bytes, size_t size)
{
	struct file_target *target = context;
	struct io io;
	long r;

	io_init_kernel(&io, bytes, size);
	r = target->file->ops->write(target->file, &io, target->offset);
	target->would_block = r == -EAGAIN;
	return r;
}

/* A file that may keep its writer waiting must not keep the pipe's readers waiting, too: the bytes
 * are taken out first. What such a file refuses in the middle is lost. */
static long write_detached(struct fifo *from, struct file_target *target, size_t size)
{
	CLEANUP(heap_freep) uint8_t *buffer = heap_alloc_uncleared(PIECE_SIZE);
	long taken, done = 0, r = 1;
	struct io io;

	if (!buffer)
		return -ENOMEM;
	io_init_kernel(&io, buffer, MIN(size, PIECE_SIZE));
	taken = pipe_take(from, &io);
	if (taken <= 0)
		return taken;
	while (done < taken && (r = write_piece(target, buffer + done, (size_t)(taken - done))) > 0)
		done += r;
	return done ? done : r;
}

static long to_file_step(struct fifo *from, struct file_target *target, size_t size)
{
	if (target->file->ops->seek)
		return pipe_look(from, size, true, write_piece, target);
	return write_detached(from, target, size);
}

long splice_to_file(
	struct fifo *from, struct file *to, uint64_t *offset, size_t size, bool nonblock)
{
	struct file_target target = {to, offset, false};
	size_t done = 0;
	long r = 0;

	while (done < size) {
		r = to_file_step(from, &target, size - done);
		if (r > 0) {
			done += (size_t)r;
			continue;
		}
		if (r != -EAGAIN || done || nonblock || target.would_block)
			break;
		r = pipe_wait_readable(from);
		if (r)
			break;
	}
	return done ? (long)done : r;
}

/* ---- Into a pipe ---- */

/* As much as fits now; sleep only if nothing does. */
static long give_some(struct fifo *to, struct io *io, bool nonblock)
{
	long r;

	while ((r = pipe_give(to, io, false)) == -EAGAIN && !nonblock) {
		r = pipe_wait_writable(to);
		if (r)
			break;
	}
	return r == -EPIPE ? pipe_broken() : r;
}

/* All of what was read. Somebody else may have taken the room that was there before. */
static long give_all(struct fifo *to, uint8_t *bytes, size_t size)
{
	struct io io;
	long r = 1;

	io_init_kernel(&io, bytes, size);
	while (io.left && r > 0)
		r = give_some(to, &io, false);
	return io.left < size ? (long)(size - io.left) : r;
}

/* How much the pipe takes at once. */
static long room_for(struct fifo *to, size_t size, bool nonblock)
{
	uint32_t room;
	int r;

	while ((room = pipe_room_now(to)) == 0) {
		if (nonblock)
			return -EAGAIN;
		r = pipe_wait_writable(to);
		if (r)
			return r;
		if (pipe_is_broken(to))
			return pipe_broken();
	}
	return (long)MIN(MIN(size, PIECE_SIZE), (size_t)room);
}

long splice_from_file(
	struct file *from, uint64_t *offset, struct fifo *to, size_t size, bool nonblock)
{
	CLEANUP(heap_freep) uint8_t *buffer = NULL;
	uint64_t start = *offset;
	struct io io;
	long r;

	if (pipe_is_broken(to))
		return pipe_broken();
	r = room_for(to, size, nonblock);
	if (r < 0)
		return r;
	buffer = heap_alloc_uncleared(PIECE_SIZE);
	if (!buffer)
		return -ENOMEM;
	io_init_kernel(&io, buffer, (size_t)r);
	r = from->ops->read(from, &io, offset);
	if (r <= 0)
		return r;
	r = give_all(to, buffer, (size_t)r);
	/* What did not get into the pipe was not read, where that can be said. */
	*offset = start + (r > 0 ? (uint64_t)r : 0);
	return r;
}

long splice_from_memory(struct io *io, struct fifo *to, bool nonblock)
{
	return io->left ? give_some(to, io, nonblock) : 0;
}

/* ---- Out of a pipe ---- */

static long put_piece(void *io, void *bytes, size_t size)
{
	return io_put(io, bytes, size);
}

/* pipe_look, sleeping while the pipe is empty. */
static long look(
	struct fifo *from, size_t size, bool consume, bool nonblock, pipe_use *use, void *context)
{
	long r;

	while ((r = pipe_look(from, size, consume, use, context)) == -EAGAIN && !nonblock) {
		r = pipe_wait_readable(from);
		if (r)
			break;
	}
	return r;
}

long splice_to_memory(struct fifo *from, struct io *io, bool nonblock)
{
	return io->left ? look(from, io->left, true, nonblock, put_piece, io) : 0;
}

struct pipe_target {
	struct fifo *pipe;
	bool is_full;
};

static long give_piece(void *context, void *bytes, size_t size)
{
	struct pipe_target *target = context;
	struct io io;
	long r;

	io_init_kernel(&io, bytes, size);
	r = pipe_give(target->pipe, &io, false);
	target->is_full = r == -EAGAIN;
	return r;
}

long splice_pipes(struct fifo *from, struct fifo *to, size_t size, bool nonblock, bool keep)
{
	struct pipe_target target = {to, false};
	long r;

	if (pipe_is_broken(to))
		return pipe_broken();
	for (;;) {
		r = pipe_look(from, size, !keep, give_piece, &target);
		if (r == -EPIPE)
			return pipe_broken();
		if (r != -EAGAIN || nonblock)
			return r;
		r = target.is_full ? pipe_wait_writable(to) : pipe_wait_readable(from);
		if (r)
			return r;
		target.is_full = false;
	}
}
