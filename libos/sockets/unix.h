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

struct inode;
struct message;

#define SHUT_RECEIVE 1U
#define SHUT_SEND 2U
#define SOCKET_BUFFER_DEFAULT 212992U /* net.core.wmem_default, and wmem_max */
#define SOCKET_BACKLOG_MAX 4096       /* net.core.somaxconn */
#define DATAGRAM_COUNT_MAX 512U       /* waiting in one socket */

enum unix_state { UNIX_FRESH, UNIX_LISTENING, UNIX_CONNECTED, UNIX_CLOSED };

struct unix_socket {
	int32_t reference_count;
	uint32_t type;            /* SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET */
	struct lock receive_lock; /* one receiver at a time; the first packet is his */
	struct wait_queue readable, writable;

	struct lock lock; /* all below */
	enum unix_state state;
	struct unix_socket *peer; /* referenced; a datagram socket's is where it sends to */
	struct list packets;
	uint32_t packet_count, weight; /* of all packets */
	struct list pending;           /* listening: connections not accepted yet */
	struct list pending_link;
	uint32_t pending_count, backlog;
	uint32_t shut; /* SHUT_* */
	int32_t error; /* SO_ERROR */

	struct unix_name *name; /* referenced; NULL: not bound */
	struct inode *inode;    /* referenced; the name is its */
	struct list bound_link; /* bound_lock */

	struct socket_credentials credentials, peer_credentials;
	uint32_t send_size, receive_size;
	uint32_t flags; /* one bit for each SO_* that is kept without effect */
	bool pass_credentials;
	uint64_t receive_timeout_ns, send_timeout_ns; /* 0: none */
};

static inline bool unix_is_datagram(const struct unix_socket *socket)
{
	return socket->type == 2 /* SOCK_DGRAM */;
}

/* The socket of a file, or NULL. */
struct unix_socket *unix_socket_of(const struct file *file);
struct unix_socket *unix_socket_new(uint32_t type); /* NULL: no memory */
struct unix_socket *unix_socket_ref(struct unix_socket *socket);
void unix_socket_unref(struct unix_socket *socket); /* NULL is fine */
static inline void unix_socket_unrefp(struct unix_socket **socket)
{
	unix_socket_unref(*socket);
}
/* What close(2) does; the caller's reference is taken over. */
void unix_socket_close(struct unix_socket *socket);
/* A file for it (O_RDWR and @flags: O_NONBLOCK), which takes the reference over; NULL: no memory.
 */
struct file *unix_socket_file(struct unix_socket *socket, uint32_t flags);
/* Peers as they are now: referenced, or NULL. */
struct unix_socket *unix_socket_peer(struct unix_socket *socket);

/* Addresses. @length: of a struct sockaddr_un copied from the program. -EINVAL. */
struct unix_address {
	uint32_t length;
	uint16_t family;
	char path[109];
};
MUST_CHECK int unix_bind(struct unix_socket *socket, const struct unix_address *address);
void unix_unbind(struct unix_socket *socket);
/* Who is bound to it: referenced. -ECONNREFUSED, -EACCES, -EPROTOTYPE, errors of the path walk. */
MUST_CHECK int unix_find(
	const struct unix_address *address, uint32_t type, struct unix_socket **ret_socket);

void unix_pair(struct unix_socket *a, struct unix_socket *b);
MUST_CHECK int unix_listen(struct unix_socket *socket, int backlog);
MUST_CHECK int unix_connect(
	struct unix_socket *socket, const struct unix_address *address, bool may_block);
/* The next connection, whose reference is the caller's. */
MUST_CHECK int unix_accept(
	struct unix_socket *socket, bool may_block, struct unix_socket **ret_accepted);
MUST_CHECK int unix_shutdown(struct unix_socket *socket, int how);

/* @flags MSG_*: bytes sent or received. The message's files are taken over or given. */
MUST_CHECK long unix_send(struct unix_socket *socket, struct message *message, uint32_t flags);
MUST_CHECK long unix_receive(struct unix_socket *socket, struct message *message, uint32_t flags);
/* Is there room for more of a sender's bytes in @receiver? (lock held) */
bool unix_has_room(const struct unix_socket *sender, const struct unix_socket *receiver);
/* FIONREAD: bytes of the first datagram, or of all packets. */
uint32_t unix_bytes(struct unix_socket *socket);

/* Sleep on @queue until @is_ready: 0; -EAGAIN after @timeout_ns (0: never), -ERESTARTSYS, -EINTR.
 */
MUST_CHECK int unix_wait(struct unix_socket *socket, struct wait_queue *queue,
	bool (*is_ready)(struct unix_socket *socket), uint64_t timeout_ns);

/* setsockopt(2), getsockopt(2) at SOL_SOCKET. @size: of what the program gives, or its room for the
 * answer, then of the answer. */
MUST_CHECK int unix_set_option(
	struct unix_socket *socket, int option, uint64_t from, uint32_t size);
MUST_CHECK int unix_get_option(struct unix_socket *socket, int option, uint64_t to, uint32_t *size);

#endif
