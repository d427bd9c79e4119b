#include "libos/sockets/inet_address.h"

#include <asm/errno.h>

#include "base/memory.h"
#include "libos/core/log.h"

#define V4_OFFSET 12
#define PORT_DNS 53
#define SOCKADDR_IN6_MIN 24U /* without the scope: SIN6_LEN_RFC2133 */

static const uint8_t mapped_prefix[V4_OFFSET] = {[10] = 0xff, [11] = 0xff};
static const uint8_t v6_loopback[16] = {[15] = 1};
static struct inet_setup network;

void inet_setup(const struct inet_setup *setup)
{
	network = *setup;
}

/* ---- Kinds ---- */

struct inet_address inet_address_v4(uint32_t ip, uint16_t port)
{
	struct inet_address address = {.port = port};
	uint32_t big_endian = __builtin_bswap32(ip);

	memcpy(address.bytes, mapped_prefix, sizeof(mapped_prefix));
	memcpy(address.bytes + V4_OFFSET, &big_endian, sizeof(big_endian));
	return address;
}

bool inet_address_is_v4(const struct inet_address *address)
{
	return !memcmp(address->bytes, mapped_prefix, sizeof(mapped_prefix));
}

uint32_t inet_address_ip(const struct inet_address *address)
{
	uint32_t big_endian;

	memcpy(&big_endian, address->bytes + V4_OFFSET, sizeof(big_endian));
	return __builtin_bswap32(big_endian);
}

bool inet_address_is_any(const struct inet_address *address)
{
	static const uint8_t zero[16];

	if (inet_address_is_v4(address))
		return inet_address_ip(address) == 0;
	return !memcmp(address->bytes, zero, sizeof(zero));
}

bool inet_address_is_loopback(const struct inet_address *address)
{
	if (inet_address_is_v4(address))
		return inet_address_ip(address) >> 24 == INET_LOOPBACK >> 24;
	return !memcmp(address->bytes, v6_loopback, sizeof(v6_loopback));
}

bool inet_address_same(const struct inet_address *a, const struct inet_address *b)
{
	return !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool inet_address_is_own(const struct inet_address *address)
{
	if (inet_address_is_any(address) || inet_address_is_loopback(address))
		return true;
	return inet_address_is_v4(address) && inet_address_ip(address) == INET_OWN;
}

bool inet_address_is_group(const struct inet_address *address)
{
	if (inet_address_is_v4(address))
		return inet_address_ip(address) >> 28 == 0xe;
	return address->bytes[0] == 0xff;
}

static enum inet_route route_v4(uint32_t ip)
{
	if (ip == UINT32_MAX || ip == (INET_OWN | ~INET_NETMASK))
		return INET_BROADCAST;
	if (!network.may_connect || ip >> 28 == 0xf)
		return INET_UNREACHABLE;
	if ((ip & INET_NETMASK) != (INET_OWN & INET_NETMASK))
		return INET_OUTSIDE;
	if (ip == INET_GATEWAY && network.host_gateway)
		return INET_OUTSIDE;
	return ip == INET_RESOLVER && network.resolver ? INET_OUTSIDE : INET_UNREACHABLE;
}

/* Once: whoever runs the enclave should learn why nothing can be reached. */
static void log_refusal(void)
{
	static uint32_t is_said;

	if (!network.may_connect && !__atomic_exchange_n(&is_said, 1, __ATOMIC_RELAXED))
		log_line(LOG_INFO,
			"a program wants to connect outward: \"AllowNetwork\" is not set in the "
			"image's configuration");
}

enum inet_route inet_route(const struct inet_address *address)
{
	enum inet_route route = INET_UNREACHABLE;

	if (inet_address_is_own(address))
		return INET_INSIDE;
	if (inet_address_is_group(address))
		return INET_MULTICAST;
	if (inet_address_is_v4(address))
		route = route_v4(inet_address_ip(address));
	if (route == INET_UNREACHABLE)
		log_refusal();
	return route;
}

struct inet_address inet_source_for(const struct inet_address *to)
{
	struct inet_address source = {{0}, 0};

	if (!inet_address_is_v4(to)) {
		memcpy(source.bytes, v6_loopback, sizeof(v6_loopback));
		return source;
	}
	return inet_address_v4(
		inet_address_is_any(to) || inet_address_is_loopback(to) ? INET_LOOPBACK : INET_OWN,
		0);
}

/* ---- As programs write them ---- */

static int read_v6(const struct socket_address *from, struct inet_address *ret_address)
{
	if (from->length < SOCKADDR_IN6_MIN)
		return -EINVAL;
	memcpy(ret_address->bytes, &from->in6.sin6_addr, sizeof(ret_address->bytes));
	ret_address->port = __builtin_bswap16(from->in6.sin6_port);
	return 0;
}

int inet_address_read(
	uint32_t family, const struct socket_address *from, struct inet_address *ret_address)
{
	if (from->length < sizeof(from->family))
		return -EINVAL;
	if (family == AF_INET6 && from->family == AF_INET6)
		return read_v6(from, ret_address);
	if (family == AF_INET && from->length < sizeof(from->in))
		return -EINVAL;
	if (family == AF_INET6 || (from->family != AF_INET && from->family != AF_UNSPEC))
		return family == AF_INET6 && from->length < SOCKADDR_IN6_MIN ? -EINVAL
									     : -EAFNOSUPPORT;
	*ret_address = inet_address_v4(
		__builtin_bswap32(from->in.sin_addr.s_addr), __builtin_bswap16(from->in.sin_port));
	return 0;
}

void inet_address_write(
	uint32_t family, const struct inet_address *from, struct socket_address *ret_address)
{
	memset(ret_address, 0, sizeof(*ret_address));
	if (family == AF_INET) {
		ret_address->length = sizeof(ret_address->in);
		ret_address->in.sin_family = AF_INET;
		ret_address->in.sin_port = __builtin_bswap16(from->port);
		ret_address->in.sin_addr.s_addr = __builtin_bswap32(inet_address_ip(from));
		return;
	}
	ret_address->length = sizeof(ret_address->in6);
	ret_address->in6.sin6_family = AF_INET6;
	ret_address->in6.sin6_port = __builtin_bswap16(from->port);
	memcpy(&ret_address->in6.sin6_addr, from->bytes, sizeof(from->bytes));
}

/* ---- As the host knows them ---- */

void inet_address_to_host(
	const struct inet_address *address, struct platform_host_endpoint *ret_endpoint)
{
	uint32_t ip = inet_address_ip(address);
	struct inet_address real = *address;

	if (ip == INET_GATEWAY && network.host_gateway)
		real = inet_address_v4(INET_LOOPBACK, address->port);
	else if (ip == INET_RESOLVER && network.resolver)
		real = inet_address_v4(network.resolver, address->port);
	*ret_endpoint = (struct platform_host_endpoint){.port = real.port};
	memcpy(ret_endpoint->address, real.bytes, sizeof(real.bytes));
}

static bool is_resolver(const struct inet_address *address)
{
	return network.resolver && address->port == PORT_DNS && inet_address_is_v4(address) &&
	       inet_address_ip(address) == network.resolver;
}

struct inet_address inet_address_from_host(const struct platform_host_endpoint *endpoint)
{
	struct inet_address address = {.port = endpoint->port};

	memcpy(address.bytes, endpoint->address, sizeof(address.bytes));
	/* First, for it may be at the host's 127.0.0.53, say. */
	if (is_resolver(&address))
		return inet_address_v4(INET_RESOLVER, address.port);
	/* Programs trust 127.0.0.1 as themselves: nobody outside may look like that. */
	if (inet_address_is_own(&address))
		return inet_address_v4(INET_GATEWAY, address.port);
	return address;
}
