/* What makes evidence: one ops table a back end. */
#ifndef ATTESTATION_PLATFORM_H
#define ATTESTATION_PLATFORM_H

#include "attestation/verdict.h"
#include "base/span.h"

struct platform_ops {
	/* As attest_evidence_new; @report_data is padded with zeros, @size is what the caller gave.
	 * -EINVAL and error->reason go up as they are. */
	int (*make)(struct attest_platform *platform, const uint8_t report_data[64], size_t size,
		uint8_t **ret_evidence, size_t *ret_size, struct attest_error *error);
	/* Free the platform and all that is behind it. */
	void (*free)(struct attest_platform *platform);
};

/* Embedded as the first member of each back end's own struct. */
struct attest_platform {
	const struct platform_ops *ops;
};

/* "what: strerror" to @error; returns @r, a negative errno. */
int platform_fail(struct attest_error *error, int r, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
