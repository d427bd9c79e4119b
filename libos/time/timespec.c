#include "libos/time/timespec.h"

#include <asm/errno.h>

#include "libos/core/user.h"
#include "platform/platform.h"

int timespec_read(uint64_t address, uint64_t *ret_ns)
{
	struct timespec64 ts;

	if (USER_GET(&ts, address))
		return -EFAULT;
	if (ts.seconds < 0 || ts.nanoseconds < 0 || ts.nanoseconds >= (int64_t)NS_PER_S)
		return -EINVAL;
	if ((uint64_t)ts.seconds > UINT64_MAX / NS_PER_S - 1)
		*ret_ns = UINT64_MAX;
	else
		*ret_ns = (uint64_t)ts.seconds * NS_PER_S + (uint64_t)ts.nanoseconds;
	return 0;
}

int timespec_read_deadline(uint64_t address, uint64_t *ret_deadline_ns)
{
	uint64_t ns;
	int r = timespec_read(address, &ns);

	if (!r)
		*ret_deadline_ns = deadline_after(platform_monotonic_ns(), ns);
	return r;
}

int timespec_write(uint64_t address, uint64_t ns)
{
	struct timespec64 ts = {(int64_t)(ns / NS_PER_S), (int64_t)(ns % NS_PER_S)};

	return USER_PUT(address, ts);
}
