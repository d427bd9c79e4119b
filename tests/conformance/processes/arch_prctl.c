/* covers: arch_prctl fork rt_sigaction */
/* arch_prctl(2): the segment bases of a thread, readable, writable, checked, and its own. */
#include "tests/conformance/processes/process_test.h"

#include <asm/prctl.h>

static long arch(int code, unsigned long value)
{
	return syscall(SYS_arch_prctl, code, value);
}

static unsigned long gs_word(void)
{
	unsigned long value;

	__asm__ volatile("mov %%gs:0, %0" : "=r"(value));
	return value;
}

static unsigned long fs_self(void)
{
	unsigned long value;

	__asm__ volatile("mov %%fs:0, %0" : "=r"(value));
	return value;
}

static void fs_is_the_thread_pointer(void)
{
	unsigned long base = 0;

	CHECK_OK(arch(ARCH_GET_FS, (unsigned long)&base));
	CHECK_EQ(base, fs_self()); /* the ABI: its first word points to itself */
	CHECK_OK(arch(ARCH_SET_FS, base));
	CHECK_EQ(fs_self(), base);
}

static unsigned long words[2] = {0x1122334455667788, 0x99aabbccddeeff00};

static void gs_is_the_programs(void)
{
	unsigned long base = 1;

	CHECK_OK(arch(ARCH_SET_GS, (unsigned long)&words[0]));
	CHECK_OK(arch(ARCH_GET_GS, (unsigned long)&base));
	CHECK_EQ(base, (unsigned long)&words[0]);
	CHECK_EQ(gs_word(), words[0]);
	CHECK_OK(arch(ARCH_SET_GS, (unsigned long)&words[1]));
	CHECK_EQ(gs_word(), words[1]);
}

static void child_keeps_gs(void)
{
	REQUIRE(gs_word() == words[1]);
}

static volatile unsigned long in_handler;

static void handler(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	in_handler = gs_word();
}

static void gs_survives_signals_and_calls(void)
{
	handler_set(SIGUSR1, handler, 0);
	raise(SIGUSR1);
	CHECK_EQ(in_handler, words[1]);
	for (int i = 0; i < 1000; i++)
		sched_yield();
	CHECK_EQ(gs_word(), words[1]);
	CHECK_CHILD(child_keeps_gs);
}

static void *thread_has_gs_of_its_own(void *arg)
{
	unsigned long *mine = arg, base = 0;

	REQUIRE(arch(ARCH_SET_GS, (unsigned long)mine) == 0);
	for (int i = 0; i < 2000; i++) {
		REQUIRE(gs_word() == *mine);
		sched_yield();
	}
	REQUIRE(arch(ARCH_GET_GS, (unsigned long)&base) == 0 && base == (unsigned long)mine);
	return NULL;
}

static void each_thread_has_its_own(void)
{
	unsigned long a = 1, b = 2;
	pthread_t x = thread_start(thread_has_gs_of_its_own, &a);
	pthread_t y = thread_start(thread_has_gs_of_its_own, &b);

	pthread_join(x, NULL);
	pthread_join(y, NULL);
	CHECK_EQ(gs_word(), words[1]);
}

/* Where the register is in use by what serves the call: then it says so. */
static int gs_is_refused(void)
{
	return arch(ARCH_SET_GS, (unsigned long)&words[0]) == -1 && errno == EPERM;
}

static void gs_errors(void)
{
	CHECK_ERRNO(arch(ARCH_SET_GS, 0xffffffffffffffff), EPERM);
	CHECK_ERRNO(arch(ARCH_SET_GS, 0x0123456789abcdef), EPERM);
	CHECK_ERRNO(arch(ARCH_GET_GS, 0), EFAULT);
	CHECK_EQ(gs_word(), words[1]);
	CHECK_OK(arch(ARCH_SET_GS, 0));
}

static void errors(void)
{
	CHECK_ERRNO(arch(ARCH_SET_FS, 0xffff800000000000), EPERM);
	CHECK_ERRNO(arch(ARCH_GET_FS, 1), EFAULT);
	CHECK_ERRNO(arch(0x12345, 0), EINVAL);
}

static void cpuid_faulting(void)
{
	/* Whether it can be turned off depends on the processor. */
	CHECK_EQ(arch(ARCH_GET_CPUID, 0), 1);
	CHECK_OK(arch(ARCH_SET_CPUID, 1) == 0 || errno == ENODEV ? 0 : -1);
}

int main(void)
{
	test_start();
	fs_is_the_thread_pointer();
	if (gs_is_refused()) {
		test_skip("the GS base", "refused, with an errno");
	} else {
		gs_is_the_programs();
		gs_survives_signals_and_calls();
		each_thread_has_its_own();
		gs_errors();
	}
	errors();
	cpuid_faulting();
	return test_done();
}
