/* epoll_create(2), epoll_ctl(2), epoll_wait(2), eventfd(2) and their relatives. */
#include "libos/files/epoll.h"

#include <linux/errno.h>
#include <linux/eventpoll.h>

#include "libos/files/eventfd.h"
#include "libos/syscalls/timeout.h"
#include "libos/syscalls/mask.h"
#include "libos/syscalls/syscall.h"

#define EVENTS_MAX (INT32_MAX / (int32_t)sizeof(struct epoll_event_user))

long sys_epoll_create(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return (int32_t)args->a <= 0 ? -EINVAL : epoll_install(0);
}

long sys_epoll_create1(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return (uint32_t)args->a & ~(uint32_t)EPOLL_CLOEXEC ? -EINVAL
							    : epoll_install((uint32_t)args->a);
}

long sys_epoll_ctl(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *epoll = NULL;
	CLEANUP(file_unrefp) struct file *target = NULL;
	struct epoll_event_user event = {0};
	int op = (int)args->b, fd = (int)args->c;

	(void)thread;
	if (op != EPOLL_CTL_DEL && USER_GET(&event, args->d))
		return -EFAULT;
	epoll = fd_get((int)args->a);
	target = epoll ? fd_get(fd) : NULL;
	if (!target)
		return -EBADF;
	return epoll_control(epoll, op, fd, target, &event);
}

static long wait_on(const struct syscall_args *args, uint64_t deadline_ns)
{
	CLEANUP(file_unrefp) struct file *epoll = NULL;
	int32_t max = (int32_t)args->c;

	if (max <= 0 || max > EVENTS_MAX)
		return -EINVAL;
	epoll = fd_get((int)args->a);
	if (!epoll)
		return -EBADF;
	return epoll_wait_events(epoll, args->b, (uint32_t)max, deadline_ns);
}

long sys_epoll_wait(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return wait_on(args, timeout_from_ms((int32_t)args->d));
}

long sys_epoll_pwait(struct thread *thread, const struct syscall_args *args)
{
	int r = mask_begin(thread, args->e, args->f);

	if (r)
		return r;
	return mask_end(thread, wait_on(args, timeout_from_ms((int32_t)args->d)));
}

long sys_epoll_pwait2(struct thread *thread, const struct syscall_args *args)
{
	uint64_t deadline_ns;
	int r;

	r = timeout_from_timespec(args->d, &deadline_ns);
	if (!r)
		r = mask_begin(thread, args->e, args->f);
	return r ? r : mask_end(thread, wait_on(args, deadline_ns));
}

long sys_eventfd(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return eventfd_install((uint32_t)args->a, 0);
}

long sys_eventfd2(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return eventfd_install((uint32_t)args->a, (uint32_t)args->b);
}
