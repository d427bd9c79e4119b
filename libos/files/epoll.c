#include "libos/files/epoll_internal.h"

#include <linux/errno.h>

#include "libos/core/heap.h"
#include "libos/files/anonymous.h"

/* What may stand beside EPOLLEXCLUSIVE. */
#define EXCLUSIVE_BITS                                                                             \
	(EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

#define ITEMS_MAX 1048576
#define BUCKETS_FIRST 8
#define DEPTH_MAX 5 /* epolls in a chain: epoll_ctl(2), ELOOP */

static struct lock registry_lock;
static const struct file_ops epoll_ops;

struct epoll *epoll_of(struct file *file)
{
	return file->ops == &epoll_ops ? file->private_data : NULL;
}

/* ---- The ready list ---- */

bool epoll_ready_push(struct epoll_item *item, bool first)
{
	struct epoll *epoll = item->epoll;

	LOCK_SCOPE(&epoll->ready_lock);
	if (item->is_ready)
		return false;
	item->is_ready = true;
	epoll->ready_count++;
	if (first)
		list_add(&epoll->ready, &item->ready);
	else
		list_add_tail(&epoll->ready, &item->ready);
	return true;
}

/* ready_lock is held. */
static void ready_unlink(struct epoll_item *item)
{
	list_remove(&item->ready);
	item->is_ready = false;
	item->epoll->ready_count--;
}

struct epoll_item *epoll_ready_pop(struct epoll *epoll)
{
	struct epoll_item *item;

	LOCK_SCOPE(&epoll->ready_lock);
	if (list_is_empty(&epoll->ready))
		return NULL;
	item = LIST_FIRST(&epoll->ready, struct epoll_item, ready);
	ready_unlink(item);
	return item;
}

static void ready_forget(struct epoll_item *item)
{
	LOCK_SCOPE(&item->epoll->ready_lock);
	if (item->is_ready)
		ready_unlink(item);
}

void epoll_item_happened(struct epoll_item *item)
{
	(void)epoll_ready_push(item, false);
	wait_wake_one(&item->epoll->queue, POLLIN | POLLRDNORM);
}

/* Called by wakers of the file, with its queue locked. */
static bool item_callback(struct waiter *waiter, uint32_t events)
{
	struct epoll_item *item = CONTAINER_OF(waiter, struct item_waiter, waiter)->item;
	uint32_t wanted = item_wanted(item);
	bool waited;

	if (!wanted || (events && !(events & wanted)))
		return false;
	__atomic_store_n(&item->armed, true, __ATOMIC_RELAXED);
	waited = !list_is_empty(&item->epoll->queue.waiters);
	epoll_item_happened(item);
	/* An exclusive item took the wake only if somebody comes for it. */
	return waited || !(item_events(item) & EPOLLEXCLUSIVE);
}

/* ---- Items ---- */

struct item_table {
	struct poll_table table;
	struct epoll_item *item;
	int error;
};

static void item_add_queue(struct poll_table *table, struct wait_queue *queue)
{
	struct item_table *joining = CONTAINER_OF(table, struct item_table, table);
	struct epoll_item *item = joining->item;
	struct item_waiter *at;

	if (item->waiter_count == ITEM_QUEUES) {
		joining->error = -ENOMEM;
		return;
	}
	at = &item->waiters[item->waiter_count++];
	at->item = item;
	waiter_init(&at->waiter);
	at->waiter.callback = item_callback;
	at->waiter.exclusive = item->events & EPOLLEXCLUSIVE;
	wait_add(queue, &at->waiter);
}

static void item_add_host(struct poll_table *table, int host_fd, uint32_t events)
{
	struct epoll_item *item = CONTAINER_OF(table, struct item_table, table)->item;

	/* What an epoll inside contains is found when it is slept on. */
	if (item->nested)
		return;
	item->host_fd = host_fd;
	item->host_events = events;
}

static bool item_add_host_socket(struct poll_table *table, int host_fd, bool is_private)
{
	struct epoll_item *item = CONTAINER_OF(table, struct item_table, table)->item;

	if (epoll_host_join(item, host_fd, is_private))
		return true;
	item->host_fd = host_fd;
	item->host_events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP;
	return false;
}

static void ignore_queue(struct poll_table *table, struct wait_queue *queue)
{
	(void)table;
	(void)queue;
}

static void ignore_host(struct poll_table *table, int host_fd, uint32_t events)
{
	(void)table;
	(void)host_fd;
	(void)events;
}

static bool ignore_host_socket(struct poll_table *table, int host_fd, bool is_private)
{
	(void)table;
	(void)host_fd;
	(void)is_private;
	return true;
}

uint32_t epoll_item_poll(struct epoll_item *item)
{
	struct poll_table inside = {~0U, ignore_queue, ignore_host, ignore_host_socket};

	return file_poll(item->file, item->host_slot ? &inside : NULL) & item_wanted(item);
}

static struct list *bucket_of(struct epoll *epoll, const struct file *file, int fd)
{
	uint64_t key = (uintptr_t)file / 64 + (uint64_t)fd;

	return &epoll->buckets[(key * 0x9e3779b97f4a7c15UL >> 40) & (epoll->bucket_count - 1)];
}

static struct epoll_item *item_find(struct epoll *epoll, const struct file *file, int fd)
{
	struct list *bucket = bucket_of(epoll, file, fd);
	struct epoll_item *item;

	LIST_FOR_EACH (item, bucket, bucket)
		if (item->file == file && item->fd == fd)
			return item;
	return NULL;
}

static struct list *buckets_new(uint32_t count)
{
	struct list *buckets = heap_alloc(count * sizeof(*buckets));

	for (uint32_t i = 0; buckets && i < count; i++)
		list_init(&buckets[i]);
	return buckets;
}

/* Without memory the chains get longer, that is all. */
static void buckets_grow(struct epoll *epoll)
{
	struct list *old = epoll->buckets, *buckets;
	uint32_t old_count = epoll->bucket_count;
	struct epoll_item *item, *next;

	if (epoll->item_count < 2 * old_count)
		return;
	buckets = buckets_new(4 * old_count);
	if (!buckets)
		return;
	epoll->buckets = buckets;
	epoll->bucket_count = 4 * old_count;
	for (uint32_t i = 0; i < old_count; i++) {
		LIST_FOR_EACH_SAFE (item, next, &old[i], bucket) {
			list_remove(&item->bucket);
			list_add(bucket_of(epoll, item->file, item->fd), &item->bucket);
		}
	}
	heap_free(old);
}

static struct epoll_item *item_new(
	struct epoll *epoll, struct file *file, int fd, const struct epoll_event_user *event)
{
	struct epoll_item *item = heap_alloc(sizeof(*item));

	if (!item)
		return NULL;
	list_init(&item->special);
	list_init(&item->ready);
	item->armed = true;
	item->epoll = epoll;
	item->file = file;
	item->nested = epoll_of(file);
	item->fd = fd;
	item->host_fd = -1;
	item->events = event->events | EPOLLERR | EPOLLHUP;
	item->data = event->data;
	buckets_grow(epoll);
	list_add(bucket_of(epoll, file, fd), &item->bucket);
	list_add_tail(&file->epoll_items, &item->of_file);
	epoll->item_count++;
	return item;
}

/* The registry and the epoll are locked. */
static void item_remove(struct epoll_item *item, bool file_is_gone)
{
	struct list *of_file = &item->of_file;

	for (uint32_t i = 0; i < item->waiter_count; i++)
		wait_remove(&item->waiters[i].waiter);
	ready_forget(item);
	epoll_host_leave(item, file_is_gone);
	list_remove(&item->bucket);
	list_remove(&item->special);
	item->epoll->item_count--;
	/* Whoever drops the last reference of the file looks at ->next without a lock: once that
	 * shows an empty list, the file may be gone. */
	of_file->next->prev = of_file->prev;
	__atomic_store_n(&of_file->prev->next, of_file->next, __ATOMIC_RELEASE);
	heap_free(item);
}

/* Look at the file, and at its queues the first time. */
static void item_check(struct epoll_item *item, struct poll_table *table)
{
	uint32_t ready =
		table ? file_poll(item->file, table) & item_wanted(item) : epoll_item_poll(item);

	if (item_is_special(item)) {
		__atomic_store_n(&item->armed, true, __ATOMIC_RELAXED);
		/* Sleepers must take this host descriptor along. */
		wait_wake(&item->epoll->queue, 0);
	}
	if (ready)
		epoll_item_happened(item);
}

static int item_add(
	struct epoll *epoll, struct file *file, int fd, const struct epoll_event_user *event)
{
	struct item_table joining = {
		.table = {~0U, item_add_queue, item_add_host, item_add_host_socket}};
	struct epoll_item *item;

	if (epoll->item_count >= ITEMS_MAX)
		return -ENOSPC;
	item = item_new(epoll, file, fd, event);
	if (!item)
		return -ENOMEM;
	joining.item = item;
	item_check(item, &joining.table);
	if (joining.error) {
		item_remove(item, false);
		return joining.error;
	}
	if (item_is_special(item))
		list_add_tail(&epoll->special, &item->special);
	return 0;
}

static int item_modify(struct epoll_item *item, const struct epoll_event_user *event)
{
	if (item->events & EPOLLEXCLUSIVE)
		return -EINVAL;
	__atomic_store_n(&item->events, event->events | EPOLLERR | EPOLLHUP, __ATOMIC_RELAXED);
	item->data = event->data;
	epoll_host_modify(item);
	/* A waker that saw the old events did so before the file is looked at now. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	item_check(item, NULL);
	return 0;
}

/* ---- Epolls in epolls ---- */

/* How many epolls hang one below the other under @epoll, itself counted; more than DEPTH_MAX if
 * @looking_for is among them. Each is visited once. */
static uint32_t depth_below(struct epoll *epoll, const struct epoll *looking_for, uint32_t visit)
{
	struct epoll_item *item;
	uint32_t depth = 0;

	if (epoll == looking_for)
		return DEPTH_MAX + 1;
	if (epoll->visit == visit)
		return epoll->depth;
	LIST_FOR_EACH (item, &epoll->special, special)
		if (item->nested)
			depth = MAX(depth, depth_below(item->nested, looking_for, visit));
	epoll->visit = visit;
	epoll->depth = depth + 1;
	return epoll->depth;
}

static uint32_t depth_above(struct epoll *epoll, uint32_t visit)
{
	struct epoll_item *item;
	uint32_t depth = 0;

	if (epoll->visit == visit)
		return epoll->depth;
	LIST_FOR_EACH (item, &epoll->file->epoll_items, of_file)
		depth = MAX(depth, depth_above(item->epoll, visit));
	epoll->visit = visit;
	epoll->depth = depth + 1;
	return epoll->depth;
}

/* May @inner become part of @epoll? The registry is locked. */
static int epoll_may_nest(struct epoll *epoll, struct epoll *inner)
{
	static uint32_t visits;
	uint32_t below = depth_below(inner, epoll, ++visits);

	return below + depth_above(epoll, ++visits) > DEPTH_MAX ? -ELOOP : 0;
}

/* ---- epoll_ctl ---- */

static int control_add(
	struct epoll *epoll, struct file *target, int fd, const struct epoll_event_user *event)
{
	struct epoll *inner = epoll_of(target);
	int r = inner ? epoll_may_nest(epoll, inner) : 0;

	if (r)
		return r;
	LOCK_SCOPE(&epoll->lock);
	if (item_find(epoll, target, fd))
		return -EEXIST;
	return item_add(epoll, target, fd, event);
}

static int control_other(struct epoll *epoll, int op, struct file *target, int fd,
	const struct epoll_event_user *event)
{
	struct epoll_item *item;

	LOCK_SCOPE(&epoll->lock);
	item = item_find(epoll, target, fd);
	if (!item)
		return -ENOENT;
	if (op == EPOLL_CTL_MOD)
		return item_modify(item, event);
	item_remove(item, false);
	return 0;
}

static bool exclusive_is_valid(int op, uint32_t events, struct file *target)
{
	if (op == EPOLL_CTL_DEL || !(events & EPOLLEXCLUSIVE))
		return true;
	return op == EPOLL_CTL_ADD && !(events & ~EXCLUSIVE_BITS) && !epoll_of(target);
}

int epoll_control(struct file *epoll_file, int op, int fd, struct file *target,
	const struct epoll_event_user *event)
{
	struct epoll *epoll = epoll_of(epoll_file);

	if (!target->ops->poll)
		return -EPERM;
	if (!epoll || epoll_file == target)
		return -EINVAL;
	if (op != EPOLL_CTL_ADD && op != EPOLL_CTL_MOD && op != EPOLL_CTL_DEL)
		return -EINVAL;
	if (!exclusive_is_valid(op, event ? event->events : 0, target))
		return -EINVAL;
	LOCK_SCOPE(&registry_lock);
	if (op == EPOLL_CTL_ADD)
		return control_add(epoll, target, fd, event);
	return control_other(epoll, op, target, fd, event);
}

/* ---- Files and epolls that go ---- */

void epoll_file_gone(struct file *file)
{
	LOCK_SCOPE(&registry_lock);
	while (!list_is_empty(&file->epoll_items)) {
		struct epoll_item *item =
			LIST_FIRST(&file->epoll_items, struct epoll_item, of_file);
		struct epoll *epoll = item->epoll;

		lock_acquire(&epoll->lock);
		item_remove(item, true);
		lock_release(&epoll->lock);
	}
}

void epoll_file_changed(struct file *file)
{
	struct item_table joining = {
		.table = {~0U, ignore_queue, ignore_host, item_add_host_socket}};
	struct epoll_item *item;

	if (list_is_empty(&file->epoll_items))
		return;
	LOCK_SCOPE(&registry_lock);
	LIST_FOR_EACH (item, &file->epoll_items, of_file) {
		LOCK_SCOPE(&item->epoll->lock);
		joining.item = item;
		(void)file_poll(file, &joining.table);
		if (item_is_special(item) && list_is_empty(&item->special))
			list_add_tail(&item->epoll->special, &item->special);
	}
}

static void epoll_free(struct epoll *epoll)
{
	if (epoll->host_fd >= 0)
		platform_host_close(epoll->host_fd);
	heap_free(epoll->slots);
	heap_free(epoll->buckets);
	heap_free(epoll);
}

static void epoll_release(struct file *file)
{
	struct epoll *epoll = file->private_data;
	struct epoll_item *item, *next;

	lock_acquire(&registry_lock);
	lock_acquire(&epoll->lock);
	for (uint32_t i = 0; i < epoll->bucket_count; i++)
		LIST_FOR_EACH_SAFE (item, next, &epoll->buckets[i], bucket)
			item_remove(item, true);
	lock_release(&epoll->lock);
	lock_release(&registry_lock);
	epoll_free(epoll);
}

static const struct file_ops epoll_ops = {
	.poll = epoll_poll,
	.release = epoll_release,
};

long epoll_install(uint32_t flags)
{
	struct epoll *epoll = heap_alloc(sizeof(*epoll));
	struct file *file;
	long r;

	if (!epoll)
		return -ENOMEM;
	epoll->buckets = buckets_new(BUCKETS_FIRST);
	epoll->bucket_count = BUCKETS_FIRST;
	epoll->host_fd = -1;
	list_init(&epoll->special);
	list_init(&epoll->ready);
	wait_queue_init(&epoll->queue);
	file = epoll->buckets ? file_new_anonymous("[eventpoll]", &epoll_ops, epoll, O_RDWR) : NULL;
	if (!file) {
		epoll_free(epoll);
		return -ENOMEM;
	}
	epoll->file = file;
	r = fd_install(file, 0, flags & EPOLL_CLOEXEC);
	if (r < 0)
		file_unref(file);
	return r;
}
