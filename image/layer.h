/* One layer of a container image, a tar archive, laid over a tree as the OCI image specification
 * says ("Image Layer Filesystem Changeset"): whiteouts remove what lower layers have. */
#ifndef IMAGE_LAYER_H
#define IMAGE_LAYER_H

#include "abi/image.h"
#include "image/container_source.h"

#define LAYER_SIZE_MAX (1ULL << 40) /* bytes, uncompressed */

/* Bytes of an open file. */
struct layer_region {
	int fd;
	uint64_t offset;
	uint64_t size;
};

struct layer_options {
	bool whiteouts;         /* or names like .wh.x are ordinary files */
	const uint8_t *digest;  /* SHA-256 of the region; NULL: unknown */
	const uint8_t *diff_id; /* SHA-256 of the tar archive in it; NULL: unknown */
};

/* Plain, gzip and zstd archives are known by their content. Contents go to @spool.
 * -EBADMSG: a damaged archive, a wrong digest, or a name that leads out of the root. */
MUST_CHECK int layer_apply(struct tree *tree, struct layer_region region,
	const struct layer_options *options, struct container_spool *spool,
	struct image_error *error);

#endif
