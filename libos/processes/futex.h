/* futex(2): what the rest of the LibOS needs of it. */
#ifndef LIBOS_PROCESSES_FUTEX_H
#define LIBOS_PROCESSES_FUTEX_H

#include "base/compiler.h"

struct thread;

/* Wake one waiter on a program's word, as the end of a thread does. */
void futex_wake_address(struct thread *thread, uint64_t address);
/* The thread ends or executes another program: walk its robust list (set_robust_list(2)). */
void futex_exit_robust(struct thread *thread);

#endif
