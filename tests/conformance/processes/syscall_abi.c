/* covers: getppid getpid close read write writev readlink gettid sched_yield rt_sigaction */
/* The instruction itself: all registers but rax, rcx and r11 are kept, numbers that mean nothing
 * are ENOSYS. */
#include "tests/conformance/processes/process_test.h"

#include <sys/uio.h>

struct registers {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15, flags;
	uint64_t rsp_before, rsp_after;
	unsigned char xmm[16][16];
};

static struct registers in, seen;

/* Loads all registers from in, makes the call, stores them all to seen. */
static void __attribute__((noinline)) call(void)
{
	__asm__ volatile(
		"push %%rbx\n\tpush %%rbp\n\tpush %%r12\n\tpush %%r13\n\tpush %%r14\n\t"
		"push %%r15\n\tpushfq\n\t"
		"lea in(%%rip), %%rax\n\t"
		"mov %%rsp, 128(%%rax)\n\t"
		"movdqu 144(%%rax), %%xmm0\n\t"
		"movdqu 224(%%rax), %%xmm5\n\t"
		"movdqu 384(%%rax), %%xmm15\n\t"
		"mov 8(%%rax), %%rbx\n\tmov 24(%%rax), %%rdx\n\tmov 32(%%rax), %%rsi\n\t"
		"mov 40(%%rax), %%rdi\n\tmov 48(%%rax), %%rbp\n\tmov 56(%%rax), %%r8\n\t"
		"mov 64(%%rax), %%r9\n\tmov 72(%%rax), %%r10\n\tmov 88(%%rax), %%r12\n\t"
		"mov 96(%%rax), %%r13\n\tmov 104(%%rax), %%r14\n\tmov 112(%%rax), %%r15\n\t"
		"push 120(%%rax)\n\tpopfq\n\t"
		"mov 0(%%rax), %%rax\n\t"
		"syscall\n\t"
		"pushfq\n\tpush %%rax\n\tcld\n\t"
		"lea seen(%%rip), %%rax\n\t"
		"mov %%rbx, 8(%%rax)\n\tmov %%rcx, 16(%%rax)\n\tmov %%rdx, 24(%%rax)\n\t"
		"mov %%rsi, 32(%%rax)\n\tmov %%rdi, 40(%%rax)\n\tmov %%rbp, 48(%%rax)\n\t"
		"mov %%r8, 56(%%rax)\n\tmov %%r9, 64(%%rax)\n\tmov %%r10, 72(%%rax)\n\t"
		"mov %%r11, 80(%%rax)\n\tmov %%r12, 88(%%rax)\n\tmov %%r13, 96(%%rax)\n\t"
		"mov %%r14, 104(%%rax)\n\tmov %%r15, 112(%%rax)\n\t"
		"pop 0(%%rax)\n\tpop 120(%%rax)\n\t"
		"mov %%rsp, 136(%%rax)\n\t"
		"movdqu %%xmm0, 144(%%rax)\n\t"
		"movdqu %%xmm5, 224(%%rax)\n\t"
		"movdqu %%xmm15, 384(%%rax)\n\t"
		"popfq\n\tpop %%r15\n\tpop %%r14\n\tpop %%r13\n\tpop %%r12\n\tpop %%rbp\n\t"
		"pop %%rbx" ::
			: "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "xmm0",
		"xmm5", "xmm15", "memory", "cc");
}

static void fill(long number, uint64_t flags)
{
	uint64_t *word = &in.rax;

	for (int i = 0; i < 15; i++)
		word[i] = 0x0101010101010101 * (uint64_t)(i + 1) ^ 0x8000000000000000;
	in.rax = (uint64_t)number;
	in.flags = flags;
	for (int i = 0; i < 16; i++)
		memset(in.xmm[i], 0xa0 + i, 16);
}

static int registers_changed(void)
{
	return (in.rbx != seen.rbx) + (in.rdx != seen.rdx) + (in.rsi != seen.rsi) +
	       (in.rdi != seen.rdi) + (in.rbp != seen.rbp) + (in.r8 != seen.r8) +
	       (in.r9 != seen.r9) + (in.r10 != seen.r10) + (in.r12 != seen.r12) +
	       (in.r13 != seen.r13) + (in.r14 != seen.r14) + (in.r15 != seen.r15) +
	       (in.rsp_before != seen.rsp_after) + (memcmp(in.xmm[0], seen.xmm[0], 16) != 0) +
	       (memcmp(in.xmm[5], seen.xmm[5], 16) != 0) +
	       (memcmp(in.xmm[15], seen.xmm[15], 16) != 0);
}

enum {
	ALWAYS = 0x202,
	CARRY = 1,
	PARITY = 4,
	ADJUST = 0x10,
	ZERO = 0x40,
	SIGN = 0x80,
	TRAP = 0x100,
	DIRECTION = 0x400,
	OVERFLOW = 0x800,
	ALIGNMENT = 0x40000,
	ALL = 0x40cd5
};

static void registers(void)
{
	static const long numbers[] = {SYS_getppid, SYS_getpid, SYS_close, SYS_sched_yield, 100000};
	static const uint64_t flags[] = {ALWAYS, ALWAYS | CARRY, ALWAYS | ZERO | SIGN,
		ALWAYS | OVERFLOW | CARRY | PARITY | ADJUST, ALWAYS | DIRECTION,
		ALWAYS | ALIGNMENT};

	for (int i = 0; i < 5; i++) {
		int changed = 0, wrong_flags = 0;

		for (int j = 0; j < 100; j++) {
			fill(numbers[i], flags[j % 6]);
			call();
			changed += registers_changed();
			wrong_flags += (seen.flags & ALL) != (flags[j % 6] & ALL);
		}
		CHECK_EQ(changed, 0);
		CHECK_EQ(wrong_flags, 0);
	}
	fill(SYS_getppid, ALWAYS);
	call();
	CHECK_EQ(seen.rax, getppid());
}

static void every_combination_of_flags(void)
{
	static const uint64_t single[] = {
		CARRY, PARITY, ADJUST, ZERO, SIGN, OVERFLOW, DIRECTION, ALIGNMENT};
	int wrong = 0;

	for (unsigned int set = 0; set < 256; set++) {
		uint64_t flags = ALWAYS;

		for (unsigned int i = 0; i < 8; i++)
			flags |= set >> i & 1 ? single[i] : 0;
		fill(SYS_getppid, flags);
		call();
		wrong += (seen.flags & ALL) != (flags & ALL);
	}
	CHECK_EQ(wrong, 0);
}

/* 335 and 336 are left out: from Linux 6.11 they are a kernel tracer's own. */
static void unknown_numbers(void)
{
	static const long numbers[] = {-1, -2, -100, 1000, 5000, 100000, 0x7fffffff, INT64_MAX,
		0x100000000 | 100000, 400, 420};
	int wrong = 0;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		fill(numbers[i], ALWAYS);
		call();
		if ((int64_t)seen.rax != -ENOSYS || registers_changed()) {
			printf("# number %ld gave %ld\n", numbers[i], (long)seen.rax);
			wrong++;
		}
	}
	CHECK_EQ(wrong, 0);
}

/* A program that is strict about its own alignment need not be about what it passes. */
static void alignment_is_the_programs(void)
{
	static char words[4 * sizeof(struct iovec)] = "x/dev/null";
	struct iovec vector = {words + 1, 9};
	int fds[2];

	pipe_new(fds);
	memcpy(words + 17, &vector, sizeof(vector));
	fill(SYS_writev, ALWAYS | ALIGNMENT);
	in.rdi = (uint64_t)fds[1];
	in.rsi = (uintptr_t)words + 17;
	in.rdx = 1;
	call();
	CHECK_EQ(seen.rax, 9);
	CHECK(seen.flags & ALIGNMENT);
	fill(SYS_readlink, ALWAYS | ALIGNMENT);
	in.rdi = (uintptr_t)words + 1;
	in.rsi = (uintptr_t)words + 13;
	in.rdx = 7;
	call();
	CHECK_EQ((int64_t)seen.rax, -EINVAL);
	close(fds[0]);
	close(fds[1]);
}

static volatile sig_atomic_t traps;

static void on_trap(int signo)
{
	(void)signo;
	traps++;
}

/* A program that steps itself makes system calls as well. */
static void single_steps(void)
{
	struct sigaction action = {.sa_handler = on_trap}, old;

	CHECK_OK(sigaction(SIGTRAP, &action, &old));
	fill(SYS_getppid, ALWAYS | TRAP);
	call();
	CHECK_EQ(seen.rax, getppid());
	CHECK(traps > 0);
	CHECK_OK(sigaction(SIGTRAP, &old, NULL));
}

/* Errors come as small negative numbers, and libc makes errno of them. */
static void errors(void)
{
	fill(SYS_close, ALWAYS);
	in.rdi = (uint64_t)-1;
	call();
	CHECK_EQ((int64_t)seen.rax, -EBADF);
	fill(SYS_write, ALWAYS);
	in.rdi = 9999;
	call();
	CHECK_EQ((int64_t)seen.rax, -EBADF);
	errno = 0;
	CHECK_EQ(syscall(SYS_close, -1), -1);
	CHECK_EQ(errno, EBADF);
}

/* An int argument is its lower half, whatever is above. */
static void upper_halves_do_not_count(void)
{
	int fds[2];
	char c = 0;

	pipe_new(fds);
	pipe_say(fds[1]);
	fill(SYS_read, ALWAYS);
	in.rdi = 0xdeadbeef00000000 | (uint64_t)fds[0];
	in.rsi = (uintptr_t)&c;
	in.rdx = 1;
	call();
	CHECK_EQ(seen.rax, 1);
	CHECK_EQ(c, '!');
	close(fds[0]);
	close(fds[1]);
}

/* The 128 bytes below the stack pointer stay. */
static void red_zone(void)
{
	uint64_t top = 0, bottom = 0, result = SYS_getppid;

	__asm__ volatile("movq $0x1234, -8(%%rsp)\n\t"
			 "movq $0x5678, -128(%%rsp)\n\t"
			 "syscall\n\t"
			 "mov -8(%%rsp), %[top]\n\t"
			 "mov -128(%%rsp), %[bottom]"
			 : "+a"(result), [top] "=r"(top), [bottom] "=r"(bottom)
			 :
			 : "rcx", "r11", "memory");
	CHECK_EQ(top, 0x1234);
	CHECK_EQ(bottom, 0x5678);
	CHECK_EQ(result, getppid());
}

/* A call needs no stack: it may be made with any stack pointer. */
static void without_a_stack(void)
{
	uint64_t result = SYS_getppid, none = 0;

	__asm__ volatile("mov %%rsp, %%rbx\n\t"
			 "mov %[none], %%rsp\n\t"
			 "syscall\n\t"
			 "mov %%rbx, %%rsp"
			 : "+a"(result)
			 : [none] "r"(none)
			 : "rbx", "rcx", "r11", "memory");
	CHECK_EQ(result, getppid());
}

int main(void)
{
	test_start();
	registers();
	every_combination_of_flags();
	unknown_numbers();
	alignment_is_the_programs();
	single_steps();
	errors();
	upper_halves_do_not_count();
	red_zone();
	without_a_stack();
	return test_done();
}
