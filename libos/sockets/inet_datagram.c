/* UDP sockets: udp(7). */
#include <asm/errno.h>
#include <asm/poll.h>
#include <asm/socket.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/sockets/inet.h"
#include "libos/sockets/inet_peers.h"
#include "libos/sockets/interfaces.h"

/* Who has sent something to a published port is outside, whatever else can be reached there. */
static enum inet_route route_of(struct inet_socket *socket, const struct inet_address *to)
{
	struct platform_host_endpoint endpoint;

	return inet_peers_find(socket, to, &endpoint) ? INET_OUTSIDE : inet_route(to);
}

static struct inet_address source_for(
	const struct inet_socket *socket, const struct inet_address *to)
{
	return inet_address_is_group(to) ? inet_groups_source(socket, to) : inet_source_for(to);
}

/* ---- Connecting: only a filter, and where to send to ---- */

int inet_datagram_connect(struct inet_socket *socket, const struct inet_address *to)
{
	enum inet_route route = route_of(socket, to);
	struct inet_address source = source_for(socket, to);
	int r;

	if (route == INET_BROADCAST && !socket_flag(&socket->base, SO_BROADCAST))
		return -EACCES;
	if (route != INET_INSIDE && route != INET_OUTSIDE && route != INET_MULTICAST)
		return -ENETUNREACH;
	r = inet_bind_somewhere(socket);
	if (!r && route == INET_OUTSIDE)
		r = inet_host_open_datagram(socket);
	if (r)
		return r;
	LOCK_SCOPE(&socket->base.lock);
	if (inet_address_is_any(&socket->local)) {
		source.port = socket->local.port;
		socket->local = source;
		socket->is_local_chosen = true;
	}
	socket->remote = *to;
	if (inet_address_is_any(to)) {
		socket->remote = inet_source_for(to);
		socket->remote.port = to->port;
	}
	socket->base.error = 0;
	return 0;
}

int inet_datagram_disconnect(struct inet_socket *socket)
{
	LOCK_SCOPE(&socket->base.lock);
	memset(&socket->remote, 0, sizeof(socket->remote));
	if (socket->is_local_chosen) {
		uint16_t port = socket->local.port;

		socket->local = socket->base.family == AF_INET ? inet_address_v4(0, port)
							       : (struct inet_address){{0}, port};
		socket->is_local_chosen = false;
	}
	return 0;
}

/* ---- Sending ---- */

static int packet_take(struct io *io, struct inet_packet **ret_packet)
{
	struct inet_packet *packet = heap_alloc(sizeof(*packet) + io->left);
	size_t size = io->left;

	if (!packet)
		return -ENOBUFS;
	if (io_take(io, packet->bytes, size) != (long)size) {
		heap_free(packet);
		return -EFAULT;
	}
	list_init(&packet->link);
	packet->size = (uint32_t)size;
	*ret_packet = packet;
	return 0;
}

static bool is_full(const struct inet_socket *receiver)
{
	return receiver->packet_count >= INET_DATAGRAM_COUNT_MAX ||
	       receiver->weight > receiver->base.receive_size;
}

/* A receiver that has no room, or wants nothing, loses it: that is UDP. */
static void deliver(struct inet_socket *receiver, struct inet_packet *packet)
{
	lock_acquire(&receiver->base.lock);
	if (receiver->state == INET_CLOSED || receiver->base.shut & SHUT_RECEIVE ||
		is_full(receiver)) {
		lock_release(&receiver->base.lock);
		heap_free(packet);
		return;
	}
	list_add_tail(&receiver->packets, &packet->link);
	receiver->packet_count++;
	receiver->weight += packet->size + (uint32_t)sizeof(*packet);
	lock_release(&receiver->base.lock);
	wait_wake_one(&receiver->base.readable, SOCKET_READABLE);
}

/* What ICMP tells a connected socket: nobody is there. */
static void bounce(struct inet_socket *socket)
{
	if (!socket->remote.port)
		return;
	__atomic_store_n(&socket->base.error, ECONNREFUSED, __ATOMIC_RELEASE);
	wait_wake(&socket->base.readable, SOCKET_READABLE | POLLERR);
}

static void send_inside(struct inet_socket *socket, struct inet_packet *packet)
{
	CLEANUP(inet_unrefp)
	struct inet_socket *receiver = inet_find(SOCK_DGRAM, &packet->to, &packet->from);

	if (receiver) {
		deliver(receiver, packet);
	} else {
		heap_free(packet);
		bounce(socket);
	}
}

static void deliver_copy(struct inet_socket *member, void *context)
{
	const struct inet_packet *packet = context;
	size_t size = sizeof(*packet) + packet->size;
	struct inet_packet *copy = heap_alloc(size);

	if (!copy)
		return;
	memcpy(copy, packet, size);
	list_init(&copy->link);
	deliver(member, copy);
}

/* What goes out through lo comes in there, whatever IP_MULTICAST_LOOP says. */
static void send_to_group(struct inet_socket *socket, struct inet_packet *packet)
{
	bool is_v4 = inet_address_is_v4(&packet->to);

	if (socket->group_interface == INTERFACE_LOOPBACK ||
		socket->numbers[is_v4 ? NUMBER_MULTICAST_LOOP : NUMBER_V6_MULTICAST_LOOP])
		inet_groups_each(socket, &packet->to, deliver_copy, packet);
}

static long send_outside(
	struct inet_socket *socket, const struct inet_packet *packet, uint32_t flags)
{
	int r = inet_host_open_datagram(socket);

	return r ? r
		 : inet_host_send_datagram(
			   socket, packet->bytes, packet->size, &packet->to, flags & ~MSG_MORE);
}

static int find_target(
	struct inet_socket *socket, const struct message *message, struct inet_address *ret_to)
{
	int r = 0;

	if (message->to.length)
		r = inet_address_read(socket->base.family, &message->to, ret_to);
	else if (socket->remote.port)
		*ret_to = socket->remote;
	else
		r = -EDESTADDRREQ;
	if (r)
		return r;
	if (!ret_to->port)
		return -EINVAL;
	if (socket->numbers[NUMBER_V6_ONLY] && inet_address_is_v4(ret_to))
		return -ENETUNREACH;
	if (inet_address_is_any(ret_to)) {
		uint16_t port = ret_to->port;

		*ret_to = inet_source_for(ret_to);
		ret_to->port = port;
	}
	return 0;
}

static int find_source(
	struct inet_socket *socket, const struct message *message, struct inet_packet *packet)
{
	packet->from = socket->local;
	if (inet_address_is_any(&packet->from) || inet_address_is_group(&packet->from)) {
		packet->from = source_for(socket, &packet->to);
		packet->from.port = socket->local.port;
	}
	return inet_controls_take(socket, message, &packet->to, &packet->from, &packet->marks);
}

/* Where @packet comes from and goes to, and whether it may. */
static int address_packet(
	struct inet_socket *socket, const struct message *message, struct inet_packet *packet)
{
	int r = find_target(socket, message, &packet->to);

	if (!r)
		r = inet_bind_somewhere(socket);
	if (!r && socket_shut(&socket->base) & SHUT_SEND)
		r = -EPIPE;
	if (!r && packet->size > INET_DATAGRAM_MAX)
		r = -EMSGSIZE;
	if (!r)
		r = socket_take_error(&socket->base);
	if (!r)
		r = find_source(socket, message, packet);
	if (r)
		return r;
	switch (route_of(socket, &packet->to)) {
	case INET_INSIDE:
	case INET_OUTSIDE:
	case INET_MULTICAST:
		return 0;
	case INET_BROADCAST:
		return socket_flag(&socket->base, SO_BROADCAST) ? -ENETUNREACH : -EACCES;
	default:
		return -ENETUNREACH;
	}
}

/* @packet is the caller's no more. */
static long send_packet(struct inet_socket *socket, struct inet_packet *packet, uint32_t flags)
{
	CLEANUP(heap_freep) struct inet_packet *kept = packet;

	switch (route_of(socket, &packet->to)) {
	case INET_OUTSIDE:
		return send_outside(socket, packet, flags);
	case INET_MULTICAST:
		send_to_group(socket, packet);
		return 0;
	default:
		send_inside(socket, TAKE(kept));
		return 0;
	}
}

/* ---- Corked: MSG_MORE and UDP_CORK make one datagram of several sends ---- */

/* *packet becomes @first and what it was itself. If it does not, both are dropped. */
static int join(struct inet_packet *first, struct inet_packet **packet)
{
	CLEANUP(heap_freep) struct inet_packet *head = first;
	struct inet_packet *tail = *packet, *both;
	uint32_t size = head->size + tail->size;

	if (size > INET_DATAGRAM_MAX)
		return -EMSGSIZE;
	both = heap_alloc(sizeof(*both) + size);
	if (!both)
		return -ENOBUFS;
	memcpy(both, head, sizeof(*both) + head->size);
	memcpy(both->bytes + head->size, tail->bytes, tail->size);
	list_init(&both->link);
	both->size = size;
	heap_free(tail);
	*packet = both;
	return 0;
}

/* @r: what is wrong with *packet's own address. What is corked has one already. *packet stays the
 * caller's if it is to be sent now, and becomes NULL if it is kept. */
static int cork(struct inet_socket *socket, struct inet_packet **packet, int r, bool is_more)
{
	LOCK_SCOPE(&socket->base.lock);
	if (socket->corked)
		r = join(TAKE(socket->corked), packet);
	if (!r && is_more && socket->state != INET_CLOSED)
		socket->corked = TAKE(*packet);
	return r;
}

void inet_datagram_uncork(struct inet_socket *socket)
{
	struct inet_packet *packet;

	lock_acquire(&socket->base.lock);
	packet = TAKE(socket->corked);
	lock_release(&socket->base.lock);
	/* As udp(7): nobody is told of an error. */
	if (packet)
		(void)!send_packet(socket, packet, 0);
}

long inet_datagram_send(struct inet_socket *socket, struct message *message, uint32_t flags)
{
	bool is_more = flags & MSG_MORE || socket->numbers[NUMBER_UDP_CORK];
	CLEANUP(heap_freep) struct inet_packet *packet = NULL;
	size_t size = message->io.left;
	long r;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (size > UINT16_MAX)
		return -EMSGSIZE;
	r = packet_take(&message->io, &packet);
	if (r)
		return r;
	r = cork(socket, &packet, address_packet(socket, message, packet), is_more);
	if (!r && packet)
		r = send_packet(socket, TAKE(packet), flags);
	return r < 0 ? r : (long)size;
}

/* ---- Receiving ---- */

static bool may_receive(struct socket *base)
{
	LOCK_SCOPE(&base->lock);
	return !list_is_empty(&inet_of(base)->packets) || base->shut & SHUT_RECEIVE || base->error;
}

/* The first datagram: in the queue if @peek and it came from inside, else the caller's. */
static int take_packet(
	struct inet_socket *socket, bool peek, struct inet_packet **ret_packet, bool *ret_is_queued)
{
	struct inet_packet *packet = NULL;
	int r;

	lock_acquire(&socket->base.lock);
	if (!list_is_empty(&socket->packets)) {
		packet = LIST_FIRST(&socket->packets, struct inet_packet, link);
		if (!peek) {
			list_remove(&packet->link);
			socket->packet_count--;
			socket->weight -= packet->size + (uint32_t)sizeof(*packet);
		}
	}
	lock_release(&socket->base.lock);
	*ret_is_queued = packet && peek;
	*ret_packet = packet;
	if (packet)
		return 0;
	r = socket_take_error(&socket->base);
	if (r)
		return r;
	if (socket_shut(&socket->base) & SHUT_RECEIVE)
		return 1;
	return socket->host_fd >= 0 ? inet_host_receive_datagram(socket, peek, ret_packet)
				    : -EAGAIN;
}

/* receive_lock is held, but for the sleep. */
static int wait_for_packet(struct inet_socket *socket, uint32_t flags,
	struct inet_packet **ret_packet, bool *ret_is_queued)
{
	int r = take_packet(socket, flags & MSG_PEEK, ret_packet, ret_is_queued);

	while (r == -EAGAIN && !(flags & MSG_DONTWAIT)) {
		lock_release(&socket->base.receive_lock);
		r = inet_host_wait(socket, &socket->base.readable, POLLIN, may_receive,
			socket->base.receive_timeout_ns);
		lock_acquire(&socket->base.receive_lock);
		if (r)
			break;
		r = take_packet(socket, flags & MSG_PEEK, ret_packet, ret_is_queued);
	}
	return r;
}

static long give_packet(struct inet_socket *socket, struct message *message,
	const struct inet_packet *packet, uint32_t flags)
{
	long n = io_put(&message->io, packet->bytes, MIN(message->io.left, (size_t)packet->size));

	if (n < 0)
		return n;
	if (message->wants_from)
		inet_address_write(socket->base.family, &packet->from, &message->from);
	inet_controls_give(socket, packet, message);
	if ((size_t)n < packet->size)
		message->flags |= MSG_TRUNC;
	return flags & MSG_TRUNC ? (long)packet->size : n;
}

long inet_datagram_receive(struct inet_socket *socket, struct message *message, uint32_t flags)
{
	struct inet_packet *packet;
	bool is_queued = false;
	long r;

	if (flags & MSG_ERRQUEUE)
		return -EAGAIN;
	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	LOCK_SCOPE(&socket->base.receive_lock);
	r = wait_for_packet(socket, flags, &packet, &is_queued);
	if (r)
		return MIN(r, 0L);
	r = give_packet(socket, message, packet, flags);
	if (!is_queued)
		heap_free(packet);
	return r;
}

uint32_t inet_datagram_events(struct inet_socket *socket)
{
	uint32_t events = SOCKET_WRITABLE;

	LOCK_SCOPE(&socket->base.lock);
	if (!list_is_empty(&socket->packets))
		events |= SOCKET_READABLE;
	if (socket->base.shut & SHUT_RECEIVE)
		events |= SOCKET_READABLE | POLLRDHUP;
	if (socket->base.shut == (SHUT_RECEIVE | SHUT_SEND))
		events |= POLLHUP;
	if (socket->base.error)
		events |= POLLERR;
	return events;
}
