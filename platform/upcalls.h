/* What a back end calls in the LibOS. Everything else that a back end may use of it is libos/core/
 * and struct thread: it knows nothing of programs. */
#ifndef PLATFORM_UPCALLS_H
#define PLATFORM_UPCALLS_H

#include "abi/launch.h"

struct thread;

/* On the platform's boot stack: makes process 1, opens the image, applies the configuration and
 * loads the first program; the caller then returns to the program. @launch is the platform's
 * checked copy; its strings are still to be checked. Does not return on failure. */
void libos_boot(const struct launch *launch);

/* The program called the system: its frame is complete, orig_rax the number. The result goes into
 * the frame. */
void syscall_dispatch(struct thread *thread);

/* The program faulted: thread->fault says how. Afterwards it goes on where its frame says. */
void libos_fault(struct thread *thread);

/* thread->block.pending was seen on the way back to the program, and has been cleared. */
void libos_exit_work(struct thread *thread);

#endif
