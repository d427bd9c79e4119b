/* Sockets as the system calls see them: socket(7). What a socket does is its family's, a const
 * struct socket_ops.
 *
 * A socket goes with its file, but for references that other sockets hold.
 *
 * Locks, outer first: receive_lock, mm->lock (a copy may fault), what the family orders, lock, wait
 * queues. */
#ifndef LIBOS_SOCKETS_SOCKET_H
#define LIBOS_SOCKETS_SOCKET_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/netlink.h>

#include "libos/files/file.h"
#include "libos/sockets/constants.h"

#define SHUT_RECEIVE 1U
#define SHUT_SEND 2U
#define SOCKET_BUFFER_DEFAULT 212992U /* net.core.wmem_default, and wmem_max */
#define SOCKET_BACKLOG_MAX 4096       /* net.core.somaxconn */
#define SOCKET_LINGER_OFF (-1)
#define SOCKET_SEND_SIZE_MIN 4608U

#define SOCKET_READABLE (POLLIN | POLLRDNORM)
#define SOCKET_WRITABLE (POLLOUT | POLLWRNORM | POLLWRBAND)

struct message;
struct socket;

/* An address as programs give it and get it. @length: of what follows it; 0: none. */
struct socket_address {
	uint32_t length;
	union {
		struct {
			uint16_t family;
			char path[127]; /* AF_UNIX; terminated */
		};
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_nl nl;
	};
};
#define SOCKET_ADDRESS_MAX 128U

/* Members that may be NULL: -EOPNOTSUPP then. */
struct socket_ops {
	int (*bind)(struct socket *socket, const struct socket_address *address);
	int (*listen)(struct socket *socket, int backlog);
	int (*connect)(struct socket *socket, const struct socket_address *address, bool may_block);
	/* The next connection, whose reference is the caller's. */
	int (*accept)(struct socket *socket, bool may_block, struct socket **ret_accepted);
	/* getsockname(2), or getpeername(2). */
	int (*name)(struct socket *socket, bool is_peer, struct socket_address *ret_address);
	int (*shutdown)(struct socket *socket, uint32_t what); /* SHUT_* */
	/* @flags MSG_*: bytes sent or received. The message's files are taken over or given. */
	long (*send)(struct socket *socket, struct message *message, uint32_t flags);
	long (*receive)(struct socket *socket, struct message *message, uint32_t flags);
	/* As the call's; -ENOPROTOOPT hands SOL_SOCKET on to what all families share. */
	int (*set_option)(
		struct socket *socket, int level, int option, uint64_t from, uint32_t size);
	int (*get_option)(
		struct socket *socket, int level, int option, uint64_t to, uint32_t *size);
	uint32_t (*poll)(struct socket *socket, struct poll_table *table);
	long (*ioctl)(struct socket *socket, uint32_t request, uint64_t argument);
	/* What close(2) does; the file's reference is taken over. */
	void (*close)(struct socket *socket);
	/* The last reference is gone: the family's part is let go of, and the memory. */
	void (*free)(struct socket *socket);
};

struct socket {
	const struct socket_ops *ops;
	int32_t reference_count;
	uint64_t number;   /* of its inode; 0: it has no file yet */
	struct file *file; /* not referenced: it owns us; NULL before and after it */
	uint32_t family, type, protocol;
	struct lock receive_lock; /* one receiver at a time */
	struct wait_queue readable, writable;
	struct lock lock; /* all below, and the family's part */
	uint32_t shut;    /* SHUT_* */
	int32_t error;    /* SO_ERROR */
	uint32_t send_size, receive_size;
	uint32_t flags;                               /* socket_flag() of SO_* that are on or off */
	uint32_t interface;                           /* SO_BINDTODEVICE: its index; 0: none */
	int32_t linger_seconds;                       /* SO_LINGER, or SOCKET_LINGER_OFF */
	uint64_t receive_timeout_ns, send_timeout_ns; /* 0: none */
};

void socket_init(
	struct socket *socket, const struct socket_ops *ops, uint32_t family, uint32_t type);
struct socket *socket_ref(struct socket *socket);
void socket_unref(struct socket *socket); /* NULL is fine */

/* The socket of a file, or NULL. */
struct socket *socket_of(const struct file *file);
/* A file for it (O_RDWR and @flags: O_NONBLOCK), which takes the reference over; NULL: no memory.
 */
struct file *socket_file(struct socket *socket, uint32_t flags);

/* Sleep on @queue until @is_ready: 0; -EAGAIN after @timeout_ns (0: never), -ERESTARTSYS, -EINTR.
 */
MUST_CHECK int socket_wait(struct socket *socket, struct wait_queue *queue,
	bool (*is_ready)(struct socket *socket), uint64_t timeout_ns);
/* What a sleep's result means for a call with that timeout. */
int socket_wait_result(int r, uint64_t timeout_ns);
/* SO_ERROR, taken: 0 or -errno. */
static inline int socket_take_error(struct socket *socket)
{
	return -__atomic_exchange_n(&socket->error, 0, __ATOMIC_ACQ_REL);
}
static inline uint32_t socket_shut(const struct socket *socket)
{
	return __atomic_load_n(&socket->shut, __ATOMIC_ACQUIRE);
}

/* ---- Options ---- */

/* setsockopt(2), getsockopt(2) at SOL_SOCKET, for all families. @size: of what the program gives,
 * or its room for the answer, then of the answer. */
MUST_CHECK int socket_set_option(struct socket *socket, int option, uint64_t from, uint32_t size);
MUST_CHECK int socket_get_option(struct socket *socket, int option, uint64_t to, uint32_t *size);
/* Is a switch such as SO_REUSEADDR on? */
bool socket_flag(const struct socket *socket, int option);
/* Values for a family's own options. */
MUST_CHECK int option_read_number(uint64_t from, uint32_t size, int32_t *ret_value);
MUST_CHECK int option_write(uint64_t to, uint32_t *size, const void *value, size_t value_size);

/* ---- Families: a new socket with one reference ---- */

/* -ESOCKTNOSUPPORT, -EPROTONOSUPPORT, -ENOMEM */
MUST_CHECK int unix_create(uint32_t type, uint32_t protocol, struct socket **ret_socket);
MUST_CHECK int unix_create_pair(uint32_t type, uint32_t protocol, struct socket *pair[2]);

#endif
