/* covers: rt_sigreturn rt_sigaction tgkill mmap */
/* The machine context of a handler: complete, true, and what is written to it takes effect. */
#include "tests/conformance/processes/process_test.h"

#include <ucontext.h>

static greg_t seen[NGREG];
static volatile int handled;

static void copies_registers(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	(void)info;
	memcpy(seen, uc->uc_mcontext.gregs, sizeof(seen));
	uc->uc_mcontext.gregs[REG_RIP] += 2; /* past ud2 */
	handled++;
}

/* Fills the registers with known values, faults, and stores what they are afterwards. */
static void registers_are_seen_and_kept(void)
{
	uint64_t after[8], flags;

	handler_set(SIGILL, copies_registers, 0);
	__asm__ volatile("mov $0x1111111111111111, %%rax\n\t"
			 "mov $0x2222222222222222, %%rcx\n\t"
			 "mov $0x3333333333333333, %%rdx\n\t"
			 "mov $0x4444444444444444, %%rsi\n\t"
			 "mov $0x8888888888888888, %%r8\n\t"
			 "mov $0x1010101010101010, %%r10\n\t"
			 "mov $0x1212121212121212, %%r11\n\t"
			 "mov $0x1515151515151515, %%r15\n\t"
			 "stc\n\t"
			 "ud2\n\t"
			 "pushfq\n\t"
			 "mov %%rax, 0(%[after])\n\t"
			 "mov %%rcx, 8(%[after])\n\t"
			 "mov %%rdx, 16(%[after])\n\t"
			 "mov %%rsi, 24(%[after])\n\t"
			 "mov %%r8, 32(%[after])\n\t"
			 "mov %%r10, 40(%[after])\n\t"
			 "mov %%r11, 48(%[after])\n\t"
			 "mov %%r15, 56(%[after])\n\t"
			 "popq %%rax\n\t"
			 : "=&a"(flags)
			 : [after] "D"(after)
			 : "rcx", "rdx", "rsi", "r8", "r10", "r11", "r15", "memory", "cc");
	static const uint64_t want[] = {0x1111111111111111, 0x2222222222222222, 0x3333333333333333,
		0x4444444444444444, 0x8888888888888888, 0x1010101010101010, 0x1212121212121212,
		0x1515151515151515};
	static const int index[] = {
		REG_RAX, REG_RCX, REG_RDX, REG_RSI, REG_R8, REG_R10, REG_R11, REG_R15};
	int wrong = 0;

	for (int i = 0; i < 8; i++)
		wrong += after[i] != want[i] || (uint64_t)seen[index[i]] != want[i];
	CHECK_EQ(wrong, 0);
	CHECK_EQ(seen[REG_RDI], (uintptr_t)after);
	CHECK_EQ(flags & 1, 1);
	CHECK_EQ(seen[REG_EFL] & 1, 1);
	CHECK_EQ(seen[REG_CSGSFS] & 0xffff, 0x33);
	CHECK_EQ(handled, 1);
}

static int emulated_reads;

/* A load from a page that isn't there, answered by the handler, as a monitor emulates devices. */
static void emulates_load(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	uc->uc_mcontext.gregs[REG_RAX] = (greg_t)((uintptr_t)info->si_addr * 3);
	uc->uc_mcontext.gregs[REG_RIP] += 3; /* mov (%rcx), %rax */
	emulated_reads++;
}

static void emulation(void)
{
	char *p = memory_new(PAGE, PROT_NONE);
	int wrong = 0;

	handler_set(SIGSEGV, emulates_load, 0);
	for (int i = 0; i < 100; i++) {
		uint64_t value;

		__asm__ volatile(".byte 0x48, 0x8b, 0x01" : "=a"(value) : "c"(p + i * 8));
		wrong += value != (uintptr_t)(p + i * 8) * 3;
	}
	CHECK_EQ(wrong, 0);
	CHECK_EQ(emulated_reads, 100);
	munmap(p, PAGE);
}

static void changes_everything(int sig, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)sig;
	(void)info;
	r[REG_RIP] += 2;
	r[REG_RBX] = 0xb0b0;
	r[REG_RDX] = 0xd0d0;
	r[REG_R9] = 0x9090;
	r[REG_R12] = 0x1212;
	r[REG_EFL] |= 1;
}

static void changes_take_effect(void)
{
	uint64_t rdx, r9, r12, rbx;
	unsigned char carry;

	handler_set(SIGILL, changes_everything, 0);
	__asm__ volatile("xor %%r9d, %%r9d\n\t"
			 "xor %%r12d, %%r12d\n\t"
			 "xor %%ebx, %%ebx\n\t"
			 "clc\n\t"
			 "ud2\n\t"
			 "setc %[carry]\n\t"
			 "mov %%r9, %[r9]\n\t"
			 "mov %%r12, %[r12]\n\t"
			 "mov %%rbx, %[rbx]"
			 : "=&d"(rdx), [r9] "=&S"(r9), [r12] "=&D"(r12), [rbx] "=&a"(rbx),
			 [carry] "=&c"(carry)
			 :
			 : "rbx", "r9", "r12", "cc");
	CHECK_EQ(rdx, 0xd0d0);
	CHECK_EQ(r9, 0x9090);
	CHECK_EQ(r12, 0x1212);
	CHECK_EQ(rbx, 0xb0b0);
	CHECK_EQ(carry, 1);
}

/* Flags that a program may not set are left as they were. */
static void tries_privileged_flags(int sig, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)sig;
	(void)info;
	r[REG_RIP] += 2;
	r[REG_EFL] |= 0x3000; /* IOPL 3 */
}

static void privileged_flags_are_not_set(void)
{
	uint64_t flags;

	handler_set(SIGILL, tries_privileged_flags, 0);
	__asm__ volatile("ud2\n\tpushfq\n\tpop %0" : "=r"(flags)::"memory");
	CHECK_EQ(flags & 0x3000, 0);
	CHECK_EQ(flags & 0x200, 0x200);
}

static void other_place(void)
{
	handled = 1234;
	_exit(handled == 1234 ? 44 : 1);
}

static void goes_elsewhere(int sig, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)sig;
	(void)info;
	r[REG_RSP] = (r[REG_RSP] - 4096) / 16 * 16 - 8;
	r[REG_RIP] = (greg_t)(uintptr_t)other_place;
}

static void child_is_sent_elsewhere(void)
{
	handler_set(SIGUSR1, goes_elsewhere, 0);
	raise(SIGUSR1);
}

static unsigned char xmm_seen[16];

static void spoils_vectors(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	(void)info;
	memcpy(xmm_seen, &uc->uc_mcontext.fpregs->_xmm[7], 16);
	uc->uc_mcontext.fpregs->_xmm[8].element[0] = 0xabcd;
	uc->uc_mcontext.gregs[REG_RIP] += 2;
	__asm__ volatile("pcmpeqd %%xmm7, %%xmm7\n\tpcmpeqd %%xmm8, %%xmm8\n\t"
			 "pcmpeqd %%xmm15, %%xmm15" ::
				 : "xmm7", "xmm8", "xmm15");
}

static void vectors(void)
{
	uint32_t in[3][4] = {{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}}, result[3][4];

	handler_set(SIGILL, spoils_vectors, 0);
	__asm__ volatile("movdqu 0(%[in]), %%xmm7\n\t"
			 "movdqu 16(%[in]), %%xmm8\n\t"
			 "movdqu 32(%[in]), %%xmm15\n\t"
			 "ud2\n\t"
			 "movdqu %%xmm7, 0(%[out])\n\t"
			 "movdqu %%xmm8, 16(%[out])\n\t"
			 "movdqu %%xmm15, 32(%[out])" ::[in] "r"(in),
			 [out] "r"(result)
			 : "xmm7", "xmm8", "xmm15", "memory");
	CHECK(memcmp(xmm_seen, in[0], 16) == 0);
	CHECK(memcmp(result[0], in[0], 16) == 0);
	CHECK(memcmp(result[2], in[2], 16) == 0);
	CHECK_EQ(result[1][0], 0xabcd);
	CHECK_EQ(result[1][1], 6);
}

__attribute__((target("avx"))) static void spoils_wide(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	(void)info;
	uc->uc_mcontext.gregs[REG_RIP] += 2;
	__asm__ volatile("vxorps %%ymm3, %%ymm3, %%ymm3\n\tvxorps %%ymm12, %%ymm12, %%ymm12" ::
				 : "xmm3", "xmm12");
}

__attribute__((target("avx"))) static void wide_vectors(void)
{
	uint32_t in[8] = {1, 2, 3, 4, 5, 6, 7, 8}, a[8], b[8];

	handler_set(SIGILL, spoils_wide, 0);
	__asm__ volatile("vmovdqu (%[in]), %%ymm3\n\t"
			 "vmovdqu (%[in]), %%ymm12\n\t"
			 "ud2\n\t"
			 "vmovdqu %%ymm3, (%[a])\n\t"
			 "vmovdqu %%ymm12, (%[b])\n\t"
			 "vzeroupper" ::[in] "r"(in),
			 [a] "r"(a), [b] "r"(b)
			 : "xmm3", "xmm12", "memory");
	CHECK(memcmp(a, in, 32) == 0);
	CHECK(memcmp(b, in, 32) == 0);
}

static void spoils_control_words(int sig, siginfo_t *info, void *context)
{
	unsigned int mxcsr = 0x1fa0;
	unsigned short word = 0x27f;

	(void)sig;
	(void)info;
	(void)context;
	__asm__ volatile("ldmxcsr %0\n\tfldcw %1" ::"m"(mxcsr), "m"(word));
	handled++;
}

static void control_words(void)
{
	unsigned int set = 0x9f80, after = 0, normal = 0x1f80;
	unsigned short word = 0x37f, word_after = 0;

	handler_set(SIGUSR1, spoils_control_words, 0);
	__asm__ volatile("ldmxcsr %0\n\tfldcw %1" ::"m"(set), "m"(word));
	raise(SIGUSR1);
	__asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(after), "=m"(word_after));
	__asm__ volatile("ldmxcsr %0" ::"m"(normal));
	CHECK_EQ(after & 0xffc0, set);
	CHECK_EQ(word_after, word);
}

static volatile uintptr_t handler_rsp;
static volatile int direction;

static void notes_stack(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	uint64_t flags;

	(void)sig;
	(void)info;
	__asm__ volatile("pushfq\n\tpop %0" : "=r"(flags)::"memory");
	direction = (int)(flags >> 10 & 1);
	handler_rsp = (uintptr_t)__builtin_frame_address(0);
	char block[4096];
	memset(block, 0xee, sizeof(block)); /* over whatever is below the frame */
	__asm__ volatile("" ::"r"(block) : "memory");
	uc->uc_mcontext.gregs[REG_RIP] += 2;
}

/* The 128 bytes below the stack pointer belong to the program; the handler starts with the
 * direction flag clear and a stack aligned as after a call. */
static void red_zone_and_direction(void)
{
	uint64_t value, low;

	handler_set(SIGILL, notes_stack, 0);
	__asm__ volatile("movq $0x5a5a5a5a, -8(%%rsp)\n\t"
			 "movq $0x6b6b6b6b, -128(%%rsp)\n\t"
			 "std\n\t"
			 "ud2\n\t"
			 "cld\n\t"
			 "mov -8(%%rsp), %0\n\t"
			 "mov -128(%%rsp), %1"
			 : "=r"(value), "=r"(low)::"memory", "cc");
	CHECK_EQ(value, 0x5a5a5a5a);
	CHECK_EQ(low, 0x6b6b6b6b);
	CHECK_EQ(direction, 0);
	CHECK_EQ(handler_rsp % 16, 0);
}

int main(void)
{
	test_start();
	registers_are_seen_and_kept();
	emulation();
	changes_take_effect();
	privileged_flags_are_not_set();
	CHECK_EQ(child_run(child_is_sent_elsewhere), EXITED(44));
	vectors();
	if (__builtin_cpu_supports("avx"))
		wide_vectors();
	else
		test_skip("ymm registers", "this processor has none");
	control_words();
	red_zone_and_direction();
	return test_done();
}
