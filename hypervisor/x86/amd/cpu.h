/* What the hypervisor has of each processor: the stack it runs on, Linux's registers while it does,
 * and the control blocks. The layout of the first part is entry.S's too. */
#ifndef HYPERVISOR_X86_AMD_CPU_H
#define HYPERVISOR_X86_AMD_CPU_H

#include "abi/hypervisor.h"
#include "hypervisor/x86/amd/vmcb.h"
#include "hypervisor/x86/x86.h"

#define CPU_STACK_SIZE (4 * PAGE_SIZE)

/* The guest's general registers; rax and rsp are in its VMCB. */
struct registers {
	uint64_t rcx, rdx, rbx, rbp, rsi, rdi;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
};

/* What LEAVE gives a processor back in entry.S, in this order. */
struct cpu_return {
	uint64_t cr0, cr3, cr4, efer;
	uint64_t ds, es;
	uint64_t rax;
	uint64_t rip, cs, rflags, rsp, ss; /* as IRETQ takes them */
};

/* What a processor needs to come out of an enclave's thread: not in the thread's own frames, which
 * a wipe takes away below it. */
struct cpu_way_back {
	struct enclave *enclave;
	uint64_t vector_frame; /* of the thread */
	struct registers linux_registers;
	uint64_t linux_xcr0, linux_debug_control;
};

struct cpu {
	struct vmcb linux_vmcb; /* one frame each */
	uint8_t host_save[PAGE_SIZE];
	uint8_t vector_state[PAGE_SIZE]; /* Linux's, while an enclave runs */
	uint8_t guard[PAGE_SIZE];        /* not mapped */
	uint8_t stack[CPU_STACK_SIZE];

	struct registers registers; /* rsp points here between an exit and the next entry */
	uint64_t vmcb;              /* physical address of what runs next */
	uint64_t table;             /* CR3 */
	struct descriptor_table gdt, idt;
	uint8_t padding[12];
	struct cpu_return back;
	struct descriptor_table linux_gdt, linux_idt;
	uint8_t padding2[12];

	uint64_t linux_vmcb_address; /* physical */
	uint64_t host_save_address;
	uint64_t flushed;             /* flush.h */
	struct thread *thread;        /* of the enclave that runs; NULL: Linux does */
	struct cpu_way_back way_back; /* while one does */
	bool is_demoted;
	uint64_t exits[HYPERVISOR_EXIT_COUNT], denied;
} ALIGNED(PAGE_SIZE);
_Static_assert(sizeof(struct cpu) == 9 * PAGE_SIZE, "entry.S");

#define CPU_REGISTERS (4 * PAGE_SIZE + CPU_STACK_SIZE)
_Static_assert(offsetof(struct cpu, registers) == CPU_REGISTERS, "entry.S");
_Static_assert(offsetof(struct cpu, vmcb) == CPU_REGISTERS + 112, "entry.S");
_Static_assert(offsetof(struct cpu, table) == CPU_REGISTERS + 120, "entry.S");
_Static_assert(offsetof(struct cpu, gdt) == CPU_REGISTERS + 128, "entry.S");
_Static_assert(offsetof(struct cpu, idt) == CPU_REGISTERS + 138, "entry.S");
_Static_assert(offsetof(struct cpu, back) == CPU_REGISTERS + 160, "entry.S");
_Static_assert(offsetof(struct cpu, linux_gdt) == CPU_REGISTERS + 256, "entry.S");
_Static_assert(offsetof(struct cpu, linux_idt) == CPU_REGISTERS + 266, "entry.S");

uint32_t cpu_count(void);
struct cpu *cpu_at(uint32_t number);

/* hypervisor_init's part: where the processors' memory lies, and the frames it is in. */
void cpu_init(
	const struct hypervisor_boot *boot, void *cpus, const uint64_t *frames, uint64_t table);

/* What entry.S finds of its caller on the stack. */
struct cpu_caller {
	uint64_t r15, r14, r13, r12, rbp, rbx;
	uint64_t rip;
};

/* Can this processor be demoted? Then its control block is filled from what it is now, to go on in
 * @caller with a 0 in rax; from then on neither interrupts nor NMIs reach it. -ENODEV: no SVM with
 * nested paging, -EPERM: firmware forbids it, -EBUSY: something else uses it. */
int cpu_launch(uint32_t number, const struct cpu_caller *caller, struct cpu **ret_cpu);

/* After each exit, and back to the same or another guest. */
void cpu_handle_exit(struct registers *registers);

/* entry.S: give the processor back to Linux as it is in @cpu->back. */
NORETURN void cpu_leave(struct cpu *cpu);
NORETURN void cpu_exception(void);

/* An exit of Linux (linux.c), or of an enclave's thread (thread.c). */
void linux_handle_exit(struct cpu *cpu);

/* The event whose delivery an exit interrupted is delivered on the next entry, unless its
 * instruction will raise it again. Before anything else is done about an exit. */
void vmcb_redeliver(struct vmcb *vmcb);
/* Raise an exception in what runs on @vmcb. */
void vmcb_raise(struct vmcb *vmcb, enum exception exception);
/* Go past an instruction of @length bytes. */
void vmcb_skip(struct vmcb *vmcb, unsigned int length);

#endif
