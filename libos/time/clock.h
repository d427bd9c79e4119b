/* What time it is, for the whole LibOS: the same numbers that programs read from the vDSO page. */
#ifndef LIBOS_TIME_CLOCK_H
#define LIBOS_TIME_CLOCK_H

#include "base/compiler.h"

struct vdso_page;

/* Make the page and begin to learn how fast the time-stamp counter runs; once, at boot. */
MUST_CHECK int clock_init(void);
/* The page that programs read (libos/time/vdso/page.h); NULL before clock_init. */
const struct vdso_page *clock_page(void);
uint64_t clock_monotonic_ns(void); /* never goes back, in any thread */
uint64_t clock_realtime_ns(void);  /* the host's word, not trusted */
/* The monotonic time at which it will be @ns on the real-time clock (now, if it is past). */
uint64_t clock_realtime_deadline(uint64_t ns);
/* Now on the clock @id of clock_gettime(2): -EINVAL no such clock. */
MUST_CHECK int clock_read(int id, uint64_t *ret_ns);
/* One that counts CPU time, not the time of day (the id is valid). */
bool clock_counts_cpu(int id);

#endif
