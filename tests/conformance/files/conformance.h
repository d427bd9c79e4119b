/* What every conformance program shares: checks that know errno, blocks that run in a child, and
 * small file helpers. A program describes Linux as the manual pages do; it must pass on a Linux
 * kernel, as root and as an ordinary user, before it judges anything else. It works in the current
 * directory, which is empty and writable, and prints TAP.
 *
 * CHECK and its relatives also work inside FORKED { }: there they print nothing unless they fail,
 * and the block as a whole is one check of the parent's. */
#ifndef TESTS_CONFORMANCE_FILES_CONFORMANCE_H
#define TESTS_CONFORMANCE_FILES_CONFORMANCE_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"

#define UNUSED_FN __attribute__((unused))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define NOBODY 65534
#define HANG_SECONDS 240
#define BAD_POINTER ((void *)1)

static bool test_in_child;

/* Call first: a hang becomes a death by SIGALRM, and output survives a crash. */
UNUSED_FN static void test_begin(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(HANG_SECONDS);
	umask(022);
}

/* In a child, TAP lines would upset the parent's count: only failures speak, as diagnostics. */
UNUSED_FN static bool test_say(bool ok, const char *what, const char *file, int line)
{
	if (!test_in_child) {
		test_report(ok, what, file, line);
	} else if (!ok) {
		dprintf(STDOUT_FILENO, "# %s:%d: in child: %s\n", file, line, what);
		test_failures++;
	}
	return ok;
}

UNUSED_FN static void test_say_eq(
	long long a, long long b, const char *what, const char *file, int line)
{
	if (!test_say(a == b, what, file, line))
		dprintf(STDOUT_FILENO, "# got %lld, expected %lld\n", a, b);
}

UNUSED_FN static void test_say_errno(
	long r, int err, int expected, const char *what, const char *file, int line)
{
	if (!test_say(r == -1 && err == expected, what, file, line))
		dprintf(STDOUT_FILENO, "# returned %ld, errno %d (%s), expected %d (%s)\n", r,
			r == -1 ? err : 0, r == -1 ? strerror(err) : "none", expected,
			strerror(expected));
}

UNUSED_FN static void test_say_ok(long r, int err, const char *what, const char *file, int line)
{
	if (!test_say(r != -1, what, file, line))
		dprintf(STDOUT_FILENO, "# errno %d (%s)\n", err, strerror(err));
}

#undef CHECK
#undef CHECK_EQ
#undef CHECK_STR
#define CHECK(cond) ((void)test_say(!!(cond), #cond, __FILE__, __LINE__))
#define CHECK_EQ(a, b) test_say_eq((long long)(a), (long long)(b), #a " == " #b, __FILE__, __LINE__)
#define CHECK_STR(a, b) ((void)test_say(!strcmp(a, b), #a " is " #b, __FILE__, __LINE__))

/* CHECK_OK(call): the call doesn't return -1. CHECK_ERRNO(call, E): it returns -1 and sets E. */
#define CHECK_OK(call)                                                                             \
	do {                                                                                       \
		errno = 0;                                                                         \
		long call_result_ = (long)(call);                                                  \
		test_say_ok(call_result_, errno, #call, __FILE__, __LINE__);                       \
	} while (0)
#define CHECK_ERRNO(call, expected)                                                                \
	do {                                                                                       \
		errno = 0;                                                                         \
		long call_result_ = (long)(call);                                                  \
		test_say_errno(call_result_, errno, expected, #call " fails with " #expected,      \
			__FILE__, __LINE__);                                                       \
	} while (0)

/* A condition that must hold for the rest to make sense. */
#define REQUIRE(cond)                                                                              \
	do {                                                                                       \
		if (!test_say(!!(cond), #cond, __FILE__, __LINE__)) {                              \
			dprintf(STDOUT_FILENO, "Bail out! %s:%d: %s\n", __FILE__, __LINE__,        \
				strerror(errno));                                                  \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

/* fork() for a child that checks things and ends with test_child_exit(). */
UNUSED_FN static pid_t test_fork(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		test_in_child = true;
		test_failures = 0;
		alarm(HANG_SECONDS);
	}
	return pid;
}

UNUSED_FN static void test_child_exit(void)
{
	_exit(test_failures != 0);
}

UNUSED_FN static void test_join(pid_t pid, const char *what, const char *file, int line)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!test_say(pid > 0 && status == 0, what, file, line))
		dprintf(STDOUT_FILENO, "# child ended with wait status %#x\n", (unsigned)status);
}
#define JOIN(pid) test_join(pid, "child of " #pid " is content", __FILE__, __LINE__)

struct test_forked {
	pid_t pid;
	bool done;
};

UNUSED_FN static bool test_forked_step(
	struct test_forked *f, const char *what, const char *file, int line)
{
	if (f->done) {
		if (f->pid == 0)
			test_child_exit();
		return false;
	}
	f->done = true;
	f->pid = test_fork();
	if (f->pid == 0)
		return true;
	test_join(f->pid, what, file, line);
	return false;
}
/* FORKED("what it shows") { ... }: the block runs in a child; don't leave it with break. */
#define FORKED(what)                                                                               \
	for (struct test_forked forked_ = {0, false};                                              \
		test_forked_step(&forked_, what, __FILE__, __LINE__);)

UNUSED_FN static bool is_root(void)
{
	return geteuid() == 0;
}

/* In a child: give up root's rights, if it has them, so that permission bits count. */
UNUSED_FN static void become_nobody(void)
{
	if (!is_root())
		return;
	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
		setresuid(NOBODY, NOBODY, NOBODY))
		_exit(99);
}

/* A soft pause: makes an order of events likely; no test may depend on it to pass. */
UNUSED_FN static void let_others_run(void)
{
	usleep(30 * 1000);
}

UNUSED_FN static void test_interruption(int sig)
{
	static int count;

	(void)sig;
	if (++count > 20 * HANG_SECONDS)
		_exit(98);
}

/* Twenty signals a second, without SA_RESTART, from now on: a blocking call that doesn't end with
 * EINTR ends the program instead. For use in a child. */
UNUSED_FN static void interrupt_from_now_on(void)
{
	const struct itimerval often = {{0, 50000}, {0, 50000}};
	struct sigaction sa = {.sa_handler = test_interruption};

	if (sigaction(SIGALRM, &sa, NULL) || setitimer(ITIMER_REAL, &often, NULL))
		_exit(97);
}

/* Create or replace a file; false if any step fails. */
UNUSED_FN static bool put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text);
}

/* Read a whole small file, to end of file whatever its st_size; NUL-terminated; -1 on error. */
UNUSED_FN static ssize_t get_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n = -1;

	while (fd >= 0 && used < size - 1 && (n = read(fd, buf + used, size - 1 - used)) > 0)
		used += (size_t)n;
	if (fd >= 0)
		close(fd);
	buf[used] = 0;
	return n < 0 ? -1 : (ssize_t)used;
}

UNUSED_FN static bool file_is(const char *path, const char *text)
{
	char buf[4096];
	ssize_t n = get_file(path, buf, sizeof(buf));

	return n == (ssize_t)strlen(text) && !memcmp(buf, text, (size_t)n);
}

UNUSED_FN static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

UNUSED_FN static off_t size_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -1 : st.st_size;
}

UNUSED_FN static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

/* True if the descriptor is open. */
UNUSED_FN static bool fd_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

#endif
