#include "libos/time/clock.h"

#include <asm/errno.h>
#include <linux/time.h>

#include "libos/core/heap.h"
#include "libos/processes/process.h"
#include "libos/processes/rusage.h"
#include "libos/time/timers.h"
#include "libos/time/timespec.h"
#include "libos/time/vdso/page.h"
#include "platform/platform.h"

/* Clocks of one process or thread, clock_getcpuclockid(3): ~number << 3, and what is counted. */
#define CPU_CLOCK_OF_CALLER (-6) /* number 0, scheduled time */
#define CPU_CLOCK_PER_THREAD 4
#define CPU_CLOCK_KIND 3
#define CPU_CLOCK_KIND_COUNT 3

#define FIRST_SYNC_NS 20000000UL  /* how long to measure before the counter is believed */
#define SYNC_NS NS_PER_S          /* how often it is compared with the host afterwards */
#define SPAN_NS (4 * NS_PER_S)    /* how long it is believed without a comparison */
#define STEP_NS 1000000UL         /* further behind than this: jump; not too far: catch up */
#define ANCHOR_NS (64 * NS_PER_S) /* how long an interval to measure over */
#define SLEW_SHIFT 10             /* catch up by a thousandth of the rate at most */
#define CPUID_POWER 0x80000007U
#define CPUID_INVARIANT_TSC 256U

static struct vdso_page *page; /* in a region page of its own */
static struct lock page_lock;
static struct deadline sync_deadline;
static bool is_usable; /* the counter runs at one rate, always */

/* Two moments at which both clocks were read: what the rate is measured between. */
struct moment {
	uint64_t tsc, ns;
};
static struct moment anchor, next_anchor;

/* The counter as near as can be to the host's clock: the read between two counter reads that were
 * closest, of a few. */
static struct moment moment_now(void)
{
	struct moment best = {0, 0};
	uint64_t before, after, ns, closest = UINT64_MAX;

	for (int i = 0; i < 5; i++) {
		before = vdso_tsc();
		ns = platform_monotonic_ns();
		after = vdso_tsc();
		if (after - before >= closest)
			continue;
		closest = after - before;
		best = (struct moment){before + closest / 2, ns};
	}
	return best;
}

/* (high << 64 | low) / divisor, which must be greater than high. */
static uint64_t divide(uint64_t high, uint64_t low, uint64_t divisor)
{
	__asm__("divq %2" : "+a"(low), "+d"(high) : "r"(divisor));
	return low;
}

/* ns a tick between two moments, 32.32; 0: cannot be told. */
static uint64_t rate_between(const struct moment *from, const struct moment *to)
{
	uint64_t ticks = to->tsc - from->tsc, ns = to->ns - from->ns;

	if (to->tsc <= from->tsc || to->ns <= from->ns || ns > 4 * ANCHOR_NS || ns >> 32 >= ticks)
		return 0;
	return divide(ns >> 32, ns << 32, ticks);
}

static uint64_t slewed(uint64_t rate, int64_t behind_ns)
{
	/* Make up for it by the next comparison. */
	int64_t limited = MIN(MAX(behind_ns, -(int64_t)SYNC_NS), (int64_t)SYNC_NS);
	int64_t change = (int64_t)(rate >> 20) * limited / (int64_t)(SYNC_NS >> 20);
	int64_t most = (int64_t)(rate >> SLEW_SHIFT);

	return rate + (uint64_t)(MIN(MAX(change, -most), most));
}

static void page_begin(void)
{
	__atomic_store_n(&page->sequence, page->sequence + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static void page_end(void)
{
	__atomic_store_n(&page->sequence, page->sequence + 1, __ATOMIC_RELEASE);
}

/* The page says @now's time from here on, which is never less than it said. page_lock is held. */
static void page_move(const struct moment *now, uint64_t rate)
{
	uint64_t said = now->ns, ns = now->ns;
	uint64_t ticks = now->tsc > page->tsc_base ? now->tsc - page->tsc_base : 0;

	if (page->multiplier)
		said = vdso_ns_at(page, ticks);
	if (said >= ns || ns - said < STEP_NS) {
		rate = slewed(rate, (int64_t)(ns - said));
		ns = said;
	}
	page_begin();
	page->tsc_base = now->tsc;
	page->ns_base = ns;
	page->multiplier = rate;
	page->span = (SPAN_NS << 32) / rate;
	page->realtime_offset = platform_realtime_ns() - platform_monotonic_ns();
	page_end();
}

static void clock_sync(void)
{
	struct moment now;
	uint64_t rate;

	LOCK_SCOPE(&page_lock);
	now = moment_now();
	if (now.ns - anchor.ns < FIRST_SYNC_NS)
		return;
	rate = rate_between(&anchor, &now);
	if (!rate) {
		anchor = next_anchor = now;
		return;
	}
	page_move(&now, rate);
	if (now.ns - next_anchor.ns > ANCHOR_NS) {
		anchor = next_anchor;
		next_anchor = now;
	}
}

static void on_sync(struct deadline *deadline)
{
	clock_sync();
	deadline_arm(deadline, platform_monotonic_ns() + SYNC_NS);
}

static bool counter_is_invariant(void)
{
	uint32_t a = 0x80000000U, b, c = 0, d = 0;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	if (a < CPUID_POWER)
		return false;
	a = CPUID_POWER;
	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return d & CPUID_INVARIANT_TSC;
}

int clock_init(void)
{
	page = pool_alloc(PAGE_SIZE);
	if (!page)
		return -ENOMEM;
	page->cpu_numbers = platform_cpus_are_host_cpus();
	is_usable = counter_is_invariant();
	if (!is_usable)
		return 0;
	anchor = next_anchor = moment_now();
	sync_deadline.expire = on_sync;
	deadline_arm(&sync_deadline, anchor.ns + FIRST_SYNC_NS);
	return 0;
}

const struct vdso_page *clock_page(void)
{
	return page;
}

/* By the page, brought up to date first if it is stale; false: it can't be. */
static bool read_page(uint64_t *ret_ns, uint64_t *ret_realtime_ns)
{
	if (!is_usable)
		return false;
	if (vdso_page_read(page, ret_ns, ret_realtime_ns))
		return true;
	if (!page->multiplier)
		return false;
	clock_sync();
	return vdso_page_read(page, ret_ns, ret_realtime_ns);
}

uint64_t clock_monotonic_ns(void)
{
	uint64_t ns, realtime;

	return read_page(&ns, &realtime) ? ns : platform_monotonic_ns();
}

uint64_t clock_realtime_ns(void)
{
	uint64_t ns, realtime;

	return read_page(&ns, &realtime) ? realtime : platform_realtime_ns();
}

uint64_t clock_realtime_deadline(uint64_t ns)
{
	uint64_t now = clock_realtime_ns();

	return deadline_after(clock_monotonic_ns(), ns > now ? ns - now : 0);
}

static int cpu_clock_read(int id, uint64_t *ret_ns)
{
	struct thread *self = thread_current(), *thread = self;
	int32_t number = ~(id >> 3);

	if ((id & CPU_CLOCK_KIND) >= CPU_CLOCK_KIND_COUNT)
		return -EINVAL;
	LOCK_SCOPE(&process_table_lock);
	if (number)
		thread = thread_find(number);
	if (!thread)
		return -EINVAL;
	if (id & CPU_CLOCK_PER_THREAD) {
		if (thread->process != self->process)
			return -EINVAL;
		*ret_ns = thread_cpu_ns(thread);
		return 0;
	}
	if (thread != thread->process->leader && thread->process != self->process)
		return -EINVAL;
	*ret_ns = process_cpu_ns(thread->process);
	return 0;
}

int clock_read(int id, uint64_t *ret_ns)
{
	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_TAI: /* no leap seconds are known here: as a kernel that was not told them */
		*ret_ns = clock_realtime_ns();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		*ret_ns = clock_monotonic_ns();
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		*ret_ns = platform_thread_cpu_ns();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		return cpu_clock_read(CPU_CLOCK_OF_CALLER, ret_ns);
	default:
		return id < 0 ? cpu_clock_read(id, ret_ns) : -EINVAL;
	}
}

bool clock_counts_cpu(int id)
{
	return id < 0 || id == CLOCK_THREAD_CPUTIME_ID || id == CLOCK_PROCESS_CPUTIME_ID;
}
