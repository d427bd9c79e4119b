/* covers: sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg read write readv writev ioctl sendfile
 * splice */
/* tcp(7), udp(7): what is sent arrives. */
#include <netinet/udp.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "tests/conformance/sockets/inet.h"

static void test_flags(void)
{
	char buffer[16];
	int fds[2], count = -1;

	connect_both(AF_INET, fds);
	CHECK_ERRNO(recv(fds[0], buffer, 4, MSG_DONTWAIT), EAGAIN);
	CHECK_EQ(send(fds[1], "abcdef", 6, 0), 6);
	CHECK_EQ(polled_soon(fds[0], POLLIN), POLLIN);
	CHECK_EQ(recv(fds[0], buffer, 3, MSG_PEEK), 3);
	CHECK_EQ(recv(fds[0], buffer, 6, MSG_PEEK), 6);
	CHECK_OK(ioctl(fds[0], FIONREAD, &count));
	CHECK_EQ(count, 6);
	CHECK_EQ(recv(fds[0], buffer, 2, MSG_TRUNC), 2); /* dropped */
	CHECK_EQ(recv(fds[0], buffer, sizeof(buffer), 0), 4);
	CHECK(!memcmp(buffer, "cdef", 4));
	CHECK_ERRNO(recv(fds[0], buffer, 0, MSG_DONTWAIT), EAGAIN);
	CHECK_ERRNO(send(fds[0], BAD_POINTER, 4, 0), EFAULT);
	/* Urgent data stand aside. */
	CHECK_ERRNO(recv(fds[0], buffer, 1, MSG_OOB), EINVAL);
	CHECK_EQ(send(fds[1], "u", 1, MSG_OOB), 1);
	CHECK(polled_soon(fds[0], POLLPRI) & POLLPRI);
	CHECK_EQ(recv(fds[0], buffer, 1, MSG_OOB), 1);
	CHECK_EQ(buffer[0], 'u');
	close_both(fds);
}

/* A megabyte through a full buffer, and back-pressure on the way. */
static void test_bulk(int family)
{
	static unsigned char out[65536], in[65536];
	size_t total = 1 << 20, done = 0;
	int fds[2], status;
	pid_t child;

	connect_both(family, fds);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (unsigned char)(i * 7);
	child = fork();
	if (child == 0) {
		close(fds[0]);
		for (size_t sent = 0; sent < total; sent += sizeof(out))
			if (write(fds[1], out, sizeof(out)) != (ssize_t)sizeof(out))
				_exit(1);
		_exit(0);
	}
	close(fds[1]);
	while (done < total) {
		ssize_t n = recv(fds[0], in, sizeof(in), MSG_WAITALL);

		if (n != (ssize_t)sizeof(in) || memcmp(in, out, sizeof(in)))
			break;
		done += (size_t)n;
	}
	CHECK_EQ(done, total);
	CHECK_EQ(read(fds[0], in, 1), 0);
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	close(fds[0]);
}

static void test_full(void)
{
	static char out[65536];
	size_t sent = 0, got = 0;
	ssize_t n;
	int fds[2], count;

	connect_both(AF_INET, fds);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	while ((n = write(fds[0], out, sizeof(out))) > 0)
		sent += (size_t)n;
	CHECK_EQ(n, -1);
	CHECK_EQ(errno, EAGAIN);
	CHECK(sent >= 65536);
	CHECK_EQ(polled(fds[0], POLLOUT), 0);
	CHECK_OK(ioctl(fds[0], TIOCOUTQ, &count));
	CHECK(count >= 0);
	while (got < sent && (n = read(fds[1], out, sizeof(out))) > 0)
		got += (size_t)n;
	CHECK_EQ(got, sent);
	CHECK_EQ(polled_soon(fds[0], POLLOUT), POLLOUT);
	close_both(fds);
}

static void test_vectors(void)
{
	struct iovec out[2] = {{(char *)"ab", 2}, {(char *)"cde", 3}}, in[2];
	char a[3], b[8];
	struct msghdr message = {.msg_iov = out, .msg_iovlen = 2};
	int fds[2];

	connect_both(AF_INET6, fds);
	CHECK_EQ(writev(fds[0], out, 2), 5);
	CHECK_EQ(sendmsg(fds[0], &message, 0), 5);
	CHECK_EQ(recv(fds[1], b, 8, MSG_PEEK | MSG_WAITALL), 8);
	in[0] = (struct iovec){a, 3};
	in[1] = (struct iovec){b, 2};
	CHECK_EQ(readv(fds[1], in, 2), 5);
	CHECK(!memcmp(a, "abc", 3) && !memcmp(b, "de", 2));
	message = (struct msghdr){.msg_iov = in, .msg_iovlen = 2};
	CHECK_EQ(recvmsg(fds[1], &message, 0), 5);
	CHECK_EQ(message.msg_flags, 0);
	CHECK_EQ(message.msg_controllen, 0);
	close_both(fds);
}

static void test_timeouts(void)
{
	struct timeval time = {0, 30000};
	char byte;
	int fds[2];

	connect_both(AF_INET, fds);
	CHECK_OK(setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
	CHECK_ERRNO(recv(fds[0], &byte, 1, 0), EAGAIN);
	close_both(fds);
}

static void test_files(void)
{
	char buffer[16];
	int fds[2], pipes[2], file;
	off_t at = 2;

	CHECK(put_file("content", "0123456789"));
	file = open("content", O_RDONLY);
	connect_both(AF_INET, fds);
	CHECK_EQ(sendfile(fds[0], file, &at, 5), 5);
	CHECK_EQ(at, 7);
	CHECK_EQ(recv(fds[1], buffer, 5, MSG_WAITALL), 5);
	CHECK(!memcmp(buffer, "23456", 5));
	CHECK_OK(pipe(pipes));
	CHECK_EQ(write(pipes[1], "spliced", 7), 7);
	CHECK_EQ(splice(pipes[0], NULL, fds[0], NULL, 7, 0), 7);
	CHECK_EQ(polled_soon(fds[1], POLLIN), POLLIN);
	CHECK_EQ(splice(fds[1], NULL, pipes[1], NULL, 7, 0), 7);
	CHECK_EQ(read(pipes[0], buffer, sizeof(buffer)), 7);
	CHECK(!memcmp(buffer, "spliced", 7));
	close_both(pipes);
	close_both(fds);
	close(file);
}

/* ---- Datagrams ---- */

static void test_datagrams(int family)
{
	struct sockaddr_storage to, from;
	socklen_t length, from_length = sizeof(from);
	int a = socket(family, SOCK_DGRAM, 0), b = socket(family, SOCK_DGRAM, 0), count;
	char buffer[16];

	CHECK_ERRNO(send(a, "x", 1, 0), EDESTADDRREQ);
	CHECK_EQ(polled(a, POLLIN | POLLOUT), POLLOUT);
	CHECK_OK(bind_loopback(b, family, 0));
	length = loopback(family, port_of(b, false), &to);
	CHECK_EQ(sendto(a, "hello", 5, 0, (struct sockaddr *)&to, length), 5);
	CHECK_EQ(sendto(a, "", 0, 0, (struct sockaddr *)&to, length), 0);
	CHECK_EQ(polled_soon(b, POLLIN), POLLIN);
	CHECK_OK(ioctl(b, FIONREAD, &count));
	CHECK_EQ(count, 5);
	CHECK_EQ(recvfrom(b, buffer, 2, MSG_PEEK, (struct sockaddr *)&from, &from_length), 2);
	CHECK_EQ(from_length, length);
	CHECK_EQ(ntohs(((struct sockaddr_in *)&from)->sin_port), port_of(a, false));
	CHECK_EQ(recv(b, buffer, 2, MSG_TRUNC), 5);
	CHECK_EQ(recv(b, buffer, sizeof(buffer), 0), 0);
	CHECK_ERRNO(recv(b, buffer, 2, MSG_DONTWAIT), EAGAIN);
	/* Connected: from there alone. */
	CHECK_OK(connect(a, (struct sockaddr *)&to, length));
	CHECK_EQ(port_of(a, true), port_of(b, false));
	CHECK_EQ(send(a, "again", 5, 0), 5);
	CHECK_EQ(recv(b, buffer, sizeof(buffer), 0), 5);
	length = loopback(family, port_of(a, false), &to);
	CHECK_EQ(sendto(b, "reply", 5, 0, (struct sockaddr *)&to, length), 5);
	CHECK_EQ(recv(a, buffer, sizeof(buffer), 0), 5);
	{
		int stranger = socket(family, SOCK_DGRAM, 0);

		/* Nobody takes it. */
		CHECK_EQ(sendto(stranger, "spam", 4, 0, (struct sockaddr *)&to, length), 4);
		CHECK_ERRNO(recv(a, buffer, sizeof(buffer), MSG_DONTWAIT), EAGAIN);
		close(stranger);
	}
	/* Nobody there any more: told once. */
	close(b);
	CHECK_EQ(send(a, "lost", 4, 0), 4);
	CHECK_EQ(polled_soon(a, POLLIN) & POLLERR, POLLERR);
	CHECK_ERRNO(recv(a, buffer, 1, MSG_DONTWAIT), ECONNREFUSED);
	CHECK_ERRNO(recv(a, buffer, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_OK(connect(a, &(struct sockaddr){.sa_family = AF_UNSPEC}, sizeof(struct sockaddr)));
	CHECK_EQ(port_of(a, true), -1);
	CHECK_ERRNO(send(a, "x", 1, 0), EDESTADDRREQ);
	close(a);
}

static void test_datagram_limits(void)
{
	static char big[65536];
	struct sockaddr_in to = {.sin_family = AF_INET};
	int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);

	CHECK_OK(bind_loopback(b, AF_INET, 0));
	CHECK_OK(connect_loopback(a, AF_INET, port_of(b, false)));
	CHECK_EQ(send(a, big, 65507, 0), 65507);
	CHECK_EQ(recv(b, big, sizeof(big), 0), 65507);
	CHECK_ERRNO(send(a, big, 65508, 0), EMSGSIZE);
	CHECK_ERRNO(listen(a, 1), EOPNOTSUPP);
	CHECK_ERRNO(accept(a, NULL, NULL), EOPNOTSUPP);
	/* Broadcast has to be asked for. */
	to.sin_addr.s_addr = htonl(INADDR_BROADCAST);
	to.sin_port = htons(9);
	CHECK_ERRNO(sendto(a, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), EACCES);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = 0;
	CHECK_ERRNO(sendto(a, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), EINVAL);
	CHECK_ERRNO(sendto(a, "x", 1, 0, (struct sockaddr *)&to, 3), EINVAL);
	CHECK_OK(shutdown(a, SHUT_RDWR));
	CHECK_EQ(recv(a, big, 1, 0), 0);
	CHECK_ERRNO(send(a, "x", 1, MSG_NOSIGNAL), EPIPE);
	close(a);
	close(b);
}

/* udp(7), send(2): what is corked is one datagram in the end, to where the first part goes. */
static void test_corked_datagrams(int family)
{
	char buffer[64];
	struct sockaddr_storage to, other;
	socklen_t length;
	int a = socket(family, SOCK_DGRAM, 0), b = socket(family, SOCK_DGRAM, 0);

	CHECK_OK(bind_loopback(b, family, 0));
	length = loopback(family, port_of(b, false), &to);
	loopback(family, 9, &other);
	CHECK_EQ(sendto(a, "ab", 2, MSG_MORE, (struct sockaddr *)&to, length), 2);
	CHECK_ERRNO(recv(b, buffer, sizeof(buffer), MSG_DONTWAIT), EAGAIN);
	CHECK_EQ(sendto(a, "cde", 3, MSG_MORE, (struct sockaddr *)&other, length), 3);
	CHECK_EQ(send(a, "f", 1, 0), 1);
	CHECK_EQ(recv(b, buffer, sizeof(buffer), 0), 6);
	CHECK(!memcmp(buffer, "abcdef", 6));
	CHECK_OK(connect(a, (struct sockaddr *)&to, length));
	CHECK_OK(set_number(a, IPPROTO_UDP, UDP_CORK, 1));
	CHECK_EQ(write(a, "12", 2), 2);
	CHECK_EQ(write(a, "34", 2), 2);
	CHECK_ERRNO(recv(b, buffer, sizeof(buffer), MSG_DONTWAIT), EAGAIN);
	CHECK_OK(set_number(a, IPPROTO_UDP, UDP_CORK, 0));
	CHECK_EQ(recv(b, buffer, sizeof(buffer), 0), 4);
	CHECK(!memcmp(buffer, "1234", 4));
	CHECK_EQ(send(a, "x", 1, MSG_MORE), 1);
	close(a); /* and what was not sent is gone */
	CHECK_ERRNO(recv(b, buffer, sizeof(buffer), MSG_DONTWAIT), EAGAIN);
	close(b);
}

/* What is more than a datagram is dropped as a whole. */
static void test_corked_limit(void)
{
	static char big[40000];
	char buffer[8];
	int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);

	CHECK_OK(bind_loopback(b, AF_INET, 0));
	CHECK_OK(connect_loopback(a, AF_INET, port_of(b, false)));
	CHECK_EQ(send(a, big, sizeof(big), MSG_MORE), sizeof(big));
	CHECK_ERRNO(send(a, big, sizeof(big), 0), EMSGSIZE);
	CHECK_EQ(send(a, "y", 1, 0), 1);
	CHECK_EQ(recv(b, buffer, sizeof(buffer), 0), 1);
	close(a);
	close(b);
}

#define GROUP 0xef010203U /* 239.1.2.3 */

static int join_on_loopback(int fd, uint32_t group, int option)
{
	struct ip_mreq request = {{htonl(group)}, {htonl(INADDR_LOOPBACK)}};

	return setsockopt(fd, IPPROTO_IP, option, &request, sizeof(request));
}

/* On the loopback interface, whatever else the machine has. */
static void test_group(void)
{
	struct in_addr interface = {htonl(INADDR_LOOPBACK)};
	int members[3], sender = socket(AF_INET, SOCK_DGRAM, 0), port = 0;
	struct sockaddr_in to = {.sin_family = AF_INET}, from;
	socklen_t length = sizeof(from);
	char buffer[8];

	for (int i = 0; i < 3; i++) {
		members[i] = socket(AF_INET, SOCK_DGRAM, 0);
		CHECK_OK(set_number(members[i], SOL_SOCKET, SO_REUSEADDR, 1));
		to.sin_port = htons((uint16_t)port);
		CHECK_OK(bind(members[i], (struct sockaddr *)&to, sizeof(to)));
		port = port_of(members[i], false);
	}
	CHECK_OK(setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof(interface)));
	to.sin_addr.s_addr = htonl(GROUP);
	to.sin_port = htons((uint16_t)port);
	CHECK_OK(join_on_loopback(members[0], GROUP, IP_ADD_MEMBERSHIP));
	CHECK_OK(join_on_loopback(members[1], GROUP, IP_ADD_MEMBERSHIP));
	CHECK_OK(set_number(members[2], IPPROTO_IP, IP_MULTICAST_ALL, 0));
	CHECK_EQ(sendto(sender, "all", 3, 0, (struct sockaddr *)&to, sizeof(to)), 3);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(recvfrom(members[i], buffer, 8, 0, (struct sockaddr *)&from, &length), 3);
		CHECK_EQ(ntohl(from.sin_addr.s_addr), INADDR_LOOPBACK);
		CHECK_EQ(ntohs(from.sin_port), port_of(sender, false));
	}
	CHECK_ERRNO(recv(members[2], buffer, 8, MSG_DONTWAIT), EAGAIN);
	CHECK_OK(set_number(members[2], IPPROTO_IP, IP_MULTICAST_ALL, 1));
	CHECK_OK(join_on_loopback(members[1], GROUP, IP_DROP_MEMBERSHIP));
	CHECK_OK(set_number(members[1], IPPROTO_IP, IP_MULTICAST_ALL, 0));
	CHECK_EQ(sendto(sender, "one", 3, 0, (struct sockaddr *)&to, sizeof(to)), 3);
	CHECK_EQ(recv(members[0], buffer, 8, 0), 3);
	CHECK_EQ(recv(members[2], buffer, 8, 0), 3);
	CHECK_ERRNO(recv(members[1], buffer, 8, MSG_DONTWAIT), EAGAIN);
	CHECK_OK(set_number(sender, IPPROTO_IP, IP_MULTICAST_LOOP, 0));
	/* What goes out through lo comes in there all the same. */
	CHECK_EQ(sendto(sender, "no", 2, 0, (struct sockaddr *)&to, sizeof(to)), 2);
	CHECK_EQ(recv(members[0], buffer, 8, 0), 2);
	for (int i = 0; i < 3; i++)
		close(members[i]);
	close(sender);
}

static void test_group_errors(void)
{
	struct group_req request = {.gr_interface = 1};
	struct sockaddr_in group = {.sin_family = AF_INET, .sin_addr = {htonl(GROUP)}};
	struct ip_mreqn nowhere = {{htonl(GROUP)}, {0}, 99};
	int udp = socket(AF_INET, SOCK_DGRAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0);

	memcpy(&request.gr_group, &group, sizeof(group));
	CHECK_ERRNO(join_on_loopback(udp, GROUP, IP_DROP_MEMBERSHIP), EADDRNOTAVAIL);
	CHECK_OK(join_on_loopback(udp, GROUP, IP_ADD_MEMBERSHIP));
	CHECK_ERRNO(join_on_loopback(udp, GROUP, IP_ADD_MEMBERSHIP), EADDRINUSE);
	CHECK_ERRNO(setsockopt(udp, IPPROTO_IP, MCAST_JOIN_GROUP, &request, sizeof(request)),
		EADDRINUSE);
	CHECK_ERRNO(join_on_loopback(udp, INADDR_LOOPBACK, IP_ADD_MEMBERSHIP), EINVAL);
	CHECK_ERRNO(setsockopt(udp, IPPROTO_IP, IP_ADD_MEMBERSHIP, &nowhere, 4), EINVAL);
	CHECK_ERRNO(
		setsockopt(udp, IPPROTO_IP, IP_ADD_MEMBERSHIP, &nowhere, sizeof(nowhere)), ENODEV);
	CHECK_ERRNO(join_on_loopback(tcp, GROUP, IP_ADD_MEMBERSHIP), EPROTO);
	CHECK_ERRNO(setsockopt(tcp, IPPROTO_IP, MCAST_LEAVE_GROUP, &request, sizeof(request)),
		EADDRNOTAVAIL);
	CHECK_OK(setsockopt(tcp, IPPROTO_IP, MCAST_JOIN_GROUP, &request, sizeof(request)));
	CHECK_ERRNO(setsockopt(udp, IPPROTO_IP, MCAST_JOIN_GROUP, &request, 16), EINVAL);
	close(udp);
	close(tcp);
}

static void test_packet_info(void)
{
	char buffer[8], control[128];
	struct iovec in = {buffer, sizeof(buffer)};
	struct sockaddr_in from;
	struct msghdr message = {.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &in,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *header;
	struct in_pktinfo info;
	int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);

	CHECK_OK(bind_loopback(b, AF_INET, 0));
	CHECK_OK(set_number(b, IPPROTO_IP, IP_PKTINFO, 1));
	CHECK_OK(connect_loopback(a, AF_INET, port_of(b, false)));
	CHECK_EQ(send(a, "x", 1, 0), 1);
	CHECK_EQ(recvmsg(b, &message, 0), 1);
	CHECK_EQ(message.msg_namelen, sizeof(from));
	CHECK_EQ(ntohs(from.sin_port), port_of(a, false));
	header = CMSG_FIRSTHDR(&message);
	REQUIRE(header && header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO);
	memcpy(&info, CMSG_DATA(header), sizeof(info));
	CHECK_EQ(info.ipi_ifindex, 1);
	CHECK_EQ(ntohl(info.ipi_addr.s_addr), INADDR_LOOPBACK);
	close(a);
	close(b);
}

static void test_many_messages(void)
{
	char in[2][8];
	struct iovec out = {(char *)"mm", 2}, to[2] = {{in[0], 8}, {in[1], 8}};
	struct mmsghdr messages[2] = {
		{.msg_hdr = {.msg_iov = &out, .msg_iovlen = 1}},
		{.msg_hdr = {.msg_iov = &out, .msg_iovlen = 1}},
	};
	int a = socket(AF_INET6, SOCK_DGRAM, 0), b = socket(AF_INET6, SOCK_DGRAM, 0);

	CHECK_OK(bind_loopback(b, AF_INET6, 0));
	CHECK_OK(connect_loopback(a, AF_INET6, port_of(b, false)));
	CHECK_EQ(sendmmsg(a, messages, 2, 0), 2);
	for (int i = 0; i < 2; i++)
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &to[i], .msg_iovlen = 1};
	CHECK_EQ(recvmmsg(b, messages, 2, 0, NULL), 2);
	CHECK_EQ(messages[1].msg_len, 2);
	close(a);
	close(b);
}

int main(void)
{
	test_flags();
	test_bulk(AF_INET);
	test_bulk(AF_INET6);
	test_full();
	test_vectors();
	test_timeouts();
	test_files();
	test_datagrams(AF_INET);
	test_datagrams(AF_INET6);
	test_datagram_limits();
	test_corked_datagrams(AF_INET);
	test_corked_datagrams(AF_INET6);
	test_corked_limit();
	test_group();
	test_group_errors();
	test_packet_info();
	test_many_messages();
	return test_done();
}
