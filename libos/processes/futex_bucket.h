/* Who sleeps on which word: the hash table that the files of futex(2) share. */
#ifndef LIBOS_PROCESSES_FUTEX_BUCKET_H
#define LIBOS_PROCESSES_FUTEX_BUCKET_H

#include "libos/core/wait.h"
#include "libos/processes/thread.h"

/* Which word: (mm, address) in private memory, (object, offset) in shared memory. */
struct futex_key {
	const void *object;
	uint64_t offset;
};

struct futex_bucket {
	struct lock lock;
	uint32_t waiter_count; /* read without the lock by wakers; see futex_bucket_is_idle */
	struct list waiters;   /* struct futex_waiter.link, first come first */
};

/* One thread on one word, on the thread's kernel stack or heap. After it was queued it may be
 * dropped only when futex_dequeue has returned, which no waker can still be using it after. */
struct futex_waiter {
	struct list link;
	struct futex_bucket *bucket; /* the one it is or was last queued in; changed by requeue */
	struct futex_key key;
	struct thread *thread;
	uint32_t bitset;
	uint32_t woken;            /* taken off the queue by a waker */
	bool is_pi;                /* waits for ownership (FUTEX_LOCK_PI) */
	bool owner_died;           /* PI: woken to look again, because the owner is gone */
	int32_t owner;             /* PI: thread that had the lock when this one was queued */
	struct futex_key *requeue; /* FUTEX_WAIT_REQUEUE_PI: the PI futex it agreed to, else NULL */
};

/* Words to wake once the bucket's lock is free: a host call under it would make the woken wait. */
#define FUTEX_WAKE_BATCH 32
struct futex_wakes {
	uint32_t *words[FUTEX_WAKE_BATCH];
	uint32_t count;
};

/* -EINVAL unaligned, -EFAULT not the program's. */
MUST_CHECK int futex_key_of(
	struct thread *thread, uint64_t address, bool is_private, struct futex_key *ret_key);
struct futex_bucket *futex_bucket_of(const struct futex_key *key);
struct futex_bucket *futex_bucket_at(size_t index); /* all of them in turn, then NULL */
static inline bool futex_key_is(const struct futex_key *a, const struct futex_key *b)
{
	return a->object == b->object && a->offset == b->offset;
}

/* Lock one or two buckets, in address order. */
void futex_lock_two(struct futex_bucket *a, struct futex_bucket *b);
void futex_unlock_two(struct futex_bucket *a, struct futex_bucket *b);
/* Before the lock of a bucket is taken in which somebody is about to sleep, and after. */
void futex_bucket_enter(struct futex_bucket *bucket);
void futex_bucket_leave(struct futex_bucket *bucket);
/* Nobody sleeps here, and nobody can be about to who has not yet seen what the caller wrote. */
bool futex_bucket_is_idle(struct futex_bucket *bucket);

void futex_waiter_init(struct futex_waiter *waiter, struct thread *thread, uint32_t bitset);
/* With the bucket's lock; the bucket has been entered for it. */
void futex_enqueue(struct futex_waiter *waiter, struct futex_bucket *bucket);
/* The waiter's thread ends the wait: true if a waker was first. */
bool futex_dequeue(struct futex_waiter *waiter);
/* Move a queued waiter to another word; both buckets locked. */
void futex_move(struct futex_waiter *waiter, struct futex_bucket *to, const struct futex_key *key);
/* Take @waiter off its queue and note its wake; the bucket is locked. */
void futex_wake_waiter(struct futex_waiter *waiter, struct futex_wakes *wakes);
void futex_wakes_send(struct futex_wakes *wakes); /* without the lock */

/* The word at @address was not accessible under a lock: make it so. -EFAULT: it cannot be. */
MUST_CHECK int futex_fault_in(struct thread *thread, uint64_t address, bool write);

/* The priority-inheritance operations: futex_pi.c. @deadline_ns monotonic. */
long futex_lock_pi(struct thread *thread, uint64_t address, bool is_private, uint64_t deadline_ns,
	bool try_only);
long futex_unlock_pi(struct thread *thread, uint64_t address, bool is_private);
struct futex_requeue {
	uint64_t from, to; /* addresses */
	bool is_private, compare;
	uint32_t expected;
	int32_t wake_max, requeue_max;
};
long futex_wait_requeue_pi(struct thread *thread, const struct futex_requeue *q,
	uint64_t deadline_ns, uint32_t bitset);
long futex_cmp_requeue_pi(struct thread *thread, const struct futex_requeue *q);
/* A thread that may own PI futexes is gone: its waiters look again. */
void futex_exit_pi(struct thread *thread);

#endif
