/* Ports and abstract names: landlock(7), "Network flags" and "Scope flags". */
#include <asm/errno.h>

#include "libos/security/landlock_domain.h"
#include "libos/sockets/socket.h"

#define FAMILY_SIZE 2U
#define IN6_SIZE_MIN 24U /* RFC 2133's, without a scope */

static uint32_t ports_of(const struct landlock_domain *domain)
{
	uint32_t all = 0;

	LANDLOCK_FOR_EACH_LAYER(at, domain)
	all |= at->rules.ports;
	return all;
}

static bool is_tcp(const struct socket *socket)
{
	return (socket->family == AF_INET || socket->family == AF_INET6) &&
	       socket->type == SOCK_STREAM;
}

static int check_port(uint16_t port, uint32_t want)
{
	LANDLOCK_FOR_EACH_LAYER(at, thread_current()->landlock)
	if (at->rules.ports & want & ~landlock_rules_of_port(&at->rules, port))
		return -EACCES;
	return 0;
}

static uint16_t port_of(uint16_t big_endian)
{
	return (uint16_t)(big_endian >> 8 | big_endian << 8);
}

/* An address without a family dissolves a connection; to bind(2) it is AF_INET's, any. */
static int check_unspecified(const struct socket_address *address, uint32_t want)
{
	if (want == LANDLOCK_CONNECT_TCP)
		return 0;
	if (address->length < sizeof(address->in))
		return -EINVAL;
	if (address->in.sin_addr.s_addr)
		return -EAFNOSUPPORT;
	return check_port(port_of(address->in.sin_port), want);
}

int landlock_check_address_slowly(
	const struct socket *socket, const struct socket_address *address, uint32_t want)
{
	if (!ports_of(thread_current()->landlock) || !is_tcp(socket))
		return 0;
	if (address->length < FAMILY_SIZE)
		return -EINVAL;
	switch (address->family) {
	case AF_UNSPEC:
		return check_unspecified(address, want);
	case AF_INET:
		if (address->length < sizeof(address->in) || socket->family != AF_INET)
			return -EINVAL;
		return check_port(port_of(address->in.sin_port), want);
	case AF_INET6:
		if (address->length < IN6_SIZE_MIN || socket->family != AF_INET6)
			return -EINVAL;
		return check_port(port_of(address->in6.sin6_port), want);
	default:
		return 0;
	}
}
