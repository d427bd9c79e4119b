/* Pipes and FIFOs: pipe(7), fifo(7).
 *
 * A pipe is a ring of bytes with one reader and one writer at a time; the two do not exclude each
 * other, so both copy at once. head and tail count bytes since the beginning: the writer alone
 * moves head, the reader alone moves tail.
 *
 * Locks, outer first: read_lock, write_lock, (mm->lock: a copy may fault), lock. Nobody who holds
 * mm->lock wants any of them. */
#ifndef LIBOS_FILES_PIPE_H
#define LIBOS_FILES_PIPE_H

#include "libos/files/file.h"

#define PIPE_SIZE_DEFAULT 65536U
#define PIPE_SIZE_MAX 1048576U
extern int32_t pipe_size_limit; /* fs.pipe-max-size: of the unprivileged */
#define PIPE_ATOMIC 4096U       /* PIPE_BUF */

/* Where one packet (O_DIRECT) lies in the stream. */
struct pipe_packet {
	uint64_t start, end;
};

/* The pipe of an inode; inode->fifo, and gone with it. */
struct fifo {
	struct lock read_lock, write_lock;
	uint8_t *memory; /* @capacity bytes of the pool; NULL before the first byte */
	uint32_t capacity;

	/* A ring, NULL before the first packet; counted like head and tail. */
	struct pipe_packet *packets;
	uint32_t packet_capacity;
	uint64_t packet_head, packet_tail;

	uint64_t head ALIGNED(64);
	uint64_t tail ALIGNED(64);
	struct wait_queue readable, writable;

	struct lock lock; /* what follows; the counts are read without */
	uint32_t readers, writers;
	uint32_t reader_opens, writer_opens; /* ever */
	struct wait_queue opened;            /* fifo_open waits for the other end */
};

/* Both ends of a new pipe; @flags: O_NONBLOCK, O_DIRECT. */
MUST_CHECK int pipe_make(uint32_t flags, struct file **ret_reader, struct file **ret_writer);

/* The pipe of a file, or NULL if it is none. */
struct fifo *pipe_of(struct file *file);
/* fcntl(2) F_GETPIPE_SZ and F_SETPIPE_SZ: the capacity; -EBADF no pipe, -EINVAL, -EPERM beyond the
 * limit, -EBUSY more than that is in it. */
MUST_CHECK long pipe_size(struct file *file);
MUST_CHECK long pipe_set_size(struct file *file, uint64_t size);

/* One step without sleeping, for splice(2) too. Bytes moved (at least one);
 * -EAGAIN: empty or full; -EFAULT; -EPIPE (no signal). Reading: 0 at the end. */
MUST_CHECK long pipe_take(struct fifo *pipe, struct io *io);
MUST_CHECK long pipe_give(struct fifo *pipe, struct io *io, bool packets);
/* Without sleeping, let @use see up to @size bytes of the ring in place, in at most two pieces.
 * What it returns goes from the pipe if @consume; less than offered ends it. Negative: its error,
 * if it was the first piece. -EAGAIN and 0 as pipe_take. */
typedef long pipe_use(void *context, void *bytes, size_t size);
MUST_CHECK long pipe_look(
	struct fifo *pipe, size_t size, bool consume, pipe_use *use, void *context);
/* Sleep until pipe_take, pipe_give may get further: 0 or -ERESTARTSYS. */
MUST_CHECK int pipe_wait_readable(struct fifo *pipe);
MUST_CHECK int pipe_wait_writable(struct fifo *pipe);
/* How many bytes go in at once, 0 if poll(2) would not call it writable. */
uint32_t pipe_room_now(struct fifo *pipe);
/* Has nobody an end for reading? */
bool pipe_is_broken(struct fifo *pipe);
/* The calling thread wrote where nobody reads: SIGPIPE. Returns -EPIPE. */
long pipe_broken(void);

#endif
