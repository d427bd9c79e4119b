/* covers: ioctl open setsid read write */
/* Controlling terminals and job control: credentials(7), tty(4), tcsetpgrp(3), tcgetsid(3). Each
 * check is a child that is free to make a session of its own. */
#include "tests/conformance/terminals/terminal_test.h"

static struct pty pty;

static bool has_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR);

	if (fd < 0) {
		REQUIRE(errno == ENXIO);
		return false;
	}
	REQUIRE(isatty(fd));
	close(fd);
	return true;
}

/* ---- Whose it is ---- */

static void acquire_by_open(void)
{
	int fd;

	REQUIRE(setsid() == getpid() && !has_terminal());
	fd = open(pty.name, O_RDWR | O_NOCTTY);
	REQUIRE(fd >= 0 && !has_terminal());
	close(fd);
	fd = open(pty.name, O_WRONLY); /* only one that can be read */
	REQUIRE(fd >= 0 && !has_terminal());
	close(fd);
	fd = open(pty.name, O_RDWR);
	REQUIRE(fd >= 0 && has_terminal());
	REQUIRE(tcgetsid(fd) == getpid() && tcgetpgrp(fd) == getpid());
	REQUIRE(tcgetsid(pty.far) == getpid());
}

static void acquire_by_call(void)
{
	struct pty other;
	pid_t child;
	int status;

	REQUIRE(ioctl(pty.near, TIOCSCTTY, 0) == -1 && errno == EPERM); /* not a leader */
	REQUIRE(setsid() == getpid());
	REQUIRE(tcgetpgrp(pty.near) == -1 && errno == ENOTTY);
	REQUIRE(tcgetsid(pty.near) == -1 && errno == ENOTTY);
	REQUIRE(ioctl(pty.near, TIOCSCTTY, 0) == 0 && has_terminal());
	REQUIRE(ioctl(pty.near, TIOCSCTTY, 0) == 0); /* again is fine */
	pty_open(&other);
	REQUIRE(ioctl(other.near, TIOCSCTTY, 0) == -1 && errno == EPERM); /* one is enough */
	child = fork();
	if (!child) {
		REQUIRE(has_terminal()); /* inherited, */
		REQUIRE(setsid() == getpid() && !has_terminal());
		REQUIRE(ioctl(pty.near, TIOCSCTTY, 0) == -1 && errno == EPERM); /* taken */
		_exit(0);
	}
	REQUIRE(waitpid(child, &status, 0) == child && status == 0);
	child = fork();
	if (!child) {
		REQUIRE(ioctl(pty.near, TIOCNOTTY) == 0 && !has_terminal());
		REQUIRE(ioctl(pty.near, TIOCNOTTY) == -1 && errno == ENOTTY);
		_exit(0);
	}
	REQUIRE(waitpid(child, &status, 0) == child && status == 0);
	REQUIRE(has_terminal()); /* the child gave up its own only */
}

static void ignore(int signo)
{
	(void)signo;
}

static void give_up(void)
{
	pid_t child;
	int status;

	become_leader(&pty);
	signal(SIGHUP, SIG_DFL); /* for the child */
	child = fork();
	if (!child)
		for (;;)
			pause();
	signal(SIGHUP, ignore);
	REQUIRE(ioctl(pty.near, TIOCNOTTY) == 0); /* a leader's: all of the session's */
	REQUIRE(waitpid(child, &status, 0) == child);
	REQUIRE(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP);
	REQUIRE(!has_terminal());
	REQUIRE(ioctl(pty.near, TIOCSCTTY, 0) == 0); /* it is free again */
}

/* ---- Groups ---- */

static void set_foreground(void)
{
	pid_t child, stranger;
	int status, ready[2];
	char byte;

	become_leader(&pty);
	REQUIRE(pipe(ready) == 0);
	child = fork();
	if (!child) {
		REQUIRE(setpgid(0, 0) == 0);
		for (;;)
			pause();
	}
	setpgid(child, child);
	stranger = fork();
	if (!stranger) {
		REQUIRE(setsid() == getpid() && write(ready[1], "x", 1) == 1);
		for (;;)
			pause();
	}
	REQUIRE(read(ready[0], &byte, 1) == 1);
	REQUIRE(tcsetpgrp(pty.near, child) == 0 && tcgetpgrp(pty.near) == child);
	signal(SIGTTOU, SIG_IGN); /* in the background now */
	REQUIRE(tcsetpgrp(pty.near, stranger) == -1 && errno == EPERM);
	REQUIRE(tcsetpgrp(pty.near, 4000000) == -1 && errno == ESRCH);
	REQUIRE(tcsetpgrp(pty.near, -3) == -1 && errno == EINVAL);
	REQUIRE(tcsetpgrp(pty.near, getpid()) == 0 && tcgetpgrp(pty.near) == getpid());
	kill(child, SIGKILL);
	kill(stranger, SIGKILL);
	REQUIRE(waitpid(child, &status, 0) == child && waitpid(stranger, &status, 0) == stranger);
}

/* A child in a group of its own, in the background, does @run. */
static pid_t in_background(void (*run)(void))
{
	pid_t child = fork();

	if (!child) {
		alarm(DEADLINE_SECONDS);
		REQUIRE(setpgid(0, 0) == 0);
		run();
		_exit(0);
	}
	setpgid(child, child);
	return child;
}

static void read_byte(void)
{
	char byte;

	REQUIRE(read(pty.near, &byte, 1) == 1);
}

static void expect_stop(pid_t child, int signo)
{
	int status;

	REQUIRE(waitpid(child, &status, WUNTRACED) == child);
	REQUIRE(WIFSTOPPED(status) && WSTOPSIG(status) == signo);
}

static void expect_end(pid_t child)
{
	int status;

	REQUIRE(waitpid(child, &status, WUNTRACED) == child && status == 0);
}

static void read_in_background(void)
{
	pid_t child;
	int status;

	become_leader(&pty);
	child = in_background(read_byte);
	expect_stop(child, SIGTTIN);
	pty_type(&pty, "x\n");
	REQUIRE(kill(child, SIGCONT) == 0); /* still in the background: it stops again */
	REQUIRE(waitpid(child, &status, WCONTINUED | WUNTRACED) == child);
	REQUIRE(WIFCONTINUED(status) || WIFSTOPPED(status));
	if (WIFCONTINUED(status))
		expect_stop(child, SIGTTIN);
	REQUIRE(tcsetpgrp(pty.near, child) == 0 && kill(child, SIGCONT) == 0);
	expect_end(child); /* the call began anew */
}

static void read_ignoring(void)
{
	char byte;

	signal(SIGTTIN, SIG_IGN);
	REQUIRE(read(pty.near, &byte, 1) == -1 && errno == EIO);
}

static void read_blocking_signal(void)
{
	sigset_t set;
	char byte;

	sigemptyset(&set);
	sigaddset(&set, SIGTTIN);
	REQUIRE(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	REQUIRE(read(pty.near, &byte, 1) == -1 && errno == EIO);
}

static void read_refused(void)
{
	become_leader(&pty);
	expect_end(in_background(read_ignoring));
	expect_end(in_background(read_blocking_signal));
}

static void write_byte(void)
{
	REQUIRE(write(pty.near, "w", 1) == 1);
}

static void write_ignoring(void)
{
	signal(SIGTTOU, SIG_IGN);
	write_byte();
}

static void write_in_background(void)
{
	pid_t child;

	become_leader(&pty);
	expect_end(in_background(write_byte));
	pty_change(&pty, LOCAL_FLAGS, TOSTOP, 0);
	child = in_background(write_byte);
	expect_stop(child, SIGTTOU);
	expect_end(in_background(write_ignoring));
	pty_change(&pty, LOCAL_FLAGS, 0, TOSTOP);
	REQUIRE(kill(child, SIGCONT) == 0);
	expect_end(child);
}

static void change_settings(void)
{
	pty_change(&pty, LOCAL_FLAGS, 0, 0);
}

static void change_ignoring(void)
{
	signal(SIGTTOU, SIG_IGN);
	change_settings();
}

static void change_in_background(void)
{
	pid_t child;

	become_leader(&pty);
	child = in_background(change_settings);
	expect_stop(child, SIGTTOU); /* whatever TOSTOP says */
	expect_end(in_background(change_ignoring));
	REQUIRE(kill(child, SIGKILL) == 0);
	REQUIRE(waitpid(child, NULL, 0) == child);
}

/* ---- Orphans ---- */

static pid_t orphans_parent;

static void read_orphaned(void)
{
	char byte;

	while (getppid() == orphans_parent) /* until it is gone: nobody could continue us */
		usleep(10000);
	REQUIRE(read(pty.near, &byte, 1) == -1 && errno == EIO);
	REQUIRE(write(pty.far, "ok", 2) == 2);
}

static void leave_orphan(void)
{
	orphans_parent = getpid();
	in_background(read_orphaned);
}

static void read_as_orphan(void)
{
	char bytes[3] = "";

	become_leader(&pty);
	pty_raw(&pty, 2, 0);
	expect_end(in_background(leave_orphan));
	REQUIRE(read(pty.near, bytes, 2) == 2 && !strcmp(bytes, "ok"));
}

/* ---- Keys ---- */

static void read_in_foreground(void)
{
	while (tcgetpgrp(pty.near) != getpid())
		usleep(1000);
	read_byte();
}

static void check_key(const char *key, int signo)
{
	pid_t child = in_background(read_in_foreground);
	int status;

	REQUIRE(tcsetpgrp(pty.near, child) == 0);
	pty_type(&pty, key);
	REQUIRE(waitpid(child, &status, WUNTRACED) == child);
	if (signo == SIGTSTP) {
		REQUIRE(WIFSTOPPED(status) && WSTOPSIG(status) == signo);
		REQUIRE(kill(child, SIGKILL) == 0 && waitpid(child, &status, 0) == child);
	} else {
		REQUIRE(WIFSIGNALED(status) && WTERMSIG(status) == signo);
	}
	REQUIRE(tcsetpgrp(pty.near, getpid()) == 0);
}

static void type_keys(void)
{
	signal(SIGTTOU, SIG_IGN);
	become_leader(&pty);
	check_key("\003", SIGINT);
	check_key("\034", SIGQUIT);
	check_key("\032", SIGTSTP);
}

static volatile sig_atomic_t interrupts;

static void on_interrupt(int signo)
{
	(void)signo;
	interrupts++;
}

/* Keys may take their time. */
static void expect_interrupts(int count)
{
	for (int i = 0; interrupts < count && i < PATIENCE_MS; i++)
		usleep(1000);
	REQUIRE(interrupts == count);
}

static void type_unread(void)
{
	become_leader(&pty);
	signal(SIGINT, on_interrupt);
	pty_type(&pty, "unread");
	REQUIRE(!strcmp(pty_shown(&pty, 6), "unread"));
	pty_type(&pty, "\003x\n");
	expect_interrupts(1);
	REQUIRE(!strcmp(pty_read(&pty), "x\n")); /* what came before is gone */
	REQUIRE(!strcmp(pty_shown(&pty, 5), "^Cx\r\n"));
	pty_change(&pty, LOCAL_FLAGS, NOFLSH, 0);
	pty_type(&pty, "kept\003\n");
	expect_interrupts(2);
	REQUIRE(!strcmp(pty_read(&pty), "kept\n"));
	pty_change(&pty, LOCAL_FLAGS, 0, ISIG | NOFLSH);
	pty_type(&pty, "a\003\n");
	REQUIRE(!strcmp(pty_read(&pty), "a\003\n") && interrupts == 2);
	pty_change(&pty, LOCAL_FLAGS, ISIG, 0);
	(void)pty_shown(&pty, 12);
}

static void signal_by_far(void)
{
	become_leader(&pty);
	signal(SIGINT, on_interrupt);
	interrupts = 0;
	REQUIRE(ioctl(pty.far, TIOCSIG, SIGINT) == 0 && interrupts == 1);
	REQUIRE(ioctl(pty.far, TIOCSIG, SIGKILL) == -1 && errno == EINVAL);
}

static void interrupt_read(void)
{
	struct sigaction action = {.sa_handler = on_interrupt};
	pid_t parent, typist;
	char byte;

	become_leader(&pty);
	parent = getpid();
	REQUIRE(sigaction(SIGINT, &action, NULL) == 0);
	typist = fork();
	if (!typist) {
		signal(SIGINT, SIG_IGN);
		usleep(100000);
		pty_type(&pty, "\003");
		_exit(getppid() == parent ? 0 : 1);
	}
	REQUIRE(read(pty.near, &byte, 1) == -1 && errno == EINTR);
	REQUIRE(waitpid(typist, NULL, 0) == typist);
}

/* ---- Ends ---- */

static volatile sig_atomic_t hangups, continues;

static void on_hangup(int signo)
{
	if (signo == SIGHUP)
		hangups++;
	else
		continues++;
}

static void hang_up(void)
{
	struct pty own;

	pty_open(&own);
	signal(SIGHUP, on_hangup);
	signal(SIGCONT, on_hangup);
	become_leader(&own);
	close(own.far);
	REQUIRE(hangups == 1 && continues == 1);
	REQUIRE(!has_terminal());
}

static void leave_session(void)
{
	become_leader(&pty);
	signal(SIGHUP, SIG_DFL);
	if (fork() == 0)
		for (;;)
			pause();
}

static void leader_ends(void)
{
	pid_t leader;
	int status;

	/* Everybody in the foreground hears of the leader's end: nobody holds the pipe any more. */
	int alive[2];
	char byte;

	REQUIRE(pipe(alive) == 0);
	leader = fork();
	if (!leader) {
		close(alive[0]);
		leave_session();
		_exit(0);
	}
	close(alive[1]);
	REQUIRE(waitpid(leader, &status, 0) == leader && status == 0);
	REQUIRE(read(alive[0], &byte, 1) == 0);
	REQUIRE(setsid() == getpid() && ioctl(pty.near, TIOCSCTTY, 0) == 0); /* free again */
}

static void read_stat(void)
{
	char stat[1024] = "", *fields;
	int fd = open("/proc/self/stat", O_RDONLY), device, foreground, number;

	become_leader(&pty);
	REQUIRE(ioctl(pty.far, TIOCGPTN, &number) == 0);
	REQUIRE(fd >= 0 && read(fd, stat, sizeof(stat) - 1) > 0);
	fields = strrchr(stat, ')') + 1;
	REQUIRE(sscanf(fields, " %*c %*d %*d %*d %d %d", &device, &foreground) == 2);
	REQUIRE(device == (136 << 8 | number) && foreground == getpid());
	REQUIRE(ioctl(pty.near, TIOCNOTTY) == 0);
}

static void read_stat_ignoring(void)
{
	signal(SIGHUP, SIG_IGN);
	read_stat();
}

#define CHECK_SESSION(run)                                                                         \
	do {                                                                                       \
		int status_ = -1;                                                                  \
		pty_open(&pty);                                                                    \
		REQUIRE(waitpid(child_start(run), &status_, 0) > 0);                               \
		test_report(status_ == 0, #run, __FILE__, __LINE__);                               \
		pty_close(&pty);                                                                   \
	} while (0)

int main(void)
{
	static const int keys[] = {SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU};

	test_start();
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		signal(keys[i], SIG_DFL); /* whoever started us may ignore them */
	signal(SIGHUP, SIG_IGN);
	REQUIRE(setsid() == getpid() || errno == EPERM);
	CHECK_SESSION(acquire_by_open);
	CHECK_SESSION(acquire_by_call);
	CHECK_SESSION(give_up);
	CHECK_SESSION(set_foreground);
	CHECK_SESSION(read_in_background);
	CHECK_SESSION(read_refused);
	CHECK_SESSION(write_in_background);
	CHECK_SESSION(change_in_background);
	CHECK_SESSION(read_as_orphan);
	CHECK_SESSION(type_keys);
	CHECK_SESSION(type_unread);
	CHECK_SESSION(signal_by_far);
	CHECK_SESSION(interrupt_read);
	CHECK_SESSION(hang_up);
	CHECK_SESSION(leader_ends);
	CHECK_SESSION(read_stat_ignoring);
	return test_done();
}
