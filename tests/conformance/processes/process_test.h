/* What the process conformance tests share: a deadline, children and their statuses, errno checks,
 * and the small tools with which two threads or processes meet. Plain Linux only: the same programs
 * run on the real kernel and inside an enclave.
 *
 * Lines of the parent are TAP. A child never prints TAP: it says REQUIRE(), and its exit status
 * tells its parent.
 */
#ifndef TESTS_CONFORMANCE_PROCESSES_PROCESS_TEST_H
#define TESTS_CONFORMANCE_PROCESSES_PROCESS_TEST_H

#include "base/test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	DEADLINE_SECONDS = 240, /* a test that hangs dies by SIGALRM, and so fails */
	CHILD_FAILED = 99,      /* exit status of a child whose REQUIRE() did not hold */
	PAGE = 4096,
};

/* The start of every test, and of every child that it makes: alarms are not inherited. */
static inline void test_start(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	alarm(DEADLINE_SECONDS);
}

static inline void test_report_errno(
	long result, int error, int want, const char *what, const char *file, int line)
{
	bool ok = result == -1 && error == want;

	test_report(ok, what, file, line);
	if (!ok)
		printf("# got %ld, errno %d (%s), expected errno %d\n", result, error,
			strerror(error), want);
}

static inline void test_report_success(
	long result, int error, const char *what, const char *file, int line)
{
	test_report(result != -1, what, file, line);
	if (result == -1)
		printf("# errno %d (%s)\n", error, strerror(error));
}

/* The call returns -1 with this errno. */
#define CHECK_ERRNO(call, want)                                                                    \
	do {                                                                                       \
		errno = 0;                                                                         \
		long result_ = (long)(call);                                                       \
		int error_ = errno;                                                                \
		test_report_errno(                                                                 \
			result_, error_, want, #call " fails with " #want, __FILE__, __LINE__);    \
	} while (0)

/* The call does not return -1. */
#define CHECK_OK(call)                                                                             \
	do {                                                                                       \
		errno = 0;                                                                         \
		long result_ = (long)(call);                                                       \
		int error_ = errno;                                                                \
		test_report_success(result_, error_, #call " succeeds", __FILE__, __LINE__);       \
	} while (0)

/* For children and other threads, which print no TAP, and for what a test can't go on without. */
#define REQUIRE(cond)                                                                              \
	do {                                                                                       \
		if (!(cond))                                                                       \
			require_failed(#cond, __FILE__, __LINE__);                                 \
	} while (0)

static inline void __attribute__((noreturn))
require_failed(const char *what, const char *file, int line)
{
	dprintf(STDOUT_FILENO, "# %s:%d: process %d requires %s (errno %d)\n", file, line,
		(int)getpid(), what, errno);
	_exit(CHILD_FAILED);
}

/* Starts a child that runs @run and exits with 0, unless @run exits otherwise. */
static inline pid_t child_start(void (*run)(void))
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		require_failed("fork", __FILE__, __LINE__);
	if (pid > 0)
		return pid;
	alarm(DEADLINE_SECONDS);
	run();
	_exit(0);
}

/* Returns the wait status of @pid, or -1. */
static inline int child_wait(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

static inline int child_run(void (*run)(void))
{
	return child_wait(child_start(run));
}

#define EXITED(code) ((code) << 8)
#define CHECK_CHILD(run) CHECK_EQ(child_run(run), EXITED(0))

/* A page that this process and its later children share. */
static inline void *shared_new(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		require_failed("shared memory", __FILE__, __LINE__);
	return p;
}

static inline void *memory_new(size_t size, int prot)
{
	void *p = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		require_failed("memory", __FILE__, __LINE__);
	return p;
}

static inline void pipe_new(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC))
		require_failed("pipe", __FILE__, __LINE__);
}

/* One side says, the other hears: false means that the writers are gone. */
static inline void pipe_say(int fd)
{
	while (write(fd, "!", 1) < 0 && errno == EINTR)
		;
}

static inline bool pipe_hear(int fd)
{
	char c;
	ssize_t n;

	do
		n = read(fd, &c, 1);
	while (n < 0 && errno == EINTR);
	return n == 1;
}

/* An address where nothing is, unknown to the compiler's own checks. */
static inline void *bad_address(void)
{
	static void *volatile address = (void *)1;

	return address;
}

static inline int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t))
		require_failed("clock_gettime", __FILE__, __LINE__);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline int64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static inline void pause_ms(long ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

/* Uses so many bytes of stack by deep calls, which the compiler can't turn into a loop: they go
 * through a pointer that it doesn't know. Returns how deep it was. */
static __attribute__((noinline, unused)) long stack_use(long bytes)
{
	static long (*volatile again)(long) = stack_use;
	char block[2048] = {1};

	__asm__ volatile("" ::"r"(block) : "memory"); /* all of it is in use */
	return bytes > 0 ? again(bytes - (long)sizeof(block)) + block[0] : 0;
}

static inline pid_t thread_id(void)
{
	return (pid_t)syscall(SYS_gettid);
}

static inline pthread_t thread_start(void *(*run)(void *), void *arg)
{
	pthread_t t;

	if (pthread_create(&t, NULL, run, arg))
		require_failed("pthread_create", __FILE__, __LINE__);
	return t;
}

static inline void handler_set(int sig, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = {.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO};

	if (sigaction(sig, &sa, NULL))
		require_failed("sigaction", __FILE__, __LINE__);
}

static inline void signal_block(int how, int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	if (pthread_sigmask(how, &set, NULL))
		require_failed("pthread_sigmask", __FILE__, __LINE__);
}

#endif
