/* Sockets of the host, and waiting for many of them: socket(2) and its relatives, epoll(7). */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/socket.h>
#include <linux/eventpoll.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/sockios.h>

#include "base/memory.h"
#include "platform/simulation/host_call.h"
#include "platform/simulation/simulation.h"

#define NS_PER_S 1000000000UL
#define HOST_AF_INET 2
#define HOST_AF_INET6 10
#define HOST_SOCK_STREAM 1
#define HOST_SOCK_DGRAM 2
#define HOST_SOCK_FLAGS 02004000 /* SOCK_CLOEXEC, SOCK_NONBLOCK */
#define HOST_SOCK_CLOEXEC 02000000
#define HOST_MSG_NOSIGNAL 0x4000
#define HOST_FLAGS_KNOWN 0x8043U /* OOB, PEEK, DONTWAIT, MORE */
#define IO_SIZE_MAX 0x7ffff000UL
#define EVENT_COUNT_MAX 4096
#define EVENTS_KNOWN 0x201fU /* IN, PRI, OUT, ERR, HUP; RDHUP */
#define EVENTS_NORMAL 0x03c0U
#define V4_OFFSET 12

static const uint8_t mapped_prefix[V4_OFFSET] = {[10] = 0xff, [11] = 0xff};

union host_address {
	uint16_t family;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* The sockets that we open are IPv4's; those of published ports may be IPv6's. */
static size_t address_put(
	union host_address *address, const struct platform_host_endpoint *endpoint, bool is_v6)
{
	memset(address, 0, sizeof(*address));
	if (is_v6 || memcmp(endpoint->address, mapped_prefix, sizeof(mapped_prefix))) {
		address->in6.sin6_family = HOST_AF_INET6;
		address->in6.sin6_port = __builtin_bswap16(endpoint->port);
		memcpy(&address->in6.sin6_addr, endpoint->address, sizeof(endpoint->address));
		return sizeof(address->in6);
	}
	address->in.sin_family = HOST_AF_INET;
	address->in.sin_port = __builtin_bswap16(endpoint->port);
	memcpy(&address->in.sin_addr, endpoint->address + V4_OFFSET, sizeof(address->in.sin_addr));
	return sizeof(address->in);
}

/* -EIO: no Internet address. */
static int address_take(const union host_address *address, uint32_t length,
	struct platform_host_endpoint *ret_endpoint)
{
	memset(ret_endpoint, 0, sizeof(*ret_endpoint));
	if (length >= sizeof(address->in) && address->family == HOST_AF_INET) {
		memcpy(ret_endpoint->address, mapped_prefix, sizeof(mapped_prefix));
		memcpy(ret_endpoint->address + V4_OFFSET, &address->in.sin_addr,
			sizeof(address->in.sin_addr));
		ret_endpoint->port = __builtin_bswap16(address->in.sin_port);
		return 0;
	}
	if (length < sizeof(address->in6) || address->family != HOST_AF_INET6)
		return -EIO;
	memcpy(ret_endpoint->address, &address->in6.sin6_addr, sizeof(ret_endpoint->address));
	ret_endpoint->port = __builtin_bswap16(address->in6.sin6_port);
	return 0;
}

int platform_host_socket(bool is_stream)
{
	int type = (is_stream ? HOST_SOCK_STREAM : HOST_SOCK_DGRAM) | HOST_SOCK_FLAGS;

	return (int)host_check_size(HOST_CALL(socket, HOST_AF_INET, type, 0, 0, 0, 0), INT32_MAX);
}

int platform_host_connect(int host_fd, const struct platform_host_endpoint *to)
{
	union host_address address;
	size_t length = address_put(&address, to, false);

	return host_check_status(HOST_CALL(connect, host_fd, &address, length, 0, 0, 0));
}

int platform_host_accept(int host_fd, struct platform_host_endpoint *ret_peer)
{
	union host_address address = {0};
	uint32_t length = sizeof(address);
	int fd = (int)host_check_size(
		HOST_CALL(accept4, host_fd, &address, &length, HOST_SOCK_CLOEXEC, 0, 0), INT32_MAX);
	int r;

	if (fd < 0)
		return fd;
	r = address_take(&address, length, ret_peer);
	if (r)
		platform_host_close(fd);
	return r ? r : fd;
}

/* Published sockets for datagrams are IPv6's where the host has that. */
static bool is_v6(int host_fd)
{
	int32_t domain = 0;

	return !platform_host_option_get(host_fd, SOL_SOCKET, SO_DOMAIN, &domain) &&
	       domain == HOST_AF_INET6;
}

long platform_host_send(int host_fd, const void *from, size_t size, uint32_t flags,
	const struct platform_host_endpoint *to)
{
	union host_address address;
	size_t length = to ? address_put(&address, to, is_v6(host_fd)) : 0;

	size = MIN(size, IO_SIZE_MAX);
	return host_check_size(HOST_CALL_INTERRUPTIBLE(sendto, host_fd, from, size,
				       (flags & HOST_FLAGS_KNOWN) | HOST_MSG_NOSIGNAL,
				       to ? &address : NULL, length),
		size);
}

long platform_host_receive(
	int host_fd, void *to, size_t size, uint32_t flags, struct platform_host_endpoint *ret_from)
{
	union host_address address = {0};
	uint32_t length = sizeof(address);
	long n;
	int r;

	size = MIN(size, IO_SIZE_MAX);
	n = host_check_size(
		HOST_CALL_INTERRUPTIBLE(recvfrom, host_fd, to, size, flags & HOST_FLAGS_KNOWN,
			ret_from ? &address : NULL, ret_from ? &length : NULL),
		size);
	if (n < 0 || !ret_from)
		return n;
	r = address_take(&address, length, ret_from);
	return r ? r : n;
}

int platform_host_shutdown(int host_fd, uint32_t what)
{
	if (what < 1 || what > 3)
		return -EINVAL;
	return host_check_status(HOST_CALL(shutdown, host_fd, what - 1, 0, 0, 0, 0));
}

int platform_host_option_set(int host_fd, int level, int option, int32_t value)
{
	const int32_t linger[2] = {value >= 0, MAX(value, 0)};
	bool is_linger = level == SOL_SOCKET && option == SO_LINGER;

	return host_check_status(HOST_CALL(setsockopt, host_fd, level, option,
		is_linger ? (const void *)linger : &value,
		is_linger ? sizeof(linger) : sizeof(value), 0));
}

int platform_host_option_get(int host_fd, int level, int option, int32_t *ret_value)
{
	int32_t value = 0;
	uint32_t length = sizeof(value);
	int r = host_check_status(
		HOST_CALL(getsockopt, host_fd, level, option, &value, &length, 0));

	if (!r)
		*ret_value = value;
	return r;
}

int platform_host_is_connected(int host_fd)
{
	union host_address address = {0};
	uint32_t length = sizeof(address);

	return host_check_status(HOST_CALL(getpeername, host_fd, &address, &length, 0, 0, 0));
}

long platform_host_queued(int host_fd, bool is_sending)
{
	int32_t count = 0;
	int r = host_check_status(
		HOST_CALL(ioctl, host_fd, is_sending ? SIOCOUTQ : SIOCINQ, &count, 0, 0, 0));

	if (r)
		return r;
	return count < 0 ? -EIO : count;
}

/* ---- epoll ---- */

_Static_assert(sizeof(struct platform_host_event) == 12, "ABI");

int platform_host_epoll_new(void)
{
	return (int)host_check_size(
		HOST_CALL(epoll_create1, EPOLL_CLOEXEC, 0, 0, 0, 0, 0), INT32_MAX);
}

int platform_host_epoll_control(int epoll_fd, int op, int host_fd, uint32_t events, uint64_t token)
{
	struct platform_host_event event = {events, token};

	return host_check_status(HOST_CALL(epoll_ctl, epoll_fd, op, host_fd, &event, 0, 0));
}

long platform_host_epoll_wait(
	int epoll_fd, struct platform_host_event *events, size_t count, uint64_t deadline_ns)
{
	uint64_t now = deadline_ns && deadline_ns != UINT64_MAX ? platform_monotonic_ns() : 0;
	uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
	struct {
		int64_t seconds, nanoseconds;
	} ts = {(int64_t)(left / NS_PER_S), (int64_t)(left % NS_PER_S)};
	void *timeout = deadline_ns == UINT64_MAX ? NULL : &ts;
	long n;

	if (!count || count > EVENT_COUNT_MAX)
		return -EINVAL;
	if (deadline_ns)
		n = HOST_CALL_INTERRUPTIBLE(epoll_pwait2, epoll_fd, events, count, timeout, 0, 8);
	else
		n = HOST_CALL(epoll_pwait2, epoll_fd, events, count, timeout, 0, 8);
	n = host_check_size(n, count);
	if (n == -EINTR && !deadline_ns)
		n = 0;
	for (long i = 0; i < n; i++)
		events[i].events &= EVENTS_KNOWN | EVENTS_NORMAL;
	return n;
}
