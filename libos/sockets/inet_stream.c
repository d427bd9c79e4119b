/* How TCP sockets of one enclave find each other: listen, connect, accept, shutdown, close. */
#include <asm/errno.h>
#include <asm/poll.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/sockets/inet.h"

/* ---- The other end hears of what happens to this one ---- */

static void wake_all(struct inet_socket *socket, uint32_t events)
{
	wait_wake(&socket->base.readable, SOCKET_READABLE | POLLRDHUP | events);
	wait_wake(&socket->base.writable, SOCKET_WRITABLE | events);
}

/* It sends no more; and, @is_gone, receives no more either. */
static void finish(struct inet_socket *socket, bool is_gone)
{
	lock_acquire(&socket->base.lock);
	socket->is_peer_done = true;
	socket->is_peer_gone |= is_gone;
	lock_release(&socket->base.lock);
	wake_all(socket, is_gone ? POLLHUP : 0);
}

/* What was sent is lost: RST. */
static void reset(struct inet_socket *socket, int error)
{
	lock_acquire(&socket->base.lock);
	if (socket->state == INET_CONNECTED) {
		socket->state = INET_RESET;
		socket->base.error = socket->is_peer_done ? EPIPE : error;
		socket->base.shut = SHUT_RECEIVE | SHUT_SEND;
		socket->is_peer_gone = true;
	}
	lock_release(&socket->base.lock);
	wake_all(socket, POLLHUP | POLLERR);
}

/* connect(2) did not get anywhere. The lock is held. */
static void fail_connect(struct inet_socket *socket, int error)
{
	socket->state = INET_FRESH;
	socket->remote.port = 0;
	socket->base.error = error;
	socket->base.shut = SHUT_RECEIVE | SHUT_SEND;
}

/* ---- Joining ---- */

static struct inet_socket *accepted_new(
	const struct inet_socket *listener, struct inet_socket *client)
{
	struct inet_socket *socket = inet_new(listener->base.family, SOCK_STREAM);

	if (!socket)
		return NULL;
	socket->state = INET_CONNECTED;
	socket->is_known_connected = true;
	socket->local = client->remote;
	socket->remote = client->local;
	socket->peer = inet_ref(client);
	socket->base.send_size = listener->base.send_size;
	socket->base.receive_size = listener->base.receive_size;
	socket->base.linger_seconds = listener->base.linger_seconds;
	socket->base.send_timeout_ns = listener->base.send_timeout_ns;
	socket->base.receive_timeout_ns = listener->base.receive_timeout_ns;
	socket->has_own_buffer = listener->has_own_buffer;
	socket->has_own_send_buffer = listener->has_own_send_buffer;
	memcpy(socket->numbers, listener->numbers, sizeof(socket->numbers));
	return socket;
}

static bool has_place(const struct inet_socket *listener)
{
	return listener->pending_count <= listener->backlog;
}

/* Both are locked, and there is a place. */
static int join(struct inet_socket *listener, struct inet_socket *client)
{
	struct inet_socket *accepted = accepted_new(listener, client);

	if (!accepted)
		return -ENOMEM;
	client->peer = inet_ref(accepted);
	client->state = INET_CONNECTED;
	list_add_tail(&listener->pending, &accepted->pending_link);
	listener->pending_count++;
	return 0;
}

/* Those who wait come in turn while there is place. The listener is locked. */
static void admit_waiting(struct inet_socket *listener)
{
	while (!list_is_empty(&listener->waiting) && has_place(listener)) {
		struct inet_socket *client =
			LIST_FIRST(&listener->waiting, struct inet_socket, pending_link);

		lock_acquire(&client->base.lock);
		list_remove(&client->pending_link);
		if (join(listener, client))
			fail_connect(client, ENOMEM);
		lock_release(&client->base.lock);
		wait_wake(&client->base.writable, SOCKET_WRITABLE);
	}
}

static int knock(struct inet_socket *listener, struct inet_socket *client)
{
	int r = 0;

	LOCK_SCOPE(&listener->base.lock);
	LOCK_SCOPE(&client->base.lock);
	if (listener->state != INET_LISTENING)
		return -ECONNREFUSED;
	client->state = INET_CONNECTING;
	if (has_place(listener)) {
		r = join(listener, client);
	} else {
		client->listener = inet_ref(listener);
		list_add_tail(&listener->waiting, &client->pending_link);
	}
	return r;
}

static int try_connect(struct inet_socket *socket)
{
	CLEANUP(inet_unrefp)
	struct inet_socket *listener = inet_find(SOCK_STREAM, &socket->remote, &socket->local);
	int r = listener && listener != socket ? knock(listener, socket) : -ECONNREFUSED;

	if (!r) {
		wait_wake_one(&listener->base.readable, SOCKET_READABLE);
		return 0;
	}
	LOCK_SCOPE(&socket->base.lock);
	fail_connect(socket, -r);
	return r;
}

static bool is_decided(struct socket *socket)
{
	return __atomic_load_n(&inet_of(socket)->state, __ATOMIC_ACQUIRE) != INET_CONNECTING;
}

int inet_connect_again(struct inet_socket *socket, bool may_block)
{
	int r = 0;

	if (!is_decided(&socket->base) && !may_block)
		return -EALREADY;
	if (!is_decided(&socket->base))
		r = socket_wait(&socket->base, &socket->base.writable, is_decided,
			socket->base.send_timeout_ns);
	if (r)
		return r == -EAGAIN ? -EINPROGRESS : r;
	r = socket_take_error(&socket->base);
	socket->is_known_connected = socket->state == INET_CONNECTED;
	if (!r && !socket->is_known_connected)
		r = -ECONNABORTED;
	return r;
}

int inet_connect_inside(struct inet_socket *socket, const struct inet_address *to, bool may_block)
{
	struct inet_address source = inet_source_for(to);

	lock_acquire(&socket->base.lock);
	if (inet_address_is_any(&socket->local)) {
		source.port = socket->local.port;
		socket->local = source;
	}
	socket->remote = *to;
	if (inet_address_is_any(to)) {
		socket->remote = inet_source_for(to);
		socket->remote.port = to->port;
	}
	socket->base.shut = 0;
	lock_release(&socket->base.lock);
	(void)!try_connect(socket);
	/* As Linux: what does not block learns of the end later. */
	return may_block ? inet_connect_again(socket, true) : -EINPROGRESS;
}

/* ---- Listening ---- */

int inet_listen(struct inet_socket *socket, int backlog)
{
	int r = inet_bind_somewhere(socket);

	if (!r && socket->state != INET_LISTENING)
		r = inet_may_listen(socket);
	if (r)
		return r;
	LOCK_SCOPE(&socket->base.lock);
	if (socket->state != INET_FRESH && socket->state != INET_LISTENING)
		return -EINVAL;
	socket->state = INET_LISTENING;
	socket->base.shut = 0;
	socket->backlog =
		(uint32_t)backlog > SOCKET_BACKLOG_MAX ? SOCKET_BACKLOG_MAX : (uint32_t)backlog;
	return 0;
}

static struct inet_socket *take_pending(struct inet_socket *socket)
{
	struct inet_socket *accepted;

	LOCK_SCOPE(&socket->base.lock);
	if (list_is_empty(&socket->pending))
		return NULL;
	accepted = LIST_FIRST(&socket->pending, struct inet_socket, pending_link);
	list_remove(&accepted->pending_link);
	socket->pending_count--;
	admit_waiting(socket);
	return accepted;
}

static bool may_accept(struct socket *base)
{
	struct inet_socket *socket = inet_of(base);

	LOCK_SCOPE(&base->lock);
	return !list_is_empty(&socket->pending) || socket->state != INET_LISTENING;
}

static int accept_one(struct inet_socket *socket, struct inet_socket **ret_accepted)
{
	struct inet_socket *accepted;

	if (__atomic_load_n(&socket->state, __ATOMIC_ACQUIRE) != INET_LISTENING)
		return -EINVAL;
	accepted = take_pending(socket);
	if (accepted) {
		inet_share_port(accepted, socket);
		*ret_accepted = accepted;
		return 0;
	}
	return socket->host_fd >= 0 ? inet_host_accept(socket, ret_accepted) : -EAGAIN;
}

int inet_accept(struct inet_socket *socket, bool may_block, struct inet_socket **ret_accepted)
{
	int r = accept_one(socket, ret_accepted);

	while (r == -EAGAIN && may_block) {
		r = inet_host_wait(socket, &socket->base.readable, POLLIN, may_accept,
			socket->base.receive_timeout_ns);
		if (r)
			break;
		r = accept_one(socket, ret_accepted);
	}
	return r;
}

/* Nobody will accept them any more. */
static void refuse_all(struct inet_socket *socket)
{
	struct list pending = LIST_INIT(pending);
	struct inet_socket *other, *next;

	lock_acquire(&socket->base.lock);
	socket->state = socket->state == INET_CLOSED ? INET_CLOSED : INET_FRESH;
	list_splice_tail(&pending, &socket->pending);
	socket->pending_count = 0;
	LIST_FOR_EACH_SAFE (other, next, &socket->waiting, pending_link) {
		lock_acquire(&other->base.lock);
		list_remove(&other->pending_link);
		fail_connect(other, ECONNREFUSED);
		lock_release(&other->base.lock);
		wake_all(other, POLLERR | POLLHUP);
	}
	lock_release(&socket->base.lock);
	LIST_FOR_EACH_SAFE (other, next, &pending, pending_link) {
		list_remove(&other->pending_link);
		reset(other->peer, ECONNRESET);
		other->base.ops->close(&other->base);
	}
	wake_all(socket, POLLHUP);
}

/* ---- The end ---- */

void inet_stream_shutdown(struct inet_socket *socket, uint32_t what)
{
	if (socket->state == INET_LISTENING) {
		if (what & SHUT_RECEIVE)
			refuse_all(socket);
		return;
	}
	lock_acquire(&socket->base.lock);
	socket->base.shut |= what;
	lock_release(&socket->base.lock);
	wake_all(socket, POLLHUP);
	if (socket->peer && what & SHUT_SEND)
		finish(socket->peer, false);
}

/* A connection that waits for its place is given up. */
static void leave_backlog(struct inet_socket *socket)
{
	struct inet_socket *listener = socket->listener;

	if (!listener)
		return;
	lock_acquire(&listener->base.lock);
	lock_acquire(&socket->base.lock);
	list_remove(&socket->pending_link);
	lock_release(&socket->base.lock);
	lock_release(&listener->base.lock);
	socket->listener = NULL;
	inet_unref(listener);
}

void inet_stream_close(struct inet_socket *socket)
{
	bool was_listening = socket->state == INET_LISTENING, is_lost;
	struct list packets = LIST_INIT(packets);
	struct inet_socket *peer;

	leave_backlog(socket);
	lock_acquire(&socket->base.lock);
	socket->state = INET_CLOSED;
	is_lost = !list_is_empty(&socket->packets) || socket->base.linger_seconds == 0;
	list_splice_tail(&packets, &socket->packets);
	socket->weight = 0;
	peer = socket->peer;
	socket->peer = NULL;
	lock_release(&socket->base.lock);
	if (was_listening)
		refuse_all(socket);
	if (peer && is_lost)
		reset(peer, ECONNRESET);
	else if (peer)
		finish(peer, true);
	inet_unref(peer);
	inet_packets_free(&packets);
}
