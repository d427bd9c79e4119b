/* covers: epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 */
/* epoll(7): interest list, level and edge triggering, one shot, nesting, masks, errors. */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#include "tests/conformance/files/conformance.h"

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

static int ctl(int ep, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event e = {.events = events, .data.u64 = data};

	return epoll_ctl(ep, op, fd, &e);
}

/* The events of the one ready entry; 0 if none is ready. */
static uint32_t ready(int ep)
{
	struct epoll_event e[4];
	int n = epoll_wait(ep, e, 4, 0);

	return n == 1 ? e[0].events : n == 0 ? 0 : ~0U;
}

static void take(int fd)
{
	eventfd_t v;

	CHECK_OK(eventfd_read(fd, &v));
}

static void test_create(void)
{
	int ep = epoll_create1(EPOLL_CLOEXEC);

	CHECK_EQ(fcntl(ep, F_GETFD), FD_CLOEXEC);
	close(ep);
	ep = (int)syscall(SYS_epoll_create, 1);
	CHECK_EQ(fcntl(ep, F_GETFD), 0);
	close(ep);
	CHECK_ERRNO(syscall(SYS_epoll_create, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_epoll_create, -1), EINVAL);
	CHECK_ERRNO(epoll_create1(1), EINVAL);
}

static void test_level(void)
{
	struct epoll_event e = {0};
	int ep = epoll_create1(0), fd = eventfd(0, EFD_NONBLOCK);

	CHECK_OK(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 0x123456789abcdef0ULL));
	CHECK_EQ(ready(ep), 0);
	CHECK_OK(eventfd_write(fd, 1));
	CHECK_EQ(epoll_wait(ep, &e, 1, -1), 1);
	CHECK_EQ(e.events, EPOLLIN);
	CHECK_EQ(e.data.u64, 0x123456789abcdef0ULL);
	CHECK_EQ(ready(ep), EPOLLIN);
	take(fd);
	CHECK_EQ(ready(ep), 0);
	CHECK_OK(ctl(ep, EPOLL_CTL_MOD, fd, EPOLLOUT, 2));
	CHECK_EQ(ready(ep), EPOLLOUT);
	CHECK_OK(ctl(ep, EPOLL_CTL_DEL, fd, 0, 0));
	CHECK_EQ(ready(ep), 0);
	close(ep);
	close(fd);
}

static void test_edge(void)
{
	int ep = epoll_create1(0), fd = eventfd(0, EFD_NONBLOCK);

	CHECK_OK(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET, 1));
	CHECK_OK(eventfd_write(fd, 1));
	CHECK_EQ(ready(ep), EPOLLIN);
	CHECK_EQ(ready(ep), 0);
	CHECK_OK(eventfd_write(fd, 1));
	CHECK_EQ(ready(ep), EPOLLIN);
	CHECK_EQ(ready(ep), 0);
	/* EPOLL_CTL_MOD looks anew. */
	CHECK_OK(ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLET, 1));
	CHECK_EQ(ready(ep), EPOLLIN);
	close(ep);
	close(fd);
}

static void test_one_shot(void)
{
	int ep = epoll_create1(0), fd = eventfd(1, 0);

	CHECK_OK(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLONESHOT, 1));
	CHECK_EQ(ready(ep), EPOLLIN);
	CHECK_EQ(ready(ep), 0);
	CHECK_OK(eventfd_write(fd, 1));
	CHECK_EQ(ready(ep), 0);
	CHECK_OK(ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT, 1));
	CHECK_EQ(ready(ep), EPOLLIN);
	CHECK_EQ(ready(ep), 0);
	close(ep);
	close(fd);
}

static void test_pipes(void)
{
	int ep = epoll_create1(0), p[2];

	CHECK_OK(pipe(p));
	CHECK_OK(ctl(ep, EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLRDHUP, 1));
	CHECK_EQ(write(p[1], "x", 1), 1);
	CHECK_EQ(ready(ep), EPOLLIN);
	close(p[1]);
	CHECK_EQ(ready(ep), EPOLLIN | EPOLLHUP);
	CHECK_EQ(read(p[0], (char[1]){0}, 1), 1);
	CHECK_EQ(ready(ep), EPOLLHUP);
	close(p[0]);
	CHECK_EQ(ready(ep), 0);
	CHECK_OK(pipe(p));
	CHECK_OK(ctl(ep, EPOLL_CTL_ADD, p[1], 0, 1));
	CHECK_EQ(ready(ep), 0);
	close(p[0]);
	CHECK_EQ(ready(ep), EPOLLERR);
	close(p[1]);
	close(ep);
}

/* epoll(7), Questions: the entry lives until the last descriptor of the open file is closed. */
static void test_close_and_duplicates(void)
{
	int ep = epoll_create1(0), fd = eventfd(1, 0), copy = dup(fd);

	CHECK_OK(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 1));
	CHECK_OK(ctl(ep, EPOLL_CTL_ADD, copy, EPOLLIN, 2));
	CHECK_OK(ctl(ep, EPOLL_CTL_DEL, copy, 0, 0));
	close(fd);
	CHECK_EQ(ready(ep), EPOLLIN);
	CHECK_ERRNO(ctl(ep, EPOLL_CTL_DEL, fd, 0, 0), EBADF);
	close(copy);
	CHECK_EQ(ready(ep), 0);
	close(ep);
}

static void test_fairness(void)
{
	int ep = epoll_create1(0), fds[5];
	bool seen[5] = {false};
	struct epoll_event e[2];

	for (unsigned i = 0; i < 5; i++) {
		fds[i] = eventfd(1, 0);
		CHECK_OK(ctl(ep, EPOLL_CTL_ADD, fds[i], EPOLLIN, i));
	}
	for (int round = 0; round < 5; round++) {
		int n = epoll_wait(ep, e, 2, 0);

		CHECK_EQ(n, 2);
		for (int i = 0; i < n; i++)
			seen[e[i].data.u64 % 5] = true;
	}
	CHECK(seen[0] && seen[1] && seen[2] && seen[3] && seen[4]);
	for (int i = 0; i < 5; i++)
		close(fds[i]);
	close(ep);
}

static void test_nested(void)
{
	int outer = epoll_create1(0), inner = epoll_create1(0), fd = eventfd(0, 0);

	CHECK_OK(ctl(outer, EPOLL_CTL_ADD, inner, EPOLLIN, 1));
	CHECK_OK(ctl(inner, EPOLL_CTL_ADD, fd, EPOLLIN, 2));
	CHECK_EQ(ready(outer), 0);
	CHECK_OK(eventfd_write(fd, 1));
	CHECK_EQ(ready(outer), EPOLLIN);
	CHECK_ERRNO(ctl(inner, EPOLL_CTL_ADD, outer, EPOLLIN, 3), ELOOP);
	CHECK_ERRNO(ctl(inner, EPOLL_CTL_ADD, inner, EPOLLIN, 3), EINVAL);
	take(fd);
	CHECK_EQ(ready(outer), 0);
	close(outer);
	close(inner);
	close(fd);
}

static void test_depth(void)
{
	int chain[6];

	for (int i = 0; i < 6; i++)
		chain[i] = epoll_create1(0);
	for (int i = 1; i < 5; i++)
		CHECK_OK(ctl(chain[i], EPOLL_CTL_ADD, chain[i - 1], EPOLLIN, 1));
	CHECK(ctl(chain[5], EPOLL_CTL_ADD, chain[4], EPOLLIN, 1) == -1 &&
		(errno == ELOOP || errno == EINVAL));
	for (int i = 0; i < 6; i++)
		close(chain[i]);
}

static void test_waking(void)
{
	struct epoll_event e;
	int ep = epoll_create1(0), fd = eventfd(0, 0);
	pid_t pid;

	CHECK_OK(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 7));
	pid = test_fork();
	if (pid == 0) {
		let_others_run();
		CHECK_OK(eventfd_write(fd, 1));
		test_child_exit();
	}
	CHECK_EQ(epoll_wait(ep, &e, 1, -1), 1);
	CHECK_EQ(e.data.u64, 7);
	JOIN(pid);
	take(fd);
	CHECK_EQ(epoll_wait(ep, &e, 1, 10), 0);
	FORKED("a signal ends the wait with EINTR")
	{
		interrupt_from_now_on();
		CHECK_ERRNO(epoll_wait(ep, &e, 1, -1), EINTR);
	}
	close(ep);
	close(fd);
}

static volatile sig_atomic_t signalled;

static void on_signal(int sig)
{
	(void)sig;
	signalled++;
}

static void test_mask(void)
{
	struct sigaction sa = {.sa_handler = on_signal};
	struct epoll_event e;
	sigset_t blocked, none;
	int ep = epoll_create1(0);

	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	CHECK_OK(sigaction(SIGUSR1, &sa, NULL));
	CHECK_OK(sigprocmask(SIG_BLOCK, &blocked, NULL));
	CHECK_OK(raise(SIGUSR1));
	CHECK_EQ(epoll_wait(ep, &e, 1, 0), 0);
	CHECK_EQ(signalled, 0);
	CHECK_ERRNO(epoll_pwait(ep, &e, 1, -1, &none), EINTR);
	CHECK_EQ(signalled, 1);
	CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &none));
	CHECK(sigismember(&none, SIGUSR1));
	CHECK_OK(sigprocmask(SIG_UNBLOCK, &blocked, NULL));
	CHECK_ERRNO(syscall(SYS_epoll_pwait, ep, &e, 1, 0, &none, 4), EINVAL);
	close(ep);
}

static void test_pwait2(void)
{
	struct timespec zero = {0, 0}, bad = {0, 1000000000};
	struct epoll_event e;
	int ep = epoll_create1(0), fd = eventfd(1, 0);

	if (syscall(SYS_epoll_pwait2, ep, &e, 1, &zero, NULL, 8) < 0 && errno == ENOSYS) {
		test_skip("epoll_pwait2", "needs Linux 5.11");
		return;
	}
	CHECK_EQ(syscall(SYS_epoll_pwait2, ep, &e, 1, &zero, NULL, 8), 0);
	CHECK_ERRNO(syscall(SYS_epoll_pwait2, ep, &e, 1, &bad, NULL, 8), EINVAL);
	CHECK_OK(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 9));
	CHECK_EQ(syscall(SYS_epoll_pwait2, ep, &e, 1, NULL, NULL, 8), 1);
	CHECK_EQ(e.data.u64, 9);
	close(ep);
	close(fd);
}

static void test_errors(void)
{
	struct epoll_event e;
	int ep = epoll_create1(0), fd = eventfd(0, 0), file = open("f", O_RDWR | O_CREAT, 0600);

	CHECK_ERRNO(ctl(ep, EPOLL_CTL_ADD, file, EPOLLIN, 0), EPERM);
	CHECK_ERRNO(ctl(ep, EPOLL_CTL_ADD, -1, EPOLLIN, 0), EBADF);
	CHECK_ERRNO(ctl(-1, EPOLL_CTL_ADD, fd, EPOLLIN, 0), EBADF);
	CHECK_ERRNO(ctl(fd, EPOLL_CTL_ADD, ep, EPOLLIN, 0), EINVAL);
	CHECK_ERRNO(ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN, 0), ENOENT);
	CHECK_ERRNO(ctl(ep, EPOLL_CTL_DEL, fd, EPOLLIN, 0), ENOENT);
	CHECK_OK(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 0));
	CHECK_ERRNO(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 0), EEXIST);
	CHECK_ERRNO(ctl(ep, 99, fd, EPOLLIN, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_epoll_ctl, ep, EPOLL_CTL_MOD, fd, BAD_POINTER), EFAULT);
	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL));
	CHECK_ERRNO(syscall(SYS_epoll_wait, ep, &e, 0, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_epoll_wait, ep, &e, -1, 0), EINVAL);
	CHECK_ERRNO(epoll_wait(fd, &e, 1, 0), EINVAL);
	CHECK_ERRNO(epoll_wait(-1, &e, 1, 0), EBADF);
	CHECK_ERRNO(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLEXCLUSIVE | EPOLLONESHOT, 0), EINVAL);
	CHECK_OK(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLEXCLUSIVE | EPOLLIN, 0));
	CHECK_ERRNO(ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN, 0), EINVAL);
	close(ep);
	close(fd);
	close(file);
}

int main(void)
{
	test_begin();
	test_create();
	test_level();
	test_edge();
	test_one_shot();
	test_pipes();
	test_close_and_duplicates();
	test_fairness();
	test_nested();
	test_depth();
	test_waking();
	test_mask();
	test_pwait2();
	test_errors();
	return test_done();
}
