/* Makes one call after the other for run_trace.py, which compares what is printed of them. */
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static void on_signal(int signo)
{
	(void)signo;
}

static void use_files(void)
{
	struct iovec parts[] = {{"ab\n", 3}, {"\1\2", 2}};
	struct stat st;
	char bytes[64];
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC), ends[2];
	struct pollfd poll_fd = {.events = POLLIN};

	(void)!fstat(fd, &st);
	(void)!stat("/", &st);
	(void)!write(fd, "hello\tworld", 11);
	(void)!writev(fd, parts, 2);
	(void)!read(fd, bytes, sizeof(bytes));
	close(fd);
	(void)!open("/none", O_CREAT | O_EXCL | O_RDONLY | O_DIRECTORY, 0600);
	(void)!pipe(ends);
	poll_fd.fd = ends[0];
	poll(&poll_fd, 1, 0);
	(void)!write(ends[1], "0123456789012345678901234567890123456789", 40);
	(void)!read(ends[0], bytes, 40);
}

static void use_fanotify(void)
{
	int fd = fanotify_init(FAN_CLASS_CONTENT | FAN_NONBLOCK, O_RDWR | O_CLOEXEC);

	fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MOUNT,
		FAN_OPEN | FAN_CLOSE | FAN_ONDIR | FAN_EVENT_ON_CHILD, AT_FDCWD, "/none");
	fanotify_mark(fd, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL);
	close(fd);
	fanotify_init(FAN_REPORT_DFID_NAME | FAN_REPORT_TID | FAN_REPORT_PIDFD, O_RDONLY);
}

static void use_signals(void)
{
	sigset_t set;

	signal(SIGUSR1, on_signal);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigprocmask(SIG_SETMASK, NULL, &set);
	kill(getpid(), SIGUSR1);
}

static void use_sockets(void)
{
	struct sockaddr_un address = {AF_UNIX, "/tmp/none"};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), pair[2];
	char bytes[9];

	(void)!connect(fd, (struct sockaddr *)&address, sizeof(address));
	socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
	(void)!send(pair[0], "x", 1, MSG_DONTWAIT);
	(void)!recv(pair[1], bytes, sizeof(bytes), 0);
	shutdown(pair[0], SHUT_WR);
}

/* One argument says what the others are. */
static void use_operations(void)
{
	static unsigned int word = 7;
	struct timespec moment = {0, 1000};
	struct termios settings;
	int ends[2], n = 1;
	char name[16];

	(void)!pipe(ends);
	ioctl(ends[0], TCGETS, &settings);
	ioctl(ends[0], FIONBIO, &n);
	(void)!write(ends[1], "abc", 3);
	ioctl(ends[0], FIONREAD, &n);
	ioctl(ends[0], FIOCLEX);
	syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1);
	syscall(SYS_futex, &word, FUTEX_WAIT, 3, NULL);
	syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 7, &moment);
	syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 7, &moment,
		NULL, FUTEX_BITSET_MATCH_ANY);
	syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE_PRIVATE, 1, 2, &n, 5);
	prctl(PR_SET_NAME, "renamed");
	prctl(PR_GET_NAME, name);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL);
}

/* strace knows the structures' first version. */
static void use_landlock(void)
{
	const uint64_t ruleset[] = {1 << 2 | 1 << 15, 1, 2}, port[] = {1, 80};
	const struct {
		uint64_t access;
		int32_t fd;
	} path = {1 << 2, -1};
	long fd;

	syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
	fd = syscall(SYS_landlock_create_ruleset, ruleset, sizeof(ruleset), 0);
	syscall(SYS_landlock_add_rule, fd, 2, port, 0);
	syscall(SYS_landlock_add_rule, fd, 1, &path, 0);
	syscall(SYS_landlock_add_rule, fd, 3, NULL, 0);
	syscall(SYS_landlock_restrict_self, -1, 4);
}

int main(void)
{
	struct timespec moment = {0, 1000};
	struct rlimit limit;
	char *arguments[] = {"/bin/none", "x", NULL};

	use_files();
	use_fanotify();
	use_signals();
	use_sockets();
	use_operations();
	use_landlock();
	getrlimit(RLIMIT_STACK, &limit);
	nanosleep(&moment, NULL);
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, NULL);
	if (fork() == 0)
		_exit(3);
	wait(NULL);
	execve(arguments[0], arguments, NULL);
	return 4;
}
