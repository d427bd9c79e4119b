/* One argument of a system call in words, as strace(1) writes it. */
#ifndef LIBOS_SYSCALLS_TRACE_VALUE_H
#define LIBOS_SYSCALLS_TRACE_VALUE_H

#include "libos/syscalls/syscall.h"

#define TRACE_LINE_SIZE 1024 /* bytes; a longer line is cut */
#define TRACE_ARGUMENT_COUNT 6

struct trace_line {
	char text[TRACE_LINE_SIZE];
	size_t length;
};

void trace_put(struct trace_line *line, const char *format, ...) PRINTF_LIKE(2, 3);

/* Kinds of arguments. TRACE_KIND_END comes after the last; the others are named in trace_args.def.
 */
enum trace_kind {
	TRACE_KIND_END,
	TRACE_KIND_NOTHING, /* the call has no arguments */
	TRACE_KIND_INT,
	TRACE_KIND_UNSIGNED,
	TRACE_KIND_LONG,
	TRACE_KIND_SIZE,
	TRACE_KIND_HEX,
	TRACE_KIND_POINTER,
	TRACE_KIND_FD,
	TRACE_KIND_DIRECTORY,
	TRACE_KIND_PATH,
	TRACE_KIND_PATH_OUT,
	TRACE_KIND_STRING,
	TRACE_KIND_STRINGS, /* an array of them, NULL last */
	TRACE_KIND_IN,      /* bytes; the next argument says how many */
	TRACE_KIND_OUT,     /* bytes; the result says how many */
	TRACE_KIND_FD_PAIR,
	TRACE_KIND_TIME, /* struct timespec */
	TRACE_KIND_STATUS,
	TRACE_KIND_MODE,
	TRACE_KIND_CREATE_MODE, /* only if the argument before asks for a new file */
	TRACE_KIND_SIGNAL,
	TRACE_KIND_SIGNALS,
	TRACE_KIND_CLONE,
	TRACE_KIND_FUTEX,
	TRACE_KIND_OPEN,
	/* What trace_names.c has a table for. */
	TRACE_KIND_PROT,
	TRACE_KIND_MAP,
	TRACE_KIND_MREMAP,
	TRACE_KIND_ADVICE,
	TRACE_KIND_WHENCE,
	TRACE_KIND_ACCESS,
	TRACE_KIND_AT,
	TRACE_KIND_AT_REMOVE,
	TRACE_KIND_FCNTL,
	TRACE_KIND_WAIT,
	TRACE_KIND_MASK_HOW,
	TRACE_KIND_LIMIT,
	TRACE_KIND_CLOCK,
	TRACE_KIND_EPOLL,
	TRACE_KIND_COUNT
};

/* Append argument @i of a call. @result is what the call returned; what it wrote to memory is
 * printed if it succeeded. */
void trace_put_argument(struct trace_line *line, enum trace_kind kind,
	const uint64_t arguments[TRACE_ARGUMENT_COUNT], unsigned int i, long result);

/* ---- Names of values: trace_names.c ---- */

void trace_put_named(struct trace_line *line, enum trace_kind kind, uint64_t value);
void trace_put_open(struct trace_line *line, uint64_t flags);
void trace_put_clone(struct trace_line *line, uint64_t flags);
void trace_put_futex(struct trace_line *line, uint64_t operation);
void trace_put_signal(struct trace_line *line, int signo);
/* " = -1 ENOENT (No such file or directory)" */
void trace_put_error(struct trace_line *line, long error);

#endif
