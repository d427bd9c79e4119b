#include "hypervisor/hypercall.h"

#include <asm/errno.h>

#include "abi/hypervisor.h"
#include "base/memory.h"
#include "hypervisor/defence.h"
#include "hypervisor/enclave.h"
#include "hypervisor/flush.h"
#include "hypervisor/frames.h"
#include "hypervisor/key.h"
#include "hypervisor/linux_memory.h"
#include "hypervisor/lock.h"
#include "hypervisor/memory.h"
#include "hypervisor/nested.h"
#include "hypervisor/page.h"
#include "hypervisor/stop.h"
#include "hypervisor/thread.h"
#include "hypervisor/validate.h"
#include "hypervisor/window.h"
#include "hypervisor/x86/amd/cpu.h"
#include "hypervisor/x86/amd/iommu.h"

static uint32_t demoted_count(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < cpu_count(); i++)
		n += cpu_at(i)->is_demoted;
	return n;
}

/* A frame of Linux's memory, by its address. */
static int list_frame(uint64_t address, uint64_t **ret_list)
{
	uint64_t frame = address >> PAGE_SHIFT;

	if (!IS_ALIGNED(address, PAGE_SIZE) || !frames_is_memory(frame))
		return -EFAULT;
	*ret_list = memory_at(frame);
	return 0;
}

/* Neither processors nor devices remember what Linux has given away. */
static void settle(void)
{
	if (frames_counts().incoming && flush_is_complete() && iommu_flush())
		frames_settle();
}

/* The list lies in memory that Linux can change: each number is read once. */
static int64_t donate(uint64_t address, uint64_t count)
{
	uint64_t *list, done = 0;
	int r = list_frame(address, &list);

	if (r < 0)
		return r;
	if (!iommu_is_started())
		return -EAGAIN;
	while (done < MIN(count, HC_LIST_COUNT_MAX)) {
		uint64_t frame = __atomic_load_n(&list[done], __ATOMIC_RELAXED);

		/* Nor the list's own frame, which is read on. */
		if (frame == address >> PAGE_SHIFT || DEFENCE(!frames_is_only(frame)))
			break;
		nested_forget(frame);
		iommu_forget(frame);
		if (frame_donate(frame) < 0)
			break; /* it was looked at: never */
		done++;
	}
	flush_request();
	return (int64_t)done;
}

static int64_t reclaim(uint64_t address, uint64_t max)
{
	uint64_t *list;
	int64_t count = 0;
	int r = list_frame(address, &list);
	uint32_t frame;

	if (r < 0)
		return r;
	settle();
	while ((uint64_t)count < MIN(max, HC_LIST_COUNT_MAX) && frame_return(&frame) == 0) {
		nested_forget(frame);
		iommu_allow(frame);
		list[count++] = frame;
	}
	flush_request();
	return count;
}

static int64_t status(const struct cpu *cpu, uint64_t address)
{
	struct frame_counts counts = frames_counts();
	struct hypervisor_status s = {
		.abi = HYPERVISOR_ABI,
		.cpu_count = demoted_count(),
		.enclave_count = enclave_count(),
		.flags = (stop_is_wiped() ? HYPERVISOR_STATUS_WIPED : 0) |
			 (iommu_is_on() ? HYPERVISOR_STATUS_IOMMU : 0) |
			 (key_is_given() ? HYPERVISOR_STATUS_ROOT_KEY : 0),
		.frames_free = counts.free,
		.frames_incoming = counts.incoming,
		.frames_enclave = counts.enclave,
		.denied = cpu->denied,
	};

	memcpy(s.exits, cpu->exits, sizeof(s.exits));
	return linux_memory_write(address, &s, sizeof(s));
}

static int64_t leave(struct cpu *cpu)
{
	struct vmcb *vmcb = &cpu->linux_vmcb;

	if (enclave_count() && !stop_is_wiped())
		return -EBUSY;
	/* From the first processor on, nothing here is safe from Linux any more. */
	stop_wipe();
	iommu_stop();
	cpu->back = (struct cpu_return){
		.cr0 = vmcb->cr0,
		.cr3 = vmcb->cr3,
		.cr4 = vmcb->cr4,
		.efer = vmcb->efer & ~EFER_SVME,
		.ds = vmcb->ds.selector,
		.es = vmcb->es.selector,
		.rax = 0,
		.rip = vmcb->rip,
		.cs = vmcb->cs.selector,
		.rflags = vmcb->rflags,
		.rsp = vmcb->rsp,
		.ss = vmcb->ss.selector,
	};
	cpu->linux_gdt = (struct descriptor_table){(uint16_t)vmcb->gdtr.limit, vmcb->gdtr.base};
	cpu->linux_idt = (struct descriptor_table){(uint16_t)vmcb->idtr.limit, vmcb->idtr.base};
	__atomic_store_n(&cpu->is_demoted, false, __ATOMIC_RELEASE);
	lock_drop(&hypervisor_lock);
	/* FS, GS, TR, LDTR and their MSRs are Linux's all the time (thread.c puts them back). */
	x86_wrmsr(MSR_VM_HSAVE_PA, 0);
	cpu_leave(cpu);
}

/* What the wipe took can't be used again: not the keys, and not what stood in the enclaves' frames.
 */
static bool is_of_enclaves(uint64_t number)
{
	return number >= HC_ENCLAVE_CREATE && number <= HC_WINDOW_UNMAP;
}

static int64_t dispatch(struct cpu *cpu, uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
	switch (number) {
	case HC_LEAVE:
		return leave(cpu);
	case HC_FLUSH:
		return 0; /* every exit does it */
	case HC_DONATE:
		return donate(a, b);
	case HC_RECLAIM:
		return reclaim(a, b);
	case HC_STATUS:
		settle();
		return status(cpu, a);
	case HC_START:
		return iommu_start();
	case HC_ENCLAVE_CREATE:
		settle();
		return enclave_create(a);
	case HC_ENCLAVE_ADD:
		settle();
		return enclave_add(a);
	case HC_ENCLAVE_INIT:
		return enclave_init(a, b);
	case HC_ENCLAVE_DESTROY:
		return enclave_destroy(a);
	case HC_ENCLAVE_AUGMENT:
		settle();
		return page_augment(a, b);
	case HC_ENCLAVE_TRIM:
		return page_trim(a, b);
	case HC_ENCLAVE_REMOVE:
		return page_remove(a, b);
	case HC_WINDOW_MAP:
		settle();
		return window_map(a, b, c);
	case HC_WINDOW_UNMAP:
		return window_unmap(a, b);
	}
	return -ENOSYS;
}

void hypercall(struct cpu *cpu)
{
	struct vmcb *vmcb = &cpu->linux_vmcb;
	uint64_t number = vmcb->rax;
	int64_t r;

	if (number == HC_WIPE) {
		stop_wipe();
		vmcb->rax = 0;
		return;
	}
	lock_take(&hypervisor_lock);
	if (stop_is_wiped() && is_of_enclaves(number))
		r = -ESHUTDOWN;
	else if (number == HC_ENCLAVE_ENTER)
		r = thread_enter(cpu, cpu->registers.rdi, cpu->registers.rsi);
	else
		r = dispatch(
			cpu, number, cpu->registers.rdi, cpu->registers.rsi, cpu->registers.rdx);
	if (number != HC_ENCLAVE_ENTER && number != HC_FLUSH)
		validate();
	lock_drop(&hypervisor_lock);
	vmcb->rax = (uint64_t)r; /* of an enclave that was entered: when it is left */
}
