/* One argument of a system call in words, as strace(1) writes it. */
#ifndef LIBOS_SYSCALLS_TRACE_VALUE_H
#define LIBOS_SYSCALLS_TRACE_VALUE_H

#include "libos/syscalls/syscall.h"

#define TRACE_LINE_SIZE 4096      /* bytes; a longer line is cut */
#define TRACE_STRING_SIZE_MAX 512 /* bytes of a string that are shown at most */
#define TRACE_ARGUMENT_COUNT 6

/* The headers of the system may be older than the table. */
enum call_number {
#define SYSCALL(nr, name, level, err, note) CALL_##name = nr,
#include "libos/syscalls/table.def"
#undef SYSCALL
};

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
	TRACE_KIND_TIME,     /* struct timespec */
	TRACE_KIND_TIME_OUT, /* the same, written by the call */
	TRACE_KIND_ENVIRONMENT,
	TRACE_KIND_STAT,
	TRACE_KIND_VECTOR_IN,   /* struct iovec; the next argument says how many */
	TRACE_KIND_VECTOR_OUT,  /* … the result how many bytes */
	TRACE_KIND_ADDRESS,     /* struct sockaddr; the next argument is its size */
	TRACE_KIND_ADDRESS_OUT, /* … points to its size */
	TRACE_KIND_SIZE_OUT,    /* uint32_t */
	TRACE_KIND_ACTION,
	TRACE_KIND_ACTION_OUT,
	TRACE_KIND_LIMITS,
	TRACE_KIND_LIMITS_OUT,
	TRACE_KIND_POLLS,   /* the next argument says how many */
	TRACE_KIND_RULESET, /* struct landlock_ruleset_attr; the next argument is its size */
	TRACE_KIND_RULE,    /* of landlock_add_rule(2); the argument before is its type */
	TRACE_KIND_SOCKET_TYPE,
	TRACE_KIND_STATUS,
	TRACE_KIND_MODE,
	TRACE_KIND_CREATE_MODE, /* only if the argument before asks for a new file */
	TRACE_KIND_SIGNAL,
	TRACE_KIND_SIGNALS,
	TRACE_KIND_SIGNALS_OUT,
	TRACE_KIND_CLONE,
	TRACE_KIND_FUTEX,
	TRACE_KIND_OPEN,
	TRACE_KIND_FANOTIFY_GROUP,
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
	TRACE_KIND_FAMILY,
	TRACE_KIND_SHUTDOWN,
	TRACE_KIND_MESSAGE_FLAGS,
	TRACE_KIND_ACTION_FLAGS,
	TRACE_KIND_POLL_EVENTS,
	TRACE_KIND_RANDOM,
	TRACE_KIND_RANDOM_FLAGS,
	TRACE_KIND_FD_FLAGS,
	TRACE_KIND_EVENTFD,
	TRACE_KIND_EPOLL_FLAGS,
	TRACE_KIND_TIMERFD,
	TRACE_KIND_SIGNALFD,
	TRACE_KIND_ARCH,
	TRACE_KIND_IOCTL,
	TRACE_KIND_PRCTL,
	TRACE_KIND_SECCOMP,
	TRACE_KIND_LANDLOCK_CREATE,
	TRACE_KIND_LANDLOCK_RULE,
	TRACE_KIND_LANDLOCK_RESTRICT,
	TRACE_KIND_LANDLOCK_FILES,
	TRACE_KIND_LANDLOCK_PORTS,
	TRACE_KIND_LANDLOCK_SCOPES,
	TRACE_KIND_FANOTIFY_MARK,
	TRACE_KIND_FANOTIFY_EVENTS,
	TRACE_KIND_COUNT
};

/* Append argument @i of a call. @result is what the call returned; what it wrote to memory is
 * printed if it succeeded. */
void trace_put_argument(struct trace_line *line, enum trace_kind kind,
	const uint64_t arguments[TRACE_ARGUMENT_COUNT], unsigned int i, long result);

/* All arguments of a call of which one says what the others mean: whether @nr is one. */
bool trace_put_call(struct trace_line *line, uint64_t nr,
	const uint64_t arguments[TRACE_ARGUMENT_COUNT], long result);

/* What the arguments of call @nr are: TRACE_ARGUMENT_COUNT kinds, or up to TRACE_KIND_END. */
const uint8_t *trace_kinds(uint64_t nr);
/* How many bytes of a string are shown; 32 unless it is said. */
void trace_string_size_set(size_t size);

/* ---- Parts of values: trace_value.c ---- */

void trace_put_pointer(struct trace_line *line, uint64_t value);
void trace_put_quoted(struct trace_line *line, const uint8_t *bytes, size_t size, bool is_cut);
void trace_put_bytes(struct trace_line *line, uint64_t address, uint64_t size);
void trace_put_mode(struct trace_line *line, uint32_t mode);
void trace_put_set(struct trace_line *line, uint64_t signals);

/* ---- What a pointer leads to, or the pointer if nothing can be read there: trace_structs.c ----
 */

void trace_put_stat(struct trace_line *line, uint64_t address);
/* @valid: how many bytes of what the parts lead to are shown. */
void trace_put_vector(struct trace_line *line, uint64_t address, uint64_t count, uint64_t valid);
void trace_put_address(struct trace_line *line, uint64_t address, uint64_t size);
void trace_put_action(struct trace_line *line, uint64_t address);
void trace_put_limits(struct trace_line *line, uint64_t address);
void trace_put_polls(struct trace_line *line, uint64_t address, uint64_t count);

/* ---- The same: trace_landlock.c ---- */

void trace_put_ruleset(struct trace_line *line, uint64_t address, uint64_t size);
void trace_put_rule(struct trace_line *line, uint64_t address, uint64_t type);

/* ---- Names of values: trace_names.c ---- */

void trace_put_named(struct trace_line *line, enum trace_kind kind, uint64_t value);
void trace_put_socket_type(struct trace_line *line, uint64_t type);
void trace_put_open(struct trace_line *line, uint64_t flags);
void trace_put_fanotify_group(struct trace_line *line, uint64_t flags);
void trace_put_clone(struct trace_line *line, uint64_t flags);
void trace_put_futex(struct trace_line *line, uint64_t operation);
void trace_put_signal(struct trace_line *line, int signo);
void trace_put_signal_short(struct trace_line *line, int signo); /* without SIG */
/* " = -1 ENOENT (No such file or directory)" */
void trace_put_error(struct trace_line *line, long error);

#endif
