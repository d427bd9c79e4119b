#include "libos/syscalls/trace.h"

#include <asm/signal.h>
#include <asm-generic/siginfo.h>
#include <linux/fcntl.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/processes/process.h"
#include "libos/syscalls/trace_filter.h"
#include "libos/syscalls/trace_stats.h"
#include "libos/syscalls/trace_value.h"
#include "platform/platform.h"

#define RESULT_COLUMN 39

bool trace_enabled;
static bool prints, counts;
static bool has_many; /* there has been more than one thread: say which */

static const uint8_t kinds[SYSCALL_NR_MAX][TRACE_ARGUMENT_COUNT] = {
#define KINDS_OF(a, b, c, d, e, f, ...)                                                            \
	{                                                                                          \
		TRACE_KIND_##a, TRACE_KIND_##b, TRACE_KIND_##c, TRACE_KIND_##d, TRACE_KIND_##e,    \
			TRACE_KIND_##f                                                             \
	}
#define TRACE(name, ...) [CALL_##name] = KINDS_OF(__VA_ARGS__, END, END, END, END, END, END, END),
#include "libos/syscalls/trace_args.def"
#undef TRACE
};

static const uint8_t six_numbers[TRACE_ARGUMENT_COUNT] = {TRACE_KIND_HEX, TRACE_KIND_HEX,
	TRACE_KIND_HEX, TRACE_KIND_HEX, TRACE_KIND_HEX, TRACE_KIND_HEX};

void trace_init(bool given_prints, bool given_counts)
{
	prints = given_prints;
	counts = given_counts;
	trace_enabled = prints || counts;
}

void trace_end(void)
{
	if (counts)
		trace_stats_print();
}

const uint8_t *trace_kinds(uint64_t nr)
{
	return nr < SYSCALL_NR_MAX && kinds[nr][0] != TRACE_KIND_END ? kinds[nr] : six_numbers;
}

/* Does it not return? */
static bool is_last(uint64_t nr)
{
	return nr == CALL_exit || nr == CALL_exit_group || nr == CALL_rt_sigreturn;
}

static bool is_execve(uint64_t nr)
{
	return nr == CALL_execve || nr == CALL_execveat;
}

static bool returns_address(uint64_t nr)
{
	return nr == CALL_mmap || nr == CALL_brk || nr == CALL_mremap || nr == CALL_shmat;
}

static bool asks_for_new_file(uint64_t flags)
{
	return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
}

static const char *name_of(uint64_t nr)
{
	return nr < SYSCALL_NR_MAX ? syscall_table[nr].name : NULL;
}

static void put_thread(struct trace_line *line, const struct thread *thread)
{
	line->length = 0;
	if (has_many || thread->tid != 1)
		trace_put(line, "[pid %5d] ", thread->tid);
}

static void put_call(
	struct trace_line *line, uint64_t nr, const struct syscall_args *args, long result)
{
	const uint64_t values[] = {args->a, args->b, args->c, args->d, args->e, args->f};
	const uint8_t *kind = trace_kinds(nr);

	if (name_of(nr))
		trace_put(line, "%s(", name_of(nr));
	else
		trace_put(line, "syscall_%#lx(", nr);
	if (trace_put_call(line, nr, values, result))
		return;
	for (unsigned int i = 0; i < TRACE_ARGUMENT_COUNT && kind[i] != TRACE_KIND_END; i++) {
		if (kind[i] == TRACE_KIND_CREATE_MODE && !asks_for_new_file(values[i - 1]))
			break;
		trace_put(line, i ? ", " : "");
		trace_put_argument(line, kind[i], values, i, result);
	}
}

/* Results stand below each other, the call having begun at @start of the line. */
static void put_equals(struct trace_line *line, size_t start)
{
	size_t width = line->length - start;

	trace_put(line, "%*s = ", width < RESULT_COLUMN ? (int)(RESULT_COLUMN - width) : 0, "");
}

static void put_result(struct trace_line *line, size_t start, uint64_t nr, long result)
{
	put_equals(line, start);
	if (result < 0 && result >= -4095)
		trace_put_error(line, -result);
	else
		trace_put(line, returns_address(nr) ? "%#lx" : "%ld", result);
	if (result == 0 &&
		(nr == CALL_poll || nr == CALL_ppoll || nr == CALL_select || nr == CALL_pselect6))
		trace_put(line, " (Timeout)");
}

/* The end of the line is there however long it is. */
static void print(struct trace_line *line)
{
	line->length = MIN(line->length, sizeof(line->text) - 1);
	line->text[line->length++] = '\n';
	platform_trace(line->text, line->length);
}

/* The arguments of execve, kept until it is known what comes of it: on success they are gone. */
struct trace_exec {
	struct trace_line line;
	size_t start;
};

static void exec_keep(struct thread *thread, uint64_t nr, const struct syscall_args *args)
{
	struct trace_exec *exec = heap_alloc(sizeof(*exec));

	thread->trace_exec = exec;
	if (!exec)
		return;
	put_thread(&exec->line, thread);
	exec->start = exec->line.length;
	put_call(&exec->line, nr, args, -1);
	trace_put(&exec->line, ")");
}

static void exec_print(struct thread *thread, uint64_t nr, long result)
{
	CLEANUP(heap_freep) struct trace_exec *exec = TAKE(thread->trace_exec);

	if (!exec)
		return;
	put_result(&exec->line, exec->start, nr, result);
	print(&exec->line);
}

static void print_last(struct thread *thread, uint64_t nr, const struct syscall_args *args)
{
	struct trace_line line;
	size_t start;

	put_thread(&line, thread);
	start = line.length;
	put_call(&line, nr, args, -1);
	trace_put(&line, ")");
	put_equals(&line, start);
	trace_put(&line, "?");
	print(&line);
}

void trace_enter(struct thread *thread, uint64_t nr, const struct syscall_args *args)
{
	if (counts)
		thread->trace_start_ns = platform_monotonic_ns();
	if (!prints || !trace_filter_call(nr))
		return;
	if (is_execve(nr))
		exec_keep(thread, nr, args);
	else if (is_last(nr))
		print_last(thread, nr, args);
}

void trace_exec(struct thread *thread)
{
	/* The first program of a process that we made was not asked for by a call. */
	uint64_t start_ns = thread->trace_start_ns ? thread->trace_start_ns : thread->start_ns;

	if (counts)
		trace_stats_add(CALL_execve, false, platform_monotonic_ns() - start_ns);
	exec_print(thread, CALL_execve, 0);
}

static void print_call(
	struct thread *thread, uint64_t nr, const struct syscall_args *args, long result)
{
	struct trace_line line;
	size_t start;

	put_thread(&line, thread);
	start = line.length;
	put_call(&line, nr, args, result);
	trace_put(&line, ")");
	put_result(&line, start, nr, result);
	print(&line);
}

void trace_leave(struct thread *thread, uint64_t nr, const struct syscall_args *args, long result)
{
	bool has_failed = result < 0 && result >= -4095;

	if (result > 0 &&
		(nr == CALL_clone || nr == CALL_clone3 || nr == CALL_fork || nr == CALL_vfork))
		has_many = true;
	/* A successful execve has been seen to by trace_exec. */
	if (counts && !(is_execve(nr) && !has_failed))
		trace_stats_add(nr, has_failed, platform_monotonic_ns() - thread->trace_start_ns);
	if (!prints || is_last(nr) || !trace_filter_call(nr))
		return;
	if (is_execve(nr))
		exec_print(thread, nr, result);
	else
		print_call(thread, nr, args, result);
}

static void put_signal_code(struct trace_line *line, int signo, int code)
{
	static const char *const child[] = {NULL, "CLD_EXITED", "CLD_KILLED", "CLD_DUMPED",
		"CLD_TRAPPED", "CLD_STOPPED", "CLD_CONTINUED"};

	if (signo == SIGCHLD && code > 0 && (size_t)code < ARRAY_SIZE(child))
		trace_put(line, ", si_code=%s", child[code]);
	else if (code == SI_USER || code == SI_TKILL || code == SI_KERNEL)
		trace_put(line, ", si_code=%s",
			code == SI_USER    ? "SI_USER"
			: code == SI_TKILL ? "SI_TKILL"
					   : "SI_KERNEL");
	else
		trace_put(line, ", si_code=%d", code);
}

static void put_child(struct trace_line *line, const struct signal_info *info)
{
	trace_put(line, ", si_pid=%d, si_uid=%u, si_status=", info->child.pid, info->child.uid);
	if (info->code == CLD_EXITED)
		trace_put(line, "%d", info->child.status);
	else
		trace_put_signal(line, info->child.status);
	trace_put(line, ", si_utime=%ld, si_stime=%ld} ---", info->child.utime, info->child.stime);
}

void trace_signal(struct thread *thread, int signo, const struct signal_info *info)
{
	struct trace_line line;

	if (!prints || !trace_filter_signal(signo))
		return;
	put_thread(&line, thread);
	trace_put(&line, "--- ");
	trace_put_signal(&line, signo);
	trace_put(&line, " {si_signo=");
	trace_put_signal(&line, signo);
	put_signal_code(&line, signo, info->code);
	if (signo == SIGSEGV || signo == SIGBUS)
		trace_put(&line, ", si_addr=%#lx} ---", info->fault.addr);
	else if (signo == SIGCHLD && info->code > 0)
		put_child(&line, info);
	else
		trace_put(&line, ", si_pid=%d, si_uid=%u} ---", info->queue.pid, info->queue.uid);
	print(&line);
}

void trace_exit(struct thread *thread, int status)
{
	struct trace_line line;

	if (!prints)
		return;
	put_thread(&line, thread);
	if (status & 0x7f) {
		trace_put(&line, "+++ killed by ");
		trace_put_signal(&line, status & 0x7f);
		trace_put(&line, status & 0x80 ? " (core dumped) +++" : " +++");
	} else {
		trace_put(&line, "+++ exited with %d +++", status >> 8 & 0xff);
	}
	print(&line);
}
