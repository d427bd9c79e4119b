/* covers: sendmsg recvmsg setsockopt */
/* ip(7), ipv6(7): what control messages say of datagrams, both ways. */
#include <netinet/in.h>

#include "tests/conformance/sockets/inet.h"

#define NONE (-1000)

union control {
	struct cmsghdr header;
	char space[256];
};

struct ends {
	int from, to;
};

static struct ends connected(int family)
{
	struct ends ends = {socket(family, SOCK_DGRAM, 0), socket(family, SOCK_DGRAM, 0)};

	REQUIRE(ends.from >= 0 && ends.to >= 0);
	REQUIRE(bind_loopback(ends.to, family, 0) == 0);
	REQUIRE(connect_loopback(ends.from, family, port_of(ends.to, false)) == 0);
	return ends;
}

static void close_ends(struct ends ends)
{
	close(ends.from);
	close(ends.to);
}

static ssize_t send_with(int fd, int level, int type, int value, size_t size)
{
	union control control = {0};
	char data[16] = {0};
	struct iovec iov = {"x", 1};
	struct msghdr m = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(size)};

	memcpy(data, &value, sizeof(value));
	control.header = (struct cmsghdr){
		.cmsg_len = CMSG_LEN(size), .cmsg_level = level, .cmsg_type = type};
	memcpy(CMSG_DATA(&control.header), data, size);
	return sendmsg(fd, &m, 0);
}

/* The number that one of the control messages of the next datagram has, which may be a byte. */
static int received(int fd, int level, int type)
{
	union control control = {0};
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	int value = NONE;

	REQUIRE(recvmsg(fd, &m, 0) == 1);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level != level || c->cmsg_type != type)
			continue;
		value = 0;
		memcpy(&value, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	}
	return value;
}

/* One of the marks: how it is asked for, set for all datagrams, set for one, and what it is else.
 */
struct mark {
	int family, level, wanted, option, type, initial;
};

static void test_mark(struct mark mark)
{
	struct ends ends = connected(mark.family);

	CHECK_EQ(send(ends.from, "x", 1, 0), 1);
	CHECK_EQ(received(ends.to, mark.level, mark.type), NONE);
	CHECK_OK(set_number(ends.to, mark.level, mark.wanted, 1));
	CHECK_EQ(send(ends.from, "x", 1, 0), 1);
	CHECK_EQ(received(ends.to, mark.level, mark.type), mark.initial);
	CHECK_OK(set_number(ends.from, mark.level, mark.option, 8));
	CHECK_EQ(send(ends.from, "x", 1, 0), 1);
	CHECK_EQ(received(ends.to, mark.level, mark.type), 8);
	CHECK_EQ(send_with(ends.from, mark.level, mark.type, 16, sizeof(int)), 1);
	CHECK_EQ(received(ends.to, mark.level, mark.type), 16);
	CHECK_EQ(send(ends.from, "x", 1, 0), 1);
	CHECK_EQ(received(ends.to, mark.level, mark.type), 8);
	CHECK_ERRNO(send_with(ends.from, mark.level, mark.type, 256, sizeof(int)), EINVAL);
	CHECK_ERRNO(send_with(ends.from, mark.level, mark.type, 8, sizeof(int) + 1), EINVAL);
	close_ends(ends);
}

static void test_what_is_none(void)
{
	struct ends v4 = connected(AF_INET), v6 = connected(AF_INET6);

	CHECK_ERRNO(send_with(v4.from, IPPROTO_IP, IP_TTL, 0, sizeof(int)), EINVAL);
	CHECK_ERRNO(send_with(v4.from, IPPROTO_IP, IP_PKTINFO, 0, sizeof(int)), EINVAL);
	CHECK_ERRNO(send_with(v4.from, IPPROTO_IP, 99, 0, sizeof(int)), EINVAL);
	CHECK_EQ(send_with(v4.from, IPPROTO_IP, IP_TOS, 16, 1), 1);
	CHECK_EQ(send_with(v4.from, IPPROTO_IPV6, IPV6_HOPLIMIT, 5, sizeof(int)), 1);
	CHECK_ERRNO(send_with(v6.from, IPPROTO_IPV6, IPV6_PKTINFO, 0, sizeof(int)), EINVAL);
	CHECK_ERRNO(send_with(v6.from, IPPROTO_IPV6, 99, 0, sizeof(int)), EINVAL);
	CHECK_ERRNO(send_with(v6.from, IPPROTO_IPV6, IPV6_HOPLIMIT, -2, sizeof(int)), EINVAL);
	CHECK_EQ(send_with(v6.from, IPPROTO_IPV6, IPV6_HOPLIMIT, -1, sizeof(int)), 1);
	close_ends(v4);
	close_ends(v6);
}

int main(void)
{
	test_mark((struct mark){AF_INET, IPPROTO_IP, IP_RECVTTL, IP_TTL, IP_TTL, 64});
	test_mark((struct mark){AF_INET, IPPROTO_IP, IP_RECVTOS, IP_TOS, IP_TOS, 0});
	test_mark((struct mark){
		AF_INET6, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, IPV6_UNICAST_HOPS, IPV6_HOPLIMIT, 64});
	test_mark((struct mark){
		AF_INET6, IPPROTO_IPV6, IPV6_RECVTCLASS, IPV6_TCLASS, IPV6_TCLASS, 0});
	test_what_is_none();
	return test_done();
}
