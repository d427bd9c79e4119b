/* Writes a tree as an EROFS file system. */
#ifndef IMAGE_EROFS_H
#define IMAGE_EROFS_H

#include "image/tree.h"

/* Regular files up to this many bytes lie behind their inode; larger ones are whole blocks, so
 * that their pages can be mapped. */
#define EROFS_INLINE_MAX 2048

/* Where the file system goes: block after block, in order, each exactly once.
 * A negative answer ends the writing and is returned; the sink fills @error. */
typedef int erofs_sink_fn(
	void *context, const uint8_t *blocks, size_t block_count, struct image_error *error);

/* Write @tree; sets each inode's nid and data_offset. The same tree gives the same bytes.
 * @build_time  seconds; goes into the superblock
 * Errors: -EFBIG more than 2^32 blocks; -E2BIG attributes that don't fit; those of reading the
 * contents; the sink's. */
MUST_CHECK int erofs_write(struct tree *tree, uint64_t build_time, erofs_sink_fn *sink,
	void *context, struct image_error *error);

/* The value of the superblock's checksum. @block is the rest of the first block, from the
 * superblock on; the checksum in it counts as 0. */
uint32_t erofs_checksum(const uint8_t *block, size_t size);

#endif
