/* covers: socket socketpair bind listen connect accept accept4 getsockname getpeername shutdown */
/* unix(7): names, connections, and how they end. */
#include "tests/conformance/sockets/sockets.h"

static void test_socket(void)
{
	struct stat st;
	int fd;

	CHECK_ERRNO(socket(99, SOCK_STREAM, 0), EAFNOSUPPORT);
	CHECK_ERRNO(socket(AF_UNIX, SOCK_STREAM | 0x100000, 0), EINVAL);
	CHECK_ERRNO(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
	CHECK_ERRNO(socket(AF_UNIX, SOCK_STREAM, 7), EPROTONOSUPPORT);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	REQUIRE(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
	CHECK_OK(fstat(fd, &st));
	CHECK(S_ISSOCK(st.st_mode));
	CHECK_ERRNO(lseek(fd, 0, SEEK_SET), ESPIPE);
	CHECK_EQ(polled(fd, POLLIN | POLLOUT), POLLOUT | POLLHUP);
	close(fd);
	CHECK_ERRNO(listen(fd, 1), EBADF);
	fd = open("/dev/null", O_RDWR);
	CHECK_ERRNO(listen(fd, 1), ENOTSOCK);
	close(fd);
	CHECK_ERRNO(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, BAD_POINTER), EFAULT);
}

static void test_names(void)
{
	struct sockaddr_un address;
	socklen_t length = sizeof(address);
	int a = socket(AF_UNIX, SOCK_STREAM, 0), b = socket(AF_UNIX, SOCK_STREAM, 0);
	struct stat st;

	CHECK_OK(getsockname(a, (struct sockaddr *)&address, &length));
	CHECK_EQ(length, sizeof(sa_family_t));
	CHECK_EQ(address.sun_family, AF_UNIX);
	CHECK_ERRNO(getpeername(a, (struct sockaddr *)&address, &length), ENOTCONN);
	CHECK_ERRNO(listen(a, 1), EINVAL);
	CHECK_OK(bind_to(a, "name"));
	CHECK_OK(stat("name", &st));
	CHECK(S_ISSOCK(st.st_mode));
	CHECK_EQ(st.st_mode & 0777, 0755);
	CHECK_ERRNO(open("name", O_RDONLY), ENXIO);
	length = sizeof(address);
	CHECK_OK(getsockname(a, (struct sockaddr *)&address, &length));
	CHECK_EQ(length, sizeof(sa_family_t) + 5);
	CHECK_STR(address.sun_path, "name");
	CHECK_ERRNO(bind_to(a, "other"), EINVAL);
	CHECK_ERRNO(bind_to(b, "name"), EADDRINUSE);
	CHECK_ERRNO(bind_to(b, "none/name"), ENOENT);
	CHECK_ERRNO(connect_to(b, "name"), ECONNREFUSED);
	CHECK_ERRNO(connect_to(b, "none"), ENOENT);
	close(a);
	CHECK(exists("name"));
	CHECK_ERRNO(connect_to(b, "name"), ECONNREFUSED);
	CHECK_OK(unlink("name"));
	CHECK(put_file("plain", "x"));
	CHECK_ERRNO(connect_to(b, "plain"), ECONNREFUSED);
	close(b);
}

static void test_abstract(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX}, got;
	socklen_t size = sizeof(sa_family_t) + 9, length = sizeof(got);
	int a = socket(AF_UNIX, SOCK_STREAM, 0), b = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(address.sun_path, "\0abs\0tract", 9);
	snprintf(address.sun_path + 1, 8, "%x", (unsigned)getpid());
	CHECK_OK(bind(a, (struct sockaddr *)&address, size));
	CHECK_ERRNO(bind(b, (struct sockaddr *)&address, size), EADDRINUSE);
	CHECK_OK(getsockname(a, (struct sockaddr *)&got, &length));
	CHECK_EQ(length, size);
	CHECK(!memcmp(&got, &address, size));
	CHECK_OK(listen(a, 1));
	CHECK_ERRNO(connect(b, (struct sockaddr *)&address, size - 1), ECONNREFUSED);
	CHECK_OK(connect(b, (struct sockaddr *)&address, size));
	close(a);
	close(b);
	a = socket(AF_UNIX, SOCK_DGRAM, 0);
	CHECK_OK(bind(a, (struct sockaddr *)&address, sizeof(sa_family_t)));
	length = sizeof(got);
	CHECK_OK(getsockname(a, (struct sockaddr *)&got, &length));
	CHECK_EQ(length, sizeof(sa_family_t) + 6);
	CHECK_EQ(got.sun_path[0], 0);
	close(a);
}

static void test_connection(int type)
{
	int l = listener(type, "server", 4), c = socket(AF_UNIX, type, 0), s;
	struct sockaddr_un address;
	socklen_t length = sizeof(address);
	char buf[8];

	CHECK_EQ(polled(l, POLLIN | POLLOUT), 0);
	CHECK_OK(connect_to(c, "server"));
	CHECK_ERRNO(connect_to(c, "server"), EISCONN);
	CHECK_EQ(polled(l, POLLIN), POLLIN);
	CHECK_EQ(write(c, "early", 5), 5);
	s = accept4(l, (struct sockaddr *)&address, &length, SOCK_CLOEXEC);
	REQUIRE(s >= 0);
	CHECK_EQ(length, sizeof(sa_family_t));
	CHECK_EQ(fcntl(s, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(read(s, buf, 8), 5);
	length = sizeof(address);
	CHECK_OK(getpeername(c, (struct sockaddr *)&address, &length));
	CHECK_STR(address.sun_path, "server");
	CHECK_EQ(polled(s, POLLIN | POLLOUT), POLLOUT);
	close(c);
	CHECK_EQ(polled(s, POLLIN | POLLRDHUP), POLLIN | POLLHUP | POLLRDHUP);
	CHECK_EQ(read(s, buf, 8), 0);
	close(s);
	CHECK_OK(fcntl(l, F_SETFL, O_NONBLOCK));
	CHECK_ERRNO(accept(l, NULL, NULL), EAGAIN);
	close(l);
	unlink("server");
}

static void test_refusals(void)
{
	int l = listener(SOCK_STREAM, "l", 0), a = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0),
	    b = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), d = socket(AF_UNIX, SOCK_DGRAM, 0);

	CHECK_ERRNO(connect_to(d, "l"), EPROTOTYPE);
	CHECK_ERRNO(listen(d, 1), EOPNOTSUPP);
	CHECK_ERRNO(accept(d, NULL, NULL), EOPNOTSUPP);
	CHECK_ERRNO(accept(a, NULL, NULL), EINVAL);
	CHECK_OK(connect_to(a, "l"));
	CHECK_ERRNO(connect_to(b, "l"), EAGAIN);
	FORKED("permission to write is needed")
	{
		chmod("l", 0);
		become_nobody();
		CHECK_ERRNO(connect_to(b, "l"), EACCES);
	}
	/* What was not accepted is reset. */
	close(l);
	CHECK_ERRNO(read(a, (char[1]){0}, 1), ECONNRESET);
	close(a);
	close(b);
	close(d);
	unlink("l");
}

static void test_backlog_blocks(void)
{
	int l = listener(SOCK_STREAM, "l", 0), a = socket(AF_UNIX, SOCK_STREAM, 0), s;
	pid_t child;

	CHECK_OK(connect_to(a, "l"));
	child = test_fork();
	if (!child) {
		int b = socket(AF_UNIX, SOCK_STREAM, 0);

		CHECK_OK(connect_to(b, "l"));
		CHECK_EQ(write(b, "b", 1), 1);
		test_child_exit();
	}
	let_others_run();
	s = accept(l, NULL, NULL);
	close(s);
	s = accept(l, NULL, NULL);
	CHECK_EQ(read(s, (char[1]){0}, 1), 1);
	JOIN(child);
	close(s);
	close(a);
	close(l);
	unlink("l");
}

static void test_shutdown(void)
{
	char buf[8];
	int p[2];

	pair(SOCK_STREAM, p);
	CHECK_ERRNO(shutdown(p[0], 3), EINVAL);
	CHECK_EQ(write(p[0], "last", 4), 4);
	CHECK_OK(shutdown(p[0], SHUT_WR));
	CHECK_ERRNO(send(p[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK_EQ(read(p[1], buf, 8), 4);
	CHECK_EQ(read(p[1], buf, 8), 0);
	CHECK_EQ(write(p[1], "back", 4), 4);
	CHECK_EQ(read(p[0], buf, 8), 4);
	CHECK_OK(shutdown(p[0], SHUT_RD));
	CHECK_ERRNO(send(p[1], "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK_EQ(polled(p[1], POLLIN), POLLIN | POLLHUP);
	close_both(p);
	/* Bytes that were never read: the other end learns it. */
	pair(SOCK_STREAM, p);
	CHECK_EQ(write(p[0], "lost", 4), 4);
	close(p[1]);
	CHECK_ERRNO(read(p[0], buf, 8), ECONNRESET);
	CHECK_EQ(read(p[0], buf, 8), 0);
	close(p[0]);
}

static void test_waits_end(void)
{
	int p[2], l = listener(SOCK_STREAM, "w", 1);

	pair(SOCK_STREAM, p);
	FORKED("a signal ends accept and read")
	{
		interrupt_from_now_on();
		CHECK_ERRNO(accept(l, NULL, NULL), EINTR);
		CHECK_ERRNO(read(p[0], (char[1]){0}, 1), EINTR);
	}
	close_both(p);
	close(l);
	unlink("w");
}

int main(void)
{
	test_begin();
	test_socket();
	test_names();
	test_abstract();
	test_connection(SOCK_STREAM);
	test_connection(SOCK_SEQPACKET);
	test_refusals();
	test_backlog_blocks();
	test_shutdown();
	test_waits_end();
	return test_done();
}
