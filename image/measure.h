/* MRENCLAVE: what SGX would measure of an enclave made of a LibOS and an image digest
 * (abi/SPEC.md, "Measurement"). Our other platforms measure the same way. */
#ifndef IMAGE_MEASURE_H
#define IMAGE_MEASURE_H

#include "abi/image.h"
#include "base/span.h"
#include "image/error.h"

#define MEASURE_LIBOS_SIZE_MAX (1ULL << 30) /* of memory, from its first page to its last */

/* @libos  its ELF file
 * -ENOEXEC: a file that can't be measured; the error says why. */
MUST_CHECK int measure_enclave(struct span libos, const uint8_t image_digest[IMAGE_DIGEST_SIZE],
	uint8_t ret_measurement[IMAGE_DIGEST_SIZE], struct image_error *error);

#endif
