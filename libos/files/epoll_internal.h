/* What epoll.c (the interest list) and epoll_wait.c (the ready list's readers) share. */
#ifndef LIBOS_FILES_EPOLL_INTERNAL_H
#define LIBOS_FILES_EPOLL_INTERNAL_H

#include <linux/eventpoll.h>

#include "libos/files/epoll.h"
#include "libos/files/poll.h"

/* Of epoll_event.events: what is not a POLL* bit. */
#define PRIVATE_BITS (EPOLLET | EPOLLONESHOT | EPOLLWAKEUP | EPOLLEXCLUSIVE)

#define ITEM_QUEUES 2 /* no file's poll op names more */

struct epoll {
	struct file *file; /* not referenced: it owns us */
	struct lock lock;  /* items */
	struct list *buckets;
	uint32_t bucket_count, item_count;
	struct list special; /* changed under the registry's lock, too */
	struct lock ready_lock;
	struct list ready; /* items that something happened to */
	uint32_t ready_count;
	struct wait_queue queue;  /* who waits in epoll_wait (exclusive), or polls the epoll */
	uint32_t visit, depth;    /* epoll_depth; under the registry's lock */
	int32_t host_fd;          /* the host's epoll; -1: none yet */
	struct epoll_slot *slots; /* what its tokens stand for */
	uint32_t slot_count, slot_free; /* of the first one that is free, + 1 */
};

struct epoll_slot {
	struct epoll_item *item; /* NULL: free */
	uint32_t generation;     /* how often it was taken */
	uint32_t next_free;      /* + 1 */
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
	uint32_t host_slot; /* + 1; in the host's epoll as socket_fd; 0: not there */
	int32_t socket_fd;
	bool is_private; /* socket_fd goes with the file */
	uint32_t events; /* EPOLL*; none but private ones: disabled by EPOLLONESHOT */
	uint64_t data;
	uint32_t waiter_count;
	struct item_waiter waiters[ITEM_QUEUES];
};

static inline uint32_t item_events(const struct epoll_item *item)
{
	return __atomic_load_n(&item->events, __ATOMIC_RELAXED);
}

static inline uint32_t item_wanted(const struct epoll_item *item)
{
	return item_events(item) & ~PRIVATE_BITS;
}

static inline bool item_is_special(const struct epoll_item *item)
{
	return item->nested || item->host_fd >= 0;
}

/* NULL: the file is no epoll. */
struct epoll *epoll_of(struct file *file);
/* Put the item on the ready list, first or last; false if it was there already. */
bool epoll_ready_push(struct epoll_item *item, bool first);
/* The first one, taken off the list; NULL: empty. */
struct epoll_item *epoll_ready_pop(struct epoll *epoll);
/* Something happened to the item's file: whoever waits shall look. */
void epoll_item_happened(struct epoll_item *item);
/* Look at the item's file, but not at what the host's epoll tells of it. */
uint32_t epoll_item_poll(struct epoll_item *item);
/* After a report: 0 or 1 more events; level-triggered items stay on the list. */
void epoll_item_reported(struct epoll_item *item);

/* ---- epoll_host.c: the epoll is locked, but for the sleep ---- */

/* The item's file has @host_fd. False: the host's epoll can't have it (twice). */
bool epoll_host_join(struct epoll_item *item, int host_fd, bool is_private);
void epoll_host_modify(struct epoll_item *item);
/* @is_gone: with its file. */
void epoll_host_leave(struct epoll_item *item, bool is_gone);
/* Events that the host has, stored at @to: how many, or -errno. */
MUST_CHECK long epoll_host_collect(struct epoll *epoll, uint64_t to, uint32_t max);
/* As wait_sleep, in the host; more than 0: events stored at @to. Not locked. */
MUST_CHECK long epoll_host_sleep(
	struct epoll *epoll, uint64_t to, uint32_t max, uint64_t deadline_ns);

/* The file's poll op. */
uint32_t epoll_poll(struct file *file, struct poll_table *table);

#endif
