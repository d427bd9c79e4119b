/* execve(2) in parts: everything that can fail is done first and gathered in struct exec
 * (exec_find.c, exec_vector.c); then the old program goes and the new one is put in its place
 * (exec_load.c). */
#ifndef LIBOS_PROCESSES_EXEC_H
#define LIBOS_PROCESSES_EXEC_H

#include "libos/processes/process.h"

#define EXEC_PATH_SIZE 4096
#define ARGUMENTS_SIZE_MAX (2UL << 20) /* a quarter of an 8 MiB stack */

struct elf;
struct fd_table;
struct file;
struct mm;
struct program;

struct exec {
	struct file *program, *interpreter;
	struct program *description;
	struct elf *elf, *interpreter_elf;
	struct exec_vector arguments, environment;
	char named_path[EXEC_PATH_SIZE]; /* as the caller gave it, relative to its directory */
	char path[EXEC_PATH_SIZE + 32]; /* AT_EXECFN, comm, a script's argument: /dev/fd/N/… then */
	uint32_t new_euid, new_egid;
	bool secure;
	bool is_readable; /* by who runs it; else its memory is not shown either */
	struct mm *mm;
	struct fd_table *files; /* a copy of one shared with another process; NULL: not needed */
};

/* Open the program that exec->named_path names, going through scripts, whose interpreters come
 * before the arguments; then read its headers and those of its ELF interpreter. */
MUST_CHECK int exec_find_program(struct exec *exec, int dir_fd, uint32_t flags);
MUST_CHECK int exec_read_elf(struct exec *exec);

/* Map both into exec->mm, the present address space by now, and set the thread's first registers.
 */
MUST_CHECK int exec_load(struct thread *thread, struct exec *exec);
/* Where exec->mm has its stack and its mappings, and the limits of both. */
void exec_choose_layout(struct process *process, struct mm *mm);

/* Read a NULL-terminated array of strings. -E2BIG, -EFAULT, -ENOMEM */
MUST_CHECK int exec_vector_read(uint64_t address, struct exec_vector *ret_vector);
void exec_vector_free(struct exec_vector *vector);
/* Replace the first argument by @count strings (@size bytes) at @strings. */
MUST_CHECK int exec_vector_replace_first(
	struct exec_vector *vector, const char *strings, size_t size, uint32_t count);

/* Where the program and its interpreter lie; the last three are exec_stack_fill's. */
struct exec_placement {
	uint64_t bias, interpreter_bias, entry, vdso;
	uint64_t platform, random, path;
};
/* Room for the strings of both vectors and what the stack begins with: before exec_stack_fill. */
MUST_CHECK int exec_stack_map(struct exec *exec);
/* Arguments, environment, auxiliary vector: as the System V ABI has them. Sets the stack pointer.
 */
MUST_CHECK int exec_stack_fill(
	struct thread *thread, struct exec *exec, struct exec_placement *placement);
uint64_t exec_random_pages(uint64_t count); /* bytes */

#endif
