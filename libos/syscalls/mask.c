#include "libos/syscalls/mask.h"

#include <asm/errno.h>
#include <asm/signal.h>

#include "libos/core/user.h"

int mask_begin(struct thread *thread, uint64_t address, uint64_t size)
{
	signal_set mask;

	if (!address)
		return 0;
	if (size != sizeof(mask))
		return -EINVAL;
	if (USER_GET(&mask, address))
		return -EFAULT;
	signal_mask_temporary(thread, mask & ~(SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP)));
	return 0;
}

long mask_end(struct thread *thread, long result)
{
	if (thread->signals.has_saved && result != -EINTR && result != -ERESTARTNOHAND)
		signal_mask_restore(thread);
	return result;
}
