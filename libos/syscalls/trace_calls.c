/* Calls of which one argument says what the others mean, as strace(1) writes them. */
#include <asm/ioctls.h>
#include <linux/futex.h>
#include <linux/prctl.h>
#include <linux/sched.h>

#include "base/memory.h"
#include "libos/core/user.h"
#include "libos/syscalls/trace_value.h"

struct call {
	const uint64_t *arguments;
	long result;
};

static void put(
	struct trace_line *line, enum trace_kind kind, const struct call *call, unsigned int i)
{
	trace_put(line, i ? ", " : "");
	trace_put_argument(line, kind, call->arguments, i, call->result);
}

/* ---- clone(2), clone3(2) ---- */

/* Its arguments have names, and are printed only if a flag asks for them. */
static void put_clone(struct trace_line *line, const struct call *call)
{
	uint64_t flags = call->arguments[0];

	trace_put(line, "child_stack=");
	trace_put_pointer(line, call->arguments[1]);
	trace_put(line, ", flags=");
	trace_put_clone(line, flags);
	if (flags & (CLONE_PARENT_SETTID | CLONE_PIDFD))
		trace_put(line, ", parent_tid=%#lx", call->arguments[2]);
	if (flags & CLONE_SETTLS)
		trace_put(line, ", tls=%#lx", call->arguments[4]);
	if (flags & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID))
		trace_put(line, ", child_tidptr=%#lx", call->arguments[3]);
}

static void put_clone3_fields(struct trace_line *line, const struct clone_args *args)
{
	trace_put(line, "{flags=");
	trace_put_clone(line, args->flags);
	if (args->flags & CLONE_PIDFD)
		trace_put(line, ", pidfd=%#lx", (uint64_t)args->pidfd);
	if (args->flags & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID))
		trace_put(line, ", child_tid=%#lx", (uint64_t)args->child_tid);
	if (args->flags & CLONE_PARENT_SETTID)
		trace_put(line, ", parent_tid=%#lx", (uint64_t)args->parent_tid);
	trace_put(line, ", exit_signal=");
	trace_put_signal(line, (int)args->exit_signal);
	trace_put(line, ", stack=");
	trace_put_pointer(line, args->stack);
	trace_put(line, ", stack_size=%s%lx", args->stack_size ? "0x" : "",
		(uint64_t)args->stack_size);
	if (args->flags & CLONE_SETTLS)
		trace_put(line, ", tls=%#lx", (uint64_t)args->tls);
	trace_put(line, "}");
}

static void put_clone3(struct trace_line *line, const struct call *call)
{
	struct clone_args args = {0};
	uint64_t size = call->arguments[1];

	if (size < CLONE_ARGS_SIZE_VER0 ||
		user_read(&args, call->arguments[0], MIN(size, sizeof(args))))
		trace_put_pointer(line, call->arguments[0]);
	else
		put_clone3_fields(line, &args);
	trace_put(line, ", %lu", size);
}

/* ---- futex(2) ---- */

static void put_bits(struct trace_line *line, uint64_t bits)
{
	if ((uint32_t)bits == FUTEX_BITSET_MATCH_ANY)
		trace_put(line, ", FUTEX_BITSET_MATCH_ANY");
	else
		trace_put(line, ", %#x", (uint32_t)bits);
}

static void put_wait(struct trace_line *line, const struct call *call)
{
	put(line, TRACE_KIND_UNSIGNED, call, 2);
	put(line, TRACE_KIND_TIME, call, 3);
}

/* To another futex: how many to wake, how many to move, where to. */
static void put_move(struct trace_line *line, const struct call *call)
{
	put(line, TRACE_KIND_UNSIGNED, call, 2);
	put(line, TRACE_KIND_UNSIGNED, call, 3);
	put(line, TRACE_KIND_POINTER, call, 4);
}

static void put_futex(struct trace_line *line, const struct call *call)
{
	put(line, TRACE_KIND_POINTER, call, 0);
	put(line, TRACE_KIND_FUTEX, call, 1);
	switch (call->arguments[1] & FUTEX_CMD_MASK) {
	case FUTEX_WAKE:
		put(line, TRACE_KIND_UNSIGNED, call, 2);
		break;
	case FUTEX_WAIT:
		put_wait(line, call);
		break;
	case FUTEX_WAIT_BITSET:
		put_wait(line, call);
		put_bits(line, call->arguments[5]);
		break;
	case FUTEX_WAKE_BITSET:
		put(line, TRACE_KIND_UNSIGNED, call, 2);
		put_bits(line, call->arguments[5]);
		break;
	case FUTEX_REQUEUE:
		put_move(line, call);
		break;
	case FUTEX_CMP_REQUEUE:
	case FUTEX_CMP_REQUEUE_PI:
		put_move(line, call);
		put(line, TRACE_KIND_UNSIGNED, call, 5);
		break;
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		put(line, TRACE_KIND_TIME, call, 3);
		break;
	case FUTEX_UNLOCK_PI:
	case FUTEX_TRYLOCK_PI:
		break;
	default:
		put_move(line, call);
		put(line, TRACE_KIND_HEX, call, 5);
	}
}

/* ---- ioctl(2), prctl(2) ---- */

static void put_ioctl(struct trace_line *line, const struct call *call)
{
	uint32_t request = (uint32_t)call->arguments[1];
	int32_t value;

	put(line, TRACE_KIND_FD, call, 0);
	put(line, TRACE_KIND_IOCTL, call, 1);
	if (request == FIOCLEX || request == FIONCLEX || request == TIOCNOTTY)
		return;
	if ((request == FIONBIO || request == FIOASYNC || request == TIOCSPGRP ||
		    (!call->result && (request == FIONREAD || request == TIOCGPGRP))) &&
		!USER_GET(&value, call->arguments[2]))
		trace_put(line, ", [%d]", value);
	else
		put(line, TRACE_KIND_POINTER, call, 2);
}

static void put_prctl(struct trace_line *line, const struct call *call)
{
	put(line, TRACE_KIND_PRCTL, call, 0);
	switch (call->arguments[0]) {
	case PR_SET_NAME:
		put(line, TRACE_KIND_STRING, call, 1);
		break;
	case PR_GET_NAME:
		put(line, call->result ? TRACE_KIND_POINTER : TRACE_KIND_STRING, call, 1);
		break;
	case PR_SET_PDEATHSIG:
		put(line, TRACE_KIND_SIGNAL, call, 1);
		break;
	case PR_GET_DUMPABLE:
	case PR_GET_KEEPCAPS:
	case PR_GET_SECCOMP:
	case PR_GET_SECUREBITS:
	case PR_GET_TIMERSLACK:
		break;
	case PR_SET_NO_NEW_PRIVS:
	case PR_GET_NO_NEW_PRIVS:
		for (unsigned int i = 1; i < 5; i++)
			put(line, TRACE_KIND_LONG, call, i);
		break;
	case PR_SET_KEEPCAPS:
	case PR_SET_TIMERSLACK:
	case PR_SET_CHILD_SUBREAPER:
		put(line, TRACE_KIND_LONG, call, 1);
		break;
	case PR_GET_PDEATHSIG:
	case PR_GET_CHILD_SUBREAPER:
		put(line, TRACE_KIND_POINTER, call, 1);
		break;
	default:
		for (unsigned int i = 1; i < 5; i++)
			put(line, TRACE_KIND_HEX, call, i);
	}
}

bool trace_put_call(struct trace_line *line, uint64_t nr,
	const uint64_t arguments[TRACE_ARGUMENT_COUNT], long result)
{
	const struct call call = {arguments, result};

	switch (nr) {
	case CALL_clone:
		put_clone(line, &call);
		return true;
	case CALL_clone3:
		put_clone3(line, &call);
		return true;
	case CALL_futex:
		put_futex(line, &call);
		return true;
	case CALL_ioctl:
		put_ioctl(line, &call);
		return true;
	case CALL_prctl:
		put_prctl(line, &call);
		return true;
	default:
		return false;
	}
}
