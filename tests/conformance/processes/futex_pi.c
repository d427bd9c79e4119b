/* covers: futex set_robust_list get_robust_list fork wait4 */
/* futex(2): locks whose owner the kernel knows: priority inheritance, and robust lists. */
#include "tests/conformance/processes/process_test.h"

#include <linux/futex.h>
#include <stddef.h>

static _Atomic uint32_t *word, *word2;

static long futex(_Atomic uint32_t *where, int op, uint32_t value, const void *timeout)
{
	return syscall(SYS_futex, where, op, value, timeout, NULL, 0);
}

static bool has_pi(void)
{
	atomic_store(word, 0);
	if (futex(word, FUTEX_UNLOCK_PI, 0, NULL) == -1 && errno == ENOSYS)
		return false;
	return true;
}

static void lock_and_unlock(void)
{
	uint32_t me = (uint32_t)thread_id();

	atomic_store(word, 0);
	CHECK_OK(futex(word, FUTEX_LOCK_PI, 0, NULL));
	CHECK_EQ(atomic_load(word) & FUTEX_TID_MASK, me);
	CHECK_ERRNO(futex(word, FUTEX_LOCK_PI, 0, NULL), EDEADLK);
	CHECK_ERRNO(futex(word, FUTEX_TRYLOCK_PI, 0, NULL), EDEADLK);
	CHECK_OK(futex(word, FUTEX_UNLOCK_PI, 0, NULL));
	CHECK_EQ(atomic_load(word), 0);
	CHECK_ERRNO(futex(word, FUTEX_UNLOCK_PI, 0, NULL), EPERM);
	CHECK_OK(futex(word, FUTEX_TRYLOCK_PI, 0, NULL));
	CHECK_EQ(atomic_load(word) & FUTEX_TID_MASK, me);
	atomic_store(word, 0);
	atomic_store(word, 0x3fffffff); /* no such thread */
	CHECK_ERRNO(futex(word, FUTEX_LOCK_PI, 0, NULL), ESRCH);
	atomic_store(word, 0);
}

static atomic_int stage;

static void *owns_for_a_while(void *arg)
{
	REQUIRE(futex(word, FUTEX_LOCK_PI, 0, NULL) == 0);
	atomic_store(&stage, 1);
	while (atomic_load(&stage) != 2)
		sched_yield();
	/* The kernel hands the lock to the waiter. */
	while (!(atomic_load(word) & FUTEX_WAITERS))
		sched_yield();
	REQUIRE(futex(word, FUTEX_UNLOCK_PI, 0, NULL) == 0);
	return arg;
}

static void contention(void)
{
	struct timespec t;
	int64_t start;
	pthread_t owner;

	atomic_store(&stage, 0);
	atomic_store(word, 0);
	owner = thread_start(owns_for_a_while, NULL);
	while (atomic_load(&stage) != 1)
		sched_yield();
	CHECK_ERRNO(futex(word, FUTEX_TRYLOCK_PI, 0, NULL), EAGAIN);
	CHECK_ERRNO(futex(word, FUTEX_UNLOCK_PI, 0, NULL), EPERM);
	start = clock_ns(CLOCK_REALTIME) + 10000000;
	t = (struct timespec){start / 1000000000, start % 1000000000};
	CHECK_ERRNO(futex(word, FUTEX_LOCK_PI, 0, &t), ETIMEDOUT); /* of the real-time clock */
	CHECK(clock_ns(CLOCK_REALTIME) >= start);
	/* The owner must see the bit of the wait to come, not of the one that timed out. */
	atomic_fetch_and(word, ~(uint32_t)FUTEX_WAITERS);
	atomic_store(&stage, 2);
	CHECK_OK(futex(word, FUTEX_LOCK_PI, 0, NULL));
	CHECK_EQ(atomic_load(word) & FUTEX_TID_MASK, thread_id());
	pthread_join(owner, NULL);
	CHECK_OK(futex(word, FUTEX_UNLOCK_PI, 0, NULL));
	CHECK_EQ(atomic_load(word), 0);
}

static void a_wait_ends_in_a_pi_lock(void)
{
	struct timespec t = {0, 0};

	CHECK_ERRNO(syscall(SYS_futex, word, FUTEX_CMP_REQUEUE_PI, 2, 1L, word2, 1), EINVAL);
	atomic_store(word, 1);
	atomic_store(word2, 0);
	CHECK_ERRNO(syscall(SYS_futex, word, FUTEX_WAIT_REQUEUE_PI, 1, &t, word2, 0), ETIMEDOUT);
	CHECK_ERRNO(syscall(SYS_futex, word, FUTEX_WAIT_REQUEUE_PI, 2, NULL, word2, 0), EAGAIN);
	CHECK_ERRNO(syscall(SYS_futex, word, FUTEX_WAIT_REQUEUE_PI, 1, &t, word, 0), EINVAL);
}

static pthread_mutex_t *mutex;
static long *counter;

static void child_counts(void)
{
	for (int i = 0; i < 3000; i++) {
		REQUIRE(pthread_mutex_lock(mutex) == 0);
		++*counter;
		REQUIRE(pthread_mutex_unlock(mutex) == 0);
	}
}

static void mutex_new(int protocol, int robustness)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setprotocol(&attr, protocol);
	pthread_mutexattr_setrobust(&attr, robustness);
	REQUIRE(pthread_mutex_init(mutex, &attr) == 0);
}

static void pi_mutex_between_processes(void)
{
	pid_t pids[3];
	int wrong = 0;

	mutex_new(PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED);
	*counter = 0;
	for (int i = 0; i < 3; i++)
		pids[i] = child_start(child_counts);
	for (int i = 0; i < 3; i++)
		wrong += child_wait(pids[i]) != EXITED(0);
	CHECK_EQ(wrong, 0);
	CHECK_EQ(*counter, 9000);
}

static int up[2];

static void child_dies_with_lock(void)
{
	REQUIRE(pthread_mutex_lock(mutex) == 0);
	pipe_say(up[1]);
	pause_ms(10); /* so that the parent waits, most times */
	kill(getpid(), SIGKILL);
}

static void child_execs_with_lock(void)
{
	char *argv[] = {"x", "exit", NULL};

	REQUIRE(pthread_mutex_lock(mutex) == 0);
	pipe_say(up[1]);
	execv("/proc/self/exe", argv);
}

static void owner_death(int protocol, void (*run)(void), int status)
{
	pid_t pid;

	mutex_new(protocol, PTHREAD_MUTEX_ROBUST);
	pid = child_start(run);
	pipe_hear(up[0]);
	CHECK_EQ(pthread_mutex_lock(mutex), EOWNERDEAD);
	CHECK_EQ(child_wait(pid), status);
	CHECK_EQ(pthread_mutex_consistent(mutex), 0);
	CHECK_EQ(pthread_mutex_unlock(mutex), 0);
	pid = child_start(run);
	pipe_hear(up[0]);
	child_wait(pid);
	CHECK_EQ(pthread_mutex_trylock(mutex), EOWNERDEAD);
	CHECK_EQ(pthread_mutex_unlock(mutex), 0); /* not made consistent: of no more use */
	CHECK_EQ(pthread_mutex_lock(mutex), ENOTRECOVERABLE);
}

/* By hand: the list that the kernel walks at a thread's death. */
struct node {
	struct robust_list list;
	_Atomic uint32_t lock;
};

static void child_dies_with_list(void)
{
	struct node *nodes = (struct node *)(void *)word;
	static struct robust_list_head head;
	struct node *pending = &nodes[3];
	uint32_t me = (uint32_t)getpid();

	for (int i = 0; i < 3; i++) {
		nodes[i].list.next = i < 2 ? &nodes[i + 1].list : &head.list;
		atomic_store(&nodes[i].lock, i == 1 ? me + 1 : me); /* one is not ours */
	}
	atomic_store(&pending->lock, me | FUTEX_WAITERS);
	head.list.next = &nodes[0].list;
	head.futex_offset = offsetof(struct node, lock);
	head.list_op_pending = &pending->list;
	REQUIRE(syscall(SYS_set_robust_list, &head, sizeof(head)) == 0);
}

static void list_by_hand(void)
{
	struct node *nodes = (struct node *)(void *)word;
	pid_t pid = child_start(child_dies_with_list);

	CHECK_EQ(child_wait(pid), EXITED(0));
	CHECK_EQ(atomic_load(&nodes[0].lock), FUTEX_OWNER_DIED);
	CHECK_EQ(atomic_load(&nodes[1].lock), pid + 1);
	CHECK_EQ(atomic_load(&nodes[2].lock), FUTEX_OWNER_DIED);
	CHECK_EQ(atomic_load(&nodes[3].lock), FUTEX_OWNER_DIED | FUTEX_WAITERS);
}

/* A list that leads nowhere, or in a circle, must not keep a process from ending. */
static void child_dies_with_bad_list(void)
{
	static struct robust_list_head head;
	static struct robust_list circle = {&circle};

	head.list.next = (struct robust_list *)bad_address();
	REQUIRE(syscall(SYS_set_robust_list, &head, sizeof(head)) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		head.list.next = &circle;
		REQUIRE(syscall(SYS_set_robust_list, &head, sizeof(head)) == 0);
		_exit(0);
	}
	REQUIRE(child_wait(pid) == 0);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return strcmp(argv[1], "exit") != 0;
	test_start();
	pipe_new(up);
	word = shared_new(PAGE);
	word2 = word + 200;
	mutex = shared_new(PAGE);
	counter = (long *)(mutex + 1);
	if (has_pi()) {
		lock_and_unlock();
		contention();
		a_wait_ends_in_a_pi_lock();
		pi_mutex_between_processes();
		owner_death(PTHREAD_PRIO_INHERIT, child_dies_with_lock, SIGKILL);
	} else {
		test_skip("PI futexes", "this kernel has none");
	}
	owner_death(PTHREAD_PRIO_NONE, child_dies_with_lock, SIGKILL);
	owner_death(PTHREAD_PRIO_NONE, child_execs_with_lock, EXITED(0));
	list_by_hand();
	CHECK_CHILD(child_dies_with_bad_list);
	return test_done();
}
