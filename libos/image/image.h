/* An enclave image (abi/image.h), opened by those who don't trust the bytes. Everything is read
 * through one function; what it gives may be forged, and may differ each time: each byte is read
 * once into memory the source can't reach, checked there, and used from there.
 *
 *	image_open(&image, &source, expected_digest, &error)
 *	image_tree_use(&image, memory, image_tree_memory_size(&image))
 *	image_section_read(&image, IMAGE_SECTION_CONFIG, config, config_size, &error)
 *	image_blocks_read(&image, first, count, to, &error)
 *
 * Threads: after image_tree_use() every function may run in any number of threads at once. There
 * is no lock: a block of the hash tree is filled into its place by whoever claims it first and is
 * used by others only once it is verified there; a thread that comes between reads and verifies
 * the block by itself on its stack (5 KiB of it). Nobody waits for anybody.
 *
 * Errors: -EIO the source failed; -EBADMSG what it gave is damaged or forged; -ESTALE sound, but
 * not the image that was expected. */
#ifndef LIBOS_IMAGE_IMAGE_H
#define LIBOS_IMAGE_IMAGE_H

#include "abi/image.h"
#include "base/compiler.h"

#define IMAGE_TREE_LEVELS_MAX 8 /* 128^8 blocks are more than 2^63 bytes */

/* Where the bytes come from. @read fills @to wholly from byte @offset of the file and returns 0, or
 * a negative errno. */
struct image_source {
	int (*read)(void *context, uint64_t offset, void *to, size_t size);
	void *context;
	uint64_t size; /* bytes of the file */
};

/* What was wrong, and where: bytes from the start of the file. @what is a constant string. */
struct image_error {
	const char *what;
	uint64_t offset;
};

/* Level 0 of the hash tree holds the digests of ROOTFS's blocks. @first is counted in blocks from
 * the start of HASH_TREE. */
struct image_tree {
	unsigned int level_count;
	uint64_t first[IMAGE_TREE_LEVELS_MAX];
	uint64_t block_count;
	uint8_t *blocks; /* the caller's memory: all blocks, then a state byte for each */
	uint8_t *states;
};

struct image {
	struct image_source source;
	struct image_superblock super; /* our copy, checked */
	uint64_t rootfs_block_count;
	struct image_tree tree;
};

/* Read and check the superblock. @expected: the image digest to insist on, or NULL to take any
 * (then image->super.image_digest is what was found). @source is copied; its context must outlive
 * @image. @error may be NULL here and below; it is written only on failure. */
int image_open(struct image *image, const struct image_source *source, const uint8_t *expected,
	struct image_error *error) MUST_CHECK;

/* Bytes of memory that verified hash-tree blocks may take (1/128 of ROOTFS). */
size_t image_tree_memory_size(const struct image *image);

/* Give that memory: the caller's, which must outlive @image, be out of reach of the source and of
 * the programs, and be touched by nobody else. Pages of it that no read needed stay untouched,
 * except the states at its end. */
void image_tree_use(struct image *image, void *memory);

/* CONFIG and SITES: their size in bytes, and their verified content. On failure @to is zeroed. */
uint64_t image_section_size(const struct image *image, enum image_section_kind kind);
int image_section_read(struct image *image, enum image_section_kind kind, void *to,
	struct image_error *error) MUST_CHECK;

/* Verified blocks of ROOTFS. @to has @count * IMAGE_BLOCK_SIZE bytes, which the source can't reach;
 * on failure they are zeroed. They are read to @to and checked there: a program that can write to
 * it meanwhile changes what it gets itself, never what others get. -EINVAL: blocks outside ROOTFS.
 */
int image_block_read(
	struct image *image, uint64_t index, void *to, struct image_error *error) MUST_CHECK;
int image_blocks_read(struct image *image, uint64_t first, size_t count, void *to,
	struct image_error *error) MUST_CHECK;

#endif
