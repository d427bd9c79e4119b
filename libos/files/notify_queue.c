#include "libos/files/notify_queue.h"

#include <linux/errno.h>
#include <linux/fcntl.h>

#include "libos/files/poll.h"
#include "libos/signals/signal.h"

#define READABLE (POLLIN | POLLRDNORM)

void notify_queue_init(struct notify_queue *queue)
{
	list_init(&queue->events);
	wait_queue_init(&queue->readable);
}

void notify_queue_put(struct notify_queue *queue, struct list *link)
{
	list_add_tail(&queue->events, link);
	__atomic_add_fetch(&queue->count, 1, __ATOMIC_RELEASE);
	wait_wake(&queue->readable, READABLE);
}

void notify_queue_take(struct notify_queue *queue, struct list *link)
{
	list_remove(link);
	__atomic_sub_fetch(&queue->count, 1, __ATOMIC_RELEASE);
}

static long read_all(struct file *file, struct io *io, notify_deliver *deliver)
{
	long done = 0, r;

	for (;;) {
		r = deliver(file, io);
		if (r < 0)
			return done && r != -EFAULT ? done : r;
		done += r;
	}
}

long notify_queue_read(
	struct notify_queue *queue, struct file *file, struct io *io, notify_deliver *deliver)
{
	struct waiter waiter;
	long r = read_all(file, io, deliver);

	if (r != -EAGAIN || file->flags & O_NONBLOCK)
		return r;
	waiter_init(&waiter);
	wait_add(&queue->readable, &waiter);
	do {
		r = read_all(file, io, deliver);
		if (r == -EAGAIN && wait_sleep(WAIT_FOREVER))
			r = -ERESTARTSYS;
	} while (r == -EAGAIN);
	wait_remove(&waiter);
	return r;
}

uint32_t notify_queue_poll(struct notify_queue *queue, struct poll_table *table)
{
	poll_wait(table, &queue->readable);
	return __atomic_load_n(&queue->count, __ATOMIC_ACQUIRE) ? READABLE : 0;
}
