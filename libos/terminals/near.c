/* The near side of a terminal: what programs read and write. */
#include <asm/ioctls.h>
#include <asm/signal.h>
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/fcntl.h>

#include "libos/files/dentry.h"
#include "libos/files/open.h"
#include "libos/files/poll.h"
#include "libos/processes/process.h"
#include "libos/security/landlock.h"
#include "libos/terminals/control.h"
#include "libos/signals/signal.h"
#include "libos/terminals/terminal.h"
#include "platform/platform.h"

#define NS_PER_DECISECOND 100000000UL /* VTIME's unit */

/* ---- Reading ---- */

/* What read(2) waits for: settings of the moment it began. */
struct reading {
	bool canonical;
	size_t least;         /* bytes that end it */
	uint64_t patience_ns; /* how long it waits: for the first byte, */
	uint64_t between_ns;  /* and from one to the next; WAIT_FOREVER: without end */
};

static struct reading reading_begin(struct terminal *terminal)
{
	const struct termios2 *settings;
	struct reading reading = {.least = 1, .patience_ns = WAIT_FOREVER};
	uint64_t time_ns;

	LOCK_SCOPE(&terminal->lock);
	settings = &terminal->line.settings;
	reading.canonical = settings->c_lflag & ICANON;
	reading.between_ns = WAIT_FOREVER;
	if (reading.canonical)
		return reading;
	time_ns = settings->c_cc[VTIME] * NS_PER_DECISECOND;
	if (!settings->c_cc[VMIN]) {
		reading.patience_ns = reading.between_ns = time_ns;
		return reading;
	}
	reading.least = settings->c_cc[VMIN];
	if (time_ns)
		reading.between_ns = time_ns;
	return reading;
}

/* Bytes into @to: how many, or -EAGAIN. */
static long take_input(struct terminal *terminal, uint8_t *to, size_t size)
{
	size_t n;
	bool readable;

	lock_acquire(&terminal->lock);
	readable = line_is_readable(&terminal->line, 1);
	n = readable ? line_read(&terminal->line, to, size) : 0;
	lock_release(&terminal->lock);
	if (!readable)
		return -EAGAIN;
	terminal_feed(terminal); /* there is room now */
	return (long)n;
}

static int sleep_for_input(
	struct terminal *terminal, const struct file *file, uint64_t begun_ns, uint64_t patience_ns)
{
	int r;

	if (__atomic_load_n(&terminal->is_hung_up, __ATOMIC_ACQUIRE))
		return -EIO;
	if (!patience_ns)
		return -ETIMEDOUT;
	if (file->flags & O_NONBLOCK)
		return -EAGAIN;
	r = wait_sleep(patience_ns == WAIT_FOREVER ? WAIT_FOREVER : begun_ns + patience_ns);
	return r == -EINTR ? -ERESTARTSYS : r;
}

/* Until there is enough: bytes, or what ended it before there was one. */
static long read_enough(struct terminal *terminal, struct file *file, struct io *io)
{
	struct reading reading = reading_begin(terminal);
	uint64_t begun_ns = platform_monotonic_ns();
	uint8_t buffer[LINE_INPUT_SIZE];
	size_t done = 0;
	long n = 0;

	while (io->left && done < reading.least) {
		n = take_input(terminal, buffer, MIN(io->left, sizeof(buffer)));
		if (n >= 0) {
			n = n ? io_put(io, buffer, (size_t)n) : 0;
			if (n <= 0)
				break;
			done += (size_t)n;
			begun_ns = platform_monotonic_ns();
			if (reading.canonical)
				break;
			continue;
		}
		n = sleep_for_input(
			terminal, file, begun_ns, done ? reading.between_ns : reading.patience_ns);
		if (n)
			break;
	}
	if (done)
		return (long)done;
	return n == -ETIMEDOUT ? 0 : n;
}

static long near_read(struct file *file, struct io *io, uint64_t *offset)
{
	struct terminal *terminal = file->private_data;
	struct waiter waiter;
	long r;

	(void)offset;
	if (__atomic_load_n(&terminal->is_hung_up, __ATOMIC_ACQUIRE))
		return 0;
	r = control_check(terminal, SIGTTIN);
	if (r)
		return r;
	waiter_init(&waiter);
	wait_add(&terminal->near_input, &waiter);
	r = read_enough(terminal, file, io);
	wait_remove(&waiter);
	return r;
}

/* ---- Writing ---- */

static int sleep_for_room(struct terminal *terminal, const struct file *file)
{
	int r;

	if (__atomic_load_n(&terminal->is_hung_up, __ATOMIC_ACQUIRE))
		return -EIO;
	if (file->flags & O_NONBLOCK)
		return -EAGAIN;
	r = wait_sleep(WAIT_FOREVER);
	return r == -EINTR ? -ERESTARTSYS : r;
}

/* One write after the other: those of several processes do not mix. */
static int writing_begin(struct terminal *terminal, const struct file *file)
{
	bool is_ours;
	int r = 0;

	for (;;) {
		lock_acquire(&terminal->lock);
		is_ours = !terminal->is_writing;
		terminal->is_writing = true;
		lock_release(&terminal->lock);
		if (is_ours)
			return 0;
		r = sleep_for_room(terminal, file);
		if (r)
			return r;
	}
}

static void writing_end(struct terminal *terminal)
{
	lock_acquire(&terminal->lock);
	terminal->is_writing = false;
	terminal_unlock(terminal, WAKE_NEAR_OUTPUT);
}

/* All of @chunk, or what went out before an error. */
static long write_chunk(
	struct terminal *terminal, const struct file *file, const uint8_t *chunk, size_t size)
{
	size_t done = 0, n;
	int r;

	while (done < size) {
		r = __atomic_load_n(&terminal->is_hung_up, __ATOMIC_ACQUIRE) ? -EIO : 0;
		if (r)
			return done ? (long)done : r;
		lock_acquire(&terminal->lock);
		n = line_write(&terminal->line, chunk + done, size - done);
		terminal_unlock(terminal, n ? WAKE_FAR_INPUT : 0);
		done += n;
		r = n ? 0 : sleep_for_room(terminal, file);
		if (r)
			return done ? (long)done : r;
	}
	return (long)done;
}

static long write_all(struct terminal *terminal, const struct file *file, struct io *io)
{
	uint8_t chunk[TERMINAL_CHUNK];
	long done = 0, taken, n = 0;

	while (io->left) {
		taken = io_take(io, chunk, MIN(io->left, sizeof(chunk)));
		n = taken > 0 ? write_chunk(terminal, file, chunk, (size_t)taken) : taken;
		if (n > 0)
			done += n;
		if (n <= 0 || n < taken)
			break;
	}
	return done ? done : n;
}

static long near_write(struct file *file, struct io *io, uint64_t *offset)
{
	struct terminal *terminal = file->private_data;
	struct waiter waiter;
	long r = 0;

	(void)offset;
	if (__atomic_load_n(&terminal->is_hung_up, __ATOMIC_ACQUIRE))
		return -EIO;
	if (terminal->line.settings.c_lflag & TOSTOP)
		r = control_check(terminal, SIGTTOU);
	if (r)
		return r;
	waiter_init(&waiter);
	wait_add(&terminal->near_output, &waiter);
	r = writing_begin(terminal, file);
	if (!r) {
		r = write_all(terminal, file, io);
		writing_end(terminal);
	}
	wait_remove(&waiter);
	return r;
}

/* ---- The rest ---- */

static uint32_t near_poll(struct file *file, struct poll_table *table)
{
	struct terminal *terminal = file->private_data;
	const struct termios2 *settings;
	uint32_t events = 0;
	size_t least = 1;

	poll_wait(table, &terminal->near_input);
	poll_wait(table, &terminal->near_output);
	LOCK_SCOPE(&terminal->lock);
	if (terminal->is_hung_up)
		return POLL_ALWAYS | POLLERR | POLLHUP;
	settings = &terminal->line.settings;
	if (!settings->c_cc[VTIME] && settings->c_cc[VMIN])
		least = settings->c_cc[VMIN];
	if (line_is_readable(&terminal->line, least))
		events |= POLLIN | POLLRDNORM;
	if (line_is_writable(&terminal->line))
		events |= POLLOUT | POLLWRNORM;
	return events;
}

static long near_ioctl(struct file *file, uint32_t request, uint64_t argument)
{
	struct terminal *terminal = file->private_data;

	if (__atomic_load_n(&terminal->is_hung_up, __ATOMIC_ACQUIRE))
		return request == TIOCSPGRP ? -ENOTTY : -EIO;
	return terminal_ioctl(terminal, file, false, request, argument);
}

static void near_release(struct file *file)
{
	struct terminal *terminal = file->private_data;
	uint32_t wakes = 0;

	lock_acquire(&terminal->lock);
	if (!--terminal->near_count) {
		terminal->near_was_closed = true;
		terminal->is_exclusive = false;
		wakes = WAKE_FAR_INPUT;
	}
	terminal_unlock(terminal, wakes);
	terminal_unref(terminal);
}

const struct file_ops terminal_near_ops = {
	.read = near_read,
	.write = near_write,
	.poll = near_poll,
	.ioctl = near_ioctl,
	.release = near_release,
};

static int count_opener(struct terminal *terminal, bool is_peer)
{
	LOCK_SCOPE(&terminal->lock);
	if (terminal->is_hung_up || (terminal->is_locked && !is_peer))
		return -EIO;
	if (terminal->is_exclusive &&
		!credentials_can(&thread_current()->credentials, CAP_SYS_ADMIN))
		return -EBUSY;
	terminal->near_count++;
	terminal->near_was_closed = false;
	return 0;
}

int terminal_open_near(struct terminal *terminal, struct file *file, bool is_peer)
{
	int r = count_opener(terminal, is_peer);

	if (r)
		return r;
	file->ops = &terminal_near_ops;
	file->private_data = terminal_ref(terminal);
	if (!(file->flags & O_NOCTTY))
		control_acquire_on_open(terminal, file);
	return 0;
}

int terminal_open_peer(struct terminal *terminal, uint32_t flags, struct file **ret_file)
{
	CLEANUP(dentry_unrefp) struct dentry *entry = devpts_entry(terminal);
	struct file *file;
	uint32_t denied;
	int r;

	if (!entry)
		return -EIO;
	r = landlock_check_open(entry, flags, &denied);
	if (r)
		return r;
	file = file_new(
		entry->inode, entry, NULL, flags & (O_ACCMODE | FILE_FLAGS_SETTABLE | O_NOCTTY));
	if (!file)
		return -ENOMEM;
	file->denied = denied;
	r = terminal_open_near(terminal, file, true);
	file->flags &= ~(uint32_t)O_NOCTTY;
	if (r) {
		file_unref(file);
		return r;
	}
	*ret_file = file;
	return 0;
}
