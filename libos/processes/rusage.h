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

/* Keep what the calling process's address space has needed so far: it is about to go. */
void rusage_note_peak(struct process *process);
/* Of the process with its threads, and of its waited-for children (for wait4). Process table
 * locked. */
void rusage_of_process(struct process *process, struct rusage *ret_rusage);

#endif
