/* futex(2), the priority-inheritance operations. The word holds the owner's thread number. All
 * threads have one priority here, so what is left of inheritance is ownership: an unlock hands the
 * lock to the first waiter, and waiters learn when an owner dies. */
#include <asm/errno.h>
#include <linux/futex.h>

#include "libos/core/user_copy.h"
#include "libos/processes/futex_bucket.h"
#include "libos/processes/process.h"
#include "platform/platform.h"

#define WORD(address) ((uint32_t *)(uintptr_t)(address))

/* Buckets are searched at a thread's end only while somebody waits. */
static uint32_t pi_waiter_count;

static struct futex_waiter *first_waiter(struct futex_bucket *bucket, const struct futex_key *key)
{
	struct futex_waiter *waiter;

	if (!bucket->waiters.next)
		return NULL;
	LIST_FOR_EACH (waiter, &bucket->waiters, link)
		if (futex_key_is(&waiter->key, key))
			return waiter;
	return NULL;
}

/* The lock at @address becomes @tid's if it is free or was @dead_owner's: 0. 1: it is owned, by
 * *ret_owner, and says that there are waiters. -EDEADLK, -EFAULT. The bucket is locked. */
static int acquire_or_mark(
	uint64_t address, int32_t tid, int32_t dead_owner, bool others_wait, int32_t *ret_owner)
{
	uint32_t value, desired, seen, bits = others_wait ? FUTEX_WAITERS : 0;
	int32_t owner;
	int r = user_word_load(WORD(address), &value);

	for (; !r; value = seen) {
		owner = (int32_t)(value & FUTEX_TID_MASK);
		if (owner == tid)
			return -EDEADLK;
		if (!owner)
			desired = (uint32_t)tid | (value & FUTEX_OWNER_DIED) | bits;
		else if (owner == dead_owner)
			desired = (uint32_t)tid | FUTEX_OWNER_DIED | bits;
		else
			desired = value | FUTEX_WAITERS;
		r = user_word_compare_exchange(WORD(address), value, desired, &seen);
		if (r || seen != value)
			continue;
		*ret_owner = owner;
		return owner && owner != dead_owner;
	}
	return r;
}

/* As acquire_or_mark, but changes nothing if it is owned. */
static int acquire_if_free(uint64_t address, int32_t tid)
{
	uint32_t value, seen;
	int r = user_word_load(WORD(address), &value);

	for (; !r; value = seen) {
		if ((value & FUTEX_TID_MASK) == (uint32_t)tid)
			return -EDEADLK;
		if (value & FUTEX_TID_MASK)
			return -EAGAIN;
		r = user_word_compare_exchange(WORD(address), value, (uint32_t)tid | value, &seen);
		if (!r && seen == value)
			return 0;
	}
	return r;
}

/* 0 alive, 1 at its end, -ESRCH no such thread. */
static int owner_look(int32_t tid)
{
	struct thread *owner;

	LOCK_SCOPE(&process_table_lock);
	owner = thread_find(tid);
	if (!owner)
		return -ESRCH;
	return __atomic_load_n(&owner->exiting, __ATOMIC_ACQUIRE);
}

static bool word_has_owner(uint64_t address, int32_t owner)
{
	uint32_t value;

	return !user_word_load(WORD(address), &value) && (int32_t)(value & FUTEX_TID_MASK) == owner;
}

static void tell_waiters(struct futex_bucket *bucket, int32_t dead_owner)
{
	struct futex_waiter *waiter;

	LOCK_SCOPE(&bucket->lock);
	if (!bucket->waiters.next)
		return;
	LIST_FOR_EACH (waiter, &bucket->waiters, link)
		if (waiter->is_pi && waiter->owner == dead_owner) {
			__atomic_store_n(&waiter->owner_died, true, __ATOMIC_RELEASE);
			thread_wake(waiter->thread);
		}
}

void futex_exit_pi(struct thread *thread)
{
	struct futex_bucket *bucket;

	/* A waiter adds itself before it looks whether its owner is exiting. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&pi_waiter_count, __ATOMIC_RELAXED))
		return;
	for (size_t i = 0; (bucket = futex_bucket_at(i)); i++)
		if (!futex_bucket_is_idle(bucket))
			tell_waiters(bucket, thread->tid);
}

/* Queued for the lock: until it is ours (0), its owner is dead (1), or -EINTR, -ETIMEDOUT. */
static int sleep_for_ownership(struct futex_waiter *waiter, uint64_t deadline_ns)
{
	int r = 0;

	while (!__atomic_load_n(&waiter->woken, __ATOMIC_ACQUIRE) &&
		!__atomic_load_n(&waiter->owner_died, __ATOMIC_ACQUIRE) && !r)
		r = wait_sleep(deadline_ns);
	if (futex_dequeue(waiter))
		return 0;
	return waiter->owner_died ? 1 : r;
}

/* One try: 0 it is ours; 1 look again (*dead_owner is set); -EFAULT: not accessible now. */
static int lock_once(
	struct futex_waiter *waiter, uint64_t address, uint64_t deadline_ns, int32_t *dead_owner)
{
	struct futex_bucket *bucket = futex_bucket_of(&waiter->key);
	int32_t owner = 0;
	int r;

	waiter->is_pi = true;
	waiter->owner_died = false;
	futex_bucket_enter(bucket);
	lock_acquire(&bucket->lock);
	r = acquire_or_mark(address, waiter->thread->tid, *dead_owner,
		first_waiter(bucket, &waiter->key), &owner);
	if (r != 1) {
		lock_release(&bucket->lock);
		futex_bucket_leave(bucket);
		return r;
	}
	waiter->owner = owner;
	futex_enqueue(waiter, bucket);
	lock_release(&bucket->lock);
	r = owner_look(owner);
	if (!r)
		r = sleep_for_ownership(waiter, deadline_ns);
	else if (futex_dequeue(waiter))
		r = 0;
	else if (r == -ESRCH && !word_has_owner(address, owner))
		r = 1; /* it died just now, and left the word as the dead do */
	if (r == 1)
		*dead_owner = waiter->owner;
	return r;
}

static long lock_wait(
	struct futex_waiter *waiter, uint64_t address, uint64_t deadline_ns, int32_t dead_owner)
{
	int r;

	__atomic_add_fetch(&pi_waiter_count, 1, __ATOMIC_SEQ_CST);
	do {
		r = lock_once(waiter, address, deadline_ns, &dead_owner);
		if (r == -EFAULT && !futex_fault_in(waiter->thread, address, true))
			r = 1;
	} while (r == 1);
	__atomic_sub_fetch(&pi_waiter_count, 1, __ATOMIC_RELEASE);
	return r;
}

long futex_lock_pi(struct thread *thread, uint64_t address, bool is_private, uint64_t deadline_ns,
	bool try_only)
{
	struct futex_waiter waiter;
	long r;

	futex_waiter_init(&waiter, thread, FUTEX_BITSET_MATCH_ANY);
	r = futex_key_of(thread, address, is_private, &waiter.key);
	if (r)
		return r;
	if (!try_only) {
		r = lock_wait(&waiter, address, deadline_ns, 0);
		return r == -EINTR ? -ERESTARTNOINTR : r;
	}
	while ((r = acquire_if_free(address, thread->tid)) == -EFAULT)
		if (futex_fault_in(thread, address, true))
			break;
	return r;
}

/* The lock goes to @next, the first of its waiters, or to nobody (NULL). Bucket locked. */
static int hand_over(struct futex_bucket *bucket, uint64_t address, struct futex_waiter *next,
	int32_t tid, struct futex_wakes *wakes)
{
	struct futex_waiter *other;
	uint32_t value, seen, desired = 0;
	int r = user_word_load(WORD(address), &value);

	if (r)
		return r;
	if ((value & FUTEX_TID_MASK) != (uint32_t)tid)
		return -EPERM;
	if (next) {
		desired = (uint32_t)next->thread->tid;
		LIST_FOR_EACH (other, &bucket->waiters, link)
			if (other != next && futex_key_is(&other->key, &next->key))
				desired |= FUTEX_WAITERS;
	}
	r = user_word_compare_exchange(WORD(address), value, desired, &seen);
	if (r || seen != value)
		return r ? r : -EAGAIN;
	if (!next)
		return 0;
	LIST_FOR_EACH (other, &bucket->waiters, link)
		if (futex_key_is(&other->key, &next->key))
			other->owner = next->thread->tid;
	futex_wake_waiter(next, wakes);
	return 0;
}

long futex_unlock_pi(struct thread *thread, uint64_t address, bool is_private)
{
	struct futex_wakes wakes = {.count = 0};
	struct futex_bucket *bucket;
	struct futex_waiter *next;
	struct futex_key key;
	int r = futex_key_of(thread, address, is_private, &key);

	if (r)
		return r;
	bucket = futex_bucket_of(&key);
	for (;;) {
		lock_acquire(&bucket->lock);
		next = first_waiter(bucket, &key);
		r = next && !next->is_pi ? -EINVAL
					 : hand_over(bucket, address, next, thread->tid, &wakes);
		lock_release(&bucket->lock);
		futex_wakes_send(&wakes);
		if (r == -EFAULT && !futex_fault_in(thread, address, true))
			continue;
		if (r != -EAGAIN)
			return r;
	}
}

/* ---- Requeueing: condition variables over PI locks ---------------------------------------------
 */

static int queue_for_requeue(struct futex_waiter *waiter, const struct futex_requeue *q)
{
	struct futex_bucket *bucket = futex_bucket_of(&waiter->key);
	uint32_t value;
	int r;

	for (;;) {
		futex_bucket_enter(bucket);
		lock_acquire(&bucket->lock);
		r = user_word_load(WORD(q->from), &value);
		if (!r && value == q->expected) {
			futex_enqueue(waiter, bucket);
			lock_release(&bucket->lock);
			return 0;
		}
		lock_release(&bucket->lock);
		futex_bucket_leave(bucket);
		if (!r)
			return -EAGAIN;
		if (futex_fault_in(waiter->thread, q->from, false))
			return -EFAULT;
	}
}

long futex_wait_requeue_pi(
	struct thread *thread, const struct futex_requeue *q, uint64_t deadline_ns, uint32_t bitset)
{
	struct futex_waiter waiter;
	struct futex_key target;
	int r;

	if (q->from == q->to || !bitset)
		return -EINVAL;
	futex_waiter_init(&waiter, thread, bitset);
	waiter.requeue = &target;
	r = futex_key_of(thread, q->from, q->is_private, &waiter.key);
	if (!r)
		r = futex_key_of(thread, q->to, q->is_private, &target);
	if (!r && futex_key_is(&waiter.key, &target))
		r = -EINVAL;
	if (r)
		return r;
	__atomic_add_fetch(&pi_waiter_count, 1, __ATOMIC_SEQ_CST);
	r = queue_for_requeue(&waiter, q);
	if (!r) {
		r = sleep_for_ownership(&waiter, deadline_ns);
		if (r == 1)
			r = (int)lock_wait(&waiter, q->to, deadline_ns, waiter.owner);
		/* Once requeued a restart would see another value. */
		if (r == -EINTR)
			r = waiter.is_pi ? -EAGAIN : -ERESTARTNOINTR;
	}
	__atomic_sub_fetch(&pi_waiter_count, 1, __ATOMIC_RELEASE);
	return r;
}

/* All of @from's waiters may go to @to? */
static int requeue_check(
	struct futex_bucket *a, const struct futex_key *from, const struct futex_key *to)
{
	struct futex_waiter *waiter;

	if (!a->waiters.next)
		return 0;
	LIST_FOR_EACH (waiter, &a->waiters, link)
		if (futex_key_is(&waiter->key, from) &&
			(!waiter->requeue || !futex_key_is(waiter->requeue, to)))
			return -EINVAL;
	return 0;
}

/* The first waiter gets the lock if it is free, the next ones wait for it. */
static long requeue_pi_locked(struct futex_bucket *a, const struct futex_key *from,
	struct futex_bucket *b, const struct futex_key *to, const struct futex_requeue *q,
	struct futex_wakes *wakes, int32_t *ret_owner)
{
	struct futex_waiter *waiter = first_waiter(a, from), *next;
	int64_t limit = (int64_t)q->requeue_max + 1;
	long done = 0;
	int r;

	if (!waiter)
		return 0;
	r = requeue_check(a, from, to);
	if (!r)
		r = acquire_or_mark(q->to, waiter->thread->tid, 0,
			first_waiter(b, to) || q->requeue_max > 0, ret_owner);
	if (r < 0)
		return r;
	if (r == 0) {
		*ret_owner = waiter->thread->tid;
		waiter->is_pi = true;
		futex_wake_waiter(waiter, wakes);
		done++;
	}
	LIST_FOR_EACH_SAFE (waiter, next, &a->waiters, link) {
		if (!futex_key_is(&waiter->key, from))
			continue;
		if (done >= limit)
			break;
		waiter->is_pi = true;
		waiter->requeue = NULL;
		waiter->owner = *ret_owner;
		futex_move(waiter, b, to);
		done++;
	}
	return done;
}

long futex_cmp_requeue_pi(struct thread *thread, const struct futex_requeue *q)
{
	struct futex_wakes wakes = {.count = 0};
	struct futex_key from, to;
	struct futex_bucket *a, *b;
	int32_t owner = 0;
	uint32_t value;
	long r;

	if (q->wake_max != 1 || q->requeue_max < 0 || q->from == q->to)
		return -EINVAL;
	r = futex_key_of(thread, q->from, q->is_private, &from);
	if (!r)
		r = futex_key_of(thread, q->to, q->is_private, &to);
	if (!r && futex_key_is(&from, &to))
		r = -EINVAL;
	if (r)
		return r;
	a = futex_bucket_of(&from);
	b = futex_bucket_of(&to);
	for (;;) {
		futex_lock_two(a, b);
		r = user_word_load(WORD(q->from), &value);
		if (!r)
			r = value == q->expected
				    ? requeue_pi_locked(a, &from, b, &to, q, &wakes, &owner)
				    : -EAGAIN;
		futex_unlock_two(a, b);
		futex_wakes_send(&wakes);
		if (r != -EFAULT)
			break;
		if (futex_fault_in(thread, q->from, false) || futex_fault_in(thread, q->to, true))
			return -EFAULT;
	}
	/* It may have died before it could see them. */
	if (owner && owner_look(owner))
		tell_waiters(b, owner);
	return r;
}
