/* MemoryLimit. What the LibOS takes itself (files in memory and its own objects) it counts and
 * refuses beforehand. The private pages of programs come into being without it, at a touch: they
 * are counted from outside, and as often as they could pass the limit meanwhile. Where they have,
 * the process that has most is killed, as Linux does for a container. See libos/DESIGN.md. */
#include "libos/memory/limit.h"

#include <asm/signal.h>

#include "libos/core/heap.h"
#include "libos/core/log.h"
#include "libos/memory/mm.h"
#include "libos/processes/process.h"
#include "libos/time/clock.h"
#include "libos/time/timers.h"
#include "platform/platform.h"

/* So many bytes a second are what programs are taken to touch at most. */
#define TOUCH_RATE (2UL << 30)
#define LOOK_NS_MIN 10000000UL
#define LOOK_NS_MAX 250000000UL
#define ADJUSTMENT_MAX 1000 /* oom_score_adj: a thousandth of the limit each */

struct census {
	uint64_t bytes; /* private, of all */
	struct process *worst;
	uint64_t worst_bytes;
	int64_t worst_score;
};

static struct deadline next_look;
static uint64_t private_bytes; /* at the last look */
static int32_t victim_pid;

/* A vfork child has its parent's; what the one has that was killed is as good as free. */
static bool has_pages(const struct process *process)
{
	return process->state == PROCESS_ALIVE && process->mm && !process->vfork &&
	       process->pid != victim_pid && !list_is_empty(&process->threads);
}

static uint64_t pages_of(struct process *process, bool once)
{
	struct thread *thread = LIST_FIRST(&process->threads, struct thread, in_process);
	uint64_t own, shared;

	if (once && !platform_space_share(thread, &own))
		return own;
	return platform_space_usage(thread, &own, &shared) ? 0 : own;
}

/* @once: pages that a fork left shared count once among all, which costs more to find out. */
static struct census take_census(bool once)
{
	int64_t unit = (int64_t)(heap_limit() / ADJUSTMENT_MAX), score;
	struct census census = {.worst_score = INT64_MIN};
	struct process *process;
	uint64_t bytes;

	LIST_FOR_EACH (process, &process_table, link) {
		if (!has_pages(process))
			continue;
		bytes = pages_of(process, once);
		census.bytes += bytes;
		score = (int64_t)bytes + process->oom_score_adj * unit;
		if (process->oom_score_adj == -ADJUSTMENT_MAX || score <= census.worst_score)
			continue;
		census.worst = process;
		census.worst_bytes = bytes;
		census.worst_score = score;
	}
	return census;
}

static bool victim_remains(void)
{
	struct process *victim = victim_pid ? process_find(victim_pid) : NULL;

	return victim && victim->state == PROCESS_ALIVE;
}

static void kill_worst(const struct census *census)
{
	struct process *process = census->worst;

	if (!process)
		return;
	victim_pid = process->pid;
	log_line(LOG_ERROR,
		"out of memory: process %d (%s) is killed, which has %lu KiB; MemoryLimit is %lu "
		"KiB",
		process->pid, process->leader->name, census->worst_bytes / 1024,
		heap_limit() / 1024);
	(void)!signal_send_process_locked(process, SIGKILL, NULL);
	heap_limit_note(census->bytes - census->worst_bytes);
}

static uint64_t look(void)
{
	uint64_t limit = heap_limit(), files = platform_memory_used();
	struct census census;

	LOCK_SCOPE(&process_table_lock);
	if (!victim_remains())
		victim_pid = 0;
	census = take_census(false);
	if (files + census.bytes > limit)
		census = take_census(true);
	__atomic_store_n(&private_bytes, census.bytes, __ATOMIC_RELAXED);
	heap_limit_note(census.bytes);
	if (files + census.bytes <= limit)
		return limit - files - census.bytes;
	kill_worst(&census);
	return 0;
}

static void on_deadline(struct deadline *deadline)
{
	uint64_t room = look();
	uint64_t wait_ns = room / (TOUCH_RATE / 1000) * 1000000;

	deadline_arm(deadline, clock_monotonic_ns() + MIN(MAX(wait_ns, LOOK_NS_MIN), LOOK_NS_MAX));
}

void memory_limit_start(void)
{
	if (heap_limit() == UINT64_MAX)
		return;
	next_look.expire = on_deadline;
	deadline_arm(&next_look, clock_monotonic_ns() + LOOK_NS_MIN);
}

uint64_t memory_limit_used(void)
{
	return platform_memory_used() + __atomic_load_n(&private_bytes, __ATOMIC_RELAXED);
}
