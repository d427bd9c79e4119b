#include "cli/address.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

#define BACKLOG 128
#define HOST_SIZE 256
#define PORT_SIZE 32

struct parts {
	char host[HOST_SIZE], port[PORT_SIZE];
};

static bool copy(char *to, size_t size, const char *from, size_t length)
{
	if (length >= size)
		return false;
	memcpy(to, from, length);
	to[length] = '\0';
	return true;
}

static bool split(const char *text, struct parts *ret)
{
	const char *colon = strrchr(text, ':'), *host = text;
	size_t length;

	if (!colon || !colon[1])
		return false;
	length = (size_t)(colon - text);
	if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
		host++;
		length -= 2;
	} else if (memchr(host, ':', length)) {
		return false; /* an IPv6 address stands in brackets */
	}
	return copy(ret->host, sizeof(ret->host), host, length) &&
	       copy(ret->port, sizeof(ret->port), colon + 1, strlen(colon + 1));
}

int address_check(const char *command, const char *text)
{
	struct parts parts;

	if (split(text, &parts))
		return CLI_OK;
	return cli_error(CLI_USAGE, command, "%s: must be HOST:PORT or [ADDRESS]:PORT", text);
}

static struct addrinfo *resolve(const char *text, int flags, const char **ret_why)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags}, *list = NULL;
	struct parts parts;
	int r;

	if (!split(text, &parts)) {
		*ret_why = "not HOST:PORT";
		return NULL;
	}
	r = getaddrinfo(parts.host[0] ? parts.host : "127.0.0.1", parts.port, &hints, &list);
	*ret_why = r ? gai_strerror(r) : "";
	return r ? NULL : list;
}

static int listen_at(const struct addrinfo *at)
{
	int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	close(fd);
	return -1;
}

int address_listen(const char *command, const char *text)
{
	const char *why;
	struct addrinfo *list = resolve(text, AI_PASSIVE, &why);
	int fd = list ? listen_at(list) : -1;

	if (fd < 0)
		cli_error(CLI_FAILED, command, "can't listen at %s: %s", text,
			list ? strerror(errno) : why);
	if (list)
		freeaddrinfo(list);
	return fd;
}

int address_connect(const char *text, const char **ret_why)
{
	struct addrinfo *list = resolve(text, 0, ret_why);
	int fd = -1;

	for (const struct addrinfo *at = list; at && fd < 0; at = at->ai_next) {
		fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) == 0)
			break;
		*ret_why = strerror(errno);
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	if (list)
		freeaddrinfo(list);
	return fd;
}

void address_print(const struct sockaddr_storage *address, char to[ADDRESS_TEXT_SIZE])
{
	char host[48], port[8];

	if (getnameinfo((const struct sockaddr *)address, sizeof(*address), host, sizeof(host),
		    port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		snprintf(to, ADDRESS_TEXT_SIZE, "unknown");
	else
		snprintf(
			to, ADDRESS_TEXT_SIZE, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}
