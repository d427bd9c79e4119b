/* mq_open(2), mq_timedsend(2), mq_notify(2) and their like. */
#include <asm/errno.h>
#include <asm/signal.h>
#include <asm-generic/siginfo.h>
#include <linux/fcntl.h>

#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/files/descriptors.h"
#include "libos/files/open.h"
#include "libos/files/path.h"
#include "libos/ipc/posix_queue.h"
#include "libos/processes/process.h"
#include "libos/sockets/netlink.h"
#include "libos/syscalls/syscall.h"
#include "libos/time/timespec.h"
#include "platform/platform.h"

struct signal_event { /* struct sigevent, as far as it is read */
	uint64_t value;
	int32_t signo, notify;
};

long sys_mq_open(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct posix_queue_attributes attributes;
	bool has_attributes = args->d && args->b & O_CREAT;
	char name[PATH_SIZE];
	long r;

	(void)thread;
	if (args->d && USER_GET(&attributes, args->d))
		return -EFAULT;
	r = path_read(name, args->a);
	if (r < 0)
		return r;
	r = posix_queue_open(name, (uint32_t)args->b, (uint32_t)args->c,
		has_attributes ? &attributes : NULL, &file);
	if (r)
		return r;
	r = fd_install(file, 0, true);
	if (r >= 0)
		file = NULL;
	return r;
}

long sys_mq_unlink(struct thread *thread, const struct syscall_args *args)
{
	char name[PATH_SIZE];
	long r = path_read(name, args->a);

	(void)thread;
	return r < 0 ? r : posix_queue_unlink(name);
}

/* An absolute time of the real-time clock, as a moment of the monotonic one. */
static int deadline_read(uint64_t from, uint64_t *ret_deadline_ns)
{
	uint64_t when_ns, now_ns;
	int r;

	*ret_deadline_ns = WAIT_FOREVER;
	if (!from)
		return 0;
	r = timespec_read(from, &when_ns);
	if (r)
		return r;
	now_ns = platform_realtime_ns();
	*ret_deadline_ns =
		deadline_after(platform_monotonic_ns(), when_ns > now_ns ? when_ns - now_ns : 0);
	return 0;
}

/* The open queue behind a descriptor: *ret_file referenced. */
static int queue_get(uint64_t fd, struct file **ret_file)
{
	CLEANUP(file_unrefp) struct file *file = fd_get((int)fd);

	if (!file || !posix_queue_of(file))
		return -EBADF;
	*ret_file = TAKE(file);
	return 0;
}

static int posix_message_read(
	uint64_t from, uint64_t size, uint32_t priority, struct posix_message **ret_message)
{
	CLEANUP(heap_freep) struct posix_message *message = heap_alloc(sizeof(*message) + size);

	if (!message)
		return -ENOMEM;
	if (user_read(message->bytes, from, size))
		return -EFAULT;
	message->size = size;
	message->priority = priority;
	*ret_message = TAKE(message);
	return 0;
}

long sys_mq_timedsend(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct posix_message *message;
	uint64_t deadline_ns;
	int r = deadline_read(args->e, &deadline_ns);

	(void)thread;
	if (!r && (uint32_t)args->d >= POSIX_PRIORITY_MAX)
		r = -EINVAL;
	r = r ? r : queue_get(args->a, &file);
	if (r)
		return r;
	if (!file_can_write(file))
		return -EBADF;
	if (args->c > (uint64_t)posix_queue_of(file)->size_max)
		return -EMSGSIZE;
	r = posix_message_read(args->b, args->c, (uint32_t)args->d, &message);
	if (r)
		return r;
	r = posix_queue_send(file, message, deadline_ns);
	if (r)
		heap_free(message);
	return r;
}

long sys_mq_timedreceive(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	CLEANUP(heap_freep) struct posix_message *message = NULL;
	uint64_t deadline_ns;
	int r = deadline_read(args->e, &deadline_ns);

	(void)thread;
	r = r ? r : queue_get(args->a, &file);
	if (r)
		return r;
	if (!file_can_read(file))
		return -EBADF;
	if (args->c < (uint64_t)posix_queue_of(file)->size_max)
		return -EMSGSIZE;
	r = posix_queue_receive(file, deadline_ns, &message);
	if (r)
		return r;
	if ((args->d && USER_PUT(args->d, message->priority)) ||
		user_write(args->b, message->bytes, message->size))
		return -EFAULT;
	return (long)message->size;
}

/* SIGEV_THREAD: the C library's helper thread waits on a netlink socket for the cookie. */
static int thread_notification(
	const struct signal_event *event, struct posix_notification *notification)
{
	CLEANUP(file_unrefp) struct file *file = NULL;

	if (user_read(notification->cookie, event->value, sizeof(notification->cookie)))
		return -EFAULT;
	file = fd_get(event->signo);
	if (!file)
		return -EBADF;
	if (!socket_of(file))
		return -ENOTSOCK;
	if (!netlink_is(socket_of(file)))
		return -EINVAL;
	notification->socket = TAKE(file);
	return 0;
}

static int notification_read(uint64_t from, struct posix_notification *notification)
{
	struct signal_event event;

	if (USER_GET(&event, from))
		return -EFAULT;
	*notification = (struct posix_notification){
		.kind = event.notify, .signo = event.signo, .value = event.value};
	switch (event.notify) {
	case SIGEV_NONE:
		return 0;
	case SIGEV_SIGNAL:
		return event.signo < 0 || event.signo > SIGNAL_COUNT ? -EINVAL : 0;
	case SIGEV_THREAD:
		return thread_notification(&event, notification);
	default:
		return -EINVAL;
	}
}

long sys_mq_notify(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct posix_notification notification;
	int r = args->b ? notification_read(args->b, &notification) : 0;

	if (r)
		return r;
	r = queue_get(args->a, &file);
	if (!r && !args->b)
		posix_queue_unnotify(posix_queue_of(file), thread->process);
	if (!r && args->b) {
		notification.process = process_ref(thread->process);
		r = posix_queue_notify(posix_queue_of(file), &notification);
		if (!r)
			return 0;
		process_unref(notification.process);
	}
	if (args->b)
		file_unref(notification.socket);
	return r;
}

static void attributes_of(struct file *file, struct posix_queue_attributes *ret)
{
	struct posix_queue *queue = posix_queue_of(file);

	LOCK_SCOPE(&queue->lock);
	*ret = (struct posix_queue_attributes){
		.flags = file->flags & O_NONBLOCK,
		.count_max = queue->count_max,
		.size_max = queue->size_max,
		.count = queue->count,
	};
}

long sys_mq_getsetattr(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct posix_queue_attributes wanted, old;
	int r;

	(void)thread;
	if (args->b && USER_GET(&wanted, args->b))
		return -EFAULT;
	if (args->b && wanted.flags & ~(int64_t)O_NONBLOCK)
		return -EINVAL;
	r = queue_get(args->a, &file);
	if (r)
		return r;
	attributes_of(file, &old);
	if (args->b)
		__atomic_store_n(&file->flags,
			(file->flags & ~(uint32_t)O_NONBLOCK) | (uint32_t)wanted.flags,
			__ATOMIC_RELAXED);
	return args->c ? USER_PUT(args->c, old) : 0;
}
