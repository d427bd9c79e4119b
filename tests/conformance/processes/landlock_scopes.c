/* covers: landlock_restrict_self kill tgkill pidfd_send_signal connect */
/* landlock(7): scopes, which keep signals and abstract names of sockets within; and whose insides
 * may be looked at. */
#include "tests/conformance/processes/process_test.h"
#include "tests/conformance/landlock.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_send_signal 424
#define SYS_pidfd_open 434
#endif

static void restrict_scope(uint64_t scopes)
{
	const struct ruleset_attr attr = {.scopes = scopes};

	REQUIRE(enforce(ruleset_create(&attr, sizeof(attr), 0)));
}

static void restrict_files(void)
{
	REQUIRE(confine(MAKE_FIFO, NULL, 0));
}

/* ---- Signals ---- */

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
}

static long signal_by_pidfd(pid_t pid, int sig)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	long r = syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
	int error = errno;

	close(fd);
	errno = error;
	return r;
}

static void child_signals(void)
{
	pid_t parent = getppid(), before, after;
	union sigval value = {0};
	int pipes[2], said[2];

	pipe_new(pipes);
	pipe_new(said);
	before = fork();
	if (!before) {
		close(pipes[1]);
		pipe_hear(pipes[0]); /* until it is let go */
		_exit(0);
	}
	handler_set(SIGUSR1, on_signal, 0);
	REQUIRE(kill(parent, 0) == 0);
	restrict_scope(SCOPE_SIGNAL);
	REQUIRE(kill(parent, 0) == -1 && errno == EPERM);
	REQUIRE(kill(parent, SIGUSR1) == -1 && errno == EPERM);
	REQUIRE(kill(parent, SIGCONT) == -1 && errno == EPERM); /* though of its session */
	REQUIRE(sigqueue(parent, SIGUSR1, value) == -1 && errno == EPERM);
	REQUIRE(syscall(SYS_tgkill, parent, parent, SIGUSR1) == -1 && errno == EPERM);
	REQUIRE(syscall(SYS_tkill, parent, SIGUSR1) == -1 && errno == EPERM);
	REQUIRE(signal_by_pidfd(parent, 0) == -1 && errno == EPERM);
	REQUIRE(kill(before, SIGKILL) == -1 && errno == EPERM); /* a child of before */
	REQUIRE(kill(getpid(), SIGUSR1) == 0 && raise(SIGUSR1) == 0);
	after = fork();
	if (!after) {
		REQUIRE(kill(getppid(), 0) == 0); /* the same domain */
		REQUIRE(kill(parent, 0) == -1 && errno == EPERM);
		restrict_files(); /* a layer without the scope */
		REQUIRE(kill(getppid(), 0) == 0);
		restrict_scope(SCOPE_SIGNAL);
		REQUIRE(kill(getppid(), 0) == -1 && errno == EPERM);
		pipe_say(said[1]);
		pause();
		_exit(0);
	}
	/* Who is further in is within reach. */
	close(said[1]);
	REQUIRE(pipe_hear(said[0]));
	REQUIRE(kill(after, SIGKILL) == 0 && child_wait(after) == SIGKILL);
	after = fork();
	if (!after)
		_exit(0);
	siginfo_t info;
	REQUIRE(waitid(P_PID, (id_t)after, &info, WEXITED | WNOWAIT) == 0);
	REQUIRE(kill(after, 0) == 0); /* a zombie of its own */
	REQUIRE(child_wait(after) == 0);
	REQUIRE(kill(before, 0) == -1 && errno == EPERM);
	close(pipes[1]);
	REQUIRE(child_wait(before) == 0);
}

static atomic_int told;
static void on_told(int sig, siginfo_t *info, void *context)
{
	on_signal(sig, info, context);
	told++;
}

static void *restricted_thread(void *leader)
{
	restrict_scope(SCOPE_SIGNAL);
	REQUIRE(pthread_kill(*(pthread_t *)leader, SIGUSR1) == 0); /* of the same process */
	REQUIRE(kill(getpid(), SIGUSR1) == 0);
	REQUIRE(kill(getppid(), 0) == -1 && errno == EPERM);
	return NULL;
}

static void child_threads(void)
{
	pthread_t self = pthread_self();

	handler_set(SIGUSR1, on_told, 0);
	pthread_join(thread_start(restricted_thread, &self), NULL);
	REQUIRE(told >= 1);
	REQUIRE(kill(getppid(), 0) == 0); /* the thread's, not the process's */
}

/* SIGIO is sent in the name of who asked for it. */
static void child_sigio(void)
{
	int pair[2];

	REQUIRE(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	handler_set(SIGURG, on_told, 0);
	pid_t pid = fork();
	if (!pid) {
		restrict_scope(SCOPE_SIGNAL);
		REQUIRE(fcntl(pair[0], F_SETSIG, SIGURG) == 0);
		REQUIRE(fcntl(pair[0], F_SETOWN, getppid()) == 0);
		REQUIRE(fcntl(pair[0], F_SETFL, O_ASYNC) == 0);
		_exit(0);
	}
	REQUIRE(child_wait(pid) == 0 && write(pair[1], "x", 1) == 1);
	REQUIRE(told == 0);
	REQUIRE(fcntl(pair[0], F_SETOWN, getpid()) == 0); /* now in one's own */
	REQUIRE(write(pair[1], "x", 1) == 1);
	while (!told)
		pause_ms(10);
}

/* ---- Abstract names ---- */

static socklen_t name_of(struct sockaddr_un *ret, const char *name)
{
	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	snprintf(ret->sun_path + 1, sizeof(ret->sun_path) - 1, "landlock %d %s", (int)getpid(),
		name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(ret->sun_path + 1));
}

static struct sockaddr_un stream_name, datagram_name, file_name = {.sun_family = AF_UNIX};
static socklen_t stream_size, datagram_size;

static int dial(int type)
{
	int fd = socket(AF_UNIX, type, 0), r, error;

	if (type == SOCK_STREAM)
		r = connect(fd, (struct sockaddr *)&stream_name, stream_size);
	else
		r = connect(fd, (struct sockaddr *)&datagram_name, datagram_size);
	error = errno;
	if (!r)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

static ssize_t send_to(int fd)
{
	return sendto(fd, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&datagram_name, datagram_size);
}

static void child_dials(void)
{
	int connected = dial(SOCK_DGRAM), stream = dial(SOCK_STREAM);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), own = socket(AF_UNIX, SOCK_STREAM, 0);

	REQUIRE(connected >= 0 && stream >= 0 && send_to(fd) == 1);
	restrict_scope(SCOPE_SOCKET);
	REQUIRE(dial(SOCK_STREAM) == -1 && errno == EPERM);
	REQUIRE(dial(SOCK_DGRAM) == -1 && errno == EPERM);
	REQUIRE(send_to(fd) == -1 && errno == EPERM);
	REQUIRE(send(connected, "x", 1, 0) == 1); /* it was connected before */
	REQUIRE(send_to(connected) == 1);
	REQUIRE(write(stream, "x", 1) == 1);
	/* A socket made before belongs to whom it was made by. */
	stream_size = name_of(&stream_name, "before");
	REQUIRE(!bind(own, (struct sockaddr *)&stream_name, stream_size) && !listen(own, 5));
	REQUIRE(dial(SOCK_STREAM) == -1 && errno == EPERM);
	own = socket(AF_UNIX, SOCK_STREAM, 0);
	stream_size = name_of(&stream_name, "after");
	REQUIRE(!bind(own, (struct sockaddr *)&stream_name, stream_size) && !listen(own, 5));
	REQUIRE(dial(SOCK_STREAM) >= 0);
	pid_t pid = fork();
	if (!pid) {
		REQUIRE(dial(SOCK_STREAM) >= 0); /* the same domain */
		restrict_files();
		REQUIRE(dial(SOCK_STREAM) >= 0);
		restrict_scope(SCOPE_SOCKET);
		REQUIRE(dial(SOCK_STREAM) == -1 && errno == EPERM);
		_exit(0);
	}
	REQUIRE(child_wait(pid) == 0);
	/* Names of files, and pairs, are of another kind. */
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	REQUIRE(!connect(fd, (struct sockaddr *)&file_name, sizeof(file_name)));
}

static void test_names(void)
{
	int stream = socket(AF_UNIX, SOCK_STREAM, 0), datagram = socket(AF_UNIX, SOCK_DGRAM, 0);
	int file = socket(AF_UNIX, SOCK_STREAM, 0);

	stream_size = name_of(&stream_name, "stream");
	datagram_size = name_of(&datagram_name, "datagram");
	memcpy(file_name.sun_path, "socket", 7);
	CHECK_OK(bind(stream, (struct sockaddr *)&stream_name, stream_size));
	CHECK_OK(listen(stream, 20));
	CHECK_OK(bind(datagram, (struct sockaddr *)&datagram_name, datagram_size));
	CHECK_OK(bind(file, (struct sockaddr *)&file_name, sizeof(file_name)));
	CHECK_OK(listen(file, 20));
	CHECK_CHILD(child_dials);
	close(stream);
	close(datagram);
	close(file);
}

/* ---- Insides ---- */

/* Whose memory files may this one see? */
static bool may_inspect(pid_t pid)
{
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	fd = open(path, O_RDONLY);
	if (fd >= 0)
		close(fd);
	return fd >= 0 && syscall(SYS_kcmp, getpid(), pid, 0, 0, 0) >= 0;
}

static void child_inspects(void)
{
	pid_t parent = getppid(), pid;

	if (!may_inspect(parent))
		_exit(7);
	restrict_files();
	REQUIRE(!may_inspect(parent) && may_inspect(getpid()));
	pid = fork();
	if (!pid) {
		REQUIRE(may_inspect(getppid())); /* the same domain */
		REQUIRE(!may_inspect(parent));
		restrict_files();
		REQUIRE(!may_inspect(getppid()));
		pid = fork();
		if (!pid) {
			pause_ms(10);
			_exit(0);
		}
		REQUIRE(may_inspect(pid));
		_exit(child_wait(pid) != 0);
	}
	REQUIRE(may_inspect(pid) || kill(pid, 0) == 0);
	REQUIRE(child_wait(pid) == 0);
}

static void test_insides(void)
{
	int status = child_run(child_inspects);

	if (status == EXITED(7))
		test_skip("insides of other processes", "nobody's may be seen here");
	else
		CHECK_EQ(status, EXITED(0));
}

int main(void)
{
	test_start();
	if (landlock_lacks(1, "landlock"))
		return test_done();
	test_insides();
	if (landlock_lacks(6, "scopes"))
		return test_done();
	CHECK_CHILD(child_signals);
	CHECK_CHILD(child_threads);
	CHECK_CHILD(child_sigio);
	test_names();
	return test_done();
}
