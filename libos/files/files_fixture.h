/* What the tests of files stand on: a process with one thread, a tmpfs for a root, and memory of
 * malloc, so that the sanitizers see every overrun and every leak. The system calls are called as
 * the dispatcher calls them. */
#ifndef LIBOS_FILES_FILES_FIXTURE_H
#define LIBOS_FILES_FILES_FIXTURE_H

#include "libos/files/open.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"

extern struct process fixture_process;
extern struct thread fixture_thread;
extern int fixture_last_signal;

struct erofs;
void fixture_init(struct erofs *image);
/* The calling thread's credentials: @uid and gid for all, capabilities only for 0. */
void fixture_become(uint32_t uid);

#define ARGUMENT(x) ((uint64_t)(x))
/* CALL(openat, AT_FDCWD, "/x", O_RDONLY) */
#define CALL(...) CALL_N(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define CALL_N(name, a, b, c, d, e, f, ...)                                                        \
	sys_##name(thread_current(), &(struct syscall_args){ARGUMENT(a), ARGUMENT(b), ARGUMENT(c), \
					     ARGUMENT(d), ARGUMENT(e), ARGUMENT(f)})

#endif
