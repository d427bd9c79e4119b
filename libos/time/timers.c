/* Timers of processes: setitimer(2), alarm(2), timer_create(2). */
#include "libos/time/timers.h"

#include <asm/errno.h>
#include <asm/signal.h>
#include <asm-generic/siginfo.h>
#include <linux/capability.h>
#include <linux/resource.h>
#include <linux/time.h>

#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/processes/process.h"
#include "libos/processes/rusage.h"
#include "libos/syscalls/syscall.h"
#include "libos/time/clock.h"
#include "libos/time/timespec.h"
#include "platform/platform.h"

#define CPU_STEP_NS 10000000UL /* how often CPU time is looked at */
#define INTERVAL_KIND_COUNT 3
#define POSIX_TIMER_COUNT_MAX 4096
#define TIMER_ABSOLUTE 1
#define CPU_LIMIT_STEP_NS 100000000UL

/* What a timer counts. */
enum base { BASE_MONOTONIC, BASE_REALTIME, BASE_CPU };

struct timer {
	struct deadline deadline;
	struct process *process; /* outlives the timer */
	enum base base;
	uint64_t next;     /* on its clock; 0 = disarmed */
	uint64_t interval; /* 0 = once */
	int32_t signo;     /* 0: no signal */
	/* of timer_create: */
	struct list link;
	int32_t id;         /* -1: an interval timer */
	int32_t target_tid; /* SIGEV_THREAD_ID, or 0 */
	uint64_t value;
	int32_t overrun; /* of the signal that was taken last */
};

struct timers {
	struct process *process;
	struct deadline cpu_limit;
	struct timer intervals[INTERVAL_KIND_COUNT]; /* ITIMER_* */
	struct list posix;
	int32_t next_id;
	uint32_t count;
};

/* Guards what is in all of the above; taken before deadlines_lock and signal locks. */
static struct lock timers_lock;
/* Held while a timer of timer_create is set or deleted, so that it stays; taken before all. */
static struct lock settings_lock;

static uint64_t now_of(const struct timer *timer)
{
	switch (timer->base) {
	case BASE_MONOTONIC:
		return clock_monotonic_ns();
	case BASE_REALTIME:
		return clock_realtime_ns();
	default:
		return process_cpu_ns(timer->process);
	}
}

/* Let the service look at the timer when it may be due. @now on its clock. */
static void arm(struct timer *timer, uint64_t now)
{
	uint64_t left = timer->next > now ? timer->next - now : 0;

	if (timer->base == BASE_CPU)
		left = MAX(left / MAX(platform_cpu_count(), 1U), CPU_STEP_NS);
	deadline_arm(&timer->deadline, deadline_after(clock_monotonic_ns(), left));
}

/* The timer has expired @times times more. Process table locked. */
static void notify(struct timer *timer, uint64_t times)
{
	struct process *process = timer->process;
	struct signal_info info = {.signo = timer->signo, .code = SI_TIMER};
	struct thread *target = NULL;
	int32_t more = (int32_t)MIN(times, (uint64_t)INT32_MAX);
	int32_t overrun = (int32_t)MIN(times - 1, (uint64_t)INT32_MAX);

	if (!timer->signo)
		return;
	if (timer->id < 0) {
		(void)!signal_send_process_locked(process, timer->signo, NULL);
		return;
	}
	if (timer->target_tid) {
		target = thread_find(timer->target_tid);
		if (!target || target->process != process)
			return;
	}
	if (signal_timer_again(process, target, timer->signo, timer->id, more))
		return;
	info.timer.id = timer->id;
	info.timer.overrun = overrun;
	info.timer.value = timer->value;
	if (target)
		(void)!signal_send_thread_locked(target, timer->signo, &info);
	else
		(void)!signal_send_process_locked(process, timer->signo, &info);
}

static void expire(struct deadline *deadline)
{
	struct timer *timer = CONTAINER_OF(deadline, struct timer, deadline);
	uint64_t now, times = 0;

	LOCK_SCOPE(&process_table_lock);
	LOCK_SCOPE(&timers_lock);
	if (!timer->next)
		return;
	now = now_of(timer);
	if (now >= timer->next) {
		times = 1 + (timer->interval ? (now - timer->next) / timer->interval : 0);
		timer->next = timer->interval ? timer->next + times * timer->interval : 0;
	}
	if (timer->next)
		arm(timer, now);
	if (times)
		notify(timer, times);
}

static void timer_init(
	struct timer *timer, struct process *process, enum base base, int32_t id, int32_t signo)
{
	*timer = (struct timer){.process = process, .base = base, .id = id, .signo = signo};
	timer->deadline.expire = expire;
	list_init(&timer->link);
}

/* What is set on a timer, both on its clock's scale: 0 = not armed. */
struct setting {
	uint64_t value, interval;
};

/* With the lock. What is left, never 0 while it is armed. */
static struct setting setting_get(const struct timer *timer)
{
	struct setting setting = {0, timer->interval};
	uint64_t now;

	if (!timer->next)
		return setting;
	now = now_of(timer);
	if (timer->next > now)
		setting.value = timer->next - now;
	else if (timer->signo)
		setting.value = 1; /* due, but the service has not come to it */
	else if (timer->interval)
		setting.value = timer->interval - (now - timer->next) % timer->interval;
	return setting;
}

static void setting_put(
	struct timer *timer, struct setting setting, bool absolute, struct setting *ret_old)
{
	uint64_t now;

	deadline_cancel(&timer->deadline);
	LOCK_SCOPE(&process_table_lock);
	LOCK_SCOPE(&timers_lock);
	*ret_old = setting_get(timer);
	timer->interval = setting.interval;
	timer->next = 0;
	timer->overrun = 0;
	if (!setting.value)
		return;
	now = now_of(timer);
	timer->next = absolute ? setting.value : deadline_after(now, setting.value);
	/* One that signals nobody is worked out when it is asked for. */
	if (timer->signo)
		arm(timer, now);
}

/* ---- A process's timers ------------------------------------------------------------------------
 */

static void arm_cpu_limit(struct timers *timers)
{
	deadline_arm(&timers->cpu_limit, clock_monotonic_ns() + CPU_LIMIT_STEP_NS);
}

/* RLIMIT_CPU: SIGXCPU at the soft limit, which moves on by a second, SIGKILL at the hard one. */
static void on_cpu_limit(struct deadline *deadline)
{
	struct timers *timers = CONTAINER_OF(deadline, struct timers, cpu_limit);
	struct process *process = timers->process;
	struct rlimit_pair *limit = &process->limits[RLIMIT_CPU];
	uint64_t seconds;

	LOCK_SCOPE(&process_table_lock);
	seconds = process_cpu_ns(process) / NS_PER_S;
	if (seconds >= limit->hard) {
		(void)!signal_send_process_locked(process, SIGKILL, NULL);
		return;
	}
	if (seconds >= limit->soft) {
		(void)!signal_send_process_locked(process, SIGXCPU, NULL);
		limit->soft++;
	}
	if (limit->soft != UINT64_MAX || limit->hard != UINT64_MAX)
		arm_cpu_limit(timers);
}

static struct timers *timers_of(struct process *process)
{
	static const enum base bases[] = {BASE_MONOTONIC, BASE_CPU, BASE_CPU};
	static const int32_t signals[] = {SIGALRM, SIGVTALRM, SIGPROF};
	struct timers *timers;

	LOCK_SCOPE(&timers_lock);
	timers = process->timers;
	if (timers)
		return timers;
	timers = heap_alloc(sizeof(*timers));
	if (!timers)
		return NULL;
	list_init(&timers->posix);
	timers->process = process;
	timers->cpu_limit.expire = on_cpu_limit;
	for (int i = 0; i < INTERVAL_KIND_COUNT; i++)
		timer_init(&timers->intervals[i], process, bases[i], -1, signals[i]);
	process->timers = timers;
	return timers;
}

void timers_watch_cpu(struct process *process)
{
	struct timers *timers = timers_of(process);

	if (timers)
		arm_cpu_limit(timers);
}

static struct timer *posix_take_any(struct timers *timers)
{
	struct timer *timer;

	LOCK_SCOPE(&timers_lock);
	if (list_is_empty(&timers->posix))
		return NULL;
	timer = LIST_FIRST(&timers->posix, struct timer, link);
	list_remove(&timer->link);
	timers->count--;
	return timer;
}

static void posix_free(struct timer *timer)
{
	deadline_cancel(&timer->deadline);
	heap_free(timer);
}

void timers_exec(struct process *process)
{
	struct timer *timer;

	if (!process->timers)
		return;
	while ((timer = posix_take_any(process->timers)))
		posix_free(timer);
}

void timers_exit(struct process *process)
{
	struct timers *timers = process->timers;

	if (!timers)
		return;
	timers_exec(process);
	deadline_cancel(&timers->cpu_limit);
	for (int i = 0; i < INTERVAL_KIND_COUNT; i++)
		deadline_cancel(&timers->intervals[i].deadline);
	process->timers = NULL;
	heap_free(timers);
}

/* ---- setitimer, getitimer, alarm ---------------------------------------------------------------
 */

struct interval_value {
	int64_t interval_seconds, interval_microseconds, seconds, microseconds;
};

static int interval_ns(int64_t seconds, int64_t microseconds, uint64_t *ret_ns)
{
	if (seconds < 0 || microseconds < 0 || microseconds >= 1000000)
		return -EINVAL;
	*ret_ns = (uint64_t)seconds > UINT64_MAX / NS_PER_S - 1
			  ? UINT64_MAX
			  : (uint64_t)seconds * NS_PER_S + (uint64_t)microseconds * 1000;
	return 0;
}

static struct interval_value interval_value(struct setting s)
{
	/* Rounded up: what is armed does not read as disarmed. */
	uint64_t value = s.value > UINT64_MAX - 999 ? s.value : s.value + 999;

	return (struct interval_value){(int64_t)(s.interval / NS_PER_S),
		(int64_t)(s.interval % NS_PER_S / 1000), (int64_t)(value / NS_PER_S),
		(int64_t)(value % NS_PER_S / 1000)};
}

long sys_getitimer(struct thread *thread, const struct syscall_args *args)
{
	struct timers *timers = thread->process->timers;
	struct setting setting = {0, 0};
	struct interval_value value;

	if (args->a >= INTERVAL_KIND_COUNT)
		return -EINVAL;
	if (timers) {
		LOCK_SCOPE(&process_table_lock);
		LOCK_SCOPE(&timers_lock);
		setting = setting_get(&timers->intervals[args->a]);
	}
	value = interval_value(setting);
	return USER_PUT(args->b, value);
}

long sys_setitimer(struct thread *thread, const struct syscall_args *args)
{
	struct timers *timers = timers_of(thread->process);
	struct interval_value value = {0};
	struct setting setting, old;

	if (args->a >= INTERVAL_KIND_COUNT)
		return -EINVAL;
	if (!timers)
		return -ENOMEM;
	if (args->b && USER_GET(&value, args->b))
		return -EFAULT;
	if (interval_ns(value.seconds, value.microseconds, &setting.value) ||
		interval_ns(value.interval_seconds, value.interval_microseconds, &setting.interval))
		return -EINVAL;
	setting_put(&timers->intervals[args->a], setting, false, &old);
	value = interval_value(old);
	return args->c && USER_PUT(args->c, value) ? -EFAULT : 0;
}

long sys_alarm(struct thread *thread, const struct syscall_args *args)
{
	struct timers *timers = timers_of(thread->process);
	struct setting setting = {(uint32_t)args->a * NS_PER_S, 0}, old;
	uint64_t seconds;

	if (!timers)
		return -ENOMEM;
	setting_put(&timers->intervals[0], setting, false, &old);
	seconds = (old.value + NS_PER_S / 2) / NS_PER_S;
	return (long)(old.value && !seconds ? 1 : seconds);
}

/* ---- timer_create and its kin ------------------------------------------------------------------
 */

struct timer_event {
	uint64_t value;
	int32_t signo, notify, tid;
	uint8_t rest[44];
};
_Static_assert(sizeof(struct timer_event) == 64, "ABI");

static int check_event(struct thread *thread, const struct timer_event *event)
{
	struct thread *target;

	if (event->notify == SIGEV_NONE)
		return 0;
	if (event->notify != SIGEV_SIGNAL && event->notify != (SIGEV_SIGNAL | SIGEV_THREAD_ID))
		return event->notify == SIGEV_THREAD ? 0 : -EINVAL;
	if (event->signo < 1 || event->signo > SIGNAL_COUNT)
		return -EINVAL;
	if (!(event->notify & SIGEV_THREAD_ID))
		return 0;
	LOCK_SCOPE(&process_table_lock);
	target = thread_find(event->tid);
	return target && target->process == thread->process ? 0 : -EINVAL;
}

static int base_of_clock(struct thread *thread, int id, enum base *ret_base)
{
	uint64_t now;
	int r = clock_read(id, &now);

	if (r)
		return r;
	switch (id) {
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_MONOTONIC_RAW:
		return -EOPNOTSUPP;
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		if (!credentials_can(&thread->credentials, CAP_WAKE_ALARM))
			return -EPERM;
		break;
	default:
		break;
	}
	*ret_base = clock_counts_cpu(id) ? BASE_CPU
		    : id == CLOCK_REALTIME || id == CLOCK_REALTIME_ALARM || id == CLOCK_TAI
			    ? BASE_REALTIME
			    : BASE_MONOTONIC;
	return 0;
}

static int posix_add(struct process *process, struct timer *timer, bool value_is_id)
{
	struct timers *timers = timers_of(process);

	if (!timers)
		return -ENOMEM;
	LOCK_SCOPE(&timers_lock);
	if (timers->count >= POSIX_TIMER_COUNT_MAX ||
		timers->count >= process->limits[RLIMIT_SIGPENDING].soft)
		return -EAGAIN;
	timer->id = timers->next_id;
	timers->next_id = timers->next_id == INT32_MAX ? 0 : timers->next_id + 1;
	if (value_is_id)
		timer->value = (uint64_t)timer->id;
	list_add_tail(&timers->posix, &timer->link);
	timers->count++;
	return 0;
}

/* With the lock. */
static struct timer *posix_find(struct process *process, uint64_t id)
{
	struct timer *timer;

	if (!process->timers)
		return NULL;
	LIST_FOR_EACH (timer, &process->timers->posix, link)
		if (timer->id == (int32_t)id)
			return timer;
	return NULL;
}

long sys_timer_create(struct thread *thread, const struct syscall_args *args)
{
	struct timer_event event = {.signo = SIGALRM, .notify = SIGEV_SIGNAL};
	struct timer *timer;
	enum base base;
	int32_t id;
	int r;

	if (args->b && USER_GET(&event, args->b))
		return -EFAULT;
	r = base_of_clock(thread, (int)args->a, &base);
	if (!r)
		r = check_event(thread, &event);
	if (r)
		return r;
	timer = heap_alloc(sizeof(*timer));
	if (!timer)
		return -EAGAIN;
	timer_init(timer, thread->process, base, 0, event.notify & SIGEV_NONE ? 0 : event.signo);
	timer->target_tid = event.notify & SIGEV_THREAD_ID ? event.tid : 0;
	timer->value = event.value;
	r = posix_add(thread->process, timer, !args->b);
	if (r) {
		heap_free(timer);
		return r;
	}
	id = timer->id;
	return USER_PUT(args->c, id);
}

struct timer_spec {
	struct timespec64 interval, value;
};

static long put_setting(uint64_t address, struct setting s)
{
	struct timer_spec spec = {
		{(int64_t)(s.interval / NS_PER_S), (int64_t)(s.interval % NS_PER_S)},
		{(int64_t)(s.value / NS_PER_S), (int64_t)(s.value % NS_PER_S)}};

	return USER_PUT(address, spec);
}

long sys_timer_settime(struct thread *thread, const struct syscall_args *args)
{
	struct setting setting, old;
	struct timer *timer;
	int r = args->c ? timespec_read(args->c, &setting.interval) : -EINVAL;

	if (!r)
		r = timespec_read(args->c + sizeof(struct timespec64), &setting.value);
	if (r)
		return r;
	lock_acquire(&settings_lock);
	lock_acquire(&timers_lock);
	timer = posix_find(thread->process, args->a);
	lock_release(&timers_lock);
	if (timer)
		setting_put(timer, setting, args->b & TIMER_ABSOLUTE, &old);
	lock_release(&settings_lock);
	if (!timer)
		return -EINVAL;
	return args->d ? put_setting(args->d, old) : 0;
}

long sys_timer_gettime(struct thread *thread, const struct syscall_args *args)
{
	struct setting setting = {0, 0};
	struct timer *timer;

	lock_acquire(&process_table_lock);
	lock_acquire(&timers_lock);
	timer = posix_find(thread->process, args->a);
	if (timer)
		setting = setting_get(timer);
	lock_release(&timers_lock);
	lock_release(&process_table_lock);
	return timer ? put_setting(args->b, setting) : -EINVAL;
}

long sys_timer_getoverrun(struct thread *thread, const struct syscall_args *args)
{
	struct timer *timer;

	LOCK_SCOPE(&timers_lock);
	timer = posix_find(thread->process, args->a);
	return timer ? timer->overrun : -EINVAL;
}

/* timer_getoverrun(2): "the most recent signal delivery". */
void timers_signal_taken(struct process *process, const struct signal_info *info)
{
	struct timer *timer;

	LOCK_SCOPE(&timers_lock);
	timer = posix_find(process, (uint64_t)info->timer.id);
	if (timer)
		timer->overrun = info->timer.overrun;
}

long sys_timer_delete(struct thread *thread, const struct syscall_args *args)
{
	struct timer *timer;

	LOCK_SCOPE(&settings_lock);
	lock_acquire(&timers_lock);
	timer = posix_find(thread->process, args->a);
	if (timer) {
		list_remove(&timer->link);
		thread->process->timers->count--;
	}
	lock_release(&timers_lock);
	if (!timer)
		return -EINVAL;
	posix_free(timer);
	return 0;
}
