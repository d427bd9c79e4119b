/* covers: setitimer tgkill kill rt_sigreturn getppid read write futex */
/* Signals at any moment, while system calls run: no result lost, no register spoilt. */
#include "tests/conformance/processes/process_test.h"

#include <sys/time.h>

/* As many as come in a few seconds: on a busy machine each waits for both threads' turns. */
enum { WANTED = 20000, LEAST = 20, SECONDS = 5 };
static volatile sig_atomic_t signals;
static atomic_int stop;
static pthread_t target;

static void handler(int sig, siginfo_t *info, void *context)
{
	int saved = errno;

	(void)sig;
	(void)info;
	(void)context;
	signals++;
	syscall(SYS_getpid); /* calls of its own */
	close(-1);           /* and a failing one */
	__asm__ volatile("pcmpeqd %%xmm6, %%xmm6" ::: "xmm6");
	errno = saved;
}

static void *throws(void *arg)
{
	while (!atomic_load(&stop)) {
		pthread_kill(target, SIGUSR1);
		if (arg)
			sched_yield();
	}
	return NULL;
}

/* One getppid() with every register that a call must keep holding a known value. */
static int call_spoils(uint64_t seed, long want)
{
	uint64_t in[4] = {seed, seed * 3, seed * 5, seed * 7}, out[4];
	long result;

	__asm__ volatile("mov 0(%[in]), %%rbx\n\t"
			 "mov 8(%[in]), %%r12\n\t"
			 "mov 16(%[in]), %%r13\n\t"
			 "movdqu 0(%[in]), %%xmm6\n\t"
			 "mov 24(%[in]), %%r8\n\t"
			 "mov $110, %%eax\n\t"
			 "syscall\n\t"
			 "sub 24(%[in]), %%r8\n\t"
			 "mov %%rbx, 0(%[out])\n\t"
			 "mov %%r12, 8(%[out])\n\t"
			 "mov %%r13, 16(%[out])\n\t"
			 "mov %%r8, 24(%[out])\n\t"
			 "movdqu %%xmm6, 0(%[in])"
			 : "=&a"(result)
			 : [in] "S"(in), [out] "D"(out)
			 : "rbx", "rcx", "r8", "r11", "r12", "r13", "xmm6", "memory", "cc");
	return result != want || out[0] != seed || out[1] != seed * 3 || out[2] != seed * 5 ||
	       out[3] != 0 || in[0] != seed || in[1] != seed * 3;
}

static void under_fire_from_a_thread(void)
{
	time_t end = time(NULL) + SECONDS;
	long wrong = 0, parent = getppid();
	uint64_t n = 1;
	pthread_t t;

	target = pthread_self();
	handler_set(SIGUSR1, handler, SA_RESTART);
	t = thread_start(throws, NULL);
	signals = 0;
	for (; signals < WANTED && (signals < LEAST || time(NULL) <= end); n++)
		wrong += call_spoils(n, parent);
	atomic_store(&stop, 1);
	pthread_join(t, NULL);
	CHECK_EQ(wrong, 0);
	CHECK(signals >= LEAST);
}

/* Bytes through a pipe: each arrives once, in order, though both ends are interrupted. */
static int fds[2];
static atomic_long received_wrong;

static void *reads_sequence(void *arg)
{
	for (uint32_t want = 0; want < 20000; want++) {
		uint32_t got = 0;
		size_t have = 0;

		while (have < sizeof(got)) {
			ssize_t n = read(fds[0], (char *)&got + have, sizeof(got) - have);

			if (n > 0)
				have += (size_t)n;
			else if (n == 0 || errno != EINTR)
				atomic_fetch_add(&received_wrong, 1000000);
		}
		if (got != want)
			atomic_fetch_add(&received_wrong, 1);
	}
	return arg;
}

static void *throws_at_process(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop)) {
		kill(getpid(), SIGUSR2);
		sched_yield();
	}
	return NULL;
}

static void through_a_pipe(int flags)
{
	pthread_t reader, thrower;

	pipe_new(fds);
	atomic_store(&stop, 0);
	atomic_store(&received_wrong, 0);
	handler_set(SIGUSR2, handler, flags);
	reader = thread_start(reads_sequence, NULL);
	thrower = thread_start(throws_at_process, NULL);
	for (uint32_t i = 0; i < 20000; i++) {
		size_t done = 0;

		while (done < sizeof(i)) {
			ssize_t n = write(fds[1], (char *)&i + done, sizeof(i) - done);

			if (n > 0)
				done += (size_t)n;
			else if (errno != EINTR)
				atomic_fetch_add(&received_wrong, 1000000);
		}
	}
	pthread_join(reader, NULL);
	atomic_store(&stop, 1);
	pthread_join(thrower, NULL);
	CHECK_EQ(atomic_load(&received_wrong), 0);
	close(fds[0]);
	close(fds[1]);
}

/* A timer's signals in a loop that never makes a call, and in one that makes nothing else. */
static void by_timer(void)
{
	struct itimerval fast = {{0, 200}, {0, 200}}, none = {{0, 0}, {0, 0}};
	volatile uint64_t sum = 0;
	uint64_t want = 0, i = 0;
	long wrong = 0, parent = getppid();

	handler_set(SIGVTALRM, handler, SA_RESTART);
	handler_set(SIGPROF, handler, SA_RESTART);
	signals = 0;
	REQUIRE(setitimer(ITIMER_PROF, &fast, NULL) == 0);
	for (; signals < 50; i++) {
		sum = sum + i;
		want += i;
	}
	CHECK_EQ(sum, want);
	for (i = 1; signals < 100; i++)
		wrong += call_spoils(i, parent);
	REQUIRE(setitimer(ITIMER_PROF, &none, NULL) == 0);
	CHECK_EQ(wrong, 0);
}

/* Locks and conditions under fire. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int turn;

static void *alternates(void *arg)
{
	int mine = (int)(intptr_t)arg;

	for (int i = 0; i < 2000; i++) {
		pthread_mutex_lock(&mutex);
		while (turn % 2 != mine)
			pthread_cond_wait(&cond, &mutex);
		turn++;
		pthread_cond_signal(&cond);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void with_locks(void)
{
	pthread_t a, b, thrower;

	atomic_store(&stop, 0);
	a = thread_start(alternates, (void *)0);
	b = thread_start(alternates, (void *)1);
	target = a;
	thrower = thread_start(throws_at_process, NULL);
	pthread_join(b, NULL);
	pthread_join(a, NULL);
	atomic_store(&stop, 1);
	pthread_join(thrower, NULL);
	CHECK_EQ(turn, 4000);
}

/* Threads come and go, processes too, while signals fly. */
static void *nothing(void *arg)
{
	return arg;
}

static void with_forks_and_threads(void)
{
	int wrong = 0;
	pthread_t thrower;

	atomic_store(&stop, 0);
	thrower = thread_start(throws_at_process, NULL);
	for (int i = 0; i < 100; i++) {
		void *result;
		pid_t pid = fork();

		if (pid == 0)
			_exit(i);
		wrong += child_wait(pid) != EXITED(i);
		pthread_join(thread_start(nothing, (void *)(intptr_t)i), &result);
		wrong += (intptr_t)result != i;
	}
	atomic_store(&stop, 1);
	pthread_join(thrower, NULL);
	CHECK_EQ(wrong, 0);
}

int main(void)
{
	test_start();
	under_fire_from_a_thread();
	through_a_pipe(0);
	through_a_pipe(SA_RESTART);
	by_timer();
	with_locks();
	with_forks_and_threads();
	return test_done();
}
