/* covers: ioctl read write poll */
/* Non-canonical mode of termios(3): VMIN, VTIME; output processing; flow control. */
#include "tests/conformance/terminals/terminal_test.h"

static struct pty pty;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check_min(void)
{
	char bytes[16];

	pty_raw(&pty, 1, 0);
	pty_type(&pty, "a\r\003\004\177");
	CHECK_STR(pty_read(&pty), "a\r\003\004\177");
	CHECK_STR(pty_shown(&pty, 0), "");
	pty_raw(&pty, 3, 0);
	pty_type(&pty, "ab");
	CHECK(!is_ready(pty.near, QUIET_MS));
	pty_type(&pty, "c");
	CHECK(is_ready(pty.near, PATIENCE_MS));
	CHECK_EQ(read(pty.near, bytes, sizeof(bytes)), 3);
	pty_raw(&pty, 0, 0);
	CHECK_EQ(read(pty.near, bytes, sizeof(bytes)), 0);
	pty_type(&pty, "xy");
	REQUIRE(is_ready(pty.near, PATIENCE_MS));
	CHECK_EQ(read(pty.near, bytes, 1), 1);
	CHECK_EQ(read(pty.near, bytes, sizeof(bytes)), 1);
}

static void check_time(void)
{
	char bytes[16];
	double begun = now();

	pty_raw(&pty, 0, 2);
	CHECK_EQ(read(pty.near, bytes, sizeof(bytes)), 0); /* after two tenths of a second */
	CHECK(now() - begun > 0.15);
	pty_type(&pty, "a");
	REQUIRE(is_ready(pty.near, PATIENCE_MS));
	CHECK_EQ(read(pty.near, bytes, sizeof(bytes)), 1);
	pty_raw(&pty, 5, 1);
	pty_type(&pty, "abc");
	begun = now();
	CHECK_EQ(read(pty.near, bytes, sizeof(bytes)), 3); /* a pause ends it */
	CHECK(now() - begun > 0.05);
	pty_type(&pty, "abcdef");
	CHECK_EQ(read(pty.near, bytes, sizeof(bytes)), 6);
}

static void check_nonblocking(void)
{
	char bytes[16];

	pty_raw(&pty, 1, 0);
	REQUIRE(fcntl(pty.near, F_SETFL, O_RDWR | O_NONBLOCK) == 0);
	CHECK_ERRNO(read(pty.near, bytes, sizeof(bytes)), EAGAIN);
	REQUIRE(fcntl(pty.near, F_SETFL, O_RDWR) == 0);
	REQUIRE(fcntl(pty.far, F_SETFL, O_RDWR | O_NONBLOCK) == 0);
	CHECK_ERRNO(read(pty.far, bytes, sizeof(bytes)), EAGAIN);
	REQUIRE(fcntl(pty.far, F_SETFL, O_RDWR) == 0);
	CHECK_EQ(read(pty.near, bytes, 0), 0);
	CHECK_ERRNO(lseek(pty.near, 0, SEEK_SET), ESPIPE);
	CHECK_ERRNO(pread(pty.near, bytes, 1, 0), ESPIPE);
}

static void print(const char *text)
{
	REQUIRE(write(pty.near, text, strlen(text)) == (ssize_t)strlen(text));
}

static void check_output(void)
{
	print("a\nb");
	CHECK_STR(pty_shown(&pty, 3), "a\nb"); /* raw */
	pty_change(&pty, OUTPUT_FLAGS, OPOST | ONLCR, 0);
	print("a\nb\r\n");
	CHECK_STR(pty_shown(&pty, 7), "a\r\nb\r\r\n");
	pty_change(&pty, OUTPUT_FLAGS, OCRNL, ONLCR);
	print("a\rb\n");
	CHECK_STR(pty_shown(&pty, 4), "a\nb\n");
	pty_change(&pty, OUTPUT_FLAGS, XTABS, OCRNL);
	print("\rab\tc\tz");
	CHECK_STR(pty_shown(&pty, 18), "\rab      c       z");
	pty_change(&pty, OUTPUT_FLAGS, OLCUC | ONOCR, XTABS);
	print("\r\rAbc1\r\n");
	CHECK_STR(pty_shown(&pty, 6), "\rABC1\r\n");
	pty_change(&pty, OUTPUT_FLAGS, 0, OLCUC | ONOCR);
}

static void check_flow(void)
{
	struct pollfd poller = {.fd = pty.near, .events = POLLOUT};

	pty_change(&pty, INPUT_FLAGS, IXON, IXANY);
	pty_type(&pty, "\023"); /* ^S */
	CHECK_EQ(poll(&poller, 1, QUIET_MS), 0);
	pty_type(&pty, "x");
	CHECK_STR(pty_shown(&pty, 0), "");
	CHECK_STR(pty_read(&pty), "x"); /* the keys themselves are not input */
	pty_type(&pty, "\021");
	CHECK_EQ(poll(&poller, 1, PATIENCE_MS), 1);
	print("on");
	CHECK_STR(pty_shown(&pty, 2), "on");
	pty_change(&pty, INPUT_FLAGS, IXANY, 0);
	pty_type(&pty, "\023");
	CHECK_EQ(poll(&poller, 1, QUIET_MS), 0);
	pty_type(&pty, "y");
	CHECK_EQ(poll(&poller, 1, PATIENCE_MS), 1);
	CHECK_STR(pty_read(&pty), "y");
	CHECK_OK(tcflow(pty.near, TCOOFF));
	CHECK_EQ(poll(&poller, 1, QUIET_MS), 0);
	pty_type(&pty, "\021");
	CHECK_EQ(poll(&poller, 1, QUIET_MS), 0); /* no key undoes that */
	CHECK_OK(tcflow(pty.near, TCOON));
	CHECK_EQ(poll(&poller, 1, PATIENCE_MS), 1);
	CHECK_OK(tcflow(pty.near, TCIOFF));
	CHECK_STR(pty_shown(&pty, 1), "\023");
	CHECK_OK(tcflow(pty.near, TCION));
	CHECK_STR(pty_shown(&pty, 1), "\021");
	CHECK_ERRNO(tcflow(pty.near, 77), EINVAL);
}

static void check_echo_waits(void)
{
	pty_change(&pty, LOCAL_FLAGS, ECHO, 0);
	pty_change(&pty, INPUT_FLAGS, 0, IXANY);
	pty_type(&pty, "\023ab");
	CHECK_STR(pty_shown(&pty, 0), "");
	pty_type(&pty, "\021");
	CHECK_STR(pty_shown(&pty, 2), "ab");
	CHECK_STR(pty_read(&pty), "ab");
	pty_change(&pty, LOCAL_FLAGS, 0, ECHO);
}

static void check_full(void)
{
	static char block[4096];
	size_t done = 0;
	ssize_t n;

	REQUIRE(fcntl(pty.near, F_SETFL, O_RDWR | O_NONBLOCK) == 0);
	while ((n = write(pty.near, block, sizeof(block))) > 0)
		done += (size_t)n;
	CHECK(n == -1 && errno == EAGAIN);
	CHECK(done >= 4096);
	for (size_t left = done; left; left -= (size_t)n) {
		n = read(pty.far, block, sizeof(block));
		REQUIRE(n > 0);
	}
	CHECK(!is_ready(pty.far, QUIET_MS));
	REQUIRE(fcntl(pty.near, F_SETFL, O_RDWR) == 0);
	/* And the other way. */
	REQUIRE(fcntl(pty.far, F_SETFL, O_RDWR | O_NONBLOCK) == 0);
	done = 0;
	while ((n = write(pty.far, block, sizeof(block))) > 0)
		done += (size_t)n;
	CHECK(n == -1 && errno == EAGAIN);
	CHECK(done >= 4095);
	for (size_t left = done; left; left -= (size_t)n) {
		n = read(pty.near, block, sizeof(block));
		REQUIRE(n > 0);
	}
	CHECK(!is_ready(pty.near, QUIET_MS));
	REQUIRE(fcntl(pty.far, F_SETFL, O_RDWR) == 0);
}

int main(void)
{
	test_start();
	pty_open(&pty);
	check_min();
	check_time();
	check_nonblocking();
	check_output();
	check_flow();
	check_echo_waits();
	check_full();
	pty_close(&pty);
	return test_done();
}
