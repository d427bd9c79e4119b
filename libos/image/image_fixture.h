/* A small image made in memory, for tests: CONFIG, HASH_TREE, SITES, ROOTFS, with a LIBOS for
 * simulation at the end. */
#ifndef LIBOS_IMAGE_IMAGE_FIXTURE_H
#define LIBOS_IMAGE_IMAGE_FIXTURE_H

#include "libos/image/image.h"

struct fixture {
	uint8_t *file; /* malloc'd */
	size_t size;
	struct image_superblock *super; /* in @file */
	struct image_section *config, *tree, *sites, *rootfs, *libos;
};

void fixture_make(
	struct fixture *fixture, const char *config, const void *rootfs, size_t rootfs_size);

/* Make the digests right again after a change: of the superblock (image digest, checksum). */
void fixture_seal(struct fixture *fixture);

/* A source of a fixture's bytes; @context is the fixture. */
int fixture_read(void *context, uint64_t offset, void *to, size_t size);

#endif
