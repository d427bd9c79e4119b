/* covers: poll ppoll select pselect6 */
/* Waiting on several descriptors: poll(2) and select(2). */
#include <poll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <time.h>

#include "tests/conformance/files/conformance.h"

static short events_of(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

static void test_pipe(void)
{
	char block[4096] = "";
	int p[2];

	CHECK_OK(pipe2(p, O_NONBLOCK));
	CHECK_EQ(events_of(p[0], POLLIN), 0);
	CHECK_EQ(events_of(p[1], POLLIN | POLLOUT), POLLOUT);
	CHECK_EQ(write(p[1], "x", 1), 1);
	CHECK_EQ(events_of(p[0], POLLIN | POLLRDNORM), POLLIN | POLLRDNORM);
	CHECK_EQ(events_of(p[0], 0), 0);
	while (write(p[1], block, sizeof(block)) > 0)
		;
	CHECK_EQ(events_of(p[1], POLLOUT), 0);
	close(p[1]);
	CHECK_EQ(events_of(p[0], POLLIN), POLLIN | POLLHUP);
	close(p[0]);
	CHECK_OK(pipe(p));
	close(p[0]);
	CHECK_EQ(events_of(p[1], POLLOUT), POLLOUT | POLLERR);
	close(p[1]);
}

static void test_always_ready(void)
{
	int fd = open("f", O_RDWR | O_CREAT, 0600), dir = open(".", O_RDONLY);

	CHECK_EQ(events_of(fd, POLLIN | POLLOUT), POLLIN | POLLOUT);
	CHECK_EQ(events_of(fd, POLLIN | POLLPRI), POLLIN);
	CHECK_EQ(events_of(dir, POLLIN), POLLIN);
	close(fd);
	close(dir);
}

static void test_arrays(void)
{
	struct pollfd p[4] = {{0}};
	int a[2], b[2];

	CHECK_OK(pipe(a) | pipe(b));
	CHECK_EQ(write(b[1], "x", 1), 1);
	p[0] = (struct pollfd){.fd = a[0], .events = POLLIN, .revents = 77};
	p[1] = (struct pollfd){.fd = b[0], .events = POLLIN};
	p[2] = (struct pollfd){.fd = -1, .events = POLLIN, .revents = 77};
	p[3] = (struct pollfd){.fd = 4000, .events = POLLIN};
	CHECK_EQ(poll(p, 4, -1), 2);
	CHECK_EQ(p[0].revents, 0);
	CHECK_EQ(p[1].revents, POLLIN);
	CHECK_EQ(p[2].revents, 0);
	CHECK_EQ(p[3].revents, POLLNVAL);
	CHECK_EQ(poll(NULL, 0, 0), 0);
	CHECK_EQ(poll(p, 1, 20), 0);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
}

static void test_waking(void)
{
	int p[2];
	pid_t pid;

	CHECK_OK(pipe(p));
	pid = test_fork();
	if (pid == 0) {
		let_others_run();
		CHECK_EQ(write(p[1], "x", 1), 1);
		test_child_exit();
	}
	struct pollfd q = {.fd = p[0], .events = POLLIN};
	CHECK_EQ(poll(&q, 1, -1), 1);
	CHECK_EQ(q.revents, POLLIN);
	JOIN(pid);
	CHECK_EQ(read(p[0], (char[1]){0}, 1), 1);
	FORKED("a signal ends poll with EINTR")
	{
		interrupt_from_now_on();
		CHECK_ERRNO(poll(&q, 1, -1), EINTR);
	}
	close(p[0]);
	close(p[1]);
}

static long elapsed_ms(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

/* No wait ends before its time-out. */
static void test_not_early(void)
{
	struct timespec start, t = {0, 60000000};
	struct timeval tv = {0, 60000};

	clock_gettime(CLOCK_MONOTONIC, &start);
	CHECK_EQ(poll(NULL, 0, 60), 0);
	CHECK(elapsed_ms(&start) >= 60);
	clock_gettime(CLOCK_MONOTONIC, &start);
	CHECK_EQ(ppoll(NULL, 0, &t, NULL), 0);
	CHECK(elapsed_ms(&start) >= 60);
	clock_gettime(CLOCK_MONOTONIC, &start);
	CHECK_EQ(syscall(SYS_select, 0, NULL, NULL, NULL, &tv), 0);
	CHECK(elapsed_ms(&start) >= 60);
	/* select(2): Linux writes back the time not slept. */
	CHECK_EQ(tv.tv_sec, 0);
	CHECK_EQ(tv.tv_usec, 0);
}

static void test_select(void)
{
	struct timeval zero = {0, 0};
	fd_set r, w, x;
	int p[2];

	CHECK_OK(pipe(p));
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_ZERO(&x);
	FD_SET(p[0], &r);
	FD_SET(p[1], &w);
	FD_SET(p[0], &x);
	CHECK_EQ(select(p[1] + 1, &r, &w, &x, &zero), 1);
	CHECK(!FD_ISSET(p[0], &r) && FD_ISSET(p[1], &w) && !FD_ISSET(p[0], &x));
	CHECK_EQ(write(p[1], "x", 1), 1);
	FD_SET(p[0], &r);
	CHECK_EQ(select(p[1] + 1, &r, &w, NULL, NULL), 2);
	CHECK(FD_ISSET(p[0], &r) && FD_ISSET(p[1], &w));
	/* Descriptors at or above nfds aren't looked at. */
	CHECK_EQ(select(p[0], &r, NULL, NULL, &zero), 0);
	FD_ZERO(&r);
	FD_SET(p[0], &r);
	close(p[1]);
	CHECK_EQ(read(p[0], (char[1]){0}, 1), 1);
	CHECK_EQ(select(p[0] + 1, &r, NULL, NULL, NULL), 1);
	CHECK(FD_ISSET(p[0], &r));
	close(p[0]);
}

static void test_select_errors(void)
{
	struct timeval bad = {-1, 0}, zero = {0, 0};
	fd_set r;

	FD_ZERO(&r);
	CHECK_ERRNO(syscall(SYS_select, -1, &r, NULL, NULL, &zero), EINVAL);
	CHECK_ERRNO(syscall(SYS_select, 0, NULL, NULL, NULL, &bad), EINVAL);
	CHECK_ERRNO(syscall(SYS_select, 10, BAD_POINTER, NULL, NULL, &zero), EFAULT);
	FD_SET(700, &r);
	dup2(STDOUT_FILENO, 720);
	CHECK_ERRNO(syscall(SYS_select, 710, &r, NULL, NULL, &zero), EBADF);
	close(720);
}

static volatile sig_atomic_t signalled;

static void on_signal(int sig)
{
	(void)sig;
	signalled++;
}

static void test_masks(void)
{
	struct sigaction sa = {.sa_handler = on_signal};
	struct timespec zero = {0, 0};
	sigset_t blocked, none;

	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	CHECK_OK(sigaction(SIGUSR1, &sa, NULL));
	CHECK_OK(sigprocmask(SIG_BLOCK, &blocked, NULL));
	CHECK_OK(raise(SIGUSR1));
	CHECK_EQ(ppoll(NULL, 0, &zero, NULL), 0);
	CHECK_EQ(signalled, 0);
	CHECK_ERRNO(ppoll(NULL, 0, NULL, &none), EINTR);
	CHECK_EQ(signalled, 1);
	CHECK_OK(raise(SIGUSR1));
	CHECK_EQ(pselect(0, NULL, NULL, NULL, &zero, &blocked), 0);
	CHECK_EQ(signalled, 1);
	CHECK_ERRNO(pselect(0, NULL, NULL, NULL, NULL, &none), EINTR);
	CHECK_EQ(signalled, 2);
	CHECK_OK(sigprocmask(SIG_UNBLOCK, &blocked, NULL));
}

static void test_errors(void)
{
	const struct timespec bad = {0, -1};
	const struct rlimit small = {20, 20};
	struct pollfd p[21];

	CHECK_ERRNO(syscall(SYS_poll, BAD_POINTER, 1, 0), EFAULT);
	CHECK_ERRNO(syscall(SYS_ppoll, NULL, 0, &bad, NULL, 8), EINVAL);
	CHECK_ERRNO(syscall(SYS_ppoll, NULL, 0, NULL, p, 3), EINVAL);
	memset(p, -1, sizeof(p));
	FORKED("more entries than RLIMIT_NOFILE")
	{
		CHECK_OK(setrlimit(RLIMIT_NOFILE, &small));
		CHECK_EQ(poll(p, 20, 0), 0);
		CHECK_ERRNO(poll(p, 21, 0), EINVAL);
	}
}

int main(void)
{
	test_begin();
	test_pipe();
	test_always_ready();
	test_arrays();
	test_waking();
	test_not_early();
	test_select();
	test_select_errors();
	test_masks();
	test_errors();
	return test_done();
}
