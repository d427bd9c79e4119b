/* `run --trace`: system calls printed as strace(1) prints them. */
#ifndef LIBOS_SYSCALLS_TRACE_H
#define LIBOS_SYSCALLS_TRACE_H

#include "libos/syscalls/syscall.h"

struct signal_info;

extern bool trace_enabled; /* calls are printed, or counted */

/* Before the first call. @prints: calls and signals; @counts: for trace_end. */
void trace_init(bool prints, bool counts);
/* The enclave ends. */
void trace_end(void);

void trace_enter(struct thread *thread, uint64_t nr, const struct syscall_args *args);
void trace_leave(struct thread *thread, uint64_t nr, const struct syscall_args *args, long result);
/* execve has succeeded: the old program's memory, and with it the arguments, are gone. */
void trace_exec(struct thread *thread);
/* A signal is about to be acted on. */
void trace_signal(struct thread *thread, int signo, const struct signal_info *info);
/* The thread ends. @status: of wait(2). */
void trace_exit(struct thread *thread, int status);

#endif
