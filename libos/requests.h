/* What the host asks of the running enclave through the mailbox (abi/mailbox.h): to run another
 * program, to send a signal, and, where it may look inside anyway, which processes there are.
 *
 * The mailbox is the host's memory: a request is copied once and the copy checked; nothing there is
 * read again, not even what was written. */
#ifndef LIBOS_REQUESTS_H
#define LIBOS_REQUESTS_H

#include "base/compiler.h"

struct config;
struct process;
struct thread;

/* @config: what the host may ask for; must outlive the enclave. */
void requests_init(const struct config *config);
/* The first program is about to run. */
void requests_started(void);
/* Do what has been asked for. @thread: the caller, the enclave's own, whose children are what
 * runs. */
void requests_serve(struct thread *thread);
/* The last thread of a process with an execution is about to end; nothing is locked. */
void execution_leave(struct process *process);
/* A process with an execution has ended. (process table locked) */
void execution_ended(struct process *process);

#endif
