/* getpriority(2), setpriority(2), ioprio_get(2), ioprio_set(2): kept for each thread. The host's
 * scheduler is not told. */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/resource.h>

#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"

#define NICE_MIN (-20)
#define NICE_MAX 19
#define NICE_FLOOR 20 /* getpriority(2) returns 20 - nice */

/* Which threads a call is about: the same three kinds in both families. */
enum kind { KIND_THREAD, KIND_GROUP, KIND_USER };

struct selection {
	enum kind kind;
	int32_t id;   /* of a thread or a group; 0 = the caller's */
	uint32_t uid; /* of KIND_USER */
};

/* One thread of those selected; returns -errno to note, or 0. */
typedef int visit_fn(struct thread *self, struct thread *thread, int *value);

static bool is_selected(
	const struct selection *s, const struct thread *self, const struct thread *thread)
{
	switch (s->kind) {
	case KIND_THREAD:
		return s->id ? thread->tid == s->id : thread == self;
	case KIND_GROUP:
		return thread->process->pgid == (s->id ? s->id : self->process->pgid);
	default:
		return thread->credentials.uid == s->uid;
	}
}

/* -ESRCH if there is none. */
static int for_each_selected(
	struct thread *self, const struct selection *s, visit_fn *visit, int *value)
{
	struct process *process;
	struct thread *thread;
	int result = -ESRCH, r;

	LOCK_SCOPE(&process_table_lock);
	LIST_FOR_EACH (process, &process_table, link)
		LIST_FOR_EACH (thread, &process->threads, in_process) {
			if (!is_selected(s, self, thread))
				continue;
			r = visit(self, thread, value);
			if (r || result == -ESRCH)
				result = r;
		}
	return result;
}

static int select(
	struct thread *self, int which, int first, uint64_t who, struct selection *ret_selection)
{
	if (which < first || which > first + KIND_USER)
		return -EINVAL;
	*ret_selection = (struct selection){
		.kind = (enum kind)(which - first),
		.id = (int32_t)who,
		.uid = (uint32_t)who ? (uint32_t)who : self->credentials.uid,
	};
	return 0;
}

static bool may_change(const struct thread *self, const struct thread *thread)
{
	const struct credentials *own = &self->credentials, *its = &thread->credentials;

	return own->euid == its->euid || own->euid == its->uid ||
	       credentials_can(own, CAP_SYS_NICE);
}

/* ---- Nice values -------------------------------------------------------------------------------
 */

static int nice_best(struct thread *self, struct thread *thread, int *best)
{
	(void)self;
	*best = MAX(*best, NICE_FLOOR - thread->schedule.nice);
	return 0;
}

static int nice_change(struct thread *self, struct thread *thread, int *nice)
{
	uint64_t limit = thread->process->limits[RLIMIT_NICE].soft;

	if (!may_change(self, thread))
		return -EPERM;
	if (*nice < thread->schedule.nice && (uint64_t)(NICE_FLOOR - *nice) > limit &&
		!credentials_can(&self->credentials, CAP_SYS_NICE))
		return -EACCES;
	thread->schedule.nice = *nice;
	return 0;
}

long sys_getpriority(struct thread *thread, const struct syscall_args *args)
{
	struct selection selection;
	int best = 0, r = select(thread, (int)args->a, PRIO_PROCESS, args->b, &selection);

	if (!r)
		r = for_each_selected(thread, &selection, nice_best, &best);
	return r ? r : best;
}

long sys_setpriority(struct thread *thread, const struct syscall_args *args)
{
	struct selection selection;
	int nice = MIN(MAX((int)args->c, NICE_MIN), NICE_MAX);
	int r = select(thread, (int)args->a, PRIO_PROCESS, args->b, &selection);

	return r ? r : for_each_selected(thread, &selection, nice_change, &nice);
}

/* ---- I/O priorities ----------------------------------------------------------------------------
 */

static int ioprio_best(struct thread *self, struct thread *thread, int *best)
{
	int value = thread->schedule.ioprio;

	(void)self;
	/* Lower is better; class 0 says nothing. */
	if (!*best || (value && value < *best))
		*best = value;
	return 0;
}

static int ioprio_change(struct thread *self, struct thread *thread, int *value)
{
	if (!may_change(self, thread))
		return -EPERM;
	thread->schedule.ioprio = (uint16_t)*value;
	return 0;
}

static int ioprio_check(struct thread *thread, int value)
{
	int class = value >> IOPRIO_CLASS_SHIFT, data = value & ((1 << IOPRIO_CLASS_SHIFT) - 1);

	switch (class) {
	case IOPRIO_CLASS_RT:
		if (!credentials_can(&thread->credentials, CAP_SYS_ADMIN) &&
			!credentials_can(&thread->credentials, CAP_SYS_NICE))
			return -EPERM;
		return data < IOPRIO_NR_LEVELS ? 0 : -EINVAL;
	case IOPRIO_CLASS_BE:
		return data < IOPRIO_NR_LEVELS ? 0 : -EINVAL;
	case IOPRIO_CLASS_IDLE:
		return 0;
	case IOPRIO_CLASS_NONE:
		return data ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

long sys_ioprio_get(struct thread *thread, const struct syscall_args *args)
{
	struct selection selection;
	int best = 0;
	int r = select(thread, (int)args->a, IOPRIO_WHO_PROCESS, args->b, &selection);

	if (!r)
		r = for_each_selected(thread, &selection, ioprio_best, &best);
	return r ? r : best;
}

long sys_ioprio_set(struct thread *thread, const struct syscall_args *args)
{
	struct selection selection;
	int value = (int)args->c, r = ioprio_check(thread, value);

	if (!r)
		r = select(thread, (int)args->a, IOPRIO_WHO_PROCESS, args->b, &selection);
	return r ? r : for_each_selected(thread, &selection, ioprio_change, &value);
}
