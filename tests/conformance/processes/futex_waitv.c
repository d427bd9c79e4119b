/* covers: futex_waitv futex */
/* futex_waitv(2): waiting for any of several words. */
#include "tests/conformance/processes/process_test.h"

#include <linux/futex.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

/* As in the kernel's headers from 5.16. */
struct waitv {
	uint64_t val, uaddr;
	uint32_t flags, reserved;
};

enum { SIZE_U32 = 2, PRIVATE = 128, MANY = 128 };
static _Atomic uint32_t words[MANY + 1];

static long futex_waitv(struct waitv *w, unsigned int count, unsigned int flags,
	struct timespec *limit, clockid_t clock)
{
	return syscall(SYS_futex_waitv, w, count, flags, limit, clock);
}

static void vector_init(struct waitv *w, int count)
{
	for (int i = 0; i < count; i++)
		w[i] = (struct waitv){
			atomic_load(&words[i]), (uintptr_t)&words[i], SIZE_U32 | PRIVATE, 0};
}

static void errors(void)
{
	struct waitv w[MANY + 1];

	vector_init(w, MANY + 1);
	CHECK_ERRNO(futex_waitv(w, 0, 0, NULL, 0), EINVAL);
	CHECK_ERRNO(futex_waitv(w, MANY + 1, 0, NULL, 0), EINVAL);
	CHECK_ERRNO(futex_waitv(w, 1, 1, NULL, 0), EINVAL);
	CHECK_ERRNO(futex_waitv(NULL, 1, 0, NULL, 0), EINVAL);
	w[1].val = 99;
	CHECK_ERRNO(futex_waitv(w, 2, 0, NULL, 0), EAGAIN);
	w[1].val = 0;
	w[1].reserved = 1;
	CHECK_ERRNO(futex_waitv(w, 2, 0, NULL, 0), EINVAL);
	w[1].reserved = 0;
	w[1].flags = PRIVATE; /* no size */
	CHECK_ERRNO(futex_waitv(w, 2, 0, NULL, 0), EINVAL);
	w[1].flags = SIZE_U32 | PRIVATE;
	w[1].uaddr++;
	CHECK_ERRNO(futex_waitv(w, 2, 0, NULL, 0), EINVAL);
	w[1].uaddr = PAGE;
	CHECK_ERRNO(futex_waitv(w, 2, 0, NULL, 0), EFAULT);
}

static void time_limit(void)
{
	struct waitv w[2];
	int64_t end = now_ns() + 20000000;
	struct timespec t = {end / 1000000000, end % 1000000000};

	vector_init(w, 2);
	CHECK_ERRNO(futex_waitv(w, 2, 0, &t, CLOCK_MONOTONIC), ETIMEDOUT);
	CHECK(now_ns() >= end);
	CHECK_ERRNO(futex_waitv(w, 2, 0, &t, CLOCK_PROCESS_CPUTIME_ID), EINVAL);
	t.tv_nsec = -1;
	CHECK_ERRNO(futex_waitv(w, 2, 0, &t, CLOCK_MONOTONIC), EINVAL);
}

static int count;

static void *waits(void *arg)
{
	struct waitv w[MANY];
	long r;

	(void)arg;
	vector_init(w, count);
	do
		r = futex_waitv(w, (unsigned int)count, 0, NULL, 0);
	while (r == -1 && errno == EINTR);
	return (void *)r;
}

static void the_index_is_told(void)
{
	static const int cases[][2] = {{1, 0}, {3, 2}, {3, 1}, {MANY, 0}, {MANY, MANY - 1}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		void *result;
		pthread_t t;

		count = cases[i][0];
		t = thread_start(waits, NULL);
		while (syscall(SYS_futex, &words[cases[i][1]], FUTEX_WAKE_PRIVATE, 1) != 1)
			sched_yield();
		pthread_join(t, &result);
		CHECK_EQ((intptr_t)result, cases[i][1]);
	}
}

int main(void)
{
	struct waitv none;

	test_start();
	if (futex_waitv(&none, 0, 0, NULL, 0) == -1 && errno == ENOSYS) {
		test_skip("futex_waitv", "needs Linux 5.16");
		return test_done();
	}
	errors();
	time_limit();
	the_index_is_told();
	return test_done();
}
