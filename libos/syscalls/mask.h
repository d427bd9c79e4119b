/* The signal mask that ppoll(2), pselect6(2) and epoll_pwait(2) take for the time of the call. */
#ifndef LIBOS_SYSCALLS_MASK_H
#define LIBOS_SYSCALLS_MASK_H

#include "libos/processes/thread.h"

/* Put the mask at @address (0: none) in place. -EINVAL wrong size, -EFAULT. */
MUST_CHECK int mask_begin(struct thread *thread, uint64_t address, uint64_t size);
/* The call ends with @result, which is returned. The mask goes back at once, unless a signal ended
 * the sleep: then on the way out, once the signal has been seen to. */
long mask_end(struct thread *thread, long result);

#endif
