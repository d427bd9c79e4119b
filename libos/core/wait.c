#include "libos/core/wait.h"

#include <asm/errno.h>

#include "libos/processes/process.h"
#include "platform/platform.h"

/* Of thread.wake. ASLEEP_IN_HOST: in platform_host_poll, which watches descriptors as well. */
enum wake_state { AWAKE, WOKEN, ASLEEP, ASLEEP_IN_HOST };

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

bool thread_is_asleep(const struct thread *thread)
{
	return __atomic_load_n(&thread->sleep_state, __ATOMIC_RELAXED) == 'S' &&
	       __atomic_load_n(&thread->wake, __ATOMIC_RELAXED) != WOKEN;
}

static void note_waker(struct thread *thread)
{
	__atomic_store_n(&thread->waker_cpu, platform_cpu_hint(), __ATOMIC_RELAXED);
}

uint32_t *thread_wake_mark(struct thread *thread)
{
	uint32_t state;

	note_waker(thread);
	state = __atomic_exchange_n(&thread->wake, WOKEN, __ATOMIC_ACQ_REL);

	if (state == ASLEEP_IN_HOST)
		platform_thread_interrupt(thread);
	return state == ASLEEP ? &thread->wake : NULL;
}

void thread_wake(struct thread *thread)
{
	uint32_t *word = thread_wake_mark(thread);

	if (word)
		platform_wake(word, 1);
}

void thread_interrupt(struct thread *thread)
{
	/* Marked already: whoever did that sees to it that the thread looks, and it has not yet. */
	bool was_pending = __atomic_exchange_n(&thread->block.pending, 1, __ATOMIC_SEQ_CST);

	if (__atomic_exchange_n(&thread->wake, WOKEN, __ATOMIC_ACQ_REL) == ASLEEP)
		platform_wake(&thread->wake, 1);
	else if (!was_pending)
		platform_thread_interrupt(thread);
}

/* Threads to be woken once the queue is unlocked: woken earlier, on the same processor, they would
 * run into the lock and sleep again. Words only: a thread may be gone by then, and a wake of what
 * was its word harms nobody. */
#define WAKE_BATCH 8
struct wake_batch {
	uint32_t *words[WAKE_BATCH];
	size_t count;
};

static bool waiter_wake(struct waiter *waiter, uint32_t events, struct wake_batch *batch)
{
	struct thread *thread = waiter->thread;
	uint32_t state;

	waiter->woken = 1;
	if (waiter->callback)
		return waiter->callback(waiter, events);
	note_waker(thread);
	state = __atomic_exchange_n(&thread->wake, WOKEN, __ATOMIC_ACQ_REL);
	if (state == ASLEEP_IN_HOST)
		platform_thread_interrupt(thread);
	else if (state == ASLEEP && batch->count < WAKE_BATCH)
		batch->words[batch->count++] = &thread->wake;
	else if (state == ASLEEP)
		platform_wake(&thread->wake, 1);
	/* Woken already and not run yet: this wake is for somebody else. */
	return state != WOKEN;
}

static void wake(struct wait_queue *queue, uint32_t events, bool one)
{
	struct wake_batch batch = {.count = 0};
	struct waiter *waiter, *next;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (list_is_empty(&queue->waiters))
		return;
	lock_acquire(&queue->lock);
	LIST_FOR_EACH_SAFE (waiter, next, &queue->waiters, link) {
		bool counted = waiter_wake(waiter, events, &batch);

		if (one && counted && waiter->exclusive)
			break;
	}
	lock_release(&queue->lock);
	for (size_t i = 0; i < batch.count; i++)
		platform_wake(batch.words[i], 1);
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

/* What a sleep waits on besides the thread's waiters. */
struct sleep {
	uint64_t deadline_ns;
	bool killable_only;
	struct platform_host_poll *polls; /* NULL: nothing of the host's */
	size_t poll_count;
	struct platform_host_event *events; /* NULL: no epoll of the host's */
	size_t event_count;
	int epoll_fd;
	size_t *ret_event_count;
};

static bool is_in_host(const struct sleep *sleep)
{
	return sleep->polls || sleep->events;
}

static long sleep_in_epoll(const struct sleep *sleep)
{
	long n = platform_host_epoll_wait(
		sleep->epoll_fd, sleep->events, sleep->event_count, sleep->deadline_ns);

	if (n > 0)
		*sleep->ret_event_count = (size_t)n;
	return n;
}

/* A wake of a thread in the host leaves its pending mark behind, which would end each host call at
 * once from here on. Cleared before signals are looked for: what comes later sets it again.
 * Returns whether it was set; the way back to the program is then to look at everything again. */
static bool pending_clear(struct thread *thread)
{
	return __atomic_exchange_n(&thread->block.pending, 0, __ATOMIC_SEQ_CST);
}

/* To look for a wake for some microseconds before the processor is given up spares the host call
 * here and the waker's, and the time in which an idle processor wakes, where two threads answer
 * each other. It is done while it pays: each time in vain, about twice as many sleeps go without
 * it. */
#define SPIN_TICKS 50000 /* of the time stamp counter, */
#define SPIN_TURNS 4000  /* and no more than this, whatever it says */
#define SPINS_LEFT_OUT_MAX 1023

static bool is_woken(const struct thread *thread)
{
	return __atomic_load_n(&thread->wake, __ATOMIC_RELAXED) == WOKEN;
}

static bool spin(const struct thread *thread, uint64_t start)
{
	for (int i = 0; i < SPIN_TURNS && __builtin_ia32_rdtsc() - start < SPIN_TICKS; i++) {
		if (is_woken(thread))
			return true;
		__builtin_ia32_pause();
	}
	return is_woken(thread);
}

/* Who woke it last did so from this very processor, and can't while the thread looks: it is given
 * the processor. That is in vain, too, if somebody else keeps it for longer. */
static bool yield(const struct thread *thread, uint64_t start)
{
	platform_yield();
	return is_woken(thread) && __builtin_ia32_rdtsc() - start < SPIN_TICKS;
}

static bool look(const struct thread *thread)
{
	uint64_t start = __builtin_ia32_rdtsc();
	uint32_t waker = __atomic_load_n(&thread->waker_cpu, __ATOMIC_RELAXED);

	return waker == platform_cpu_hint() ? yield(thread, start) : spin(thread, start);
}

static void spin_while_it_pays(struct thread *thread)
{
	if (thread->spins_left_out) {
		thread->spins_left_out--;
		return;
	}
	thread->sleep_state = 'S';
	if (look(thread))
		thread->spins_failed = 0;
	else
		thread->spins_failed = MIN(2 * thread->spins_failed + 1, SPINS_LEFT_OUT_MAX);
	thread->spins_left_out = thread->spins_failed;
	thread->sleep_state = 0;
}

/* Leave the processor with thread->wake at @state. 1: a descriptor of the host is ready; 0: look
 * why it ended; negative: the host does not do what it is asked for. */
static int sleep_once(struct thread *thread, const struct sleep *sleep, uint32_t state)
{
	long ready = 0;

	thread->sleep_state = 'S';
	if (sleep->events)
		ready = sleep_in_epoll(sleep);
	else if (sleep->polls)
		ready = platform_host_poll(sleep->polls, sleep->poll_count, sleep->deadline_ns);
	else
		platform_wait(&thread->wake, state, sleep->deadline_ns);
	thread->sleep_state = 0;
	(void)__atomic_compare_exchange_n(
		&thread->wake, &state, AWAKE, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
	return ready > 0 ? 1 : ready == -EINTR ? 0 : (int)ready;
}

static int sleep_until(struct thread *thread, const struct sleep *sleep, bool *was_pending)
{
	uint32_t asleep = is_in_host(sleep) ? ASLEEP_IN_HOST : ASLEEP, state;
	int r;

	for (;;) {
		if (is_in_host(sleep))
			*was_pending |= pending_clear(thread);
		/* A wake that came since the condition was tested: test it again. */
		if (__atomic_exchange_n(&thread->wake, AWAKE, __ATOMIC_ACQ_REL) == WOKEN)
			return 0;
		if (sleep->killable_only ? is_killed(thread) : signal_is_pending(thread))
			return -EINTR;
		if (sleep->deadline_ns != WAIT_FOREVER &&
			platform_monotonic_ns() >= sleep->deadline_ns)
			return -ETIMEDOUT;
		state = AWAKE;
		if (!__atomic_compare_exchange_n(&thread->wake, &state, asleep, false,
			    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			continue;
		r = sleep_once(thread, sleep, asleep);
		if (r)
			return MIN(r, 0);
	}
}

void (*wait_before_sleep)(void);

static int sleep_with(const struct sleep *sleep)
{
	struct thread *thread = thread_current();
	bool was_pending = false;
	int r;

	if (wait_before_sleep)
		wait_before_sleep();
	if (!is_in_host(sleep))
		spin_while_it_pays(thread);
	r = sleep_until(thread, sleep, &was_pending);
	if (was_pending)
		__atomic_store_n(&thread->block.pending, 1, __ATOMIC_SEQ_CST);
	return r;
}

int wait_sleep(uint64_t deadline_ns)
{
	return sleep_with(&(struct sleep){.deadline_ns = deadline_ns});
}

int wait_sleep_killable(uint64_t deadline_ns)
{
	return sleep_with(&(struct sleep){.deadline_ns = deadline_ns, .killable_only = true});
}

int wait_sleep_host(struct platform_host_poll *polls, size_t count, uint64_t deadline_ns)
{
	return sleep_with(&(struct sleep){
		.deadline_ns = deadline_ns, .polls = count ? polls : NULL, .poll_count = count});
}

int wait_sleep_epoll(int epoll_fd, struct platform_host_event *events, size_t count,
	size_t *ret_count, uint64_t deadline_ns)
{
	*ret_count = 0;
	return sleep_with(&(struct sleep){.deadline_ns = deadline_ns,
		.events = events,
		.event_count = count,
		.epoll_fd = epoll_fd,
		.ret_event_count = ret_count});
}
