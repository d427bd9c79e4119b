/* Bytes between TCP sockets of one enclave. */
#include <asm/errno.h>
#include <asm/poll.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/pipe.h"
#include "libos/signals/signal.h"
#include "libos/sockets/inet.h"

void inet_packets_free(struct list *packets)
{
	struct inet_packet *packet, *next;

	LIST_FOR_EACH_SAFE (packet, next, packets, link) {
		list_remove(&packet->link);
		heap_free(packet);
	}
}

/* How much may be on its way from @sender to @receiver. */
static uint32_t room_of(const struct inet_socket *sender, const struct inet_socket *receiver)
{
	if (sender->has_own_send_buffer || receiver->has_own_buffer)
		return sender->base.send_size + receiver->base.receive_size;
	return INET_STREAM_ROOM;
}

/* poll(2) calls it writable when a third is free, as tcp_poll() does; receiver's lock held. */
static bool has_room(struct inet_socket *sender, struct inet_socket *receiver)
{
	uint32_t room = room_of(sender, receiver);

	if (receiver->weight <= room - room / 3)
		return true;
	receiver->wants_room = true;
	return false;
}

/* ---- Sending ---- */

/* -EAGAIN: no room now. On success the packet is the receiver's. */
static int give(struct inet_socket *socket, struct inet_packet *packet)
{
	struct inet_socket *peer = socket->peer;

	LOCK_SCOPE(&peer->base.lock);
	if (peer->state == INET_CLOSED) {
		heap_free(packet);
		return 0;
	}
	if (peer->weight >= room_of(socket, peer)) {
		peer->wants_room = true;
		return -EAGAIN;
	}
	list_add_tail(&peer->packets, &packet->link);
	peer->weight += packet->size;
	return 0;
}

static bool may_send(struct socket *base)
{
	struct inet_socket *socket = inet_of(base);

	if (socket_shut(base) & SHUT_SEND || base->error || socket->is_peer_gone)
		return true;
	LOCK_SCOPE(&socket->peer->base.lock);
	return has_room(socket, socket->peer);
}

/* The end that is gone answers the first thing that it gets with a reset. */
static bool is_into_the_void(struct inet_socket *socket)
{
	LOCK_SCOPE(&socket->base.lock);
	if (!socket->is_peer_gone || socket->state != INET_CONNECTED)
		return false;
	socket->state = INET_RESET;
	socket->base.error = EPIPE;
	socket->base.shut = SHUT_RECEIVE | SHUT_SEND;
	return true;
}

static int check_sender(struct inet_socket *socket)
{
	int r = socket_take_error(&socket->base);

	if (r)
		return r;
	return socket_shut(&socket->base) & SHUT_SEND ? -EPIPE : 0;
}

static int send_packet(struct inet_socket *socket, struct inet_packet *packet, uint32_t flags)
{
	int r;

	for (;;) {
		r = check_sender(socket);
		if (r)
			return r;
		if (is_into_the_void(socket)) {
			heap_free(packet);
			wait_wake(&socket->base.readable, SOCKET_READABLE | POLLERR | POLLHUP);
			return 0;
		}
		r = give(socket, packet);
		if (r != -EAGAIN || flags & MSG_DONTWAIT)
			break;
		r = socket_wait(&socket->base, &socket->base.writable, may_send,
			socket->base.send_timeout_ns);
		if (r)
			return r;
	}
	if (!r)
		wait_wake(&socket->peer->base.readable, SOCKET_READABLE);
	return r;
}

static int packet_take(struct io *io, uint32_t size, struct inet_packet **ret_packet)
{
	struct inet_packet *packet = heap_alloc_uncleared(sizeof(*packet) + size);

	if (!packet)
		return -ENOMEM;
	*packet = (struct inet_packet){0};
	if (io_take(io, packet->bytes, size) != (long)size) {
		heap_free(packet);
		return -EFAULT;
	}
	list_init(&packet->link);
	packet->size = size;
	*ret_packet = packet;
	return 0;
}

static long send_piece(struct inet_socket *socket, struct io *io, uint32_t size, uint32_t flags)
{
	struct inet_packet *packet;
	int r = packet_take(io, size, &packet);

	if (r)
		return r;
	r = send_packet(socket, packet, flags);
	if (r) {
		heap_free(packet);
		return r;
	}
	return (long)size;
}

/* The byte that recv(2) with MSG_OOB gets; what was not fetched before is lost. */
static int send_urgent(struct inet_socket *socket, struct io *io)
{
	struct inet_socket *peer = socket->peer;
	uint8_t byte;

	if (io_take(io, &byte, 1) != 1)
		return -EFAULT;
	lock_acquire(&peer->base.lock);
	peer->urgent = byte;
	peer->has_urgent = true;
	lock_release(&peer->base.lock);
	wait_wake(&peer->base.readable, POLLPRI);
	return 0;
}

static int wait_connected(struct inet_socket *socket, uint32_t flags)
{
	if (socket->state != INET_CONNECTING)
		return 0;
	return flags & MSG_DONTWAIT ? -EAGAIN : inet_connect_again(socket, true);
}

static long send_all(struct inet_socket *socket, struct io *io, uint32_t flags)
{
	size_t urgent = flags & MSG_OOB && io->left;
	long done = 0, r = 0;

	while (io->left > urgent && r >= 0) {
		r = send_piece(socket, io, (uint32_t)MIN(io->left - urgent, (size_t)INET_PIECE_MAX),
			flags);
		if (r > 0)
			done += r;
	}
	if (r >= 0 && urgent) {
		r = send_urgent(socket, io);
		done += r == 0;
	}
	return done ? done : r;
}

long inet_stream_send(struct inet_socket *socket, struct message *message, uint32_t flags)
{
	long r;

	if (flags & MSG_FASTOPEN)
		return -EOPNOTSUPP;
	if (socket->host_fd >= 0 && socket->state != INET_LISTENING)
		return inet_host_send(socket, &message->io, flags);
	r = wait_connected(socket, flags);
	if (!r && socket->state != INET_CONNECTED && socket->state != INET_RESET)
		r = -EPIPE;
	if (!r)
		r = send_all(socket, &message->io, flags);
	if (r == -EPIPE && !(flags & MSG_NOSIGNAL))
		return pipe_broken();
	if (r > 0)
		socket->bytes_sent += (uint64_t)r;
	return r;
}

/* ---- Receiving ---- */

static bool may_receive(struct socket *base)
{
	struct inet_socket *socket = inet_of(base);

	LOCK_SCOPE(&base->lock);
	return !list_is_empty(&socket->packets) || base->shut & SHUT_RECEIVE ||
	       socket->is_peer_done || base->error;
}

/* receive_lock is held, so what it returns stays. */
static struct inet_packet *packet_after(struct inet_socket *socket, struct inet_packet *previous)
{
	struct list *next;

	LOCK_SCOPE(&socket->base.lock);
	next = previous ? previous->link.next : socket->packets.next;
	return next == &socket->packets ? NULL : LIST_ENTRY(next, struct inet_packet, link);
}

static void consume(struct inet_socket *socket, struct inet_packet *packet, uint32_t size)
{
	struct inet_packet *empty = NULL;
	bool wake = false;

	lock_acquire(&socket->base.lock);
	packet->taken += size;
	socket->weight -= MIN(size, socket->weight);
	socket->bytes_received += size;
	if (packet->taken == packet->size) {
		list_remove(&packet->link);
		empty = packet;
	}
	if (socket->wants_room && socket->peer && has_room(socket->peer, socket)) {
		socket->wants_room = false;
		wake = true;
	}
	lock_release(&socket->base.lock);
	heap_free(empty);
	if (wake)
		wait_wake(&socket->peer->base.writable, SOCKET_WRITABLE);
}

/* Nothing is there: 0 at the end of the stream, 1 look again, or -errno. */
static int wait_for_bytes(struct inet_socket *socket, uint32_t flags)
{
	int r = socket_take_error(&socket->base);

	if (r == -EPIPE && socket->is_peer_done)
		r = 0;
	if (r)
		return r;
	if (may_receive(&socket->base))
		return packet_after(socket, NULL) ? 1 : 0;
	if (flags & MSG_DONTWAIT)
		return -EAGAIN;
	lock_release(&socket->base.receive_lock);
	r = socket_wait(&socket->base, &socket->base.readable, may_receive,
		socket->base.receive_timeout_ns);
	lock_acquire(&socket->base.receive_lock);
	return r ? r : 1;
}

/* Bytes of @packet, to the program or, with MSG_TRUNC, to nobody. */
static long take_bytes(
	struct inet_socket *socket, struct io *io, struct inet_packet *packet, uint32_t flags)
{
	size_t size = MIN(io->left, (size_t)(packet->size - packet->taken));
	long n = (long)size;

	if (flags & MSG_TRUNC)
		io->left -= size;
	else
		n = io_put(io, packet->bytes + packet->taken, size);
	if (n > 0 && !(flags & MSG_PEEK))
		consume(socket, packet, (uint32_t)n);
	return n;
}

static long receive_bytes(struct inet_socket *socket, struct io *io, uint32_t flags)
{
	bool peek = flags & MSG_PEEK;
	struct inet_packet *packet = NULL;
	long done = 0, r = 0;

	while (io->left) {
		packet = packet_after(socket, peek ? packet : NULL);
		if (packet) {
			r = take_bytes(socket, io, packet, flags);
			if (r <= 0)
				break;
			done += r;
			continue;
		}
		if (done && (peek || !(flags & MSG_WAITALL)))
			break;
		r = wait_for_bytes(socket, flags);
		if (r <= 0)
			break;
	}
	return done ? done : r;
}

static long receive_urgent(struct inet_socket *socket, struct message *message, uint32_t flags)
{
	uint8_t byte;
	bool has;

	lock_acquire(&socket->base.lock);
	has = socket->has_urgent;
	byte = socket->urgent;
	if (!(flags & MSG_PEEK))
		socket->has_urgent = false;
	lock_release(&socket->base.lock);
	if (!has)
		return -EINVAL;
	message->flags |= MSG_OOB;
	return message->io.left ? io_put(&message->io, &byte, 1) : 0;
}

long inet_stream_receive(struct inet_socket *socket, struct message *message, uint32_t flags)
{
	long r;

	if (flags & MSG_ERRQUEUE)
		return -EAGAIN;
	if (socket->host_fd >= 0 && socket->state != INET_LISTENING)
		return inet_host_receive(socket, &message->io, flags);
	r = wait_connected(socket, flags);
	if (r)
		return r;
	if (socket->state != INET_CONNECTED && socket->state != INET_RESET) {
		r = socket_take_error(&socket->base);
		return r ? r : -ENOTCONN;
	}
	if (flags & MSG_OOB)
		return receive_urgent(socket, message, flags);
	lock_acquire(&socket->base.receive_lock);
	/* For nothing one waits, too. */
	if (!message->io.left && !packet_after(socket, NULL))
		r = wait_for_bytes(socket, flags);
	if (r >= 0)
		r = receive_bytes(socket, &message->io, flags);
	lock_release(&socket->base.receive_lock);
	return r;
}

/* ---- Waiting ---- */

static bool is_writable(struct inet_socket *socket)
{
	if (!socket->peer)
		return true;
	LOCK_SCOPE(&socket->peer->base.lock);
	return socket->peer->state == INET_CLOSED || has_room(socket, socket->peer);
}

static uint32_t connected_events(struct inet_socket *socket)
{
	bool is_done = socket->is_peer_done || socket->base.shut & SHUT_RECEIVE;
	bool is_shut = socket->base.shut & SHUT_SEND;
	uint32_t events = 0;

	if (!list_is_empty(&socket->packets) || is_done)
		events |= SOCKET_READABLE;
	if (is_done)
		events |= POLLRDHUP;
	if ((is_done && is_shut) || socket->state == INET_RESET)
		events |= POLLHUP;
	if (socket->has_urgent)
		events |= POLLPRI;
	return events | (is_shut ? SOCKET_WRITABLE : 0);
}

uint32_t inet_stream_events(struct inet_socket *socket)
{
	uint32_t events = 0;
	bool is_connected;

	lock_acquire(&socket->base.lock);
	is_connected = socket->state == INET_CONNECTED || socket->state == INET_RESET;
	if (is_connected)
		events = connected_events(socket);
	else if (socket->state == INET_LISTENING)
		events = list_is_empty(&socket->pending) ? 0 : SOCKET_READABLE;
	else if (socket->state == INET_FRESH)
		events = SOCKET_WRITABLE | POLLHUP |
			 (socket->base.shut ? SOCKET_READABLE | POLLRDHUP : 0);
	if (socket->base.error)
		events |= POLLERR;
	lock_release(&socket->base.lock);
	if (is_connected && !(events & SOCKET_WRITABLE) && is_writable(socket))
		events |= SOCKET_WRITABLE;
	return events;
}
