/* Host signals: the simulation's faults, interrupts and trapped system calls.
 *
 * A handler runs on the thread's signal stack and does the least possible: if program code was
 * interrupted it moves the registers to the thread's frame and returns *into the LibOS*, so that
 * the work is done in an ordinary context, with the program's vector state live in the processor.
 */
#include <asm/errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <asm/signal.h>
#include <asm-generic/siginfo.h>

#include "base/format.h"
#include "base/memory.h"
#include "libos/core/log.h"
#include "libos/core/user_copy.h"
#include "libos/processes/thread.h"
#include "abi/signal_context.h"
#include "platform/simulation/host_call.h"
#include "platform/simulation/offsets.h"
#include "platform/simulation/simulation.h"

#define HOST_SIGNAL_INTERRUPT SIGURG
#define TRAP_PROTECTION 13
#define CODE_SEGMENT_64 0x33
#define STACK_SEGMENT 0x2b
#define RFLAGS_TRAP 0x100UL

struct host_sigaction {
	void (*handler)(int signo, struct signal_info *info, struct signal_ucontext *context);
	uint64_t flags;
	void (*restorer)(void);
	uint64_t mask;
};

static bool is_in(uint64_t rip, const void *start, const void *end)
{
	return rip >= (uintptr_t)start && rip < (uintptr_t)end;
}

static void frame_save(struct frame *f, const struct signal_context *c)
{
	f->r15 = c->r15, f->r14 = c->r14, f->r13 = c->r13, f->r12 = c->r12;
	f->r11 = c->r11, f->r10 = c->r10, f->r9 = c->r9, f->r8 = c->r8;
	f->rbp = c->rbp, f->rbx = c->rbx, f->rax = c->rax, f->rcx = c->rcx;
	f->rdx = c->rdx, f->rsi = c->rsi, f->rdi = c->rdi, f->rsp = c->rsp;
	f->rip = c->rip, f->rflags = c->rflags & ~RFLAGS_TRAP;
	f->orig_rax = UINT64_MAX;
}

static void resume_at(struct signal_context *c, const struct thread *thread, void (*where)(void))
{
	c->rip = (uintptr_t)where;
	c->rsp = thread->block.stack_top;
	c->cs = CODE_SEGMENT_64;
	c->ss = STACK_SEGMENT;
	c->rflags &= ~(RFLAGS_TRAP | (uint64_t)RFLAGS_DIRECTION | RFLAGS_ALIGNMENT);
}

static void fault_save(struct thread *thread, int signo, const struct signal_info *info,
	const struct signal_context *c)
{
	thread->fault.signo = signo;
	thread->fault.code = info->code;
	thread->fault.address = info->fault.addr;
	thread->fault.trap = c->trap;
	thread->fault.error = c->error;
	thread->fault.cr2 = c->cr2;
}

static void on_trapped_syscall(
	struct thread *thread, const struct signal_info *info, struct signal_context *c)
{
	if (info->sys.arch != AUDIT_ARCH_X86_64) {
		thread->block.frame.rax = (uint64_t)-ENOSYS;
		resume_at(c, thread, return_to_program);
		return;
	}
	thread->block.frame.rax = (uint64_t)(int64_t)info->sys.syscall;
	thread->block.frame.orig_rax = thread->block.frame.rax;
	resume_at(c, thread, simulation_syscall_trap);
}

static void on_program(
	struct thread *thread, int signo, const struct signal_info *info, struct signal_context *c)
{
	frame_save(&thread->block.frame, c);
	if (c->cs != CODE_SEGMENT_64) {
		/* 32-bit code, which the LibOS does not run; `sysenter` comes back as such, too. */
		struct signal_info fault = {.signo = SIGSEGV, .code = SI_KERNEL};

		fault_save(thread, SIGSEGV, &fault, c);
		thread->fault.trap = TRAP_PROTECTION;
		resume_at(c, thread, simulation_fault_trap);
	} else if (signo == HOST_SIGNAL_INTERRUPT) {
		thread->block.pending = 1;
		resume_at(c, thread, return_to_program);
	} else if (signo == SIGSYS) {
		on_trapped_syscall(thread, info, c);
	} else {
		fault_save(thread, signo, info, c);
		resume_at(c, thread, simulation_fault_trap);
	}
}

static const struct fault_entry *fault_entry_find(uint64_t rip)
{
	for (const struct fault_entry *e = fault_table; e < fault_table_end; e++)
		if (e->instruction == rip)
			return e;
	return NULL;
}

static void panic_at(struct thread *thread, int signo, const struct signal_info *info,
	const struct signal_context *c)
{
	char text[256];

	format_string(text, sizeof(text),
		"signal %d code %d at %#lx (rsp %#lx, return %#lx) for %#lx, thread %d (%s), call "
		"%ld",
		signo, info->code, c->rip, c->rsp,
		c->rsp > PLATFORM_REGION_START && c->rsp < PLATFORM_REGION_END ? *(uint64_t *)c->rsp
									       : 0,
		info->fault.addr, thread->tid, thread->name, (long)thread->block.frame.orig_rax);
	platform_panic(text);
}

static void on_libos(
	struct thread *thread, int signo, const struct signal_info *info, struct signal_context *c)
{
	const struct fault_entry *entry;

	if (signo == HOST_SIGNAL_INTERRUPT) {
		thread->block.pending = 1;
		if (is_in(c->rip, host_interruptible_start, host_interruptible_syscall + 1))
			c->rip = (uintptr_t)host_interruptible_out;
		else if (is_in(c->rip, (void *)return_to_program, return_to_program_end))
			resume_at(c, thread, return_to_program);
		return;
	}
	if (signo == SIGTRAP && info->code == TRAP_TRACE) {
		/* A program that steps itself jumped here by its own means; it steps no further. */
		c->rflags &= ~RFLAGS_TRAP;
		return;
	}
	entry = signo == SIGSEGV || signo == SIGBUS ? fault_entry_find(c->rip) : NULL;
	if (entry) {
		c->rip = entry->fixup;
	} else if (is_in(c->rip, (void *)return_to_program, return_to_program_end)) {
		/* The program asked to go on at an address that the processor refuses. */
		fault_save(thread, signo, info, c);
		resume_at(c, thread, simulation_fault_trap);
	} else {
		panic_at(thread, signo, info, c);
	}
}

/* The kernel clears the direction flag for a handler, and leaves this one as the program had it. */
static void clear_alignment(void)
{
	__asm__ volatile("pushfq\n\tandl %0, (%%rsp)\n\tpopfq" ::"i"(~RFLAGS_ALIGNMENT)
			 : "memory", "cc");
}

/* A program may load %gs, or its base, which hits its next call, and would hit this handler if it
 * relied on it: the signal stack says whose it is. */
static struct thread *thread_of(const struct signal_ucontext *context)
{
	const struct stack_head *head =
		(const void *)(context->stack_base - offsetof(struct stack_head, signal_stack));

	return head->thread;
}

static void on_host_signal(int signo, struct signal_info *info, struct signal_ucontext *context)
{
	struct signal_context *c = &context->context;
	struct thread *thread = thread_of(context);

	clear_alignment();
	if (simulation_segment_restore(thread) && signo == SIGSEGV)
		return; /* on the way to the LibOS, most likely: again, now that it is right */
	if (c->rip >= PLATFORM_REGION_START && c->rip < PLATFORM_REGION_END)
		on_libos(thread, signo, info, c);
	else
		on_program(thread, signo, info, c);
}

void simulation_traps_init(void)
{
	static const int signals[] = {
		SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, HOST_SIGNAL_INTERRUPT};
	struct host_sigaction action = {on_host_signal,
		SA_SIGINFO | SA_ONSTACK | 0x04000000 /* SA_RESTORER */, host_signal_return,
		UINT64_MAX};

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (HOST_CALL(rt_sigaction, signals[i], &action, 0, 8, 0, 0))
			platform_panic("the host refused a signal handler");
}

/* Let through what comes from the page of host_syscall*; everything else traps. */
void simulation_filter_install(void)
{
	const uintptr_t start = (uintptr_t)host_syscall_start, end = (uintptr_t)host_syscall_end;
	const uint32_t ip = offsetof(struct seccomp_data, instruction_pointer);
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 6),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ip + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(start >> 32), 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ip),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)start, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)end, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
	};
	struct sock_fprog program = {ARRAY_SIZE(filter), filter};

	if (HOST_CALL(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0) ||
		HOST_CALL(seccomp, SECCOMP_SET_MODE_FILTER, 0, &program, 0, 0, 0))
		platform_panic("the host refused the system-call filter (seccomp)");
}
