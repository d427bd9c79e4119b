/* The page from which programs and the LibOS read the time. One writer at a time (clock.c); readers
 * copy it between two looks at the sequence, which is odd while it is being changed. */
#ifndef LIBOS_TIME_VDSO_PAGE_H
#define LIBOS_TIME_VDSO_PAGE_H

#include "base/compiler.h"

#define CLOCK_NS_PER_S 1000000000UL

struct vdso_page {
	uint32_t sequence;
	uint32_t cpu_numbers; /* what the processor says is the processor's number here */
	/* The time-stamp counter read tsc_base at ns_base (monotonic); valid for @span ticks from
	 * there on. 0: not at all, ask. */
	uint64_t tsc_base, span;
	uint64_t ns_base;
	uint64_t multiplier;      /* ns a tick, 32.32 */
	uint64_t realtime_offset; /* realtime - monotonic, ns */
};

static inline uint64_t vdso_tsc(void)
{
	uint32_t low, high;

	/* Not before what was read before it. */
	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

static inline uint64_t vdso_ns_at(const struct vdso_page *p, uint64_t ticks)
{
	return p->ns_base + (uint64_t)((unsigned __int128)ticks * p->multiplier >> 32);
}

/* Monotonic and real time now; false: the page does not say. */
static inline bool vdso_page_read(
	const struct vdso_page *page, uint64_t *ret_ns, uint64_t *ret_realtime_ns)
{
	struct vdso_page copy;
	uint32_t before;
	uint64_t tsc, ticks;

	do {
		before = __atomic_load_n(&page->sequence, __ATOMIC_ACQUIRE);
		copy.tsc_base = __atomic_load_n(&page->tsc_base, __ATOMIC_RELAXED);
		copy.span = __atomic_load_n(&page->span, __ATOMIC_RELAXED);
		copy.ns_base = __atomic_load_n(&page->ns_base, __ATOMIC_RELAXED);
		copy.multiplier = __atomic_load_n(&page->multiplier, __ATOMIC_RELAXED);
		copy.realtime_offset = __atomic_load_n(&page->realtime_offset, __ATOMIC_RELAXED);
		tsc = vdso_tsc();
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while ((before & 1) || before != __atomic_load_n(&page->sequence, __ATOMIC_RELAXED));
	/* Another processor's counter may be a few ticks behind. */
	ticks = tsc > copy.tsc_base ? tsc - copy.tsc_base : 0;
	if (ticks >= copy.span)
		return false;
	*ret_ns = vdso_ns_at(&copy, ticks);
	*ret_realtime_ns = *ret_ns + copy.realtime_offset;
	return true;
}

#endif
