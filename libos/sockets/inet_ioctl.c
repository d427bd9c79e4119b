/* ioctl(2) of Internet sockets: tcp(7), udp(7). */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/sockios.h>

#include "libos/sockets/inet.h"

static uint32_t bytes_queued(struct inet_socket *socket)
{
	struct inet_packet *packet;

	LOCK_SCOPE(&socket->base.lock);
	if (inet_is_stream(socket))
		return socket->weight;
	if (list_is_empty(&socket->packets))
		return 0;
	packet = LIST_FIRST(&socket->packets, struct inet_packet, link);
	return packet->size;
}

static long queued(struct inet_socket *socket, bool is_sending, uint64_t argument)
{
	bool is_host = socket->host_fd >= 0 && !socket->is_published;
	long count = 0;

	if (socket->state == INET_LISTENING)
		return -EINVAL;
	if (!is_sending)
		count = bytes_queued(socket);
	else if (socket->peer)
		count = socket->peer->weight;
	if (!count && is_host)
		count = platform_host_queued(socket->host_fd, is_sending);
	return count < 0 ? count : USER_PUT(argument, (int32_t)count);
}

long inet_ioctl(struct socket *base, uint32_t request, uint64_t argument)
{
	struct inet_socket *socket = inet_of(base);

	switch (request) {
	case SIOCINQ:
		return queued(socket, false, argument);
	case SIOCOUTQ:
		return queued(socket, true, argument);
	case SIOCATMARK:
		return inet_is_stream(socket) ? USER_PUT(argument, (int32_t)socket->has_urgent)
					      : -ENOTTY;
	default:
		return -ENOTTY;
	}
}
