#include <asm/errno.h>

#include "hypervisor/frames.h"
#include "hypervisor/hypercall.h"
#include "hypervisor/lock.h"
#include "hypervisor/nested.h"
#include "hypervisor/flush.h"
#include "hypervisor/stop.h"
#include "hypervisor/x86/amd/cpu.h"
#include "hypervisor/x86/amd/msr.h"
#include "hypervisor/x86/apic.h"
#include "hypervisor/x86/decode.h"
#include "hypervisor/x86/ports.h"
#include "hypervisor/x86/walk.h"

#define CPUID_LENGTH 2
#define VMMCALL_LENGTH 3

#define CPUID_EXTENDED 0x80000001
#define CPUID_SVM 0x8000000a
#define CPUID_1C_OSXSAVE (1U << 27)
#define CPUID_7C_OSPKE (1U << 4)

static void deny(struct cpu *cpu, enum exception exception)
{
	cpu->denied++;
	vmcb_raise(&cpu->linux_vmcb, exception);
}

/* As the processor has it, but for SVM, which is taken, and two bits that mirror the reader's CR4.
 */
static void handle_cpuid(struct cpu *cpu)
{
	struct vmcb *vmcb = &cpu->linux_vmcb;
	uint32_t leaf = (uint32_t)vmcb->rax;
	struct cpuid r = x86_cpuid(leaf, (uint32_t)cpu->registers.rcx);

	if (leaf == 1)
		r.c = (r.c & ~CPUID_1C_OSXSAVE) | (vmcb->cr4 & CR4_OSXSAVE ? CPUID_1C_OSXSAVE : 0);
	else if (leaf == 7 && !(uint32_t)cpu->registers.rcx)
		r.c = (r.c & ~CPUID_7C_OSPKE) | (vmcb->cr4 & CR4_PKE ? CPUID_7C_OSPKE : 0);
	else if (leaf == CPUID_EXTENDED)
		r.c &= ~4U;
	else if (leaf == CPUID_SVM)
		r = (struct cpuid){0};
	vmcb->rax = r.a;
	cpu->registers.rbx = r.b;
	cpu->registers.rcx = r.c;
	cpu->registers.rdx = r.d;
	vmcb_skip(vmcb, CPUID_LENGTH);
}

static uint32_t port_read(uint16_t port, unsigned int size)
{
	uint32_t value = 0;

	if (size == 1)
		__asm__ volatile("inb %1, %b0" : "+a"(value) : "Nd"(port));
	else if (size == 2)
		__asm__ volatile("inw %1, %w0" : "+a"(value) : "Nd"(port));
	else
		__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

/* APM volume 2, 15.10.2: exit_info1 describes the access, exit_info2 is where to go on. */
static void handle_port(struct cpu *cpu)
{
	struct vmcb *vmcb = &cpu->linux_vmcb;
	uint64_t info = vmcb->exit_info1;
	unsigned int size = info >> 4 & 7;
	uint16_t port = (uint16_t)(info >> 16);

	if (info & 4) { /* INS and OUTS to these ports: nobody does that */
		deny(cpu, EXCEPTION_GP);
		return;
	}
	if (info & 1) {
		uint32_t value = port_read(port, size);
		uint64_t mask = size == 4 ? UINT32_MAX : (1UL << 8 * size) - 1;

		vmcb->rax = size == 4 ? value : (vmcb->rax & ~mask) | (value & mask);
	} else {
		switch (ports_judge_write(port, (uint32_t)vmcb->rax, size)) {
		case PORT_DENIED:
			cpu->denied++;
			break; /* Linux goes on as if it had slept for no time */
		case PORT_RESETS:
			stop_wipe(); /* fall through */
		case PORT_ALLOWED:
			x86_out(port, (uint32_t)vmcb->rax, size);
		}
	}
	vmcb->rip = vmcb->exit_info2;
	vmcb->interrupt_shadow = 0;
}

static uint64_t *general_register(struct cpu *cpu, unsigned int number)
{
	struct registers *r = &cpu->registers;
	struct vmcb *vmcb = &cpu->linux_vmcb;
	uint64_t *const all[16] = {&vmcb->rax, &r->rcx, &r->rdx, &r->rbx, &vmcb->rsp, &r->rbp,
		&r->rsi, &r->rdi, &r->r8, &r->r9, &r->r10, &r->r11, &r->r12, &r->r13, &r->r14,
		&r->r15};

	return all[number];
}

/* The fault tells where the write goes, the instruction what is written. What is judged is what is
 * then written, whatever Linux does to the instruction meanwhile. */
static void handle_apic_write(struct cpu *cpu, uint32_t offset)
{
	struct vmcb *vmcb = &cpu->linux_vmcb;
	uint8_t code[DECODE_SIZE_MAX];
	size_t size = walk_read(vmcb->cr3, vmcb->cr4, vmcb->rip, code, sizeof(code));
	struct store store;
	uint32_t value, old;

	if (vmcb->cpl != 0 || !decode_store(code, size, &store)) {
		deny(cpu, EXCEPTION_GP);
		return;
	}
	value = store.is_immediate ? store.immediate : (uint32_t)*general_register(cpu, store.reg);
	if (!apic_may_write(offset, value)) {
		cpu->denied++; /* as an APIC drops what it can't send */
	} else {
		old = store.is_exchange ? apic_read(offset) : 0;
		apic_write(offset, value);
		if (store.is_exchange)
			*general_register(cpu, store.reg) = old;
	}
	vmcb_skip(vmcb, store.length);
}

static void handle_nested_fault(struct cpu *cpu)
{
	uint64_t address = cpu->linux_vmcb.exit_info2, error = cpu->linux_vmcb.exit_info1;
	uint64_t frame = address >> PAGE_SHIFT;
	int r = 0;

	if (frame == APIC_FRAME && error & NESTED_FAULT_WRITE && !(error & NESTED_FAULT_IN_TABLE)) {
		cpu->exits[HYPERVISOR_EXIT_APIC]++;
		handle_apic_write(cpu, (uint32_t)(address % PAGE_SIZE));
		return;
	}
	cpu->exits[HYPERVISOR_EXIT_NESTED]++;
	lock_take(&hypervisor_lock);
	if (frames_is_linux(frame) || !(error & (NESTED_FAULT_WRITE | NESTED_FAULT_FETCH)))
		r = nested_fill(address);
	else
		r = -EPERM;
	lock_drop(&hypervisor_lock);
	if (r < 0)
		deny(cpu, EXCEPTION_GP);
}

static void handle_vmmcall(struct cpu *cpu)
{
	struct vmcb *vmcb = &cpu->linux_vmcb;

	if (vmcb->cpl != 0) {
		deny(cpu, EXCEPTION_UD);
		return;
	}
	vmcb_skip(vmcb, VMMCALL_LENGTH);
	hypercall(cpu);
}

void linux_handle_exit(struct cpu *cpu)
{
	uint64_t code = cpu->linux_vmcb.exit_code;

	switch (code) {
	case EXIT_CPUID:
		cpu->exits[HYPERVISOR_EXIT_CPUID]++;
		handle_cpuid(cpu);
		break;
	case EXIT_MSR:
		cpu->exits[HYPERVISOR_EXIT_MSR]++;
		msr_handle_exit(cpu);
		break;
	case EXIT_IO:
		cpu->exits[HYPERVISOR_EXIT_PORT]++;
		handle_port(cpu);
		break;
	case EXIT_NESTED_FAULT:
		handle_nested_fault(cpu);
		break;
	case EXIT_VMMCALL:
		cpu->exits[HYPERVISOR_EXIT_CALL]++;
		handle_vmmcall(cpu);
		break;
	case EXIT_INIT:
		cpu->exits[HYPERVISOR_EXIT_OTHER]++;
		cpu->denied++;
		break;
	case EXIT_SHUTDOWN:
		stop(STOP_SHUTDOWN);
	case EXIT_INVLPGA:
	case EXIT_VMRUN:
	case EXIT_VMLOAD:
	case EXIT_VMSAVE:
	case EXIT_STGI:
	case EXIT_CLGI:
	case EXIT_SKINIT:
		cpu->exits[HYPERVISOR_EXIT_OTHER]++;
		deny(cpu, EXCEPTION_UD);
		break;
	default:
		stop(STOP_EXIT);
	}
}
