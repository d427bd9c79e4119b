/* Who has sent datagrams to a published port. They may be answered even if the enclave may not
 * connect outward: the answer is a part of what was published. */
#ifndef LIBOS_SOCKETS_INET_PEERS_H
#define LIBOS_SOCKETS_INET_PEERS_H

#include "libos/sockets/inet.h"

/* The last ones; who is forgotten is heard again with its next datagram. */
#define INET_PEER_COUNT 256U

struct inet_peers;

/* @seen: its address as the program sees it; @endpoint: as the host has it. Does nothing if @socket
 * has no published port, or if there is no memory. */
void inet_peers_add(struct inet_socket *socket, const struct inet_address *seen,
	const struct platform_host_endpoint *endpoint);
/* Has @to sent to @socket? Then @ret_endpoint is where the host finds it. */
bool inet_peers_find(struct inet_socket *socket, const struct inet_address *to,
	struct platform_host_endpoint *ret_endpoint);

#endif
