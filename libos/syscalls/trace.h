/* `run --trace`: system calls printed as strace(1) prints them. */
#ifndef LIBOS_SYSCALLS_TRACE_H
#define LIBOS_SYSCALLS_TRACE_H

#include "libos/syscalls/syscall.h"

extern bool trace_enabled;

void trace_enter(struct thread *thread, uint64_t nr, const struct syscall_args *args);
void trace_leave(struct thread *thread, uint64_t nr, const struct syscall_args *args, long result);

#endif
