/* TCP and UDP: tcp(7), udp(7).
 *
 * Two programs of one enclave are joined inside: what one sends is put into the other's queue, and
 * the host learns nothing. Whatever else there is has a socket of the host's behind it: a published
 * port, a connection accepted on one, a connection outward, datagrams to the outside. The host's
 * word is taken for what came from there, and for nothing else.
 *
 * Locks, outer first: receive_lock, mm->lock, a port's bucket, a listening socket's lock, another
 * socket's lock, wait queues. Nobody but who joins two sockets holds the locks of two. */
#ifndef LIBOS_SOCKETS_INET_H
#define LIBOS_SOCKETS_INET_H

#include <linux/tcp.h>

#include "base/list.h"
#include "libos/sockets/inet_address.h"
#include "libos/sockets/message.h"

#define INET_DATAGRAM_MAX 65507U
#define INET_DATAGRAM_COUNT_MAX 4096U /* waiting in one socket */
#define INET_STREAM_ROOM 262144U      /* on its way inside, until the program sets sizes */
#define INET_STREAM_SEND_SIZE 16384U  /* net.ipv4.tcp_wmem, tcp_rmem */
#define INET_STREAM_RECEIVE_SIZE 131072U
#define INET_PIECE_MAX (32768U - (uint32_t)sizeof(struct inet_packet)) /* of a stream, at once */

enum inet_state {
	INET_FRESH,
	INET_LISTENING,
	INET_CONNECTING, /* in a backlog, or in the host */
	INET_CONNECTED,
	INET_RESET,  /* was connected; what has come can still be read */
	INET_CLOSED, /* the file is gone */
};

/* Numbers that programs set and get; see inet_options.c. */
enum inet_number {
	NUMBER_NODELAY,
	NUMBER_CORK,
	NUMBER_KEEPALIVE_IDLE,
	NUMBER_KEEPALIVE_INTERVAL,
	NUMBER_KEEPALIVE_COUNT,
	NUMBER_SYN_COUNT,
	NUMBER_LINGER2,
	NUMBER_DEFER_ACCEPT,
	NUMBER_WINDOW_CLAMP,
	NUMBER_QUICKACK,
	NUMBER_USER_TIMEOUT,
	NUMBER_NOTSENT_LOWAT,
	NUMBER_MAXSEG,
	NUMBER_FASTOPEN,
	NUMBER_TOS,
	NUMBER_TTL,
	NUMBER_MTU_DISCOVER,
	NUMBER_RECEIVE_ERRORS,
	NUMBER_RECEIVE_TTL,
	NUMBER_RECEIVE_TOS,
	NUMBER_FREEBIND,
	NUMBER_MULTICAST_TTL,
	NUMBER_MULTICAST_LOOP,
	NUMBER_MULTICAST_ALL,
	NUMBER_PACKET_INFO, /* IP_PKTINFO */
	NUMBER_V6_ONLY,
	NUMBER_V6_PACKET_INFO, /* IPV6_RECVPKTINFO */
	NUMBER_V6_HOPS,
	NUMBER_V6_TRAFFIC_CLASS,
	NUMBER_V6_RECEIVE_ERRORS,
	NUMBER_V6_MTU_DISCOVER,
	NUMBER_V6_RECEIVE_HOPS,
	NUMBER_V6_RECEIVE_TRAFFIC_CLASS,
	NUMBER_V6_MULTICAST_HOPS,
	NUMBER_V6_MULTICAST_LOOP,
	NUMBER_V6_MULTICAST_ALL,
	NUMBER_UDP_CORK,
	NUMBER_COUNT,
};

/* What a datagram's header says besides addresses. */
struct inet_marks {
	uint8_t hops;  /* time to live, hop limit */
	uint8_t class; /* type of service, traffic class */
};
#define INET_HOPS 64 /* unless a program says otherwise */

struct inet_packet {
	struct list link;
	uint32_t size, taken;         /* bytes; those read already */
	struct inet_address from, to; /* datagrams */
	struct inet_marks marks;      /* datagrams */
	uint8_t bytes[];
};

/* Joined on one interface; port 0. */
struct inet_group {
	struct inet_address address;
	uint32_t interface;
};

struct inet_socket {
	struct socket base; /* its lock guards what follows */
	enum inet_state state;
	struct inet_address local, remote; /* port 0: not bound, not connected */
	bool is_known_connected;           /* connect(2) has told the program */
	struct list port_link;             /* of the port's bucket; empty: not bound */
	bool is_accepted;                  /* shares its listener's port */
	bool is_local_chosen;              /* connect(2) of a datagram socket chose the address */
	uint32_t owner_uid;

	/* A stream inside. */
	struct inet_socket *peer; /* referenced */
	bool is_peer_done;        /* it sends no more: FIN */
	bool is_peer_gone;        /* nobody will read what is sent */
	bool wants_room;          /* the peer waits for room here */
	bool has_urgent;
	uint8_t urgent;

	struct list packets;
	uint32_t packet_count, weight;
	struct inet_packet *corked;            /* a datagram that grows; NULL: none */
	struct inet_group *groups;             /* heap or NULL */
	uint32_t group_count, group_interface; /* to send to groups from; 0: the default */
	uint32_t group_interface_address;      /* as IP_MULTICAST_IF gave it */

	/* Listening: connections not accepted yet, and those that wait for a place among them. */
	struct list pending, waiting;
	struct list pending_link; /* in either; empty: in none */
	uint32_t pending_count, backlog;
	struct inet_socket *listener; /* referenced; what the socket waits for */

	int32_t host_fd;          /* -1: none */
	bool is_published;        /* host_fd is a published port's, and not ours to close */
	struct inet_peers *peers; /* who has sent to it; NULL: nobody */
	bool has_own_buffer;      /* SO_RCVBUF was set */
	bool has_own_send_buffer;
	int32_t numbers[NUMBER_COUNT];
	uint64_t bytes_sent, bytes_received;
};

static inline struct inet_socket *inet_of(struct socket *socket)
{
	return CONTAINER_OF(socket, struct inet_socket, base);
}
static inline bool inet_is_stream(const struct inet_socket *socket)
{
	return socket->base.type == SOCK_STREAM;
}
struct inet_socket *inet_new(uint32_t family, uint32_t type); /* NULL: no memory */
static inline struct inet_socket *inet_ref(struct inet_socket *socket)
{
	socket_ref(&socket->base);
	return socket;
}
static inline void inet_unref(struct inet_socket *socket)
{
	if (socket)
		socket_unref(&socket->base);
}
static inline void inet_unrefp(struct inet_socket **socket)
{
	inet_unref(*socket);
}
/* AF_INET and AF_INET6. */
MUST_CHECK int inet_create(uint32_t type, uint32_t protocol, struct socket **ret_socket);
MUST_CHECK int inet6_create(uint32_t type, uint32_t protocol, struct socket **ret_socket);

/* ---- Ports: inet_ports.c ---- */

/* Bind to @address; port 0: one that is free. -EADDRINUSE, -EADDRNOTAVAIL, -EACCES. */
MUST_CHECK int inet_bind(struct inet_socket *socket, const struct inet_address *address);
/* If it is not bound: to any address and a free port. */
MUST_CHECK int inet_bind_somewhere(struct inet_socket *socket);
/* An accepted connection holds its listener's port. */
void inet_share_port(struct inet_socket *accepted, const struct inet_socket *listener);
void inet_unbind(struct inet_socket *socket);
/* Others who listen on the same port forbid it: -EADDRINUSE. */
MUST_CHECK int inet_may_listen(struct inet_socket *socket);
/* Who gets what @from sends to @to: a listening socket, or a datagram socket; referenced or NULL.
 */
struct inet_socket *inet_find(
	uint32_t type, const struct inet_address *to, const struct inet_address *from);
/* Each socket that holds a port, until @visit returns false; its bucket is locked. */
void inet_each(
	uint32_t type, bool (*visit)(struct inet_socket *socket, void *context), void *context);

/* ---- Streams inside: inet_stream.c, inet_stream_transfer.c ---- */

MUST_CHECK int inet_listen(struct inet_socket *socket, int backlog);
MUST_CHECK int inet_connect_inside(
	struct inet_socket *socket, const struct inet_address *to, bool may_block);
MUST_CHECK int inet_accept(
	struct inet_socket *socket, bool may_block, struct inet_socket **ret_accepted);
/* After connect(2) said EINPROGRESS: what it says now. */
MUST_CHECK int inet_connect_again(struct inet_socket *socket, bool may_block);
void inet_stream_shutdown(struct inet_socket *socket, uint32_t what);
void inet_stream_close(struct inet_socket *socket);
MUST_CHECK long inet_stream_send(
	struct inet_socket *socket, struct message *message, uint32_t flags);
MUST_CHECK long inet_stream_receive(
	struct inet_socket *socket, struct message *message, uint32_t flags);
uint32_t inet_stream_events(struct inet_socket *socket);
void inet_packets_free(struct list *packets);

/* ---- Datagrams: inet_datagram.c ---- */

MUST_CHECK int inet_datagram_connect(struct inet_socket *socket, const struct inet_address *to);
MUST_CHECK int inet_datagram_disconnect(struct inet_socket *socket);
MUST_CHECK long inet_datagram_send(
	struct inet_socket *socket, struct message *message, uint32_t flags);
/* Send what MSG_MORE and UDP_CORK have kept. */
void inet_datagram_uncork(struct inet_socket *socket);
MUST_CHECK long inet_datagram_receive(
	struct inet_socket *socket, struct message *message, uint32_t flags);
uint32_t inet_datagram_events(struct inet_socket *socket);

/* ---- Multicast: inet_groups.c ---- */

bool inet_groups_is_option(int level, int option);
/* -EINVAL, -EFAULT, -ENODEV, -EADDRINUSE joined already, -EADDRNOTAVAIL not joined, -ENOBUFS. */
MUST_CHECK int inet_groups_set(
	struct inet_socket *socket, int level, int option, uint64_t from, uint32_t size);
MUST_CHECK int inet_groups_get_interface(
	const struct inet_socket *socket, int level, uint64_t to, uint32_t *size);
/* What datagrams to the group @to come from. */
struct inet_address inet_groups_source(
	const struct inet_socket *socket, const struct inet_address *to);
/* Each socket that gets what @from sends to the group @to; its port's bucket is locked. */
void inet_groups_each(const struct inet_socket *from, const struct inet_address *to,
	void (*take)(struct inet_socket *member, void *context), void *context);

/* ---- Through the host: inet_host.c ---- */

/* A published port: @host_fd listens, or is bound, on the host for connections to @port. */
MUST_CHECK int inet_publish(uint32_t type, uint16_t port, int host_fd);
/* If the socket's port is published: host_fd is it from now on. */
void inet_host_attach(struct inet_socket *socket);
MUST_CHECK int inet_host_connect(
	struct inet_socket *socket, const struct inet_address *to, bool may_block);
/* The end of a connection under way: 0, -EALREADY, or why it failed. */
MUST_CHECK int inet_host_connect_again(struct inet_socket *socket, bool may_block);
/* A connection under way may have come about since connect(2): then the socket is connected. */
void inet_host_update(struct inet_socket *socket);
/* A connection that waits on the published port: -EAGAIN if none does. */
MUST_CHECK int inet_host_accept(struct inet_socket *listener, struct inet_socket **ret_accepted);
MUST_CHECK long inet_host_send(struct inet_socket *socket, struct io *io, uint32_t flags);
MUST_CHECK long inet_host_receive(struct inet_socket *socket, struct io *io, uint32_t flags);
/* A host socket for datagrams, if there is none. */
MUST_CHECK int inet_host_open_datagram(struct inet_socket *socket);
MUST_CHECK long inet_host_send_datagram(struct inet_socket *socket, const void *bytes, size_t size,
	const struct inet_address *to, uint32_t flags);
/* One datagram of the host's as a packet: -EAGAIN if there is none. */
MUST_CHECK int inet_host_receive_datagram(
	struct inet_socket *socket, bool peek, struct inet_packet **ret_packet);
/* POLL* bits of host_fd now; and, with @table, wait for them. */
uint32_t inet_host_events(struct inet_socket *socket, struct poll_table *table);
void inet_host_close(struct inet_socket *socket);
/* Sleep until the host's socket has one of @events, or @queue is woken: 0 or as socket_wait. */
MUST_CHECK int inet_host_wait(struct inet_socket *socket, struct wait_queue *queue, uint32_t events,
	bool (*is_ready)(struct socket *socket), uint64_t timeout_ns);

/* ---- Control messages of datagrams: inet_controls.c ---- */

/* What goes to @to, by the socket's options and @message's control messages; IP_PKTINFO changes
 * @source. -EINVAL: a control message that is none. */
MUST_CHECK int inet_controls_take(struct inet_socket *socket, const struct message *message,
	const struct inet_address *to, struct inet_address *source, struct inet_marks *ret_marks);
/* What the socket's options say that the program wants to know of @packet. */
void inet_controls_give(
	struct inet_socket *socket, const struct inet_packet *packet, struct message *message);

/* ---- inet_options.c, inet_ioctl.c ---- */

void inet_options_init(struct inet_socket *socket);
MUST_CHECK int inet_set_option(
	struct socket *socket, int level, int option, uint64_t from, uint32_t size);
MUST_CHECK int inet_get_option(
	struct socket *socket, int level, int option, uint64_t to, uint32_t *size);
/* The host's socket gets what was set before there was one. */
void inet_options_apply(struct inet_socket *socket);
MUST_CHECK long inet_ioctl(struct socket *socket, uint32_t request, uint64_t argument);
/* TCP_INFO's state: TCP_LISTEN … of <linux/tcp.h>'s peers; /proc/net/tcp shows it, too. */
uint32_t inet_tcp_state(const struct inet_socket *socket);

#endif
