/* covers: clone3 clone fork tgkill */
/* Thread-local storage: each thread has its own, initialised, and a child has its parent's. */
#include "tests/conformance/processes/process_test.h"

static __thread int initialised = 42;
static __thread int zeroed;
static __thread char big[100000];
static __thread _Alignas(64) char aligned[64];

static void *uses_its_own(void *arg)
{
	int id = (int)(intptr_t)arg;

	REQUIRE(initialised == 42 && zeroed == 0 && big[99999] == 0);
	REQUIRE((uintptr_t)aligned % 64 == 0);
	initialised = zeroed = id;
	memset(big, id, sizeof(big));
	for (int i = 0; i < 200; i++) {
		sched_yield();
		REQUIRE(initialised == id && zeroed == id && big[i * 400] == (char)id);
	}
	return &initialised;
}

static void threads_are_apart(void)
{
	pthread_t threads[8];
	void *addresses[8];
	int same = 0;

	initialised = 1;
	for (intptr_t i = 0; i < 8; i++)
		threads[i] = thread_start(uses_its_own, (void *)(i + 2));
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], &addresses[i]);
	CHECK_EQ(initialised, 1);
	CHECK_EQ(zeroed, 0);
	for (int i = 0; i < 8; i++)
		same += addresses[i] == &initialised;
	CHECK_EQ(same, 0);
}

static void child_has_its_parents(void)
{
	REQUIRE(initialised == 7 && errno == E2BIG);
	initialised = 8;
	errno = 0;
}

static void fork_copies(void)
{
	pid_t pid;

	initialised = 7;
	fflush(stdout);
	errno = E2BIG;
	pid = fork();
	if (pid == 0) {
		child_has_its_parents();
		_exit(0);
	}
	CHECK_EQ(child_wait(pid), EXITED(0));
	CHECK_EQ(initialised, 7);
}

static void *forks(void *arg)
{
	pid_t pid;

	initialised = 77;
	pid = fork();
	if (pid == 0)
		_exit(initialised == 77 ? 0 : 1);
	return (void *)(intptr_t)(child_wait(pid) + (arg ? 1 : 0));
}

static void fork_of_a_thread_keeps_that_threads(void)
{
	void *result;

	pthread_join(thread_start(forks, NULL), &result);
	CHECK_EQ((intptr_t)result, 0);
	CHECK_EQ(initialised, 7);
}

static volatile int in_handler;

static void handler(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	in_handler = initialised;
}

static void *raises(void *arg)
{
	initialised = 99;
	pthread_kill(pthread_self(), SIGUSR1);
	return arg;
}

static void handlers_see_their_threads(void)
{
	handler_set(SIGUSR1, handler, 0);
	pthread_join(thread_start(raises, NULL), NULL);
	CHECK_EQ(in_handler, 99);
	raise(SIGUSR1);
	CHECK_EQ(in_handler, 7);
}

static void *fails(void *arg)
{
	for (int i = 0; i < 1000; i++) {
		REQUIRE(close(-1) == -1 && errno == EBADF);
		sched_yield();
		REQUIRE(errno == EBADF);
	}
	return arg;
}

static void errno_is_the_threads_own(void)
{
	pthread_t t = thread_start(fails, NULL);
	int wrong = 0;

	for (int i = 0; i < 1000; i++) {
		wrong += access("/nonexistent", F_OK) != -1;
		sched_yield();
		wrong += errno != ENOENT;
	}
	pthread_join(t, NULL);
	CHECK_EQ(wrong, 0);
}

static pthread_key_t key;
static atomic_int destroyed;

static void destructor(void *value)
{
	atomic_fetch_add(&destroyed, (int)(intptr_t)value);
}

static void *sets_key(void *arg)
{
	REQUIRE(pthread_getspecific(key) == NULL);
	pthread_setspecific(key, arg);
	return NULL;
}

static void keys_are_destroyed(void)
{
	pthread_key_create(&key, destructor);
	pthread_join(thread_start(sets_key, (void *)3), NULL);
	pthread_join(thread_start(sets_key, (void *)4), NULL);
	CHECK_EQ(atomic_load(&destroyed), 7);
}

int main(void)
{
	test_start();
	threads_are_apart();
	fork_copies();
	fork_of_a_thread_keeps_that_threads();
	handlers_see_their_threads();
	errno_is_the_threads_own();
	keys_are_destroyed();
	return test_done();
}
