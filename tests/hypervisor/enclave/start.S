/* Entered once for each thread, at CPL 0 in 64-bit mode on its own page tables. rdi, rsi, rdx, rcx: the host's words. */
	.section .text.start, "ax"
	.globl enclave_start
enclave_start:
	lgdt gdt_register(%rip)
	mov $16, %eax
	mov %eax, %ss
	push %rcx
	push %rdx
	push %rsi
	push %rdi
	call enclave_setup
	pop %rdi
	pop %rsi
	pop %rdx
	pop %rcx
1:	call enclave_serve
	mov %rax, %rdi
	xor %esi, %esi
	xor %edx, %edx
	xor %ecx, %ecx
	mov $1, %eax /* EC_EXIT */
	vmmcall
	jmp 1b

	.text
/* Each exception that the tests raise: skip its instruction, whose length stands in skip_length. */
	.macro gate vector, has_error
	.globl gate\vector
gate\vector:
	.if \has_error
	add $8, %rsp
	.endif
	movq $\vector, last_vector(%rip)
	push %rax
	mov skip_length(%rip), %rax
	add %rax, 8(%rsp)
	pop %rax
	iretq
	.endm
	gate 6, 0
	gate 13, 1
	gate 14, 1

/* A page that is not there yet (#PF with that error code): accepted, or not, and tried again. */
	.globl gate_missing
gate_missing:
	testl $0x8000, (%rsp)
	jz gate14
	push %rax
	push %rdi
	push %rsi
	cmpq $0, accepts_pages(%rip)
	je 1f
	mov %cr2, %rdi
	mov $1, %esi /* ENCLAVE_ACCEPT_NEW */
	mov $4, %eax /* EC_ACCEPT */
	vmmcall
	incq accepted_pages(%rip)
1:	pop %rsi
	pop %rdi
	pop %rax
	add $8, %rsp
	iretq

/* void enclave_raise_on(uint64_t stack): #UD, whose frame is pushed there. */
	.globl enclave_raise_on
enclave_raise_on:
	movq $0, last_vector(%rip)
	movq $2, skip_length(%rip)
	mov %rsp, %rdx
	mov %rdi, %rsp
	ud2
	mov %rdx, %rsp
	ret

/* uint64_t enclave_spin(uint64_t rounds): fills what an interrupt could lose, and looks. */
	.globl enclave_spin
enclave_spin:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	movabs $0x1122334455667788, %rax
	mov %rax, %rbx
	mov %rax, %rbp
	lea 8(%rax), %r8
	lea 9(%rax), %r9
	lea 10(%rax), %r10
	lea 11(%rax), %r11
	lea 12(%rax), %r12
	lea 13(%rax), %r13
	lea 14(%rax), %r14
	lea 15(%rax), %r15
	movq %rax, %xmm0
	movq %r15, %xmm15
1:	dec %rdi
	jnz 1b
	xor %ecx, %ecx
	cmp %rbx, %rax
	jne 2f
	cmp %rbp, %rax
	jne 2f
	lea 8(%rax), %rdx
	cmp %r8, %rdx
	jne 2f
	lea 11(%rax), %rdx
	cmp %r11, %rdx
	jne 2f
	lea 15(%rax), %rdx
	cmp %r15, %rdx
	jne 2f
	movq %xmm15, %rsi
	cmp %rsi, %rdx
	jne 2f
	movq %xmm0, %rsi
	cmp %rsi, %rax
	jne 2f
	inc %ecx
2:	mov %rcx, %rax
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

/* uint64_t enclave_spin_wide(uint64_t rounds): the same with the registers of AVX, which stay full. */
	.macro for_each_wide what
	.irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	\what \i
	.endr
	.endm
	.macro fill_wide i
	vpbroadcastq pattern + 8 * \i(%rip), %ymm\i
	.endm
	.macro check_wide i
	vmovdqu %ymm\i, (%rsp)
	.irp part, 0, 8, 16, 24
	mov pattern + 8 * \i(%rip), %rsi
	xor \part(%rsp), %rsi
	or %rsi, %rdx
	.endr
	.endm
	.globl enclave_spin_wide
enclave_spin_wide:
	for_each_wide fill_wide
1:	dec %rdi
	jnz 1b
	xor %edx, %edx
	sub $32, %rsp
	for_each_wide check_wide
	add $32, %rsp
	xor %eax, %eax
	test %rdx, %rdx
	sete %al
	ret

	.data
	.balign 8
pattern:
	.irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	.quad 0x5ec2e75ec2e70000 + \i
	.endr
	.globl last_vector, skip_length, accepts_pages, accepted_pages
last_vector:
	.quad 0
skip_length:
	.quad 0
accepts_pages:
	.quad 0
accepted_pages:
	.quad 0
gdt:
	.quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_register:
	.word 23
	.quad gdt
/* Four, of which the threads have one each (sign.py). */
	.section .stacks, "aw", @nobits
	.balign 4096
	.skip 4 * 8192
