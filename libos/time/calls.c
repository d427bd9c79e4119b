/* Reading clocks and sleeping on them. */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/time.h>
#include <linux/timex.h>

#include "base/memory.h"
#include "libos/core/user.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"
#include "libos/time/clock.h"
#include "libos/time/timespec.h"

#define COARSE_RESOLUTION_NS 4000000 /* a tick of 250 Hz */
#define CPU_CLOCK_STEP_NS 10000000   /* how often a sleeper on CPU time looks */

static int64_t time_at(uint64_t ns)
{
	return (int64_t)(ns / NS_PER_S);
}

long sys_clock_gettime(struct thread *thread, const struct syscall_args *args)
{
	uint64_t ns;
	int r = clock_read((int)args->a, &ns);

	(void)thread;
	return r ? r : timespec_write(args->b, ns);
}

long sys_clock_getres(struct thread *thread, const struct syscall_args *args)
{
	int id = (int)args->a;
	uint64_t ns;
	int r = clock_read(id, &ns);

	(void)thread;
	if (r || !args->b)
		return r;
	ns = id == CLOCK_REALTIME_COARSE || id == CLOCK_MONOTONIC_COARSE ? COARSE_RESOLUTION_NS : 1;
	return timespec_write(args->b, ns);
}

long sys_time(struct thread *thread, const struct syscall_args *args)
{
	int64_t now = time_at(clock_realtime_ns());

	(void)thread;
	return args->a && USER_PUT(args->a, now) ? -EFAULT : now;
}

long sys_gettimeofday(struct thread *thread, const struct syscall_args *args)
{
	uint64_t ns = clock_realtime_ns();
	struct {
		int64_t seconds, microseconds;
	} tv = {time_at(ns), (int64_t)(ns % NS_PER_S / 1000)};
	uint64_t zone = 0; /* two ints: minutes west of Greenwich, kind of summer time */

	(void)thread;
	if (args->a && USER_PUT(args->a, tv))
		return -EFAULT;
	return args->b && USER_PUT(args->b, zone) ? -EFAULT : 0;
}

/* ---- Setting: the enclave's clock is nobody's to set -------------------------------------------
 */

long sys_clock_settime(struct thread *thread, const struct syscall_args *args)
{
	struct timespec64 ts;

	(void)thread;
	if ((int)args->a != CLOCK_REALTIME)
		return -EINVAL;
	if (USER_GET(&ts, args->b))
		return -EFAULT;
	if (ts.seconds < 0 || ts.nanoseconds < 0 || ts.nanoseconds >= (int64_t)NS_PER_S)
		return -EINVAL;
	return -EPERM;
}

long sys_settimeofday(struct thread *thread, const struct syscall_args *args)
{
	struct {
		int64_t seconds, microseconds;
	} tv = {0, 0};
	uint64_t zone; /* as for gettimeofday */

	(void)thread;
	if (args->a && USER_GET(&tv, args->a))
		return -EFAULT;
	if (tv.seconds < 0 || tv.microseconds < 0 || tv.microseconds >= (int64_t)(NS_PER_S / 1000))
		return -EINVAL;
	if (args->b && USER_GET(&zone, args->b))
		return -EFAULT;
	return -EPERM;
}

static long adjust(uint64_t address)
{
	uint64_t now = clock_realtime_ns();
	struct __kernel_timex tx;

	if (USER_GET(&tx, address))
		return -EFAULT;
	if (tx.modes && tx.modes != ADJ_OFFSET_SS_READ)
		return -EPERM;
	memset(&tx, 0, sizeof(tx));
	tx.status = STA_UNSYNC;
	tx.maxerror = tx.esterror = 16000000;
	tx.constant = 2;
	tx.precision = 1;
	tx.tolerance = 32768000;
	tx.tick = 10000;
	tx.time.tv_sec = time_at(now);
	tx.time.tv_usec = (long long)(now % NS_PER_S / 1000);
	return USER_PUT(address, tx) ? -EFAULT : TIME_ERROR;
}

long sys_adjtimex(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return adjust(args->a);
}

long sys_clock_adjtime(struct thread *thread, const struct syscall_args *args)
{
	uint64_t ns;
	int r = clock_read((int)args->a, &ns);

	(void)thread;
	if (r)
		return r;
	return (int)args->a == CLOCK_REALTIME ? adjust(args->b) : -EOPNOTSUPP;
}

/* ---- Sleeping ----------------------------------------------------------------------------------
 */

/* The next time to look whether clock @id has reached @target. */
static uint64_t next_look(int id, uint64_t now, uint64_t target)
{
	uint64_t left = target - now;

	if (clock_counts_cpu(id))
		left = MAX(left, (uint64_t)CPU_CLOCK_STEP_NS);
	return deadline_after(clock_monotonic_ns(), left);
}

/* 0 at @target on clock @id, -EINTR, or why there is no such clock. */
static int sleep_until(int id, uint64_t target)
{
	uint64_t now;
	int r;

	for (;;) {
		r = clock_read(id, &now);
		if (r || now >= target)
			return r;
		r = wait_sleep(next_look(id, now, target));
		if (r == -EINTR)
			return r;
	}
}

static long sleep_resume(struct thread *thread);

/* Sleep to @target, and if interrupted say in *@left (0: nowhere) how long was left. */
static long sleep_relative(struct thread *thread, int id, uint64_t target, uint64_t left)
{
	uint64_t now = 0;
	int r = sleep_until(id, target);

	if (r != -EINTR)
		return r;
	r = clock_read(id, &now);
	if (r)
		return r;
	if (now >= target)
		return 0;
	if (left && timespec_write(left, target - now))
		return -EFAULT;
	thread->restart.resume = sleep_resume;
	thread->restart.deadline_ns = target;
	thread->restart.arguments[0] = (uint64_t)(int64_t)id;
	thread->restart.arguments[1] = left;
	return -ERESTART_RESTARTBLOCK;
}

static long sleep_resume(struct thread *thread)
{
	const struct restart *q = &thread->restart;

	return sleep_relative(thread, (int)q->arguments[0], q->deadline_ns, q->arguments[1]);
}

/* A relative sleep is not moved by changes of the real-time clock. */
static int steady_clock(int id)
{
	return id == CLOCK_REALTIME || id == CLOCK_REALTIME_ALARM || id == CLOCK_TAI
		       ? CLOCK_MONOTONIC
		       : id;
}

static int check_sleep_clock(struct thread *thread, int id)
{
	switch (id) {
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_THREAD_CPUTIME_ID: /* glibc makes EINVAL of it by itself */
		return -EOPNOTSUPP;
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		return credentials_can(&thread->credentials, CAP_WAKE_ALARM) ? 0 : -EPERM;
	default:
		return 0;
	}
}

static long sleep_call(
	struct thread *thread, int id, bool absolute, uint64_t request, uint64_t left)
{
	uint64_t ns, now;
	int r = check_sleep_clock(thread, id);

	if (!r)
		r = clock_read(absolute ? id : steady_clock(id), &now);
	if (!r)
		r = timespec_read(request, &ns);
	if (r)
		return r;
	if (!absolute)
		return sleep_relative(thread, steady_clock(id), deadline_after(now, ns), left);
	r = sleep_until(id, ns);
	return r == -EINTR ? -ERESTARTNOHAND : r;
}

long sys_nanosleep(struct thread *thread, const struct syscall_args *args)
{
	return sleep_call(thread, CLOCK_MONOTONIC, false, args->a, args->b);
}

long sys_clock_nanosleep(struct thread *thread, const struct syscall_args *args)
{
	return sleep_call(
		thread, (int)args->a, (int)args->b & 1 /* TIMER_ABSTIME */, args->c, args->d);
}

long sys_restart_syscall(struct thread *thread, const struct syscall_args *args)
{
	long (*resume)(struct thread *) = thread->restart.resume;

	(void)args;
	thread->restart.resume = NULL;
	return resume ? resume(thread) : -EINTR;
}
