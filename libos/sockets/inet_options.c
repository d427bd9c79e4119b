/* Options of Internet sockets: tcp(7), udp(7), ip(7), ipv6(7). Most are numbers that are kept, told
 * and handed to the host's socket where there is one. */
#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "base/memory.h"
#include "libos/sockets/inet.h"
#include "platform/platform.h"

#define ANY_VALUE INT32_MIN, INT32_MAX
#define CONGESTION "cubic"
#define CONGESTION_SIZE_MAX 16U
#define ETHERNET_MTU 1500
#define LOOPBACK_MTU 65536

struct number_option {
	int level, option;
	int32_t least, most; /* -EINVAL beyond */
	int32_t initial;
	bool is_switch;   /* kept as 0 or 1 */
	bool is_for_host; /* matters to the host's socket */
	bool has_byte;    /* may be set by a byte, too */
};

static const struct number_option options[NUMBER_COUNT] = {
	[NUMBER_NODELAY] = {IPPROTO_TCP, TCP_NODELAY, ANY_VALUE, 0, true, true, false},
	[NUMBER_CORK] = {IPPROTO_TCP, TCP_CORK, ANY_VALUE, 0, true, true, false},
	[NUMBER_KEEPALIVE_IDLE] = {IPPROTO_TCP, TCP_KEEPIDLE, 1, 32767, 7200, false, true, false},
	[NUMBER_KEEPALIVE_INTERVAL] = {IPPROTO_TCP, TCP_KEEPINTVL, 1, 32767, 75, false, true,
		false},
	[NUMBER_KEEPALIVE_COUNT] = {IPPROTO_TCP, TCP_KEEPCNT, 1, 127, 9, false, true, false},
	[NUMBER_SYN_COUNT] = {IPPROTO_TCP, TCP_SYNCNT, 1, 127, 6, false, true, false},
	[NUMBER_LINGER2] = {IPPROTO_TCP, TCP_LINGER2, ANY_VALUE, 60, false, true, false},
	[NUMBER_DEFER_ACCEPT] = {IPPROTO_TCP, TCP_DEFER_ACCEPT, ANY_VALUE, 0, false, false, false},
	[NUMBER_WINDOW_CLAMP] = {IPPROTO_TCP, TCP_WINDOW_CLAMP, 0, INT32_MAX, 0, false, false,
		false},
	[NUMBER_QUICKACK] = {IPPROTO_TCP, TCP_QUICKACK, ANY_VALUE, 1, true, false, false},
	[NUMBER_USER_TIMEOUT] = {IPPROTO_TCP, TCP_USER_TIMEOUT, 0, INT32_MAX, 0, false, true,
		false},
	[NUMBER_NOTSENT_LOWAT] = {IPPROTO_TCP, TCP_NOTSENT_LOWAT, ANY_VALUE, 0, false, true, false},
	[NUMBER_MAXSEG] = {IPPROTO_TCP, TCP_MAXSEG, 88, 32767, 536, false, false, false},
	[NUMBER_FASTOPEN] = {IPPROTO_TCP, TCP_FASTOPEN, 0, INT32_MAX, 0, false, false, false},
	[NUMBER_TOS] = {IPPROTO_IP, IP_TOS, ANY_VALUE, 0, false, true, true},
	[NUMBER_TTL] = {IPPROTO_IP, IP_TTL, -1, 255, INET_HOPS, false, true, true},
	[NUMBER_MTU_DISCOVER] = {IPPROTO_IP, IP_MTU_DISCOVER, 0, 5, 1, false, true, true},
	[NUMBER_RECEIVE_ERRORS] = {IPPROTO_IP, IP_RECVERR, ANY_VALUE, 0, true, false, true},
	[NUMBER_RECEIVE_TTL] = {IPPROTO_IP, IP_RECVTTL, ANY_VALUE, 0, true, false, true},
	[NUMBER_RECEIVE_TOS] = {IPPROTO_IP, IP_RECVTOS, ANY_VALUE, 0, true, false, true},
	[NUMBER_FREEBIND] = {IPPROTO_IP, IP_FREEBIND, ANY_VALUE, 0, true, false, true},
	[NUMBER_MULTICAST_TTL] = {IPPROTO_IP, IP_MULTICAST_TTL, -1, 255, 1, false, false, true},
	[NUMBER_MULTICAST_LOOP] = {IPPROTO_IP, IP_MULTICAST_LOOP, ANY_VALUE, 1, true, false, true},
	[NUMBER_MULTICAST_ALL] = {IPPROTO_IP, IP_MULTICAST_ALL, 0, 1, 1, true, false, true},
	[NUMBER_PACKET_INFO] = {IPPROTO_IP, IP_PKTINFO, ANY_VALUE, 0, true, false, true},
	[NUMBER_V6_ONLY] = {IPPROTO_IPV6, IPV6_V6ONLY, ANY_VALUE, 0, true, false, false},
	[NUMBER_V6_PACKET_INFO] = {IPPROTO_IPV6, IPV6_RECVPKTINFO, ANY_VALUE, 0, true, false,
		false},
	[NUMBER_V6_HOPS] = {IPPROTO_IPV6, IPV6_UNICAST_HOPS, -1, 255, INET_HOPS, false, false,
		false},
	[NUMBER_V6_TRAFFIC_CLASS] = {IPPROTO_IPV6, IPV6_TCLASS, -1, 255, 0, false, false, false},
	[NUMBER_V6_RECEIVE_ERRORS] = {IPPROTO_IPV6, IPV6_RECVERR, ANY_VALUE, 0, true, false, false},
	[NUMBER_V6_MTU_DISCOVER] = {IPPROTO_IPV6, IPV6_MTU_DISCOVER, 0, 5, 1, false, false, false},
	[NUMBER_V6_RECEIVE_HOPS] = {IPPROTO_IPV6, IPV6_RECVHOPLIMIT, ANY_VALUE, 0, true, false,
		false},
	[NUMBER_V6_RECEIVE_TRAFFIC_CLASS] = {IPPROTO_IPV6, IPV6_RECVTCLASS, ANY_VALUE, 0, true,
		false, false},
	[NUMBER_V6_MULTICAST_HOPS] = {IPPROTO_IPV6, IPV6_MULTICAST_HOPS, -1, 255, 1, false, false,
		false},
	[NUMBER_V6_MULTICAST_LOOP] = {IPPROTO_IPV6, IPV6_MULTICAST_LOOP, ANY_VALUE, 1, true, false,
		false},
	[NUMBER_V6_MULTICAST_ALL] = {IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0, 1, 1, true, false, false},
	[NUMBER_UDP_CORK] = {IPPROTO_UDP, UDP_CORK, ANY_VALUE, 0, true, false, false},
};

/* Those of SOL_SOCKET that the host's socket is told of. */
static const int host_options[] = {SO_KEEPALIVE, SO_LINGER, SO_OOBINLINE, SO_SNDBUF, SO_RCVBUF};

void inet_options_init(struct inet_socket *socket)
{
	for (uint32_t i = 0; i < NUMBER_COUNT; i++)
		socket->numbers[i] = options[i].initial;
}

/* ---- The host's socket ---- */

/* What it refuses is not worth an error: the program has been told yes. */
static void tell_host(const struct inet_socket *socket, int level, int option, int32_t value)
{
	if (socket->host_fd >= 0)
		(void)!platform_host_option_set(socket->host_fd, level, option, value);
}

void inet_options_apply(struct inet_socket *socket)
{
	for (uint32_t i = 0; i < NUMBER_COUNT; i++)
		if (options[i].is_for_host && socket->numbers[i] != options[i].initial &&
			(options[i].level != IPPROTO_TCP || inet_is_stream(socket)))
			tell_host(socket, options[i].level, options[i].option, socket->numbers[i]);
	if (socket_flag(&socket->base, SO_KEEPALIVE))
		tell_host(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
	if (socket->base.linger_seconds != SOCKET_LINGER_OFF)
		tell_host(socket, SOL_SOCKET, SO_LINGER, socket->base.linger_seconds);
	if (socket->has_own_send_buffer)
		tell_host(socket, SOL_SOCKET, SO_SNDBUF, (int32_t)socket->base.send_size / 2);
	if (socket->has_own_buffer)
		tell_host(socket, SOL_SOCKET, SO_RCVBUF, (int32_t)socket->base.receive_size / 2);
}

static int set_socket_option(struct inet_socket *socket, int option, uint64_t from, uint32_t size)
{
	int32_t value = 0;
	int r = socket_set_option(&socket->base, option, from, size);

	if (r)
		return r;
	if (option == SO_SNDBUF)
		socket->has_own_send_buffer = true;
	if (option == SO_RCVBUF)
		socket->has_own_buffer = true;
	for (uint32_t i = 0; i < ARRAY_SIZE(host_options); i++) {
		if (host_options[i] != option)
			continue;
		if (option == SO_LINGER)
			value = socket->base.linger_seconds;
		else
			r = option_read_number(from, size, &value);
		if (!r)
			tell_host(socket, SOL_SOCKET, option, value);
	}
	return r;
}

/* ---- Setting ---- */

static uint32_t find_number(int level, int option)
{
	uint32_t i = 0;

	while (i < NUMBER_COUNT && (options[i].level != level || options[i].option != option))
		i++;
	return i;
}

/* ip(7): "int" or a byte. */
static int read_value(
	const struct number_option *option, uint64_t from, uint32_t size, int32_t *ret_value)
{
	uint8_t byte;

	if (size >= sizeof(*ret_value))
		return USER_GET(ret_value, from);
	if (!option->has_byte || !size)
		return -EINVAL;
	if (USER_GET(&byte, from))
		return -EFAULT;
	*ret_value = byte;
	return 0;
}

static int set_number(struct inet_socket *socket, uint32_t number, uint64_t from, uint32_t size)
{
	const struct number_option *option = &options[number];
	int32_t value;
	int r = read_value(option, from, size, &value);

	if (r)
		return r;
	if (value < option->least || value > option->most)
		return -EINVAL;
	if (number == NUMBER_TTL && value == 0)
		return -EINVAL;
	if (number == NUMBER_V6_ONLY && socket->local.port)
		return -EINVAL;
	if (option->is_switch)
		value = value != 0;
	else if (value == -1 && option->least == -1)
		value = option->initial;
	socket->numbers[number] = value;
	if (option->is_for_host)
		tell_host(socket, option->level, option->option, value);
	if (number == NUMBER_UDP_CORK && !value)
		inet_datagram_uncork(socket);
	return 0;
}

static int set_other(
	struct inet_socket *socket, int level, int option, uint64_t from, uint32_t size)
{
	if (level == IPPROTO_TCP && option == TCP_CONGESTION)
		return size ? 0 : -EINVAL;
	if (inet_groups_is_option(level, option))
		return inet_groups_set(socket, level, option, from, size);
	return -ENOPROTOOPT;
}

static bool is_for(const struct inet_socket *socket, int level)
{
	if (level == IPPROTO_TCP)
		return inet_is_stream(socket);
	if (level == IPPROTO_UDP)
		return !inet_is_stream(socket);
	return level == IPPROTO_IP || (level == IPPROTO_IPV6 && socket->base.family == AF_INET6);
}

int inet_set_option(struct socket *base, int level, int option, uint64_t from, uint32_t size)
{
	struct inet_socket *socket = inet_of(base);
	uint32_t number;

	if (level == SOL_SOCKET)
		return set_socket_option(socket, option, from, size);
	if (!is_for(socket, level))
		return -ENOPROTOOPT;
	number = find_number(level, option);
	return number < NUMBER_COUNT ? set_number(socket, number, from, size)
				     : set_other(socket, level, option, from, size);
}

/* ---- Getting ---- */

uint32_t inet_tcp_state(const struct inet_socket *socket)
{
	enum { ESTABLISHED = 1, SYN_SENT, FIN_WAIT2 = 5, CLOSE = 7, CLOSE_WAIT, LISTEN = 10 };

	switch (socket->state) {
	case INET_LISTENING:
		return LISTEN;
	case INET_CONNECTING:
		return SYN_SENT;
	case INET_CONNECTED:
		if (socket->is_peer_done)
			return CLOSE_WAIT;
		return socket->base.shut & SHUT_SEND ? FIN_WAIT2 : ESTABLISHED;
	default:
		return CLOSE;
	}
}

static int get_tcp_info(const struct inet_socket *socket, uint64_t to, uint32_t *size)
{
	struct tcp_info info;
	bool is_inside = socket->host_fd < 0;

	memset(&info, 0, sizeof(info));
	info.tcpi_state = (uint8_t)inet_tcp_state(socket);
	info.tcpi_rto = 200000;
	info.tcpi_ato = 40000;
	info.tcpi_snd_mss = info.tcpi_rcv_mss = info.tcpi_advmss = is_inside ? 32768 : 1460;
	info.tcpi_pmtu = is_inside ? LOOPBACK_MTU : ETHERNET_MTU;
	info.tcpi_rtt = 30;
	info.tcpi_rttvar = 15;
	info.tcpi_snd_ssthresh = INT32_MAX;
	info.tcpi_snd_cwnd = 10;
	info.tcpi_bytes_acked = socket->bytes_sent;
	info.tcpi_bytes_received = socket->bytes_received;
	if (socket->state == INET_LISTENING) {
		info.tcpi_unacked = socket->pending_count;
		info.tcpi_sacked = socket->backlog;
	}
	return option_write(to, size, &info, sizeof(info));
}

static int get_congestion(uint64_t to, uint32_t *size)
{
	char name[CONGESTION_SIZE_MAX] = CONGESTION;

	return option_write(to, size, name, sizeof(name));
}

static int get_mtu(const struct inet_socket *socket, uint64_t to, uint32_t *size)
{
	int32_t mtu = inet_route(&socket->remote) == INET_INSIDE ? LOOPBACK_MTU : ETHERNET_MTU;

	return socket->remote.port ? option_write(to, size, &mtu, sizeof(mtu)) : -ENOTCONN;
}

/* SO_ERROR and SO_ACCEPTCONN know more here than a socket in general. */
static int get_socket_option(struct inet_socket *socket, int option, uint64_t to, uint32_t *size)
{
	int32_t value = 0;

	if (option == SO_ACCEPTCONN)
		value = socket->state == INET_LISTENING;
	else if (option == SO_ERROR && socket->host_fd >= 0 && !socket->is_published) {
		int r = platform_host_option_get(socket->host_fd, SOL_SOCKET, SO_ERROR, &value);

		if (r || value < 0 || value > 4095)
			value = EIO;
	} else {
		return -ENOPROTOOPT;
	}
	return option_write(to, size, &value, sizeof(value));
}

int inet_get_option(struct socket *base, int level, int option, uint64_t to, uint32_t *size)
{
	struct inet_socket *socket = inet_of(base);
	uint32_t number;

	if (level == SOL_SOCKET)
		return get_socket_option(socket, option, to, size);
	if (!is_for(socket, level))
		return -EOPNOTSUPP;
	number = find_number(level, option);
	if (number < NUMBER_COUNT)
		return option_write(
			to, size, &socket->numbers[number], sizeof(socket->numbers[number]));
	if (level == IPPROTO_TCP && option == TCP_INFO)
		return get_tcp_info(socket, to, size);
	if (level == IPPROTO_TCP && option == TCP_CONGESTION)
		return get_congestion(to, size);
	if ((level == IPPROTO_IP && option == IP_MULTICAST_IF) ||
		(level == IPPROTO_IPV6 && option == IPV6_MULTICAST_IF))
		return inet_groups_get_interface(socket, level, to, size);
	if ((level == IPPROTO_IP && option == IP_MTU) ||
		(level == IPPROTO_IPV6 && option == IPV6_MTU))
		return get_mtu(socket, to, size);
	return -ENOPROTOOPT;
}
