/* Which processors a thread may run on, and what it asks of the scheduler. */
#include "libos/processes/sched.h"

#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/sched/types.h>

#include "base/memory.h"
#include "libos/core/user.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"
#include "libos/time/timespec.h"
#include "platform/platform.h"

#define PRIORITY_MAX 99
#define NICE_MIN (-20)
#define NICE_MAX 19
#define ROUND_ROBIN_NS 100000000
#define SLICE_NS 4000000

void schedule_inherit(struct thread_schedule *child, const struct thread_schedule *parent)
{
	*child = *parent;
	child->reset_on_fork = false;
	if (!parent->reset_on_fork)
		return;
	if (child->policy == SCHED_FIFO || child->policy == SCHED_RR) {
		child->policy = SCHED_NORMAL;
		child->priority = 0;
	}
	child->nice = MAX(child->nice, 0);
}

static unsigned int cpu_count(void)
{
	return MIN(platform_cpu_count(), (unsigned int)SCHEDULE_CPU_COUNT_MAX);
}

static size_t mask_words(void)
{
	return (cpu_count() + 63) / 64;
}

/* May @self change how @target is scheduled? */
static bool may_change(const struct thread *self, const struct thread *target)
{
	const struct credentials *own = &self->credentials, *its = &target->credentials;

	return own->euid == its->euid || own->euid == its->uid ||
	       credentials_can(own, CAP_SYS_NICE);
}

/* Process table locked: @tid 0 is the caller. */
static struct thread *find(struct thread *self, int32_t tid)
{
	return tid ? thread_find(tid) : self;
}

/* ---- Processors --------------------------------------------------------------------------------
 */

static void mask_all(uint64_t *mask)
{
	unsigned int count = cpu_count();

	memset(mask, 0, SCHEDULE_MASK_WORDS * sizeof(mask[0]));
	for (unsigned int i = 0; i < count; i++)
		mask[i / 64] |= 1UL << (i % 64);
}

static void mask_of(const struct thread *thread, uint64_t *ret_mask)
{
	if (thread->schedule.has_mask)
		memcpy(ret_mask, thread->schedule.mask, sizeof(thread->schedule.mask));
	else
		mask_all(ret_mask);
}

long sys_sched_getaffinity(struct thread *thread, const struct syscall_args *args)
{
	uint64_t mask[SCHEDULE_MASK_WORDS];
	size_t size = mask_words() * sizeof(mask[0]);
	struct thread *target;

	if (args->b * 8 < cpu_count() || !IS_ALIGNED(args->b, sizeof(mask[0])))
		return -EINVAL;
	lock_acquire(&process_table_lock);
	target = find(thread, (int32_t)args->a);
	if (target)
		mask_of(target, mask);
	lock_release(&process_table_lock);
	if (!target)
		return -ESRCH;
	size = MIN(size, (uint32_t)args->b);
	return user_write(args->c, mask, size) ? -EFAULT : (long)size;
}

long sys_sched_setaffinity(struct thread *thread, const struct syscall_args *args)
{
	uint64_t mask[SCHEDULE_MASK_WORDS] = {0}, all[SCHEDULE_MASK_WORDS], any = 0;
	struct thread *target;

	if (user_read(mask, args->c, MIN((uint32_t)args->b, sizeof(mask))))
		return -EFAULT;
	mask_all(all);
	for (size_t i = 0; i < ARRAY_SIZE(mask); i++)
		any |= mask[i] &= all[i];
	LOCK_SCOPE(&process_table_lock);
	target = find(thread, (int32_t)args->a);
	if (!target)
		return -ESRCH;
	if (!may_change(thread, target))
		return -EPERM;
	if (!any)
		return -EINVAL;
	memcpy(target->schedule.mask, mask, sizeof(mask));
	target->schedule.has_mask = true;
	platform_thread_affinity(target, mask, mask_words());
	return 0;
}

long sys_getcpu(struct thread *thread, const struct syscall_args *args)
{
	uint32_t cpu = platform_cpu_current(), node = 0;

	(void)thread;
	if (args->a && USER_PUT(args->a, cpu))
		return -EFAULT;
	return args->b && USER_PUT(args->b, node) ? -EFAULT : 0;
}

long sys_sched_yield(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	(void)args;
	platform_yield();
	return 0;
}

/* ---- Policies ----------------------------------------------------------------------------------
 */

static bool is_realtime(uint32_t policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool is_ordinary(uint32_t policy)
{
	return policy == SCHED_NORMAL || policy == SCHED_BATCH || policy == SCHED_IDLE;
}

static bool may_nice(struct thread *self, struct thread *target, int nice)
{
	uint64_t limit = target->process->limits[RLIMIT_NICE].soft;

	return nice >= target->schedule.nice || (uint64_t)(20 - nice) <= limit ||
	       credentials_can(&self->credentials, CAP_SYS_NICE);
}

static int check_schedule(
	struct thread *self, struct thread *target, const struct thread_schedule *next)
{
	const struct thread_schedule *old = &target->schedule;
	uint64_t limit = target->process->limits[RLIMIT_RTPRIO].soft;

	if (!is_ordinary(next->policy) && !is_realtime(next->policy))
		return next->policy == SCHED_DEADLINE ? -EPERM : -EINVAL;
	if (next->priority < 0 || next->priority > PRIORITY_MAX ||
		is_realtime(next->policy) != (next->priority != 0))
		return -EINVAL;
	if (credentials_can(&self->credentials, CAP_SYS_NICE))
		return 0;
	if (is_realtime(next->policy) &&
		((next->policy != old->policy && !limit) ||
			(next->priority > old->priority && (uint64_t)next->priority > limit)))
		return -EPERM;
	if (is_ordinary(next->policy) && !may_nice(self, target, next->nice))
		return -EPERM;
	if (old->policy == SCHED_IDLE && next->policy != SCHED_IDLE &&
		!may_nice(self, target, old->nice - 1))
		return -EPERM;
	if (old->reset_on_fork && !next->reset_on_fork)
		return -EPERM;
	return may_change(self, target) ? 0 : -EPERM;
}

/* @policy negative: keep it. @nice beyond its range: keep it. */
static long schedule_set(
	struct thread *self, int32_t tid, int policy, int32_t priority, int32_t nice, bool reset)
{
	struct thread_schedule next;
	struct thread *target;
	int r;

	if (tid < 0)
		return -EINVAL;
	LOCK_SCOPE(&process_table_lock);
	target = find(self, tid);
	if (!target)
		return -ESRCH;
	next = target->schedule;
	if (policy >= 0) {
		next.policy = (uint32_t)policy;
		next.reset_on_fork = reset;
	}
	next.priority = priority;
	if (nice >= NICE_MIN && nice <= NICE_MAX && is_ordinary(next.policy))
		next.nice = nice;
	r = check_schedule(self, target, &next);
	if (r)
		return r;
	target->schedule.policy = next.policy;
	target->schedule.priority = next.priority;
	target->schedule.nice = next.nice;
	target->schedule.reset_on_fork = next.reset_on_fork;
	return 0;
}

static long schedule_get(struct thread *self, int32_t tid, struct thread_schedule *ret_schedule)
{
	struct thread *target;

	if (tid < 0)
		return -EINVAL;
	LOCK_SCOPE(&process_table_lock);
	target = find(self, tid);
	if (!target)
		return -ESRCH;
	*ret_schedule = target->schedule;
	return 0;
}

long sys_sched_setscheduler(struct thread *thread, const struct syscall_args *args)
{
	int policy = (int)args->b;
	int32_t priority;

	if (policy < 0 || !args->c)
		return -EINVAL;
	if (USER_GET(&priority, args->c))
		return -EFAULT;
	return schedule_set(thread, (int32_t)args->a, policy & ~SCHED_RESET_ON_FORK, priority,
		INT32_MAX, policy & SCHED_RESET_ON_FORK);
}

long sys_sched_setparam(struct thread *thread, const struct syscall_args *args)
{
	int32_t priority;

	if (!args->b)
		return -EINVAL;
	if (USER_GET(&priority, args->b))
		return -EFAULT;
	return schedule_set(thread, (int32_t)args->a, -1, priority, INT32_MAX, false);
}

long sys_sched_getscheduler(struct thread *thread, const struct syscall_args *args)
{
	struct thread_schedule schedule;
	long r = schedule_get(thread, (int32_t)args->a, &schedule);

	if (r)
		return r;
	return (long)schedule.policy | (schedule.reset_on_fork ? SCHED_RESET_ON_FORK : 0);
}

long sys_sched_getparam(struct thread *thread, const struct syscall_args *args)
{
	struct thread_schedule schedule;
	long r;

	if (!args->b)
		return -EINVAL;
	r = schedule_get(thread, (int32_t)args->a, &schedule);
	return r ? r : USER_PUT(args->b, schedule.priority);
}

long sys_sched_setattr(struct thread *thread, const struct syscall_args *args)
{
	struct sched_attr attr = {0};
	uint32_t size, known = sizeof(attr);
	uint64_t flags = SCHED_FLAG_RESET_ON_FORK | SCHED_FLAG_KEEP_POLICY | SCHED_FLAG_KEEP_PARAMS;
	int r;

	if (!args->b || (int32_t)args->a < 0 || args->c)
		return -EINVAL;
	if (USER_GET(&size, args->b))
		return -EFAULT;
	size = size ? size : SCHED_ATTR_SIZE_VER0;
	if (size < SCHED_ATTR_SIZE_VER0 || size > PAGE_SIZE)
		return USER_PUT(args->b, known) ? -EFAULT : -E2BIG;
	r = user_read_versioned(&attr, sizeof(attr), args->b, size);
	if (r)
		return r == -E2BIG && USER_PUT(args->b, known) ? -EFAULT : r;
	if ((attr.sched_flags & ~flags) || (int32_t)attr.sched_policy < 0)
		return -EINVAL;
	if (attr.sched_policy == SCHED_DEADLINE)
		return -EPERM;
	if (attr.sched_flags & SCHED_FLAG_KEEP_PARAMS)
		return 0;
	attr.sched_nice = MIN(MAX(attr.sched_nice, NICE_MIN), NICE_MAX);
	return schedule_set(thread, (int32_t)args->a,
		attr.sched_flags & SCHED_FLAG_KEEP_POLICY ? -1 : (int)attr.sched_policy,
		(int32_t)attr.sched_priority, attr.sched_nice,
		attr.sched_flags & SCHED_FLAG_RESET_ON_FORK);
}

long sys_sched_getattr(struct thread *thread, const struct syscall_args *args)
{
	struct thread_schedule schedule;
	struct sched_attr attr = {.size = sizeof(attr)};
	uint32_t size = (uint32_t)args->c;
	long r;

	if (!args->b || size < SCHED_ATTR_SIZE_VER0 || size > PAGE_SIZE || args->d)
		return -EINVAL;
	r = schedule_get(thread, (int32_t)args->a, &schedule);
	if (r)
		return r;
	attr.size = MIN(size, attr.size);
	attr.sched_policy = schedule.policy;
	attr.sched_flags = schedule.reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0;
	if (is_realtime(schedule.policy))
		attr.sched_priority = (uint32_t)schedule.priority;
	else
		attr.sched_nice = schedule.nice;
	return user_write(args->b, &attr, attr.size);
}

long sys_sched_get_priority_max(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	if (is_realtime((uint32_t)args->a))
		return PRIORITY_MAX;
	return is_ordinary((uint32_t)args->a) || args->a == SCHED_DEADLINE ? 0 : -EINVAL;
}

long sys_sched_get_priority_min(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	if (is_realtime((uint32_t)args->a))
		return 1;
	return is_ordinary((uint32_t)args->a) || args->a == SCHED_DEADLINE ? 0 : -EINVAL;
}

long sys_sched_rr_get_interval(struct thread *thread, const struct syscall_args *args)
{
	struct thread_schedule schedule;
	long r = schedule_get(thread, (int32_t)args->a, &schedule);

	if (r)
		return r;
	return timespec_write(args->b, schedule.policy == SCHED_RR     ? ROUND_ROBIN_NS
				       : schedule.policy == SCHED_FIFO ? 0
								       : SLICE_NS);
}
