#include "libos/files/poll.h"

#include <asm/errno.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/processes/thread.h"
#include "libos/signals/signal.h"

#define CHUNK_WAITERS 32
#define HOSTS_FIRST 4

/* Waiters that did not fit in the set itself. */
struct poll_chunk {
	struct poll_chunk *next;
	size_t count;
	struct waiter waiters[CHUNK_WAITERS];
};

int poll_hosts_add(struct poll_hosts *hosts, int host_fd, uint32_t events)
{
	size_t capacity = hosts->capacity ? 2 * hosts->capacity : HOSTS_FIRST;
	struct platform_host_poll *polls;

	if (hosts->count == hosts->capacity) {
		polls = heap_alloc(capacity * sizeof(*polls));
		if (!polls)
			return -ENOMEM;
		memcpy(polls, hosts->polls, hosts->count * sizeof(*polls));
		heap_free(hosts->polls);
		hosts->polls = polls;
		hosts->capacity = capacity;
	}
	hosts->polls[hosts->count++] =
		(struct platform_host_poll){.host_fd = host_fd, .events = (uint16_t)events};
	return 0;
}

void poll_hosts_done(struct poll_hosts *hosts)
{
	heap_free(hosts->polls);
	*hosts = (struct poll_hosts){0};
}

static struct waiter *poll_set_waiter(struct poll_set *set)
{
	struct poll_chunk *chunk = set->chunks;

	if (set->waiter_count < POLL_WAITERS_INLINE)
		return &set->waiters[set->waiter_count++];
	if (!chunk || chunk->count == CHUNK_WAITERS) {
		chunk = heap_alloc(sizeof(*chunk));
		if (!chunk)
			return NULL;
		chunk->next = set->chunks;
		set->chunks = chunk;
	}
	return &chunk->waiters[chunk->count++];
}

static void poll_set_add(struct poll_table *table, struct wait_queue *queue)
{
	struct poll_set *set = CONTAINER_OF(table, struct poll_set, table);
	struct waiter *waiter = poll_set_waiter(set);

	if (!waiter) {
		set->error = -ENOMEM;
		return;
	}
	waiter_init(waiter);
	wait_add(queue, waiter);
}

static void poll_set_add_host(struct poll_table *table, int host_fd, uint32_t events)
{
	struct poll_set *set = CONTAINER_OF(table, struct poll_set, table);

	if (poll_hosts_add(&set->hosts, host_fd, events))
		set->error = -ENOMEM;
}

void poll_set_init(struct poll_set *set)
{
	set->table.add = poll_set_add;
	set->table.add_host = poll_set_add_host;
	set->table.add_host_socket = NULL;
	set->waiter_count = 0;
	set->chunks = NULL;
	set->hosts = (struct poll_hosts){0};
	set->error = 0;
}

void poll_set_done(struct poll_set *set)
{
	struct poll_chunk *chunk;

	for (size_t i = 0; i < set->waiter_count; i++)
		wait_remove(&set->waiters[i]);
	while ((chunk = set->chunks)) {
		for (size_t i = 0; i < chunk->count; i++)
			wait_remove(&chunk->waiters[i]);
		set->chunks = chunk->next;
		heap_free(chunk);
	}
	poll_hosts_done(&set->hosts);
}

int poll_set_sleep(struct poll_set *set, uint64_t deadline_ns)
{
	return wait_sleep_host(set->hosts.polls, set->hosts.count, deadline_ns);
}

/* How many entries are ready. Queues are joined only up to the first one that is. */
static long poll_scan(struct poll_entry *entries, size_t count, struct poll_table *table)
{
	long ready = 0;

	for (struct poll_entry *entry = entries; entry < entries + count; entry++) {
		if (!entry->file)
			continue;
		if (table)
			table->events = entry->events;
		entry->ready = file_poll(entry->file, table) & entry->events;
		if (entry->ready) {
			ready++;
			table = NULL;
		}
	}
	return ready;
}

static long poll_sleep(struct poll_entry *entries, size_t count, uint64_t deadline_ns)
{
	struct poll_set set;
	bool over = false;
	long r;

	poll_set_init(&set);
	r = poll_scan(entries, count, &set.table);
	while (!r && !over) {
		r = set.error;
		if (!r)
			r = poll_set_sleep(&set, deadline_ns);
		over = r == -ETIMEDOUT;
		if (!r || over)
			r = poll_scan(entries, count, NULL);
	}
	poll_set_done(&set);
	return r;
}

long poll_entries(struct poll_entry *entries, size_t count, long ready, uint64_t deadline_ns)
{
	long r;

	if (deadline_ns && !ready)
		return poll_sleep(entries, count, deadline_ns);
	r = ready + poll_scan(entries, count, NULL);
	if (!r && signal_is_pending(thread_current()))
		return -EINTR;
	return r;
}
