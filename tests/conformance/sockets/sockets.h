/* Beside what all conformance programs share: addresses of AF_UNIX. */
#ifndef TESTS_CONFORMANCE_SOCKETS_SOCKETS_H
#define TESTS_CONFORMANCE_SOCKETS_SOCKETS_H

#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/conformance/files/conformance.h"

static socklen_t address_of(struct sockaddr_un *address, const char *path)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof(address->sun_path), "%s", path);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
}

UNUSED_FN static int bind_to(int fd, const char *path)
{
	struct sockaddr_un address;
	socklen_t length = address_of(&address, path);

	return bind(fd, (struct sockaddr *)&address, length);
}

UNUSED_FN static int connect_to(int fd, const char *path)
{
	struct sockaddr_un address;
	socklen_t length = address_of(&address, path);

	return connect(fd, (struct sockaddr *)&address, length);
}

UNUSED_FN static int listener(int type, const char *path, int backlog)
{
	int fd = socket(AF_UNIX, type, 0);

	REQUIRE(fd >= 0 && bind_to(fd, path) == 0 && listen(fd, backlog) == 0);
	return fd;
}

UNUSED_FN static void pair(int type, int fds[2])
{
	REQUIRE(socketpair(AF_UNIX, type, 0, fds) == 0);
}

UNUSED_FN static void close_both(const int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

UNUSED_FN static int polled(int fd, short events)
{
	struct pollfd p = {fd, events, 0};

	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

#endif
