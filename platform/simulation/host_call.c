#include "platform/simulation/host_call.h"

#include <asm/errno.h>

#define ERRNO_MAX 4095

int host_check_status(long answer)
{
	if (answer == 0 || (answer < 0 && answer >= -ERRNO_MAX))
		return (int)answer;
	return -EIO;
}

long host_check_size(long answer, uint64_t max)
{
	if (answer >= -ERRNO_MAX && answer < 0)
		return answer;
	if (answer < 0 || (uint64_t)answer > max)
		return -EIO;
	return answer;
}
