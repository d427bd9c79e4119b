#include "libos/files/epoll.h"

#include <linux/errno.h>
#include <linux/eventpoll.h>

#include "libos/core/heap.h"
#include "libos/files/anonymous.h"
#include "libos/files/poll.h"

/* Of epoll_event.events: what is not a POLL* bit. */
#define PRIVATE_BITS (EPOLLET | EPOLLONESHOT | EPOLLWAKEUP | EPOLLEXCLUSIVE)
/* What may stand beside EPOLLEXCLUSIVE. */
#define EXCLUSIVE_BITS                                                                             \
	(EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

#define ITEMS_MAX 1048576
#define BUCKETS_FIRST 8
#define ITEM_QUEUES 2 /* no file's poll op names more */
#define DEPTH_MAX 7   /* epolls in a chain, as deep as the kernel lets them be built */

struct epoll {
	struct file *file; /* not referenced: it owns us */
	struct lock lock;  /* items */
	struct list *buckets;
	uint32_t bucket_count, item_count;
	struct list special; /* changed under the registry's lock, too */
	struct lock ready_lock;
	struct list ready; /* items that something happened to */
	uint32_t ready_count;
	struct wait_queue queue; /* who waits in epoll_wait (exclusive), or polls the epoll */
	uint32_t visit, depth;   /* epoll_depth; under the registry's lock */
};

struct item_waiter {
	struct waiter waiter;
	struct epoll_item *item;
};

struct epoll_item {
	struct list bucket, special;
	struct list of_file; /* file->epoll_items, under the registry's lock */
	struct list ready;   /* under ready_lock */
	bool is_ready;
	/* Of special items: its edge has not been reported yet. Level-triggered: always. */
	bool armed;
	struct epoll *epoll;
	struct file *file; /* goes no sooner than epoll_file_gone */
	struct epoll *nested;
	int32_t fd;
	int32_t host_fd; /* -1: none */
	uint32_t host_events;
	uint32_t events; /* EPOLL*; none but private ones: disabled by EPOLLONESHOT */
	uint64_t data;
	uint32_t waiter_count;
	struct item_waiter waiters[ITEM_QUEUES];
};

static struct lock registry_lock;
static const struct file_ops epoll_ops;

static struct epoll *epoll_of(struct file *file)
{
	return file->ops == &epoll_ops ? file->private_data : NULL;
}

static uint32_t item_events(const struct epoll_item *item)
{
	return __atomic_load_n(&item->events, __ATOMIC_RELAXED);
}

static uint32_t item_wanted(const struct epoll_item *item)
{
	return item_events(item) & ~PRIVATE_BITS;
}

static bool item_is_special(const struct epoll_item *item)
{
	return item->nested || item->host_fd >= 0;
}

/* ---- The ready list ---- */

/* Returns false if it was there already. */
static bool ready_push(struct epoll_item *item, bool first)
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

static struct epoll_item *ready_pop(struct epoll *epoll)
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

/* Something happened to the item's file: whoever waits shall look. */
static void item_happened(struct epoll_item *item)
{
	(void)ready_push(item, false);
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
	item_happened(item);
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
static void item_remove(struct epoll_item *item)
{
	struct list *of_file = &item->of_file;

	for (uint32_t i = 0; i < item->waiter_count; i++)
		wait_remove(&item->waiters[i].waiter);
	ready_forget(item);
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
	uint32_t ready = file_poll(item->file, table) & item_wanted(item);

	if (item_is_special(item)) {
		__atomic_store_n(&item->armed, true, __ATOMIC_RELAXED);
		/* Sleepers must take this host descriptor along. */
		wait_wake(&item->epoll->queue, 0);
	}
	if (ready)
		item_happened(item);
}

static int item_add(
	struct epoll *epoll, struct file *file, int fd, const struct epoll_event_user *event)
{
	struct item_table joining = {.table = {~0U, item_add_queue, item_add_host}};
	struct epoll_item *item;

	if (epoll->item_count >= ITEMS_MAX)
		return -ENOSPC;
	item = item_new(epoll, file, fd, event);
	if (!item)
		return -ENOMEM;
	joining.item = item;
	item_check(item, &joining.table);
	if (joining.error) {
		item_remove(item);
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
	item_remove(item);
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
		item_remove(item);
		lock_release(&epoll->lock);
	}
}

static void epoll_free(struct epoll *epoll)
{
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
			item_remove(item);
	lock_release(&epoll->lock);
	lock_release(&registry_lock);
	epoll_free(epoll);
}

/* ---- Looking ---- */

/* Ask the special items whether something happened to them; the epoll is locked. */
static void special_check(struct epoll *epoll)
{
	struct epoll_item *item;

	LIST_FOR_EACH (item, &epoll->special, special) {
		if (item->is_ready || !item_wanted(item))
			continue;
		/* An epoll is asked even when its edge is out: looking finds its new ones. */
		if (!item->armed && !item->nested)
			continue;
		if (file_poll(item->file, NULL) & item_wanted(item) && item->armed)
			item_happened(item);
	}
}

/* The host descriptors to sleep on, those of epolls inside included. */
static int special_hosts(struct epoll *epoll, struct poll_hosts *hosts)
{
	struct epoll_item *item;
	int r = 0;

	if (list_is_empty(&epoll->special))
		return 0;
	LOCK_SCOPE(&epoll->lock);
	LIST_FOR_EACH (item, &epoll->special, special) {
		uint32_t wanted = item_wanted(item);

		if (!wanted || !item->armed || r)
			continue;
		r = item->nested ? special_hosts(item->nested, hosts)
				 : poll_hosts_add(hosts, item->host_fd, item->host_events & wanted);
	}
	return r;
}

/* After a report: level-triggered items stay on the list. */
static void item_reported(struct epoll_item *item)
{
	uint32_t events = item_events(item);

	if (events & EPOLLONESHOT)
		__atomic_store_n(&item->events, events & PRIVATE_BITS, __ATOMIC_RELAXED);
	else if (!(events & EPOLLET))
		(void)ready_push(item, false);
}

/* Report the item if it is ready: 1, 0, or -EFAULT (and it stays where it was). */
static int item_report(struct epoll_item *item, uint64_t to)
{
	struct epoll_event_user event = {.data = item->data};
	bool special = item_is_special(item);

	/* Before the poll: what happens later makes a new edge. */
	if (special && item_events(item) & EPOLLET)
		__atomic_store_n(&item->armed, false, __ATOMIC_SEQ_CST);
	event.events = file_poll(item->file, NULL) & item_wanted(item);
	if (!event.events) {
		__atomic_store_n(&item->armed, true, __ATOMIC_RELAXED);
		return 0;
	}
	if (USER_PUT(to, event)) {
		(void)ready_push(item, true);
		return -EFAULT;
	}
	item_reported(item);
	return 1;
}

/* Each item that was on the list is looked at once: those put back are for the next time. */
static long epoll_collect(struct epoll *epoll, uint64_t to, uint32_t max)
{
	struct epoll_item *item;
	uint32_t count;
	long done = 0;
	int r = 0;

	LOCK_SCOPE(&epoll->lock);
	special_check(epoll);
	count = __atomic_load_n(&epoll->ready_count, __ATOMIC_RELAXED);
	while (count-- && done < max && r >= 0 && (item = ready_pop(epoll))) {
		r = item_report(item, to + (uint64_t)done * sizeof(struct epoll_event_user));
		done += r > 0;
	}
	/* More than one thread may be needed for what is left. */
	if (done && epoll->ready_count)
		wait_wake_one(&epoll->queue, POLLIN | POLLRDNORM);
	return done ? done : r;
}

static long epoll_sleep(struct epoll *epoll, uint64_t to, uint32_t max, uint64_t deadline_ns)
{
	struct poll_hosts hosts = {0};
	struct waiter waiter;
	bool over = false;
	long r;

	waiter_init(&waiter);
	waiter.exclusive = true;
	wait_add(&epoll->queue, &waiter);
	while (!(r = epoll_collect(epoll, to, max)) && !over) {
		hosts.count = 0;
		r = special_hosts(epoll, &hosts);
		if (!r)
			r = wait_sleep_host(hosts.polls, hosts.count, deadline_ns);
		over = r == -ETIMEDOUT;
		if (r && !over)
			break;
	}
	wait_remove(&waiter);
	poll_hosts_done(&hosts);
	/* A wake may have come together with a signal or the end of the time. */
	if (r <= 0 && epoll->ready_count)
		wait_wake_one(&epoll->queue, POLLIN | POLLRDNORM);
	return r;
}

long epoll_wait_events(struct file *epoll_file, uint64_t to, uint32_t max, uint64_t deadline_ns)
{
	struct epoll *epoll = epoll_of(epoll_file);
	long r;

	if (!epoll)
		return -EINVAL;
	r = epoll_collect(epoll, to, max);
	return r || !deadline_ns ? r : epoll_sleep(epoll, to, max, deadline_ns);
}

/* An epoll is readable if it would report something. */
static uint32_t epoll_poll(struct file *file, struct poll_table *table)
{
	struct epoll *epoll = file->private_data;
	struct poll_hosts hosts = {0};
	struct epoll_item *item;
	uint32_t count, ready = 0;

	poll_wait(table, &epoll->queue);
	if (table && !special_hosts(epoll, &hosts))
		for (size_t i = 0; i < hosts.count; i++)
			table->add_host(table, hosts.polls[i].host_fd, hosts.polls[i].events);
	poll_hosts_done(&hosts);
	LOCK_SCOPE(&epoll->lock);
	special_check(epoll);
	count = __atomic_load_n(&epoll->ready_count, __ATOMIC_RELAXED);
	while (count-- && !ready && (item = ready_pop(epoll))) {
		ready = file_poll(item->file, NULL) & item_wanted(item);
		if (ready)
			(void)ready_push(item, true);
	}
	return ready ? POLLIN | POLLRDNORM : 0;
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
