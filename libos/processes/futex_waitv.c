/* futex_waitv(2): wait on several words at once. */
#include <asm/errno.h>
#include <linux/futex.h>
#include <linux/time.h>

#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/core/user_copy.h"
#include "libos/processes/futex_bucket.h"
#include "libos/syscalls/syscall.h"
#include "libos/time/clock.h"
#include "libos/time/timespec.h"
#include "platform/platform.h"

struct word {
	struct futex_waitv request;
	struct futex_waiter waiter;
};

static int words_read(struct thread *thread, uint64_t address, struct word *words, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct futex_waitv *q = &words[i].request;

		if (USER_GET(q, address + i * sizeof(*q)))
			return -EFAULT;
		if ((q->flags & ~(uint32_t)(FUTEX_32 | FUTEX_PRIVATE_FLAG)) || q->__reserved ||
			!(q->flags & FUTEX_32) || q->val > UINT32_MAX)
			return -EINVAL;
		futex_waiter_init(&words[i].waiter, thread, FUTEX_BITSET_MATCH_ANY);
	}
	return 0;
}

/* Take the first @count off their queues: the last one that was woken, or -1. */
static long words_dequeue(struct word *words, uint32_t count)
{
	long woken = -1;

	for (uint32_t i = 0; i < count; i++)
		if (futex_dequeue(&words[i].waiter))
			woken = i;
	return woken;
}

static int queue_one(struct word *word)
{
	struct futex_bucket *bucket = futex_bucket_of(&word->waiter.key);
	uint32_t value = 0;
	int r;

	futex_bucket_enter(bucket);
	lock_acquire(&bucket->lock);
	r = user_word_load((uint32_t *)(uintptr_t)word->request.uaddr, &value);
	if (!r && value != (uint32_t)word->request.val)
		r = -EAGAIN;
	if (!r)
		futex_enqueue(&word->waiter, bucket);
	lock_release(&bucket->lock);
	if (r)
		futex_bucket_leave(bucket);
	return r;
}

/* Queue on all: 0; 1: one was woken meanwhile, *ret_woken says which. */
static int words_queue(struct thread *thread, struct word *words, uint32_t count, long *ret_woken)
{
	for (uint32_t i = 0; i < count; i++) {
		struct futex_waitv *q = &words[i].request;
		int r = futex_key_of(
			thread, q->uaddr, q->flags & FUTEX_PRIVATE_FLAG, &words[i].waiter.key);

		if (!r)
			r = queue_one(&words[i]);
		if (r == -EFAULT && !futex_fault_in(thread, q->uaddr, false)) {
			i--;
			continue;
		}
		if (!r)
			continue;
		*ret_woken = words_dequeue(words, i);
		return *ret_woken >= 0 ? 1 : r;
	}
	return 0;
}

static bool any_woken(const struct word *words, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (__atomic_load_n(&words[i].waiter.woken, __ATOMIC_ACQUIRE))
			return true;
	return false;
}

static long wait_for_any(
	struct thread *thread, struct word *words, uint32_t count, uint64_t deadline_ns)
{
	long woken;
	int r = words_queue(thread, words, count, &woken);

	if (r)
		return r == 1 ? woken : r;
	while (!any_woken(words, count) && !r)
		r = wait_sleep(deadline_ns);
	woken = words_dequeue(words, count);
	if (woken >= 0)
		return woken;
	return r == -EINTR ? -ERESTARTSYS : r;
}

long sys_futex_waitv(struct thread *thread, const struct syscall_args *args)
{
	uint32_t count = (uint32_t)args->b;
	CLEANUP(heap_freep) struct word *words = NULL;
	uint64_t deadline_ns = WAIT_FOREVER;
	int r = 0;

	if ((uint32_t)args->c || !count || count > FUTEX_WAITV_MAX || !args->a)
		return -EINVAL;
	if (args->d) {
		if ((int)args->e != CLOCK_MONOTONIC && (int)args->e != CLOCK_REALTIME)
			return -EINVAL;
		r = timespec_read(args->d, &deadline_ns);
		if (!r && (int)args->e == CLOCK_REALTIME)
			deadline_ns = clock_realtime_deadline(deadline_ns);
	}
	if (r)
		return r;
	words = heap_alloc(count * sizeof(*words));
	if (!words)
		return -ENOMEM;
	r = words_read(thread, args->a, words, count);
	return r ? r : wait_for_any(thread, words, count, deadline_ns);
}
