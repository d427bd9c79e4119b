/* The enclave's own thread: it sleeps to the next deadline, runs what is due, passes on the signals
 * that the host's user sends, and does what the host asks for. */
#include <asm/errno.h>
#include <asm/signal.h>

#include "base/memory.h"
#include "libos/core/lock.h"
#include "libos/files/async.h"
#include "libos/processes/process.h"
#include "libos/processes/service.h"
#include "libos/requests.h"
#include "libos/terminals/console.h"
#include "libos/time/clock.h"
#include "libos/time/timers.h"
#include "platform/platform.h"

static struct lock deadlines_lock;
static struct list deadlines = LIST_INIT(deadlines); /* soonest first */
static struct deadline *running;                     /* its expire is being called */

static void wake_service(void)
{
	uint32_t *doorbell = platform_doorbell();

	__atomic_add_fetch(doorbell, 1, __ATOMIC_RELEASE);
	platform_wake(doorbell, 1);
}

void deadline_arm(struct deadline *deadline, uint64_t when_ns)
{
	struct list *at;
	bool is_first;

	lock_acquire(&deadlines_lock);
	if (deadline->armed)
		list_remove(&deadline->link);
	deadline->armed = true;
	deadline->when_ns = when_ns;
	for (at = deadlines.prev; at != &deadlines; at = at->prev)
		if (LIST_ENTRY(at, struct deadline, link)->when_ns <= when_ns)
			break;
	list_add(at, &deadline->link);
	is_first = at == &deadlines;
	lock_release(&deadlines_lock);
	if (is_first)
		wake_service();
}

void deadline_cancel(struct deadline *deadline)
{
	bool is_running;

	do {
		lock_acquire(&deadlines_lock);
		if (deadline->armed)
			list_remove(&deadline->link);
		deadline->armed = false;
		is_running = running == deadline;
		lock_release(&deadlines_lock);
		if (is_running)
			platform_yield();
	} while (is_running);
}

/* Run what is due; the time of the next one. */
static uint64_t run_due(void)
{
	struct deadline *first;
	uint64_t when_ns;

	for (;;) {
		lock_acquire(&deadlines_lock);
		running = NULL;
		first = list_is_empty(&deadlines) ? NULL
						  : LIST_FIRST(&deadlines, struct deadline, link);
		when_ns = first ? first->when_ns : UINT64_MAX;
		if (!first || when_ns > clock_monotonic_ns()) {
			lock_release(&deadlines_lock);
			return when_ns;
		}
		list_remove(&first->link);
		first->armed = false;
		running = first;
		lock_release(&deadlines_lock);
		first->expire(first);
	}
}

static void forward_host_signals(void)
{
	uint32_t signals = platform_host_signals_take();

	for (int signo = 1; signals; signo++, signals >>= 1) {
		struct signal_info info = {.signo = signo};

		if (!(signals & 1))
			continue;
		/* The window's change is the terminal's to tell, to whom it concerns. */
		if (signo == SIGWINCH && console_first())
			console_resize(console_first());
		else
			(void)!signal_send_process(process_init, signo, &info);
	}
}

static void serve(struct service *service)
{
	uint32_t *doorbell = platform_doorbell(), seen;
	uint64_t when_ns;

	(void)service;
	for (;;) {
		/* Read before the work is looked for: what comes later changes it again. */
		seen = __atomic_load_n(doorbell, __ATOMIC_ACQUIRE);
		forward_host_signals();
		requests_serve(thread_current());
		when_ns = run_due();
		async_flush();
		platform_wait(doorbell, seen, when_ns);
		thread_current()->block.pending = 0;
	}
}

int timers_init(void)
{
	int r = clock_init();

	return r ? r : service_start("timers", serve, NULL, NULL);
}
