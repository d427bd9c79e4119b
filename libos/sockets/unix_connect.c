/* How AF_UNIX sockets find each other: socketpair, listen, connect, accept, shutdown. */
#include <asm/errno.h>
#include <asm/poll.h>

#include "libos/core/heap.h"
#include "libos/sockets/constants.h"
#include "libos/sockets/unix.h"

/* Whoever joins two sockets, and so holds two locks, holds this. */
static struct lock connect_lock;

void unix_pair(struct unix_socket *a, struct unix_socket *b)
{
	a->credentials = a->peer_credentials = socket_credentials_now();
	b->credentials = b->peer_credentials = a->credentials;
	a->peer = unix_socket_ref(b);
	b->peer = unix_socket_ref(a);
	if (!unix_is_datagram(a))
		a->state = b->state = UNIX_CONNECTED;
}

int unix_listen(struct unix_socket *socket, int backlog)
{
	LOCK_SCOPE(&socket->base.lock);
	if (unix_is_datagram(socket))
		return -EOPNOTSUPP;
	if (!socket->name || (socket->state != UNIX_FRESH && socket->state != UNIX_LISTENING))
		return -EINVAL;
	socket->state = UNIX_LISTENING;
	socket->backlog =
		(uint32_t)backlog > SOCKET_BACKLOG_MAX ? SOCKET_BACKLOG_MAX : (uint32_t)backlog;
	socket->credentials = socket_credentials_now();
	return 0;
}

/* ---- Datagrams: connecting only says where to send ---- */

static int connect_datagram(struct unix_socket *socket, struct unix_socket *peer)
{
	struct unix_socket *old;
	bool is_free;

	if (peer) {
		lock_acquire(&peer->base.lock);
		is_free = !peer->peer || peer->peer == socket;
		lock_release(&peer->base.lock);
		if (!is_free)
			return -EPERM;
		unix_socket_ref(peer);
	}
	lock_acquire(&socket->base.lock);
	old = socket->peer;
	socket->peer = peer;
	lock_release(&socket->base.lock);
	unix_socket_unref(old);
	return 0;
}

/* ---- Connections ---- */

/* The end that accept(2) will return. */
static struct unix_socket *accepted_new(struct unix_socket *client, struct unix_socket *listener)
{
	struct unix_socket *socket = unix_socket_new(client->base.type);

	if (!socket)
		return NULL;
	socket->state = UNIX_CONNECTED;
	socket->peer = unix_socket_ref(client);
	socket->name = unix_name_ref(listener->name);
	socket->credentials = listener->credentials;
	socket->peer_credentials = socket_credentials_now();
	return socket;
}

/* All three locks are held. */
static int join(struct unix_socket *client, struct unix_socket *listener)
{
	struct unix_socket *accepted;

	if (client->state != UNIX_FRESH)
		return client->state == UNIX_CONNECTED ? -EISCONN : -EINVAL;
	if (listener->state != UNIX_LISTENING || listener->base.shut & SHUT_RECEIVE)
		return -ECONNREFUSED;
	if (listener->pending_count > listener->backlog)
		return -EAGAIN;
	if (unix_check_scope(listener))
		return -EPERM;
	accepted = accepted_new(client, listener);
	if (!accepted)
		return -ENOMEM;
	client->state = UNIX_CONNECTED;
	client->peer = unix_socket_ref(accepted);
	client->credentials = accepted->peer_credentials;
	client->peer_credentials = listener->credentials;
	list_add_tail(&listener->pending, &accepted->pending_link);
	listener->pending_count++;
	return 0;
}

static int try_connect(struct unix_socket *client, struct unix_socket *listener)
{
	int r;

	if (client == listener)
		return client->state == UNIX_LISTENING ? -EINVAL : -ECONNREFUSED;
	lock_acquire(&connect_lock);
	lock_acquire(&listener->base.lock);
	lock_acquire(&client->base.lock);
	r = join(client, listener);
	lock_release(&client->base.lock);
	lock_release(&listener->base.lock);
	lock_release(&connect_lock);
	if (!r)
		wait_wake(&listener->base.readable, SOCKET_READABLE);
	return r;
}

static bool has_place(struct socket *socket)
{
	struct unix_socket *listener = unix_of(socket);

	LOCK_SCOPE(&listener->base.lock);
	return listener->state != UNIX_LISTENING || listener->base.shut & SHUT_RECEIVE ||
	       listener->pending_count <= listener->backlog;
}

static int connect_stream(
	struct unix_socket *socket, const struct socket_address *address, bool may_block)
{
	int r;

	do {
		CLEANUP(unix_socket_unrefp) struct unix_socket *listener = NULL;

		r = unix_find(address, socket->base.type, &listener);
		if (r)
			return r;
		r = try_connect(socket, listener);
		if (r != -EAGAIN || !may_block)
			return r;
		r = socket_wait(&listener->base, &listener->base.writable, has_place,
			socket->base.send_timeout_ns);
	} while (!r);
	return r;
}

int unix_connect(struct unix_socket *socket, const struct socket_address *address, bool may_block)
{
	CLEANUP(unix_socket_unrefp) struct unix_socket *peer = NULL;
	int r;

	if (!unix_is_datagram(socket))
		return connect_stream(socket, address, may_block);
	if (address->family == 0 /* AF_UNSPEC */)
		return connect_datagram(socket, NULL);
	r = unix_find(address, socket->base.type, &peer);
	r = r ? r : unix_check_scope(peer);
	return r ? r : connect_datagram(socket, peer);
}

static struct unix_socket *take_pending(struct unix_socket *socket)
{
	struct unix_socket *accepted;

	LOCK_SCOPE(&socket->base.lock);
	if (list_is_empty(&socket->pending))
		return NULL;
	accepted = LIST_FIRST(&socket->pending, struct unix_socket, pending_link);
	list_remove(&accepted->pending_link);
	socket->pending_count--;
	return accepted;
}

static bool may_accept(struct socket *base)
{
	struct unix_socket *socket = unix_of(base);

	LOCK_SCOPE(&socket->base.lock);
	return !list_is_empty(&socket->pending) || socket->base.shut & SHUT_RECEIVE;
}

int unix_accept(struct unix_socket *socket, bool may_block, struct unix_socket **ret_accepted)
{
	int r;

	if (unix_is_datagram(socket))
		return -EOPNOTSUPP;
	if (__atomic_load_n(&socket->state, __ATOMIC_ACQUIRE) != UNIX_LISTENING)
		return -EINVAL;
	while (!(*ret_accepted = take_pending(socket))) {
		if (__atomic_load_n(&socket->base.shut, __ATOMIC_ACQUIRE) & SHUT_RECEIVE)
			return -EINVAL;
		if (!may_block)
			return -EAGAIN;
		r = socket_wait(&socket->base, &socket->base.readable, may_accept,
			socket->base.receive_timeout_ns);
		if (r)
			return r;
	}
	wait_wake(&socket->base.writable, SOCKET_WRITABLE);
	return 0;
}

static void shut(struct unix_socket *socket, uint32_t what)
{
	lock_acquire(&socket->base.lock);
	socket->base.shut |= what;
	lock_release(&socket->base.lock);
	wait_wake(&socket->base.readable, SOCKET_READABLE | POLLRDHUP | POLLHUP);
	wait_wake(&socket->base.writable, SOCKET_WRITABLE | POLLHUP);
}

int unix_shutdown(struct unix_socket *socket, uint32_t what)
{
	CLEANUP(unix_socket_unrefp) struct unix_socket *peer = NULL;

	shut(socket, what);
	peer = unix_socket_peer(socket);
	/* What one end does not send the other does not receive. */
	if (peer && !unix_is_datagram(socket))
		shut(peer, (what & SHUT_RECEIVE ? SHUT_SEND : 0) |
				   (what & SHUT_SEND ? SHUT_RECEIVE : 0));
	return 0;
}
