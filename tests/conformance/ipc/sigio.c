/* covers: fcntl ioctl */
/* fcntl(2), "Managing signals": O_ASYNC, F_SETOWN, F_SETSIG on pipes, FIFOs, sockets, inotify. */
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "tests/conformance/files/conformance.h"

static volatile sig_atomic_t count;
static siginfo_t last;

static void handler(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	last = *info;
	count++;
}

static void listen_to(int signo)
{
	struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};

	sigaction(signo, &sa, NULL);
	count = 0;
}

static void make_async(int fd, int signo)
{
	CHECK_OK(fcntl(fd, F_SETOWN, getpid()));
	CHECK_OK(fcntl(fd, F_SETSIG, signo));
	CHECK_OK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC | O_NONBLOCK));
	CHECK(fcntl(fd, F_GETFL) & O_ASYNC);
}

static void test_pipe(void)
{
	int p[2];
	char c[8];

	REQUIRE(!pipe(p));
	listen_to(SIGIO);
	make_async(p[0], 0);
	CHECK_EQ(write(p[1], "x", 1), 1);
	CHECK_EQ(count, 1);
	CHECK_EQ(last.si_signo, SIGIO);
	CHECK_EQ(read(p[0], c, sizeof(c)), 1);
	CHECK_EQ(count, 1);
	CHECK_OK(fcntl(p[0], F_SETFL, O_NONBLOCK));
	CHECK_EQ(write(p[1], "x", 1), 1);
	CHECK_EQ(count, 1);
	CHECK_EQ(read(p[0], c, sizeof(c)), 1);
	listen_to(SIGRTMIN);
	make_async(p[0], SIGRTMIN);
	CHECK_EQ(fcntl(p[0], F_GETSIG), SIGRTMIN);
	CHECK_EQ(write(p[1], "y", 1), 1);
	CHECK_EQ(count, 1);
	CHECK_EQ(last.si_code, POLL_IN);
	CHECK_EQ(last.si_fd, p[0]);
	CHECK(last.si_band & POLLIN);
	close(p[0]);
	close(p[1]);
}

static void test_socket(void)
{
	int s[2], owner = getpid(), on = 1;
	char c[8];

	REQUIRE(!socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	listen_to(SIGIO);
	CHECK_OK(ioctl(s[0], FIOSETOWN, &owner));
	owner = 0;
	CHECK_OK(ioctl(s[0], FIOGETOWN, &owner));
	CHECK_EQ(owner, getpid());
	CHECK_OK(ioctl(s[0], FIOASYNC, &on));
	CHECK(fcntl(s[0], F_GETFL) & O_ASYNC);
	CHECK_EQ(write(s[1], "x", 1), 1);
	CHECK(count >= 1);
	CHECK_EQ(read(s[0], c, sizeof(c)), 1);
	on = 0;
	CHECK_OK(ioctl(s[0], FIOASYNC, &on));
	count = 0;
	CHECK_EQ(write(s[1], "x", 1), 1);
	CHECK_EQ(count, 0);
	listen_to(SIGRTMIN);
	make_async(s[0], SIGRTMIN);
	close(s[1]);
	CHECK(count >= 1);
	CHECK_EQ(last.si_fd, s[0]);
	close(s[0]);
}

static void test_owners(void)
{
	struct f_owner_ex owner = {F_OWNER_TID, getpid()};
	int p[2];

	REQUIRE(!pipe(p));
	CHECK_EQ(fcntl(p[0], F_GETOWN), 0);
	CHECK_OK(fcntl(p[0], F_SETOWN_EX, &owner));
	owner.type = F_OWNER_PID;
	CHECK_OK(fcntl(p[0], F_GETOWN_EX, &owner));
	CHECK_EQ(owner.type, F_OWNER_TID);
	CHECK_EQ(owner.pid, getpid());
	CHECK_OK(fcntl(p[0], F_SETOWN, -getpgrp()));
	CHECK_OK(fcntl(p[0], F_GETOWN_EX, &owner));
	CHECK_EQ(owner.type, F_OWNER_PGRP);
	CHECK_EQ(owner.pid, getpgrp());
	CHECK_ERRNO(fcntl(p[0], F_SETOWN, 0x3fffffff), ESRCH);
	owner.type = 99;
	CHECK_ERRNO(fcntl(p[0], F_SETOWN_EX, &owner), EINVAL);
	CHECK_ERRNO(fcntl(p[0], F_SETSIG, 65), EINVAL);
	CHECK_OK(fcntl(p[0], F_SETOWN, 0));
	listen_to(SIGIO);
	CHECK_OK(fcntl(p[0], F_SETFL, O_ASYNC));
	CHECK_EQ(write(p[1], "x", 1), 1);
	CHECK_EQ(count, 0);
	close(p[0]);
	close(p[1]);
}

/* Written by another process; the reader sleeps until the signal comes. */
static void test_other_process(void)
{
	sigset_t set, old;
	int p[2];
	pid_t pid;

	REQUIRE(!pipe(p));
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	sigprocmask(SIG_BLOCK, &set, &old);
	make_async(p[0], SIGRTMIN + 1);
	pid = test_fork();
	if (!pid) {
		char big[100000] = {0};

		/* More than the pipe holds: the signal must come before the writer sleeps. */
		CHECK_EQ(write(p[1], big, sizeof(big)), sizeof(big));
		test_child_exit();
	}
	close(p[1]);
	for (size_t got = 0; got < 100000;) {
		char buffer[4096];
		ssize_t n = read(p[0], buffer, sizeof(buffer));

		if (n > 0)
			got += (size_t)n;
		else
			CHECK_EQ(sigwaitinfo(&set, &last), SIGRTMIN + 1);
	}
	JOIN(pid);
	CHECK_EQ(last.si_fd, p[0]);
	while (sigtimedwait(&set, &last, &(struct timespec){0}) > 0)
		;
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(p[0]);
}

static void test_inotify(void)
{
	int fd = inotify_init();

	listen_to(SIGIO);
	CHECK_OK(inotify_add_watch(fd, ".", IN_CREATE));
	make_async(fd, 0);
	put_file("new", "x");
	CHECK_EQ(count, 1);
	close(fd);
}

static void test_fifo(void)
{
	int r, w;

	CHECK_OK(mkfifo("fifo", 0600));
	r = open("fifo", O_RDONLY | O_NONBLOCK);
	w = open("fifo", O_WRONLY);
	listen_to(SIGRTMIN);
	make_async(r, SIGRTMIN);
	CHECK_EQ(write(w, "x", 1), 1);
	CHECK_EQ(count, 1);
	CHECK_EQ(last.si_code, POLL_IN);
	close(r);
	close(w);
}

int main(void)
{
	test_begin();
	test_pipe();
	test_socket();
	test_owners();
	test_other_process();
	test_inotify();
	test_fifo();
	return test_done();
}
