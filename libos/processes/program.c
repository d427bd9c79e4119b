#include "libos/processes/program.h"

#include <asm/errno.h>

#include "libos/core/heap.h"
#include "libos/files/file.h"

int program_new(struct file *file, struct program **ret_program)
{
	struct program *program = heap_alloc(sizeof(*program));
	int r;

	if (!program)
		return -ENOMEM;
	r = file_deny_write(file);
	if (r) {
		heap_free(program);
		return r;
	}
	program->reference_count = 1;
	program->file = file_ref(file);
	*ret_program = program;
	return 0;
}

struct program *program_ref(struct program *program)
{
	if (program)
		__atomic_add_fetch(&program->reference_count, 1, __ATOMIC_RELAXED);
	return program;
}

void program_unref(struct program *program)
{
	if (!program || __atomic_sub_fetch(&program->reference_count, 1, __ATOMIC_ACQ_REL))
		return;
	file_allow_write(program->file);
	file_unref(program->file);
	heap_free(program->arguments.strings);
	heap_free(program->environment.strings);
	heap_free(program);
}
