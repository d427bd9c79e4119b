/* The far side of a terminal: what terminal emulators read and write, pty(7). */
#include <asm/ioctls.h>
#include <linux/errno.h>
#include <linux/fcntl.h>

#include "libos/files/poll.h"
#include "libos/signals/signal.h"
#include "libos/terminals/terminal.h"

/* TIOCPKT: a byte that says what follows. 0: data, else there are none. */
static bool take_status(struct terminal *terminal, uint8_t *ret_status)
{
	LOCK_SCOPE(&terminal->lock);
	*ret_status = terminal->packet_status;
	terminal->packet_status = 0;
	return *ret_status;
}

/* What there is: how many bytes, or -EAGAIN, -EIO. */
static long take_output(struct terminal *terminal, uint8_t *to, size_t size)
{
	bool has_packets = __atomic_load_n(&terminal->has_packets, __ATOMIC_RELAXED);
	size_t n;

	if (has_packets && take_status(terminal, to))
		return 1;
	if (has_packets)
		*to = TIOCPKT_DATA;
	/* Looked at first: what was written before the near side closed can still be read. */
	bool was_closed = __atomic_load_n(&terminal->near_was_closed, __ATOMIC_ACQUIRE);

	n = terminal_take(terminal, to + has_packets, size - has_packets);
	if (n)
		return (long)(n + has_packets);
	return was_closed ? -EIO : -EAGAIN;
}

static long far_read(struct file *file, struct io *io, uint64_t *offset)
{
	struct terminal *terminal = file->private_data;
	uint8_t buffer[LINE_INPUT_SIZE];
	struct waiter waiter;
	long n;

	(void)offset;
	if (!io->left)
		return 0;
	waiter_init(&waiter);
	wait_add(&terminal->far_input, &waiter);
	do {
		n = take_output(terminal, buffer, MIN(io->left, sizeof(buffer)));
		if (n != -EAGAIN || file->flags & O_NONBLOCK)
			break;
		n = wait_sleep(WAIT_FOREVER);
	} while (!n);
	wait_remove(&waiter);
	if (n == -EINTR)
		return -ERESTARTSYS;
	return n > 0 ? io_put(io, buffer, (size_t)n) : n;
}

static long give_all(
	struct terminal *terminal, const struct file *file, const uint8_t *chunk, size_t size)
{
	size_t done = 0;
	int r = 0;

	while (done < size) {
		size_t n = terminal_give(terminal, chunk + done, size - done);

		done += n;
		if (n)
			continue;
		if (file->flags & O_NONBLOCK)
			r = -EAGAIN;
		else
			r = wait_sleep(WAIT_FOREVER);
		if (r)
			break;
	}
	if (done)
		return (long)done;
	return r == -EINTR ? -ERESTARTSYS : r;
}

static long far_write(struct file *file, struct io *io, uint64_t *offset)
{
	struct terminal *terminal = file->private_data;
	uint8_t chunk[TERMINAL_CHUNK];
	struct waiter waiter;
	long done = 0, taken, n = 0;

	(void)offset;
	waiter_init(&waiter);
	wait_add(&terminal->far_output, &waiter);
	while (io->left) {
		taken = io_take(io, chunk, MIN(io->left, sizeof(chunk)));
		n = taken > 0 ? give_all(terminal, file, chunk, (size_t)taken) : taken;
		if (n > 0)
			done += n;
		if (n <= 0 || n < taken)
			break;
	}
	wait_remove(&waiter);
	return done ? done : n;
}

static uint32_t far_poll(struct file *file, struct poll_table *table)
{
	struct terminal *terminal = file->private_data;
	uint32_t events = 0;

	poll_wait(table, &terminal->far_input);
	poll_wait(table, &terminal->far_output);
	LOCK_SCOPE(&terminal->lock);
	if (ring_used(&terminal->line.output))
		events |= POLLIN | POLLRDNORM;
	if (terminal->has_packets && terminal->packet_status)
		events |= POLLPRI | POLLIN | POLLRDNORM;
	if (terminal->near_was_closed)
		events |= POLLHUP;
	if (ring_room(&terminal->input))
		events |= POLLOUT | POLLWRNORM;
	return events;
}

static long far_ioctl(struct file *file, uint32_t request, uint64_t argument)
{
	return terminal_ioctl(file->private_data, file, true, request, argument);
}

static void far_release(struct file *file)
{
	struct terminal *terminal = file->private_data;

	terminal_hang_up(terminal);
	terminal_unref(terminal);
}

const struct file_ops terminal_far_ops = {
	.read = far_read,
	.write = far_write,
	.poll = far_poll,
	.ioctl = far_ioctl,
	.release = far_release,
};
