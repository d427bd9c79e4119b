#include "attestation/platform.h"

#include <errno.h>
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

int attest_evidence_new(struct attest_platform *platform, struct attest_bytes report_data,
	uint8_t **ret_evidence, size_t *ret_size, struct attest_error *error)
{
	uint8_t padded[64] = {0};

	if (!report_data.size || report_data.size > sizeof(padded))
		return platform_fail(error, -EINVAL, "report data must be 1 to 64 bytes");
	memcpy(padded, report_data.data, report_data.size);
	return platform->ops->make(
		platform, padded, report_data.size, ret_evidence, ret_size, error);
}

void attest_platform_free(struct attest_platform *platform)
{
	if (platform)
		platform->ops->free(platform);
}
