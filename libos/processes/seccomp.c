#include "libos/processes/seccomp.h"

#include <asm/errno.h>
#include <asm/signal.h>
#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/capability.h>

#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/loader/text.h"
#include "libos/processes/bpf.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"

#define STEPS_MAX 32768U   /* of all filters on a thread's way, with */
#define STEPS_OF_FILTER 4U /* for each one: seccomp(2), ENOMEM */
#define ERRNO_MAX 4095U
#define SYS_SECCOMP_CODE 1 /* SYS_SECCOMP of siginfo.h */
#define KNOWN_FLAGS                                                                                \
	(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW |    \
		SECCOMP_FILTER_FLAG_TSYNC_ESRCH)

struct seccomp_filter {
	int32_t reference_count; /* of threads and newer filters */
	struct seccomp_filter *older;
	uint32_t count;
	struct sock_filter code[];
};

static struct seccomp_filter *filter_ref(struct seccomp_filter *filter)
{
	if (filter)
		__atomic_add_fetch(&filter->reference_count, 1, __ATOMIC_RELAXED);
	return filter;
}

static void filter_unref(struct seccomp_filter *filter)
{
	struct seccomp_filter *older;

	while (filter && !__atomic_sub_fetch(&filter->reference_count, 1, __ATOMIC_ACQ_REL)) {
		older = filter->older;
		heap_free(filter);
		filter = older;
	}
}

static void filter_unrefp(struct seccomp_filter **filter)
{
	filter_unref(*filter);
}

void seccomp_inherit(struct thread *child, const struct thread *parent)
{
	child->seccomp_mode = parent->seccomp_mode;
	child->seccomp_filter = filter_ref(parent->seccomp_filter);
}

void seccomp_release(struct thread *thread)
{
	filter_unref(thread->seccomp_filter);
	thread->seccomp_filter = NULL;
}

uint32_t seccomp_filter_count(const struct thread *thread)
{
	uint32_t count = 0;

	for (const struct seccomp_filter *f = thread->seccomp_filter; f; f = f->older)
		count++;
	return count;
}

/* ---- A call is made ---- */

/* The signal that says which call it was; nothing of the call is to be seen in the registers. */
static void signal_call(struct thread *thread, const struct seccomp_data *data, uint32_t value)
{
	struct frame *f = &thread->block.frame;
	struct signal_info info = {
		.signo = SIGSYS,
		.code = SYS_SECCOMP_CODE,
		.err = (int32_t)value,
		.sys = {data->instruction_pointer, data->nr, data->arch},
	};

	f->rax = f->orig_rax;
	f->orig_rax = UINT64_MAX;
	signal_force(SIGSYS, &info);
}

/* The whole process, whatever it wants to do at SIGSYS. */
static void kill_process(struct thread *thread, const struct seccomp_data *data)
{
	struct signal_process *signals = &thread->process->signals;

	lock_acquire(&signals->lock);
	signals->actions->of[SIGSYS - 1].handler = (uintptr_t)SIG_DFL;
	lock_release(&signals->lock);
	signal_call(thread, data, 0);
}

static void kill_thread(struct thread *thread, const struct seccomp_data *data)
{
	if (__atomic_load_n(&thread->process->thread_count, __ATOMIC_ACQUIRE) > 1)
		process_thread_exit(thread, SIGSYS);
	kill_process(thread, data);
}

static int32_t action_of(uint32_t value)
{
	return (int32_t)(value & SECCOMP_RET_ACTION_FULL);
}

/* All are asked; the most severe answer counts, and among equals the newest filter's. */
static uint32_t ask(const struct seccomp_filter *filter, const struct seccomp_data *data)
{
	uint32_t result = SECCOMP_RET_ALLOW, value;

	for (; filter; filter = filter->older) {
		value = bpf_run(filter->code, data);
		if (action_of(value) < action_of(result))
			result = value;
	}
	return result;
}

static bool filters_allow(struct thread *thread, const struct seccomp_data *data, long *ret_result)
{
	const struct seccomp_filter *filter =
		__atomic_load_n(&thread->seccomp_filter, __ATOMIC_ACQUIRE);
	uint32_t value = ask(filter, data);

	*ret_result = -ENOSYS;
	switch (value & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG: /* there is no log of the kernel's */
		return true;
	case SECCOMP_RET_ERRNO:
		*ret_result = -(long)MIN(value & SECCOMP_RET_DATA, ERRNO_MAX);
		return false;
	case SECCOMP_RET_TRAP:
		signal_call(thread, data, value & SECCOMP_RET_DATA);
		return false;
	case SECCOMP_RET_TRACE: /* nobody is there to be told */
	case SECCOMP_RET_USER_NOTIF:
		return false;
	case SECCOMP_RET_KILL_THREAD:
		kill_thread(thread, data);
		return false;
	default:
		kill_process(thread, data);
		return false;
	}
}

static bool strict_allows(uint64_t nr)
{
	return nr == __NR_read || nr == __NR_write || nr == __NR_exit || nr == __NR_rt_sigreturn;
}

bool seccomp_allows(
	struct thread *thread, uint64_t nr, const struct syscall_args *args, long *ret_result)
{
	struct seccomp_data data = {.nr = (int)nr, .arch = AUDIT_ARCH_X86_64};

	if (thread->seccomp_mode == SECCOMP_MODE_STRICT) {
		if (!strict_allows(nr))
			process_thread_exit(thread, SIGKILL);
		return true;
	}
	data.instruction_pointer = text_pc_to_native(thread->process->mm, thread->block.frame.rip);
	data.args[0] = args->a, data.args[1] = args->b, data.args[2] = args->c;
	data.args[3] = args->d, data.args[4] = args->e, data.args[5] = args->f;
	return filters_allow(thread, &data, ret_result);
}

/* ---- seccomp(2) ---- */

static int read_program(
	struct thread *thread, const struct sock_fprog *program, struct seccomp_filter **ret_filter)
{
	CLEANUP(heap_freep) struct seccomp_filter *filter = NULL;
	size_t size = program->len * sizeof(struct sock_filter);
	int r;

	if (!program->len || program->len > BPF_MAXINSNS)
		return -EINVAL;
	if (!thread->credentials.no_new_privs &&
		!credentials_can(&thread->credentials, CAP_SYS_ADMIN))
		return -EACCES;
	filter = heap_alloc(sizeof(*filter) + size);
	if (!filter)
		return -ENOMEM;
	if (user_read(filter->code, (uintptr_t)program->filter, size))
		return -EFAULT;
	r = bpf_check(filter->code, program->len);
	if (r)
		return r;
	filter->reference_count = 1;
	filter->count = program->len;
	*ret_filter = TAKE(filter);
	return 0;
}

static bool is_too_long(const struct seccomp_filter *filter)
{
	uint32_t steps = 0;

	for (; filter; filter = filter->older)
		steps += filter->count + STEPS_OF_FILTER;
	return steps > STEPS_MAX;
}

static bool is_ancestor(const struct seccomp_filter *old, const struct seccomp_filter *filter)
{
	while (filter && filter != old)
		filter = filter->older;
	return filter == old;
}

/* Who could not be brought under @thread's filter: NULL if there is nobody. (process table locked)
 */
static struct thread *find_other_way(struct thread *thread)
{
	struct thread *other;

	LIST_FOR_EACH (other, &thread->process->threads, in_process)
		if (other != thread && !other->exiting &&
			(other->seccomp_mode == SECCOMP_MODE_STRICT ||
				!is_ancestor(other->seccomp_filter, thread->seccomp_filter)))
			return other;
	return NULL;
}

/* A filter that @thread had stays in memory as long as the one that follows it, so that a call may
 * be asking it meanwhile. (process table locked) */
static void filter_set(struct thread *thread, struct seccomp_filter *filter)
{
	struct seccomp_filter *old = thread->seccomp_filter;

	__atomic_store_n(&thread->seccomp_filter, filter_ref(filter), __ATOMIC_RELEASE);
	__atomic_store_n(&thread->seccomp_mode, SECCOMP_MODE_FILTER, __ATOMIC_RELEASE);
	filter_unref(old);
}

/* (process table locked) */
static void set_all(struct thread *thread, struct seccomp_filter *filter)
{
	struct thread *other;

	LIST_FOR_EACH (other, &thread->process->threads, in_process) {
		if (other == thread || other->exiting)
			continue;
		if (thread->credentials.no_new_privs)
			other->credentials.no_new_privs = true;
		filter_set(other, filter);
	}
}

static long filter_attach(struct thread *thread, struct seccomp_filter *filter, uint64_t flags)
{
	struct thread *other;

	LOCK_SCOPE(&process_table_lock);
	if (thread->seccomp_mode == SECCOMP_MODE_STRICT)
		return -EINVAL;
	filter->older = filter_ref(thread->seccomp_filter);
	if (is_too_long(filter))
		return -ENOMEM;
	if (flags & SECCOMP_FILTER_FLAG_TSYNC) {
		other = find_other_way(thread);
		if (other)
			return flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH ? -ESRCH : other->tid;
		set_all(thread, filter);
	}
	filter_set(thread, filter);
	return 0;
}

static long set_filter(struct thread *thread, uint64_t flags, uint64_t from)
{
	CLEANUP(filter_unrefp) struct seccomp_filter *filter = NULL;
	struct sock_fprog program;
	int r;

	if (flags & ~KNOWN_FLAGS)
		return -EINVAL;
	if (USER_GET(&program, from))
		return -EFAULT;
	r = read_program(thread, &program, &filter);
	return r ? r : filter_attach(thread, filter, flags);
}

static long set_strict(struct thread *thread)
{
	if (thread->seccomp_mode == SECCOMP_MODE_FILTER)
		return -EINVAL;
	thread->seccomp_mode = SECCOMP_MODE_STRICT;
	return 0;
}

long seccomp_set_mode(struct thread *thread, uint64_t mode, uint64_t program)
{
	switch (mode) {
	case SECCOMP_MODE_STRICT:
		return set_strict(thread);
	case SECCOMP_MODE_FILTER:
		return set_filter(thread, 0, program);
	default:
		return -EINVAL;
	}
}

static long action_is_known(uint64_t from)
{
	uint32_t action;

	if (USER_GET(&action, from))
		return -EFAULT;
	switch (action) {
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_TRAP:
	case SECCOMP_RET_ERRNO:
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_ALLOW:
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

long sys_seccomp(struct thread *thread, const struct syscall_args *args)
{
	uint32_t operation = (uint32_t)args->a, flags = (uint32_t)args->b;

	switch (operation) {
	case SECCOMP_SET_MODE_STRICT:
		return flags || args->c ? -EINVAL : set_strict(thread);
	case SECCOMP_SET_MODE_FILTER:
		return set_filter(thread, flags, args->c);
	case SECCOMP_GET_ACTION_AVAIL:
		return flags ? -EINVAL : action_is_known(args->c);
	default:
		return -EINVAL;
	}
}
