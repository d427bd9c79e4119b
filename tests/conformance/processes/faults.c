/* covers: rt_sigaction rt_sigreturn mprotect mmap kill */
/* Faults as signals: which one, its si_code and si_addr, and a context that can be changed. */
#include "tests/conformance/processes/process_test.h"

#include <setjmp.h>
#include <sys/resource.h>
#include <ucontext.h>

static volatile int got_signal, got_code;
static void *volatile got_address;
static volatile greg_t got_trap, got_error, got_rip;
static sigjmp_buf out;

static void jumps_out(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	got_signal = sig;
	got_code = info->si_code;
	got_address = info->si_addr;
	got_trap = uc->uc_mcontext.gregs[REG_TRAPNO];
	got_error = uc->uc_mcontext.gregs[REG_ERR];
	got_rip = uc->uc_mcontext.gregs[REG_RIP];
	siglongjmp(out, 1);
}

#define FAULTS(action, sig, code, address)                                                         \
	do {                                                                                       \
		got_signal = 0;                                                                    \
		if (!sigsetjmp(out, 1)) {                                                          \
			action;                                                                    \
		}                                                                                  \
		CHECK_EQ(got_signal, sig);                                                         \
		CHECK_EQ(got_code, code);                                                          \
		CHECK_EQ((uintptr_t)got_address, (uintptr_t)(address));                            \
	} while (0)

static void handlers_set(void)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};

	for (int i = 0; i < 5; i++)
		handler_set(signals[i], jumps_out, 0);
}

static void no_mapping(void)
{
	volatile char *p = memory_new(3 * PAGE, PROT_READ | PROT_WRITE);

	munmap((void *)(p + PAGE), PAGE);
	FAULTS((void)p[PAGE + 5], SIGSEGV, SEGV_MAPERR, p + PAGE + 5);
	CHECK_EQ(got_trap, 14);
	CHECK_EQ(got_error & 7, 4); /* user, read, no page */
	FAULTS(p[PAGE + 6] = 1, SIGSEGV, SEGV_MAPERR, p + PAGE + 6);
	CHECK_EQ(got_error & 7, 6);
	munmap((void *)p, 3 * PAGE);
}

/* As virtual machines probe for null: a small offset from 0. */
static void null_page(void)
{
	volatile char *volatile null = NULL;

	for (int i = 0; i < 4096; i += 1000)
		FAULTS((void)null[i], SIGSEGV, SEGV_MAPERR, i);
}

static void no_permission(void)
{
	volatile char *p = memory_new(2 * PAGE, PROT_READ | PROT_WRITE);

	mprotect((void *)p, PAGE, PROT_READ);
	FAULTS(p[7] = 1, SIGSEGV, SEGV_ACCERR, p + 7);
	CHECK_EQ(got_error & 2, 2);
	mprotect((void *)p, PAGE, PROT_NONE);
	FAULTS((void)p[8], SIGSEGV, SEGV_ACCERR, p + 8);
	mprotect((void *)p, PAGE, PROT_READ | PROT_WRITE);
	p[0] = (char)0xc3;
	FAULTS(((void (*)(void))(uintptr_t)p)(), SIGSEGV, SEGV_ACCERR, p);
	CHECK_EQ(got_rip, (uintptr_t)p);
	CHECK_EQ(got_error & 0x10, 0x10);
	munmap((void *)p, 2 * PAGE);
}

static void not_an_address(void)
{
	volatile char *volatile wild = (char *)0x8000000000000000;

	/* Not canonical: a general protection fault, that names no address. */
	FAULTS((void)*wild, SIGSEGV, SI_KERNEL, 0);
	CHECK_EQ(got_trap, 13);
	FAULTS(__asm__ volatile("hlt"), SIGSEGV, SI_KERNEL, 0);
	volatile char *volatile high = (char *)0xffffffff81000000;
	got_signal = 0;
	if (!sigsetjmp(out, 1))
		(void)*high;
	CHECK_EQ(got_signal, SIGSEGV);
}

static void beyond_the_end_of_a_file(void)
{
	int fd = open("file", O_RDWR | O_CREAT, 0600);
	volatile char *p;

	REQUIRE(ftruncate(fd, 100) == 0);
	p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	REQUIRE(p != MAP_FAILED);
	CHECK_EQ(p[200], 0);
	FAULTS((void)p[PAGE + 9], SIGBUS, BUS_ADRERR, p + PAGE + 9);
	REQUIRE(ftruncate(fd, 0) == 0);
	FAULTS(p[3] = 1, SIGBUS, BUS_ADRERR, p + 3);
	REQUIRE(ftruncate(fd, PAGE * 2) == 0);
	CHECK_EQ(p[PAGE + 9], 0);
	munmap((void *)p, 2 * PAGE);
	close(fd);
}

extern char ud2_here[], div_here[], int3_here[];

static void instructions(void)
{
	FAULTS(__asm__ volatile("ud2_here: ud2"), SIGILL, ILL_ILLOPN, ud2_here);
	CHECK_EQ(got_rip, (uintptr_t)ud2_here);
	FAULTS(__asm__ volatile("xor %%edx, %%edx\n\txor %%ecx, %%ecx\n\tmov $1, %%eax\n"
				"div_here: div %%ecx" ::
					: "eax", "ecx", "edx"),
		SIGFPE, FPE_INTDIV, div_here);
	CHECK_EQ(got_trap, 0);
	got_signal = 0;
	if (!sigsetjmp(out, 1))
		__asm__ volatile("int3_here: int3");
	CHECK_EQ(got_signal, SIGTRAP);
	CHECK_EQ(got_rip, (uintptr_t)int3_here + 1);
	CHECK_EQ(got_code, SI_KERNEL);
}

static void floating_point(void)
{
	unsigned int control = 0x1f80 & ~0x200U, normal = 0x1f80; /* division by zero unmasked */

	got_signal = 0;
	if (!sigsetjmp(out, 1))
		__asm__ volatile("ldmxcsr %0\n\t"
				 "xorps %%xmm0, %%xmm0\n\t"
				 "pcmpeqd %%xmm1, %%xmm1\n\t"
				 "pslld $25, %%xmm1\n\t"
				 "psrld $2, %%xmm1\n\t"
				 "divss %%xmm0, %%xmm1" ::"m"(control)
				 : "xmm0", "xmm1");
	__asm__ volatile("ldmxcsr %0" ::"m"(normal));
	CHECK_EQ(got_signal, SIGFPE);
	CHECK_EQ(got_code, FPE_FLTDIV);
	CHECK_EQ(got_trap, 19);
}

static void single_step(void)
{
	got_signal = 0;
	if (!sigsetjmp(out, 1))
		__asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tnop\n\tnop" ::
					 : "cc", "memory");
	CHECK_EQ(got_signal, SIGTRAP);
	CHECK_EQ(got_code, TRAP_TRACE);
}

static void child_blocks_and_faults(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	signal_block(SIG_BLOCK, SIGSEGV);
	*(volatile int *)bad_address() = 1; /* blocked: forced, and deadly */
}

static void child_ignores_and_faults(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	signal(SIGSEGV, SIG_IGN);
	*(volatile int *)bad_address() = 1;
}

static void faults_again(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	*(volatile int *)bad_address() = 1;
}

static void child_faults_in_handler(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	handler_set(SIGSEGV, faults_again, 0);
	*(volatile int *)bad_address() = 1;
}

static volatile int sent;

static void counts_sent(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	sent += info->si_code == SI_USER;
}

/* Sent by a process it is a signal like any other. */
static void sent_ones_are_plain(void)
{
	handler_set(SIGSEGV, counts_sent, 0);
	kill(getpid(), SIGSEGV);
	CHECK_EQ(sent, 1);
	signal(SIGSEGV, SIG_IGN);
	kill(getpid(), SIGSEGV);
	CHECK_EQ(sent, 1);
	handlers_set();
}

static void *faults_in_thread(void *arg)
{
	*(volatile int *)arg = 1;
	return NULL;
}

static _Atomic pid_t fault_tid;
static char *thread_page;

static void maps_it(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	atomic_store(&fault_tid, thread_id());
	REQUIRE(info->si_addr == thread_page + 8);
	REQUIRE(mprotect(thread_page, PAGE, PROT_READ | PROT_WRITE) == 0);
}

/* The thread that faults gets the signal; once the page is there it goes on by itself. */
static void in_a_thread(void)
{
	pthread_t t;

	thread_page = memory_new(PAGE, PROT_NONE);
	handler_set(SIGSEGV, maps_it, 0);
	t = thread_start(faults_in_thread, thread_page + 8);
	pthread_join(t, NULL);
	CHECK(atomic_load(&fault_tid) != thread_id());
	CHECK_EQ(thread_page[8], 1);
	handlers_set();
}

/* Bad pointers to system calls are EFAULT, not signals. */
static void system_calls_do_not_fault(void)
{
	int fds[2];

	pipe_new(fds);
	CHECK_ERRNO(write(fds[1], bad_address(), 1), EFAULT);
	pipe_say(fds[1]);
	CHECK_ERRNO(read(fds[0], bad_address(), 1), EFAULT);
	CHECK_ERRNO(open(bad_address(), O_RDONLY), EFAULT);
	close(fds[0]);
	close(fds[1]);
}

static void many_faults(void)
{
	volatile char *p = memory_new(PAGE, PROT_NONE);
	volatile int count = 0;

	for (volatile int i = 0; i < 5000; i++)
		if (sigsetjmp(out, 1))
			count++;
		else
			(void)p[i & 4095];
	CHECK_EQ(count, 5000);
	munmap((void *)p, PAGE);
}

int main(void)
{
	test_start();
	handlers_set();
	no_mapping();
	null_page();
	no_permission();
	not_an_address();
	beyond_the_end_of_a_file();
	instructions();
	floating_point();
	single_step();
	sent_ones_are_plain();
	in_a_thread();
	system_calls_do_not_fault();
	many_faults();
	CHECK_EQ(child_run(child_blocks_and_faults) & 0x7f, SIGSEGV);
	CHECK_EQ(child_run(child_ignores_and_faults) & 0x7f, SIGSEGV);
	CHECK_EQ(child_run(child_faults_in_handler) & 0x7f, SIGSEGV);
	return test_done();
}
