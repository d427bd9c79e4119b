/* The simulation's host calls: plain Linux system calls, made from one page. This is the choke
 * point: every answer is checked here, and a fuzzer can stand in for host_syscall6. */
#ifndef PLATFORM_SIMULATION_HOST_CALL_H
#define PLATFORM_SIMULATION_HOST_CALL_H

#include <asm/unistd.h>

#include "base/compiler.h"

struct thread;

long host_syscall6(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f, long nr);
long host_syscall6_interruptible(
	uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f, long nr);
long host_clone(uint64_t flags, void *stack, int32_t *parent_tid, int32_t *child_tid,
	struct thread *thread);
NORETURN void host_thread_exit(uint32_t *done, int status);
void host_signal_return(void);
extern const char host_syscall_start[], host_syscall_end[];
extern const char host_interruptible_start[], host_interruptible_syscall[],
	host_interruptible_out[];

/* 0 or -errno; an answer that is neither becomes -EIO. */
MUST_CHECK int host_check_status(long answer);
/* 0..max or -errno; anything else becomes -EIO. */
MUST_CHECK long host_check_size(long answer, uint64_t max);

#define HOST_CALL(nr, a, b, c, d, e, f)                                                            \
	host_syscall6((uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e),   \
		(uint64_t)(f), __NR_##nr)
#define HOST_CALL_INTERRUPTIBLE(nr, a, b, c, d, e, f)                                              \
	host_syscall6_interruptible((uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d),    \
		(uint64_t)(e), (uint64_t)(f), __NR_##nr)

#endif
