/* The end: secrets are wiped, then the machine is reset, or stands still. */
#ifndef HYPERVISOR_STOP_H
#define HYPERVISOR_STOP_H

#include "base/compiler.h"

enum stop_reason {
	STOP_EXCEPTION, /* in the hypervisor: a bug of ours */
	STOP_EXIT,      /* an exit that nothing was to cause */
	STOP_INVARIANT, /* validate.c: a bug of ours, too */
	STOP_SHUTDOWN,  /* Linux lost its way for good (triple fault) */
};

/* Zero every enclave's memory and all keys, where they are. Takes no lock: what runs meanwhile sees
 * zeros and fails. After it, nothing can be created. */
void stop_wipe(void);
bool stop_is_wiped(void);
NORETURN void stop(enum stop_reason reason);

#endif
