#include <asm/errno.h>

#include "libos/files/async.h"
#include "libos/processes/seccomp.h"
#include "libos/processes/thread.h"
#include "libos/syscalls/syscall.h"
#include "libos/syscalls/trace.h"
#include "platform/upcalls.h"

#define HANDLER_FULL(name) sys_##name
#define HANDLER_PARTIAL(name) sys_##name
#define HANDLER_REFUSED(name) NULL
#define HANDLER_NONE(name) NULL
#define SYSCALL(nr, name, level, err, note)                                                        \
	[nr] = {#name, HANDLER_##level(name), err, SUPPORT_##level, note},
const struct syscall syscall_table[SYSCALL_NR_MAX] = {
#include "libos/syscalls/table.def"
};
#undef SYSCALL

static long call(struct thread *thread, uint64_t nr, const struct syscall_args *args)
{
	const struct syscall *entry;

	if (nr >= SYSCALL_NR_MAX)
		return -ENOSYS;
	entry = &syscall_table[nr];
	if (entry->handler)
		return entry->handler(thread, args);
	return entry->error ? -entry->error : -ENOSYS;
}

void syscall_dispatch(struct thread *thread)
{
	struct frame *f = &thread->block.frame;
	struct syscall_args args = {f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9};
	uint64_t nr = (uint32_t)f->orig_rax; /* as Linux: the lower half names the call */
	long result;

	/* All ones would say that this is no call. */
	f->orig_rax = nr;
	if (UNLIKELY(trace_enabled))
		trace_enter(thread, nr, &args);
	if (LIKELY(!thread->seccomp_mode) || seccomp_allows(thread, nr, &args, &result))
		result = call(thread, nr, &args);
	async_flush();
	/* Interrupted, perhaps by a signal that another thread has taken since: the way out must
	 * look, as no program may see these. */
	if (UNLIKELY(result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK))
		thread->block.pending = 1;
	/* rt_sigreturn and execve leave a new frame behind, with orig_rax saying so. */
	if (f->orig_rax != UINT64_MAX)
		f->rax = (uint64_t)result;
	if (UNLIKELY(trace_enabled))
		trace_leave(thread, nr, &args, result);
}
