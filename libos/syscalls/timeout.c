#include "libos/syscalls/timeout.h"

#include <asm/errno.h>

#include "libos/core/user.h"
#include "libos/core/wait.h"
#include "libos/processes/process.h"
#include "libos/time/timespec.h"
#include "platform/platform.h"

#define US_PER_S 1000000L
#define STICKY_TIMEOUTS 0x4000000 /* personality(2) */

static uint64_t deadline_in(uint64_t ns)
{
	return ns ? deadline_after(platform_monotonic_ns(), ns) : 0;
}

int timeout_from_timespec(uint64_t address, uint64_t *ret_deadline_ns)
{
	uint64_t ns;
	int r;

	*ret_deadline_ns = WAIT_FOREVER;
	if (!address)
		return 0;
	r = timespec_read(address, &ns);
	if (!r)
		*ret_deadline_ns = deadline_in(ns);
	return r;
}

/* A million microseconds and more are taken as they are; the kernel does so, too. */
int timeout_from_timeval(uint64_t address, uint64_t *ret_deadline_ns)
{
	struct {
		int64_t seconds, microseconds;
	} span;

	*ret_deadline_ns = WAIT_FOREVER;
	if (!address)
		return 0;
	if (USER_GET(&span, address))
		return -EFAULT;
	if (span.seconds < 0 || span.microseconds < 0)
		return -EINVAL;
	if (!__builtin_add_overflow(span.seconds, span.microseconds / US_PER_S, &span.seconds) &&
		(uint64_t)span.seconds < UINT64_MAX / NS_PER_S - 1)
		*ret_deadline_ns = deadline_in((uint64_t)span.seconds * NS_PER_S +
					       (uint64_t)(span.microseconds % US_PER_S) * 1000);
	return 0;
}

uint64_t timeout_from_ms(int64_t timeout_ms)
{
	return timeout_ms < 0 ? WAIT_FOREVER : deadline_in((uint64_t)timeout_ms * 1000000);
}

static int put_left(uint64_t address, uint64_t deadline_ns, uint64_t unit_ns)
{
	struct timespec64 left = {0, 0};
	uint64_t now;

	if (!address || !deadline_ns || deadline_ns == WAIT_FOREVER)
		return 0;
	if (thread_current()->process->personality & STICKY_TIMEOUTS)
		return 0;
	now = platform_monotonic_ns();
	if (now < deadline_ns) {
		left.seconds = (int64_t)((deadline_ns - now) / NS_PER_S);
		left.nanoseconds = (int64_t)((deadline_ns - now) % NS_PER_S / unit_ns);
	}
	return USER_PUT(address, left);
}

int timeout_left_timespec(uint64_t address, uint64_t deadline_ns)
{
	return put_left(address, deadline_ns, 1);
}

int timeout_left_timeval(uint64_t address, uint64_t deadline_ns)
{
	return put_left(address, deadline_ns, 1000);
}
