/* covers: getppid fork rt_sigaction */
/* %gs is a program's own: what it holds is no matter for calls, faults and interruptions. */
#include "tests/conformance/processes/process_test.h"

#include <sys/auxv.h>
#include <sys/time.h>

#define HWCAP2_FSGSBASE 2 /* <asm/hwcap2.h> */

static volatile sig_atomic_t count;

static void count_signal(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)info;
	(void)context;
	count++;
}

static void lose_selector(void)
{
	__asm__ volatile("mov %w0, %%gs" ::"r"(0));
}

static void lose_base(void)
{
	__asm__ volatile("wrgsbase %0" ::"r"(0x10UL)); /* where nothing is */
}

static void lose_base_at_the_end(void)
{
	__asm__ volatile("wrgsbase %0" ::"r"((1UL << 47) - 4096));
}

static long unpatched_getppid(void)
{
	/* Code that is made at run time is found by nobody beforehand. */
	static const unsigned char code[] = {0xb8, SYS_getppid, 0, 0, 0, 0x0f, 0x05, 0xc3};
	void *page = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return -1;
	memcpy(page, code, sizeof(code));
	return ((long (*)(void))page)();
}

static void all_goes_on_after(void (*lose)(void))
{
	struct itimerval soon = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
	pid_t parent = getppid(), child;
	int status = 0;

	for (int i = 0; i < 100; i++) {
		lose();
		if (getppid() != parent)
			break;
	}
	lose();
	CHECK_EQ(getppid(), parent);
	lose();
	CHECK_EQ(unpatched_getppid(), parent);
	count = 0;
	handler_set(SIGALRM, count_signal, 0);
	CHECK_OK(setitimer(ITIMER_REAL, &soon, NULL));
	while (count < 5)
		lose();
	CHECK_OK(setitimer(ITIMER_REAL, &never, NULL));
	lose();
	child = fork();
	if (!child) {
		lose();
		*(volatile char *)NULL = 0;
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

int main(void)
{
	all_goes_on_after(lose_selector);
	if (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE) {
		all_goes_on_after(lose_base);
		all_goes_on_after(lose_base_at_the_end);
	} else {
		printf("# the kernel lets no program write the base\n");
	}
	return test_done();
}
