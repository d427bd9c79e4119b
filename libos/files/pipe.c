#include "libos/files/pipe.h"

#include <asm/ioctls.h>
#include <asm/signal.h>
#include <linux/capability.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/inode.h"
#include "libos/files/poll.h"
#include "libos/processes/process.h"

int32_t pipe_size_limit = PIPE_SIZE_MAX;

#define READABLE (POLLIN | POLLRDNORM)
#define WRITABLE (POLLOUT | POLLWRNORM)

/* What each side knows of the other's counter; its own it reads as it is. Acquire: the bytes before
 * head are there, the room before tail + capacity is free. */
static uint32_t pipe_used(const struct fifo *pipe)
{
	/* tail first: it cannot overtake the head read later. */
	uint64_t tail = __atomic_load_n(&pipe->tail, __ATOMIC_ACQUIRE);

	return (uint32_t)(__atomic_load_n(&pipe->head, __ATOMIC_ACQUIRE) - tail);
}

static uint32_t pipe_free(const struct fifo *pipe)
{
	uint32_t used = pipe_used(pipe);

	/* Without the locks the two counters are of different moments. */
	return used < pipe->capacity ? pipe->capacity - used : 0;
}

static uint32_t count_read(const uint32_t *count)
{
	return __atomic_load_n(count, __ATOMIC_ACQUIRE);
}

static bool queue_has_waiters(struct wait_queue *queue)
{
	return !list_is_empty(&queue->waiters);
}

/* ---- The ring ---- */

/* The longest run of contiguous bytes at stream position @at. */
static uint8_t *ring_piece(struct fifo *pipe, uint64_t at, size_t size, size_t *ret_size)
{
	uint32_t offset = (uint32_t)at & (pipe->capacity - 1);

	*ret_size = MIN(size, (size_t)(pipe->capacity - offset));
	return pipe->memory + offset;
}

/* Let @use have the ring's bytes at @at: how many it used, or its error if none. */
static long ring_transfer(struct fifo *pipe, uint64_t at, size_t size, pipe_use *use, void *context)
{
	size_t done = 0, piece;
	uint8_t *bytes;
	long r;

	while (done < size) {
		bytes = ring_piece(pipe, at + done, size - done, &piece);
		r = use(context, bytes, piece);
		if (r < 0)
			return done ? (long)done : r;
		done += (size_t)r;
		if ((size_t)r < piece)
			break;
	}
	return (long)done;
}

static long copy_out(void *io, void *bytes, size_t size)
{
	return io_put(io, bytes, size);
}

static long copy_in(void *io, void *bytes, size_t size)
{
	return io_take(io, bytes, size);
}

/* ---- Packets ----
 * pipe2(2), O_DIRECT: the ring of packets tells where the stream is cut. Written under write_lock,
 * taken away under read_lock. */

static struct pipe_packet *packet_first(struct fifo *pipe)
{
	if (__atomic_load_n(&pipe->packet_head, __ATOMIC_ACQUIRE) == pipe->packet_tail)
		return NULL;
	return &pipe->packets[pipe->packet_tail % pipe->packet_capacity];
}

static bool packets_full(const struct fifo *pipe)
{
	return pipe->packets &&
	       pipe->packet_head - __atomic_load_n(&pipe->packet_tail, __ATOMIC_ACQUIRE) ==
		       pipe->packet_capacity;
}

static int packets_prepare(struct fifo *pipe)
{
	if (pipe->packets)
		return 0;
	pipe->packet_capacity = (uint32_t)(pipe->capacity / PAGE_SIZE);
	pipe->packets = heap_alloc(pipe->packet_capacity * sizeof(*pipe->packets));
	return pipe->packets ? 0 : -ENOMEM;
}

/* Before head is moved: a reader who sees the bytes sees their packet. */
static void packet_push(struct fifo *pipe, uint64_t start, uint64_t end)
{
	pipe->packets[pipe->packet_head % pipe->packet_capacity] = (struct pipe_packet){start, end};
	__atomic_store_n(&pipe->packet_head, pipe->packet_head + 1, __ATOMIC_RELEASE);
}

static void packet_pop(struct fifo *pipe)
{
	__atomic_store_n(&pipe->packet_tail, pipe->packet_tail + 1, __ATOMIC_RELEASE);
}

/* ---- One step ---- */

uint32_t pipe_room_now(struct fifo *pipe)
{
	uint32_t room = pipe_free(pipe);

	return room >= PIPE_ATOMIC && !packets_full(pipe) ? room : 0;
}

bool pipe_is_broken(struct fifo *pipe)
{
	return !count_read(&pipe->readers);
}

/* Room for a poll(2)er or for what sleeping writers wait for. Few bytes of room wake nobody: the
 * writer would come for each of them. */
static void wake_writers(struct fifo *pipe)
{
	if (pipe_room_now(pipe))
		wait_wake_one(&pipe->writable, WRITABLE);
}

/* What a read may see at once: to the end of the first packet, or up to its start. */
static uint32_t stream_extent(struct fifo *pipe, uint32_t used, struct pipe_packet **ret_packet)
{
	struct pipe_packet *packet = packet_first(pipe);

	*ret_packet = NULL;
	if (!packet)
		return used;
	if (packet->start != pipe->tail)
		return (uint32_t)(packet->start - pipe->tail);
	*ret_packet = packet;
	return (uint32_t)(packet->end - packet->start);
}

static long look(struct fifo *pipe, size_t size, bool consume, pipe_use *use, void *context)
{
	/* Before the bytes: the last writer may write and go in between. */
	uint32_t writers = count_read(&pipe->writers), used, extent;
	struct pipe_packet *packet;
	long r;

	LOCK_SCOPE(&pipe->read_lock);
	used = pipe_used(pipe);
	if (!used)
		return writers ? -EAGAIN : 0;
	extent = stream_extent(pipe, used, &packet);
	r = ring_transfer(pipe, pipe->tail, MIN(size, (size_t)extent), use, context);
	if (r < 0 || !consume)
		return r;
	if (packet)
		packet_pop(pipe); /* what was not asked for of a packet is lost */
	__atomic_store_n(
		&pipe->tail, pipe->tail + (packet ? extent : (uint32_t)r), __ATOMIC_RELEASE);
	return r;
}

long pipe_look(struct fifo *pipe, size_t size, bool consume, pipe_use *use, void *context)
{
	long r = look(pipe, size, consume, use, context);

	/* With the lock free again: whoever is woken may want it. */
	if (r > 0 && consume)
		wake_writers(pipe);
	return r;
}

long pipe_take(struct fifo *pipe, struct io *io)
{
	return pipe_look(pipe, io->left, true, copy_out, io);
}

/* How many of @left bytes fit now; 0: none may be written. Up to PIPE_ATOMIC bytes go at once. */
static uint32_t pipe_room(struct fifo *pipe, size_t left, bool packets)
{
	uint32_t room = pipe_free(pipe);

	if (packets && packets_full(pipe))
		return 0;
	if (packets)
		left = MIN(left, (size_t)PIPE_ATOMIC);
	if (left <= PIPE_ATOMIC && room < left)
		return 0;
	return (uint32_t)MIN(left, (size_t)room);
}

static int pipe_prepare(struct fifo *pipe, bool packets)
{
	if (UNLIKELY(!pipe->memory))
		pipe->memory = pool_alloc(pipe->capacity);
	if (!pipe->memory)
		return -ENOMEM;
	return packets ? packets_prepare(pipe) : 0;
}

static long give(struct fifo *pipe, struct io *io, bool packets)
{
	uint32_t room;
	long r;

	LOCK_SCOPE(&pipe->write_lock);
	if (pipe_is_broken(pipe))
		return -EPIPE;
	r = pipe_prepare(pipe, packets);
	if (r)
		return r;
	room = pipe_room(pipe, io->left, packets);
	if (!room)
		return -EAGAIN;
	r = ring_transfer(pipe, pipe->head, room, copy_in, io);
	if (r <= 0)
		return r;
	if (packets)
		packet_push(pipe, pipe->head, pipe->head + (uint64_t)r);
	__atomic_store_n(&pipe->head, pipe->head + (uint64_t)r, __ATOMIC_RELEASE);
	return r;
}

long pipe_give(struct fifo *pipe, struct io *io, bool packets)
{
	long r = give(pipe, io, packets);

	if (r > 0)
		wait_wake_one(&pipe->readable, READABLE);
	return r;
}

/* ---- Sleeping ----
 * Readers and writers sleep as exclusive waiters: one wake each. Whoever stops waiting passes a
 * wake on that he may have swallowed. */

static bool pipe_is_readable(struct fifo *pipe)
{
	return pipe_used(pipe) || !count_read(&pipe->writers);
}

static bool pipe_is_writable(struct fifo *pipe)
{
	return pipe_room_now(pipe) || pipe_is_broken(pipe);
}

static int pipe_wait(struct fifo *pipe, struct wait_queue *queue, bool (*is_ready)(struct fifo *))
{
	struct waiter waiter;
	int r = 0;

	waiter_init(&waiter);
	waiter.exclusive = true;
	wait_add(queue, &waiter);
	while (!r && !is_ready(pipe))
		r = wait_sleep(WAIT_FOREVER);
	wait_remove(&waiter);
	return r == -EINTR ? -ERESTARTSYS : r;
}

int pipe_wait_readable(struct fifo *pipe)
{
	return pipe_wait(pipe, &pipe->readable, pipe_is_readable);
}

int pipe_wait_writable(struct fifo *pipe)
{
	return pipe_wait(pipe, &pipe->writable, pipe_is_writable);
}

/* There may be more for the next in the queue. */
static void pass_on(struct wait_queue *queue, bool is_more)
{
	/* Where the other end is gone all have been woken. */
	if (is_more && queue_has_waiters(queue))
		wait_wake_one(queue, 0);
}

long pipe_broken(void)
{
	struct thread *thread = thread_current();
	struct signal_info info = {.signo = SIGPIPE};

	info.queue.pid = thread->process->pid;
	info.queue.uid = thread->credentials.uid;
	(void)signal_send_thread(thread, SIGPIPE, &info);
	return -EPIPE;
}

/* ---- The file ---- */

static long pipe_read(struct file *file, struct io *io, uint64_t *offset)
{
	struct fifo *pipe = file->private_data;
	bool slept = false;
	long r;

	(void)offset;
	if (!io->left)
		return 0;
	while ((r = pipe_take(pipe, io)) == -EAGAIN && !(file->flags & O_NONBLOCK)) {
		r = pipe_wait_readable(pipe);
		slept = true;
		if (r)
			break;
	}
	if (slept)
		pass_on(&pipe->readable, pipe_used(pipe));
	return r;
}

static long pipe_write(struct file *file, struct io *io, uint64_t *offset)
{
	struct fifo *pipe = file->private_data;
	bool slept = false;
	long r = 0, done = 0;

	(void)offset;
	while (io->left && r >= 0) {
		r = pipe_give(pipe, io, file->flags & O_DIRECT);
		if (r > 0)
			done += r;
		if (r != -EAGAIN || file->flags & O_NONBLOCK)
			continue;
		r = pipe_wait_writable(pipe);
		slept = true;
	}
	if (r == -EPIPE)
		r = pipe_broken();
	if (slept)
		pass_on(&pipe->writable, pipe_room_now(pipe));
	return done ? done : r;
}

static uint32_t pipe_poll(struct file *file, struct poll_table *table)
{
	struct fifo *pipe = file->private_data;
	uint32_t mode = file->flags & O_ACCMODE, events = 0;

	if (mode != O_WRONLY) {
		poll_wait(table, &pipe->readable);
		/* A FIFO that nobody has opened for writing yet did not hang up. */
		if (!count_read(&pipe->writers) && file->position != pipe->writer_opens)
			events |= POLLHUP;
		if (pipe_used(pipe))
			events |= READABLE;
	}
	if (mode != O_RDONLY) {
		poll_wait(table, &pipe->writable);
		if (pipe_room_now(pipe))
			events |= WRITABLE;
		if (pipe_is_broken(pipe))
			events |= POLLERR;
	}
	return events;
}

static long pipe_ioctl(struct file *file, uint32_t request, uint64_t argument)
{
	if (request != FIONREAD)
		return -ENOTTY;
	return USER_PUT(argument, (int32_t)pipe_used(file->private_data));
}

/* O_DIRECT and O_NONBLOCK may come and go. */
static int pipe_set_flags(struct file *file, uint32_t flags)
{
	(void)file;
	(void)flags;
	return 0;
}

/* Nobody has it open: the next one finds it empty. pipe->lock is held. */
static void pipe_empty(struct fifo *pipe)
{
	if (pipe->memory)
		pool_free(pipe->memory, pipe->capacity);
	heap_free(pipe->packets);
	pipe->memory = NULL;
	pipe->packets = NULL;
	pipe->head = pipe->tail = 0;
	pipe->packet_head = pipe->packet_tail = 0;
	pipe->capacity = PIPE_SIZE_DEFAULT;
}

static void count_add(uint32_t *count, int difference)
{
	__atomic_store_n(count, *count + (uint32_t)difference, __ATOMIC_RELEASE);
}

/* An end with access mode @mode goes. */
static void pipe_leave(struct fifo *pipe, uint32_t mode)
{
	bool hung_up;

	lock_acquire(&pipe->lock);
	if (mode != O_WRONLY)
		count_add(&pipe->readers, -1);
	if (mode != O_RDONLY)
		count_add(&pipe->writers, -1);
	hung_up = !pipe->readers != !pipe->writers;
	if (!pipe->readers && !pipe->writers)
		pipe_empty(pipe);
	lock_release(&pipe->lock);
	if (hung_up) {
		wait_wake(&pipe->readable, READABLE | POLLHUP);
		wait_wake(&pipe->writable, WRITABLE | POLLERR);
	}
}

static void pipe_release(struct file *file)
{
	pipe_leave(file->private_data, file->flags & O_ACCMODE);
}

static const struct file_ops pipe_file_ops = {
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.set_flags = pipe_set_flags,
	.release = pipe_release,
};

/* ---- Making and opening ---- */

static struct fifo *fifo_new(void)
{
	struct fifo *pipe = heap_alloc(sizeof(*pipe));

	if (!pipe)
		return NULL;
	pipe->capacity = PIPE_SIZE_DEFAULT;
	wait_queue_init(&pipe->readable);
	wait_queue_init(&pipe->writable);
	wait_queue_init(&pipe->opened);
	return pipe;
}

void fifo_free(struct fifo *pipe)
{
	heap_free(pipe);
}

/* The inode's pipe, made on first use. NULL: no memory. */
static struct fifo *inode_fifo(struct inode *inode)
{
	LOCK_SCOPE(&inode->lock);
	if (!inode->fifo)
		inode->fifo = fifo_new();
	return inode->fifo;
}

/* Count the caller in as an end with access mode @mode. pipe->lock is held. */
static void pipe_join(struct fifo *pipe, struct file *file, uint32_t mode)
{
	/* For pipe_poll: without a writer from here on there was none to hang up. */
	file->position = pipe->writers ? (uint64_t)pipe->writer_opens - 1 : pipe->writer_opens;
	if (mode != O_WRONLY) {
		pipe->reader_opens++;
		count_add(&pipe->readers, 1);
	}
	if (mode != O_RDONLY) {
		__atomic_store_n(&pipe->writer_opens, pipe->writer_opens + 1, __ATOMIC_RELEASE);
		count_add(&pipe->writers, 1);
	}
}

/* Sleep until *opens is no longer @before: somebody has opened the other end, perhaps briefly. */
static int wait_for_partner(struct fifo *pipe, const uint32_t *opens, uint32_t before)
{
	struct waiter waiter;
	int r = 0;

	waiter_init(&waiter);
	wait_add(&pipe->opened, &waiter);
	while (!r && count_read(opens) == before)
		r = wait_sleep(WAIT_FOREVER);
	wait_remove(&waiter);
	return r ? -ERESTARTSYS : 0;
}

/* How many of the other end there are, and ever were. */
static uint32_t partners(struct fifo *pipe, uint32_t mode, const uint32_t **ret_opens)
{
	*ret_opens = mode == O_RDONLY ? &pipe->writer_opens : &pipe->reader_opens;
	return mode == O_RDONLY ? pipe->writers : pipe->readers;
}

static int pipe_open(struct fifo *pipe, struct file *file, bool may_block)
{
	uint32_t mode = file->flags & O_ACCMODE, before, others;
	const uint32_t *opens;
	int r = 0;

	lock_acquire(&pipe->lock);
	others = mode == O_RDWR ? 1 : partners(pipe, mode, &opens);
	if (!others && mode == O_WRONLY && file->flags & O_NONBLOCK) {
		lock_release(&pipe->lock);
		return -ENXIO;
	}
	pipe_join(pipe, file, mode);
	before = others ? 0 : *opens;
	lock_release(&pipe->lock);
	wait_wake(&pipe->opened, 0);
	if (!others && may_block && !(file->flags & O_NONBLOCK))
		r = wait_for_partner(pipe, opens, before);
	if (r)
		pipe_leave(pipe, mode);
	return r;
}

int fifo_open(struct inode *inode, struct file *file)
{
	struct fifo *pipe = inode_fifo(inode);
	int r;

	if (!pipe)
		return -ENOMEM;
	/* /proc/PID/fd/N of a pipe never blocks. */
	r = pipe_open(pipe, file, !(inode->flags & INODE_ANONYMOUS));
	if (r)
		return r;
	file->private_data = pipe;
	file->ops = &pipe_file_ops;
	return 0;
}

static struct file *pipe_end(struct inode *inode, uint32_t flags)
{
	struct file *file = file_new(inode, NULL, &pipe_file_ops, flags);

	if (!file)
		return NULL;
	file->private_data = inode->fifo;
	lock_acquire(&inode->fifo->lock);
	pipe_join(inode->fifo, file, flags & O_ACCMODE);
	lock_release(&inode->fifo->lock);
	return file;
}

int pipe_make(uint32_t flags, struct file **ret_reader, struct file **ret_writer)
{
	CLEANUP(inode_unrefp) struct inode *inode = inode_new_anonymous("pipe", S_IFIFO | 0600);
	struct file *writer;

	if (!inode || !inode_fifo(inode))
		return -ENOMEM;
	writer = pipe_end(inode, flags | O_WRONLY);
	if (!writer)
		return -ENOMEM;
	*ret_reader = pipe_end(inode, (flags & ~(uint32_t)O_DIRECT) | O_RDONLY);
	if (!*ret_reader) {
		file_unref(writer);
		return -ENOMEM;
	}
	*ret_writer = writer;
	return 0;
}

/* ---- fcntl(2) ---- */

struct fifo *pipe_of(struct file *file)
{
	return file->ops == &pipe_file_ops ? file->private_data : NULL;
}

long pipe_size(struct file *file)
{
	struct fifo *pipe = pipe_of(file);

	return pipe ? (long)pipe->capacity : -EBADF;
}

/* Bytes keep their place in the stream, so they keep their counters. */
static void ring_move(struct fifo *pipe, uint8_t *memory, uint32_t capacity)
{
	size_t piece;

	for (uint64_t at = pipe->tail; at < pipe->head; at += piece) {
		uint32_t offset = (uint32_t)at & (capacity - 1);
		uint8_t *from = ring_piece(pipe, at, pipe->head - at, &piece);

		piece = MIN(piece, (size_t)(capacity - offset));
		memcpy(memory + offset, from, piece);
	}
}

static void packets_move(struct fifo *pipe, struct pipe_packet *packets, uint32_t capacity)
{
	for (uint64_t at = pipe->packet_tail; at < pipe->packet_head; at++)
		packets[at % capacity] = pipe->packets[at % pipe->packet_capacity];
}

/* Both locks are held. */
static int pipe_resize(struct fifo *pipe, uint32_t capacity)
{
	uint32_t packet_capacity = (uint32_t)(capacity / PAGE_SIZE);
	CLEANUP(heap_freep) struct pipe_packet *packets = NULL;
	uint8_t *memory;

	if (pipe_used(pipe) > capacity || pipe->packet_head - pipe->packet_tail > packet_capacity)
		return -EBUSY;
	if (pipe->packets && !(packets = heap_alloc(packet_capacity * sizeof(*packets))))
		return -ENOMEM;
	memory = pool_alloc(capacity);
	if (!memory)
		return -ENOMEM;
	if (pipe->memory) {
		ring_move(pipe, memory, capacity);
		pool_free(pipe->memory, pipe->capacity);
	}
	if (packets) {
		packets_move(pipe, packets, packet_capacity);
		heap_free(pipe->packets);
		pipe->packets = TAKE(packets);
		pipe->packet_capacity = packet_capacity;
	}
	pipe->memory = memory;
	pipe->capacity = capacity;
	return 0;
}

static bool may_exceed_limit(void)
{
	return credentials_can(&thread_current()->credentials, CAP_SYS_RESOURCE);
}

long pipe_set_size(struct file *file, uint64_t size)
{
	struct fifo *pipe = pipe_of(file);
	uint32_t capacity = PAGE_SIZE;
	int r;

	if (!pipe)
		return -EBADF;
	if (size > 1UL << 31)
		return -EINVAL;
	if (size > PIPE_SIZE_MAX || (size > (uint32_t)pipe_size_limit && !may_exceed_limit()))
		return -EPERM;
	while (capacity < size)
		capacity *= 2;
	lock_acquire(&pipe->read_lock);
	lock_acquire(&pipe->write_lock);
	r = capacity == pipe->capacity ? 0 : pipe_resize(pipe, capacity);
	lock_release(&pipe->write_lock);
	lock_release(&pipe->read_lock);
	if (r)
		return r;
	wait_wake(&pipe->writable, WRITABLE);
	return capacity;
}
