/* size_t user_copy(void *to, const void *from, size_t size), and atomics on a program's words. */

	.macro	FAULT_ENTRY from, to
	.pushsection .fault_table, "a"
	.balign	8
	.quad	\from, \to
	.popsection
	.endm

	.text
	.globl	user_copy
	.type	user_copy, @function
user_copy:
	movq	%rdx, %rcx
1:	rep movsb			/* on a fault %rcx is what is left */
2:	movq	%rcx, %rax
	ret
	FAULT_ENTRY 1b, 2b
	.size	user_copy, . - user_copy

	/* The fixup of all the word functions. */
	.type	word_fault, @function
word_fault:
	movl	$-14, %eax		/* -EFAULT */
	ret

	.globl	user_word_load		/* (word, ret) */
	.type	user_word_load, @function
user_word_load:
1:	movl	(%rdi), %eax
	movl	%eax, (%rsi)
	xorl	%eax, %eax
	ret
	FAULT_ENTRY 1b, word_fault

	.globl	user_word_compare_exchange	/* (word, expected, desired, ret) */
	.type	user_word_compare_exchange, @function
user_word_compare_exchange:
	movl	%esi, %eax
1:	lock cmpxchgl %edx, (%rdi)
	movl	%eax, (%rcx)
	xorl	%eax, %eax
	ret
	FAULT_ENTRY 1b, word_fault

	.globl	user_word_exchange	/* (word, value, ret) */
	.type	user_word_exchange, @function
user_word_exchange:
1:	xchgl	%esi, (%rdi)
	movl	%esi, (%rdx)
	xorl	%eax, %eax
	ret
	FAULT_ENTRY 1b, word_fault

	.globl	user_word_add		/* (word, value, ret) */
	.type	user_word_add, @function
user_word_add:
1:	lock xaddl %esi, (%rdi)
	movl	%esi, (%rdx)
	xorl	%eax, %eax
	ret
	FAULT_ENTRY 1b, word_fault

	.section .note.GNU-stack, "", @progbits
