#include "libos/syscalls/trace.h"

#include "base/format.h"
#include "base/memory.h"
#include "libos/core/user.h"
#include "libos/processes/process.h"
#include "platform/platform.h"

bool trace_enabled;

static bool ends_the_caller(uint64_t nr)
{
	return nr == 60 || nr == 231 || nr == 15; /* exit, exit_group, rt_sigreturn */
}

static size_t put_call(char *line, size_t size, struct thread *thread, uint64_t nr,
	const struct syscall_args *args)
{
	const char *name = nr < SYSCALL_NR_MAX ? syscall_table[nr].name : NULL;
	char path[128];
	size_t n = format_string(line, size, "[%d] ", thread->tid);

	if (name)
		n += format_string(line + n, size - n, "%s(", name);
	else
		n += format_string(line + n, size - n, "syscall_%lu(", nr);
	/* Calls that begin with a path or a descriptor and a path. */
	if (name &&
		(nr == 2 || nr == 4 || nr == 6 || nr == 21 || nr == 59 || nr == 80 || nr == 89) &&
		user_read_string(path, args->a, sizeof(path)) >= 0)
		n += format_string(line + n, size - n, "\"%s\", ", path);
	else if (name && (nr == 257 || nr == 262 || nr == 267 || nr == 332 || nr == 439) &&
		 user_read_string(path, args->b, sizeof(path)) >= 0)
		n += format_string(line + n, size - n, "%d, \"%s\", ", (int)args->a, path);
	else
		n += format_string(line + n, size - n, "%#lx, %#lx, ", args->a, args->b);
	return n + format_string(line + n, size - n, "%#lx, %#lx, %#lx, %#lx)", args->c, args->d,
			   args->e, args->f);
}

void trace_enter(struct thread *thread, uint64_t nr, const struct syscall_args *args)
{
	char line[512];
	size_t n;

	if (!ends_the_caller(nr))
		return;
	n = put_call(line, sizeof(line) - 2, thread, nr, args);
	n += format_string(line + n, sizeof(line) - n, " = ?\n");
	platform_trace(line, MIN(n, sizeof(line) - 1));
}

void trace_leave(struct thread *thread, uint64_t nr, const struct syscall_args *args, long result)
{
	char line[512];
	size_t n;

	if (ends_the_caller(nr))
		return;
	n = put_call(line, sizeof(line) - 40, thread, nr, args);
	n = MIN(n, sizeof(line) - 40);
	n += format_string(line + n, sizeof(line) - n,
		result < 0 && result > -4096 ? " = %ld\n" : " = %#lx\n", result);
	platform_trace(line, MIN(n, sizeof(line) - 1));
}
