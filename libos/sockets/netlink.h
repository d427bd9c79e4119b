/* AF_NETLINK sockets, as far as getifaddrs(3), if_nameindex(3) and their like ask: netlink(7),
 * rtnetlink(7). The kernel's end is here; nothing can be changed, and nobody is told of changes,
 * since there are none. */
#ifndef LIBOS_SOCKETS_NETLINK_H
#define LIBOS_SOCKETS_NETLINK_H

#include "libos/sockets/message.h"

/* -ESOCKTNOSUPPORT, -EPROTONOSUPPORT (NETLINK_ROUTE alone exists), -ENOMEM */
MUST_CHECK int netlink_create(uint32_t type, uint32_t protocol, struct socket **ret_socket);

/* Put @size bytes into a netlink socket for its owner to receive: how mq_notify(3) hears of a
 * message. -EINVAL: another kind of socket, -ENOBUFS: it is full, -ENOMEM. */
MUST_CHECK int netlink_deliver(struct socket *socket, const void *bytes, uint32_t size);
bool netlink_is(const struct socket *socket);

/* One answer: messages for the program, in heap memory. */
#define NETLINK_REPLY_SIZE 8192U
struct netlink_reply {
	struct list link;
	uint32_t port_id, sequence; /* whose request it answers */
	bool is_dump;
	uint32_t size;
	uint8_t bytes[NETLINK_REPLY_SIZE];
};

/* netlink_route.c: what the request @header asks, with the @size bytes after it. Always an answer,
 * if only an error. */
void netlink_route_answer(struct netlink_reply *reply, const struct nlmsghdr *header,
	const uint8_t *payload, uint32_t size);

#endif
