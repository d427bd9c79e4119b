/* Apart from what it tells of, for the libraries that share it. */
#include "attestation/platform.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int platform_fail(struct attest_error *error, int r, const char *format, ...)
{
	va_list args;
	int size;

	error->verdict = ATTEST_INTERNAL_ERROR;
	va_start(args, format);
	size = vsnprintf(error->reason, sizeof(error->reason), format, args);
	va_end(args);
	if (size >= 0 && (size_t)size < sizeof(error->reason))
		snprintf(error->reason + size, sizeof(error->reason) - (size_t)size, ": %s",
			strerror(-r));
	return r;
}
