/* Timeouts of programs as moments of the monotonic clock, in ns: WAIT_FOREVER without one, 0 for
 * "do not wait". */
#ifndef LIBOS_SYSCALLS_TIMEOUT_H
#define LIBOS_SYSCALLS_TIMEOUT_H

#include "base/compiler.h"

/* struct timespec or struct timeval at @address (0: forever). -EFAULT, -EINVAL. */
MUST_CHECK int timeout_from_timespec(uint64_t address, uint64_t *ret_deadline_ns);
MUST_CHECK int timeout_from_timeval(uint64_t address, uint64_t *ret_deadline_ns);
uint64_t timeout_from_ms(int64_t timeout_ms); /* negative: forever */

/* Write what is left until @deadline_ns back: 0 or -EFAULT. Nothing is written for @address 0 or a
 * deadline that is none. */
MUST_CHECK int timeout_left_timespec(uint64_t address, uint64_t deadline_ns);
MUST_CHECK int timeout_left_timeval(uint64_t address, uint64_t deadline_ns);

#endif
