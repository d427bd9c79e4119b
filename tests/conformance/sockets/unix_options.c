/* covers: setsockopt getsockopt */
/* socket(7): the options that mean something between AF_UNIX sockets. */
#include <time.h>

#include "tests/conformance/sockets/sockets.h"

static int get_int(int fd, int option)
{
	socklen_t size = sizeof(int);
	int value = -1;

	CHECK_OK(getsockopt(fd, SOL_SOCKET, option, &value, &size));
	CHECK_EQ(size, sizeof(int));
	return value;
}

static void test_told(void)
{
	int l = listener(SOCK_SEQPACKET, "o", 1), on = 1, fd;

	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_EQ(get_int(fd, SO_TYPE), SOCK_STREAM);
	CHECK_EQ(get_int(l, SO_TYPE), SOCK_SEQPACKET);
	CHECK_EQ(get_int(fd, SO_DOMAIN), AF_UNIX);
	CHECK_EQ(get_int(fd, SO_PROTOCOL), 0);
	CHECK_EQ(get_int(fd, SO_ERROR), 0);
	CHECK_EQ(get_int(fd, SO_ACCEPTCONN), 0);
	CHECK_EQ(get_int(l, SO_ACCEPTCONN), 1);
	CHECK_EQ(get_int(fd, SO_REUSEADDR), 0);
	CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	CHECK_EQ(get_int(fd, SO_REUSEADDR), 1);
	on = 20000;
	CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &on, sizeof(on)));
	CHECK_EQ(get_int(fd, SO_SNDBUF), 40000);
	CHECK_ERRNO(setsockopt(fd, SOL_SOCKET, 9999, &on, sizeof(on)), ENOPROTOOPT);
	CHECK_ERRNO(getsockopt(fd, SOL_SOCKET, 9999, &on, &(socklen_t){4}), ENOPROTOOPT);
	CHECK_ERRNO(setsockopt(fd, 6, 1, &on, sizeof(on)), EOPNOTSUPP);
	CHECK_ERRNO(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &on, 1), EINVAL);
	CHECK_ERRNO(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, BAD_POINTER, 4), EFAULT);
	close(fd);
	close(l);
	unlink("o");
}

static void test_peer(void)
{
	socklen_t size = sizeof(struct ucred);
	struct ucred peer = {0, 0, 0};
	pid_t child;
	int l = listener(SOCK_STREAM, "p", 1), s;

	child = test_fork();
	if (!child) {
		int c = socket(AF_UNIX, SOCK_STREAM, 0);

		CHECK_OK(connect_to(c, "p"));
		CHECK_OK(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &peer, &size));
		CHECK_EQ(peer.pid, getppid());
		CHECK_EQ(read(c, (char[1]){0}, 1), 0);
		test_child_exit();
	}
	s = accept(l, NULL, NULL);
	CHECK_OK(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &peer, &size));
	CHECK_EQ(size, sizeof(peer));
	CHECK_EQ(peer.pid, child);
	CHECK_EQ(peer.uid, geteuid());
	close(s);
	JOIN(child);
	close(l);
	unlink("p");
}

static long ms_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void test_timeouts(void)
{
	struct timeval time = {0, 50000}, got = {0, 0};
	socklen_t size = sizeof(got);
	long start;
	int p[2];

	pair(SOCK_STREAM, p);
	CHECK_OK(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
	CHECK_OK(getsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &got, &size));
	CHECK(got.tv_sec == 0 && got.tv_usec >= 50000 && got.tv_usec < 60000);
	start = ms_now();
	CHECK_ERRNO(read(p[0], (char[1]){0}, 1), EAGAIN);
	CHECK(ms_now() - start >= 40);
	CHECK_OK(setsockopt(p[0], SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time)));
	while (write(p[0], (char[4096]){0}, 4096) > 0)
		;
	CHECK_EQ(errno, EAGAIN);
	time.tv_usec = 1000000;
	CHECK_ERRNO(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)), EDOM);
	close_both(p);
}

int main(void)
{
	test_begin();
	test_told();
	test_peer();
	test_timeouts();
	return test_done();
}
