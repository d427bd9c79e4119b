/* covers: sendmsg recvmsg */
/* unix(7): SCM_RIGHTS and SCM_CREDENTIALS. */
#include <sys/resource.h>

#include "tests/conformance/sockets/sockets.h"

union control {
	struct cmsghdr header;
	char space[1200];
};

static ssize_t send_control(int fd, int type, const void *data, size_t size, size_t bytes)
{
	union control control = {0};
	struct iovec iov = {"abcdefgh", bytes};
	struct msghdr m = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(size)};

	control.header = (struct cmsghdr){
		.cmsg_len = CMSG_LEN(size), .cmsg_level = SOL_SOCKET, .cmsg_type = type};
	memcpy(CMSG_DATA(&control.header), data, size);
	return sendmsg(fd, &m, MSG_NOSIGNAL);
}

static ssize_t receive(int fd, union control *control, size_t room, int flags, struct msghdr *m)
{
	static char bytes[64];
	static struct iovec iov;

	iov = (struct iovec){bytes, sizeof(bytes)};
	*m = (struct msghdr){.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = room ? control : NULL,
		.msg_controllen = room};
	return recvmsg(fd, m, flags);
}

static int first_fd(const union control *control)
{
	int fd;

	memcpy(&fd, CMSG_DATA(&control->header), sizeof(fd));
	return fd;
}

static void test_pass(void)
{
	int p[2], q[2], fd;
	union control control;
	struct msghdr m;

	pair(SOCK_STREAM, p);
	REQUIRE(pipe(q) == 0);
	CHECK_EQ(send_control(p[0], SCM_RIGHTS, &q[1], sizeof(int), 1), 1);
	close(q[1]);
	CHECK_EQ(receive(p[1], &control, sizeof(control), MSG_CMSG_CLOEXEC, &m), 1);
	CHECK_EQ(m.msg_controllen, CMSG_SPACE(sizeof(int)));
	CHECK_EQ(control.header.cmsg_len, CMSG_LEN(sizeof(int)));
	CHECK_EQ(control.header.cmsg_type, SCM_RIGHTS);
	fd = first_fd(&control);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_EQ(read(q[0], (char[1]){0}, 1), 1);
	close(fd);
	CHECK_EQ(read(q[0], (char[1]){0}, 1), 0);
	close(q[0]);
	close_both(p);
}

/* Two control messages with files are as one. */
static void test_two_lists(void)
{
	struct iovec iov = {"x", 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	union control control = {0};
	struct cmsghdr *list;
	int p[2], got[2], bad = -1, first = 0;

	pair(SOCK_STREAM, p);
	m.msg_control = &control;
	m.msg_controllen = 2 * CMSG_SPACE(sizeof(int));
	for (list = CMSG_FIRSTHDR(&m); list; list = CMSG_NXTHDR(&m, list)) {
		*list = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
		memcpy(CMSG_DATA(list), &first, sizeof(first));
	}
	CHECK_EQ(sendmsg(p[0], &m, 0), 1);
	memcpy(control.space + CMSG_SPACE(sizeof(int)) + CMSG_LEN(0), &bad, sizeof(bad));
	CHECK_ERRNO(sendmsg(p[0], &m, 0), EBADF);
	CHECK_EQ(receive(p[1], &control, sizeof(control), 0, &m), 1);
	CHECK_EQ(control.header.cmsg_len, CMSG_LEN(2 * sizeof(int)));
	memcpy(got, CMSG_DATA(&control.header), sizeof(got));
	CHECK_OK(fcntl(got[0], F_GETFD));
	CHECK_OK(fcntl(got[1], F_GETFD));
	close_both(got);
	close_both(p);
}

/* Bytes after those that files came with are kept apart. */
static void test_boundaries(void)
{
	int p[2], two[2] = {0, 0};
	union control control;
	struct msghdr m;

	pair(SOCK_STREAM, p);
	CHECK_EQ(write(p[0], "12", 2), 2);
	CHECK_EQ(send_control(p[0], SCM_RIGHTS, two, sizeof(int), 3), 3);
	CHECK_EQ(send_control(p[0], SCM_RIGHTS, two, sizeof(two), 4), 4);
	CHECK_EQ(receive(p[1], &control, sizeof(control), 0, &m), 5);
	CHECK_EQ(control.header.cmsg_len, CMSG_LEN(sizeof(int)));
	close(first_fd(&control));
	CHECK_EQ(receive(p[1], &control, sizeof(control), MSG_PEEK, &m), 4);
	close(first_fd(&control));
	CHECK_EQ(receive(p[1], &control, CMSG_LEN(sizeof(int)), 0, &m), 4);
	CHECK(m.msg_flags & MSG_CTRUNC);
	CHECK_EQ(control.header.cmsg_len, CMSG_LEN(sizeof(int)));
	close(first_fd(&control));
	CHECK_EQ(send_control(p[0], SCM_RIGHTS, two, sizeof(int), 1), 1);
	CHECK_EQ(receive(p[1], NULL, 0, 0, &m), 1);
	CHECK(m.msg_flags & MSG_CTRUNC);
	close_both(p);
}

static void test_refused(void)
{
	int p[2], bad = 999, many[254] = {0};

	pair(SOCK_DGRAM, p);
	CHECK_ERRNO(send_control(p[0], SCM_RIGHTS, &bad, sizeof(bad), 1), EBADF);
	CHECK_ERRNO(send_control(p[0], SCM_RIGHTS, many, sizeof(many), 1), EINVAL);
	CHECK_ERRNO(send_control(p[0], 77, &bad, sizeof(bad), 1), EINVAL);
	CHECK_EQ(send_control(p[0], SCM_RIGHTS, many, 253 * sizeof(int), 1), 1);
	close_both(p);
}

/* A file on its way keeps the pipe open; it goes with the socket that holds it, however deep. */
static void test_chain(void)
{
	int q[2], last, p[2];

	REQUIRE(pipe(q) == 0);
	last = q[1];
	for (int i = 0; i < 500; i++) {
		pair(SOCK_STREAM, p);
		if (send_control(p[0], SCM_RIGHTS, &last, sizeof(int), 1) != 1) {
			/* Linux allows few levels. */
			CHECK_EQ(errno, ETOOMANYREFS);
			close_both(p);
			break;
		}
		close(last);
		close(p[0]);
		last = p[1];
	}
	CHECK_OK(fcntl(q[0], F_SETFL, O_NONBLOCK));
	CHECK_ERRNO(read(q[0], (char[1]){0}, 1), EAGAIN);
	close(last);
	CHECK_OK(fcntl(q[0], F_SETFL, 0));
	CHECK_EQ(read(q[0], (char[1]){0}, 1), 0);
	close(q[0]);
}

static void test_credentials(void)
{
	struct ucred mine = {getpid(), getuid(), getgid()}, got;
	union control control;
	struct msghdr m;
	int p[2], on = 1;

	pair(SOCK_STREAM, p);
	CHECK_OK(setsockopt(p[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	CHECK_EQ(write(p[0], "x", 1), 1);
	CHECK_EQ(receive(p[1], &control, sizeof(control), 0, &m), 1);
	CHECK_EQ(control.header.cmsg_type, SCM_CREDENTIALS);
	memcpy(&got, CMSG_DATA(&control.header), sizeof(got));
	CHECK_EQ(got.pid, getpid());
	CHECK_EQ(got.uid, geteuid());
	CHECK_EQ(send_control(p[0], SCM_CREDENTIALS, &mine, sizeof(mine), 1), 1);
	FORKED("nobody pretends to be another")
	{
		become_nobody();
		mine.uid = 0;
		mine.pid = getpid();
		CHECK_ERRNO(send_control(p[0], SCM_CREDENTIALS, &mine, sizeof(mine), 1), EPERM);
	}
	close_both(p);
}

int main(void)
{
	test_begin();
	test_pass();
	test_two_lists();
	test_boundaries();
	test_refused();
	test_chain();
	test_credentials();
	return test_done();
}
