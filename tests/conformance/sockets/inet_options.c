/* covers: setsockopt getsockopt ioctl epoll_wait epoll_ctl epoll_create1 */
/* tcp(7), ip(7), ipv6(7), udp(7): options; and epoll(7) over connections. */
#include <net/if.h>

#include "tests/conformance/sockets/inet.h"

static void test_numbers(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);

	CHECK_EQ(number_of(fd, IPPROTO_TCP, TCP_NODELAY), 0);
	CHECK_OK(set_number(fd, IPPROTO_TCP, TCP_NODELAY, 7));
	CHECK_EQ(number_of(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	CHECK_OK(set_number(fd, IPPROTO_TCP, TCP_KEEPIDLE, 30));
	CHECK_EQ(number_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 30);
	CHECK_ERRNO(set_number(fd, IPPROTO_TCP, TCP_KEEPIDLE, 0), EINVAL);
	CHECK_OK(set_number(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5));
	CHECK_OK(set_number(fd, IPPROTO_TCP, TCP_KEEPCNT, 3));
	CHECK_EQ(number_of(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
	CHECK_OK(set_number(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 1000));
	CHECK_EQ(number_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 1000);
	CHECK_OK(set_number(fd, SOL_SOCKET, SO_KEEPALIVE, 1));
	CHECK_EQ(number_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	CHECK_OK(set_number(fd, SOL_SOCKET, SO_REUSEPORT, 1));
	CHECK_EQ(number_of(fd, SOL_SOCKET, SO_REUSEPORT), 1);
	CHECK_EQ(number_of(fd, IPPROTO_IP, IP_TTL), 64);
	CHECK_ERRNO(set_number(fd, IPPROTO_IP, IP_TTL, 256), EINVAL);
	CHECK_OK(set_number(fd, IPPROTO_IP, IP_TTL, 9));
	CHECK_EQ(number_of(fd, IPPROTO_IP, IP_TTL), 9);
	CHECK_ERRNO(set_number(fd, IPPROTO_TCP, 12345, 1), ENOPROTOOPT);
	CHECK_ERRNO(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, "", 1), EINVAL);
	CHECK_ERRNO(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, BAD_POINTER, 4), EFAULT);
	CHECK_ERRNO(set_number(udp, IPPROTO_TCP, TCP_NODELAY, 1), ENOPROTOOPT);
	CHECK_OK(set_number(udp, SOL_SOCKET, SO_BROADCAST, 1));
	CHECK_EQ(number_of(udp, SOL_SOCKET, SO_BROADCAST), 1);
	CHECK_OK(set_number(fd, SOL_SOCKET, SO_RCVBUF, 8192));
	CHECK_EQ(number_of(fd, SOL_SOCKET, SO_RCVBUF), 16384);
	close(fd);
	close(udp);
}

static void test_linger(void)
{
	struct linger linger = {-1, -1};
	socklen_t size = sizeof(linger);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &size));
	CHECK_EQ(linger.l_onoff, 0);
	linger = (struct linger){1, 7};
	CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	linger = (struct linger){0, 0};
	CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &size));
	CHECK_EQ(linger.l_onoff, 1);
	CHECK_EQ(linger.l_linger, 7);
	CHECK_ERRNO(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, 4), EINVAL);
	close(fd);
}

static void test_information(void)
{
	struct tcp_info info;
	socklen_t size = sizeof(info);
	char name[16] = "";
	int fds[2];

	connect_both(AF_INET, fds);
	memset(&info, 0, sizeof(info));
	CHECK_OK(getsockopt(fds[0], IPPROTO_TCP, TCP_INFO, &info, &size));
	CHECK_EQ(info.tcpi_state, TCP_ESTABLISHED);
	CHECK(info.tcpi_snd_mss > 0);
	size = sizeof(name);
	CHECK_OK(getsockopt(fds[0], IPPROTO_TCP, TCP_CONGESTION, name, &size));
	CHECK(name[0]);
	close(fds[1]);
	CHECK_EQ(polled_soon(fds[0], POLLIN), POLLIN);
	size = sizeof(info);
	CHECK_OK(getsockopt(fds[0], IPPROTO_TCP, TCP_INFO, &info, &size));
	CHECK_EQ(info.tcpi_state, TCP_CLOSE_WAIT);
	close(fds[0]);
}

static int waited(int epoll, int timeout_ms)
{
	struct epoll_event event = {0, {0}};
	int n = epoll_wait(epoll, &event, 1, timeout_ms);

	return n == 1 ? (int)event.events : n < 0 ? -errno : 0;
}

static void test_epoll(void)
{
	struct epoll_event event = {EPOLLIN | EPOLLRDHUP, {0}};
	int fds[2], level = epoll_create1(0), edge = epoll_create1(EPOLL_CLOEXEC);
	char byte;

	connect_both(AF_INET, fds);
	CHECK_OK(epoll_ctl(level, EPOLL_CTL_ADD, fds[0], &event));
	event.events |= EPOLLET;
	CHECK_OK(epoll_ctl(edge, EPOLL_CTL_ADD, fds[0], &event));
	CHECK_EQ(waited(level, 0), 0);
	CHECK_EQ(write(fds[1], "ab", 2), 2);
	CHECK_EQ(waited(level, 5000), EPOLLIN);
	CHECK_EQ(waited(level, 0), EPOLLIN);
	CHECK_EQ(waited(edge, 5000), EPOLLIN);
	CHECK_EQ(waited(edge, 0), 0);
	CHECK_EQ(read(fds[0], &byte, 1), 1);
	CHECK_EQ(waited(level, 0), EPOLLIN);
	CHECK_EQ(waited(edge, 0), 0);
	CHECK_EQ(write(fds[1], "c", 1), 1);
	CHECK_EQ(waited(edge, 5000), EPOLLIN);
	event.events = EPOLLIN | EPOLLOUT | EPOLLONESHOT;
	CHECK_OK(epoll_ctl(level, EPOLL_CTL_MOD, fds[0], &event));
	CHECK_EQ(waited(level, 0), EPOLLIN | EPOLLOUT);
	CHECK_EQ(waited(level, 0), 0);
	close(fds[1]);
	CHECK_EQ(waited(edge, 5000), EPOLLIN | EPOLLRDHUP);
	CHECK_EQ(waited(edge, 0), 0);
	close(fds[0]);
	close(level);
	close(edge);
}

/* A socket that is waited for before it listens or is connected. */
static void test_epoll_first(void)
{
	struct epoll_event event = {EPOLLIN | EPOLLOUT, {0}};
	int epoll = epoll_create1(0), port, server, fd = socket(AF_INET, SOCK_STREAM, 0);

	server = listen_loopback(AF_INET, 4, &port);
	CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	CHECK_EQ(waited(epoll, 0), EPOLLOUT | EPOLLHUP);
	CHECK_OK(connect_loopback(fd, AF_INET, port));
	CHECK_EQ(waited(epoll, 5000), EPOLLOUT);
	close(fd);
	close(server);
	close(epoll);
}

/* What is wrong with a call is told before what is not to be had. */
static void test_arguments(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), pair[2], number = 1 << 20;
	struct sockaddr_in from;
	struct msghdr message = {.msg_name = &from, .msg_namelen = (socklen_t)-1};

	CHECK_ERRNO(socketpair(AF_INET, SOCK_STREAM, IPPROTO_ICMP, pair), EPROTONOSUPPORT);
	CHECK_ERRNO(socketpair(AF_INET, SOCK_DGRAM, IPPROTO_TCP, pair), EPROTONOSUPPORT);
	CHECK_ERRNO(socketpair(AF_INET, SOCK_STREAM, IPPROTO_TCP, pair), EOPNOTSUPP);
	CHECK_ERRNO(recvmsg(fd, &message, MSG_DONTWAIT), EINVAL);
	CHECK_ERRNO(ioctl(fd, SIOCATMARK, &number), ENOTTY);
	FORKED("beyond the limits of buffers needs a right")
	{
		become_nobody();
		CHECK_ERRNO(
			setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &number, sizeof(number)), EPERM);
		CHECK_ERRNO(
			setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &number, sizeof(number)), EPERM);
	}
	close(fd);
}

/* socket(7): SO_BINDTODEVICE. */
static void test_device(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	char name[IFNAMSIZ] = "x";
	socklen_t size = sizeof(name);

	CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &size));
	CHECK_EQ(size, 0);
	CHECK_ERRNO(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "none", 4), ENODEV);
	CHECK_ERRNO(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, BAD_POINTER, 4), EFAULT);
	CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2));
	CHECK_EQ(number_of(fd, SOL_SOCKET, SO_BINDTOIFINDEX), 1);
	size = 3;
	CHECK_ERRNO(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &size), EINVAL);
	size = sizeof(name);
	CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &size));
	CHECK_EQ(size, 3);
	CHECK_STR(name, "lo");
	FORKED("to change it needs a right")
	{
		become_nobody();
		CHECK_ERRNO(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "", 0), EPERM);
	}
	CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "", 0));
	CHECK_EQ(number_of(fd, SOL_SOCKET, SO_BINDTOIFINDEX), 0);
	close(fd);
}

int main(void)
{
	test_numbers();
	test_arguments();
	test_linger();
	test_information();
	test_epoll();
	test_epoll_first();
	test_device();
	return test_done();
}
