/* Changes of what a file shows, counted for those who poll it: /proc/PID/mounts. */
#ifndef LIBOS_FILES_CHANGES_H
#define LIBOS_FILES_CHANGES_H

#include <asm/poll.h>

#include "libos/core/wait.h"

struct changes {
	uint32_t count; /* atomic */
	struct wait_queue queue;
};

static inline void changes_tell(struct changes *changes)
{
	__atomic_add_fetch(&changes->count, 1, __ATOMIC_RELEASE);
	wait_wake(&changes->queue, POLLPRI | POLLERR);
}

#endif
