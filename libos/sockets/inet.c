#include "libos/sockets/inet.h"

#include <asm/errno.h>
#include <asm/poll.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/poll.h"
#include "libos/processes/process.h"

/* ---- bind, listen, connect, accept ---- */

/* The address of a socket's own family only. */
static int read_address(const struct socket *socket, const struct socket_address *from,
	struct inet_address *ret_address)
{
	int r = inet_address_read(socket->family, from, ret_address);

	if (r == 0 && from->family == AF_UNSPEC && !inet_address_is_any(ret_address))
		return -EAFNOSUPPORT;
	return r;
}

static int op_bind(struct socket *base, const struct socket_address *from)
{
	struct inet_socket *socket = inet_of(base);
	struct inet_address address;
	int r = read_address(base, from, &address);

	if (r)
		return r;
	if (socket->numbers[NUMBER_V6_ONLY] && inet_address_is_v4(&address) &&
		base->family == AF_INET6)
		return -EINVAL;
	if (socket->state != INET_FRESH)
		return -EINVAL;
	r = inet_bind(socket, &address);
	if (!r && !inet_is_stream(socket))
		inet_host_attach(socket);
	return r;
}

static int op_listen(struct socket *base, int backlog)
{
	struct inet_socket *socket = inet_of(base);
	int r;

	if (!inet_is_stream(socket))
		return -EOPNOTSUPP;
	r = inet_listen(socket, backlog);
	if (!r && socket->host_fd < 0)
		inet_host_attach(socket);
	return r;
}

/* connect(2) to nowhere: datagrams may again come from anywhere. */
static int disconnect(struct inet_socket *socket)
{
	if (!inet_is_stream(socket))
		return inet_datagram_disconnect(socket);
	return socket->state == INET_FRESH ? 0 : -EOPNOTSUPP;
}

static int connect_stream(struct inet_socket *socket, const struct inet_address *to, bool may_block)
{
	enum inet_route route = inet_route(to);
	int r;

	if (route != INET_INSIDE && route != INET_OUTSIDE)
		return route == INET_BROADCAST ? -EACCES : -ENETUNREACH;
	r = inet_bind_somewhere(socket);
	if (r)
		return r == -EAGAIN ? -EADDRNOTAVAIL : r;
	return route == INET_INSIDE ? inet_connect_inside(socket, to, may_block)
				    : inet_host_connect(socket, to, may_block);
}

static int connect_again(struct inet_socket *socket, bool may_block)
{
	return socket->host_fd >= 0 ? inet_host_connect_again(socket, may_block)
				    : inet_connect_again(socket, may_block);
}

static int op_connect(struct socket *base, const struct socket_address *from, bool may_block)
{
	struct inet_socket *socket = inet_of(base);
	struct inet_address to;
	int r;

	if (from->length < sizeof(from->family))
		return -EINVAL;
	if (from->family == AF_UNSPEC)
		return disconnect(socket);
	r = inet_address_read(base->family, from, &to);
	if (r)
		return r;
	if (socket->numbers[NUMBER_V6_ONLY] && inet_address_is_v4(&to) && base->family == AF_INET6)
		return -ENETUNREACH;
	if (!inet_is_stream(socket))
		return inet_datagram_connect(socket, &to);
	if (socket->is_known_connected || socket->state == INET_LISTENING)
		return -EISCONN;
	if (socket->state == INET_CONNECTING || socket->state == INET_CONNECTED)
		return connect_again(socket, may_block);
	/* An error of the attempt before is told first. */
	r = socket_take_error(base);
	return r ? r : connect_stream(socket, &to, may_block);
}

static int op_accept(struct socket *base, bool may_block, struct socket **ret_accepted)
{
	struct inet_socket *accepted;
	int r;

	if (!inet_is_stream(inet_of(base)))
		return -EOPNOTSUPP;
	r = inet_accept(inet_of(base), may_block, &accepted);
	if (!r)
		*ret_accepted = &accepted->base;
	return r;
}

static int op_name(struct socket *base, bool is_peer, struct socket_address *ret_address)
{
	struct inet_socket *socket = inet_of(base);
	struct inet_address address;
	bool has_peer;

	if (is_peer)
		inet_host_update(socket);
	lock_acquire(&base->lock);
	address = is_peer ? socket->remote : socket->local;
	has_peer = inet_is_stream(socket) ? socket->state == INET_CONNECTED : socket->remote.port;
	lock_release(&base->lock);
	if (is_peer && !has_peer)
		return -ENOTCONN;
	inet_address_write(base->family, &address, ret_address);
	return 0;
}

static int op_shutdown(struct socket *base, uint32_t what)
{
	struct inet_socket *socket = inet_of(base);

	if (inet_is_stream(socket)) {
		if (socket->state == INET_FRESH || socket->state == INET_RESET)
			return -ENOTCONN;
		if (socket->host_fd >= 0 && !socket->is_published)
			(void)!platform_host_shutdown(socket->host_fd, what);
		inet_stream_shutdown(socket, what);
		return 0;
	}
	lock_acquire(&base->lock);
	base->shut |= what;
	lock_release(&base->lock);
	wait_wake(&base->readable, SOCKET_READABLE | POLLRDHUP | POLLHUP);
	return socket->remote.port ? 0 : -ENOTCONN;
}

/* ---- Transfers, waiting, the end ---- */

static long op_send(struct socket *base, struct message *message, uint32_t flags)
{
	struct inet_socket *socket = inet_of(base);

	return inet_is_stream(socket) ? inet_stream_send(socket, message, flags)
				      : inet_datagram_send(socket, message, flags);
}

static long op_receive(struct socket *base, struct message *message, uint32_t flags)
{
	struct inet_socket *socket = inet_of(base);

	return inet_is_stream(socket) ? inet_stream_receive(socket, message, flags)
				      : inet_datagram_receive(socket, message, flags);
}

static uint32_t op_poll(struct socket *base, struct poll_table *table)
{
	struct inet_socket *socket = inet_of(base);
	bool is_host_stream =
		inet_is_stream(socket) && socket->host_fd >= 0 && socket->state != INET_LISTENING;
	uint32_t events;

	/* A connection through the host has no state but the host's. */
	if (is_host_stream)
		return inet_host_events(socket, table);
	poll_wait(table, &base->readable);
	poll_wait(table, &base->writable);
	events = inet_is_stream(socket) ? inet_stream_events(socket) : inet_datagram_events(socket);
	if (socket->host_fd >= 0)
		events |= inet_host_events(socket, table) & (SOCKET_READABLE | POLLERR);
	return events;
}

static void op_close(struct socket *base)
{
	struct inet_socket *socket = inet_of(base);

	inet_unbind(socket);
	if (inet_is_stream(socket)) {
		inet_stream_close(socket);
	} else {
		lock_acquire(&base->lock);
		socket->state = INET_CLOSED;
		lock_release(&base->lock);
	}
	inet_host_close(socket);
	socket_unref(base);
}

static void op_free(struct socket *base)
{
	struct inet_socket *socket = inet_of(base);

	inet_packets_free(&socket->packets);
	heap_free(socket->corked);
	heap_free(socket->groups);
	heap_free(socket->peers);
	heap_free(socket);
}

static const struct socket_ops inet_ops = {
	.bind = op_bind,
	.listen = op_listen,
	.connect = op_connect,
	.accept = op_accept,
	.name = op_name,
	.shutdown = op_shutdown,
	.send = op_send,
	.receive = op_receive,
	.set_option = inet_set_option,
	.get_option = inet_get_option,
	.poll = op_poll,
	.ioctl = inet_ioctl,
	.close = op_close,
	.free = op_free,
};

/* ---- New ones ---- */

struct inet_socket *inet_new(uint32_t family, uint32_t type)
{
	struct inet_socket *socket = heap_alloc(sizeof(*socket));

	if (!socket)
		return NULL;
	socket_init(&socket->base, &inet_ops, family, type);
	socket->base.protocol = type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
	if (type == SOCK_STREAM) {
		socket->base.send_size = INET_STREAM_SEND_SIZE;
		socket->base.receive_size = INET_STREAM_RECEIVE_SIZE;
	}
	if (family == AF_INET)
		socket->local = socket->remote = inet_address_v4(0, 0);
	socket->host_fd = -1;
	list_init(&socket->port_link);
	list_init(&socket->packets);
	list_init(&socket->pending);
	list_init(&socket->waiting);
	list_init(&socket->pending_link);
	inet_options_init(socket);
	return socket;
}

static int create(uint32_t family, uint32_t type, uint32_t protocol, struct socket **ret_socket)
{
	uint32_t usual = type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
	struct inet_socket *socket;

	if (protocol >= IPPROTO_MAX)
		return -EINVAL;
	if (type == SOCK_RAW && protocol)
		return -EPERM;
	if (type != SOCK_STREAM && type != SOCK_DGRAM)
		return type == SOCK_RAW ? -EPROTONOSUPPORT : -ESOCKTNOSUPPORT;
	if (protocol && protocol != usual)
		return -EPROTONOSUPPORT;
	socket = inet_new(family, type);
	if (!socket)
		return -ENOMEM;
	*ret_socket = &socket->base;
	return 0;
}

int inet_create(uint32_t type, uint32_t protocol, struct socket **ret_socket)
{
	return create(AF_INET, type, protocol, ret_socket);
}

int inet6_create(uint32_t type, uint32_t protocol, struct socket **ret_socket)
{
	return create(AF_INET6, type, protocol, ret_socket);
}
