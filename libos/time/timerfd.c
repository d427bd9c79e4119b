/* Timers that are files: timerfd_create(2). */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/time.h>
#include <linux/timerfd.h>

#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/files/anonymous.h"
#include "libos/files/poll.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"
#include "libos/time/clock.h"
#include "libos/time/timers.h"
#include "libos/time/timespec.h"

struct timerfd {
	struct deadline deadline;
	bool realtime; /* which clock; set once */
	struct wait_queue readable;
	struct lock lock; /* guards what follows; taken before deadlines are armed */
	uint64_t next;    /* on its clock; 0 = disarmed */
	uint64_t interval;
	uint64_t expirations; /* not yet read */
};

struct timerfd_spec {
	struct timespec64 interval, value;
};

static uint64_t now_of(const struct timerfd *timer)
{
	return timer->realtime ? clock_realtime_ns() : clock_monotonic_ns();
}

/* With the lock. */
static void arm(struct timerfd *timer, uint64_t now)
{
	uint64_t left = timer->next > now ? timer->next - now : 0;

	deadline_arm(&timer->deadline, deadline_after(clock_monotonic_ns(), left));
}

static void expire(struct deadline *deadline)
{
	struct timerfd *timer = CONTAINER_OF(deadline, struct timerfd, deadline);
	uint64_t now = now_of(timer), times = 0;

	lock_acquire(&timer->lock);
	if (timer->next && now >= timer->next) {
		times = 1 + (timer->interval ? (now - timer->next) / timer->interval : 0);
		timer->next = timer->interval ? timer->next + times * timer->interval : 0;
		timer->expirations += times;
	}
	if (timer->next)
		arm(timer, now);
	lock_release(&timer->lock);
	if (times)
		wait_wake(&timer->readable, POLLIN | POLLRDNORM);
}

static uint64_t take(struct timerfd *timer)
{
	uint64_t count;

	LOCK_SCOPE(&timer->lock);
	count = timer->expirations;
	timer->expirations = 0;
	return count;
}

static long timerfd_read(struct file *file, struct io *io, uint64_t *offset)
{
	struct timerfd *timer = file->private_data;
	struct waiter waiter;
	uint64_t count;
	int r = 0;

	(void)offset;
	if (io->left < sizeof(count))
		return -EINVAL;
	waiter_init(&waiter);
	wait_add(&timer->readable, &waiter);
	while (!(count = take(timer)) && !r)
		r = file->flags & O_NONBLOCK ? -EAGAIN : wait_sleep(WAIT_FOREVER);
	wait_remove(&waiter);
	if (!count)
		return r == -EINTR ? -ERESTARTSYS : r;
	return io_put(io, &count, sizeof(count));
}

static uint32_t timerfd_poll(struct file *file, struct poll_table *table)
{
	struct timerfd *timer = file->private_data;

	poll_wait(table, &timer->readable);
	LOCK_SCOPE(&timer->lock);
	return timer->expirations ? POLLIN | POLLRDNORM : 0;
}

static void timerfd_release(struct file *file)
{
	struct timerfd *timer = file->private_data;

	deadline_cancel(&timer->deadline);
	heap_free(timer);
}

static const struct file_ops timerfd_ops = {
	.read = timerfd_read,
	.poll = timerfd_poll,
	.release = timerfd_release,
};

static int check_clock(struct thread *thread, int clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
		return 0;
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		return credentials_can(&thread->credentials, CAP_WAKE_ALARM) ? 0 : -EPERM;
	default:
		return -EINVAL;
	}
}

long sys_timerfd_create(struct thread *thread, const struct syscall_args *args)
{
	int clock = (int)args->a, r = check_clock(thread, clock), fd;
	uint32_t flags = (uint32_t)args->b;
	struct timerfd *timer;

	if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	if (r)
		return r;
	timer = heap_alloc(sizeof(*timer));
	if (!timer)
		return -ENOMEM;
	timer->deadline.expire = expire;
	timer->realtime = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM;
	wait_queue_init(&timer->readable);
	fd = fd_install_anonymous("[timerfd]", &timerfd_ops, timer, flags | O_RDWR);
	if (fd < 0)
		heap_free(timer);
	return fd;
}

/* With the lock. */
static struct timerfd_spec spec_of(const struct timerfd *timer)
{
	uint64_t now = now_of(timer), left = 0;

	if (timer->next)
		left = timer->next > now ? timer->next - now : 1;
	return (struct timerfd_spec){
		{(int64_t)(timer->interval / NS_PER_S), (int64_t)(timer->interval % NS_PER_S)},
		{(int64_t)(left / NS_PER_S), (int64_t)(left % NS_PER_S)}};
}

static int timer_get(int fd, struct file **ret_file)
{
	CLEANUP(file_unrefp) struct file *file = fd_get(fd);

	if (!file)
		return -EBADF;
	if (file->ops != &timerfd_ops)
		return -EINVAL;
	*ret_file = TAKE(file);
	return 0;
}

long sys_timerfd_settime(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct timerfd_spec old;
	struct timerfd *timer;
	uint64_t interval, value, now;
	int r;

	(void)thread;
	if ((uint32_t)args->b & ~(uint32_t)(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
		return -EINVAL;
	r = timespec_read(args->c, &interval);
	if (!r)
		r = timespec_read(args->c + sizeof(struct timespec64), &value);
	if (!r)
		r = timer_get((int)args->a, &file);
	if (r)
		return r;
	timer = file->private_data;
	deadline_cancel(&timer->deadline);
	lock_acquire(&timer->lock);
	old = spec_of(timer);
	now = now_of(timer);
	timer->expirations = 0;
	timer->interval = interval;
	timer->next = !value || (args->b & TFD_TIMER_ABSTIME) ? value : deadline_after(now, value);
	if (timer->next)
		arm(timer, now);
	lock_release(&timer->lock);
	return args->d && USER_PUT(args->d, old) ? -EFAULT : 0;
}

long sys_timerfd_gettime(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct timerfd_spec spec;
	int r = timer_get((int)args->a, &file);

	(void)thread;
	if (r)
		return r;
	lock_acquire(&((struct timerfd *)file->private_data)->lock);
	spec = spec_of(file->private_data);
	lock_release(&((struct timerfd *)file->private_data)->lock);
	return USER_PUT(args->b, spec);
}
