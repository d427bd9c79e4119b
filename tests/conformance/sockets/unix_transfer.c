/* covers: sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg socketpair read write poll ioctl */
/* unix(7): bytes, packets and datagrams; what blocks, and for how long. */
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <linux/sockios.h>

#include "tests/conformance/sockets/sockets.h"

static void test_stream(void)
{
	char buf[16];
	int p[2], n = -1;

	pair(SOCK_STREAM, p);
	CHECK_EQ(write(p[0], "abc", 3), 3);
	CHECK_EQ(write(p[0], "def", 3), 3);
	CHECK_OK(ioctl(p[1], FIONREAD, &n));
	CHECK_EQ(n, 6);
	CHECK_EQ(recv(p[1], buf, 16, MSG_PEEK), 6);
	CHECK(!memcmp(buf, "abcdef", 6));
	CHECK_EQ(recv(p[1], buf, 2, 0), 2);
	CHECK_EQ(recv(p[1], buf, 16, 0), 4);
	CHECK(!memcmp(buf, "cdef", 4));
	CHECK_ERRNO(recv(p[1], buf, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_EQ(send(p[0], buf, 0, 0), 0);
	CHECK_ERRNO(recv(p[1], buf, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_ERRNO(send(p[0], BAD_POINTER, 1, 0), EFAULT);
	CHECK_EQ(write(p[0], "x", 1), 1);
	CHECK_ERRNO(recv(p[1], BAD_POINTER, 1, 0), EFAULT);
	CHECK_EQ(recv(p[1], buf, 1, 0), 1);
	CHECK_ERRNO(sendto(p[0], "x", 1, 0, (struct sockaddr *)&(struct sockaddr_un){AF_UNIX, "q"},
			    sizeof(struct sockaddr_un)),
		EISCONN);
	close_both(p);
}

static void test_full(void)
{
	static char block[65536];
	size_t sent = 0, got = 0;
	ssize_t n;
	int p[2];

	pair(SOCK_STREAM | SOCK_NONBLOCK, p);
	while ((n = write(p[0], block, sizeof(block))) > 0)
		sent += (size_t)n;
	CHECK_EQ(errno, EAGAIN);
	CHECK(sent >= 65536);
	CHECK_EQ(polled(p[0], POLLOUT), 0);
	while ((n = read(p[1], block, sizeof(block))) > 0)
		got += (size_t)n;
	CHECK_EQ(got, sent);
	CHECK_EQ(polled(p[0], POLLOUT), POLLOUT);
	close_both(p);
}

/* There is room for poll(2) only when most of what was sent has been read. */
static void test_room(int type)
{
	static char block[4096];
	size_t count = 0;
	int p[2];

	pair(type | SOCK_NONBLOCK, p);
	while (write(p[0], block, sizeof(block)) > 0)
		count++;
	CHECK_EQ(errno, EAGAIN);
	for (size_t i = 0; i < count / 2; i++)
		CHECK_EQ(read(p[1], block, sizeof(block)), (ssize_t)sizeof(block));
	CHECK_EQ(polled(p[0], POLLOUT), 0);
	CHECK_EQ(write(p[0], block, sizeof(block)), (ssize_t)sizeof(block));
	for (size_t i = 0; i < count * 7 / 16; i++)
		CHECK_EQ(read(p[1], block, sizeof(block)), (ssize_t)sizeof(block));
	CHECK_EQ(polled(p[0], POLLOUT), POLLOUT);
	close_both(p);
}

/* More than fits, with a reader that sleeps first: every byte arrives, in order. */
static void test_blocking(void)
{
	enum { COUNT = 1 << 20 };
	static unsigned char bytes[COUNT];
	size_t at = 0;
	pid_t child;
	ssize_t n;
	int p[2];

	pair(SOCK_STREAM, p);
	child = test_fork();
	if (!child) {
		for (size_t i = 0; i < COUNT; i++)
			bytes[i] = (unsigned char)(i * 7 >> 3);
		close(p[1]);
		CHECK_EQ(write(p[0], bytes, COUNT), COUNT);
		test_child_exit();
	}
	close(p[0]);
	let_others_run();
	while (at < COUNT && (n = read(p[1], bytes + at, COUNT - at)) > 0)
		at += (size_t)n;
	CHECK_EQ(at, COUNT);
	for (at = 0; at < COUNT && bytes[at] == (unsigned char)(at * 7 >> 3); at++)
		;
	CHECK_EQ(at, COUNT);
	CHECK_EQ(read(p[1], bytes, 1), 0);
	JOIN(child);
	close(p[1]);
}

static void test_wait_all(void)
{
	pid_t child;
	char buf[6];
	int p[2];

	pair(SOCK_STREAM, p);
	child = test_fork();
	if (!child) {
		for (int i = 0; i < 3; i++) {
			CHECK_EQ(write(p[0], "ab", 2), 2);
			let_others_run();
		}
		test_child_exit();
	}
	CHECK_EQ(recv(p[1], buf, 6, MSG_WAITALL), 6);
	JOIN(child);
	close_both(p);
}

static void test_packets(int type)
{
	struct iovec iov;
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	char buf[8];
	int p[2], n = -1;

	pair(type, p);
	CHECK_EQ(send(p[0], "first", 5, 0), 5);
	CHECK_EQ(send(p[0], "", 0, 0), 0);
	CHECK_EQ(send(p[0], "second", 6, 0), 6);
	CHECK_OK(ioctl(p[1], FIONREAD, &n));
	CHECK_EQ(n, type == SOCK_DGRAM ? 5 : 11);
	iov = (struct iovec){buf, 3};
	CHECK_EQ(recvmsg(p[1], &m, MSG_PEEK), 3);
	CHECK(m.msg_flags & MSG_TRUNC);
	CHECK_EQ(recv(p[1], buf, 3, MSG_TRUNC), 5);
	CHECK_EQ(recv(p[1], buf, 8, 0), 0);
	CHECK_EQ(recv(p[1], buf, 8, 0), 6);
	CHECK(!memcmp(buf, "second", 6));
	CHECK_ERRNO(recv(p[1], buf, 8, MSG_DONTWAIT), EAGAIN);
	CHECK_ERRNO(send(p[0], buf, 100 << 20, 0), EMSGSIZE);
	close(p[0]);
	if (type == SOCK_SEQPACKET)
		CHECK_EQ(recv(p[1], buf, 8, 0), 0);
	else
		CHECK_ERRNO(send(p[1], "x", 1, 0), ECONNREFUSED);
	close(p[1]);
}

static void test_datagrams(void)
{
	int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0),
	    c = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct sockaddr_un to, from;
	socklen_t length = sizeof(from), to_length = address_of(&to, "a");
	char buf[8];

	CHECK_OK(bind_to(a, "a"));
	CHECK_OK(bind_to(b, "b"));
	CHECK_ERRNO(send(b, "x", 1, 0), ENOTCONN);
	CHECK_EQ(sendto(b, "hello", 5, 0, (struct sockaddr *)&to, to_length), 5);
	CHECK_EQ(recvfrom(a, buf, 8, 0, (struct sockaddr *)&from, &length), 5);
	CHECK_EQ(length, sizeof(sa_family_t) + 2);
	CHECK_STR(from.sun_path, "b");
	/* a listens to b alone from now on. */
	CHECK_OK(connect_to(a, "b"));
	CHECK_ERRNO(sendto(c, "x", 1, 0, (struct sockaddr *)&to, to_length), EPERM);
	CHECK_ERRNO(connect_to(c, "a"), EPERM);
	CHECK_OK(connect_to(b, "a"));
	CHECK_EQ(send(b, "peer", 4, 0), 4);
	CHECK_EQ(recv(a, buf, 8, 0), 4);
	CHECK_OK(connect(
		a, (struct sockaddr *)&(struct sockaddr){AF_UNSPEC, {0}}, sizeof(sa_family_t)));
	CHECK_ERRNO(getpeername(a, (struct sockaddr *)&from, &length), ENOTCONN);
	close(a);
	CHECK_ERRNO(send(b, "x", 1, 0), ECONNREFUSED);
	CHECK_ERRNO(send(b, "x", 1, 0), ENOTCONN);
	close(b);
	close(c);
	unlink("a");
	unlink("b");
}

static void test_many(void)
{
	char in[3][4], texts[3][4] = {"one", "two", "six"};
	struct mmsghdr out[3], got[4];
	struct iovec iov[3], giov[4];
	char spare[4];
	int p[2];

	memset(out, 0, sizeof(out));
	memset(got, 0, sizeof(got));
	for (int i = 0; i < 4; i++) {
		giov[i] = (struct iovec){i < 3 ? in[i] : spare, 4};
		got[i].msg_hdr = (struct msghdr){.msg_iov = &giov[i], .msg_iovlen = 1};
	}
	for (int i = 0; i < 3; i++) {
		iov[i] = (struct iovec){texts[i], (size_t)i + 1};
		out[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
	pair(SOCK_DGRAM, p);
	CHECK_EQ(sendmmsg(p[0], out, 3, 0), 3);
	CHECK_EQ(out[2].msg_len, 3);
	CHECK_EQ(recvmmsg(p[1], got, 4, MSG_WAITFORONE, NULL), 3);
	CHECK_EQ(got[0].msg_len, 1);
	CHECK_EQ(got[2].msg_len, 3);
	CHECK(!memcmp(in[2], "six", 3));
	CHECK_ERRNO(recvmmsg(p[1], got, 1, MSG_DONTWAIT, NULL), EAGAIN);
	close_both(p);
}

static volatile sig_atomic_t broken;

static void on_sigpipe(int sig)
{
	(void)sig;
	broken++;
}

static void test_broken(void)
{
	int p[2];

	signal(SIGPIPE, on_sigpipe);
	pair(SOCK_STREAM, p);
	close(p[1]);
	CHECK_ERRNO(send(p[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK_EQ(broken, 0);
	CHECK_ERRNO(write(p[0], "x", 1), EPIPE);
	CHECK_EQ(broken, 1);
	close(p[0]);
	signal(SIGPIPE, SIG_DFL);
}

static void test_epoll(void)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	int p[2], e = epoll_create1(0);

	pair(SOCK_STREAM, p);
	CHECK_OK(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &event));
	CHECK_EQ(epoll_wait(e, &event, 1, 0), 0);
	CHECK_EQ(write(p[1], "x", 1), 1);
	CHECK_EQ(epoll_wait(e, &event, 1, 1000), 1);
	CHECK_EQ(epoll_wait(e, &event, 1, 0), 0);
	CHECK_EQ(write(p[1], "y", 1), 1);
	CHECK_EQ(epoll_wait(e, &event, 1, 1000), 1);
	close(p[1]);
	CHECK_EQ(epoll_wait(e, &event, 1, 1000), 1);
	CHECK(event.events & EPOLLHUP);
	close(p[0]);
	close(e);
}

int main(void)
{
	test_begin();
	test_stream();
	test_full();
	test_room(SOCK_STREAM);
	test_room(SOCK_SEQPACKET);
	test_blocking();
	test_wait_all();
	test_packets(SOCK_SEQPACKET);
	test_packets(SOCK_DGRAM);
	test_datagrams();
	test_many();
	test_broken();
	test_epoll();
	return test_done();
}
