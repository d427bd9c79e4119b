#include "libos/files/host_stream.h"

#include <asm/ioctls.h>
#include <linux/fs.h>

#include "libos/core/heap.h"
#include "libos/files/descriptors.h"
#include "libos/files/inode.h"
#include "libos/files/open.h"
#include "libos/files/pipe.h"
#include "libos/files/poll.h"
#include "libos/processes/process.h"
#include "platform/platform.h"

/* Transfers go through a buffer of the LibOS: a small one on the stack, else of the heap. */
#define SMALL_SIZE 1024UL
#define LARGE_SIZE 32768UL

struct host_stream {
	int host_fd;
	bool is_owned; /* closed with the stream */
	enum platform_host_kind kind;
	struct wait_queue moved; /* woken by transfers: readiness may be news again */
};

/* Of the terminal, whichever stream leads to it. */
static int32_t foreground_group;

/* ---- Transfers ---- */

static uint32_t host_ready(struct host_stream *stream, uint32_t events)
{
	struct platform_host_poll poll = {.host_fd = stream->host_fd, .events = (uint16_t)events};

	if (stream->kind == PLATFORM_HOST_REGULAR)
		return events;
	return platform_host_poll(&poll, 1, 0) > 0 ? poll.ready : 0;
}

static bool would_block(struct file *file, uint32_t events)
{
	return file->flags & O_NONBLOCK && !host_ready(file->private_data, events);
}

/* What an unsuccessful transfer means. 0: try again. */
static long host_failed(struct file *file, long error, uint32_t events)
{
	struct host_stream *stream = file->private_data;
	struct platform_host_poll poll = {.host_fd = stream->host_fd, .events = (uint16_t)events};

	if (error == -EINTR)
		/* Without a signal it is other work on the way out of the LibOS. */
		return signal_is_pending(thread_current()) ? -ERESTARTSYS : -ERESTARTNOINTR;
	if (error != -EAGAIN || file->flags & O_NONBLOCK)
		return error;
	/* Somebody outside made it non-blocking. */
	error = wait_sleep_host(&poll, 1, WAIT_FOREVER);
	return error == -EINTR ? -ERESTARTSYS : error;
}

/* Does a transfer at @offset go on where the last one ended? That is the host's own offset; only
 * pread(2) and pwrite(2) name another. */
static bool is_sequential(struct file *file, const uint64_t *offset)
{
	return !file->ops->seek || *offset == file->position;
}

static long read_once(struct file *file, void *buffer, size_t size, const uint64_t *offset)
{
	struct host_stream *stream = file->private_data;
	long r;

	do {
		r = is_sequential(file, offset)
			    ? platform_host_read(stream->host_fd, buffer, size)
			    : platform_host_pread(stream->host_fd, buffer, size, *offset);
		if (r >= 0)
			return (size_t)r <= size ? r : -EIO;
		r = host_failed(file, r, POLLIN);
	} while (!r);
	return r;
}

/* A buffer for up to @left bytes: @small, or heap memory the caller frees. */
static uint8_t *buffer_for(size_t left, uint8_t *small, uint8_t **ret_large, size_t *ret_size)
{
	*ret_size = MIN(left, SMALL_SIZE);
	if (left <= SMALL_SIZE)
		return small;
	*ret_large = heap_alloc(LARGE_SIZE);
	if (!*ret_large)
		return small;
	*ret_size = MIN(left, LARGE_SIZE);
	return *ret_large;
}

static long host_stream_read(struct file *file, struct io *io, uint64_t *offset)
{
	struct host_stream *stream = file->private_data;
	CLEANUP(heap_freep) uint8_t *large = NULL;
	uint8_t small[SMALL_SIZE], *buffer;
	size_t size;
	long r;

	if (!io->left)
		return 0;
	if (would_block(file, POLLIN))
		return -EAGAIN;
	buffer = buffer_for(io->left, small, &large, &size);
	r = read_once(file, buffer, size, offset);
	wait_wake(&stream->moved, 0);
	if (r <= 0)
		return r;
	r = io_put(io, buffer, (size_t)r);
	if (r > 0)
		*offset += (uint64_t)r;
	return r;
}

static long write_once(struct file *file, const uint8_t *buffer, size_t size)
{
	struct host_stream *stream = file->private_data;
	long r;

	do {
		r = platform_host_write(stream->host_fd, buffer, size);
		if (r >= 0)
			return (size_t)r <= size ? r : -EIO;
		r = host_failed(file, r, POLLOUT);
	} while (!r);
	return r == -EPIPE ? pipe_broken() : r;
}

/* All of the buffer, or what could be written before an error. */
static long write_buffer(struct file *file, const uint8_t *buffer, size_t size)
{
	size_t done = 0;
	long r = 0;

	while (done < size) {
		if (would_block(file, POLLOUT)) {
			r = -EAGAIN;
			break;
		}
		r = write_once(file, buffer + done, size - done);
		if (r <= 0)
			break;
		done += (size_t)r;
	}
	return done ? (long)done : r;
}

/* Where a pwrite(2) goes the host's offset goes too, and comes back. */
static int seek_to(struct file *file, uint64_t offset)
{
	struct host_stream *stream = file->private_data;
	long r = platform_host_seek(stream->host_fd, (int64_t)offset, SEEK_SET);

	return r < 0 ? (int)r : 0;
}

static long write_all(struct file *file, struct io *io)
{
	CLEANUP(heap_freep) uint8_t *large = NULL;
	uint8_t small[SMALL_SIZE], *buffer;
	size_t size;
	long r = 0, done = 0, taken;

	buffer = buffer_for(io->left, small, &large, &size);
	/* A pipe that is ready takes this much without blocking. */
	if (file->flags & O_NONBLOCK)
		size = MIN(size, (size_t)PIPE_ATOMIC);
	while (io->left) {
		taken = io_take(io, buffer, MIN(size, io->left));
		r = taken > 0 ? write_buffer(file, buffer, (size_t)taken) : taken;
		if (r > 0)
			done += r;
		if (r <= 0 || r < taken)
			break;
	}
	return done ? done : r;
}

static long host_stream_write(struct file *file, struct io *io, uint64_t *offset)
{
	struct host_stream *stream = file->private_data;
	bool sequential = is_sequential(file, offset);
	long r;

	r = sequential ? 0 : seek_to(file, *offset);
	if (r)
		return r;
	r = write_all(file, io);
	if (!sequential && seek_to(file, file->position))
		return -EIO;
	wait_wake(&stream->moved, 0);
	if (r > 0)
		*offset += (uint64_t)r;
	return r;
}

/* ---- Waiting ---- */

static uint32_t host_stream_poll(struct file *file, struct poll_table *table)
{
	struct host_stream *stream = file->private_data;
	uint32_t mode = file->flags & O_ACCMODE, events = 0;

	if (mode != O_WRONLY)
		events |= POLLIN | POLLRDNORM;
	if (mode != O_RDONLY)
		events |= POLLOUT | POLLWRNORM;
	if (stream->kind == PLATFORM_HOST_REGULAR)
		return events;
	poll_wait(table, &stream->moved);
	poll_wait_host(table, stream->host_fd, events);
	return host_ready(stream, events);
}

/* ---- Terminals ---- */

int32_t host_stream_foreground(void)
{
	int32_t pgid = __atomic_load_n(&foreground_group, __ATOMIC_RELAXED);

	/* Nobody has set it: the first process's. */
	return pgid || !process_init ? pgid : process_init->pgid;
}

static bool group_exists(int32_t pgid)
{
	struct process *process;

	LOCK_SCOPE(&process_table_lock);
	LIST_FOR_EACH (process, &process_table, link)
		if (process->pgid == pgid && process->state == PROCESS_ALIVE)
			return true;
	return false;
}

static long foreground_set(uint64_t argument)
{
	int32_t pgid;

	if (USER_GET(&pgid, argument))
		return -EFAULT;
	if (pgid < 0)
		return -EINVAL;
	if (!group_exists(pgid))
		return -ESRCH;
	__atomic_store_n(&foreground_group, pgid, __ATOMIC_RELAXED);
	return 0;
}

static long terminal_get(struct host_stream *stream, uint64_t argument)
{
	struct platform_terminal terminal;
	long r = platform_host_terminal_get(stream->host_fd, &terminal);

	return r ? r : USER_PUT(argument, terminal);
}

static long terminal_set(struct host_stream *stream, unsigned int when, uint64_t argument)
{
	struct platform_terminal terminal;

	if (USER_GET(&terminal, argument))
		return -EFAULT;
	return platform_host_terminal_set(stream->host_fd, when, &terminal);
}

static long terminal_window(struct host_stream *stream, uint64_t argument)
{
	struct platform_window window;
	long r = platform_host_terminal_window(stream->host_fd, &window);

	return r ? r : USER_PUT(argument, window);
}

static long host_stream_ioctl(struct file *file, uint32_t request, uint64_t argument)
{
	struct host_stream *stream = file->private_data;

	if (stream->kind != PLATFORM_HOST_TERMINAL)
		return -ENOTTY;
	switch (request) {
	case TCGETS:
		return terminal_get(stream, argument);
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return terminal_set(stream, request - TCSETS, argument);
	case TIOCGWINSZ:
		return terminal_window(stream, argument);
	case TIOCGPGRP:
		return USER_PUT(argument, host_stream_foreground());
	case TIOCSPGRP:
		return foreground_set(argument);
	case TIOCGSID:
		return USER_PUT(argument, process_init->sid);
	default:
		return -ENOTTY;
	}
}

/* ---- Files ---- */

/* Regular files only: elsewhere the op is missing, and lseek(2) fails with ESPIPE. */
static long host_stream_seek(struct file *file, int64_t offset, int whence)
{
	struct host_stream *stream = file->private_data;
	long r = platform_host_seek(stream->host_fd, offset, whence);

	if (r >= 0)
		file->position = (uint64_t)r;
	return r;
}

static int host_inode_getattr(struct inode *inode, struct file_status *status)
{
	struct host_stream *stream = inode->private;
	struct platform_host_status host;

	if (platform_host_status(stream->host_fd, &host))
		return -EIO;
	status->size = host.size;
	status->blocks = (host.size + 511) / 512;
	return 0;
}

/* With the inode: files opened through /proc/self/fd share the stream. */
static void host_inode_release(struct inode *inode)
{
	struct host_stream *stream = inode->private;

	if (stream->is_owned)
		platform_host_close(stream->host_fd);
	heap_free(stream);
}

static const struct file_ops stream_ops = {
	.read = host_stream_read,
	.write = host_stream_write,
	.poll = host_stream_poll,
	.ioctl = host_stream_ioctl,
};

static const struct file_ops regular_ops = {
	.read = host_stream_read,
	.write = host_stream_write,
	.seek = host_stream_seek,
	.ioctl = host_stream_ioctl,
};

/* /proc/self/fd/N, /dev/stdout: the same stream once more. */
static int host_inode_open(struct inode *inode, struct file *file)
{
	struct host_stream *stream = inode->private;
	long position;

	file->private_data = stream;
	file->ops = &stream_ops;
	if (stream->kind != PLATFORM_HOST_REGULAR)
		return 0;
	file->ops = &regular_ops;
	position = platform_host_seek(stream->host_fd, 0, SEEK_CUR);
	file->position = position < 0 ? 0 : (uint64_t)position;
	return 0;
}

static const struct inode_ops host_inode_ops = {
	.open = host_inode_open,
	.release = host_inode_release,
};

static const struct inode_ops host_regular_inode_ops = {
	.open = host_inode_open,
	.getattr = host_inode_getattr,
	.release = host_inode_release,
};

/* What fstat(2) says. */
static const struct {
	const char *name;
	uint32_t mode;
	uint16_t major, minor;
} host_kinds[] = {
	[PLATFORM_HOST_REGULAR] = {"host", S_IFREG | 0600, 0, 0},
	[PLATFORM_HOST_PIPE] = {"pipe", S_IFIFO | 0600, 0, 0},
	[PLATFORM_HOST_SOCKET] = {"socket", S_IFSOCK | 0777, 0, 0},
	[PLATFORM_HOST_TERMINAL] = {"host", S_IFCHR | 0620, 136, 0}, /* a pseudo-terminal */
	[PLATFORM_HOST_DEVICE] = {"host", S_IFCHR | 0666, 1, 3},     /* like /dev/null, mostly */
};

/* /dev/tty and /dev/console: the terminal that the first process was started at, which is the
 * controlling one of its session and of no other. */
static struct inode *terminal; /* referenced; NULL: there is none */

int host_stream_open_terminal(struct file *file)
{
	if (!terminal || thread_current()->process->sid != process_init->sid)
		return -ENXIO;
	return host_inode_open(terminal, file);
}

static void terminal_note(const struct file *file)
{
	struct host_stream *stream = file->private_data;

	if (terminal || stream->kind != PLATFORM_HOST_TERMINAL)
		return;
	terminal = inode_ref(file->inode);
}

static struct inode *host_inode_new(int host_fd, enum platform_host_kind kind)
{
	struct inode *inode = inode_new_anonymous(host_kinds[kind].name, host_kinds[kind].mode);
	struct host_stream *stream = heap_alloc(sizeof(*stream));

	if (!inode || !stream) {
		inode_unref(inode);
		heap_free(stream);
		return NULL;
	}
	stream->host_fd = host_fd;
	stream->kind = kind;
	wait_queue_init(&stream->moved);
	inode->private = stream;
	inode->ops = kind == PLATFORM_HOST_REGULAR ? &host_regular_inode_ops : &host_inode_ops;
	inode->rdev = device_number(host_kinds[kind].major, host_kinds[kind].minor);
	return inode;
}

int host_stream_open(int host_fd, struct file **ret_file)
{
	CLEANUP(inode_unrefp) struct inode *inode = NULL;
	struct platform_host_status status;
	struct file *file;
	int r;

	r = platform_host_status(host_fd, &status);
	if (r)
		return r;
	inode = host_inode_new(host_fd, status.kind);
	if (!inode)
		return -ENOMEM;
	file = file_new(inode, NULL, &stream_ops, status.access);
	if (!file)
		return -ENOMEM;
	r = host_inode_open(inode, file);
	if (r) {
		file_unref(file);
		return r;
	}
	*ret_file = file;
	return 0;
}

int files_standard_streams(struct fd_table *table)
{
	struct file *file;
	int r = 0;

	for (int fd = 0; fd < 3 && !r; fd++) {
		r = host_stream_open(fd, &file);
		if (!r) {
			terminal_note(file);
			r = fd_table_place(table, file, fd);
		} else if (r == -EBADF) {
			r = 0; /* closed outside: closed inside */
		}
	}
	return r;
}

static void host_stream_own(struct file *file)
{
	struct host_stream *stream = file->private_data;

	stream->is_owned = true;
}

int files_given_streams(struct fd_table *table, const int32_t host_fds[3])
{
	struct file *files[3] = {NULL};
	int r = 0;

	for (int fd = 0; fd < 3 && !r; fd++) {
		r = host_stream_open(host_fds[fd], &files[fd]);
		if (!r)
			r = fd_table_place(table, files[fd], fd);
	}
	/* Only now: what failed leaves them to the host. */
	for (int fd = 0; fd < 3 && !r; fd++)
		host_stream_own(files[fd]);
	return r;
}
