/* Waiting on several files at once: poll(2), select(2), and what epoll(7) builds on.
 *
 * A file's poll op returns the POLL* bits that hold now and names the queues that are woken when
 * they change:
 *
 *	static uint32_t pipe_poll(struct file *file, struct poll_table *table)
 *	{
 *		poll_wait(table, &pipe->readable);
 *		return ...;
 *	}
 *
 * What is ready outside of the enclave (the host's streams, host sockets) has no queue: such a file
 * names its host descriptor, and whoever waits sleeps in the host. */
#ifndef LIBOS_FILES_POLL_H
#define LIBOS_FILES_POLL_H

#include <asm/poll.h>

#include "libos/files/file.h"
#include "platform/platform.h"

/* What poll(2) says of files that never block. */
#define POLL_ALWAYS (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM)

struct poll_table {
	uint32_t events; /* what the caller wants to know */
	void (*add)(struct poll_table *table, struct wait_queue *queue);
	void (*add_host)(struct poll_table *table, int host_fd, uint32_t events);
	/* For descriptors that only the enclave has: true if the host tells the table by itself
	 * what happens to it, so that nobody has to look. @is_private: closed with the file. NULL:
	 * as add_host. */
	bool (*add_host_socket)(struct poll_table *table, int host_fd, bool is_private);
};

/* For poll ops; @table NULL: the caller does not want to wait. The queue must live as long as the
 * file. */
static inline void poll_wait(struct poll_table *table, struct wait_queue *queue)
{
	if (table)
		table->add(table, queue);
}

static inline void poll_wait_host(struct poll_table *table, int host_fd, uint32_t events)
{
	if (table)
		table->add_host(table, host_fd, events & table->events);
}

static inline bool poll_wait_host_socket(struct poll_table *table, int host_fd, bool is_private)
{
	if (table && table->add_host_socket)
		return table->add_host_socket(table, host_fd, is_private);
	poll_wait_host(table, host_fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP);
	return false;
}

/* The bits that hold for @file now. */
static inline uint32_t file_poll(struct file *file, struct poll_table *table)
{
	return file->ops->poll ? file->ops->poll(file, table) : POLL_ALWAYS;
}

/* Host descriptors to sleep on, in heap memory. */
struct poll_hosts {
	struct platform_host_poll *polls;
	size_t count, capacity;
};
MUST_CHECK int poll_hosts_add(struct poll_hosts *hosts, int host_fd, uint32_t events);
void poll_hosts_done(struct poll_hosts *hosts);

/* The calling thread's waiters on any number of queues. */
#define POLL_WAITERS_INLINE 6
struct poll_chunk;
struct poll_set {
	struct poll_table table;
	struct waiter waiters[POLL_WAITERS_INLINE];
	size_t waiter_count; /* of the inline ones */
	struct poll_chunk *chunks;
	struct poll_hosts hosts;
	int error; /* -ENOMEM: not everything is waited for */
};
void poll_set_init(struct poll_set *set);
void poll_set_done(struct poll_set *set);
/* As wait_sleep, on everything in the set. */
MUST_CHECK int poll_set_sleep(struct poll_set *set, uint64_t deadline_ns);

/* One file that poll(2) or select(2) waits for. */
struct poll_entry {
	struct file *file; /* referenced; NULL: nothing to wait for here */
	uint32_t events;   /* wanted; nothing else ends the wait */
	uint32_t ready;    /* [out] */
};
/* Wait until an entry is ready: how many are; 0 at the deadline (0: look only); -EINTR; -ENOMEM.
 * @ready: entries found ready beforehand (descriptors not open), then there is no sleep. */
MUST_CHECK long poll_entries(
	struct poll_entry *entries, size_t count, long ready, uint64_t deadline_ns);

#endif
