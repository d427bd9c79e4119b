/* covers: pidfd_open pidfd_send_signal pidfd_getfd poll waitid epoll_wait fcntl */
/* pidfd_open(2) and its relatives: a process held by a descriptor. */
#include "tests/conformance/processes/process_test.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>

static int pidfd_open(pid_t pid, unsigned int flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static int pidfd_kill(int fd, int sig, siginfo_t *info, unsigned int flags)
{
	return (int)syscall(SYS_pidfd_send_signal, fd, sig, info, flags);
}

static int pidfd_get(int fd, int target, unsigned int flags)
{
	return (int)syscall(SYS_pidfd_getfd, fd, target, flags);
}

static void child_pauses(void)
{
	for (;;)
		pause();
}

static void opening(void)
{
	pid_t pid = child_start(child_pauses);
	int fd = pidfd_open(pid, 0), null = open("/dev/null", O_RDONLY);

	CHECK(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_ERRNO(pidfd_open(pid, 0x40000000), EINVAL);
	CHECK_ERRNO(pidfd_open(-1, 0), EINVAL);
	CHECK_ERRNO(pidfd_open(0, 0), EINVAL);
	CHECK_ERRNO(pidfd_open(0x3fffffff, 0), ESRCH);
	CHECK(read(fd, &pid, 0) == -1);
	CHECK_ERRNO(pidfd_kill(null, 0, NULL, 0), EBADF);
	CHECK_ERRNO(pidfd_kill(-1, 0, NULL, 0), EBADF);
	CHECK_ERRNO(pidfd_kill(fd, 65, NULL, 0), EINVAL);
	CHECK_ERRNO(pidfd_kill(fd, 0, NULL, 0x40000000), EINVAL);
	CHECK_OK(pidfd_kill(fd, 0, NULL, 0));
	CHECK_OK(pidfd_kill(fd, SIGKILL, NULL, 0));
	CHECK_EQ(child_wait(pid), SIGKILL);
	CHECK_ERRNO(pidfd_kill(fd, 0, NULL, 0), ESRCH);
	CHECK_ERRNO(pidfd_open(pid, 0), ESRCH);
	close(fd);
	close(null);
}

/* PIDFD_GET_INFO, which Linux 6.13 began; the exit status came with 6.15. */
struct info {
	uint64_t mask, cgroup;
	uint32_t pid, tgid, ppid, ids[8];
	int32_t exit_code;
	uint32_t more[2];
};
#define GET_INFO _IOWR(0xff, 11, struct info)
#define INFO_PID 1
#define INFO_CREDENTIALS 2
#define INFO_EXIT 8

static void child_exits(void)
{
	_exit(7);
}

static void asking(void)
{
	pid_t pid = child_start(child_pauses), gone = child_start(child_exits);
	int fd = pidfd_open(pid, 0), gone_fd = pidfd_open(gone, 0);
	struct info info = {.mask = INFO_EXIT};

	waitpid(gone, NULL, 0);
	if (ioctl(gone_fd, GET_INFO, &info) == -1) {
		test_skip("PIDFD_GET_INFO", "a kernel without it");
	} else {
		CHECK_EQ(info.mask & INFO_EXIT, INFO_EXIT);
		CHECK_EQ(info.exit_code, EXITED(7));
		info.mask = INFO_PID;
		CHECK_ERRNO(ioctl(gone_fd, GET_INFO, &info), ESRCH);
		info.mask = INFO_EXIT;
		CHECK_OK(ioctl(fd, GET_INFO, &info));
		CHECK_EQ(info.mask & (INFO_PID | INFO_CREDENTIALS | INFO_EXIT),
			INFO_PID | INFO_CREDENTIALS);
		CHECK(info.pid == (uint32_t)pid && info.tgid == (uint32_t)pid);
		CHECK(info.ppid == (uint32_t)getpid() && info.ids[0] == getuid());
		CHECK_ERRNO(ioctl(fd, GET_INFO, NULL), EINVAL);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(fd);
	close(gone_fd);
}

/* A directory of /proc names a process for a signal, too. */
static void by_proc(void)
{
	pid_t pid = child_start(child_pauses);
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	fd = open(path, O_DIRECTORY | O_CLOEXEC);
	CHECK_OK(pidfd_kill(fd, 0, NULL, 0));
	CHECK_OK(pidfd_kill(fd, SIGKILL, NULL, 0));
	CHECK_EQ(child_wait(pid), SIGKILL);
	CHECK_ERRNO(pidfd_kill(fd, 0, NULL, 0), ESRCH);
	close(fd);
}

static void polling(void)
{
	pid_t pid = child_start(child_pauses);
	struct pollfd p = {.fd = pidfd_open(pid, 0), .events = POLLIN};
	struct epoll_event event = {.events = EPOLLIN}, got = {0};
	int ep = epoll_create1(0);

	CHECK_EQ(poll(&p, 1, 0), 0);
	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_ADD, p.fd, &event));
	CHECK_EQ(epoll_wait(ep, &got, 1, 0), 0);
	kill(pid, SIGTERM);
	CHECK_EQ(poll(&p, 1, -1), 1);
	CHECK_EQ(p.revents & POLLIN, POLLIN);
	CHECK_EQ(epoll_wait(ep, &got, 1, -1), 1);
	CHECK_EQ(kill(pid, 0), 0); /* ended, not yet reaped */
	CHECK_EQ(child_wait(pid), SIGTERM);
	CHECK_EQ(poll(&p, 1, 0), 1); /* and so it stays */
	CHECK(p.revents & POLLIN);
	close(ep);
	close(p.fd);
}

static int shared_file;
static int up[2], down[2];

static void child_has_file(void)
{
	int fd = open("file", O_RDWR | O_CREAT, 0600);

	REQUIRE(write(fd, "hello", 5) == 5);
	lseek(fd, 1, SEEK_SET);
	REQUIRE(dup2(fd, shared_file) == shared_file);
	pipe_say(up[1]);
	pipe_hear(down[0]);
	REQUIRE(lseek(fd, 0, SEEK_CUR) == 3); /* moved by our parent */
}

static void getting_a_descriptor(void)
{
	pid_t pid;
	int pidfd, fd;
	char data[3] = "";

	pipe_new(up);
	pipe_new(down);
	shared_file = 77;
	pid = child_start(child_has_file);
	pidfd = pidfd_open(pid, 0);
	pipe_hear(up[0]);
	fd = pidfd_get(pidfd, shared_file, 0);
	if (fd < 0 && (errno == ENOSYS || errno == EPERM)) {
		test_skip("pidfd_getfd", "not permitted here");
	} else {
		CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
		CHECK_EQ(read(fd, data, 2), 2);
		CHECK_STR(data, "el");
		CHECK_ERRNO(pidfd_get(pidfd, 78, 0), EBADF);
		CHECK_ERRNO(pidfd_get(pidfd, shared_file, 1), EINVAL);
		CHECK_ERRNO(pidfd_get(down[0], shared_file, 0), EBADF);
		close(fd);
	}
	pipe_say(down[1]);
	CHECK_EQ(child_wait(pid) == EXITED(0) || data[0] == 0, 1);
	if (data[0])
		CHECK_ERRNO(pidfd_get(pidfd, 0, 0), ESRCH);
	close(pidfd);
}

static volatile sig_atomic_t value, code, sender;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	value = info->si_value.sival_int;
	code = info->si_code;
	sender = info->si_pid;
}

static void siginfo_of_our_own(void)
{
	siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
	int fd = pidfd_open(getpid(), 0);

	info.si_value.sival_int = 4321;
	info.si_pid = getpid();
	handler_set(SIGUSR1, on_signal, 0);
	CHECK_OK(pidfd_kill(fd, SIGUSR1, &info, 0));
	CHECK_EQ(value, 4321);
	CHECK_EQ(code, SI_QUEUE);
	CHECK_ERRNO(pidfd_kill(fd, SIGUSR2, &info, 0), EINVAL); /* not the number inside */
	CHECK_OK(pidfd_kill(fd, SIGUSR1, NULL, 0));
	CHECK_EQ(code, SI_USER);
	CHECK_EQ(sender, getpid());
	close(fd);
}

static void a_forged_siginfo_is_refused(void)
{
	siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_USER};
	pid_t pid = child_start(child_pauses);
	int fd = pidfd_open(pid, 0);

	CHECK_ERRNO(pidfd_kill(fd, SIGUSR1, &info, 0), EPERM);
	info.si_code = SI_TKILL;
	CHECK_ERRNO(pidfd_kill(fd, SIGUSR1, &info, 0), EPERM);
	kill(pid, SIGKILL);
	CHECK_EQ(child_wait(pid), SIGKILL);
	close(fd);
}

/* A pid may be used again; a descriptor means the old process for ever. */
static void not_fooled_by_others(void)
{
	pid_t pid = child_start(child_pauses);
	int fd = pidfd_open(pid, 0), copy = dup(fd);

	kill(pid, SIGKILL);
	child_wait(pid);
	pid = child_start(child_pauses);
	CHECK_ERRNO(pidfd_kill(fd, SIGKILL, NULL, 0), ESRCH);
	CHECK_ERRNO(pidfd_kill(copy, SIGKILL, NULL, 0), ESRCH);
	CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGKILL);
	child_wait(pid);
	close(fd);
	close(copy);
}

/* Nor is who looks at inode numbers: /proc/PID of another process is another file. */
static void no_inode_of_others(void)
{
	pid_t pid = child_start(child_pauses), again;
	int setting = open("/proc/sys/kernel/ns_last_pid", O_WRONLY);
	struct stat before, after;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", pid);
	REQUIRE(stat(path, &before) == 0);
	kill(pid, SIGKILL);
	child_wait(pid);
	if (setting < 0 || dprintf(setting, "%d", pid - 1) < 0) {
		test_skip("pids again", "needs a right");
		return;
	}
	close(setting);
	again = child_start(child_pauses);
	if (again == pid) {
		CHECK_OK(stat(path, &after));
		CHECK(after.st_ino != before.st_ino);
	}
	kill(again, SIGKILL);
	child_wait(again);
}

static void nonblocking_wait(void)
{
	pid_t pid = child_start(child_pauses);
	int fd = pidfd_open(pid, O_NONBLOCK);
	siginfo_t info;

	if (fd >= 0)
		CHECK_ERRNO(waitid(P_PIDFD, (id_t)fd, &info, WEXITED), EAGAIN);
	else
		test_skip("PIDFD_NONBLOCK", "needs Linux 5.10");
	kill(pid, SIGKILL);
	child_wait(pid);
	close(fd);
}

int main(void)
{
	test_start();
	if (pidfd_open(getpid(), 0) < 0 && errno == ENOSYS) {
		test_skip("pidfd", "this kernel has none");
		return test_done();
	}
	opening();
	asking();
	by_proc();
	polling();
	getting_a_descriptor();
	siginfo_of_our_own();
	a_forged_siginfo_is_refused();
	not_fooled_by_others();
	no_inode_of_others();
	nonblocking_wait();
	return test_done();
}
