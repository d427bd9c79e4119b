/* covers: ioctl open read write poll */
/* pty(7), pts(4): the two sides of a pseudo-terminal, their names, locks and ends. */
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "tests/conformance/terminals/terminal_test.h"

#define DEVPTS_MAGIC 0x1cd1

static void check_names(void)
{
	char name[64], expected[64];
	unsigned int number;
	struct stat st, by_name;
	struct statfs fs;
	struct pty pty;

	pty_open(&pty);
	CHECK_OK(ioctl(pty.far, TIOCGPTN, &number));
	snprintf(expected, sizeof(expected), "/dev/pts/%u", number);
	CHECK_STR(pty.name, expected);
	CHECK_EQ(ttyname_r(pty.near, name, sizeof(name)), 0);
	CHECK_STR(name, expected);
	CHECK(isatty(pty.near) && isatty(pty.far));
	CHECK_OK(fstat(pty.near, &st));
	CHECK_EQ(st.st_mode & S_IFMT, S_IFCHR);
	CHECK_EQ(st.st_mode & 0757, 0600); /* for the group as the mount says */
	CHECK_EQ(st.st_uid, geteuid());
	CHECK_EQ(major(st.st_rdev), 136);
	CHECK_EQ(minor(st.st_rdev), number);
	CHECK_OK(stat(expected, &by_name));
	CHECK_EQ(by_name.st_ino, st.st_ino);
	CHECK_OK(fchmod(pty.near, 0600));
	CHECK_OK(stat(expected, &by_name));
	CHECK_EQ(by_name.st_mode & 0777, 0600);
	CHECK_OK(fstat(pty.far, &st));
	CHECK_EQ(major(st.st_rdev), 5);
	CHECK_EQ(minor(st.st_rdev), 2);
	CHECK_OK(statfs("/dev/pts", &fs));
	CHECK_EQ(fs.f_type, DEVPTS_MAGIC);
	CHECK_ERRNO(ioctl(pty.near, TIOCGPTN, &number), ENOTTY);
	CHECK_ERRNO(open("/dev/pts/nothing", O_RDWR), ENOENT);
	pty_close(&pty);
	CHECK_ERRNO(open(expected, O_RDWR | O_NOCTTY), ENOENT);
}

/* EIO: /dev/ptmx is not of the /dev/pts beside it, as in some containers. */
static void check_peer(int far)
{
	int near = ioctl(far, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (near < 0 && errno == EIO) {
		test_skip("TIOCGPTPEER opens the near side", "/dev/ptmx is another mount's");
		return;
	}
	test_report(near >= 0 && fcntl(near, F_GETFD) == FD_CLOEXEC &&
			    (fcntl(near, F_GETFL) & O_ACCMODE) == O_RDWR,
		"TIOCGPTPEER opens the near side", __FILE__, __LINE__);
	close(near);
}

static void check_lock(void)
{
	int far = posix_openpt(O_RDWR | O_NOCTTY), near, locked = 2;
	char *name = ptsname(far);

	REQUIRE(far >= 0 && name);
	CHECK_ERRNO(open(name, O_RDWR | O_NOCTTY), EIO);
	CHECK_OK(ioctl(far, TIOCGPTLCK, &locked));
	CHECK_EQ(locked, 1);
	check_peer(far);
	CHECK_OK(unlockpt(far));
	CHECK_OK(ioctl(far, TIOCGPTLCK, &locked));
	CHECK_EQ(locked, 0);
	near = open(name, O_RDWR | O_NOCTTY);
	CHECK_OK(near);
	close(near);
	close(far);
}

static short events_of(int fd)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN | POLLOUT | POLLPRI};

	return poll(&poller, 1, 0) < 0 ? -1 : poller.revents;
}

static void check_near_closes(void)
{
	struct pty pty;
	char byte;

	pty_open(&pty);
	CHECK_EQ(events_of(pty.near), POLLOUT);
	CHECK_EQ(events_of(pty.far), POLLOUT);
	REQUIRE(write(pty.near, "end", 3) == 3);
	close(pty.near);
	CHECK_EQ(events_of(pty.far) & POLLHUP, POLLHUP);
	CHECK_STR(pty_shown(&pty, 3), "end"); /* what was written is still there */
	CHECK_ERRNO(read(pty.far, &byte, 1), EIO);
	pty.near = open(pty.name, O_RDWR | O_NOCTTY);
	CHECK_OK(pty.near);
	CHECK_EQ(events_of(pty.far) & POLLHUP, 0);
	pty_type(&pty, "again\n");
	CHECK_STR(pty_read(&pty), "again\n");
	pty_close(&pty);
}

static void check_before_open(void)
{
	struct pty pty = {.near = -1};

	pty.far = posix_openpt(O_RDWR | O_NOCTTY);
	REQUIRE(pty.far >= 0 && unlockpt(pty.far) == 0);
	REQUIRE(ptsname_r(pty.far, pty.name, sizeof(pty.name)) == 0);
	CHECK_EQ(events_of(pty.far), POLLOUT); /* nobody has left: nobody came */
	pty_type(&pty, "early\n");
	pty.near = open(pty.name, O_RDWR | O_NOCTTY);
	CHECK_STR(pty_read(&pty), "early\n");
	pty_close(&pty);
}

static void check_far_closes(void)
{
	struct termios t;
	struct pty pty;
	char byte;
	int group = 0;

	pty_open(&pty);
	pty_type(&pty, "lost\n");
	close(pty.far);
	CHECK_EQ(read(pty.near, &byte, 1), 0);
	CHECK_ERRNO(write(pty.near, "x", 1), EIO);
	CHECK_ERRNO(tcgetattr(pty.near, &t), EIO);
	CHECK_ERRNO(ioctl(pty.near, TIOCSPGRP, &group), ENOTTY);
	CHECK_EQ(events_of(pty.near) & (POLLIN | POLLOUT | POLLHUP | POLLERR),
		POLLIN | POLLOUT | POLLHUP | POLLERR);
	close(pty.near);
}

static struct pty blocked;

static void read_blocked(void)
{
	char byte;

	close(blocked.far);
	REQUIRE(read(blocked.near, &byte, 1) == -1 && errno == EIO);
}

static void check_far_closes_on_reader(void)
{
	pid_t pid;
	int status;

	pty_open(&blocked);
	pid = child_start(read_blocked);
	usleep(200000);
	close(blocked.far);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	close(blocked.near);
}

static void check_packets(void)
{
	struct pty pty;
	char bytes[64];
	int on = 1;

	pty_open(&pty);
	CHECK_ERRNO(ioctl(pty.near, TIOCPKT, &on), ENOTTY);
	CHECK_OK(ioctl(pty.far, TIOCPKT, &on));
	on = 0;
	CHECK_OK(ioctl(pty.far, TIOCGPKT, &on));
	CHECK_EQ(on, 1);
	REQUIRE(write(pty.near, "ab", 2) == 2);
	REQUIRE(is_ready(pty.far, PATIENCE_MS));
	CHECK_EQ(read(pty.far, bytes, sizeof(bytes)), 3);
	CHECK(!memcmp(bytes, "\0ab", 3));
	CHECK_OK(tcflow(pty.near, TCOOFF));
	CHECK_EQ(events_of(pty.far) & (POLLPRI | POLLIN), POLLPRI | POLLIN);
	CHECK_EQ(read(pty.far, bytes, sizeof(bytes)), 1);
	CHECK_EQ(bytes[0], TIOCPKT_STOP);
	CHECK_OK(tcflow(pty.near, TCOON));
	CHECK_EQ(read(pty.far, bytes, sizeof(bytes)), 1);
	CHECK_EQ(bytes[0], TIOCPKT_START);
	pty_change(&pty, INPUT_FLAGS, 0, IXON);
	CHECK_EQ(read(pty.far, bytes, sizeof(bytes)), 1);
	CHECK_EQ(bytes[0], TIOCPKT_NOSTOP);
	pty_change(&pty, INPUT_FLAGS, IXON, 0);
	CHECK_EQ(read(pty.far, bytes, sizeof(bytes)), 1);
	CHECK_EQ(bytes[0], TIOCPKT_DOSTOP);
	CHECK_OK(tcflush(pty.near, TCIOFLUSH));
	CHECK_EQ(read(pty.far, bytes, sizeof(bytes)), 1);
	CHECK_EQ(bytes[0], TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE);
	on = 0;
	CHECK_OK(ioctl(pty.far, TIOCPKT, &on));
	REQUIRE(write(pty.near, "cd", 2) == 2);
	CHECK_STR(pty_shown(&pty, 2), "cd");
	pty_close(&pty);
}

static void check_many(void)
{
	struct pty ptys[8];

	for (int i = 0; i < 8; i++)
		pty_open(&ptys[i]);
	for (int i = 0; i < 8; i++)
		for (int j = 0; j < i; j++)
			REQUIRE(strcmp(ptys[i].name, ptys[j].name) != 0);
	CHECK(true);
	for (int i = 0; i < 8; i++)
		pty_close(&ptys[i]);
}

int main(void)
{
	test_start();
	check_names();
	check_lock();
	check_near_closes();
	check_before_open();
	check_far_closes();
	check_far_closes_on_reader();
	check_packets();
	check_many();
	return test_done();
}
