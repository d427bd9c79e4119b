/* Internet sockets that have one of the host's behind them. */
#include <asm/errno.h>
#include <asm/poll.h>
#include <asm/socket.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/log.h"
#include "libos/files/epoll.h"
#include "libos/files/pipe.h"
#include "libos/files/poll.h"
#include "libos/processes/process.h"
#include "libos/signals/signal.h"
#include "libos/sockets/inet.h"
#include "libos/sockets/inet_peers.h"
#include "libos/time/timespec.h"

#define PUBLISHED_MAX 64U
#define SMALL_SIZE 1024UL
#define BUFFER_SIZE 65536UL
#define BUFFER_COUNT 16U /* kept for the next one */
#define HOST_FLAGS (MSG_OOB | MSG_PEEK | MSG_MORE)

/* ---- Published ports: written at boot, then only read ---- */

struct published {
	uint32_t type;
	uint16_t port;
	int host_fd;
};
static struct published published[PUBLISHED_MAX];
static uint32_t published_count;

int inet_publish(uint32_t type, uint16_t port, int host_fd)
{
	if (published_count == PUBLISHED_MAX)
		return -ENOSPC;
	published[published_count++] = (struct published){type, port, host_fd};
	return 0;
}

static int find_published(uint32_t type, uint16_t port)
{
	for (uint32_t i = 0; i < published_count; i++)
		if (published[i].type == type && published[i].port == port)
			return published[i].host_fd;
	return -1;
}

/* What waited in epolls for the socket waits for the host from now on. */
static void host_appears(struct inet_socket *socket, int host_fd)
{
	__atomic_store_n(&socket->host_fd, host_fd, __ATOMIC_RELEASE);
	if (socket->base.file)
		epoll_file_changed(socket->base.file);
	wait_wake(&socket->base.readable, 0);
}

void inet_host_attach(struct inet_socket *socket)
{
	bool is_reachable =
		inet_address_is_any(&socket->local) ||
		(inet_address_is_v4(&socket->local) && inet_address_ip(&socket->local) == INET_OWN);
	int host_fd = is_reachable ? find_published(socket->base.type, socket->local.port) : -1;

	if (host_fd < 0)
		return;
	socket->is_published = true;
	host_appears(socket, host_fd);
}

/* ---- Buffers that the host may read and write ---- */

static struct {
	struct lock lock;
	uint32_t count;
	void *buffers[BUFFER_COUNT];
} spare;

struct host_buffer {
	uint8_t *bytes;
	size_t size;
	bool is_large;
	uint8_t small[SMALL_SIZE];
};

static uint8_t *buffer_take(void)
{
	lock_acquire(&spare.lock);
	if (spare.count) {
		uint8_t *buffer = spare.buffers[--spare.count];

		lock_release(&spare.lock);
		return buffer;
	}
	lock_release(&spare.lock);
	return pool_alloc(BUFFER_SIZE);
}

static void buffer_init(struct host_buffer *buffer, size_t wanted)
{
	buffer->bytes = wanted > SMALL_SIZE ? buffer_take() : NULL;
	buffer->is_large = buffer->bytes;
	buffer->size = MIN(wanted, buffer->is_large ? BUFFER_SIZE : SMALL_SIZE);
	if (!buffer->is_large)
		buffer->bytes = buffer->small;
}

static void buffer_done(struct host_buffer *buffer)
{
	if (!buffer->is_large)
		return;
	lock_acquire(&spare.lock);
	if (spare.count < BUFFER_COUNT) {
		spare.buffers[spare.count++] = buffer->bytes;
		buffer->bytes = NULL;
	}
	lock_release(&spare.lock);
	if (buffer->bytes)
		pool_free(buffer->bytes, BUFFER_SIZE);
}

/* ---- Waiting ---- */

uint32_t inet_host_events(struct inet_socket *socket, struct poll_table *table)
{
	struct platform_host_poll poll = {.host_fd = socket->host_fd,
		.events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM | POLLWRNORM};

	if (poll_wait_host_socket(table, socket->host_fd, !socket->is_published))
		return 0;
	return platform_host_poll(&poll, 1, 0) > 0 ? poll.ready : 0;
}

int inet_host_wait(struct inet_socket *socket, struct wait_queue *queue, uint32_t events,
	bool (*is_ready)(struct socket *socket), uint64_t timeout_ns)
{
	uint64_t deadline = WAIT_FOREVER;
	struct waiter waiter;
	int r = 0;

	if (timeout_ns)
		deadline = deadline_after(platform_monotonic_ns(), timeout_ns);
	waiter_init(&waiter);
	wait_add(queue, &waiter);
	while (!r && !(is_ready && is_ready(&socket->base))) {
		struct platform_host_poll poll = {
			.host_fd = socket->host_fd, .events = (uint16_t)events};

		r = wait_sleep_host(&poll, socket->host_fd >= 0, deadline);
		if (poll.ready)
			break;
	}
	wait_remove(&waiter);
	return socket_wait_result(r, timeout_ns);
}

/* What an unsuccessful transfer means. 0: try again. */
static long transfer_failed(struct inet_socket *socket, long error, uint32_t flags, uint32_t events,
	uint64_t timeout_ns)
{
	if (error == -EINTR && !signal_is_pending(thread_current()))
		return -ERESTARTNOINTR; /* other work on the way out of the LibOS */
	if (error == -EINTR)
		return timeout_ns ? -EINTR : -ERESTARTSYS;
	if (error != -EAGAIN || flags & MSG_DONTWAIT)
		return error;
	return inet_host_wait(socket,
		events == POLLIN ? &socket->base.readable : &socket->base.writable, events, NULL,
		timeout_ns);
}

/* ---- Connecting ---- */

static void drop(struct inet_socket *socket)
{
	int host_fd = socket->host_fd;

	socket->host_fd = -1;
	socket->state = INET_FRESH;
	socket->remote.port = 0;
	platform_host_close(host_fd);
}

static int settle(struct inet_socket *socket)
{
	int32_t error = 0;
	int r = platform_host_option_get(socket->host_fd, SOL_SOCKET, SO_ERROR, &error);

	if (!r && error)
		r = error > 0 && error < 4096 ? -error : -EIO;
	if (!r)
		r = platform_host_is_connected(socket->host_fd);
	if (r) {
		drop(socket);
		return r == -ENOTCONN ? -ECONNABORTED : r;
	}
	socket->state = INET_CONNECTED;
	socket->is_known_connected = true;
	return 0;
}

int inet_host_connect_again(struct inet_socket *socket, bool may_block)
{
	struct platform_host_poll poll = {.host_fd = socket->host_fd, .events = POLLOUT};
	int r;

	if (platform_host_poll(&poll, 1, 0) <= 0) {
		if (!may_block)
			return -EALREADY;
		r = inet_host_wait(socket, &socket->base.writable, POLLOUT, NULL,
			socket->base.send_timeout_ns);
		if (r)
			return r == -EAGAIN ? -EINPROGRESS : r;
	}
	return settle(socket);
}

void inet_host_update(struct inet_socket *socket)
{
	LOCK_SCOPE(&socket->base.lock);
	if (socket->state == INET_CONNECTING && socket->host_fd >= 0 &&
		!platform_host_is_connected(socket->host_fd))
		socket->state = INET_CONNECTED;
}

int inet_host_connect(struct inet_socket *socket, const struct inet_address *to, bool may_block)
{
	struct inet_address source = inet_address_v4(INET_OWN, socket->local.port);
	struct platform_host_endpoint endpoint;
	int host_fd = platform_host_socket(true), r;

	if (host_fd < 0)
		return host_fd;
	inet_address_to_host(to, &endpoint);
	socket->local = source;
	socket->remote = *to;
	socket->base.shut = 0;
	socket->state = INET_CONNECTING;
	host_appears(socket, host_fd);
	inet_options_apply(socket);
	r = platform_host_connect(host_fd, &endpoint);
	if (r == -EINPROGRESS)
		return may_block ? inet_host_connect_again(socket, true) : r;
	if (r) {
		drop(socket);
		return r;
	}
	return settle(socket);
}

/* ---- Accepting ---- */

static struct inet_socket *accepted_new(
	const struct inet_socket *listener, int host_fd, const struct platform_host_endpoint *peer)
{
	struct inet_socket *socket = inet_new(listener->base.family, SOCK_STREAM);

	if (!socket)
		return NULL;
	socket->host_fd = host_fd;
	socket->state = INET_CONNECTED;
	socket->is_known_connected = true;
	socket->local = inet_address_v4(INET_OWN, listener->local.port);
	socket->remote = inet_address_from_host(peer);
	/* An IPv4 socket has no way to say who it is. */
	if (listener->base.family == AF_INET && !inet_address_is_v4(&socket->remote))
		socket->remote = inet_address_v4(INET_GATEWAY, socket->remote.port);
	socket->base.send_timeout_ns = listener->base.send_timeout_ns;
	socket->base.receive_timeout_ns = listener->base.receive_timeout_ns;
	socket->base.linger_seconds = listener->base.linger_seconds;
	memcpy(socket->numbers, listener->numbers, sizeof(socket->numbers));
	return socket;
}

int inet_host_accept(struct inet_socket *listener, struct inet_socket **ret_accepted)
{
	struct platform_host_endpoint peer;
	struct inet_socket *socket;
	int host_fd = platform_host_accept(listener->host_fd, &peer);

	if (host_fd < 0)
		return host_fd;
	socket = accepted_new(listener, host_fd, &peer);
	if (!socket) {
		platform_host_close(host_fd);
		return -ENOMEM;
	}
	inet_share_port(socket, listener);
	*ret_accepted = socket;
	return 0;
}

/* ---- Streams ---- */

static long send_once(struct inet_socket *socket, const void *bytes, size_t size, uint32_t flags)
{
	uint64_t timeout_ns = socket->base.send_timeout_ns;
	uint32_t host_flags =
		(flags & HOST_FLAGS) | (flags & MSG_DONTWAIT || timeout_ns ? MSG_DONTWAIT : 0);
	long r;

	do {
		r = platform_host_send(socket->host_fd, bytes, size, host_flags, NULL);
		if (r >= 0)
			return r;
		r = transfer_failed(socket, r, flags, POLLOUT, timeout_ns);
	} while (!r);
	return r;
}

/* All of it, unless that would block or fails. */
static long send_bytes(
	struct inet_socket *socket, const uint8_t *bytes, size_t size, uint32_t flags)
{
	size_t done = 0;
	long r = 0;

	while (done < size) {
		r = send_once(socket, bytes + done, size - done, flags);
		if (r <= 0)
			break;
		done += (size_t)r;
	}
	return done ? (long)done : r;
}

/* The LibOS's own memory needs no copy. */
static long send_kernel(struct inet_socket *socket, struct io *io, uint32_t flags)
{
	long r = send_bytes(socket, (const uint8_t *)io->first.base, io->first.size, flags);

	if (r > 0) {
		io->first.base += (uint64_t)r;
		io->first.size -= (size_t)r;
		io->left -= (size_t)r;
	}
	return r;
}

static long send_user(struct inet_socket *socket, struct io *io, uint32_t flags)
{
	struct host_buffer buffer;
	long done = 0, r = 0, taken;

	buffer_init(&buffer, io->left);
	while (io->left) {
		taken = io_take(io, buffer.bytes, MIN(io->left, buffer.size));
		r = taken > 0 ? send_bytes(socket, buffer.bytes, (size_t)taken,
					flags | (io->left ? MSG_MORE : 0))
			      : taken;
		if (r > 0)
			done += r;
		if (r <= 0 || r < taken)
			break;
	}
	buffer_done(&buffer);
	return done ? done : r;
}

long inet_host_send(struct inet_socket *socket, struct io *io, uint32_t flags)
{
	long r;

	if (io->kernel && io->count == 1)
		r = send_kernel(socket, io, flags);
	else
		r = send_user(socket, io, flags);
	if (r == -EPIPE && !(flags & MSG_NOSIGNAL))
		return pipe_broken();
	return r;
}

static long receive_once(struct inet_socket *socket, void *bytes, size_t size, uint32_t flags)
{
	uint64_t timeout_ns = socket->base.receive_timeout_ns;
	uint32_t host_flags =
		(flags & HOST_FLAGS) | (flags & MSG_DONTWAIT || timeout_ns ? MSG_DONTWAIT : 0);
	long r;

	do {
		r = platform_host_receive(socket->host_fd, bytes, size, host_flags, NULL);
		if (r >= 0)
			return r;
		r = transfer_failed(socket, r, flags, POLLIN, timeout_ns);
	} while (!r);
	return r;
}

long inet_host_receive(struct inet_socket *socket, struct io *io, uint32_t flags)
{
	struct host_buffer buffer;
	long done = 0, r = 0;

	buffer_init(&buffer, io->left);
	do {
		r = receive_once(socket, buffer.bytes, MIN(io->left, buffer.size), flags);
		if (r <= 0)
			break;
		if (flags & MSG_TRUNC)
			io->left -= (size_t)r;
		else
			r = io_put(io, buffer.bytes, (size_t)r);
		if (r <= 0)
			break;
		done += r;
	} while (io->left && flags & MSG_WAITALL && !(flags & (MSG_PEEK | MSG_DONTWAIT)));
	buffer_done(&buffer);
	return done ? done : r;
}

/* ---- Datagrams ---- */

int inet_host_open_datagram(struct inet_socket *socket)
{
	int host_fd;

	if (socket->host_fd >= 0)
		return 0;
	host_fd = platform_host_socket(false);
	if (host_fd < 0)
		return host_fd;
	lock_acquire(&socket->base.lock);
	if (socket->host_fd >= 0) {
		lock_release(&socket->base.lock);
		platform_host_close(host_fd);
		return 0;
	}
	lock_release(&socket->base.lock);
	host_appears(socket, host_fd);
	inet_options_apply(socket);
	return 0;
}

static void endpoint_of(struct inet_socket *socket, const struct inet_address *address,
	struct platform_host_endpoint *ret_endpoint)
{
	if (!inet_peers_find(socket, address, ret_endpoint))
		inet_address_to_host(address, ret_endpoint);
}

long inet_host_send_datagram(struct inet_socket *socket, const void *bytes, size_t size,
	const struct inet_address *to, uint32_t flags)
{
	struct platform_host_endpoint endpoint;
	long r;

	endpoint_of(socket, to, &endpoint);
	do {
		r = platform_host_send(
			socket->host_fd, bytes, size, flags & MSG_DONTWAIT, &endpoint);
		if (r >= 0)
			return (size_t)r == size ? r : -EIO;
		r = transfer_failed(socket, r, flags, POLLOUT, socket->base.send_timeout_ns);
	} while (!r);
	return r;
}

/* The host's socket is not connected, for it may send to others: a connected one of ours hears its
 * peer alone (udp(7)). */
static bool is_stranger(struct inet_socket *socket, const struct platform_host_endpoint *from)
{
	struct platform_host_endpoint peer;

	if (!socket->remote.port)
		return false;
	endpoint_of(socket, &socket->remote, &peer);
	return peer.port != from->port || memcmp(peer.address, from->address, sizeof(peer.address));
}

/* The next datagram that is for @socket; those of strangers are lost. */
static long receive_known(struct inet_socket *socket, struct host_buffer *buffer, bool peek,
	struct platform_host_endpoint *ret_from)
{
	for (unsigned int i = 0; i < INET_DATAGRAM_COUNT_MAX; i++) {
		long n = platform_host_receive(socket->host_fd, buffer->bytes, buffer->size,
			MSG_DONTWAIT | (peek ? MSG_PEEK : 0U), ret_from);

		if (n < 0 || !is_stranger(socket, ret_from))
			return n;
		if (peek)
			(void)!platform_host_receive(socket->host_fd, buffer->bytes, buffer->size,
				MSG_DONTWAIT, ret_from);
	}
	return -EAGAIN;
}

int inet_host_receive_datagram(
	struct inet_socket *socket, bool peek, struct inet_packet **ret_packet)
{
	struct platform_host_endpoint from;
	struct inet_packet *packet;
	struct host_buffer buffer;
	int r = -ENOMEM;
	long n;

	buffer_init(&buffer, BUFFER_SIZE);
	n = receive_known(socket, &buffer, peek, &from);
	packet = n >= 0 ? heap_alloc(sizeof(*packet) + (size_t)n) : NULL;
	if (packet) {
		memcpy(packet->bytes, buffer.bytes, (size_t)n);
		list_init(&packet->link);
		packet->size = (uint32_t)n;
		packet->from = socket->remote.port ? socket->remote : inet_address_from_host(&from);
		packet->to = inet_address_v4(INET_OWN, socket->local.port);
		packet->marks = (struct inet_marks){INET_HOPS, 0};
		if (socket->base.family == AF_INET && !inet_address_is_v4(&packet->from))
			packet->from = inet_address_v4(INET_GATEWAY, packet->from.port);
		inet_peers_add(socket, &packet->from, &from);
		*ret_packet = packet;
		r = 0;
	}
	buffer_done(&buffer);
	return n < 0 ? (n == -EINTR ? -EAGAIN : (int)n) : r;
}

void inet_host_close(struct inet_socket *socket)
{
	if (socket->host_fd >= 0 && !socket->is_published)
		platform_host_close(socket->host_fd);
	socket->host_fd = -1;
}
