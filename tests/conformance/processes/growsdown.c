/* covers: mmap prlimit64 mincore sigaltstack rt_sigaction execve */
/* Stacks that grow by themselves: the main one, and MAP_GROWSDOWN. */
#include "tests/conformance/processes/process_test.h"

#include <setjmp.h>
#include <sys/resource.h>

enum { RW = PROT_READ | PROT_WRITE };

static void child_uses_six_mebibytes(void)
{
	REQUIRE(stack_use(6 << 20) > 3000);
	REQUIRE(stack_use(6 << 20) > 3000);
}

/* A big step down, over many pages not yet there, is growth too. */
static void child_jumps_down(void)
{
	volatile char *here = __builtin_frame_address(0);

	here[-(3 << 20)] = 1;
	REQUIRE(here[-(3 << 20)] == 1);
	REQUIRE(here[-(2 << 20)] == 0);
}

static void child_reads_into_unseen_stack(void)
{
	char *here = __builtin_frame_address(0);
	int fds[2];

	/* The kernel, too, grows it when a call writes there. */
	pipe_new(fds);
	pipe_say(fds[1]);
	REQUIRE(read(fds[0], here - (1 << 20), 1) == 1);
	REQUIRE(here[-(1 << 20)] == '!');
}

static sigjmp_buf out;
static volatile int got_code;
static char *volatile got_address;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	got_code = info->si_code;
	got_address = info->si_addr;
	siglongjmp(out, 1);
}

static void alternate_stack(void)
{
	static char stack[64 << 10];
	stack_t s = {.ss_sp = stack, .ss_size = sizeof(stack)};

	REQUIRE(sigaltstack(&s, NULL) == 0);
	handler_set(SIGSEGV, on_fault, SA_ONSTACK);
}

static void child_overflows(void)
{
	struct rlimit limit = {2 << 20, 8 << 20};
	char *here = __builtin_frame_address(0);

	alternate_stack();
	REQUIRE(setrlimit(RLIMIT_STACK, &limit) == 0);
	if (!sigsetjmp(out, 1))
		stack_use(100 << 20);
	REQUIRE(got_address && here - got_address > (1 << 20));
	REQUIRE(here - got_address < (4 << 20));
	/* The limit counts at the moment of the fault: raise it, and there is room. */
	limit.rlim_cur = limit.rlim_max;
	REQUIRE(setrlimit(RLIMIT_STACK, &limit) == 0);
	REQUIRE(stack_use(5 << 20) > 2000);
}

static void child_has_growing_map(void)
{
	/* Room for growth: a free range, the mapping at its upper end. */
	char *range = memory_new(4 << 20, PROT_NONE), *p;
	volatile char *low;

	munmap(range, 4 << 20);
	p = mmap(range + (3 << 20), 4 * PAGE, RW,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_STACK | MAP_FIXED, -1, 0);
	REQUIRE(p == range + (3 << 20));
	p[0] = 1;
	for (low = p - 1; low > p - 100 * PAGE; low -= PAGE / 2)
		*low = 2;
	REQUIRE(*(p - 1) == 2);
	REQUIRE(p[0] == 1);
}

static void child_growth_stops_at_a_neighbour(void)
{
	char *range = memory_new(1 << 20, PROT_READ), *p = range + (1 << 19);
	volatile char *low;

	alternate_stack();
	munmap(range + PAGE, (1 << 20) - PAGE);
	p = mmap(p, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
	REQUIRE(p != MAP_FAILED);
	low = p;
	if (!sigsetjmp(out, 1))
		for (; low > range; low -= PAGE)
			*low = 1;
	REQUIRE(got_address > range); /* a gap is kept */
	REQUIRE(got_address < p);
}

static void child_execs_with_limit(void)
{
	struct rlimit limit = {3 << 20, 64 << 20};
	char *argv[] = {"x", "two", NULL};

	REQUIRE(setrlimit(RLIMIT_STACK, &limit) == 0);
	execv("/proc/self/exe", argv);
}

static void *recurses_in_thread(void *arg)
{
	return (void *)(intptr_t)stack_use((long)(intptr_t)arg);
}

static void threads_have_what_they_asked_for(void)
{
	pthread_attr_t attr;
	pthread_t t;
	void *result;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 32 << 20);
	CHECK_EQ(pthread_create(&t, &attr, recurses_in_thread, (void *)(24L << 20)), 0);
	CHECK_EQ(pthread_join(t, &result), 0);
	CHECK((intptr_t)result > 10000);
	pthread_attr_destroy(&attr);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return strcmp(argv[1], "two") || stack_use(2 << 20) < 1000;
	test_start();
	struct rlimit limit;
	getrlimit(RLIMIT_STACK, &limit);
	if (limit.rlim_cur >= 8 << 20) {
		CHECK_CHILD(child_uses_six_mebibytes);
		CHECK_CHILD(child_jumps_down);
		CHECK_CHILD(child_reads_into_unseen_stack);
	} else {
		test_skip("deep recursion", "the stack limit is below 8 MiB");
	}
	CHECK_CHILD(child_overflows);
	CHECK_CHILD(child_has_growing_map);
	CHECK_CHILD(child_growth_stops_at_a_neighbour);
	CHECK_CHILD(child_execs_with_limit);
	threads_have_what_they_asked_for();
	return test_done();
}
