/* getrusage(2): what a process has used. */
#ifndef LIBOS_PROCESSES_RUSAGE_H
#define LIBOS_PROCESSES_RUSAGE_H

#include <linux/time_types.h>
#include <linux/types.h>

struct process;
struct rusage;

/* Of the process with its threads, and of its waited-for children (for wait4). Process table
 * locked. */
void rusage_of_process(struct process *process, struct rusage *ret_rusage);

#endif
