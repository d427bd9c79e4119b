/* AF_UNIX sockets: unix(7). They never leave the enclave.
 *
 * A socket holds what was sent to it. Two connected sockets refer to each other; the reference goes
 * with the socket's file, so a socket outlives its file only as long as its peer may ask for its
 * name or wait for it.
 *
 * Locks, outer first: receive_lock, mm->lock (a copy may fault), bound_lock or connect_lock, a
 * listening socket's lock, another socket's lock, wait queues. Nobody but connect(2) holds the
 * locks of two sockets. */
#ifndef LIBOS_SOCKETS_UNIX_H
#define LIBOS_SOCKETS_UNIX_H

#include "libos/sockets/packet.h"
#include "libos/sockets/socket.h"

struct inode;
struct message;

#define DATAGRAM_COUNT_MAX 512U /* waiting in one socket */

enum unix_state { UNIX_FRESH, UNIX_LISTENING, UNIX_CONNECTED, UNIX_CLOSED };

struct unix_socket {
	struct socket base; /* its lock guards all below; the first packet is the receiver's */
	enum unix_state state;
	struct unix_socket *peer; /* referenced; a datagram socket's is where it sends to */
	struct list packets;
	uint32_t packet_count, weight; /* of all packets */
	struct list pending;           /* listening: connections not accepted yet */
	struct list pending_link;
	uint32_t pending_count, backlog;

	struct unix_name *name; /* referenced; NULL: not bound */
	struct inode *inode;    /* referenced; the name is its */
	struct list bound_link; /* bound_lock */

	struct socket_credentials credentials, peer_credentials;
	bool pass_credentials;
	struct landlock_domain *landlock; /* referenced; of who made it; NULL: none */
};

static inline struct unix_socket *unix_of(struct socket *socket)
{
	return CONTAINER_OF(socket, struct unix_socket, base);
}

static inline bool unix_is_datagram(const struct unix_socket *socket)
{
	return socket->base.type == SOCK_DGRAM;
}

struct unix_socket *unix_socket_new(uint32_t type); /* NULL: no memory */
struct unix_socket *unix_socket_ref(struct unix_socket *socket);
void unix_socket_unref(struct unix_socket *socket); /* NULL is fine */
static inline void unix_socket_unrefp(struct unix_socket **socket)
{
	unix_socket_unref(*socket);
}
/* What close(2) does; the caller's reference is taken over. */
void unix_socket_close(struct unix_socket *socket);
/* Peers as they are now: referenced, or NULL. */
struct unix_socket *unix_socket_peer(struct unix_socket *socket);

/* Addresses: -EINVAL if they make no sense. */
MUST_CHECK int unix_bind(struct unix_socket *socket, const struct socket_address *address);
/* As programs see it; @name may be NULL: unnamed. */
void unix_name_address(const struct unix_name *name, struct socket_address *ret_address);
/* Each socket with a name, and that stays while @visit runs. */
void unix_each_bound(void (*visit)(struct unix_socket *socket, void *context), void *context);
void unix_unbind(struct unix_socket *socket);
/* Who is bound to it: referenced. -ECONNREFUSED, -EACCES, -EPROTOTYPE, errors of the path walk. */
MUST_CHECK int unix_find(
	const struct socket_address *address, uint32_t type, struct unix_socket **ret_socket);

/* May the calling thread reach @socket by its name: 0 or -EPERM, landlock(7). */
MUST_CHECK int unix_check_scope(const struct unix_socket *socket);

void unix_pair(struct unix_socket *a, struct unix_socket *b);
MUST_CHECK int unix_listen(struct unix_socket *socket, int backlog);
MUST_CHECK int unix_connect(
	struct unix_socket *socket, const struct socket_address *address, bool may_block);
/* The next connection, whose reference is the caller's. */
MUST_CHECK int unix_accept(
	struct unix_socket *socket, bool may_block, struct unix_socket **ret_accepted);
MUST_CHECK int unix_shutdown(struct unix_socket *socket, uint32_t what);

/* @flags MSG_*: bytes sent or received. The message's files are taken over or given. */
MUST_CHECK long unix_send(struct unix_socket *socket, struct message *message, uint32_t flags);
MUST_CHECK long unix_receive(struct unix_socket *socket, struct message *message, uint32_t flags);
/* Is there room for more of a sender's bytes in @receiver? (lock held) */
bool unix_has_room(const struct unix_socket *sender, const struct unix_socket *receiver);
/* The same for poll(2), and for who waits for room: he is told when most of it is free, not for
 * each packet that is read. */
bool unix_is_roomy(const struct unix_socket *sender, const struct unix_socket *receiver);
/* FIONREAD: bytes of the first datagram, or of all packets. */
uint32_t unix_bytes(struct unix_socket *socket);

#endif
