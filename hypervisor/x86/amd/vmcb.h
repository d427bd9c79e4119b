/* The virtual machine control block (APM volume 2, appendix B) and what exits say (appendix C). */
#ifndef HYPERVISOR_X86_AMD_VMCB_H
#define HYPERVISOR_X86_AMD_VMCB_H

#include "base/compiler.h"

/* intercepts[0]: offset 00Ch */
#define INTERCEPT_INTR (1U << 0)
#define INTERCEPT_NMI (1U << 1)
#define INTERCEPT_SMI (1U << 2)
#define INTERCEPT_INIT (1U << 3)
#define INTERCEPT_RDPMC (1U << 15)
#define INTERCEPT_CPUID (1U << 18)
#define INTERCEPT_RSM (1U << 19)
#define INTERCEPT_INVD (1U << 22)
#define INTERCEPT_HLT (1U << 24)
#define INTERCEPT_INVLPGA (1U << 26)
#define INTERCEPT_IO (1U << 27)
#define INTERCEPT_MSR (1U << 28)
#define INTERCEPT_TASK_SWITCH (1U << 29)
#define INTERCEPT_SHUTDOWN (1U << 31)
/* intercepts[1]: offset 010h */
#define INTERCEPT_VMRUN (1U << 0)
#define INTERCEPT_VMMCALL (1U << 1)
#define INTERCEPT_VMLOAD (1U << 2)
#define INTERCEPT_VMSAVE (1U << 3)
#define INTERCEPT_STGI (1U << 4)
#define INTERCEPT_CLGI (1U << 5)
#define INTERCEPT_SKINIT (1U << 6)
#define INTERCEPT_WBINVD (1U << 9)
#define INTERCEPT_MONITOR (1U << 10)
#define INTERCEPT_MWAIT (1U << 11)
#define INTERCEPT_XSETBV (1U << 13)

#define EXIT_DR_READ 0x20
#define EXIT_DR_WRITE_LAST 0x3f
#define EXIT_EXCEPTION 0x40
#define EXIT_INTR 0x60
#define EXIT_NMI 0x61
#define EXIT_INIT 0x63
#define EXIT_RDPMC 0x6f
#define EXIT_CPUID 0x72
#define EXIT_INVD 0x76
#define EXIT_HLT 0x78
#define EXIT_INVLPGA 0x7a
#define EXIT_IO 0x7b
#define EXIT_MSR 0x7c
#define EXIT_SHUTDOWN 0x7f
#define EXIT_VMRUN 0x80
#define EXIT_VMMCALL 0x81
#define EXIT_VMLOAD 0x82
#define EXIT_VMSAVE 0x83
#define EXIT_STGI 0x84
#define EXIT_CLGI 0x85
#define EXIT_SKINIT 0x86
#define EXIT_WBINVD 0x89
#define EXIT_XSETBV 0x8d
#define EXIT_NESTED_FAULT 0x400

#define NESTED_FAULT_PRESENT (1UL << 0)
#define NESTED_FAULT_WRITE (1UL << 1)
#define NESTED_FAULT_FETCH (1UL << 4)
#define NESTED_FAULT_IN_TABLE (1UL << 33)

#define TLB_KEEP 0
#define TLB_FLUSH_ALL 1

#define EVENT_VALID (1UL << 31)
#define EVENT_HAS_ERROR (1UL << 11)
#define EVENT_TYPE (7UL << 8)
#define EVENT_NMI (2UL << 8)
#define EVENT_EXCEPTION (3UL << 8)
#define EVENT_SOFTWARE (4UL << 8)
#define EVENT_VECTOR 0xffUL
#define EVENT_ERROR(code) ((uint64_t)(code) << 32)

#define INTERRUPTS_VIRTUAL (1UL << 24) /* V_INTR_MASKING */

struct vmcb_segment {
	uint16_t selector;
	uint16_t attributes;
	uint32_t limit;
	uint64_t base;
};

struct vmcb {
	uint16_t cr_reads, cr_writes;
	uint16_t dr_reads, dr_writes;
	uint32_t exceptions;
	uint32_t intercepts[3];
	uint8_t reserved1[0x40 - 0x18];
	uint64_t io_map;
	uint64_t msr_map;
	uint64_t tsc_offset;
	uint32_t asid;
	uint8_t tlb_control;
	uint8_t reserved2[3];
	uint64_t interrupts;
	uint64_t interrupt_shadow;
	uint64_t exit_code;
	uint64_t exit_info1;
	uint64_t exit_info2;
	uint64_t exit_event;
	uint64_t nested_enable;
	uint8_t reserved3[0xa8 - 0x98];
	uint64_t event;
	uint64_t nested_root;
	uint64_t lbr_enable;
	uint64_t clean;
	uint64_t next_rip;
	uint8_t reserved4[0x400 - 0xd0];

	struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	uint8_t reserved5[0x4cb - 0x4a0];
	uint8_t cpl;
	uint32_t reserved6;
	uint64_t efer;
	uint8_t reserved7[0x548 - 0x4d8];
	uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
	uint8_t reserved8[0x5d8 - 0x580];
	uint64_t rsp;
	uint64_t s_cet, ssp, isst;
	uint64_t rax;
	uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
	uint64_t cr2;
	uint8_t reserved9[0x668 - 0x648];
	uint64_t pat;
	uint64_t debug_control;
	uint64_t branch_from, branch_to, exception_from, exception_to;
	uint8_t reserved10[0x1000 - 0x698];
};
_Static_assert(offsetof(struct vmcb, io_map) == 0x40, "APM");
_Static_assert(offsetof(struct vmcb, exit_code) == 0x70, "APM");
_Static_assert(offsetof(struct vmcb, event) == 0xa8, "APM");
_Static_assert(offsetof(struct vmcb, next_rip) == 0xc8, "APM");
_Static_assert(offsetof(struct vmcb, es) == 0x400, "APM");
_Static_assert(offsetof(struct vmcb, cpl) == 0x4cb, "APM");
_Static_assert(offsetof(struct vmcb, efer) == 0x4d0, "APM");
_Static_assert(offsetof(struct vmcb, cr4) == 0x548, "APM");
_Static_assert(offsetof(struct vmcb, rsp) == 0x5d8, "APM");
_Static_assert(offsetof(struct vmcb, rax) == 0x5f8, "APM");
_Static_assert(offsetof(struct vmcb, pat) == 0x668, "APM");
_Static_assert(sizeof(struct vmcb) == PAGE_SIZE, "APM");

static inline void svm_vmsave(uint64_t vmcb)
{
	__asm__ volatile("vmsave %%rax" : : "a"(vmcb) : "memory");
}

static inline void svm_vmload(uint64_t vmcb)
{
	__asm__ volatile("vmload %%rax" : : "a"(vmcb) : "memory");
}

#endif
