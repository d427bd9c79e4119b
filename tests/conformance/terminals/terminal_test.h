/* What the tests of terminals share: a pseudo-terminal, and what its far side shows. */
#ifndef TESTS_CONFORMANCE_TERMINALS_TERMINAL_TEST_H
#define TESTS_CONFORMANCE_TERMINALS_TERMINAL_TEST_H

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

#include "tests/conformance/processes/process_test.h"

#define QUIET_MS 200 /* nothing more is to come */
#define PATIENCE_MS 10000
#define SHOWN_SIZE 16384

struct pty {
	int far, near;
	char name[64];
};

/* A new one, its near side opened without becoming anybody's controlling terminal. */
static inline void pty_open(struct pty *pty)
{
	pty->far = posix_openpt(O_RDWR | O_NOCTTY);
	REQUIRE(pty->far >= 0);
	REQUIRE(grantpt(pty->far) == 0 && unlockpt(pty->far) == 0);
	REQUIRE(ptsname_r(pty->far, pty->name, sizeof(pty->name)) == 0);
	pty->near = open(pty->name, O_RDWR | O_NOCTTY);
	REQUIRE(pty->near >= 0);
}

static inline void pty_close(struct pty *pty)
{
	close(pty->near);
	close(pty->far);
}

static inline void pty_type(const struct pty *pty, const char *keys)
{
	REQUIRE(write(pty->far, keys, strlen(keys)) == (ssize_t)strlen(keys));
}

static inline bool is_ready(int fd, int patience_ms)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};

	return poll(&poller, 1, patience_ms) == 1 && (poller.revents & POLLIN);
}

/* All that the far side shows until it is quiet, at least @least bytes; terminated. */
static inline const char *pty_shown(const struct pty *pty, size_t least)
{
	static char shown[SHOWN_SIZE];
	size_t size = 0;

	while (is_ready(pty->far, size < least ? PATIENCE_MS : QUIET_MS)) {
		ssize_t n = read(pty->far, shown + size, sizeof(shown) - 1 - size);

		if (n <= 0)
			break;
		size += (size_t)n;
	}
	shown[size] = 0;
	return shown;
}

/* One read of the near side, which must not block; terminated, or "(nothing)", "(end)". */
static inline const char *pty_read(const struct pty *pty)
{
	static char bytes[SHOWN_SIZE];
	ssize_t n;

	if (!is_ready(pty->near, QUIET_MS))
		return "(nothing)";
	n = read(pty->near, bytes, sizeof(bytes) - 1);
	if (n == 0)
		return "(end)";
	if (n < 0)
		return strerror(errno);
	bytes[n] = 0;
	return bytes;
}

enum flags { INPUT_FLAGS, OUTPUT_FLAGS, LOCAL_FLAGS };

static inline void pty_change(const struct pty *pty, enum flags which, tcflag_t on, tcflag_t off)
{
	struct termios t;
	tcflag_t *flags;

	REQUIRE(tcgetattr(pty->near, &t) == 0);
	flags = which == INPUT_FLAGS ? &t.c_iflag : which == OUTPUT_FLAGS ? &t.c_oflag : &t.c_lflag;
	*flags = (*flags & ~off) | on;
	REQUIRE(tcsetattr(pty->near, TCSANOW, &t) == 0);
}

static inline void pty_key(const struct pty *pty, int index, cc_t key)
{
	struct termios t;

	REQUIRE(tcgetattr(pty->near, &t) == 0);
	t.c_cc[index] = key;
	REQUIRE(tcsetattr(pty->near, TCSANOW, &t) == 0);
}

static inline void pty_raw(const struct pty *pty, cc_t least, cc_t time)
{
	struct termios t;

	REQUIRE(tcgetattr(pty->near, &t) == 0);
	cfmakeraw(&t);
	t.c_cc[VMIN] = least;
	t.c_cc[VTIME] = time;
	REQUIRE(tcsetattr(pty->near, TCSANOW, &t) == 0);
}

/* In a child: the leader of a new session whose terminal is @pty's near side. */
static inline void become_leader(const struct pty *pty)
{
	REQUIRE(setsid() == getpid());
	REQUIRE(ioctl(pty->near, TIOCSCTTY, 0) == 0);
}

#endif
