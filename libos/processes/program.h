/* What execve(2) was asked for: the file a process runs, and the arguments and the environment it
 * was started with. Shared by its forks; never changed. */
#ifndef LIBOS_PROCESSES_PROGRAM_H
#define LIBOS_PROCESSES_PROGRAM_H

#include "libos/processes/process.h"

struct file;

struct program {
	int32_t reference_count;
	struct file *file;                         /* referenced; nobody may write to it */
	struct exec_vector arguments, environment; /* owned */
};

/* 0, -ETXTBSY: somebody has @file open for writing, -ENOMEM. Its reference is taken on success, the
 * vectors are empty. */
MUST_CHECK int program_new(struct file *file, struct program **ret_program);
struct program *program_ref(struct program *program); /* NULL is fine */
void program_unref(struct program *program);          /* the same */
static inline void program_unrefp(struct program **program)
{
	program_unref(*program);
}

#endif
