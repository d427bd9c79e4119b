#include "libos/sockets/socket.h"

#include <linux/fcntl.h>
#include <asm/errno.h>

#include "libos/files/inode.h"
#include "libos/files/poll.h"
#include "libos/processes/process.h"
#include "libos/signals/signal.h"
#include "libos/sockets/interfaces.h"
#include "libos/sockets/message.h"
#include "libos/time/timespec.h"

void socket_init(
	struct socket *socket, const struct socket_ops *ops, uint32_t family, uint32_t type)
{
	socket->ops = ops;
	socket->reference_count = 1;
	socket->family = family;
	socket->type = type;
	socket->send_size = socket->receive_size = SOCKET_BUFFER_DEFAULT;
	socket->linger_seconds = SOCKET_LINGER_OFF;
	wait_queue_init(&socket->readable);
	wait_queue_init(&socket->writable);
}

struct socket *socket_ref(struct socket *socket)
{
	__atomic_add_fetch(&socket->reference_count, 1, __ATOMIC_RELAXED);
	return socket;
}

void socket_unref(struct socket *socket)
{
	if (socket && __atomic_sub_fetch(&socket->reference_count, 1, __ATOMIC_ACQ_REL) == 0)
		socket->ops->free(socket);
}

int socket_wait_result(int r, uint64_t timeout_ns)
{
	if (r == -EINTR)
		return timeout_ns ? -EINTR : -ERESTARTSYS;
	return r == -ETIMEDOUT ? -EAGAIN : r;
}

int socket_wait(struct socket *socket, struct wait_queue *queue,
	bool (*is_ready)(struct socket *socket), uint64_t timeout_ns)
{
	uint64_t deadline = WAIT_FOREVER;
	struct waiter waiter;
	int r = 0;

	if (timeout_ns)
		deadline = deadline_after(platform_monotonic_ns(), timeout_ns);
	waiter_init(&waiter);
	wait_add(queue, &waiter);
	while (!r && !is_ready(socket))
		r = wait_sleep(deadline);
	wait_remove(&waiter);
	return socket_wait_result(r, timeout_ns);
}

/* ---- The file ---- */

static uint32_t file_message_flags(const struct file *file)
{
	return file->flags & O_NONBLOCK ? MSG_DONTWAIT : 0;
}

static long socket_read(struct file *file, struct io *io, uint64_t *offset)
{
	struct socket *socket = file->private_data;
	struct message message = {.io = *io};
	long r;

	(void)offset;
	if (!io->left)
		return 0;
	r = socket->ops->receive(socket, &message, file_message_flags(file));
	*io = message.io;
	message_done(&message);
	return r;
}

static long socket_write(struct file *file, struct io *io, uint64_t *offset)
{
	struct socket *socket = file->private_data;
	struct message message = {.io = *io};
	long r;

	(void)offset;
	r = socket->ops->send(socket, &message,
		file_message_flags(file) | (socket->type == SOCK_SEQPACKET ? MSG_EOR : 0));
	*io = message.io;
	message_done(&message);
	return r;
}

static uint32_t socket_poll(struct file *file, struct poll_table *table)
{
	struct socket *socket = file->private_data;

	return socket->ops->poll(socket, table);
}

static long socket_ioctl(struct file *file, uint32_t request, uint64_t argument)
{
	struct socket *socket = file->private_data;

	long r = -ENOTTY;

	if (socket->ops->ioctl)
		r = socket->ops->ioctl(socket, request, argument);
	return r == -ENOTTY ? interfaces_ioctl(request, argument) : r;
}

static void socket_release(struct file *file)
{
	struct socket *socket = file->private_data;

	socket->file = NULL;
	socket->ops->close(socket);
}

/* O_NONBLOCK may come and go. */
static int socket_set_flags(struct file *file, uint32_t flags)
{
	(void)file;
	(void)flags;
	return 0;
}

static const struct file_ops socket_file_ops = {
	.read = socket_read,
	.write = socket_write,
	.poll = socket_poll,
	.ioctl = socket_ioctl,
	.set_flags = socket_set_flags,
	.release = socket_release,
};

struct file *socket_file(struct socket *socket, uint32_t flags)
{
	CLEANUP(inode_unrefp)
	struct inode *inode = inode_new_anonymous("socket", S_IFSOCK | 0777);
	struct file *file;

	if (!inode)
		return NULL;
	file = file_new(inode, NULL, &socket_file_ops, O_RDWR | flags);
	if (file) {
		file->private_data = socket;
		socket->file = file;
		socket->number = inode->number;
	}
	return file;
}

struct socket *socket_of(const struct file *file)
{
	return file->ops == &socket_file_ops ? file->private_data : NULL;
}
