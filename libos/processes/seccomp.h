/* What a thread lets itself do: seccomp(2). Filters of threads are a tree that grows at its leaves:
 * each thread holds its newest, each filter the one before it, and all on the way are asked. */
#ifndef LIBOS_PROCESSES_SECCOMP_H
#define LIBOS_PROCESSES_SECCOMP_H

#include "base/compiler.h"

struct seccomp_filter;
struct syscall_args;
struct thread;

/* May @nr go on? false: it is answered or ended already, and *ret_result is what it returns. Only
 * for a thread whose seccomp_mode is not 0. */
bool seccomp_allows(
	struct thread *thread, uint64_t nr, const struct syscall_args *args, long *ret_result);

/* @child, not running yet, is under the filters of @parent. (process table locked) */
void seccomp_inherit(struct thread *child, const struct thread *parent);
/* @thread makes no more calls. (process table locked, or it never ran) */
void seccomp_release(struct thread *thread);
/* How many filters, for /proc. (process table locked) */
uint32_t seccomp_filter_count(const struct thread *thread);

/* prctl(2), PR_SET_SECCOMP */
long seccomp_set_mode(struct thread *thread, uint64_t mode, uint64_t program);

#endif
