/* covers: futex mmap fork set_robust_list sched_yield */
/* futex(2): waiting and waking, with time limits, between threads and between processes. */
#include "tests/conformance/processes/process_test.h"

#include <limits.h>
#include <linux/futex.h>

static long futex(_Atomic uint32_t *word, int op, uint32_t value, const void *timeout,
	_Atomic uint32_t *word2, uint32_t value3)
{
	return syscall(SYS_futex, word, op, value, timeout, word2, value3);
}

static _Atomic uint32_t *word, *word2; /* in memory that children share */
static atomic_int woken;

struct waiter {
	int op;
	uint32_t value, mask;
	_Atomic uint32_t *where;
};

static void *waits(void *arg)
{
	struct waiter *w = arg;
	long r;

	do
		r = futex(w->where, w->op, w->value, NULL, NULL, w->mask);
	while (r == -1 && errno == EINTR);
	REQUIRE(r == 0);
	atomic_fetch_add(&woken, 1);
	return NULL;
}

/* Wakes until @count waiters were there to be woken. */
static void wake_exactly(_Atomic uint32_t *where, int op, uint32_t count, uint32_t mask)
{
	for (long n = 0; n < (long)count; sched_yield())
		n += futex(where, op, 1, NULL, NULL, mask);
}

static void values_and_errors(void)
{
	struct timespec t = {0, 1000000000}, negative = {-1, 0}, zero = {0, 0};

	atomic_store(word, 5);
	CHECK_ERRNO(futex(word, FUTEX_WAIT, 6, NULL, NULL, 0), EAGAIN);
	CHECK_ERRNO(futex(word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 6, NULL, NULL, 0), EAGAIN);
	CHECK_ERRNO(futex(word, FUTEX_WAIT, 5, &t, NULL, 0), EINVAL);
	CHECK_ERRNO(futex(word, FUTEX_WAIT, 5, &negative, NULL, 0), EINVAL);
	CHECK_ERRNO(futex(word, FUTEX_WAIT, 5, &zero, NULL, 0), ETIMEDOUT);
	CHECK_ERRNO(futex(word, FUTEX_WAIT, 5, bad_address(), NULL, 0), EFAULT);
	CHECK_ERRNO(futex((void *)((char *)word + 1), FUTEX_WAIT, 5, NULL, NULL, 0), EINVAL);
	CHECK_ERRNO(futex((void *)((char *)word + 2), FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL);
	CHECK_ERRNO(futex((void *)PAGE, FUTEX_WAIT, 5, NULL, NULL, 0), EFAULT);
	CHECK_ERRNO(futex(word, FUTEX_WAIT_BITSET, 5, NULL, NULL, 0), EINVAL);
	CHECK_ERRNO(futex(word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), EINVAL);
	CHECK_ERRNO(futex(word, 99, 1, NULL, NULL, 0), ENOSYS);
	CHECK_ERRNO(futex(word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0), ENOSYS);
	CHECK_EQ(futex(word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0), 0);
	void *none = memory_new(PAGE, PROT_NONE);
	CHECK_ERRNO(futex(none, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0), EFAULT);
	CHECK_ERRNO(futex(none, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
	munmap(none, PAGE);
	CHECK_ERRNO(futex(none, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
}

static struct timespec in_ms(clockid_t clock, long ms)
{
	int64_t ns = clock_ns(clock) + ms * 1000000;

	return (struct timespec){ns / 1000000000, ns % 1000000000};
}

static void time_limits(void)
{
	struct timespec t = {0, 20000000};
	int64_t start = now_ns();

	atomic_store(word, 1);
	CHECK_ERRNO(futex(word, FUTEX_WAIT, 1, &t, NULL, 0), ETIMEDOUT);
	CHECK(now_ns() - start >= 20000000);
	start = now_ns();
	t = in_ms(CLOCK_MONOTONIC, 20);
	CHECK_ERRNO(futex(word, FUTEX_WAIT_BITSET, 1, &t, NULL, ~0U), ETIMEDOUT);
	CHECK(now_ns() - start >= 19000000);
	start = now_ns();
	t = in_ms(CLOCK_REALTIME, 20);
	int op = FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME;
	CHECK_ERRNO(futex(word, op, 1, &t, NULL, ~0U), ETIMEDOUT);
	CHECK(now_ns() - start >= 10000000);
	t = in_ms(CLOCK_MONOTONIC, -1000);
	CHECK_ERRNO(futex(word, FUTEX_WAIT_BITSET, 1, &t, NULL, ~0U), ETIMEDOUT);
}

static void wake_counts(void)
{
	enum { COUNT = 8 };
	struct waiter w = {FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 1, 0, word};
	pthread_t threads[COUNT];

	atomic_store(word, 1);
	atomic_store(&woken, 0);
	for (int i = 0; i < COUNT; i++)
		threads[i] = thread_start(waits, &w);
	wake_exactly(word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 3, 0);
	while (atomic_load(&woken) != 3)
		sched_yield();
	pause_ms(5);
	CHECK_EQ(atomic_load(&woken), 3);
	wake_exactly(word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, COUNT - 3, 0);
	for (int i = 0; i < COUNT; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(atomic_load(&woken), COUNT);
}

static void bit_sets(void)
{
	struct waiter w = {FUTEX_WAIT_BITSET, 1, 0x10, word};
	pthread_t t;

	atomic_store(word, 1);
	atomic_store(&woken, 0);
	t = thread_start(waits, &w);
	for (int i = 0; i < 50; i++) {
		REQUIRE(futex(word, FUTEX_WAKE_BITSET, INT_MAX, NULL, NULL, ~0x10U) == 0);
		sched_yield();
	}
	CHECK_EQ(atomic_load(&woken), 0);
	wake_exactly(word, FUTEX_WAKE_BITSET, 1, 0x30);
	pthread_join(t, NULL);
	w.mask = 2;
	t = thread_start(waits, &w);
	wake_exactly(word, FUTEX_WAKE, 1, 0); /* the plain one wakes whatever the mask */
	pthread_join(t, NULL);
	CHECK_EQ(atomic_load(&woken), 2);
}

static void requeue(void)
{
	struct waiter w = {FUTEX_WAIT, 1, 0, word};
	pthread_t threads[4];
	long moved = 0;

	atomic_store(word, 1);
	atomic_store(word2, 1);
	atomic_store(&woken, 0);
	CHECK_ERRNO(futex(word, FUTEX_CMP_REQUEUE, 0, (void *)1L, word2, 2), EAGAIN);
	CHECK_ERRNO(futex(word, FUTEX_CMP_REQUEUE, (uint32_t)-1, (void *)1L, word2, 1), EINVAL);
	CHECK_EQ(futex(word, FUTEX_CMP_REQUEUE, 1, (void *)1L, word2, 1), 0);
	for (int i = 0; i < 4; i++)
		threads[i] = thread_start(waits, &w);
	while (moved < 4) {
		moved += futex(word, FUTEX_CMP_REQUEUE, 0, (void *)1L, word2, 1);
		sched_yield();
	}
	CHECK_EQ(moved, 4);
	CHECK_EQ(futex(word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0), 0);
	CHECK_EQ(futex(word2, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
	/* Woken and moved count alike, in practice. */
	CHECK_EQ(futex(word2, FUTEX_REQUEUE, 1, (void *)(long)INT_MAX, word, 0), 3);
	CHECK_EQ(futex(word2, FUTEX_WAKE, INT_MAX, NULL, NULL, 0), 0);
	CHECK_EQ(futex(word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0), 2);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(atomic_load(&woken), 4);
}

static long wake_op(int op, int oparg, int cmp, int cmparg)
{
	return futex(word, FUTEX_WAKE_OP, 1, (void *)1L, word2,
		(uint32_t)FUTEX_OP(op, oparg, cmp, cmparg));
}

static void wake_operations(void)
{
	struct waiter w = {FUTEX_WAIT, 1, 0, word};
	pthread_t t;

	atomic_store(word, 1);
	atomic_store(word2, 10);
	CHECK_EQ(wake_op(FUTEX_OP_SET, 20, FUTEX_OP_CMP_EQ, 10), 0);
	CHECK_EQ(atomic_load(word2), 20);
	CHECK_EQ(wake_op(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_NE, 10), 0);
	CHECK_EQ(atomic_load(word2), 25);
	CHECK_EQ(wake_op(FUTEX_OP_OR, 6, FUTEX_OP_CMP_LT, 10), 0);
	CHECK_EQ(atomic_load(word2), 31);
	CHECK_EQ(wake_op(FUTEX_OP_ANDN, 3, FUTEX_OP_CMP_GE, 10), 0);
	CHECK_EQ(atomic_load(word2), 28);
	CHECK_EQ(wake_op(FUTEX_OP_XOR, 0xff, FUTEX_OP_CMP_GT, 10), 0);
	CHECK_EQ(atomic_load(word2), 227);
	CHECK_EQ(wake_op(FUTEX_OP_SET | FUTEX_OP_OPARG_SHIFT, 4, FUTEX_OP_CMP_LE, 10), 0);
	CHECK_EQ(atomic_load(word2), 16);
	t = thread_start(waits, &w);
	while (wake_op(FUTEX_OP_SET, 1, FUTEX_OP_CMP_EQ, 99) != 1)
		sched_yield();
	pthread_join(t, NULL);
	w.where = word2; /* now the second word, if the comparison holds */
	atomic_store(word2, 1);
	t = thread_start(waits, &w);
	for (int i = 0; i < 20; i++)
		REQUIRE(wake_op(FUTEX_OP_SET, 1, FUTEX_OP_CMP_EQ, 99) == 0);
	while (wake_op(FUTEX_OP_SET, 1, FUTEX_OP_CMP_EQ, 1) != 1)
		sched_yield();
	pthread_join(t, NULL);
	CHECK_EQ(atomic_load(word2), 1);
}

static void child_waits(void)
{
	struct waiter w = {FUTEX_WAIT, 1, 0, word};

	waits(&w);
	atomic_store(word2, 3);
}

static void between_processes(void)
{
	pid_t pid;
	_Atomic uint32_t *private_word = memory_new(PAGE, PROT_READ | PROT_WRITE);

	atomic_store(word, 1);
	pid = child_start(child_waits);
	wake_exactly(word, FUTEX_WAKE, 1, 0);
	CHECK_EQ(child_wait(pid), EXITED(0));
	CHECK_EQ(atomic_load(word2), 3);
	/* Private memory at the same address is another futex. */
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct timespec t = {0, 50000000};

		_exit(futex(private_word, FUTEX_WAIT, 0, &t, NULL, 0) == -1 && errno == ETIMEDOUT
				? 0
				: 1);
	}
	for (siginfo_t info = {0}; !info.si_pid; sched_yield()) {
		REQUIRE(futex(private_word, FUTEX_WAKE, 1, NULL, NULL, 0) == 0);
		REQUIRE(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0);
	}
	CHECK_EQ(child_wait(pid), EXITED(0));
	munmap(private_word, PAGE);
}

/* The same page mapped twice, at two addresses, is one futex. */
static void one_page_two_addresses(void)
{
	struct waiter w = {FUTEX_WAIT, 1, 0, NULL};
	int fd = open("file", O_RDWR | O_CREAT, 0600);
	void *a, *b;
	pthread_t t;

	REQUIRE(ftruncate(fd, PAGE) == 0);
	a = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	b = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	REQUIRE(a != MAP_FAILED && b != MAP_FAILED);
	atomic_store((_Atomic uint32_t *)a, 1);
	w.where = b;
	t = thread_start(waits, &w);
	wake_exactly(a, FUTEX_WAKE, 1, 0);
	CHECK_EQ(pthread_join(t, NULL), 0);
	munmap(a, PAGE);
	munmap(b, PAGE);
	close(fd);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
}

static atomic_int returned;

static void *is_interrupted(void *arg)
{
	struct timespec t = {100, 0};
	long r = futex(word, FUTEX_WAIT, 1, arg ? &t : NULL, NULL, 0);

	REQUIRE(r == -1 && errno == EINTR);
	atomic_store(&returned, 1);
	return NULL;
}

static void interruption(void)
{
	static const int flags[] = {0, SA_RESTART};

	atomic_store(word, 1);
	/* With SA_RESTART a wait without a limit goes on; with a limit it ends in Linux before 6.7
	 * or so, and goes on later: only what holds for all is checked. */
	for (int i = 0; i < 2; i++) {
		pthread_t t;

		atomic_store(&returned, 0);
		handler_set(SIGUSR1, on_signal, flags[0]);
		t = thread_start(is_interrupted, i ? "with a limit" : NULL);
		while (!atomic_load(&returned)) {
			pthread_kill(t, SIGUSR1);
			pause_ms(1);
		}
		pthread_join(t, NULL);
		CHECK_EQ(atomic_load(&returned), 1);
	}
	handler_set(SIGUSR1, on_signal, flags[1]);
	atomic_store(&woken, 0);
	struct waiter w = {FUTEX_WAIT, 1, 0, word};
	pthread_t t = thread_start(waits, &w);
	for (int i = 0; i < 20; i++) {
		pthread_kill(t, SIGUSR1);
		pause_ms(1);
	}
	CHECK_EQ(atomic_load(&woken), 0);
	wake_exactly(word, FUTEX_WAKE, 1, 0);
	pthread_join(t, NULL);
}

/* Two processes hand a word back and forth: no wake may be lost. */
static void ping_pong_side(uint32_t mine, uint32_t other)
{
	for (int i = 0; i < 5000; i++) {
		uint32_t seen;

		while ((seen = atomic_load(word)) != mine)
			futex(word, FUTEX_WAIT, seen, NULL, NULL, 0);
		atomic_store(word, other);
		futex(word, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
}

static void child_plays(void)
{
	ping_pong_side(2, 1);
}

static void ping_pong(void)
{
	pid_t pid;

	atomic_store(word, 1);
	pid = child_start(child_plays);
	ping_pong_side(1, 2);
	CHECK_EQ(child_wait(pid), EXITED(0));
}

int main(void)
{
	test_start();
	word = shared_new(PAGE);
	word2 = word + 100;
	values_and_errors();
	time_limits();
	wake_counts();
	bit_sets();
	requeue();
	wake_operations();
	between_processes();
	one_page_two_addresses();
	interruption();
	ping_pong();
	return test_done();
}
