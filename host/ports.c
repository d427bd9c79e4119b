#include "host/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096
#define TEXT_SIZE 128

/* A -p, taken apart. */
struct wish {
	char address[TEXT_SIZE]; /* "": all */
	uint16_t host_port;      /* 0: any */
	uint16_t port;
	bool is_udp;
};

static bool read_port(const char *text, uint16_t least, uint16_t *ret)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value > UINT16_MAX || value < least)
		return false;
	*ret = (uint16_t)value;
	return true;
}

/* Cut "/tcp" or "/udp" off; false: something else stands there. */
static bool cut_protocol(char *text, bool *ret_is_udp)
{
	char *slash = strchr(text, '/');

	*ret_is_udp = slash && !strcmp(slash, "/udp");
	if (slash && !*ret_is_udp && strcmp(slash, "/tcp") != 0)
		return false;
	if (slash)
		*slash = '\0';
	return true;
}

/* An IPv6 address stands in brackets. */
static bool read_address(char *text, char *ret_address)
{
	size_t length = strlen(text);

	if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
		text[length - 1] = '\0';
		text++;
	} else if (strchr(text, ':')) {
		return false;
	}
	snprintf(ret_address, TEXT_SIZE, "%s", text);
	return true;
}

static bool read_wish(const char *given, struct wish *ret)
{
	char text[TEXT_SIZE], *colon;

	*ret = (struct wish){0};
	if (strlen(given) >= sizeof(text))
		return false;
	strcpy(text, given);
	if (!cut_protocol(text, &ret->is_udp))
		return false;
	colon = strrchr(text, ':');
	if (!colon)
		return read_port(text, 1, &ret->port);
	if (!read_port(colon + 1, 1, &ret->port))
		return false;
	*colon = '\0';
	colon = strrchr(text, ':');
	if (!colon)
		return read_port(text, 1, &ret->host_port);
	if (colon[1] && !read_port(colon + 1, 0, &ret->host_port))
		return false;
	*colon = '\0';
	return read_address(text, ret->address);
}

/* *ret_length 0: no such address. */
static void make_address(
	const struct wish *wish, int family, struct sockaddr_storage *ret, socklen_t *ret_length)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	bool is_good = true;

	memset(ret, 0, sizeof(*ret));
	ret->ss_family = (sa_family_t)family;
	if (family == AF_INET) {
		v4->sin_port = htons(wish->host_port);
		if (wish->address[0])
			is_good = inet_pton(AF_INET, wish->address, &v4->sin_addr) == 1;
	} else {
		v6->sin6_port = htons(wish->host_port);
		if (wish->address[0])
			is_good = inet_pton(AF_INET6, wish->address, &v6->sin6_addr) == 1;
	}
	*ret_length = !is_good ? 0 : family == AF_INET ? sizeof(*v4) : sizeof(*v6);
}

/* A socket that is bound as wished, or -errno. */
static int open_socket(const struct wish *wish, int family)
{
	int type = (wish->is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
	struct sockaddr_storage address;
	socklen_t length;
	int fd, r;

	make_address(wish, family, &address, &length);
	if (!length)
		return -EINVAL;
	fd = socket(family, type, 0);
	if (fd < 0)
		return -errno;
	/* Connections of an enclave that has just ended don't stand in the way. */
	if (!wish->is_udp)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){wish->address[0] != '\0'},
			sizeof(int));
	if (bind(fd, (struct sockaddr *)&address, length) < 0 ||
		(!wish->is_udp && listen(fd, BACKLOG) < 0)) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

static int open_any(const struct wish *wish)
{
	bool is_v6 = strchr(wish->address, ':');
	int fd = -EAFNOSUPPORT;

	if (is_v6 || !wish->address[0])
		fd = open_socket(wish, AF_INET6);
	/* A host without IPv6 has IPv4. */
	if ((fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) && !is_v6)
		fd = open_socket(wish, AF_INET);
	return fd;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t length = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return 0;
	/* The port stands at the same place in both. */
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

int ports_publish(const char *text, struct enclave_port *ret_port, uint16_t *ret_host_port,
	struct image_error *error)
{
	struct wish wish;
	int fd;

	if (!read_wish(text, &wish))
		return image_fail(error, -EINVAL,
			"-p %s: must be [[ADDRESS:]HOST:]PORT[/tcp|udp], ports from 1 to 65535",
			text);
	fd = open_any(&wish);
	if (fd == -EINVAL)
		return image_fail(error, -EINVAL, "-p %s: %s is no IP address", text, wish.address);
	if (fd == -EADDRINUSE)
		return image_fail(error, fd,
			"-p %s: port %u of the host is taken by another program", text,
			wish.host_port);
	if (fd == -EACCES)
		return image_fail(error, fd,
			"-p %s: port %u of the host is for root alone; choose one from 1024 on",
			text, wish.host_port);
	if (fd < 0)
		return image_fail_errno(error, fd, "-p %s", text);
	*ret_port = (struct enclave_port){wish.port, wish.is_udp, fd};
	*ret_host_port = port_of(fd);
	return 0;
}

uint32_t ports_host_resolver(void)
{
	FILE *file = fopen("/etc/resolv.conf", "re");
	char line[256], server[64];
	struct in_addr address;
	uint32_t found = 0;

	while (file && !found && fgets(line, sizeof(line), file))
		if (sscanf(line, "nameserver %63s", server) == 1 &&
			inet_pton(AF_INET, server, &address) == 1)
			found = ntohl(address.s_addr);
	if (file)
		fclose(file);
	return found;
}
