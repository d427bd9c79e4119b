/* Looking at an epoll: epoll_wait(2), and polling the epoll itself. */
#include "libos/files/epoll_internal.h"

#include <linux/errno.h>

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
			epoll_item_happened(item);
	}
}

static int special_hosts(struct epoll *epoll, struct poll_hosts *hosts);

static int nested_hosts(struct epoll *epoll, struct poll_hosts *hosts)
{
	int r = epoll->host_fd >= 0 ? poll_hosts_add(hosts, epoll->host_fd, POLLIN) : 0;

	return r ? r : special_hosts(epoll, hosts);
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
		r = item->nested ? nested_hosts(item->nested, hosts)
				 : poll_hosts_add(hosts, item->host_fd, item->host_events & wanted);
	}
	return r;
}

/* After a report: level-triggered items stay on the list. */
void epoll_item_reported(struct epoll_item *item)
{
	uint32_t events = item_events(item);

	if (events & EPOLLONESHOT)
		__atomic_store_n(&item->events, events & PRIVATE_BITS, __ATOMIC_RELAXED);
	else if (!(events & EPOLLET))
		(void)epoll_ready_push(item, false);
}

/* Report the item if it is ready: 1, 0, or -EFAULT (and it stays where it was). */
static int item_report(struct epoll_item *item, uint64_t to)
{
	struct epoll_event_user event = {.data = item->data};
	bool special = item_is_special(item);

	/* Before the poll: what happens later makes a new edge. */
	if (special && item_events(item) & EPOLLET)
		__atomic_store_n(&item->armed, false, __ATOMIC_SEQ_CST);
	event.events = epoll_item_poll(item);
	if (!event.events) {
		__atomic_store_n(&item->armed, true, __ATOMIC_RELAXED);
		return 0;
	}
	if (USER_PUT(to, event)) {
		(void)epoll_ready_push(item, true);
		return -EFAULT;
	}
	epoll_item_reported(item);
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
	while (count-- && done < max && r >= 0 && (item = epoll_ready_pop(epoll))) {
		r = item_report(item, to + (uint64_t)done * sizeof(struct epoll_event_user));
		done += r > 0;
	}
	/* More than one thread may be needed for what is left. */
	if (done && epoll->ready_count)
		wait_wake_one(&epoll->queue, POLLIN | POLLRDNORM);
	return done ? done : r;
}

/* One sleep. More than 0: events of the host's epoll are stored at @to. */
static long sleep_once(struct epoll *epoll, struct poll_hosts *hosts, uint64_t to, uint32_t max,
	uint64_t deadline_ns)
{
	long r;

	hosts->count = 0;
	r = special_hosts(epoll, hosts);
	if (r)
		return r;
	if (epoll->host_fd < 0)
		return wait_sleep_host(hosts->polls, hosts->count, deadline_ns);
	if (!hosts->count)
		return epoll_host_sleep(epoll, to, max, deadline_ns);
	r = poll_hosts_add(hosts, epoll->host_fd, POLLIN);
	if (!r)
		r = wait_sleep_host(hosts->polls, hosts->count, deadline_ns);
	if (r)
		return r;
	LOCK_SCOPE(&epoll->lock);
	return epoll_host_collect(epoll, to, max);
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
		r = sleep_once(epoll, &hosts, to, max, deadline_ns);
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
	long r, n;

	if (!epoll)
		return -EINVAL;
	r = epoll_collect(epoll, to, max);
	/* What is ready inside must not keep the host's from being heard. */
	if (epoll->host_fd >= 0 && r >= 0 && r < max && (r || !deadline_ns)) {
		LOCK_SCOPE(&epoll->lock);
		n = epoll_host_collect(epoll, to + (uint64_t)r * sizeof(struct epoll_event_user),
			max - (uint32_t)r);
		r = r ? r + MAX(n, 0L) : n;
	}
	return r || !deadline_ns ? r : epoll_sleep(epoll, to, max, deadline_ns);
}

static bool host_is_ready(const struct epoll *epoll)
{
	struct platform_host_poll poll = {.host_fd = epoll->host_fd, .events = POLLIN};

	return epoll->host_fd >= 0 && platform_host_poll(&poll, 1, 0) > 0;
}

/* An epoll is readable if it would report something. */
uint32_t epoll_poll(struct file *file, struct poll_table *table)
{
	struct epoll *epoll = file->private_data;
	struct poll_hosts hosts = {0};
	struct epoll_item *item;
	uint32_t count, ready = 0;

	poll_wait(table, &epoll->queue);
	if (table && !nested_hosts(epoll, &hosts))
		for (size_t i = 0; i < hosts.count; i++)
			table->add_host(table, hosts.polls[i].host_fd, hosts.polls[i].events);
	poll_hosts_done(&hosts);
	LOCK_SCOPE(&epoll->lock);
	special_check(epoll);
	count = __atomic_load_n(&epoll->ready_count, __ATOMIC_RELAXED);
	while (count-- && !ready && (item = epoll_ready_pop(epoll))) {
		ready = epoll_item_poll(item);
		if (ready)
			(void)epoll_ready_push(item, true);
	}
	return ready || host_is_ready(epoll) ? POLLIN | POLLRDNORM : 0;
}
