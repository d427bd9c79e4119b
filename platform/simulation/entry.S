/* The door between a program and the LibOS, in both directions. No stack of the program's is touched,
 * so its red zone is safe; %fs and the vector registers stay the program's.
 *
 * A host signal may arrive at any instruction here (trap.c): before `return_to_program` it only marks
 * pending work; from there on it starts the return over, which is harmless because everything is
 * read from the frame and nothing is changed until the final jump. */

#include "platform/simulation/offsets.h"

	.text

/* A patched site jumps here with %rcx = where to go on, as after a `syscall` instruction. */
	.globl	simulation_syscall_entry
	.type	simulation_syscall_entry, @function
simulation_syscall_entry:
	movq	%rsp, %gs:FRAME_RSP
	movq	%gs:BLOCK_STACK_TOP, %rsp
	movq	%rcx, %gs:FRAME_RIP
	movq	%rcx, %gs:FRAME_RCX
	pushfq
	popq	%rcx
	testl	$RFLAGS_ALIGNMENT | RFLAGS_DIRECTION, %ecx
	jnz	clear_flags	/* the LibOS reads words wherever they lie, and upwards */
flags_are_clear:
	movq	%rcx, %gs:FRAME_RFLAGS
	movq	%rcx, %gs:FRAME_R11
	movq	%rax, %gs:FRAME_RAX
	movq	%rax, %gs:FRAME_ORIG_RAX
	movq	%rdi, %gs:FRAME_RDI
	movq	%rsi, %gs:FRAME_RSI
	movq	%rdx, %gs:FRAME_RDX
	movq	%r10, %gs:FRAME_R10
	movq	%r8, %gs:FRAME_R8
	movq	%r9, %gs:FRAME_R9
	movq	%rbx, %gs:FRAME_RBX
	movq	%rbp, %gs:FRAME_RBP
	movq	%r12, %gs:FRAME_R12
	movq	%r13, %gs:FRAME_R13
	movq	%r14, %gs:FRAME_R14
	movq	%r15, %gs:FRAME_R15
	/* fall through */

/* The frame is complete (also by a trap of an unpatched site): serve the call. */
	.globl	simulation_syscall_trap
simulation_syscall_trap:
	movq	%gs:BLOCK_THREAD, %rdi
	xorl	%ebp, %ebp
	call	syscall_dispatch
	jmp	return_to_program

/* A fault or an interrupt of program code; the frame is complete, the stack empty. */
	.globl	simulation_fault_trap
simulation_fault_trap:
	movq	%gs:BLOCK_THREAD, %rdi
	xorl	%ebp, %ebp
	call	libos_fault
	/* fall through */

	.globl	return_to_program
	.type	return_to_program, @function
return_to_program:
	movq	%gs:BLOCK_STACK_TOP, %rsp
	cmpl	$0, %gs:BLOCK_PENDING
	jne	exit_work
	/* popfq takes longer than all that is loaded below. */
	movq	%gs:FRAME_RFLAGS, %rax
	testq	$RFLAGS_UNUSUAL, %rax
	jnz	restore_flags
	movl	%eax, %ecx
	shrl	$RFLAGS_OVERFLOW_BIT, %ecx
	addb	$0x7f, %cl		/* overflows if the bit was set */
	movb	%al, %ah
	sahf
flags_are_restored:
	movq	%gs:FRAME_R15, %r15
	movq	%gs:FRAME_R14, %r14
	movq	%gs:FRAME_R13, %r13
	movq	%gs:FRAME_R12, %r12
	movq	%gs:FRAME_RBP, %rbp
	movq	%gs:FRAME_RBX, %rbx
	movq	%gs:FRAME_R11, %r11
	movq	%gs:FRAME_R10, %r10
	movq	%gs:FRAME_R9, %r9
	movq	%gs:FRAME_R8, %r8
	movq	%gs:FRAME_RAX, %rax
	movq	%gs:FRAME_RCX, %rcx
	movq	%gs:FRAME_RDX, %rdx
	movq	%gs:FRAME_RSI, %rsi
	movq	%gs:FRAME_RDI, %rdi
	movq	%gs:FRAME_RSP, %rsp
	jmp	*%gs:FRAME_RIP
restore_flags:
	pushq	%rax
	popfq
	jmp	flags_are_restored
	.globl	return_to_program_end
return_to_program_end:
	nop

clear_flags:
	pushfq
	andl	$~(RFLAGS_ALIGNMENT | RFLAGS_DIRECTION), (%rsp)
	popfq
	jmp	flags_are_clear

exit_work:
	xorl	%eax, %eax		/* cleared first: what is asked for from here on sets it again */
	xchgl	%eax, %gs:BLOCK_PENDING
	movq	%gs:BLOCK_THREAD, %rdi
	xorl	%ebp, %ebp
	call	libos_exit_work
	jmp	return_to_program

/* Where a new host thread begins: %rsp is its kernel stack, %rbx its struct thread. */
	.globl	simulation_thread_begin
simulation_thread_begin:
	movq	%rbx, %rdi
	xorl	%ebp, %ebp
	andq	$-16, %rsp
	call	simulation_thread_main
	jmp	return_to_program

/* ---- The host's door: the only page with `syscall` instructions, and the only one from which the
 * filter lets a call through to the host kernel. */
	.section .text.host_syscall, "ax", @progbits
	.balign	4096
	.globl	host_syscall_start
host_syscall_start:

/* long host_syscall6(a, b, c, d, e, f, nr): nr is at 8(%rsp) */
	.globl	host_syscall6
	.type	host_syscall6, @function
host_syscall6:
	movq	8(%rsp), %rax
	movq	%rcx, %r10
	syscall
	ret

/* The same, but -EINTR at once if work is pending; a signal that arrives between the test and the
 * `syscall` makes trap.c move the instruction pointer to the way out. */
	.globl	host_syscall6_interruptible
	.type	host_syscall6_interruptible, @function
host_syscall6_interruptible:
	movq	8(%rsp), %rax
	movq	%rcx, %r10
	.globl	host_interruptible_start
host_interruptible_start:
	cmpl	$0, %gs:BLOCK_PENDING
	jne	host_interruptible_out
	.globl	host_interruptible_syscall
host_interruptible_syscall:
	syscall
	ret
	.globl	host_interruptible_out
host_interruptible_out:
	movq	$-4, %rax		/* -EINTR */
	ret

/* long host_clone(flags, stack, parent_tid, child_tid, thread): the child begins at
 * simulation_thread_begin. */
	.globl	host_clone
	.type	host_clone, @function
host_clone:
	pushq	%rbx
	movq	%r8, %rbx
	movq	%rcx, %r10
	xorl	%r8d, %r8d
	movl	$56, %eax
	syscall
	testq	%rax, %rax
	jz	simulation_thread_begin
	popq	%rbx
	ret

/* void host_thread_exit(uint32_t *done, int status): the stack may go as soon as *done is set. */
	.globl	host_thread_exit
	.type	host_thread_exit, @function
host_thread_exit:
	movl	$60, %eax
	movq	%rdi, %rdx
	movl	%esi, %edi
	movl	$1, (%rdx)
	syscall
	hlt

	.globl	host_signal_return
	.type	host_signal_return, @function
host_signal_return:
	movl	$15, %eax
	syscall
	hlt

	.globl	host_syscall_end
host_syscall_end:
	.balign	4096

	.section .note.GNU-stack, "", @progbits
