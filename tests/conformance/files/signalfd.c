/* covers: signalfd signalfd4 */
/* signalfd(2): what a record says, several at once, readiness, a new mask, errors. */
#include <poll.h>
#include <sys/signalfd.h>

#include "tests/conformance/files/conformance.h"

#define KERNEL_SET_SIZE 8

static sigset_t set_of(int a, int b)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, a);
	sigaddset(&set, b);
	return set;
}

static short ready(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};

	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

static bool is_pending(int sig)
{
	sigset_t set;

	return !sigpending(&set) && sigismember(&set, sig);
}

static void test_kill(int fd)
{
	struct signalfd_siginfo info = {0};

	CHECK_EQ(ready(fd), 0);
	CHECK_ERRNO(read(fd, &info, sizeof(info)), EAGAIN);
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK(is_pending(SIGUSR1));
	CHECK_EQ(ready(fd), POLLIN);
	CHECK_EQ(read(fd, &info, sizeof(info)), sizeof(info));
	CHECK_EQ(info.ssi_signo, SIGUSR1);
	CHECK_EQ(info.ssi_code, SI_USER);
	CHECK_EQ(info.ssi_pid, getpid());
	CHECK_EQ(info.ssi_uid, getuid());
	CHECK(!is_pending(SIGUSR1));
	CHECK_EQ(ready(fd), 0);
}

static void test_queue(int fd)
{
	struct signalfd_siginfo info[4] = {0};
	union sigval value = {.sival_int = 17};

	CHECK_OK(sigqueue(getpid(), SIGRTMIN, value));
	value.sival_int = 18;
	CHECK_OK(sigqueue(getpid(), SIGRTMIN, value));
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(read(fd, info, sizeof(info)), 3 * sizeof(info[0]));
	CHECK_EQ(info[0].ssi_signo, SIGUSR1);
	CHECK_EQ(info[1].ssi_signo, SIGRTMIN);
	CHECK_EQ(info[1].ssi_code, SI_QUEUE);
	CHECK_EQ(info[1].ssi_int, 17);
	CHECK_EQ(info[1].ssi_pid, getpid());
	CHECK_EQ(info[2].ssi_int, 18);
	CHECK_ERRNO(read(fd, info, sizeof(info)), EAGAIN);
}

static void test_mask_change(int fd)
{
	const sigset_t other = set_of(SIGUSR2, SIGUSR2), both = set_of(SIGUSR1, SIGRTMIN);
	struct signalfd_siginfo info = {0};

	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_OK(kill(getpid(), SIGUSR2));
	CHECK_EQ(signalfd(fd, &other, 0), fd);
	CHECK_EQ(read(fd, &info, sizeof(info)), sizeof(info));
	CHECK_EQ(info.ssi_signo, SIGUSR2);
	CHECK_EQ(ready(fd), 0);
	CHECK_EQ(signalfd(fd, &both, 0), fd);
	CHECK_EQ(ready(fd), POLLIN);
	CHECK_EQ(read(fd, &info, sizeof(info)), sizeof(info));
	CHECK_EQ(info.ssi_signo, SIGUSR1);
}

/* A descriptor takes signals, it doesn't block or unblock them. */
static void test_signals_stay_blocked(int fd)
{
	sigset_t set;

	CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &set));
	CHECK(sigismember(&set, SIGUSR1) && sigismember(&set, SIGUSR2));
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(ready(fd), POLLIN);
	CHECK_EQ(sigtimedwait(&set, NULL, &(struct timespec){0, 0}), SIGUSR1);
	CHECK_EQ(ready(fd), 0);
}

static void test_blocking(void)
{
	const sigset_t set = set_of(SIGUSR1, SIGCHLD);
	struct signalfd_siginfo info = {0};
	int fd = signalfd(-1, &set, 0);
	pid_t pid = test_fork();

	if (pid == 0) {
		let_others_run();
		_exit(kill(getppid(), SIGUSR1) ? 1 : 5);
	}
	CHECK_EQ(read(fd, &info, sizeof(info)), sizeof(info));
	CHECK_EQ(info.ssi_signo, SIGUSR1);
	CHECK_EQ(info.ssi_pid, pid);
	CHECK_EQ(read(fd, &info, sizeof(info)), sizeof(info));
	CHECK_EQ(info.ssi_signo, SIGCHLD);
	CHECK_EQ(info.ssi_code, CLD_EXITED);
	CHECK_EQ(info.ssi_pid, pid);
	CHECK_EQ(info.ssi_status, 5);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	FORKED("a signal ends the wait with EINTR")
	{
		interrupt_from_now_on();
		CHECK_ERRNO(read(fd, &info, sizeof(info)), EINTR);
	}
	close(fd);
}

static void test_flags(void)
{
	const sigset_t set = set_of(SIGUSR1, SIGKILL);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);

	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
	close(fd);
	fd = (int)syscall(SYS_signalfd, -1, &set, KERNEL_SET_SIZE);
	CHECK_EQ(fcntl(fd, F_GETFD), 0);
	CHECK_EQ(fcntl(fd, F_GETFL), O_RDWR);
	close(fd);
}

static void test_errors(int fd)
{
	const sigset_t set = set_of(SIGUSR1, SIGUSR2);
	int other = open(".", O_RDONLY);
	char buf[sizeof(struct signalfd_siginfo)];

	CHECK_ERRNO(read(fd, buf, sizeof(buf) - 1), EINVAL);
	CHECK_ERRNO(write(fd, buf, sizeof(buf)), EINVAL);
	CHECK_ERRNO(signalfd(other, &set, 0), EINVAL);
	CHECK_ERRNO(signalfd(999, &set, 0), EBADF);
	CHECK_ERRNO(signalfd(-1, &set, 1), EINVAL);
	CHECK_ERRNO(syscall(SYS_signalfd4, -1, &set, KERNEL_SET_SIZE - 1, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_signalfd, -1, &set, KERNEL_SET_SIZE + 1), EINVAL);
	CHECK_ERRNO(syscall(SYS_signalfd4, -1, BAD_POINTER, KERNEL_SET_SIZE, 0), EFAULT);
	close(other);
}

int main(void)
{
	const sigset_t set = set_of(SIGUSR1, SIGRTMIN);
	sigset_t blocked = set_of(SIGUSR1, SIGUSR2);
	int fd;

	test_begin();
	sigaddset(&blocked, SIGRTMIN);
	sigaddset(&blocked, SIGCHLD);
	REQUIRE(sigprocmask(SIG_BLOCK, &blocked, NULL) == 0);
	fd = signalfd(-1, &set, SFD_NONBLOCK);
	REQUIRE(fd >= 0);
	test_kill(fd);
	test_queue(fd);
	test_mask_change(fd);
	test_signals_stay_blocked(fd);
	test_errors(fd);
	test_blocking();
	test_flags();
	close(fd);
	return test_done();
}
