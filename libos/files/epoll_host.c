/* What the host's epoll tells an epoll: sockets that have one of the host's behind them.
 *
 * They are registered there with the flags that the program gave, so level, edge and one-shot mean
 * what the host's kernel makes of them. A token is a slot's number and how often the slot was
 * taken: what the host says of an item that is gone, or never was, is not heard. */
#include <linux/errno.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/epoll_internal.h"
#include "platform/platform.h"

#define SLOTS_FIRST 16U
#define EVENTS_AT_ONCE 128U
#define HOST_BITS (EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE)

/* ---- Slots ---- */

static bool slots_grow(struct epoll *epoll)
{
	uint32_t count = epoll->slot_count ? 2 * epoll->slot_count : SLOTS_FIRST;
	struct epoll_slot *slots = heap_alloc(count * sizeof(*slots));

	if (!slots)
		return false;
	memcpy(slots, epoll->slots, epoll->slot_count * sizeof(*slots));
	for (uint32_t i = count; i > epoll->slot_count; i--) {
		slots[i - 1].next_free = epoll->slot_free;
		epoll->slot_free = i;
	}
	heap_free(epoll->slots);
	epoll->slots = slots;
	epoll->slot_count = count;
	return true;
}

/* + 1; 0: no memory. */
static uint32_t slot_take(struct epoll *epoll, struct epoll_item *item)
{
	uint32_t number;

	if (!epoll->slot_free && !slots_grow(epoll))
		return 0;
	number = epoll->slot_free;
	epoll->slot_free = epoll->slots[number - 1].next_free;
	epoll->slots[number - 1].item = item;
	epoll->slots[number - 1].generation++;
	return number;
}

static void slot_give(struct epoll *epoll, uint32_t number)
{
	struct epoll_slot *slot = &epoll->slots[number - 1];

	slot->item = NULL;
	slot->next_free = epoll->slot_free;
	epoll->slot_free = number;
}

static uint64_t token_of(const struct epoll *epoll, uint32_t number)
{
	return (uint64_t)epoll->slots[number - 1].generation << 32 | (number - 1);
}

static struct epoll_item *item_of(const struct epoll *epoll, uint64_t token)
{
	const struct epoll_slot *slot = &epoll->slots[(uint32_t)token];

	if ((uint32_t)token >= epoll->slot_count || slot->generation != token >> 32)
		return NULL;
	return slot->item;
}

/* ---- Items ---- */

static uint32_t host_events(const struct epoll_item *item)
{
	return item_wanted(item) | (item_events(item) & HOST_BITS);
}

static int open_host(struct epoll *epoll)
{
	int fd;

	if (epoll->host_fd >= 0)
		return 0;
	fd = platform_host_epoll_new();
	if (fd < 0)
		return fd;
	epoll->host_fd = fd;
	/* Who sleeps must sleep there from now on. */
	wait_wake(&epoll->queue, 0);
	return 0;
}

bool epoll_host_join(struct epoll_item *item, int host_fd, bool is_private)
{
	struct epoll *epoll = item->epoll;
	uint32_t number;

	if (item->host_slot || open_host(epoll))
		return item->host_slot;
	number = slot_take(epoll, item);
	if (!number)
		return false;
	if (platform_host_epoll_control(epoll->host_fd, EPOLL_CTL_ADD, host_fd, host_events(item),
		    token_of(epoll, number))) {
		slot_give(epoll, number);
		return false;
	}
	item->host_slot = number;
	item->socket_fd = host_fd;
	item->is_private = is_private;
	return true;
}

void epoll_host_modify(struct epoll_item *item)
{
	if (item->host_slot)
		(void)!platform_host_epoll_control(item->epoll->host_fd, EPOLL_CTL_MOD,
			item->socket_fd, host_events(item), token_of(item->epoll, item->host_slot));
}

/* What goes with its descriptor leaves the host's epoll by itself. */
void epoll_host_leave(struct epoll_item *item, bool is_gone)
{
	if (!item->host_slot)
		return;
	if (!is_gone || !item->is_private)
		(void)!platform_host_epoll_control(
			item->epoll->host_fd, EPOLL_CTL_DEL, item->socket_fd, 0, 0);
	slot_give(item->epoll, item->host_slot);
	item->host_slot = 0;
}

/* ---- Events ---- */

/* 1 if there was something to tell, 0, or -EFAULT. */
static int report(struct epoll *epoll, const struct platform_host_event *host, uint64_t to)
{
	struct epoll_item *item = item_of(epoll, host->token);
	struct epoll_event_user event;

	if (!item)
		return 0;
	event.events = host->events & item_wanted(item);
	event.data = item->data;
	if (!event.events)
		return 0;
	if (USER_PUT(to, event))
		return -EFAULT;
	/* The host keeps level-triggered ones in mind itself. */
	if (item_events(item) & EPOLLONESHOT)
		epoll_item_reported(item);
	return 1;
}

static long report_all(
	struct epoll *epoll, const struct platform_host_event *events, size_t count, uint64_t to)
{
	long done = 0;

	for (size_t i = 0; i < count; i++) {
		int r = report(
			epoll, &events[i], to + (uint64_t)done * sizeof(struct epoll_event_user));

		if (r < 0)
			return done ? done : r;
		done += r;
	}
	return done;
}

long epoll_host_collect(struct epoll *epoll, uint64_t to, uint32_t max)
{
	struct platform_host_event events[EVENTS_AT_ONCE];
	long n = platform_host_epoll_wait(epoll->host_fd, events, MIN(max, EVENTS_AT_ONCE), 0);

	return n <= 0 ? n : report_all(epoll, events, (size_t)n, to);
}

long epoll_host_sleep(struct epoll *epoll, uint64_t to, uint32_t max, uint64_t deadline_ns)
{
	struct platform_host_event events[EVENTS_AT_ONCE];
	size_t count;
	int r = wait_sleep_epoll(
		epoll->host_fd, events, MIN(max, EVENTS_AT_ONCE), &count, deadline_ns);

	if (r || !count)
		return r;
	LOCK_SCOPE(&epoll->lock);
	return report_all(epoll, events, count, to);
}
