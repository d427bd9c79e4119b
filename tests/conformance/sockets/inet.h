/* Addresses of AF_INET and AF_INET6, on the loopback interface alone. */
#ifndef TESTS_CONFORMANCE_SOCKETS_INET_H
#define TESTS_CONFORMANCE_SOCKETS_INET_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "tests/conformance/sockets/sockets.h"

/* 127.0.0.1 or ::1 and @port. */
static socklen_t loopback(int family, int port, struct sockaddr_storage *address)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;

	memset(address, 0, sizeof(*address));
	if (family == AF_INET) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)port);
	v6->sin6_addr = in6addr_loopback;
	return sizeof(*v6);
}

UNUSED_FN static int bind_loopback(int fd, int family, int port)
{
	struct sockaddr_storage address;
	socklen_t length = loopback(family, port, &address);

	return bind(fd, (struct sockaddr *)&address, length);
}

UNUSED_FN static int connect_loopback(int fd, int family, int port)
{
	struct sockaddr_storage address;
	socklen_t length = loopback(family, port, &address);

	return connect(fd, (struct sockaddr *)&address, length);
}

UNUSED_FN static int port_of(int fd, bool is_peer)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	if ((is_peer ? getpeername : getsockname)(fd, (struct sockaddr *)&address, &length) < 0)
		return -1;
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

/* A listening socket on a free port. */
UNUSED_FN static int listen_loopback(int family, int backlog, int *ret_port)
{
	int fd = socket(family, SOCK_STREAM, 0);

	REQUIRE(fd >= 0 && bind_loopback(fd, family, 0) == 0 && listen(fd, backlog) == 0);
	*ret_port = port_of(fd, false);
	return fd;
}

/* Both ends of a connection; @fds[1] is the accepted one. */
UNUSED_FN static void connect_both(int family, int fds[2])
{
	int port, server = listen_loopback(family, 4, &port);

	fds[0] = socket(family, SOCK_STREAM, 0);
	REQUIRE(connect_loopback(fds[0], family, port) == 0);
	fds[1] = accept(server, NULL, NULL);
	REQUIRE(fds[1] >= 0);
	close(server);
}

UNUSED_FN static int error_of(int fd)
{
	int error = -1;
	socklen_t size = sizeof(error);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? -1 : error;
}

UNUSED_FN static int number_of(int fd, int level, int option)
{
	int value = -1;
	socklen_t size = sizeof(value);

	return getsockopt(fd, level, option, &value, &size) < 0 ? -errno : value;
}

UNUSED_FN static int set_number(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

/* poll(2) until an event comes; a packet needs its time even on the loopback. */
UNUSED_FN static int polled_soon(int fd, short events)
{
	struct pollfd p = {fd, events, 0};

	return poll(&p, 1, 5000) < 0 ? -1 : p.revents;
}

#endif
