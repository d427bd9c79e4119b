#include "attestation/platform.h"

#include <errno.h>
#include <string.h>

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
