/* covers: clone3 clone gettid tgkill tkill set_tid_address set_robust_list get_robust_list exit
 * futex sched_yield */
/* pthreads(7) as seen from the kernel: ids, many at once, signals to one thread, names, stacks. */
#include "tests/conformance/processes/process_test.h"

#include <linux/futex.h>
#include <sys/prctl.h>

static void *adds_one(void *arg)
{
	return (void *)((intptr_t)arg + 1);
}

static void a_thousand_in_sequence(void)
{
	int wrong = 0;

	for (intptr_t i = 0; i < 1000; i++) {
		void *result;

		pthread_join(thread_start(adds_one, (void *)i), &result);
		wrong += (intptr_t)result != i + 1;
	}
	CHECK_EQ(wrong, 0);
}

static pthread_barrier_t barrier;
static pid_t tids[100];

static void *meets_others(void *arg)
{
	tids[(intptr_t)arg] = thread_id();
	pthread_barrier_wait(&barrier);
	return NULL;
}

static void a_hundred_at_once(void)
{
	pthread_t threads[100];
	int same = 0;

	pthread_barrier_init(&barrier, NULL, 101);
	for (intptr_t i = 0; i < 100; i++)
		threads[i] = thread_start(meets_others, (void *)i);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < 100; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 100; i++)
		for (int j = 0; j < i; j++)
			same += tids[i] == tids[j];
	CHECK_EQ(same, 0);
	pthread_barrier_destroy(&barrier);
}

static atomic_int detached_done;

static void *counts(void *arg)
{
	atomic_fetch_add(&detached_done, 1);
	return arg;
}

static void detached_threads_end(void)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < 50; i++) {
		pthread_t t;

		REQUIRE(pthread_create(&t, &attr, counts, NULL) == 0);
	}
	while (atomic_load(&detached_done) != 50)
		sched_yield();
	CHECK_EQ(atomic_load(&detached_done), 50);
	pthread_attr_destroy(&attr);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long counter, turn;

static void *increments(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
	}
	return arg;
}

static void *takes_turns(void *arg)
{
	long parity = (intptr_t)arg;

	for (int i = 0; i < 500; i++) {
		pthread_mutex_lock(&mutex);
		while (turn % 2 != parity)
			pthread_cond_wait(&cond, &mutex);
		turn++;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void mutexes_and_conditions(void)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		threads[i] = thread_start(increments, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(counter, 80000);
	for (intptr_t i = 0; i < 2; i++)
		threads[i] = thread_start(takes_turns, (void *)i);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(turn, 1000);
}

static _Atomic pid_t target_tid;
static atomic_int hit_tid, target_done;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	if (info->si_code == SI_TKILL && info->si_pid == getpid())
		atomic_store(&hit_tid, thread_id());
}

static void *is_target(void *arg)
{
	atomic_store(&target_tid, thread_id());
	while (!atomic_load(&target_done))
		sched_yield();
	return arg;
}

static void hit(int how)
{
	pid_t tid = atomic_load(&target_tid);

	atomic_store(&hit_tid, 0);
	if (how == SYS_tgkill)
		CHECK_OK(syscall(SYS_tgkill, getpid(), tid, SIGUSR1));
	else
		CHECK_OK(syscall(SYS_tkill, tid, SIGUSR1));
	while (!atomic_load(&hit_tid))
		sched_yield();
	CHECK_EQ(atomic_load(&hit_tid), tid);
}

static void signals_to_one_thread(void)
{
	pthread_t t;

	handler_set(SIGUSR1, on_signal, 0);
	t = thread_start(is_target, NULL);
	while (!atomic_load(&target_tid))
		sched_yield();
	hit(SYS_tgkill);
	hit(SYS_tkill);
	CHECK_ERRNO(syscall(SYS_tgkill, getpid() + 1, atomic_load(&target_tid), 0), ESRCH);
	CHECK_ERRNO(syscall(SYS_tgkill, -1, 1, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_tgkill, getpid(), 0, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_tkill, -1, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_tgkill, getpid(), getpid(), 65), EINVAL);
	CHECK_OK(syscall(SYS_tgkill, getpid(), atomic_load(&target_tid), 0));
	atomic_store(&target_done, 1);
	pthread_join(t, NULL);
	while (syscall(SYS_tgkill, getpid(), atomic_load(&target_tid), 0) == 0)
		sched_yield();
	CHECK_ERRNO(syscall(SYS_tgkill, getpid(), atomic_load(&target_tid), 0), ESRCH);
	CHECK_ERRNO(syscall(SYS_tkill, atomic_load(&target_tid), 0), ESRCH);
}

static void *names_itself(void *arg)
{
	char name[16];

	REQUIRE(prctl(PR_SET_NAME, "worker") == 0);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	REQUIRE(prctl(PR_GET_NAME, name) == 0 && !strcmp(name, "renamed"));
	return arg;
}

static void names(void)
{
	char name[16];
	pthread_t t;

	pthread_barrier_init(&barrier, NULL, 2);
	t = thread_start(names_itself, NULL);
	pthread_barrier_wait(&barrier);
	CHECK_EQ(pthread_getname_np(t, name, sizeof(name)), 0);
	CHECK_STR(name, "worker");
	CHECK_EQ(pthread_setname_np(t, "renamed"), 0);
	CHECK_EQ(pthread_setname_np(t, "longer than fifteen"), ERANGE);
	pthread_barrier_wait(&barrier);
	pthread_join(t, NULL);
}

static void *cancellable(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void cancellation(void)
{
	pthread_t t = thread_start(cancellable, NULL);
	void *result;

	CHECK_EQ(pthread_cancel(t), 0);
	CHECK_EQ(pthread_join(t, &result), 0);
	CHECK(result == PTHREAD_CANCELED);
}

static void thread_ids(void)
{
	pid_t word = 0;

	CHECK_EQ(thread_id(), getpid());
	pid_t pid = fork();
	if (pid == 0)
		_exit(syscall(SYS_set_tid_address, &word) == getpid() ? 0 : 1);
	CHECK_EQ(child_wait(pid), EXITED(0));
}

static void robust_list_head(void)
{
	struct robust_list_head head = {0}, *mine = NULL, *seen = NULL;
	size_t size = 0;

	CHECK_OK(syscall(SYS_get_robust_list, 0, &mine, &size));
	CHECK_EQ(size, sizeof(head));
	CHECK_ERRNO(syscall(SYS_set_robust_list, &head, sizeof(head) - 1), EINVAL);
	CHECK_OK(syscall(SYS_set_robust_list, &head, sizeof(head)));
	CHECK_OK(syscall(SYS_get_robust_list, thread_id(), &seen, &size));
	CHECK(seen == &head);
	CHECK_OK(syscall(SYS_set_robust_list, mine, sizeof(head)));
	CHECK_ERRNO(syscall(SYS_get_robust_list, 0x3fffffff, &seen, &size), ESRCH);
	CHECK_ERRNO(syscall(SYS_get_robust_list, 0, bad_address(), &size), EFAULT);
}

static pthread_mutex_t robust;

static void *dies_with_lock(void *arg)
{
	pthread_mutex_lock(&robust);
	return arg;
}

static void robust_mutex(void)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&robust, &attr);
	pthread_join(thread_start(dies_with_lock, NULL), NULL);
	CHECK_EQ(pthread_mutex_lock(&robust), EOWNERDEAD);
	CHECK_EQ(pthread_mutex_consistent(&robust), 0);
	CHECK_EQ(pthread_mutex_unlock(&robust), 0);
	CHECK_EQ(pthread_mutex_lock(&robust), 0);
	CHECK_EQ(pthread_mutex_unlock(&robust), 0);
	CHECK_EQ(pthread_mutex_destroy(&robust), 0);
}

int main(void)
{
	test_start();
	thread_ids();
	a_thousand_in_sequence();
	a_hundred_at_once();
	detached_threads_end();
	mutexes_and_conditions();
	signals_to_one_thread();
	names();
	cancellation();
	robust_list_head();
	robust_mutex();
	return test_done();
}
