/* The first block of an image: what it says must hold before anything else is looked at. */
#ifndef IMAGE_SUPERBLOCK_H
#define IMAGE_SUPERBLOCK_H

#include "abi/image.h"
#include "image/error.h"

#define SUPERBLOCK_LIBOS_SIZE_MAX (256u << 20)
#define SUPERBLOCK_SITES_SIZE_MAX (1u << 30)

/* Compute image_digest and checksum of a superblock whose sections are complete. */
MUST_CHECK int superblock_seal(struct image_superblock *superblock);

/* Check everything that the block and the file's size tell.
 * -EBADMSG damaged, -EPROTONOSUPPORT an unknown version, flag or section. */
MUST_CHECK int superblock_check(
	const struct image_superblock *superblock, uint64_t file_size, struct image_error *error);

/* The section of this kind and platform; NULL: none. */
const struct image_section *superblock_find(
	const struct image_superblock *superblock, uint32_t kind, uint32_t platform);

#endif
