/* covers: rseq getcpu sched_yield */
/* rseq(2): the processor's number kept in memory, and sequences that restart. */
#include "tests/conformance/processes/process_test.h"

#include <linux/rseq.h>
#include <stddef.h>

/* From glibc 2.35 the C library registers every thread; where, it tells by these. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

enum { SIGNATURE = 0x53053053 };

static bool registered_by_libc(void)
{
	return &__rseq_size && __rseq_size != 0;
}

static volatile struct rseq *libc_area(void)
{
	return (volatile struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

static long rseq(void *area, uint32_t size, int flags, uint32_t signature)
{
	return syscall(SYS_rseq, area, size, flags, signature);
}

static void area_is_kept(volatile struct rseq *area)
{
	unsigned int cpu;
	int wrong = 0;

	for (int i = 0; i < 2000; i++) {
		unsigned int before = area->cpu_id;

		REQUIRE(syscall(SYS_getcpu, &cpu, NULL, NULL) == 0);
		wrong += before != cpu && area->cpu_id != cpu && area->cpu_id == before;
		sched_yield();
	}
	CHECK(wrong < 20); /* moved between two reads: seldom */
	CHECK((long)area->cpu_id < sysconf(_SC_NPROCESSORS_CONF));
	CHECK_EQ(area->cpu_id_start < 4096, 1);
}

static void *thread_is_registered(void *arg)
{
	REQUIRE((int)libc_area()->cpu_id >= 0);
	return arg;
}

static void child_is_registered(void)
{
	REQUIRE((int)libc_area()->cpu_id >= 0);
}

static struct rseq mine __attribute__((aligned(32)));

static void *registers_itself(void *arg)
{
	CHECK_ERRNO(rseq((char *)&mine + 8, 32, 0, SIGNATURE), EINVAL); /* not aligned */
	CHECK_ERRNO(rseq(&mine, 16, 0, SIGNATURE), EINVAL);
	CHECK_ERRNO(rseq(&mine, 32, 2, SIGNATURE), EINVAL);
	CHECK_OK(rseq(&mine, 32, 0, SIGNATURE));
	CHECK_ERRNO(rseq(&mine, 32, 0, SIGNATURE), EBUSY);
	CHECK_ERRNO(rseq(&mine, 32, 0, 1), EPERM);
	area_is_kept(&mine);
	CHECK_ERRNO(rseq(&mine, 32, RSEQ_FLAG_UNREGISTER, 1), EPERM);
	CHECK_OK(rseq(&mine, 32, RSEQ_FLAG_UNREGISTER, SIGNATURE));
	CHECK_EQ((int)mine.cpu_id, RSEQ_CPU_ID_UNINITIALIZED);
	return arg;
}

static volatile sig_atomic_t signals;

static void handler(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	signals++;
}

static atomic_int stop;
static pthread_t target;

static void *pesters(void *arg)
{
	while (!atomic_load(&stop)) {
		pthread_kill(target, SIGUSR1);
		sched_yield();
	}
	return arg;
}

/* A signal within a sequence sends it to its abort address: so says rseq, whoever registered. */
static void sequences_restart(volatile struct rseq *area)
{
	long aborts = 0;
	pthread_t t;

	handler_set(SIGUSR1, handler, SA_RESTART);
	target = pthread_self();
	t = thread_start(pesters, NULL);
	while (aborts < 20) {
		long aborted = 0, n = 200000;

		__asm__ volatile(".pushsection __rseq_cs, \"aw\"\n\t"
				 ".balign 32\n"
				 "3:\n\t"
				 ".long 0, 0\n\t"
				 ".quad 1f, 2f - 1f, 4f\n\t"
				 ".popsection\n\t"
				 "leaq 3b(%%rip), %%rax\n\t"
				 "movq %%rax, %[cs]\n"
				 "1:\n\t"
				 "decq %[n]\n\t"
				 "jnz 1b\n"
				 "2:\n\t"
				 "jmp 5f\n\t"
				 ".byte 0x0f, 0xb9, 0x3d\n\t"
				 ".long 0x53053053\n"
				 "4:\n\t"
				 "movq $1, %[aborted]\n"
				 "5:"
				 : [cs] "+m"(area->rseq_cs), [aborted] "+r"(aborted), [n] "+r"(n)
				 :
				 : "rax", "memory", "cc");
		aborts += aborted;
		REQUIRE(aborted || n == 0);
	}
	atomic_store(&stop, 1);
	pthread_join(t, NULL);
	CHECK_EQ(aborts, 20);
}

int main(void)
{
	test_start();
	if (registered_by_libc()) {
		area_is_kept(libc_area());
		CHECK_ERRNO(rseq(&mine, 32, 0, SIGNATURE), EINVAL); /* one a thread */
		pthread_join(thread_start(thread_is_registered, NULL), NULL);
		CHECK_CHILD(child_is_registered);
		sequences_restart(libc_area());
		return test_done();
	}
	if (rseq(NULL, 0, 0, 0) == -1 && errno == ENOSYS) {
		test_skip("rseq", "this kernel has none");
		return test_done();
	}
	registers_itself(NULL);
	return test_done();
}
