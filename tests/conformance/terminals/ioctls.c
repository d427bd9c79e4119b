/* covers: ioctl */
/* ioctl_tty(2): settings in their layouts, queues, windows, and the small requests. */
#include <asm/ioctls.h>
#include <stddef.h>

#include "tests/conformance/terminals/terminal_test.h"

/* The kernel's; <asm/termbits.h> and <termios.h> can't be had together. */
struct kernel_termios2 {
	uint32_t iflag, oflag, cflag, lflag;
	uint8_t line, cc[19];
	uint32_t input_speed, output_speed;
};
#define GETS2 _IOR('T', 0x2A, struct kernel_termios2)
#define SETS2 _IOW('T', 0x2B, struct kernel_termios2)
#define RATE_OTHER 0x1000U

static struct pty pty;

static void check_defaults(void)
{
	static const uint8_t keys[19] = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22};
	struct kernel_termios2 t;

	CHECK_OK(ioctl(pty.near, GETS2, &t));
	CHECK_EQ(t.iflag, ICRNL | IXON);
	CHECK_EQ(t.oflag, OPOST | ONLCR);
	CHECK_EQ(t.cflag, B38400 | CS8 | CREAD);
	CHECK_EQ(t.lflag, ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN);
	CHECK_EQ(t.output_speed, 38400);
	CHECK(!memcmp(t.cc, keys, sizeof(keys)));
}

static void check_settings(void)
{
	struct kernel_termios2 t;
	struct termios termios, by_far;
	struct termio old;

	REQUIRE(tcgetattr(pty.near, &termios) == 0);
	cfsetspeed(&termios, B115200);
	termios.c_cflag = (termios.c_cflag & ~(tcflag_t)CSIZE) | CS7 | PARENB;
	termios.c_cc[VINTR] = 'i';
	CHECK_OK(tcsetattr(pty.near, TCSADRAIN, &termios));
	CHECK_OK(tcgetattr(pty.far, &by_far)); /* the same from either side */
	CHECK_EQ(by_far.c_cc[VINTR], 'i');
	CHECK_EQ(by_far.c_cflag & (CSIZE | PARENB), CS8);
	CHECK_EQ(cfgetospeed(&by_far), B115200);
	CHECK_OK(ioctl(pty.near, GETS2, &t));
	CHECK_EQ(t.output_speed, 115200);
	t.cflag = (t.cflag & ~(uint32_t)(CBAUD | CBAUDEX)) | RATE_OTHER;
	t.input_speed = t.output_speed = 12345;
	CHECK_OK(ioctl(pty.near, SETS2, &t));
	CHECK_OK(ioctl(pty.near, GETS2, &t));
	CHECK_EQ(t.output_speed, 12345);
	CHECK_OK(ioctl(pty.near, TCGETA, &old));
	CHECK_EQ(old.c_cc[VINTR], 'i');
	CHECK_EQ(old.c_lflag, t.lflag);
	old.c_cc[VINTR] = 3;
	old.c_lflag &= (unsigned short)~ECHO;
	CHECK_OK(ioctl(pty.near, TCSETA, &old));
	REQUIRE(tcgetattr(pty.near, &termios) == 0);
	CHECK_EQ(termios.c_cc[VINTR], 3);
	CHECK_EQ(termios.c_lflag & ECHO, 0);
	CHECK_ERRNO(ioctl(pty.near, TCGETS, (void *)1), EFAULT);
	CHECK_ERRNO(ioctl(pty.near, TCSETS, (void *)1), EFAULT);
	CHECK_ERRNO(ioctl(pty.near, 0x54ff, 0), ENOTTY);
}

static void check_queues(void)
{
	int count = -1;

	CHECK_OK(ioctl(pty.near, FIONREAD, &count));
	CHECK_EQ(count, 0);
	pty_type(&pty, "abc\nde");
	REQUIRE(is_ready(pty.near, PATIENCE_MS));
	CHECK_OK(ioctl(pty.near, FIONREAD, &count));
	CHECK_EQ(count, 4); /* whole lines */
	CHECK_OK(ioctl(pty.near, TIOCOUTQ, &count));
	CHECK_EQ(count, 0);
	CHECK_OK(tcflush(pty.near, TCIFLUSH));
	CHECK_OK(ioctl(pty.near, FIONREAD, &count));
	CHECK_EQ(count, 0);
	CHECK_STR(pty_read(&pty), "(nothing)");
	CHECK_ERRNO(tcflush(pty.near, 77), EINVAL);
	REQUIRE(write(pty.near, "out", 3) == 3);
	REQUIRE(is_ready(pty.far, PATIENCE_MS));
	CHECK_OK(ioctl(pty.far, FIONREAD, &count));
	CHECK_EQ(count, 3);
	CHECK_OK(tcflush(pty.far, TCIFLUSH));
	CHECK_STR(pty_shown(&pty, 0), "");
	CHECK_OK(tcdrain(pty.near));
	CHECK_OK(tcsendbreak(pty.near, 0));
	CHECK_OK(ioctl(pty.near, TIOCSBRK));
	CHECK_OK(ioctl(pty.near, TIOCCBRK));
	pty_type(&pty, "abc\n");
	REQUIRE(is_ready(pty.near, PATIENCE_MS));
	REQUIRE(ioctl(pty.near, TCSETSF, &(struct kernel_termios2){.lflag = ICANON}) == 0);
	CHECK_STR(pty_read(&pty), "(nothing)"); /* TCSAFLUSH */
}

static volatile sig_atomic_t window_signals;

static void on_window(int signo)
{
	(void)signo;
	window_signals++;
}

static void watch_window(void)
{
	struct winsize window = {.ws_row = 1};

	signal(SIGWINCH, on_window);
	become_leader(&pty);
	REQUIRE(ioctl(pty.far, TIOCSWINSZ, &(struct winsize){33, 99, 1, 2}) == 0);
	REQUIRE(window_signals == 1);
	REQUIRE(ioctl(pty.near, TIOCGWINSZ, &window) == 0);
	REQUIRE(window.ws_row == 33 && window.ws_col == 99 && window.ws_ypixel == 2);
	REQUIRE(ioctl(pty.near, TIOCSWINSZ, &window) == 0);
	REQUIRE(window_signals == 1); /* no change, no signal */
	window.ws_col = 98;
	REQUIRE(ioctl(pty.near, TIOCSWINSZ, &window) == 0);
	REQUIRE(window_signals == 2);
}

static void check_window(void)
{
	struct winsize window = {.ws_row = 1};
	int status;

	CHECK_OK(ioctl(pty.near, TIOCGWINSZ, &window));
	CHECK_EQ(window.ws_row, 0);
	REQUIRE(waitpid(child_start(watch_window), &status, 0) > 0);
	CHECK_EQ(status, 0);
	CHECK_OK(ioctl(pty.far, TIOCGWINSZ, &window));
	CHECK_EQ(window.ws_col, 98);
}

static void open_exclusive(void)
{
	REQUIRE(geteuid() != 0 || setuid(65534) == 0);
	REQUIRE(open(pty.name, O_RDWR | O_NOCTTY) == -1);
	REQUIRE(errno == EBUSY || errno == EACCES);
}

static void check_small(void)
{
	int value = -1, status, n;
	char byte = 'x';

	CHECK_OK(ioctl(pty.near, TIOCGETD, &value));
	CHECK_EQ(value, 0);
	CHECK_OK(ioctl(pty.near, TIOCSETD, &value));
	CHECK_OK(fchmod(pty.near, 0666));
	CHECK_OK(ioctl(pty.near, TIOCEXCL));
	CHECK_OK(ioctl(pty.near, TIOCGEXCL, &value));
	CHECK_EQ(value, 1);
	REQUIRE(waitpid(child_start(open_exclusive), &status, 0) > 0);
	CHECK_EQ(status, 0);
	CHECK_OK(ioctl(pty.near, TIOCNXCL));
	/* Input can't be faked but by the privileged, where the system says so. */
	n = ioctl(pty.near, TIOCSTI, &byte);
	CHECK(n == 0 || errno == EIO || errno == EPERM);
	CHECK_OK(tcflush(pty.near, TCIFLUSH));
	CHECK_ERRNO(ioctl(pty.near, TIOCMGET, &value), ENOTTY);
	CHECK_ERRNO(ioctl(pty.near, TIOCSPTLCK, &value), ENOTTY);
}

static void lock_unprivileged(void)
{
	struct kernel_termios2 t = {.lflag = ECHO};

	REQUIRE(setresuid(65534, 65534, 65534) == 0);
	_exit(ioctl(pty.near, TIOCSLCKTRMIOS, &t) == -1 && errno == EPERM ? 0 : 1);
}

/* Settings that tcsetattr(3) leaves alone: there are none, and who isn't privileged makes none. */
static void check_locked(void)
{
	static const struct kernel_termios2 none;
	struct kernel_termios2 t = {0};
	int status;

	memset(&t, 0xff, offsetof(struct kernel_termios2, input_speed));
	CHECK_OK(ioctl(pty.near, TIOCGLCKTRMIOS, &t));
	CHECK(!memcmp(&t, &none, sizeof(t)));
	memset(&t, 0xff, offsetof(struct kernel_termios2, input_speed));
	CHECK_OK(ioctl(pty.far, TIOCGLCKTRMIOS, &t));
	CHECK(!memcmp(&t, &none, sizeof(t)));
	CHECK_ERRNO(ioctl(pty.near, TIOCGLCKTRMIOS, (void *)8), EFAULT);
	if (getuid()) {
		test_skip("locked by who isn't privileged", "only root becomes another");
		return;
	}
	REQUIRE(waitpid(child_start(lock_unprivileged), &status, 0) > 0);
	CHECK_EQ(status, 0);
}

int main(void)
{
	test_start();
	pty_open(&pty);
	check_defaults();
	check_settings();
	check_queues();
	check_window();
	check_small();
	check_locked();
	pty_close(&pty);
	return test_done();
}
