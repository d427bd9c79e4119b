#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "image/digest.h"
#include "image/file.h"
#include "image/hash_tree.h"
#include "image/image.h"
#include "image/sites_section.h"

#define CHUNK_BLOCKS 64
#define HASHES IMAGE_HASHES_PER_BLOCK

/* The hash tree once more, from the bytes of the file. */
struct checker {
	const struct image *image;
	struct digest *digest;
	struct buffer tree;
	struct image_error *error;
};

static void checker_done(struct checker *checker)
{
	digest_free(checker->digest);
	buffer_done(&checker->tree);
}

static bool block_matches(
	struct checker *checker, const uint8_t *block, const uint8_t expected[IMAGE_DIGEST_SIZE])
{
	uint8_t value[IMAGE_DIGEST_SIZE];

	digest_update(checker->digest, block, IMAGE_BLOCK_SIZE);
	digest_final(checker->digest, value);
	return !memcmp(value, expected, sizeof(value));
}

static int bad_block(struct checker *checker, const struct image_section *section, uint64_t block)
{
	return image_fail(checker->error, -EBADMSG,
		"%s section: block %lu (file offset %#lx): damaged (does not match the hash tree)",
		image_section_name(section->kind), block,
		section->offset + block * IMAGE_BLOCK_SIZE);
}

/* Each level must be what the one above says of it, and zero behind its last hash.
 * @above   first block, in the section, of the level that holds the hashes
 * @blocks  how many it describes; they follow it in the section */
static int check_level(
	struct checker *checker, uint64_t above, uint64_t above_blocks, uint64_t blocks)
{
	const struct image_section *section = checker->image->hash_tree;
	const uint8_t *hashes = checker->tree.data + above * IMAGE_BLOCK_SIZE;
	const uint8_t *below = hashes + above_blocks * IMAGE_BLOCK_SIZE;

	for (uint64_t i = 0; i < blocks; i++)
		if (!block_matches(
			    checker, below + i * IMAGE_BLOCK_SIZE, hashes + i * IMAGE_DIGEST_SIZE))
			return bad_block(checker, section, above + above_blocks + i);
	return 0;
}

static bool level_padding_is_zero(const uint8_t *hashes, uint64_t level_blocks, uint64_t used)
{
	for (uint64_t i = used * IMAGE_DIGEST_SIZE; i < level_blocks * IMAGE_BLOCK_SIZE; i++)
		if (hashes[i])
			return false;
	return true;
}

/* From the root down to the hashes of ROOTFS's blocks; @ret_leaves: the first of those. */
static int check_tree(struct checker *checker, const uint8_t **ret_leaves)
{
	const struct image *image = checker->image;
	uint64_t counts[16], levels = 0, at = 0;

	counts[0] = image->rootfs->size / IMAGE_BLOCK_SIZE;
	do {
		counts[levels + 1] = (counts[levels] + HASHES - 1) / HASHES;
		levels++;
	} while (counts[levels] > 1);
	if (!block_matches(checker, checker->tree.data, image->rootfs->digest))
		return bad_block(checker, image->hash_tree, 0);
	for (uint64_t level = levels; level > 0; level--) {
		const uint8_t *hashes = checker->tree.data + at * IMAGE_BLOCK_SIZE;

		if (!level_padding_is_zero(hashes, counts[level], counts[level - 1]))
			return image_fail(checker->error, -EBADMSG,
				"HASH_TREE section: level %lu is not padded with zeros", level - 1);
		if (level == 1)
			*ret_leaves = hashes;
		else if (check_level(checker, at, counts[level], counts[level - 1]) < 0)
			return -EBADMSG;
		at += counts[level];
	}
	return 0;
}

static int check_rootfs(struct checker *checker, const uint8_t *leaves)
{
	const struct image_section *rootfs = checker->image->rootfs;
	uint64_t count = rootfs->size / IMAGE_BLOCK_SIZE;
	uint8_t blocks[CHUNK_BLOCKS * IMAGE_BLOCK_SIZE];

	for (uint64_t i = 0; i < count; i += CHUNK_BLOCKS) {
		uint64_t n = MIN(count - i, (uint64_t)CHUNK_BLOCKS);
		int r = file_read_at(checker->image->fd, blocks, n * IMAGE_BLOCK_SIZE,
			rootfs->offset + i * IMAGE_BLOCK_SIZE);

		if (r < 0)
			return image_fail_errno(checker->error, r, "ROOTFS section");
		for (uint64_t j = 0; j < n; j++)
			if (!block_matches(checker, blocks + j * IMAGE_BLOCK_SIZE,
				    leaves + (i + j) * IMAGE_DIGEST_SIZE))
				return bad_block(checker, rootfs, i + j);
	}
	return 0;
}

static int check_zero(struct checker *checker, uint64_t from, uint64_t to)
{
	while (from < to) {
		uint8_t bytes[IMAGE_BLOCK_SIZE];
		size_t size = (size_t)MIN(to - from, (uint64_t)sizeof(bytes));
		int r = file_read_at(checker->image->fd, bytes, size, from);

		if (r < 0)
			return image_fail_errno(checker->error, r, "gap at %#lx", from);
		for (size_t i = 0; i < size; i++)
			if (bytes[i])
				return image_fail(checker->error, -EBADMSG,
					"file offset %#lx, between sections: must be zero",
					from + i);
		from += size;
	}
	return 0;
}

static int check_gaps(struct checker *checker)
{
	const struct image_superblock *superblock = &checker->image->superblock;
	uint64_t end = IMAGE_BLOCK_SIZE;

	for (uint32_t i = 0; i < superblock->section_count; i++) {
		const struct image_section *section = &superblock->sections[i];
		int r = check_zero(checker, end, section->offset);

		if (r < 0)
			return r;
		end = section->offset + section->size;
	}
	return check_zero(checker, end, superblock->file_size);
}

int image_verify(const struct image *image, struct image_error *error)
{
	CLEANUP(checker_done)
	struct checker checker = {.image = image, .digest = digest_new(), .error = error};
	const uint8_t *leaves = NULL;
	int r;

	if (!checker.digest || buffer_resize(&checker.tree, (size_t)image->hash_tree->size) < 0)
		return image_fail_errno(error, -ENOMEM, "HASH_TREE section");
	r = file_read_at(image->fd, checker.tree.data, checker.tree.size, image->hash_tree->offset);
	if (r < 0)
		return image_fail_errno(error, r, "HASH_TREE section");
	r = check_gaps(&checker);
	if (r == 0)
		r = check_tree(&checker, &leaves);
	if (r == 0)
		r = check_rootfs(&checker, leaves);
	return r;
}

int image_verify_deep(const struct image *image, struct image_error *error)
{
	CLEANUP(buffer_done) struct buffer sites = {0};
	size_t size = (size_t)image->rootfs->size;
	void *map =
		mmap(NULL, size, PROT_READ, MAP_PRIVATE, image->fd, (off_t)image->rootfs->offset);
	int r;

	if (map == MAP_FAILED)
		return image_fail_errno(error, -errno, "ROOTFS section");
	r = image_sites_section((struct span){map, size}, &sites, error);
	munmap(map, size);
	if (r < 0)
		return r;
	if (sites.size != image->sites_bytes.size ||
		memcmp(sites.data, image->sites_bytes.data, sites.size))
		return image_fail(error, -EBADMSG,
			"SITES section: not the system-call sites of this file system, or found by "
			"another version");
	return 0;
}
