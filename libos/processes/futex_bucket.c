#include "libos/processes/futex_bucket.h"

#include <asm/errno.h>

#include "libos/core/heap.h"
#include "libos/memory/mm.h"
#include "libos/processes/process.h"
#include "platform/platform.h"

#define BUCKET_BITS 10
#define BUCKET_COUNT (1UL << BUCKET_BITS)

/* A cache line each: neighbours are used by unrelated threads. A list that was never used is all
 * zeros: see futex_enqueue. */
static struct {
	struct futex_bucket bucket;
} ALIGNED(64) buckets[BUCKET_COUNT];

int futex_key_of(
	struct thread *thread, uint64_t address, bool is_private, struct futex_key *ret_key)
{
	struct mm *mm = thread->process->mm;
	const void *object = NULL;
	uint64_t offset = 0;

	if (!IS_ALIGNED(address, sizeof(uint32_t)))
		return -EINVAL;
	if (!platform_is_user(address, sizeof(uint32_t)))
		return -EFAULT;
	if (!is_private && mm_shared_key(mm, address, &object, &offset))
		return -EFAULT;
	*ret_key = object ? (struct futex_key){object, offset} : (struct futex_key){mm, address};
	return 0;
}

struct futex_bucket *futex_bucket_of(const struct futex_key *key)
{
	uint64_t mixed = ((uintptr_t)key->object >> 4) * 0x9e3779b97f4a7c15UL;

	mixed = (mixed ^ (key->offset >> 2)) * 0x9e3779b97f4a7c15UL;
	return &buckets[mixed >> (64 - BUCKET_BITS)].bucket;
}

struct futex_bucket *futex_bucket_at(size_t index)
{
	return index < BUCKET_COUNT ? &buckets[index].bucket : NULL;
}

void futex_lock_two(struct futex_bucket *a, struct futex_bucket *b)
{
	lock_acquire(a < b ? &a->lock : &b->lock);
	if (a != b)
		lock_acquire(a < b ? &b->lock : &a->lock);
}

void futex_unlock_two(struct futex_bucket *a, struct futex_bucket *b)
{
	lock_release(&a->lock);
	if (a != b)
		lock_release(&b->lock);
}

void futex_bucket_enter(struct futex_bucket *bucket)
{
	/* Sequentially consistent, with futex_bucket_is_idle: either the waker sees the count, or
	 * the sleeper, who reads the word after this, sees what was written before the wake. */
	__atomic_add_fetch(&bucket->waiter_count, 1, __ATOMIC_SEQ_CST);
}

void futex_bucket_leave(struct futex_bucket *bucket)
{
	__atomic_sub_fetch(&bucket->waiter_count, 1, __ATOMIC_RELEASE);
}

bool futex_bucket_is_idle(struct futex_bucket *bucket)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return !__atomic_load_n(&bucket->waiter_count, __ATOMIC_RELAXED);
}

void futex_waiter_init(struct futex_waiter *waiter, struct thread *thread, uint32_t bitset)
{
	*waiter = (struct futex_waiter){.thread = thread, .bitset = bitset};
	list_init(&waiter->link);
}

void futex_enqueue(struct futex_waiter *waiter, struct futex_bucket *bucket)
{
	if (!bucket->waiters.next)
		list_init(&bucket->waiters);
	__atomic_store_n(&waiter->bucket, bucket, __ATOMIC_RELEASE);
	list_add_tail(&bucket->waiters, &waiter->link);
}

/* Lock the bucket that the waiter is in, while others may be moving it. */
static struct futex_bucket *bucket_lock(struct futex_waiter *waiter)
{
	struct futex_bucket *bucket;

	for (;;) {
		bucket = __atomic_load_n(&waiter->bucket, __ATOMIC_ACQUIRE);
		lock_acquire(&bucket->lock);
		if (bucket == __atomic_load_n(&waiter->bucket, __ATOMIC_RELAXED))
			return bucket;
		lock_release(&bucket->lock);
	}
}

bool futex_dequeue(struct futex_waiter *waiter)
{
	struct futex_bucket *bucket = bucket_lock(waiter);
	bool woken = waiter->woken;

	if (!woken) {
		list_remove(&waiter->link);
		futex_bucket_leave(bucket);
	}
	lock_release(&bucket->lock);
	return woken;
}

void futex_move(struct futex_waiter *waiter, struct futex_bucket *to, const struct futex_key *key)
{
	struct futex_bucket *from = waiter->bucket;

	list_remove(&waiter->link);
	if (from != to) {
		futex_bucket_enter(to);
		futex_bucket_leave(from);
	}
	waiter->key = *key;
	futex_enqueue(waiter, to);
}

void futex_wake_waiter(struct futex_waiter *waiter, struct futex_wakes *wakes)
{
	uint32_t *word;

	list_remove(&waiter->link);
	futex_bucket_leave(waiter->bucket);
	__atomic_store_n(&waiter->woken, 1, __ATOMIC_RELEASE);
	word = thread_wake_mark(waiter->thread);
	if (!word)
		return;
	if (wakes->count == FUTEX_WAKE_BATCH)
		platform_wake(word, 1);
	else
		wakes->words[wakes->count++] = word;
}

void futex_wakes_send(struct futex_wakes *wakes)
{
	/* A thread that is gone by now leaves a word behind that nobody else waits on, or that
	 * somebody does who then looks again. */
	for (uint32_t i = 0; i < wakes->count; i++)
		platform_wake(wakes->words[i], 1);
	wakes->count = 0;
}

int futex_fault_in(struct thread *thread, uint64_t address, bool write)
{
	int signo, code;

	return mm_fault(thread->process->mm, address, write ? VMA_WRITE : VMA_READ, &signo, &code);
}
