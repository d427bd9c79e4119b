/* Sending and receiving on AF_UNIX sockets. */
#include <asm/errno.h>
#include <asm/poll.h>

#include "base/memory.h"
#include "libos/files/pipe.h"
#include "libos/signals/signal.h"
#include "libos/sockets/constants.h"
#include "libos/sockets/message.h"
#include "libos/sockets/unix.h"
#include "libos/time/timespec.h"
#include "platform/platform.h"

/* With its header no more than the heap keeps for quick reuse. */
#define STREAM_PACKET_SIZE (32768U - (uint32_t)sizeof(struct packet))

bool unix_has_room(const struct unix_socket *sender, const struct unix_socket *receiver)
{
	return receiver->weight < sender->base.send_size &&
	       (!unix_is_datagram(receiver) || receiver->packet_count < DATAGRAM_COUNT_MAX);
}

bool unix_is_roomy(const struct unix_socket *sender, const struct unix_socket *receiver)
{
	if (unix_is_datagram(receiver))
		return unix_has_room(sender, receiver);
	return receiver->weight <= sender->base.send_size / 4;
}

uint32_t unix_bytes(struct unix_socket *socket)
{
	struct packet *packet;
	uint32_t bytes = 0;

	LOCK_SCOPE(&socket->base.lock);
	LIST_FOR_EACH (packet, &socket->packets, link) {
		bytes += packet->size - packet->taken;
		if (unix_is_datagram(socket))
			break;
	}
	return bytes;
}

/* ---- Sending ---- */

/* -EAGAIN: no room now. On success the packet is the receiver's. */
static int try_send(struct unix_socket *sender, struct unix_socket *receiver, struct packet *packet)
{
	LOCK_SCOPE(&receiver->base.lock);
	if (receiver->state == UNIX_CLOSED)
		return unix_is_datagram(sender) ? -ECONNREFUSED : -EPIPE;
	if (receiver->base.shut & SHUT_RECEIVE)
		return -EPIPE;
	if (unix_is_datagram(sender) && receiver->peer && receiver->peer != sender)
		return -EPERM;
	if (!unix_has_room(sender, receiver))
		return -EAGAIN;
	list_add_tail(&receiver->packets, &packet->link);
	receiver->packet_count++;
	receiver->weight += packet_weight(packet);
	return 0;
}

/* What a sender waits for: where he is the peer, his own queue is woken, else the receiver's. */
struct sending {
	struct unix_socket *sender, *receiver;
	bool may_block;
};

static bool may_send(const struct sending *sending)
{
	struct unix_socket *receiver = sending->receiver;

	if (__atomic_load_n(&sending->sender->base.shut, __ATOMIC_ACQUIRE) & SHUT_SEND)
		return true;
	LOCK_SCOPE(&receiver->base.lock);
	return receiver->state == UNIX_CLOSED || receiver->base.shut & SHUT_RECEIVE ||
	       unix_has_room(sending->sender, receiver);
}

static int wait_for_room(const struct sending *sending)
{
	uint64_t timeout_ns = sending->sender->base.send_timeout_ns, deadline = WAIT_FOREVER;
	struct waiter own, other;
	int r = 0;

	if (timeout_ns)
		deadline = deadline_after(platform_monotonic_ns(), timeout_ns);
	waiter_init(&own);
	waiter_init(&other);
	wait_add(&sending->sender->base.writable, &own);
	wait_add(&sending->receiver->base.writable, &other);
	while (!r && !may_send(sending))
		r = wait_sleep(deadline);
	wait_remove(&own);
	wait_remove(&other);
	return socket_wait_result(r, timeout_ns);
}

/* The packet is taken over on success. */
static int send_packet(const struct sending *sending, struct packet *packet)
{
	int r;

	do {
		if (__atomic_load_n(&sending->sender->base.shut, __ATOMIC_ACQUIRE) & SHUT_SEND)
			return -EPIPE;
		r = try_send(sending->sender, sending->receiver, packet);
		if (r == -EAGAIN && sending->may_block) {
			r = wait_for_room(sending);
			if (!r)
				r = -EAGAIN;
			else
				return r;
		} else {
			break;
		}
	} while (r == -EAGAIN);
	if (!r)
		wait_wake(&sending->receiver->base.readable, SOCKET_READABLE);
	return r;
}

static struct unix_name *name_of(struct unix_socket *socket)
{
	LOCK_SCOPE(&socket->base.lock);
	return unix_name_ref(socket->name);
}

/* @size bytes, and with them what else the message holds. */
static long send_piece(const struct sending *sending, struct message *message, uint32_t size)
{
	struct packet *packet;
	int r = packet_new(&message->io, size, &packet);

	if (r)
		return r;
	if (message->has_credentials)
		packet->credentials = message->credentials;
	packet->files = TAKE(message->files);
	packet->name = name_of(sending->sender);
	r = send_packet(sending, packet);
	if (r) {
		packet_free(packet);
		return r;
	}
	return (long)size;
}

static long send_stream(const struct sending *sending, struct message *message)
{
	long done = 0, r = 0;

	while (message->io.left && r >= 0) {
		r = send_piece(sending, message,
			(uint32_t)MIN(message->io.left, (size_t)STREAM_PACKET_SIZE));
		if (r > 0)
			done += r;
	}
	return done ? done : r;
}

static long send_whole(const struct sending *sending, struct message *message)
{
	if (message->io.left > sending->sender->base.send_size - 32)
		return -EMSGSIZE;
	return send_piece(sending, message, (uint32_t)message->io.left);
}

/* To whom it says; a connection may be older than what restricts the caller. */
static int find_named(struct unix_socket *socket, const struct socket_address *to,
	struct unix_socket **ret_receiver)
{
	CLEANUP(unix_socket_unrefp) struct unix_socket *receiver = NULL;
	int r = unix_find(to, socket->base.type, &receiver);

	if (!r && receiver != __atomic_load_n(&socket->peer, __ATOMIC_ACQUIRE))
		r = unix_check_scope(receiver);
	if (!r)
		*ret_receiver = TAKE(receiver);
	return r;
}

/* Where it goes: referenced. */
static int find_receiver(struct unix_socket *socket, const struct message *message,
	struct unix_socket **ret_receiver)
{
	bool is_connected = socket->state == UNIX_CONNECTED;

	if (unix_is_datagram(socket) && message->to.length)
		return find_named(socket, &message->to, ret_receiver);
	if (socket->base.type == SOCK_STREAM && message->to.length)
		return is_connected ? -EISCONN : -EOPNOTSUPP;
	if (!unix_is_datagram(socket) && !is_connected)
		return -ENOTCONN;
	*ret_receiver = unix_socket_peer(socket);
	return *ret_receiver ? 0 : -ENOTCONN;
}

/* A connected datagram socket whose peer is gone is not connected any more. */
static void forget_peer(struct unix_socket *socket, struct unix_socket *peer)
{
	lock_acquire(&socket->base.lock);
	if (socket->peer == peer)
		socket->peer = NULL;
	else
		peer = NULL;
	lock_release(&socket->base.lock);
	unix_socket_unref(peer);
}

long unix_send(struct unix_socket *socket, struct message *message, uint32_t flags)
{
	CLEANUP(unix_socket_unrefp) struct unix_socket *receiver = NULL;
	struct sending sending = {socket, NULL, !(flags & MSG_DONTWAIT)};
	long r;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	r = find_receiver(socket, message, &receiver);
	if (r)
		return r;
	sending.receiver = receiver;
	if (socket->base.type != SOCK_STREAM) {
		r = send_whole(&sending, message);
		if (r == -ECONNREFUSED)
			forget_peer(socket, receiver);
		return r;
	}
	r = send_stream(&sending, message);
	if (r == -EPIPE && !(flags & MSG_NOSIGNAL))
		return pipe_broken();
	return r;
}

/* ---- Receiving ---- */

static bool may_receive(struct socket *base)
{
	struct unix_socket *socket = unix_of(base);

	LOCK_SCOPE(&socket->base.lock);
	return !list_is_empty(&socket->packets) || socket->base.shut & SHUT_RECEIVE ||
	       socket->base.error;
}

/* The packet after @previous, or the first one. receive_lock is held, so it stays. */
static struct packet *packet_after(struct unix_socket *socket, struct packet *previous)
{
	struct list *next;

	LOCK_SCOPE(&socket->base.lock);
	next = previous ? previous->link.next : socket->packets.next;
	return next == &socket->packets ? NULL : LIST_ENTRY(next, struct packet, link);
}

static void packet_remove(struct unix_socket *socket, struct packet *packet)
{
	CLEANUP(unix_socket_unrefp) struct unix_socket *peer = NULL;
	bool wakes;

	lock_acquire(&socket->base.lock);
	list_remove(&packet->link);
	socket->packet_count--;
	socket->weight -= packet_weight(packet);
	peer = socket->peer ? unix_socket_ref(socket->peer) : NULL;
	wakes = !peer || unix_is_roomy(peer, socket);
	lock_release(&socket->base.lock);
	packet_free(packet);
	if (!wakes)
		return;
	wait_wake(&socket->base.writable, SOCKET_WRITABLE);
	if (peer)
		wait_wake(&peer->base.writable, SOCKET_WRITABLE);
}

static int take_extras(
	struct unix_socket *socket, struct message *message, struct packet *packet, bool peek)
{
	message->credentials = packet->credentials;
	message->has_credentials = socket->pass_credentials;
	if (message->wants_from && packet->name)
		unix_name_address(packet->name, &message->from);
	if (!packet->files)
		return 0;
	message->files = peek ? passed_files_copy(packet->files) : TAKE(packet->files);
	return message->files ? 0 : -ENOMEM;
}

/* Wait with the lock free for the first packet: 1, 0 at the end, or -errno. */
static int first_packet(struct unix_socket *socket, bool may_block, struct packet **ret_packet)
{
	int r;

	while (!(*ret_packet = packet_after(socket, NULL))) {
		r = socket_take_error(&socket->base);
		if (r)
			return r;
		if (__atomic_load_n(&socket->base.shut, __ATOMIC_ACQUIRE) & SHUT_RECEIVE) {
			*ret_packet = packet_after(socket, NULL);
			return *ret_packet ? 1 : 0;
		}
		if (!may_block)
			return -EAGAIN;
		lock_release(&socket->base.receive_lock);
		r = socket_wait(&socket->base, &socket->base.readable, may_receive,
			socket->base.receive_timeout_ns);
		lock_acquire(&socket->base.receive_lock);
		if (r)
			return r;
	}
	return 1;
}

/* receive_lock held, as by receive_stream */
static long receive_whole(struct unix_socket *socket, struct message *message, uint32_t flags)
{
	struct packet *packet;
	long n, r = first_packet(socket, !(flags & MSG_DONTWAIT), &packet);

	if (r <= 0)
		return r;
	n = io_put(&message->io, packet->bytes, MIN(message->io.left, (size_t)packet->size));
	if (n < 0)
		return n;
	r = take_extras(socket, message, packet, flags & MSG_PEEK);
	if (r)
		return r;
	if ((size_t)n < packet->size)
		message->flags |= MSG_TRUNC;
	if (socket->base.type == SOCK_SEQPACKET)
		message->flags |= MSG_EOR;
	r = flags & MSG_TRUNC ? (long)packet->size : n;
	if (!(flags & MSG_PEEK))
		packet_remove(socket, packet);
	return r;
}

/* Does what comes with @packet keep it apart from what has been received? */
static bool stands_apart(const struct unix_socket *socket, const struct message *message,
	const struct packet *packet)
{
	return message->files ||
	       (socket->pass_credentials && memcmp(&message->credentials, &packet->credentials,
						    sizeof(packet->credentials)));
}

/* Bytes of one packet. */
static long receive_piece(
	struct unix_socket *socket, struct message *message, struct packet *packet, bool peek)
{
	size_t size = MIN(message->io.left, (size_t)(packet->size - packet->taken));
	long n = io_put(&message->io, packet->bytes + packet->taken, size);
	int r;

	if (n < 0)
		return n;
	r = take_extras(socket, message, packet, peek);
	if (r)
		return r;
	if (peek)
		return n;
	packet->taken += (uint32_t)n;
	if (packet->taken == packet->size)
		packet_remove(socket, packet);
	return n;
}

static long receive_stream(struct unix_socket *socket, struct message *message, uint32_t flags)
{
	bool peek = flags & MSG_PEEK, may_block = !(flags & MSG_DONTWAIT);
	struct packet *packet = NULL;
	long done = 0, r = 0;

	while (message->io.left) {
		packet = packet_after(socket, peek ? packet : NULL);
		if (packet && done && stands_apart(socket, message, packet))
			break;
		if (!packet && done && (peek || !(flags & MSG_WAITALL)))
			break;
		if (!packet)
			r = first_packet(socket, may_block, &packet);
		/* It came while the lock was free for the wait. */
		if (r > 0 && done && stands_apart(socket, message, packet))
			break;
		if (!packet)
			break;
		r = receive_piece(socket, message, packet, peek);
		if (r < 0)
			break;
		done += r;
	}
	return done ? done : r;
}

long unix_receive(struct unix_socket *socket, struct message *message, uint32_t flags)
{
	long r;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (socket->base.type == SOCK_STREAM && socket->state != UNIX_CONNECTED)
		return -EINVAL;
	if (socket->base.type == SOCK_SEQPACKET && socket->state != UNIX_CONNECTED)
		return -ENOTCONN;
	lock_acquire(&socket->base.receive_lock);
	r = socket->base.type == SOCK_STREAM ? receive_stream(socket, message, flags)
					     : receive_whole(socket, message, flags);
	lock_release(&socket->base.receive_lock);
	return r;
}
