/* covers: mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr */
/* mq_overview(7) and the calls' own pages: order, limits, waiting, being told, /dev/mqueue. */
#include <mqueue.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "tests/conformance/files/conformance.h"

static char name[64];

static mqd_t make(long count, long size, int flags)
{
	struct mq_attr attr = {.mq_maxmsg = count, .mq_msgsize = size};

	return mq_open(name, O_CREAT | O_RDWR | flags, 0600, &attr);
}

static struct timespec soon(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += 20000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

static void test_open(void)
{
	struct mq_attr attr;
	mqd_t q, again;

	CHECK_ERRNO(mq_open(name, O_RDWR), ENOENT);
	q = make(3, 16, O_EXCL);
	REQUIRE(q != (mqd_t)-1);
	CHECK_ERRNO(make(3, 16, O_EXCL), EEXIST);
	CHECK_EQ(fcntl(q, F_GETFD), FD_CLOEXEC);
	CHECK_OK(mq_getattr(q, &attr));
	CHECK(attr.mq_maxmsg == 3 && attr.mq_msgsize == 16 && !attr.mq_curmsgs && !attr.mq_flags);
	again = make(9, 99, 0);
	CHECK_OK(mq_getattr(again, &attr));
	CHECK_EQ(attr.mq_maxmsg, 3);
	mq_close(again);
	CHECK_OK(mq_unlink(name));
	CHECK_ERRNO(mq_unlink(name), ENOENT);
	CHECK_OK(mq_send(q, "still there", 11, 0));
	mq_close(q);
	q = mq_open(name, O_CREAT | O_RDWR, 0600, NULL);
	CHECK_OK(mq_getattr(q, &attr));
	CHECK(attr.mq_maxmsg == 10 && attr.mq_msgsize == 8192);
	mq_close(q);
	mq_unlink(name);
	CHECK_ERRNO(make(0, 16, 0), EINVAL);
	CHECK_ERRNO(make(3, 0, 0), EINVAL);
	CHECK_ERRNO(mq_open("/a/b", O_CREAT | O_RDWR, 0600, NULL), EACCES);
	CHECK_ERRNO(syscall(SYS_mq_open, BAD_POINTER, O_RDWR, 0, NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_mq_open, "", O_RDWR | O_CREAT, 0600, NULL), ENOENT);
}

static void test_messages(void)
{
	char text[16];
	unsigned int priority;
	mqd_t q = make(4, 16, O_NONBLOCK), ro = mq_open(name, O_RDONLY | O_NONBLOCK);

	CHECK_OK(mq_send(q, "low", 4, 1));
	CHECK_OK(mq_send(q, "high", 5, 9));
	CHECK_OK(mq_send(q, "low2", 5, 1));
	CHECK_OK(mq_send(q, "", 0, 32767));
	CHECK_ERRNO(mq_send(q, "full", 5, 1), EAGAIN);
	CHECK_ERRNO(mq_send(q, "0123456789abcdefg", 17, 1), EMSGSIZE);
	CHECK_ERRNO(mq_send(q, "x", 1, 32768), EINVAL);
	CHECK_ERRNO(mq_send(ro, "x", 1, 0), EBADF);
	CHECK_ERRNO(mq_receive(q, text, 15, NULL), EMSGSIZE);
	CHECK_EQ(mq_receive(q, text, 16, &priority), 0);
	CHECK_EQ(priority, 32767);
	CHECK_EQ(mq_receive(ro, text, 16, &priority), 5);
	CHECK_EQ(priority, 9);
	CHECK_STR(text, "high");
	CHECK_EQ(mq_receive(q, text, 16, NULL), 4);
	CHECK_STR(text, "low");
	CHECK_EQ(mq_receive(q, text, 16, NULL), 5);
	CHECK_STR(text, "low2");
	CHECK_ERRNO(mq_receive(q, text, 16, NULL), EAGAIN);
	CHECK_ERRNO(mq_receive(0, text, 16, NULL), EBADF);
	mq_close(ro);
	mq_close(q);
	mq_unlink(name);
}

static void test_waiting(void)
{
	struct timespec bad = {0, 1000000000}, past = {1, 0}, t;
	char text[16];
	mqd_t q = make(1, 16, 0);
	pid_t pid;

	t = soon();
	CHECK_ERRNO(mq_timedreceive(q, text, 16, NULL, &t), ETIMEDOUT);
	CHECK_ERRNO(mq_timedreceive(q, text, 16, NULL, &past), ETIMEDOUT);
	CHECK_ERRNO(mq_timedreceive(q, text, 16, NULL, &bad), EINVAL);
	CHECK_OK(mq_timedsend(q, "one", 4, 0, &past));
	t = soon();
	CHECK_ERRNO(mq_timedsend(q, "two", 4, 0, &t), ETIMEDOUT);
	pid = test_fork();
	if (!pid) {
		for (char c = 'a'; c < 'z'; c++)
			CHECK_OK(mq_send(q, &c, 1, 0));
		test_child_exit();
	}
	CHECK_EQ(mq_receive(q, text, 16, NULL), 4);
	for (char c = 'a'; c < 'z'; c++) {
		CHECK_EQ(mq_receive(q, text, 16, NULL), 1);
		CHECK_EQ(text[0], c);
	}
	JOIN(pid);
	FORKED("interrupted")
	{
		interrupt_from_now_on();
		CHECK_ERRNO(mq_receive(q, text, 16, NULL), EINTR);
	}
	mq_close(q);
	mq_unlink(name);
}

static void test_ready(void)
{
	char text[16];
	mqd_t q = make(1, 16, 0);
	struct pollfd p = {.fd = q, .events = POLLIN | POLLOUT};
	struct epoll_event ev = {.events = EPOLLIN};
	int ep = epoll_create1(0);

	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents, POLLOUT);
	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_ADD, q, &ev));
	CHECK_EQ(epoll_wait(ep, &ev, 1, 0), 0);
	CHECK_OK(mq_send(q, "x", 1, 0));
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents, POLLIN);
	CHECK_EQ(epoll_wait(ep, &ev, 1, 1000), 1);
	CHECK_EQ(mq_receive(q, text, 16, NULL), 1);
	close(ep);
	mq_close(q);
	mq_unlink(name);
}

static void test_attributes(void)
{
	struct mq_attr attr = {.mq_flags = O_NONBLOCK, .mq_maxmsg = 99}, old;
	char text[16];
	mqd_t q = make(2, 16, 0);

	CHECK_OK(mq_setattr(q, &attr, &old));
	CHECK_EQ(old.mq_flags, 0);
	CHECK_EQ(old.mq_maxmsg, 2);
	CHECK_ERRNO(mq_receive(q, text, 16, NULL), EAGAIN);
	CHECK_OK(mq_getattr(q, &old));
	CHECK_EQ(old.mq_flags, O_NONBLOCK);
	CHECK_EQ(old.mq_maxmsg, 2);
	attr.mq_flags = O_APPEND;
	CHECK_ERRNO(mq_setattr(q, &attr, NULL), EINVAL);
	CHECK_ERRNO(mq_getattr(0, &attr), EBADF);
	mq_close(q);
	mq_unlink(name);
}

static volatile sig_atomic_t told;
static siginfo_t told_info;

static void handler(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	told_info = *info;
	told++;
}

static void test_notify(void)
{
	struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	struct sigevent sev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	char text[16];
	mqd_t q = make(4, 16, O_NONBLOCK);

	sigaction(SIGUSR1, &sa, NULL);
	sev.sigev_value.sival_int = 77;
	CHECK_OK(mq_notify(q, &sev));
	CHECK_ERRNO(mq_notify(q, &sev), EBUSY);
	CHECK_OK(mq_send(q, "x", 1, 0));
	CHECK_EQ(told, 1);
	CHECK_EQ(told_info.si_code, SI_MESGQ);
	CHECK_EQ(told_info.si_value.sival_int, 77);
	CHECK_EQ(told_info.si_pid, getpid());
	CHECK_EQ(told_info.si_uid, getuid());
	/* Once, and only for a queue that was empty. */
	CHECK_OK(mq_notify(q, &sev));
	CHECK_OK(mq_send(q, "y", 1, 0));
	CHECK_EQ(told, 1);
	mq_receive(q, text, 16, NULL);
	mq_receive(q, text, 16, NULL);
	CHECK_OK(mq_send(q, "z", 1, 0));
	CHECK_EQ(told, 2);
	mq_receive(q, text, 16, NULL);
	CHECK_OK(mq_send(q, "z", 1, 0));
	CHECK_EQ(told, 2);
	mq_receive(q, text, 16, NULL);
	CHECK_OK(mq_notify(q, &sev));
	CHECK_OK(mq_notify(q, NULL));
	CHECK_OK(mq_send(q, "z", 1, 0));
	CHECK_EQ(told, 2);
	sev.sigev_notify = 99;
	CHECK_ERRNO(mq_notify(q, &sev), EINVAL);
	sev = (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 65};
	CHECK_ERRNO(mq_notify(q, &sev), EINVAL);
	sev = (struct sigevent){.sigev_notify = SIGEV_NONE};
	CHECK_OK(mq_notify(q, &sev));
	FORKED("a closed descriptor of another process is not ours")
	{
		CHECK_ERRNO(mq_notify(q, &sev), EBUSY);
		mq_close(q);
	}
	mq_close(q);
	mq_unlink(name);
}

/* What the C library's SIGEV_THREAD stands on: 32 bytes to a netlink socket, the last saying why.
 */
static void test_notify_by_socket(void)
{
	char cookie[32] = "a cookie", got[64] = {0}, text[16];
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0),
	    pipe_fd = open("/dev/null", O_RDWR);
	int other = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sigevent sev = {.sigev_notify = SIGEV_THREAD, .sigev_signo = fd};
	mqd_t q = make(4, 16, O_NONBLOCK);

	sev.sigev_value.sival_ptr = cookie;
	CHECK_OK(syscall(SYS_mq_notify, q, &sev));
	CHECK_ERRNO(syscall(SYS_mq_notify, q, &sev), EBUSY);
	CHECK_ERRNO(recv(fd, got, sizeof(got), MSG_DONTWAIT), EAGAIN);
	CHECK_OK(mq_send(q, "x", 1, 0));
	CHECK_EQ(recv(fd, got, sizeof(got), 0), 32);
	CHECK_STR(got, "a cookie");
	CHECK_EQ(got[31], 1);
	mq_receive(q, text, 16, NULL);
	CHECK_OK(syscall(SYS_mq_notify, q, &sev));
	CHECK_OK(syscall(SYS_mq_notify, q, NULL));
	CHECK_EQ(recv(fd, got, sizeof(got), 0), 32);
	CHECK_EQ(got[31], 2);
	sev.sigev_signo = -1;
	CHECK_ERRNO(syscall(SYS_mq_notify, q, &sev), EBADF);
	sev.sigev_signo = pipe_fd;
	CHECK_ERRNO(syscall(SYS_mq_notify, q, &sev), ENOTSOCK);
	sev.sigev_signo = other;
	CHECK_ERRNO(syscall(SYS_mq_notify, q, &sev), EINVAL);
	close(pipe_fd);
	close(other);
	close(fd);
	mq_close(q);
	mq_unlink(name);
}

static void test_files(void)
{
	char path[80], text[256];
	struct stat st;
	mqd_t q = make(4, 16, 0);
	int fd;

	snprintf(path, sizeof(path), "/dev/mqueue%s", name);
	if (access("/dev/mqueue", F_OK) || stat(path, &st)) {
		test_skip("/dev/mqueue", "not mounted here");
		mq_close(q);
		mq_unlink(name);
		return;
	}
	CHECK(S_ISREG(st.st_mode));
	CHECK_EQ(st.st_mode & 0777, 0600);
	CHECK_EQ(st.st_size, 80);
	mq_send(q, "12345", 5, 0);
	CHECK(get_file(path, text, sizeof(text)) > 0);
	CHECK_STR(text, "QSIZE:5          NOTIFY:0     SIGNO:0     NOTIFY_PID:0     \n");
	fd = open(path, O_RDWR);
	CHECK_EQ(mq_receive(fd, text, 16, NULL), 5);
	close(fd);
	CHECK_OK(unlink(path));
	CHECK_ERRNO(mq_open(name, O_RDWR), ENOENT);
	CHECK_ERRNO(mkdir("/dev/mqueue/dir", 0700), EPERM);
	mq_close(q);
}

static void test_permissions(void)
{
	mqd_t q;

	if (!is_root()) {
		test_skip("permissions", "needs root");
		return;
	}
	q = make(2, 16, 0);
	FORKED("not for others")
	{
		become_nobody();
		CHECK_ERRNO(mq_open(name, O_RDONLY), EACCES);
		CHECK_ERRNO(mq_unlink(name), EACCES);
	}
	mq_close(q);
	mq_unlink(name);
	FORKED("limits of the unprivileged")
	{
		become_nobody();
		CHECK_ERRNO(make(100000, 16, 0), EINVAL);
		CHECK_ERRNO(make(2, 100000000, 0), EINVAL);
	}
}

int main(void)
{
	test_begin();
	snprintf(name, sizeof(name), "/conformance-%d", getpid());
	test_open();
	test_messages();
	test_waiting();
	test_ready();
	test_attributes();
	test_notify();
	test_notify_by_socket();
	test_files();
	test_permissions();
	return test_done();
}
