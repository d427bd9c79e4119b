/* `run --stats`: how often each system call was made, failed, and how long it took by the clock; as
 * `strace -c -w` prints it. */
#ifndef LIBOS_SYSCALLS_TRACE_STATS_H
#define LIBOS_SYSCALLS_TRACE_STATS_H

#include "base/compiler.h"

/* A call has returned. Numbers that are no call's count as one. */
void trace_stats_add(uint64_t nr, bool has_failed, uint64_t duration_ns);
/* Print the table to where the trace goes. */
void trace_stats_print(void);

#endif
