/* covers: membarrier */
/* membarrier(2): what is offered, registration before use, and its promise between threads. */
#include "tests/conformance/processes/process_test.h"

#include <linux/membarrier.h>

static long membarrier(int command, unsigned int flags)
{
	return syscall(SYS_membarrier, command, flags, 0);
}

static void child_must_register(void)
{
	REQUIRE(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0) == -1 && errno == EPERM);
	REQUIRE(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0) == 0);
	REQUIRE(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0) == 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0) == 0 || errno == EPERM ? 0
											     : 1);
	REQUIRE(child_wait(pid) == 0);
}

/* The slow side's barrier is the fast side's too: never do both miss the other's store. */
static atomic_int fast_flag, slow_flag, fast_saw, go, rounds_done;
enum { ROUNDS = 3000 };

static void *fast(void *arg)
{
	for (int i = 1; i <= ROUNDS; i++) {
		while (atomic_load_explicit(&go, memory_order_acquire) != i)
			;
		atomic_store_explicit(&fast_flag, i, memory_order_relaxed);
		atomic_signal_fence(memory_order_seq_cst);
		int saw = atomic_load_explicit(&slow_flag, memory_order_relaxed);

		atomic_store_explicit(&fast_saw, saw, memory_order_relaxed);
		atomic_store_explicit(&rounds_done, i, memory_order_release);
	}
	return arg;
}

static void promise(void)
{
	pthread_t t = thread_start(fast, NULL);
	int missed = 0;

	for (int i = 1; i <= ROUNDS; i++) {
		atomic_store_explicit(&go, i, memory_order_release);
		atomic_store_explicit(&slow_flag, i, memory_order_relaxed);
		REQUIRE(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0) == 0);
		int saw = atomic_load_explicit(&fast_flag, memory_order_relaxed);

		while (atomic_load_explicit(&rounds_done, memory_order_acquire) != i)
			sched_yield();
		missed += saw != i && atomic_load_explicit(&fast_saw, memory_order_relaxed) != i;
	}
	pthread_join(t, NULL);
	CHECK_EQ(missed, 0);
}

int main(void)
{
	long offered;

	test_start();
	offered = membarrier(MEMBARRIER_CMD_QUERY, 0);
	if (offered == -1 && errno == ENOSYS) {
		test_skip("membarrier", "this kernel has none");
		return test_done();
	}
	CHECK(offered > 0);
	CHECK_ERRNO(membarrier(MEMBARRIER_CMD_QUERY, 1), EINVAL);
	CHECK_ERRNO(membarrier(1 << 30, 0), EINVAL);
	CHECK_ERRNO(membarrier(3, 0), EINVAL);
	if (offered & MEMBARRIER_CMD_GLOBAL)
		CHECK_OK(membarrier(MEMBARRIER_CMD_GLOBAL, 0));
	if (!(offered & MEMBARRIER_CMD_PRIVATE_EXPEDITED)) {
		test_skip("private expedited barriers", "not offered");
		return test_done();
	}
	CHECK(offered & MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
	CHECK_CHILD(child_must_register);
	CHECK_OK(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0));
	CHECK_OK(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0));
	CHECK_OK(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0));
	CHECK_ERRNO(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0x80), EINVAL);
	promise();
	return test_done();
}
