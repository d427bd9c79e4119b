/* The machine state in a signal frame, as the x86-64 kernel lays it out (arch/x86 uapi
 * sigcontext.h, asm-generic ucontext.h): what a handler's third argument points to. */
#ifndef ABI_SIGNAL_CONTEXT_H
#define ABI_SIGNAL_CONTEXT_H

#include <stdint.h>

struct signal_context {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
	uint16_t cs, gs, fs, ss;
	uint64_t error, trap, old_mask, cr2;
	uint64_t vector_state; /* user address of the XSAVE area, 0 = none */
	uint64_t reserved[8];
};
_Static_assert(sizeof(struct signal_context) == 256, "ABI");

struct signal_ucontext {
	uint64_t flags;
	uint64_t link;
	uint64_t stack_base;
	int32_t stack_flags, pad;
	uint64_t stack_size;
	struct signal_context context;
	uint64_t mask;
};
_Static_assert(sizeof(struct signal_ucontext) == 304, "ABI");

#define SIGNAL_UC_FP_XSTATE 1
#define SIGNAL_UC_SIGCONTEXT_SS 2
#define SIGNAL_UC_STRICT_RESTORE_SS 4

#endif
