#include "hypervisor/thread.h"

#include <asm/errno.h>

#include "base/memory.h"
#include "hypervisor/defence.h"
#include "hypervisor/enclave.h"
#include "hypervisor/enclave_call.h"
#include "hypervisor/frames.h"
#include "hypervisor/lock.h"
#include "hypervisor/memory.h"
#include "hypervisor/page.h"
#include "hypervisor/stop.h"
#include "hypervisor/x86/amd/cpu.h"
#include "hypervisor/x86/amd/msr.h"
#include "hypervisor/x86/ports.h"

#define CR0_START 0x80010033UL /* PG, WP, NE, ET, MP, PE */
#define CR4_START (CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE)
#define DR6_RESET 0xffff0ff0UL
#define DR7_RESET 0x400UL
#define PAT_RESET 0x0007040600070406UL
#define MXCSR_OFFSET 24
#define MXCSR_RESET 0x1f80

#define SEGMENT_CODE 0xa9b /* 64-bit, present, executable */
#define SEGMENT_DATA 0xc93
#define SEGMENT_LDT 0x82
#define SEGMENT_TSS 0x8b

#define CPUID_LENGTH 2
#define MSR_LENGTH 2
#define VMMCALL_LENGTH 3
#define HLT_LENGTH 1

#define CPUID_XSAVE 0xd
#define CPUID_EXTENDED 0x80000001
#define CPUID_SVM 0x8000000a
#define EFER_SETTABLE (EFER_SCE | EFER_NXE | EFER_LME | EFER_LMA)

struct thread {
	bool is_busy; /* taken under hypervisor_lock, given back without */
	bool has_crashed;
	bool awaits_words; /* at its start, or in EC_EXIT */
	bool has_started;
	bool misses_page;
	uint64_t missing;     /* the page's offset */
	uint64_t cpuid_table; /* 0: it has none */
	uint32_t vmcb_frame, vector_frame;
	struct registers registers;
};
_Static_assert(sizeof(struct thread) <= PAGE_SIZE, "one frame");

static struct vmcb *thread_vmcb(const struct thread *thread)
{
	return memory_at(thread->vmcb_frame);
}

/* Of the thread that @cpu runs. */
static struct vmcb *running_vmcb(const struct cpu *cpu)
{
	return memory_at(cpu->vmcb >> PAGE_SHIFT);
}

/* ---- Life ---- */

int thread_check_xfrm(uint64_t xfrm)
{
	if (!(x86_read_cr4() & CR4_OSXSAVE) || x86_cpuid(CPUID_XSAVE, 0).c > PAGE_SIZE)
		return -ENODEV;
	if ((xfrm & SGX_XFRM_LEGACY) != SGX_XFRM_LEGACY || xfrm & ~x86_xgetbv())
		return -EINVAL;
	return 0;
}

uint32_t thread_table_levels(void)
{
	return x86_read_cr4() & CR4_LA57 ? 5 : 4;
}

static void set_controls(struct vmcb *vmcb, const struct enclave *enclave)
{
	vmcb->dr_reads = vmcb->dr_writes = UINT16_MAX;
	vmcb->exceptions =
		1U << EXCEPTION_DB | 1U << EXCEPTION_AC; /* they can be made to never end */
	vmcb->intercepts[0] = INTERCEPT_INTR | INTERCEPT_NMI | INTERCEPT_INIT | INTERCEPT_RDPMC |
			      INTERCEPT_CPUID | INTERCEPT_INVD | INTERCEPT_HLT | INTERCEPT_INVLPGA |
			      INTERCEPT_IO | INTERCEPT_MSR | INTERCEPT_TASK_SWITCH |
			      INTERCEPT_SHUTDOWN | INTERCEPT_RSM;
	vmcb->intercepts[1] = INTERCEPT_VMRUN | INTERCEPT_VMMCALL | INTERCEPT_VMLOAD |
			      INTERCEPT_VMSAVE | INTERCEPT_STGI | INTERCEPT_CLGI |
			      INTERCEPT_SKINIT | INTERCEPT_WBINVD | INTERCEPT_MONITOR |
			      INTERCEPT_MWAIT | INTERCEPT_XSETBV;
	vmcb->io_map = ports_enclave_map();
	vmcb->msr_map = msr_enclave_map();
	vmcb->asid = 1U + enclave->number;
	vmcb->interrupts = INTERRUPTS_VIRTUAL;
	vmcb->nested_enable = 1;
	vmcb->nested_root = (uint64_t)enclave->table.root << PAGE_SHIFT;
}

static void set_start(
	struct vmcb *vmcb, const struct enclave *enclave, const struct hypervisor_tcs *tcs)
{
	struct vmcb_segment data = {.attributes = SEGMENT_DATA, .limit = UINT32_MAX};

	vmcb->cs = (struct vmcb_segment){
		.selector = 8, .attributes = SEGMENT_CODE, .limit = UINT32_MAX};
	vmcb->ss = vmcb->ds = vmcb->es = vmcb->fs = vmcb->gs = data;
	vmcb->ldtr = (struct vmcb_segment){.attributes = SEGMENT_LDT};
	vmcb->tr = (struct vmcb_segment){.attributes = SEGMENT_TSS, .limit = 0x67};
	vmcb->cr0 = CR0_START;
	vmcb->cr3 = tcs->page_table;
	vmcb->cr4 = CR4_START;
	vmcb->efer = EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE | EFER_SVME;
	vmcb->dr6 = DR6_RESET;
	vmcb->dr7 = DR7_RESET;
	vmcb->pat = PAT_RESET;
	vmcb->rflags = RFLAGS_FIXED;
	vmcb->rip = enclave->base + tcs->entry_offset;
	vmcb->rsp = tcs->stack;
}

static int check_tcs(const struct enclave *enclave, const struct hypervisor_tcs *tcs)
{
	if (tcs->entry_offset >= enclave->size || tcs->page_table >= enclave->size ||
		!IS_ALIGNED(tcs->page_table, PAGE_SIZE) || tcs->cpuid_table >= enclave->size ||
		!IS_ALIGNED(tcs->cpuid_table, PAGE_SIZE))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(tcs->reserved); i++)
		if (tcs->reserved[i])
			return -EINVAL;
	return 0;
}

int thread_create(struct enclave *enclave, const struct hypervisor_tcs *tcs, uint32_t *ret_frame)
{
	struct frame owner = {.kind = FRAME_HYPERVISOR, .enclave = enclave->number};
	uint32_t frames[3], i;
	struct thread *thread;
	int r = check_tcs(enclave, tcs);

	for (i = 0; r == 0 && i < ARRAY_SIZE(frames); i++)
		r = frame_take(owner, &frames[i]);
	if (r < 0) {
		/* The last one was not got, if any was asked for. */
		while (i-- > 1)
			frame_release(frames[i - 1]);
		return r;
	}
	thread = memory_at(frames[0]);
	thread->vmcb_frame = frames[1];
	thread->vector_frame = frames[2];
	thread->awaits_words = true;
	thread->cpuid_table = tcs->cpuid_table;
	*(uint32_t *)((uint8_t *)memory_at(frames[2]) + MXCSR_OFFSET) = MXCSR_RESET;
	set_controls(thread_vmcb(thread), enclave);
	set_start(thread_vmcb(thread), enclave, tcs);
	*ret_frame = frames[0];
	return 0;
}

bool thread_is_busy(const struct thread *thread)
{
	return DEFENCE(__atomic_load_n(&thread->is_busy, __ATOMIC_ACQUIRE));
}

void thread_destroy(uint32_t frame)
{
	const struct thread *thread = memory_at(frame);
	uint32_t vmcb_frame = thread->vmcb_frame, vector_frame = thread->vector_frame;

	frame_release(vmcb_frame);
	frame_release(vector_frame);
	frame_release(frame);
}

/* ---- In ---- */

/* From one vector state to the other; XCR0 is what tells XSAVE how much there is. */
static void swap_vectors(void *save, const void *load, uint64_t xcr0)
{
	x86_xsave(save);
	if (xcr0 != x86_xgetbv())
		x86_xsetbv(xcr0);
	x86_xrstor(load);
}

static void take_words(struct thread *thread, const struct registers *from)
{
	thread->registers.rdi = from->rdx;
	thread->registers.rsi = from->r8;
	thread->registers.rdx = from->r9;
	thread->registers.rcx = from->r10;
	thread->awaits_words = false;
}

static void switch_in(struct cpu *cpu, struct thread *thread, struct enclave *enclave,
	uint64_t vmcb_frame, uint64_t vector_frame)
{
	cpu->way_back = (struct cpu_way_back){
		.enclave = enclave,
		.vector_frame = vector_frame,
		.linux_registers = cpu->registers,
		.linux_xcr0 = x86_xgetbv(),
		.linux_debug_control = x86_rdmsr(MSR_DEBUG_CONTROL),
	};
	if (thread->awaits_words)
		take_words(thread, &cpu->registers);
	cpu->registers = thread->registers;
	swap_vectors(cpu->vector_state, memory_at(vector_frame), enclave->attributes.xfrm);
	/* Neither branch records nor single steps of Linux's go on inside. */
	x86_wrmsr(MSR_DEBUG_CONTROL, 0);
	svm_vmsave(cpu->linux_vmcb_address);
	cpu->vmcb = vmcb_frame << PAGE_SHIFT;
	svm_vmload(cpu->vmcb);
	cpu->thread = thread;
}

/* Its own handler may accept the page that it misses, once there is one. But for an event that is
 * on its way to a handler there is no second one. */
static void tell_of_page(struct thread *thread, const struct enclave *enclave, struct vmcb *vmcb)
{
	if (thread->misses_page && !(vmcb->event & EVENT_VALID) &&
		page_is_pending(enclave, thread->missing)) {
		vmcb_raise(vmcb, EXCEPTION_PF);
		vmcb->event |= EVENT_ERROR(ENCLAVE_FAULT_MISSING);
		vmcb->cr2 = thread->missing;
	}
	thread->misses_page = false;
}

int64_t thread_enter(struct cpu *cpu, uint64_t number, uint64_t offset)
{
	struct enclave *enclave = enclave_find(number);
	struct thread *thread = enclave ? enclave_find_thread(enclave, offset) : NULL;
	uint64_t vmcb_frame, vector_frame;

	if (!thread)
		return -ENOENT;
	if (enclave->state != ENCLAVE_READY || enclave->attributes.xfrm & ~x86_xgetbv())
		return -EINVAL;
	if (thread_is_busy(thread))
		return -EBUSY;
	if (thread->has_crashed)
		return -EPIPE;
	/* A wipe waits for nobody: what was read before it began is whole. */
	vmcb_frame = __atomic_load_n(&thread->vmcb_frame, __ATOMIC_ACQUIRE);
	vector_frame = __atomic_load_n(&thread->vector_frame, __ATOMIC_ACQUIRE);
	if (stop_is_wiped())
		return -ESHUTDOWN;
	thread->is_busy = true;
	switch_in(cpu, thread, enclave, vmcb_frame, vector_frame);
	/* It may have run elsewhere meanwhile, and trusts that this processor forgot what it knew.
	 */
	running_vmcb(cpu)->tlb_control = TLB_FLUSH_ALL;
	tell_of_page(thread, enclave, running_vmcb(cpu));
	return 0;
}

/* ---- Out ---- */

static void switch_out(struct cpu *cpu, struct thread *thread)
{
	struct cpu_way_back *back = &cpu->way_back;
	void *vectors = memory_at(back->vector_frame);

	svm_vmsave(cpu->vmcb);
	svm_vmload(cpu->linux_vmcb_address);
	x86_wrmsr(MSR_DEBUG_CONTROL, back->linux_debug_control);
	swap_vectors(vectors, cpu->vector_state, back->linux_xcr0);
	memory_wipe(cpu->vector_state, sizeof(cpu->vector_state));
	thread->registers = cpu->registers;
	/* A wipe may have been here before all this was written; one that comes finds it. */
	if (stop_is_wiped()) {
		memory_wipe(running_vmcb(cpu), PAGE_SIZE);
		memory_wipe(vectors, PAGE_SIZE);
		memory_wipe(thread, PAGE_SIZE);
	}
	cpu->registers = back->linux_registers;
	memory_wipe(back, sizeof(*back));
	cpu->vmcb = cpu->linux_vmcb_address;
	cpu->thread = NULL;
	/* Whoever sees it clear sees all of the above. */
	__atomic_store_n(&thread->is_busy, false, __ATOMIC_RELEASE);
}

static void leave(struct cpu *cpu, int64_t reason)
{
	struct thread *thread = cpu->thread;

	thread->has_crashed = reason == HC_EXIT_CRASHED;
	switch_out(cpu, thread);
	cpu->linux_vmcb.rax = (uint64_t)reason;
}

/* EC_EXIT: the four words, and nothing else of the enclave's, are Linux's. */
static void leave_with_words(struct cpu *cpu)
{
	struct registers inside = cpu->registers;

	cpu->thread->awaits_words = true;
	leave(cpu, HC_EXIT_CALL);
	cpu->registers.rdx = inside.rdi;
	cpu->registers.r8 = inside.rsi;
	cpu->registers.r9 = inside.rdx;
	cpu->registers.r10 = inside.rcx;
}

/* Linux learns which page it is, may add it, and enters again: the same instruction is tried. */
static void handle_nested_fault(struct cpu *cpu, const struct vmcb *vmcb)
{
	uint64_t offset = ALIGN_DOWN(vmcb->exit_info2, PAGE_SIZE);
	bool may_come;

	lock_take(&hypervisor_lock);
	may_come = !(vmcb->exit_info1 & NESTED_FAULT_PRESENT) &&
		   page_may_come(cpu->way_back.enclave, offset);
	lock_drop(&hypervisor_lock);
	if (!may_come) {
		leave(cpu, HC_EXIT_CRASHED);
		return;
	}
	cpu->thread->misses_page = true;
	cpu->thread->missing = offset;
	leave(cpu, HC_EXIT_MISSING);
	cpu->registers.rdx = offset;
}

static void handle_call(struct cpu *cpu)
{
	struct vmcb *vmcb = running_vmcb(cpu);

	if (vmcb->cpl != 0) {
		vmcb_raise(vmcb, EXCEPTION_UD);
		return;
	}
	vmcb_skip(vmcb, VMMCALL_LENGTH);
	if (vmcb->rax == EC_EXIT) {
		vmcb->rax = 0;
		leave_with_words(cpu);
		return;
	}
	vmcb->rax = (uint64_t)enclave_call(
		cpu->way_back.enclave, vmcb->rax, cpu->registers.rdi, cpu->registers.rsi);
}

static struct enclave_cpuid processors_cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid r = x86_cpuid(leaf, subleaf);

	if (leaf == CPUID_EXTENDED)
		r.c &= ~4U;
	else if (leaf == CPUID_SVM)
		r = (struct cpuid){0};
	return (struct enclave_cpuid){.eax = r.a, .ebx = r.b, .ecx = r.c, .edx = r.d};
}

/* The processor's answer, or what was measured: Linux can't change either. */
static void handle_cpuid(struct cpu *cpu)
{
	struct vmcb *vmcb = running_vmcb(cpu);
	uint32_t leaf = (uint32_t)vmcb->rax, subleaf = (uint32_t)cpu->registers.rcx;
	uint64_t table = cpu->thread->cpuid_table;
	struct enclave_cpuid r;

	if (!table) {
		r = processors_cpuid(leaf, subleaf);
	} else if (!enclave_cpuid(cpu->way_back.enclave, table, leaf, subleaf, &r)) {
		leave(cpu, HC_EXIT_CRASHED);
		return;
	}
	vmcb->rax = r.eax;
	cpu->registers.rbx = r.ebx;
	cpu->registers.rcx = r.ecx;
	cpu->registers.rdx = r.edx;
	vmcb_skip(vmcb, CPUID_LENGTH);
}

static void handle_msr(struct cpu *cpu)
{
	struct vmcb *vmcb = running_vmcb(cpu);
	uint64_t value = (uint32_t)vmcb->rax | cpu->registers.rdx << 32;

	/* Of those that exit, EFER alone is an enclave's, and it can't leave 64-bit mode. */
	if ((uint32_t)cpu->registers.rcx != MSR_EFER ||
		((vmcb->exit_info1 & 1) && (value & ~EFER_SETTABLE || !(value & EFER_LMA)))) {
		vmcb_raise(vmcb, EXCEPTION_GP);
		return;
	}
	if (vmcb->exit_info1 & 1) {
		vmcb->efer = value | EFER_SVME;
	} else {
		vmcb->rax = (uint32_t)(vmcb->efer & ~EFER_SVME);
		cpu->registers.rdx = vmcb->efer >> 32;
	}
	vmcb_skip(vmcb, MSR_LENGTH);
}

static bool is_debug_register(uint64_t code)
{
	return code >= EXIT_DR_READ && code <= EXIT_DR_WRITE_LAST;
}

static void handle_event(struct cpu *cpu, struct vmcb *vmcb)
{
	uint64_t code = vmcb->exit_code;

	if (code == EXIT_CPUID)
		handle_cpuid(cpu);
	else if (code == EXIT_MSR)
		handle_msr(cpu);
	else if (code == EXIT_VMMCALL)
		handle_call(cpu);
	else if (code == EXIT_NESTED_FAULT)
		handle_nested_fault(cpu, vmcb);
	else if (code == EXIT_EXCEPTION + EXCEPTION_DB || code == EXIT_EXCEPTION + EXCEPTION_AC)
		vmcb_raise(vmcb, (enum exception)(code - EXIT_EXCEPTION));
	else if (code == EXIT_IO)
		vmcb_raise(vmcb, EXCEPTION_GP);
	else if (is_debug_register(code) || code == EXIT_INVD || code == EXIT_INVLPGA ||
		 (code >= EXIT_VMRUN && code <= EXIT_SKINIT) ||
		 (code >= EXIT_WBINVD && code <= EXIT_XSETBV) || code == EXIT_RDPMC)
		vmcb_raise(vmcb, EXCEPTION_UD);
	else
		leave(cpu, HC_EXIT_CRASHED);
}

void thread_handle_exit(struct cpu *cpu)
{
	struct vmcb *vmcb = running_vmcb(cpu);

	if (stop_is_wiped()) {
		leave(cpu, HC_EXIT_INTERRUPTED); /* who enters it again is told */
		return;
	}
	vmcb_redeliver(vmcb);
	vmcb->tlb_control = TLB_KEEP;
	switch (vmcb->exit_code) {
	case EXIT_HLT:
		vmcb_skip(vmcb, HLT_LENGTH); /* fall through */
	case EXIT_INTR:
	case EXIT_NMI:
	case EXIT_INIT:
		leave(cpu, HC_EXIT_INTERRUPTED);
		break;
	default:
		handle_event(cpu, vmcb);
	}
}
