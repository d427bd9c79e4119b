/* covers: socket bind listen connect accept accept4 getsockname getpeername shutdown poll */
/* tcp(7), ip(7), ipv6(7): names, connections, and how they end. */
#include "tests/conformance/sockets/inet.h"

static void test_socket(void)
{
	int pair[2], fd;

	CHECK_ERRNO(socket(AF_INET, SOCK_SEQPACKET, 0), ESOCKTNOSUPPORT);
	CHECK_ERRNO(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
	CHECK_ERRNO(socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP), EPROTONOSUPPORT);
	CHECK_ERRNO(socketpair(AF_INET, SOCK_STREAM, 0, pair), EOPNOTSUPP);
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP);
	CHECK(fd >= 0);
	CHECK_EQ(number_of(fd, SOL_SOCKET, SO_DOMAIN), AF_INET6);
	CHECK_EQ(number_of(fd, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
	CHECK_EQ(number_of(fd, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
	CHECK_EQ(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
	CHECK_EQ(polled(fd, POLLIN | POLLOUT), POLLOUT | POLLHUP);
	CHECK_ERRNO(accept(fd, NULL, NULL), EINVAL);
	CHECK_ERRNO(recv(fd, pair, 1, 0), ENOTCONN);
	CHECK_ERRNO(shutdown(fd, SHUT_RDWR), ENOTCONN);
	CHECK_ERRNO(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK_EQ(port_of(fd, true), -1);
	CHECK_EQ(port_of(fd, false), 0);
	close(fd);
}

static void test_bind(void)
{
	struct sockaddr_storage address;
	int a = socket(AF_INET, SOCK_STREAM, 0), b = socket(AF_INET, SOCK_STREAM, 0), port;

	loopback(AF_INET, 0, &address);
	CHECK_ERRNO(bind(a, (struct sockaddr *)&address, 8), EINVAL);
	address.ss_family = AF_UNIX;
	CHECK_ERRNO(bind(a, (struct sockaddr *)&address, sizeof(struct sockaddr_in)), EAFNOSUPPORT);
	address.ss_family = AF_INET;
	((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(0xc0000201); /* 192.0.2.1 */
	CHECK_ERRNO(
		bind(a, (struct sockaddr *)&address, sizeof(struct sockaddr_in)), EADDRNOTAVAIL);
	CHECK_OK(bind_loopback(a, AF_INET, 0));
	port = port_of(a, false);
	CHECK(port >= 1024);
	CHECK_ERRNO(bind_loopback(a, AF_INET, 0), EINVAL);
	CHECK_ERRNO(bind_loopback(b, AF_INET, port), EADDRINUSE);
	/* SO_REUSEADDR: both want it, and nobody listens. */
	CHECK_OK(set_number(b, SOL_SOCKET, SO_REUSEADDR, 1));
	CHECK_ERRNO(bind_loopback(b, AF_INET, port), EADDRINUSE);
	CHECK_OK(set_number(a, SOL_SOCKET, SO_REUSEADDR, 1));
	CHECK_OK(bind_loopback(b, AF_INET, port));
	CHECK_OK(listen(a, 1));
	CHECK_ERRNO(listen(b, 1), EADDRINUSE);
	close(b);
	b = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_OK(set_number(b, SOL_SOCKET, SO_REUSEADDR, 1));
	CHECK_ERRNO(bind_loopback(b, AF_INET, port), EADDRINUSE);
	close(a);
	CHECK_OK(bind_loopback(b, AF_INET, port));
	close(b);
}

static void test_reuseport(void)
{
	int fds[2], port, client, got = 0;

	for (int i = 0; i < 2; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		CHECK_OK(set_number(fds[i], SOL_SOCKET, SO_REUSEPORT, 1));
	}
	CHECK_OK(bind_loopback(fds[0], AF_INET, 0));
	port = port_of(fds[0], false);
	CHECK_OK(bind_loopback(fds[1], AF_INET, port));
	CHECK_OK(listen(fds[0], 8));
	CHECK_OK(listen(fds[1], 8));
	client = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_OK(connect_loopback(client, AF_INET, port));
	for (int i = 0; i < 2; i++)
		got += polled(fds[i], POLLIN) == POLLIN;
	CHECK_EQ(got, 1);
	close(client);
	close_both(fds);
}

static void test_connect(int family)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	int port, server = listen_loopback(family, 4, &port), client, accepted;
	char buffer[8];

	CHECK_EQ(number_of(server, SOL_SOCKET, SO_ACCEPTCONN), 1);
	CHECK_EQ(polled(server, POLLIN | POLLOUT), 0);
	client = socket(family, SOCK_STREAM, 0);
	CHECK_EQ(number_of(client, SOL_SOCKET, SO_ACCEPTCONN), 0);
	CHECK_OK(connect_loopback(client, family, port));
	CHECK_ERRNO(connect_loopback(client, family, port), EISCONN);
	CHECK_EQ(polled_soon(server, POLLIN), POLLIN);
	accepted = accept4(server, (struct sockaddr *)&address, &length, SOCK_CLOEXEC);
	CHECK(accepted >= 0);
	CHECK_EQ(length,
		family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
	CHECK_EQ(address.ss_family, family);
	CHECK_EQ(fcntl(accepted, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(accepted, F_GETFL), O_RDWR);
	CHECK_EQ(port_of(accepted, true), port_of(client, false));
	CHECK_EQ(port_of(accepted, false), port);
	CHECK_EQ(port_of(client, true), port);
	CHECK_EQ(write(client, "hello", 5), 5);
	CHECK_EQ(recv(accepted, buffer, 5, MSG_WAITALL), 5);
	CHECK(!memcmp(buffer, "hello", 5));
	CHECK_EQ(polled(client, POLLIN | POLLOUT), POLLOUT);
	/* A name that does not fit is cut, and its length told. */
	length = 4;
	CHECK_OK(getpeername(client, (struct sockaddr *)&address, &length));
	CHECK(length > 4);
	length = (socklen_t)-1;
	CHECK_ERRNO(getsockname(client, (struct sockaddr *)&address, &length), EINVAL);
	close(accepted);
	CHECK_EQ(read(client, buffer, 1), 0);
	close(client);
	close(server);
	client = socket(family, SOCK_STREAM, 0);
	CHECK_ERRNO(connect_loopback(client, family, port), ECONNREFUSED);
	close(client);
}

static void test_nonblocking(void)
{
	int port, server = listen_loopback(AF_INET, 4, &port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), accepted;

	fcntl(server, F_SETFL, O_NONBLOCK);
	CHECK_ERRNO(accept(server, NULL, NULL), EAGAIN);
	CHECK_ERRNO(connect_loopback(fd, AF_INET, port), EINPROGRESS);
	CHECK_EQ(polled_soon(fd, POLLOUT), POLLOUT);
	CHECK_EQ(error_of(fd), 0);
	CHECK_OK(connect_loopback(fd, AF_INET, port));
	CHECK_ERRNO(connect_loopback(fd, AF_INET, port), EISCONN);
	CHECK_EQ(polled_soon(server, POLLIN), POLLIN);
	accepted = accept(server, NULL, NULL);
	CHECK(accepted >= 0);
	CHECK_EQ(fcntl(accepted, F_GETFL), O_RDWR);
	close(accepted);
	close(fd);
	close(server);
	/* Refused: told by SO_ERROR, once. */
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	CHECK_ERRNO(connect_loopback(fd, AF_INET, port), EINPROGRESS);
	CHECK_EQ(polled_soon(fd, POLLIN | POLLOUT), POLLIN | POLLOUT | POLLERR | POLLHUP);
	CHECK_EQ(error_of(fd), ECONNREFUSED);
	CHECK_EQ(error_of(fd), 0);
	close(fd);
}

/* More connections than the backlog has place for come one after the other. */
static void test_backlog(void)
{
	enum { COUNT = 3 };
	int port, server = listen_loopback(AF_INET, 1, &port), fds[COUNT], served = 0;

	for (int i = 0; i < COUNT; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		CHECK_ERRNO(connect_loopback(fds[i], AF_INET, port), EINPROGRESS);
	}
	while (served < COUNT && polled_soon(server, POLLIN) == POLLIN) {
		int fd = accept(server, NULL, NULL);

		CHECK(fd >= 0);
		close(fd);
		served++;
	}
	CHECK_EQ(served, COUNT);
	for (int i = 0; i < COUNT; i++)
		close(fds[i]);
	close(server);
}

static void test_dual_stack(void)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6}, got;
	socklen_t length = sizeof(got);
	int server = socket(AF_INET6, SOCK_STREAM, 0), fd, accepted, port, other;
	char text[INET6_ADDRSTRLEN];

	CHECK_EQ(number_of(server, IPPROTO_IPV6, IPV6_V6ONLY), 0);
	CHECK_OK(bind(server, (struct sockaddr *)&any, sizeof(any)));
	CHECK_ERRNO(set_number(server, IPPROTO_IPV6, IPV6_V6ONLY, 1), EINVAL);
	CHECK_OK(listen(server, 4));
	port = port_of(server, false);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_OK(connect_loopback(fd, AF_INET, port));
	accepted = accept(server, (struct sockaddr *)&got, &length);
	CHECK(accepted >= 0);
	CHECK_EQ(got.sin6_family, AF_INET6);
	CHECK_STR(inet_ntop(AF_INET6, &got.sin6_addr, text, sizeof(text)), "::ffff:127.0.0.1");
	/* It holds the port for IPv4, too. */
	other = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_ERRNO(bind_loopback(other, AF_INET, port), EADDRINUSE);
	close(fd);
	close(accepted);
	close(server);
	server = socket(AF_INET6, SOCK_STREAM, 0);
	CHECK_OK(set_number(server, IPPROTO_IPV6, IPV6_V6ONLY, 1));
	CHECK_OK(set_number(server, SOL_SOCKET, SO_REUSEADDR, 1));
	any.sin6_port = htons((uint16_t)port);
	CHECK_OK(bind(server, (struct sockaddr *)&any, sizeof(any)));
	CHECK_OK(listen(server, 4));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_ERRNO(connect_loopback(fd, AF_INET, port), ECONNREFUSED);
	close(fd);
	close(other);
	close(server);
}

static void test_shutdown(void)
{
	char buffer[8];
	int fds[2];

	connect_both(AF_INET, fds);
	CHECK_ERRNO(shutdown(fds[0], 3), EINVAL);
	CHECK_OK(shutdown(fds[0], SHUT_WR));
	CHECK_EQ(polled_soon(fds[1], POLLIN | POLLRDHUP), POLLIN | POLLRDHUP);
	CHECK_EQ(read(fds[1], buffer, 1), 0);
	CHECK_ERRNO(send(fds[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK_EQ(write(fds[1], "back", 4), 4);
	CHECK_EQ(recv(fds[0], buffer, 4, MSG_WAITALL), 4);
	CHECK_OK(shutdown(fds[1], SHUT_WR));
	CHECK_EQ(polled_soon(fds[0], POLLHUP), POLLHUP);
	close_both(fds);
	connect_both(AF_INET, fds);
	CHECK_EQ(write(fds[1], "left", 4), 4);
	CHECK_OK(shutdown(fds[0], SHUT_RD));
	CHECK_EQ(recv(fds[0], buffer, 4, MSG_WAITALL), 4);
	CHECK_EQ(read(fds[0], buffer, 1), 0);
	close_both(fds);
}

/* Closed in peace: the end of the stream, and then nobody to write to. */
static void test_close(void)
{
	char byte;
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	connect_both(AF_INET, fds);
	CHECK_EQ(write(fds[0], "x", 1), 1);
	close(fds[0]);
	CHECK_EQ(read(fds[1], &byte, 1), 1);
	CHECK_EQ(read(fds[1], &byte, 1), 0);
	CHECK_EQ(write(fds[1], "y", 1), 1);
	CHECK_EQ(polled_soon(fds[1], 0), POLLERR | POLLHUP);
	CHECK_ERRNO(write(fds[1], "y", 1), EPIPE);
	CHECK_EQ(read(fds[1], &byte, 1), 0);
	close(fds[1]);
	/* With bytes unread, or SO_LINGER 0: a reset. */
	connect_both(AF_INET, fds);
	CHECK_EQ(write(fds[1], "unread", 6), 6);
	CHECK_EQ(polled_soon(fds[0], POLLIN), POLLIN);
	close(fds[0]);
	CHECK_EQ(polled_soon(fds[1], POLLIN), POLLIN | POLLERR | POLLHUP);
	CHECK_ERRNO(read(fds[1], &byte, 1), ECONNRESET);
	CHECK_EQ(read(fds[1], &byte, 1), 0);
	CHECK_EQ(port_of(fds[1], true), -1);
	close(fds[1]);
	connect_both(AF_INET, fds);
	CHECK_OK(setsockopt(
		fds[0], SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)));
	close(fds[0]);
	CHECK_EQ(polled_soon(fds[1], POLLIN), POLLIN | POLLERR | POLLHUP);
	CHECK_ERRNO(write(fds[1], "y", 1), ECONNRESET);
	CHECK_ERRNO(write(fds[1], "y", 1), EPIPE);
	close(fds[1]);
	signal(SIGPIPE, SIG_DFL);
}

/* Connections nobody accepted end with their listener. */
static void test_close_listener(void)
{
	int port, server = listen_loopback(AF_INET, 4, &port), fd;
	char byte;

	fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_OK(connect_loopback(fd, AF_INET, port));
	close(server);
	CHECK_EQ(polled_soon(fd, POLLIN), POLLIN | POLLERR | POLLHUP);
	CHECK_ERRNO(read(fd, &byte, 1), ECONNRESET);
	close(fd);
	server = listen_loopback(AF_INET, 4, &port);
	CHECK_OK(shutdown(server, SHUT_RD));
	CHECK_ERRNO(accept(server, NULL, NULL), EINVAL);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_ERRNO(connect_loopback(fd, AF_INET, port), ECONNREFUSED);
	close(fd);
	close(server);
}

static void test_addresses(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET}, got;
	socklen_t length = sizeof(got);
	int server = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK_OK(bind(server, (struct sockaddr *)&any, sizeof(any)));
	CHECK_OK(listen(server, 4));
	any.sin_port = htons((uint16_t)port_of(server, false));
	/* To nowhere is to this machine. */
	CHECK_OK(connect(fd, (struct sockaddr *)&any, sizeof(any)));
	CHECK_OK(getpeername(fd, (struct sockaddr *)&got, &length));
	CHECK_EQ(ntohl(got.sin_addr.s_addr), INADDR_LOOPBACK);
	CHECK_OK(getsockname(fd, (struct sockaddr *)&got, &length));
	CHECK_EQ(ntohl(got.sin_addr.s_addr), INADDR_LOOPBACK);
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	any.sin_addr.s_addr = htonl(0x7f010203); /* 127.1.2.3 */
	CHECK_OK(connect(fd, (struct sockaddr *)&any, sizeof(any)));
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	any.sin_family = AF_INET6;
	CHECK_ERRNO(connect(fd, (struct sockaddr *)&any, sizeof(any)), EAFNOSUPPORT);
	CHECK_ERRNO(connect(fd, (struct sockaddr *)&any, 1), EINVAL);
	close(fd);
	close(server);
}

int main(void)
{
	test_socket();
	test_bind();
	test_reuseport();
	test_connect(AF_INET);
	test_connect(AF_INET6);
	test_nonblocking();
	test_backlog();
	test_dual_stack();
	test_shutdown();
	test_close();
	test_close_listener();
	test_addresses();
	return test_done();
}
