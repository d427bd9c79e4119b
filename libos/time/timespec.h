/* struct timespec between programs and nanoseconds. */
#ifndef LIBOS_TIME_TIMESPEC_H
#define LIBOS_TIME_TIMESPEC_H

#include "base/compiler.h"

#define NS_PER_S 1000000000UL

struct timespec64 {
	int64_t seconds, nanoseconds;
};

/* Read a timespec: -EFAULT, or -EINVAL if negative or not normalised. Saturates. */
MUST_CHECK int timespec_read(uint64_t address, uint64_t *ret_ns);
/* The same as a relative time, turned into a monotonic deadline (WAIT_FOREVER if beyond). */
MUST_CHECK int timespec_read_deadline(uint64_t address, uint64_t *ret_deadline_ns);
MUST_CHECK int timespec_write(uint64_t address, uint64_t ns);
static inline uint64_t deadline_after(uint64_t now_ns, uint64_t ns)
{
	return ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + ns;
}

#endif
