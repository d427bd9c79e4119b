#include "libos/sockets/unix.h"

#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/fcntl.h>
#include <linux/sockios.h>

#include "libos/core/heap.h"
#include "libos/files/inode.h"
#include "libos/files/poll.h"
#include "libos/processes/process.h"
#include "libos/signals/signal.h"
#include "libos/sockets/constants.h"
#include "libos/sockets/message.h"
#include "libos/time/timespec.h"

#define READABLE (POLLIN | POLLRDNORM)
#define WRITABLE (POLLOUT | POLLWRNORM | POLLWRBAND)

struct unix_socket *unix_socket_new(uint32_t type)
{
	struct unix_socket *socket = heap_alloc(sizeof(*socket));

	if (!socket)
		return NULL;
	socket->reference_count = 1;
	socket->type = type;
	socket->send_size = socket->receive_size = SOCKET_BUFFER_DEFAULT;
	socket->credentials = (struct socket_credentials){0, UINT32_MAX, UINT32_MAX};
	socket->peer_credentials = socket->credentials;
	list_init(&socket->packets);
	list_init(&socket->pending);
	list_init(&socket->pending_link);
	list_init(&socket->bound_link);
	wait_queue_init(&socket->readable);
	wait_queue_init(&socket->writable);
	return socket;
}

struct unix_socket *unix_socket_ref(struct unix_socket *socket)
{
	__atomic_add_fetch(&socket->reference_count, 1, __ATOMIC_RELAXED);
	return socket;
}

void unix_socket_unref(struct unix_socket *socket)
{
	if (!socket || __atomic_sub_fetch(&socket->reference_count, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	unix_name_unref(socket->name);
	heap_free(socket);
}

struct unix_socket *unix_socket_peer(struct unix_socket *socket)
{
	LOCK_SCOPE(&socket->lock);
	return socket->peer ? unix_socket_ref(socket->peer) : NULL;
}

/* The other end of a connection is told that this one is gone. */
static void hang_up(struct unix_socket *peer, struct unix_socket *gone, bool lost)
{
	lock_acquire(&peer->lock);
	if (peer->peer == gone && !unix_is_datagram(peer)) {
		peer->shut = SHUT_RECEIVE | SHUT_SEND;
		if (lost)
			peer->error = ECONNRESET;
	}
	lock_release(&peer->lock);
	wait_wake(&peer->readable, READABLE | POLLHUP | POLLRDHUP);
	wait_wake(&peer->writable, WRITABLE | POLLHUP);
}

static void free_packets(struct list *packets)
{
	struct packet *packet, *next;

	LIST_FOR_EACH_SAFE (packet, next, packets, link) {
		list_remove(&packet->link);
		packet_free(packet);
	}
}

static void close_pending(struct list *pending)
{
	struct unix_socket *socket, *next;

	LIST_FOR_EACH_SAFE (socket, next, pending, pending_link) {
		list_remove(&socket->pending_link);
		hang_up(socket->peer, socket, true);
		unix_socket_close(socket);
	}
}

void unix_socket_close(struct unix_socket *socket)
{
	struct list packets = LIST_INIT(packets), pending = LIST_INIT(pending);
	struct unix_socket *peer;

	unix_unbind(socket);
	lock_acquire(&socket->lock);
	socket->state = UNIX_CLOSED;
	socket->shut = SHUT_RECEIVE | SHUT_SEND;
	peer = socket->peer;
	socket->peer = NULL;
	list_splice_tail(&packets, &socket->packets);
	socket->packet_count = socket->weight = 0;
	list_splice_tail(&pending, &socket->pending);
	lock_release(&socket->lock);
	/* Senders and those who wait for a place in the backlog. */
	wait_wake(&socket->writable, WRITABLE | POLLHUP);
	if (peer)
		hang_up(peer, socket, !list_is_empty(&packets));
	free_packets(&packets);
	close_pending(&pending);
	unix_socket_unref(peer);
	unix_socket_unref(socket);
}

int unix_wait(struct unix_socket *socket, struct wait_queue *queue,
	bool (*is_ready)(struct unix_socket *socket), uint64_t timeout_ns)
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
	if (r == -EINTR)
		return timeout_ns ? -EINTR : -ERESTARTSYS;
	return r == -ETIMEDOUT ? -EAGAIN : r;
}

/* ---- The file ---- */

static long socket_read(struct file *file, struct io *io, uint64_t *offset)
{
	struct message message = {.io = *io};
	long r;

	(void)offset;
	if (!io->left)
		return 0;
	r = unix_receive(file->private_data, &message, file->flags & O_NONBLOCK ? MSG_DONTWAIT : 0);
	*io = message.io;
	message_done(&message);
	return r;
}

static long socket_write(struct file *file, struct io *io, uint64_t *offset)
{
	struct unix_socket *socket = file->private_data;
	struct message message = {.io = *io};
	long r;

	(void)offset;
	r = unix_send(socket, &message,
		(file->flags & O_NONBLOCK ? MSG_DONTWAIT : 0) |
			(socket->type == SOCK_SEQPACKET ? MSG_EOR : 0));
	*io = message.io;
	message_done(&message);
	return r;
}

/* May more be sent? A peer's room counts where its readers wake us. */
static bool is_writable(struct unix_socket *socket)
{
	CLEANUP(unix_socket_unrefp) struct unix_socket *peer = unix_socket_peer(socket);

	if (!peer)
		return true;
	LOCK_SCOPE(&peer->lock);
	if (unix_is_datagram(socket) && peer->peer != socket)
		return true;
	return unix_has_room(socket, peer);
}

static uint32_t state_events(struct unix_socket *socket)
{
	bool connects = !unix_is_datagram(socket);
	uint32_t events = 0;

	LOCK_SCOPE(&socket->lock);
	if (socket->error)
		events |= POLLERR;
	if (!list_is_empty(&socket->packets) || !list_is_empty(&socket->pending))
		events |= READABLE;
	if (socket->shut & SHUT_RECEIVE)
		events |= READABLE | POLLRDHUP;
	if (socket->shut == (SHUT_RECEIVE | SHUT_SEND) || (connects && socket->state == UNIX_FRESH))
		events |= POLLHUP;
	if (socket->state != UNIX_LISTENING)
		events |= WRITABLE;
	return events;
}

static uint32_t socket_poll(struct file *file, struct poll_table *table)
{
	struct unix_socket *socket = file->private_data;
	uint32_t events;

	poll_wait(table, &socket->readable);
	poll_wait(table, &socket->writable);
	events = state_events(socket);
	if (events & WRITABLE && !is_writable(socket))
		events &= ~(uint32_t)WRITABLE;
	return events;
}

static long socket_ioctl(struct file *file, uint32_t request, uint64_t argument)
{
	struct unix_socket *socket = file->private_data;
	CLEANUP(unix_socket_unrefp) struct unix_socket *peer = NULL;

	switch (request) {
	case SIOCINQ:
		if (socket->state == UNIX_LISTENING)
			return -EINVAL;
		return USER_PUT(argument, (int32_t)unix_bytes(socket));
	case SIOCOUTQ:
		if (socket->state == UNIX_LISTENING)
			return -EINVAL;
		peer = unix_socket_peer(socket);
		return USER_PUT(argument, (int32_t)(peer ? peer->weight : 0));
	default:
		return -ENOTTY;
	}
}

static void socket_release(struct file *file)
{
	unix_socket_close(file->private_data);
}

/* O_NONBLOCK may come and go. */
static int socket_set_flags(struct file *file, uint32_t flags)
{
	(void)file;
	(void)flags;
	return 0;
}

static const struct file_ops socket_ops = {
	.read = socket_read,
	.write = socket_write,
	.poll = socket_poll,
	.ioctl = socket_ioctl,
	.set_flags = socket_set_flags,
	.release = socket_release,
};

struct file *unix_socket_file(struct unix_socket *socket, uint32_t flags)
{
	CLEANUP(inode_unrefp)
	struct inode *inode = inode_new_anonymous("socket", S_IFSOCK | 0777);
	struct file *file;

	if (!inode)
		return NULL;
	file = file_new(inode, NULL, &socket_ops, O_RDWR | flags);
	if (file)
		file->private_data = socket;
	return file;
}

struct unix_socket *unix_socket_of(const struct file *file)
{
	return file->ops == &socket_ops ? file->private_data : NULL;
}
