/* getrusage(2): what a process has used. */
#ifndef LIBOS_PROCESSES_RUSAGE_H
#define LIBOS_PROCESSES_RUSAGE_H

#include <linux/time_types.h>
#include <linux/types.h>

#include "base/compiler.h"

struct process;
struct rusage;
struct thread;

/* CPU time used so far, ns. Process table locked. */
uint64_t process_cpu_ns(struct process *process);
uint64_t thread_cpu_ns(struct thread *thread); /* of the caller's own process */

/* @ns of @process's, or less, in its parts: what the host spent on its behalf is the system's. What
 * the LibOS spends counts as the program's own: to look at a clock at each call would cost more
 * than many a call. Process table locked. */
void rusage_split(
	struct process *process, uint64_t ns, uint64_t *ret_user_ns, uint64_t *ret_system_ns);

/* Keep what the calling process's address space has needed so far: it is about to go. */
void rusage_note_peak(struct process *process);
/* Process table locked: of the process with its threads; with the children it has waited for, too
 * (wait4). */
void rusage_of_process(struct process *process, struct rusage *ret_rusage);
void rusage_of_family(struct process *process, struct rusage *ret_rusage);
/* @child has been waited for: one that nobody waits for does not count. Process table locked. */
void rusage_add_child(struct process *process, struct process *child);

#endif
