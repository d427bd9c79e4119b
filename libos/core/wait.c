#include "libos/core/wait.h"

#include <asm/errno.h>

#include "libos/processes/process.h"
#include "platform/platform.h"

enum wake_state { AWAKE, WOKEN, ASLEEP };

void wait_queue_init(struct wait_queue *queue)
{
	queue->lock = (struct lock){0};
	list_init(&queue->waiters);
}

void waiter_init(struct waiter *waiter)
{
	*waiter = (struct waiter){.thread = thread_current()};
	list_init(&waiter->link);
}

void wait_add(struct wait_queue *queue, struct waiter *waiter)
{
	lock_acquire(&queue->lock);
	waiter->queue = queue;
	if (waiter->exclusive)
		list_add_tail(&queue->waiters, &waiter->link);
	else
		list_add(&queue->waiters, &waiter->link);
	lock_release(&queue->lock);
	/* The waker's fence in wait_wake pairs with this: either it sees the waiter, or the
	 * condition tested after this sees what it changed. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void wait_remove(struct waiter *waiter)
{
	struct wait_queue *queue = waiter->queue;

	if (!queue)
		return;
	lock_acquire(&queue->lock);
	list_remove(&waiter->link);
	waiter->queue = NULL;
	lock_release(&queue->lock);
}

void thread_wake(struct thread *thread)
{
	if (__atomic_exchange_n(&thread->wake, WOKEN, __ATOMIC_ACQ_REL) == ASLEEP)
		platform_wake(&thread->wake, 1);
}

void thread_interrupt(struct thread *thread)
{
	__atomic_store_n(&thread->block.pending, 1, __ATOMIC_SEQ_CST);
	if (__atomic_exchange_n(&thread->wake, WOKEN, __ATOMIC_ACQ_REL) == ASLEEP)
		platform_wake(&thread->wake, 1);
	else
		platform_thread_interrupt(thread);
}

static bool waiter_wake(struct waiter *waiter, uint32_t events)
{
	waiter->woken = 1;
	if (waiter->callback)
		return waiter->callback(waiter, events);
	thread_wake(waiter->thread);
	return true;
}

static void wake(struct wait_queue *queue, uint32_t events, bool one)
{
	struct waiter *waiter, *next;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (list_is_empty(&queue->waiters))
		return;
	lock_acquire(&queue->lock);
	LIST_FOR_EACH_SAFE (waiter, next, &queue->waiters, link) {
		bool counted = waiter_wake(waiter, events);

		if (one && counted && waiter->exclusive)
			break;
	}
	lock_release(&queue->lock);
}

void wait_wake(struct wait_queue *queue, uint32_t events)
{
	wake(queue, events, false);
}

void wait_wake_one(struct wait_queue *queue, uint32_t events)
{
	wake(queue, events, true);
}

static bool is_killed(struct thread *thread)
{
	return thread->exiting ||
	       __atomic_load_n(&thread->process->signals.group_exiting, __ATOMIC_ACQUIRE);
}

static int sleep_until(uint64_t deadline_ns, bool killable_only)
{
	struct thread *thread = thread_current();
	uint32_t state;

	for (;;) {
		/* A wake that came since the condition was tested: test it again. */
		if (__atomic_exchange_n(&thread->wake, AWAKE, __ATOMIC_ACQ_REL) == WOKEN)
			return 0;
		if (killable_only ? is_killed(thread) : signal_is_pending(thread))
			return -EINTR;
		if (deadline_ns != WAIT_FOREVER && platform_monotonic_ns() >= deadline_ns)
			return -ETIMEDOUT;
		state = AWAKE;
		if (!__atomic_compare_exchange_n(&thread->wake, &state, ASLEEP, false,
			    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			continue;
		thread->sleep_state = 'S';
		platform_wait(&thread->wake, ASLEEP, deadline_ns);
		thread->sleep_state = 0;
		state = ASLEEP;
		(void)__atomic_compare_exchange_n(
			&thread->wake, &state, AWAKE, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
	}
}

int wait_sleep(uint64_t deadline_ns)
{
	return sleep_until(deadline_ns, false);
}

int wait_sleep_killable(uint64_t deadline_ns)
{
	return sleep_until(deadline_ns, true);
}
