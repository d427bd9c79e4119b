/* The system-call table: table.def read as data. */
#ifndef LIBOS_SYSCALLS_SYSCALL_H
#define LIBOS_SYSCALLS_SYSCALL_H

#include "base/compiler.h"

struct thread;

struct syscall_args {
	uint64_t a, b, c, d, e, f; /* rdi rsi rdx r10 r8 r9 */
};

/* Returns the value for rax: a result or -errno (see libos/signals/signal.h for the restart ones).
 */
typedef long syscall_fn(struct thread *thread, const struct syscall_args *args);

enum support { SUPPORT_NONE, SUPPORT_REFUSED, SUPPORT_PARTIAL, SUPPORT_FULL };

struct syscall {
	const char *name;
	syscall_fn *handler; /* NULL: answer -error */
	int error;
	enum support support;
	const char *note;
};

#define SYSCALL_NR_MAX 470
extern const struct syscall syscall_table[SYSCALL_NR_MAX];

/* Every FULL or PARTIAL entry NAME of the table is `long sys_NAME(struct thread *, const struct
 * syscall_args *)`, declared here from the table itself. */
#define DECLARE_FULL(name) syscall_fn sys_##name;
#define DECLARE_PARTIAL(name) syscall_fn sys_##name;
#define DECLARE_REFUSED(name)
#define DECLARE_NONE(name)
#define SYSCALL(nr, name, level, err, note) DECLARE_##level(name)
#include "libos/syscalls/table.def"
#undef SYSCALL

#endif
