/* What the platform hands up besides system calls. */
#include <asm/signal.h>

#include "libos/loader/text.h"
#include "libos/memory/mm.h"
#include "libos/processes/process.h"
#include "platform/upcalls.h"

#define TRAP_PAGE_FAULT 14
#define PAGE_FAULT_WRITE 2
#define PAGE_FAULT_FETCH 16

void libos_fault(struct thread *thread)
{
	struct fault *fault = &thread->fault;
	uint32_t access = VMA_READ;

	/* SIGBUS: the platform has no memory for a page that may be touched. */
	if (fault->trap == TRAP_PAGE_FAULT && fault->signo != SIGBUS && thread->process->mm) {
		if (fault->error & PAGE_FAULT_WRITE)
			access = VMA_WRITE;
		else if (fault->error & PAGE_FAULT_FETCH)
			access = VMA_EXEC;
		if (!mm_fault(thread->process->mm, fault->address, access, &fault->signo,
			    &fault->code))
			return;
	}
	signal_fault(thread);
}

void libos_exit_work(struct thread *thread)
{
	struct frame *f = &thread->block.frame;
	struct mm *mm = thread->process->mm;
	bool same = f->rcx == f->rip; /* after a call both say where it goes on */

	mm_shrink(mm);
	f->rip = text_pc_to_native(mm, f->rip);
	if (same)
		f->rcx = f->rip;
	signal_deliver(thread);
	f->rip = text_pc_from_native(thread->process->mm, f->rip);
}
