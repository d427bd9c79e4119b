/* Internet addresses and where they lead: ip(7), ipv6(7).
 *
 * The enclave has two interfaces. lo is its own: what goes to 127.0.0.0/8, ::1, the enclave's own
 * address or to no address at all never leaves it. eth0 is what the host's sockets look like from
 * inside: address 10.0.2.100, the numbers that slirp and slirp4netns use. Its gateway, 10.0.2.2,
 * stands for the host's own 127.0.0.1 where that is allowed, and for every peer who claims to have
 * an address that only the enclave itself can have. 10.0.2.3 is the host's name server. */
#ifndef LIBOS_SOCKETS_INET_ADDRESS_H
#define LIBOS_SOCKETS_INET_ADDRESS_H

#include "libos/sockets/socket.h"
#include "platform/platform.h"

#define INET_OWN 0x0a000264U     /* 10.0.2.100 */
#define INET_GATEWAY 0x0a000202U /* 10.0.2.2 */
#define INET_RESOLVER 0x0a000203U
#define INET_NETMASK 0xffffff00U
#define INET_LOOPBACK 0x7f000001U

/* IPv4 addresses are kept as IPv6 ones (::ffff:a.b.c.d); numbers in the processor's order. */
struct inet_address {
	uint8_t bytes[16];
	uint16_t port;
};

enum inet_route {
	INET_INSIDE,
	INET_OUTSIDE,
	INET_UNREACHABLE,
	INET_BROADCAST,
	INET_MULTICAST,
};

/* What the host and the image's configuration let programs do. */
struct inet_setup {
	bool may_connect;  /* outgoing connections */
	bool host_gateway; /* 10.0.2.2 leads to the host's 127.0.0.1 */
	uint32_t resolver; /* where 10.0.2.3 leads; 0: nowhere */
};
void inet_setup(const struct inet_setup *setup);

struct inet_address inet_address_v4(uint32_t ip, uint16_t port);
bool inet_address_is_v4(const struct inet_address *address);
uint32_t inet_address_ip(const struct inet_address *address); /* of an IPv4 one */
/* No address: 0.0.0.0 or ::. */
bool inet_address_is_any(const struct inet_address *address);
bool inet_address_is_loopback(const struct inet_address *address);
bool inet_address_is_group(const struct inet_address *address); /* multicast */
/* The same IP address; ports do not matter. */
bool inet_address_same(const struct inet_address *a, const struct inet_address *b);
/* May a socket be bound to it: an address of the enclave's own, or any? */
bool inet_address_is_own(const struct inet_address *address);
/* Where what is sent to it goes; no address means the enclave itself. */
enum inet_route inet_route(const struct inet_address *address);
/* The enclave's own address that the peer at @to sees. */
struct inet_address inet_source_for(const struct inet_address *to);

/* As a program of @family gives it: -EINVAL too short, -EAFNOSUPPORT another family; an IPv4
 * address of an AF_INET6 socket is a mapped one. */
MUST_CHECK int inet_address_read(
	uint32_t family, const struct socket_address *from, struct inet_address *ret_address);
void inet_address_write(
	uint32_t family, const struct inet_address *from, struct socket_address *ret_address);

/* To what the host knows it as, and back: peers never have an address of the enclave's own. */
void inet_address_to_host(
	const struct inet_address *address, struct platform_host_endpoint *ret_endpoint);
struct inet_address inet_address_from_host(const struct platform_host_endpoint *endpoint);

#endif
