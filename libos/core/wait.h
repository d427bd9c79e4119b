/* Sleeping until something happens: wait queues, as in a kernel.
 *
 *	struct waiter waiter;
 *	int r = 0;
 *
 *	waiter_init(&waiter);
 *	wait_add(&pipe->readers, &waiter);
 *	while (!pipe_has_data(pipe) && !r)
 *		r = wait_sleep(deadline_ns);	// 0 woken, -EINTR signal, -ETIMEDOUT
 *	wait_remove(&waiter);
 *
 * wait_add before the condition is tested, so no wake is lost. One thread may have several waiters
 * queued at once (poll): a wake of any ends its sleep; waiter.woken tells which. */
#ifndef LIBOS_CORE_WAIT_H
#define LIBOS_CORE_WAIT_H

#include "base/list.h"
#include "libos/core/lock.h"

#define WAIT_FOREVER UINT64_MAX

struct thread;
struct waiter;

struct wait_queue {
	struct lock lock;
	struct list waiters; /* struct waiter.link, first come first */
};

/* Called on a wake instead of waking the thread, with the queue's lock held (epoll uses it).
 * @events: POLL* bits that the waker names, 0 = unknown. Return true if it counts as one wake. */
typedef bool wait_callback(struct waiter *waiter, uint32_t events);

struct waiter {
	struct list link;
	struct wait_queue *queue; /* NULL: not queued */
	struct thread *thread;
	wait_callback *callback; /* NULL: wake the thread */
	uint32_t woken;
	bool exclusive; /* at most one exclusive waiter is woken by wait_wake_one */
};

void wait_queue_init(struct wait_queue *queue);
void waiter_init(struct waiter *waiter); /* of the calling thread */
void wait_add(struct wait_queue *queue, struct waiter *waiter);
void wait_remove(struct waiter *waiter);

/* Wake all (wait_wake) or: all non-exclusive and one exclusive waiter (wait_wake_one). */
void wait_wake(struct wait_queue *queue, uint32_t events);
void wait_wake_one(struct wait_queue *queue, uint32_t events);

/* Does it sleep, and has nobody woken it yet? */
bool thread_is_asleep(const struct thread *thread);
/* Make a sleeping thread test its condition again. */
void thread_wake(struct thread *thread);
/* Its first half, for callers that hold a lock which the woken thread wants: the word to pass to
 * platform_wake(word, 1) after the lock is released, or NULL if that is not needed. */
MUST_CHECK uint32_t *thread_wake_mark(struct thread *thread);
/* Make a thread look at its pending work, wherever it is: asleep, in a host call, in its program.
 */
void thread_interrupt(struct thread *thread);

/* Called before each sleep, if set: what a thread has put off until it holds no lock that matters.
 */
extern void (*wait_before_sleep)(void);

/* Sleep until any of the calling thread's waiters is woken, which includes one woken since it was
 * last tested here: 0; a signal is to be delivered: -EINTR; the time has come: -ETIMEDOUT.
 * Interrupted system calls return -ERESTARTSYS and the like: see libos/signals/signal.h. */
MUST_CHECK int wait_sleep(uint64_t deadline_ns);
/* The same, not ended by signals other than a kill. */
MUST_CHECK int wait_sleep_killable(uint64_t deadline_ns);
/* wait_sleep that also ends, with 0, when one of @count descriptors of the host is ready, and with
 * the host's error when it refuses. */
struct platform_host_poll;
MUST_CHECK int wait_sleep_host(
	struct platform_host_poll *polls, size_t count, uint64_t deadline_ns);
/* The same for one of the host's epolls: *ret_count events of at most @count are there. */
struct platform_host_event;
MUST_CHECK int wait_sleep_epoll(int epoll_fd, struct platform_host_event *events, size_t count,
	size_t *ret_count, uint64_t deadline_ns);

#endif
