#include "hypervisor/x86/amd/cpu.h"

#include <asm/errno.h>

#include "base/memory.h"
#include "hypervisor/flush.h"
#include "hypervisor/memory.h"
#include "hypervisor/nested.h"
#include "hypervisor/stop.h"
#include "hypervisor/thread.h"
#include "hypervisor/x86/amd/msr.h"
#include "hypervisor/x86/ports.h"

#define CPUID_SVM 0x8000000a
#define CPUID_EXTENDED 0x80000001
#define SVM_NESTED_PAGING (1U << 0)
#define SVM_NEXT_RIP (1U << 3)

#define ASID_LINUX 1
#define SELECTOR_CS 8
#define GATE_INTERRUPT 0x8e00UL

extern void exception_entry(void); /* entry.S */

struct gate {
	uint64_t low, high;
};

static const uint64_t gdt[2] = {0, 0x00209b0000000000}; /* none; 64-bit code, CPL 0 */
static struct gate idt[256];
static struct cpu *cpus;
static uint32_t count;
static bool has_next_rip;

uint32_t cpu_count(void)
{
	return count;
}

struct cpu *cpu_at(uint32_t number)
{
	return &cpus[number];
}

static void init_idt(void)
{
	uint64_t address = (uint64_t)exception_entry;

	for (size_t i = 0; i < ARRAY_SIZE(idt); i++) {
		idt[i].low = (address & 0xffff) | SELECTOR_CS << 16 | GATE_INTERRUPT << 32 |
			     (address >> 16 & 0xffff) << 48;
		idt[i].high = address >> 32;
	}
}

void cpu_init(
	const struct hypervisor_boot *boot, void *memory, const uint64_t *frames, uint64_t table)
{
	cpus = memory;
	count = boot->cpu_count;
	init_idt();
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t *first = frames + i * (sizeof(struct cpu) / PAGE_SIZE);
		struct cpu *cpu = &cpus[i];

		memset(cpu, 0, sizeof(*cpu));
		cpu->linux_vmcb_address = first[0] << PAGE_SHIFT;
		cpu->host_save_address = first[offsetof(struct cpu, host_save) / PAGE_SIZE]
					 << PAGE_SHIFT;
		cpu->vmcb = cpu->linux_vmcb_address;
		cpu->table = table;
		cpu->gdt = (struct descriptor_table){sizeof(gdt) - 1, (uint64_t)gdt};
		cpu->idt = (struct descriptor_table){sizeof(idt) - 1, (uint64_t)idt};
	}
}

static int check_processor(void)
{
	if (x86_cpuid(0x80000000, 0).a < CPUID_SVM || !(x86_cpuid(CPUID_EXTENDED, 0).c & 4))
		return -ENODEV;
	if (!(x86_cpuid(CPUID_SVM, 0).d & SVM_NESTED_PAGING))
		return -ENODEV;
	if (x86_rdmsr(MSR_VM_CR) & VM_CR_SVMDIS)
		return -EPERM;
	if (x86_rdmsr(MSR_EFER) & EFER_SVME)
		return -EBUSY;
	return 0;
}

/* What the processor remembers of a segment, from where it read it. Base and limit of data segments
 * mean nothing in 64-bit mode, and 32-bit programs' ones are flat. */
static struct vmcb_segment capture_segment(uint64_t selector)
{
	struct descriptor_table table = x86_sgdt();
	struct vmcb_segment segment = {.selector = (uint16_t)selector};
	uint64_t descriptor;

	if (!(selector & ~7UL) || selector & 4)
		return segment;
	descriptor = *(const uint64_t *)(table.base + (selector & ~7UL));
	segment.attributes = (uint16_t)((descriptor >> 40 & 0xff) | (descriptor >> 52 & 0xf) << 8);
	segment.limit = (uint32_t)((descriptor & 0xffff) | (descriptor >> 32 & 0xf0000));
	if (segment.attributes & 0x800)
		segment.limit = segment.limit << 12 | 0xfff;
	segment.base = (descriptor >> 16 & 0xffffff) | (descriptor >> 56 & 0xff) << 24;
	return segment;
}

static void capture_segments(struct vmcb *vmcb)
{
	struct descriptor_table table = x86_sgdt();

	vmcb->es = capture_segment(x86_read_es());
	vmcb->cs = capture_segment(x86_read_cs());
	vmcb->ss = capture_segment(x86_read_ss());
	vmcb->ds = capture_segment(x86_read_ds());
	vmcb->gdtr.limit = table.limit;
	vmcb->gdtr.base = table.base;
	table = x86_sidt();
	vmcb->idtr.limit = table.limit;
	vmcb->idtr.base = table.base;
}

static void capture_registers(struct vmcb *vmcb)
{
	vmcb->efer = x86_rdmsr(MSR_EFER);
	vmcb->cr0 = x86_read_cr0();
	vmcb->cr2 = x86_read_cr2();
	vmcb->cr3 = x86_read_cr3();
	vmcb->cr4 = x86_read_cr4();
	vmcb->dr6 = x86_read_dr6();
	vmcb->dr7 = x86_read_dr7();
	vmcb->pat = x86_rdmsr(MSR_PAT);
	vmcb->rflags = RFLAGS_FIXED;
}

/* Interrupts and exceptions stay Linux's own business: it pays for what could lead out of its cage.
 */
static void set_controls(struct vmcb *vmcb)
{
	vmcb->intercepts[0] = INTERCEPT_INIT | INTERCEPT_CPUID | INTERCEPT_INVLPGA | INTERCEPT_IO |
			      INTERCEPT_MSR | INTERCEPT_SHUTDOWN;
	vmcb->intercepts[1] = INTERCEPT_VMRUN | INTERCEPT_VMMCALL | INTERCEPT_VMLOAD |
			      INTERCEPT_VMSAVE | INTERCEPT_STGI | INTERCEPT_CLGI | INTERCEPT_SKINIT;
	vmcb->io_map = ports_linux_map();
	vmcb->msr_map = msr_linux_map();
	vmcb->asid = ASID_LINUX;
	vmcb->tlb_control = TLB_FLUSH_ALL;
	vmcb->nested_enable = 1;
	vmcb->nested_root = nested_root();
}

/* Our own addresses need no user's protection keys, no PCIDs and no global pages. */
static void set_host_state(void)
{
	uint64_t cr4 = x86_read_cr4();

	x86_write_cr4((cr4 & (CR4_MCE | CR4_LA57)) | CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT |
		      (cr4 & CR4_OSXSAVE));
}

/* What a function must keep for its caller; the rest is left without a value. */
static void return_to(struct cpu *cpu, const struct cpu_caller *caller)
{
	cpu->registers = (struct registers){
		.rbx = caller->rbx,
		.rbp = caller->rbp,
		.r12 = caller->r12,
		.r13 = caller->r13,
		.r14 = caller->r14,
		.r15 = caller->r15,
	};
	cpu->linux_vmcb.rip = caller->rip;
	cpu->linux_vmcb.rsp = (uint64_t)(caller + 1);
}

int cpu_launch(uint32_t number, const struct cpu_caller *caller, struct cpu **ret_cpu)
{
	int r = check_processor();
	struct cpu *cpu;

	if (r < 0)
		return r;
	if (number >= count || cpus[number].is_demoted)
		return -EINVAL;
	cpu = &cpus[number];
	has_next_rip = x86_cpuid(CPUID_SVM, 0).d & SVM_NEXT_RIP;
	x86_wrmsr(MSR_EFER, x86_rdmsr(MSR_EFER) | EFER_SVME);
	x86_wrmsr(MSR_VM_HSAVE_PA, cpu->host_save_address);
	memset(&cpu->linux_vmcb, 0, sizeof(cpu->linux_vmcb));
	svm_vmsave(cpu->linux_vmcb_address); /* FS, GS, LDTR, TR, and the MSRs that go with them */
	capture_segments(&cpu->linux_vmcb);
	capture_registers(&cpu->linux_vmcb);
	set_controls(&cpu->linux_vmcb);
	return_to(cpu, caller);
	memset(cpu->exits, 0, sizeof(cpu->exits));
	cpu->denied = 0;
	flush_notice(cpu);
	__atomic_store_n(&cpu->is_demoted, true, __ATOMIC_RELEASE);
	__asm__ volatile("clgi" : : : "memory");
	set_host_state();
	*ret_cpu = cpu;
	return 0;
}

/* INT n, INT3 and INTO, which raise their event themselves (APM volume 2, 15.7.2 and 15.20). */
static bool is_of_instruction(uint64_t event)
{
	uint64_t vector = event & EVENT_VECTOR;

	return (event & EVENT_TYPE) == EVENT_SOFTWARE ||
	       ((event & EVENT_TYPE) == EVENT_EXCEPTION && (vector == 3 || vector == 4));
}

void vmcb_redeliver(struct vmcb *vmcb)
{
	uint64_t event = vmcb->exit_event;

	vmcb->event = 0;
	if (!(event & EVENT_VALID) || is_of_instruction(event))
		return;
	/* QEMU calls interrupts and NMIs exceptions here, as which VMRUN would not take them: no
	 * exception has such a vector. */
	if ((event & EVENT_VECTOR) >= EXCEPTION_COUNT)
		event &= ~EVENT_TYPE;
	else if ((event & EVENT_VECTOR) == NMI_VECTOR)
		event = (event & ~EVENT_TYPE) | EVENT_NMI;
	vmcb->event = event;
}

void vmcb_raise(struct vmcb *vmcb, enum exception exception)
{
	vmcb->event = EVENT_VALID | EVENT_EXCEPTION | exception;
	if (exception == EXCEPTION_GP || exception == EXCEPTION_PF || exception == EXCEPTION_AC)
		vmcb->event |= EVENT_HAS_ERROR;
}

void vmcb_skip(struct vmcb *vmcb, unsigned int length)
{
	vmcb->rip = has_next_rip && vmcb->next_rip ? vmcb->next_rip : vmcb->rip + length;
	vmcb->interrupt_shadow = 0;
}

void cpu_handle_exit(struct registers *registers)
{
	struct cpu *cpu = CONTAINER_OF(registers, struct cpu, registers);

	struct vmcb *next;

	if (cpu->thread) {
		thread_handle_exit(cpu);
	} else {
		vmcb_redeliver(&cpu->linux_vmcb);
		cpu->linux_vmcb.tlb_control = TLB_KEEP;
		linux_handle_exit(cpu);
	}
	next = memory_at(cpu->vmcb >> PAGE_SHIFT);
	if (flush_notice(cpu))
		next->tlb_control = TLB_FLUSH_ALL;
}

void cpu_exception(void)
{
	stop(STOP_EXCEPTION);
}
