#include "libos/files/eventfd.h"

#include <linux/errno.h>
#include <linux/fcntl.h>

#include "libos/core/heap.h"
#include "libos/files/anonymous.h"
#include "libos/files/poll.h"
#include "libos/signals/signal.h"

#define EFD_SEMAPHORE 1U
#define READABLE (POLLIN | POLLRDNORM)
#define WRITABLE (POLLOUT | POLLWRNORM)
#define COUNT_MAX (UINT64_MAX - 1)

struct eventfd {
	struct lock lock;
	bool semaphore;
	uint64_t count; /* at most COUNT_MAX; UINT64_MAX: more signals came than it can count */
	struct wait_queue readable, writable;
};

/* Take the count, or one of it: -EAGAIN if it is zero. */
static int eventfd_take(struct eventfd *event, uint64_t *ret_value)
{
	lock_acquire(&event->lock);
	*ret_value = event->semaphore && event->count ? 1 : event->count;
	event->count -= *ret_value;
	lock_release(&event->lock);
	if (!*ret_value)
		return -EAGAIN;
	wait_wake(&event->writable, WRITABLE);
	return 0;
}

static int eventfd_add(struct eventfd *event, uint64_t *value)
{
	bool fits;

	lock_acquire(&event->lock);
	fits = event->count <= COUNT_MAX && *value <= COUNT_MAX - event->count;
	if (fits)
		event->count += *value;
	lock_release(&event->lock);
	if (!fits)
		return -EAGAIN;
	wait_wake_one(&event->readable, READABLE);
	return 0;
}

typedef int eventfd_step(struct eventfd *event, uint64_t *value);

static int eventfd_sleep(
	struct eventfd *event, struct wait_queue *queue, eventfd_step *step, uint64_t *value)
{
	struct waiter waiter;
	int r;

	waiter_init(&waiter);
	waiter.exclusive = true;
	wait_add(queue, &waiter);
	r = step(event, value);
	while (r == -EAGAIN) {
		r = wait_sleep(WAIT_FOREVER);
		r = r ? -ERESTARTSYS : step(event, value);
	}
	wait_remove(&waiter);
	/* There may be more for the next, and a wake may have come with a signal. */
	wait_wake_one(queue, 0);
	return r;
}

static long eventfd_read(struct file *file, struct io *io, uint64_t *offset)
{
	struct eventfd *event = file->private_data;
	uint64_t value;
	int r;

	(void)offset;
	if (io->left < sizeof(value))
		return -EINVAL;
	r = eventfd_take(event, &value);
	if (r == -EAGAIN && !(file->flags & O_NONBLOCK))
		r = eventfd_sleep(event, &event->readable, eventfd_take, &value);
	return r ? r : io_put(io, &value, sizeof(value));
}

static long eventfd_write(struct file *file, struct io *io, uint64_t *offset)
{
	struct eventfd *event = file->private_data;
	uint64_t value;
	long r;

	(void)offset;
	if (io->left < sizeof(value))
		return -EINVAL;
	if (io_take(io, &value, sizeof(value)) != (long)sizeof(value))
		return -EFAULT;
	if (value == UINT64_MAX)
		return -EINVAL;
	r = eventfd_add(event, &value);
	if (r == -EAGAIN && !(file->flags & O_NONBLOCK))
		r = eventfd_sleep(event, &event->writable, eventfd_add, &value);
	return r ? r : (long)sizeof(value);
}

static uint32_t eventfd_poll(struct file *file, struct poll_table *table)
{
	struct eventfd *event = file->private_data;
	uint64_t count;

	poll_wait(table, &event->readable);
	poll_wait(table, &event->writable);
	count = __atomic_load_n(&event->count, __ATOMIC_ACQUIRE);
	return (count ? READABLE : 0) | (count < COUNT_MAX ? WRITABLE : 0) |
	       (count == UINT64_MAX ? POLLERR : 0);
}

static void eventfd_release(struct file *file)
{
	heap_free(file->private_data);
}

static const struct file_ops eventfd_ops = {
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.release = eventfd_release,
};

bool eventfd_count(struct file *file, uint64_t *ret_count)
{
	struct eventfd *event = file->private_data;

	if (file->ops != &eventfd_ops)
		return false;
	*ret_count = __atomic_load_n(&event->count, __ATOMIC_RELAXED);
	return true;
}

void eventfd_signal(struct file *file)
{
	struct eventfd *event = file->private_data;

	lock_acquire(&event->lock);
	event->count += event->count < UINT64_MAX;
	lock_release(&event->lock);
	wait_wake_one(&event->readable, READABLE);
}

long eventfd_install(uint32_t initial, uint32_t flags)
{
	struct eventfd *event;
	long r;

	if (flags & ~(uint32_t)(EFD_SEMAPHORE | O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	event = heap_alloc(sizeof(*event));
	if (!event)
		return -ENOMEM;
	event->count = initial;
	event->semaphore = flags & EFD_SEMAPHORE;
	wait_queue_init(&event->readable);
	wait_queue_init(&event->writable);
	r = fd_install_anonymous(
		"[eventfd]", &eventfd_ops, event, (flags & (O_CLOEXEC | O_NONBLOCK)) | O_RDWR);
	if (r < 0)
		heap_free(event);
	return r;
}
