#include "libos/syscalls/deadline.h"

#include <asm/errno.h>

#include "libos/core/user.h"
#include "libos/core/wait.h"
#include "platform/platform.h"

#define NS_PER_S 1000000000UL

/* struct timespec, struct timeval: seconds and the rest in ns or µs. */
struct time_pair {
	int64_t seconds, rest;
};

static uint64_t deadline_after(uint64_t seconds, uint64_t ns)
{
	uint64_t now, span;

	if (!seconds && !ns)
		return 0;
	now = platform_monotonic_ns();
	if (seconds > (WAIT_FOREVER - now) / NS_PER_S - 2)
		return WAIT_FOREVER;
	span = seconds * NS_PER_S + ns;
	return now + span;
}

int deadline_from_timespec(uint64_t address, uint64_t *ret_deadline_ns)
{
	struct time_pair span;

	*ret_deadline_ns = WAIT_FOREVER;
	if (!address)
		return 0;
	if (USER_GET(&span, address))
		return -EFAULT;
	if (span.seconds < 0 || (uint64_t)span.rest >= NS_PER_S)
		return -EINVAL;
	*ret_deadline_ns = deadline_after((uint64_t)span.seconds, (uint64_t)span.rest);
	return 0;
}

int deadline_from_timeval(uint64_t address, uint64_t *ret_deadline_ns)
{
	struct time_pair span;

	*ret_deadline_ns = WAIT_FOREVER;
	if (!address)
		return 0;
	if (USER_GET(&span, address))
		return -EFAULT;
	/* More than a million microseconds are taken as they are; the kernel does so, too. */
	if (span.seconds < 0 || span.rest < 0)
		return -EINVAL;
	if (__builtin_add_overflow(span.seconds, span.rest / 1000000, &span.seconds))
		return 0;
	*ret_deadline_ns =
		deadline_after((uint64_t)span.seconds, (uint64_t)(span.rest % 1000000) * 1000);
	return 0;
}

uint64_t deadline_from_ms(int64_t timeout_ms)
{
	if (timeout_ms < 0)
		return WAIT_FOREVER;
	return deadline_after((uint64_t)timeout_ms / 1000, (uint64_t)timeout_ms % 1000 * 1000000);
}

static int put_left(uint64_t address, uint64_t deadline_ns, uint64_t unit_ns)
{
	struct time_pair left = {0, 0};
	uint64_t now;

	if (!address || !deadline_ns || deadline_ns == WAIT_FOREVER)
		return 0;
	now = platform_monotonic_ns();
	if (now < deadline_ns) {
		left.seconds = (int64_t)((deadline_ns - now) / NS_PER_S);
		left.rest = (int64_t)((deadline_ns - now) % NS_PER_S / unit_ns);
	}
	return USER_PUT(address, left);
}

int deadline_left_timespec(uint64_t address, uint64_t deadline_ns)
{
	return put_left(address, deadline_ns, 1);
}

int deadline_left_timeval(uint64_t address, uint64_t deadline_ns)
{
	return put_left(address, deadline_ns, 1000);
}
