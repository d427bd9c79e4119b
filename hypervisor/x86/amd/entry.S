/* The image's first bytes, and the ways between Linux, hypervisor and enclaves. Offsets: cpu.h. */
#define REGISTERS 0x8000
#define VMCB 112
#define TABLE 120
#define GDT 128
#define IDT 138
#define BACK (REGISTERS + 160)
#define LINUX_GDT (REGISTERS + 256)
#define LINUX_IDT (REGISTERS + 266)
#define CS 8
#define EFER 0xc0000080

	.section .header, "ax"
header:
	.quad 0x6574616d65736163
	.long 1
	.long image_text_end - header
	.long image_rodata_end - header
	.long image_file_end - header
	.long image_end - header
	.long 9 * 4096
	.long hypervisor_init - header
	.long enter - header

	.text
/* int enter(uint32_t cpu): on Linux's stack, interrupts off. An error is returned here; success is the
 * demoted Linux's, for which this code is out of reach: it goes on where it called us. */
	.globl enter
enter:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	sub $8, %rsp
	mov %rsp, %rdx /* where the pointer to struct cpu is put */
	lea 8(%rsp), %rsi
	call cpu_launch /* from its success on, the global interrupt flag is clear */
	test %eax, %eax
	jnz refused
	/* Nothing fails any more. */
	mov (%rsp), %rbx
	lea REGISTERS(%rbx), %rsp
	mov TABLE(%rsp), %rax
	mov %rax, %cr3
	lgdt GDT(%rsp)
	lidt IDT(%rsp)
	xor %eax, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	push $CS
	lea run(%rip), %rax
	push %rax
	lretq
refused:
	add $8, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

/* rsp = &cpu->registers. The interrupt flag stays set for ever: with the global one clear it only says
 * that interrupts may end an enclave's turn. */
run:
	sti
1:	mov 0(%rsp), %rcx
	mov 8(%rsp), %rdx
	mov 16(%rsp), %rbx
	mov 24(%rsp), %rbp
	mov 32(%rsp), %rsi
	mov 40(%rsp), %rdi
	mov 48(%rsp), %r8
	mov 56(%rsp), %r9
	mov 64(%rsp), %r10
	mov 72(%rsp), %r11
	mov 80(%rsp), %r12
	mov 88(%rsp), %r13
	mov 96(%rsp), %r14
	mov 104(%rsp), %r15
	mov VMCB(%rsp), %rax
	vmrun %rax
	mov %rcx, 0(%rsp)
	mov %rdx, 8(%rsp)
	mov %rbx, 16(%rsp)
	mov %rbp, 24(%rsp)
	mov %rsi, 32(%rsp)
	mov %rdi, 40(%rsp)
	mov %r8, 48(%rsp)
	mov %r9, 56(%rsp)
	mov %r10, 64(%rsp)
	mov %r11, 72(%rsp)
	mov %r12, 80(%rsp)
	mov %r13, 88(%rsp)
	mov %r14, 96(%rsp)
	mov %r15, 104(%rsp)
	mov %rsp, %rdi
	call cpu_handle_exit
	jmp 1b

/* void cpu_leave(struct cpu *): Linux maps this code and @cpu where we do. CR4.PCIDE may be set only
 * while CR3's low 12 bits are clear (APM volume 2, 5.5.1). */
	.globl cpu_leave
cpu_leave:
	cli
	mov BACK+8(%rdi), %rax
	mov %rax, %rcx
	and $~0xfff, %rcx
	mov %rcx, %cr3
	mov BACK+16(%rdi), %rcx
	mov %rcx, %cr4
	mov %rax, %cr3
	mov BACK+0(%rdi), %rax
	mov %rax, %cr0
	lgdt LINUX_GDT(%rdi)
	lidt LINUX_IDT(%rdi)
	mov BACK+32(%rdi), %rax
	mov %eax, %ds
	mov BACK+40(%rdi), %rax
	mov %eax, %es
	stgi /* interrupts are still off; an NMI is Linux's now */
	mov $EFER, %ecx
	mov BACK+24(%rdi), %eax
	mov BACK+28(%rdi), %edx
	wrmsr
	lea BACK+48(%rdi), %rsp
	lea REGISTERS(%rdi), %rax
	mov 0(%rax), %rcx
	mov 8(%rax), %rdx
	mov 16(%rax), %rbx
	mov 24(%rax), %rbp
	mov 32(%rax), %rsi
	mov 40(%rax), %rdi
	mov 48(%rax), %r8
	mov 56(%rax), %r9
	mov 64(%rax), %r10
	mov 72(%rax), %r11
	mov 80(%rax), %r12
	mov 88(%rax), %r13
	mov 96(%rax), %r14
	mov 104(%rax), %r15
	pop %rax
	iretq

/* Every exception of the hypervisor itself is a bug of ours, and the end of this machine's session. */
	.globl exception_entry
	.balign 16
exception_entry:
	cld
	and $~15, %rsp
	call cpu_exception
