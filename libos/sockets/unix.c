#include "libos/sockets/unix.h"

#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/socket.h>
#include <linux/sockios.h>

#include "libos/core/heap.h"
#include "libos/files/inode.h"
#include "libos/files/poll.h"
#include "libos/processes/process.h"
#include "libos/security/landlock.h"
#include "libos/signals/signal.h"
#include "libos/sockets/message.h"
#include "libos/sockets/unix.h"

struct unix_socket *unix_socket_ref(struct unix_socket *socket)
{
	socket_ref(&socket->base);
	return socket;
}

void unix_socket_unref(struct unix_socket *socket)
{
	if (socket)
		socket_unref(&socket->base);
}

struct unix_socket *unix_socket_peer(struct unix_socket *socket)
{
	LOCK_SCOPE(&socket->base.lock);
	return socket->peer ? unix_socket_ref(socket->peer) : NULL;
}

/* The other end of a connection is told that this one is gone. */
static void hang_up(struct unix_socket *peer, struct unix_socket *gone, bool lost)
{
	lock_acquire(&peer->base.lock);
	if (peer->peer == gone && !unix_is_datagram(peer)) {
		peer->base.shut = SHUT_RECEIVE | SHUT_SEND;
		if (lost)
			peer->base.error = ECONNRESET;
	}
	lock_release(&peer->base.lock);
	wait_wake(&peer->base.readable, SOCKET_READABLE | POLLHUP | POLLRDHUP);
	wait_wake(&peer->base.writable, SOCKET_WRITABLE | POLLHUP);
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
	lock_acquire(&socket->base.lock);
	socket->state = UNIX_CLOSED;
	socket->base.shut = SHUT_RECEIVE | SHUT_SEND;
	peer = socket->peer;
	socket->peer = NULL;
	list_splice_tail(&packets, &socket->packets);
	socket->packet_count = socket->weight = 0;
	list_splice_tail(&pending, &socket->pending);
	lock_release(&socket->base.lock);
	/* Senders and those who wait for a place in the backlog. */
	wait_wake(&socket->base.writable, SOCKET_WRITABLE | POLLHUP);
	if (peer)
		hang_up(peer, socket, !list_is_empty(&packets));
	free_packets(&packets);
	close_pending(&pending);
	unix_socket_unref(peer);
	unix_socket_unref(socket);
}

/* May more be sent? A peer's room counts where its readers wake us. */
static bool is_writable(struct unix_socket *socket)
{
	CLEANUP(unix_socket_unrefp) struct unix_socket *peer = unix_socket_peer(socket);

	if (!peer)
		return true;
	LOCK_SCOPE(&peer->base.lock);
	if (unix_is_datagram(socket) && peer->peer != socket)
		return true;
	return unix_is_roomy(socket, peer);
}

static uint32_t state_events(struct unix_socket *socket)
{
	bool connects = !unix_is_datagram(socket);
	uint32_t events = 0;

	LOCK_SCOPE(&socket->base.lock);
	if (socket->base.error)
		events |= POLLERR;
	if (!list_is_empty(&socket->packets) || !list_is_empty(&socket->pending))
		events |= SOCKET_READABLE;
	if (socket->base.shut & SHUT_RECEIVE)
		events |= SOCKET_READABLE | POLLRDHUP;
	if (socket->base.shut == (SHUT_RECEIVE | SHUT_SEND) ||
		(connects && socket->state == UNIX_FRESH))
		events |= POLLHUP;
	if (socket->state != UNIX_LISTENING)
		events |= SOCKET_WRITABLE;
	return events;
}

static uint32_t unix_poll(struct socket *base, struct poll_table *table)
{
	struct unix_socket *socket = unix_of(base);
	uint32_t events;

	poll_wait(table, &base->readable);
	poll_wait(table, &base->writable);
	events = state_events(socket);
	if (events & SOCKET_WRITABLE && !is_writable(socket))
		events &= ~(uint32_t)SOCKET_WRITABLE;
	return events;
}

static long unix_ioctl(struct socket *base, uint32_t request, uint64_t argument)
{
	struct unix_socket *socket = unix_of(base);
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

/* ---- What the family does ---- */

static int op_bind(struct socket *socket, const struct socket_address *address)
{
	return unix_bind(unix_of(socket), address);
}

static int op_listen(struct socket *socket, int backlog)
{
	return unix_listen(unix_of(socket), backlog);
}

static int op_connect(struct socket *socket, const struct socket_address *address, bool may_block)
{
	return unix_connect(unix_of(socket), address, may_block);
}

static int op_accept(struct socket *socket, bool may_block, struct socket **ret_accepted)
{
	struct unix_socket *accepted;
	int r = unix_accept(unix_of(socket), may_block, &accepted);

	if (!r)
		*ret_accepted = &accepted->base;
	return r;
}

static int op_name(struct socket *base, bool is_peer, struct socket_address *ret_address)
{
	struct unix_socket *socket = unix_of(base);
	CLEANUP(unix_socket_unrefp)
	struct unix_socket *peer = is_peer ? unix_socket_peer(socket) : NULL;

	if (is_peer && !peer)
		return -ENOTCONN;
	unix_name_address(is_peer ? peer->name : socket->name, ret_address);
	return 0;
}

static int op_shutdown(struct socket *socket, uint32_t what)
{
	return unix_shutdown(unix_of(socket), what);
}

static long op_send(struct socket *socket, struct message *message, uint32_t flags)
{
	return unix_send(unix_of(socket), message, flags);
}

static long op_receive(struct socket *socket, struct message *message, uint32_t flags)
{
	return unix_receive(unix_of(socket), message, flags);
}

static void op_close(struct socket *socket)
{
	unix_socket_close(unix_of(socket));
}

static void op_free(struct socket *base)
{
	struct unix_socket *socket = unix_of(base);

	unix_name_unref(socket->name);
	landlock_domain_unref(socket->landlock);
	heap_free(socket);
}

static int op_set_option(struct socket *base, int level, int option, uint64_t from, uint32_t size)
{
	struct unix_socket *socket = unix_of(base);
	int32_t value;
	int r;

	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	if (option != SO_PASSCRED)
		return -ENOPROTOOPT;
	r = option_read_number(from, size, &value);
	if (!r)
		socket->pass_credentials = value;
	return r;
}

static int op_get_option(struct socket *base, int level, int option, uint64_t to, uint32_t *size)
{
	struct unix_socket *socket = unix_of(base);
	int32_t value =
		option == SO_PASSCRED ? socket->pass_credentials : socket->state == UNIX_LISTENING;

	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	switch (option) {
	case SO_PASSCRED:
	case SO_ACCEPTCONN:
		return option_write(to, size, &value, sizeof(value));
	case SO_PEERCRED:
		return option_write(
			to, size, &socket->peer_credentials, sizeof(socket->peer_credentials));
	default:
		return -ENOPROTOOPT;
	}
}

static const struct socket_ops unix_ops = {
	.bind = op_bind,
	.listen = op_listen,
	.connect = op_connect,
	.accept = op_accept,
	.name = op_name,
	.shutdown = op_shutdown,
	.send = op_send,
	.receive = op_receive,
	.set_option = op_set_option,
	.get_option = op_get_option,
	.poll = unix_poll,
	.ioctl = unix_ioctl,
	.close = op_close,
	.free = op_free,
};

/* ---- New ones ---- */

struct unix_socket *unix_socket_new(uint32_t type)
{
	struct unix_socket *socket = heap_alloc(sizeof(*socket));

	if (!socket)
		return NULL;
	socket_init(&socket->base, &unix_ops, AF_UNIX, type);
	socket->credentials = (struct socket_credentials){0, UINT32_MAX, UINT32_MAX};
	socket->peer_credentials = socket->credentials;
	list_init(&socket->packets);
	list_init(&socket->pending);
	list_init(&socket->pending_link);
	list_init(&socket->bound_link);
	return socket;
}

static int check_kind(uint32_t type, uint32_t protocol)
{
	if (protocol != 0 && protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_RAW && type != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	return 0;
}

int unix_create(uint32_t type, uint32_t protocol, struct socket **ret_socket)
{
	struct unix_socket *socket;
	int r = check_kind(type, protocol);

	if (r)
		return r;
	socket = unix_socket_new(type == SOCK_RAW ? SOCK_DGRAM : type);
	if (!socket)
		return -ENOMEM;
	socket->landlock = landlock_domain_ref(thread_current()->landlock);
	*ret_socket = &socket->base;
	return 0;
}

int unix_create_pair(uint32_t type, uint32_t protocol, struct socket *pair[2])
{
	int r = unix_create(type, protocol, &pair[0]);

	if (r)
		return r;
	r = unix_create(type, protocol, &pair[1]);
	if (r) {
		socket_unref(pair[0]);
		return r;
	}
	unix_pair(unix_of(pair[0]), unix_of(pair[1]));
	return 0;
}
