#include "libos/image/image.h"

#include <asm/errno.h>

#include "base/checked.h"
#include "base/memory.h"
#include "crypto/sha256.h"

#define SIGSTRUCT_SIZE 1808 /* Intel SDM volume 3D, "Enclave Signature Structure" */

/* The sections that are measured, in the order in which they are; each must be there once. */
static const enum image_section_kind measured_kinds[] = {
	IMAGE_SECTION_CONFIG, IMAGE_SECTION_ROOTFS, IMAGE_SECTION_HASH_TREE, IMAGE_SECTION_SITES};

enum tree_state {
	TREE_EMPTY,
	TREE_CLAIMED,
	TREE_VERIFIED,
};

static int fail(struct image_error *error, int number, const char *what, uint64_t offset)
{
	if (error)
		*error = (struct image_error){what, offset};
	return number;
}

static int bad(struct image_error *error, const char *what, uint64_t offset)
{
	return fail(error, -EBADMSG, what, offset);
}

static int source_read(
	struct image *image, uint64_t offset, void *to, size_t size, struct image_error *error)
{
	if (image->source.read(image->source.context, offset, to, size) != 0)
		return fail(error, -EIO, "the host could not read the file", offset);
	return 0;
}

static bool is_zero(const void *from, size_t size)
{
	const uint8_t *p = from;
	uint8_t any = 0;

	for (size_t i = 0; i < size; i++)
		any |= p[i];
	return any == 0;
}

static const struct image_section *section_find(
	const struct image *image, enum image_section_kind kind)
{
	for (uint32_t i = 0; i < image->super.section_count; i++)
		if (image->super.sections[i].kind == kind)
			return &image->super.sections[i];
	return NULL;
}

/* -- the superblock -------------------------------------------------------------------------- */

static uint64_t entry_offset(uint32_t index)
{
	return offsetof(struct image_superblock, sections) + index * sizeof(struct image_section);
}

/* The end of the section's last block. No overflow: section_check() bounds both. */
static uint64_t section_end(const struct image_section *section)
{
	return ALIGN_UP(section->offset + section->size, (uint64_t)IMAGE_BLOCK_SIZE);
}

static const char *section_check_kind(const struct image_section *section)
{
	bool shared = section->platform == IMAGE_PLATFORM_ANY;

	if (section->platform > IMAGE_PLATFORM_SGX)
		return "a section for an unknown platform";
	switch (section->kind) {
	case IMAGE_SECTION_CONFIG:
		if (section->size > IMAGE_CONFIG_SIZE_MAX)
			return "the configuration is too large";
		break;
	case IMAGE_SECTION_HASH_TREE:
		if (!is_zero(section->digest, sizeof(section->digest)))
			return "a digest where the hash tree has none";
		break;
	case IMAGE_SECTION_ROOTFS:
	case IMAGE_SECTION_SITES:
		break;
	case IMAGE_SECTION_SIGSTRUCT:
		if (section->size != SIGSTRUCT_SIZE)
			return "a SIGSTRUCT of the wrong size";
		return shared ? "a SIGSTRUCT for no platform" : NULL;
	case IMAGE_SECTION_LIBOS:
		return shared ? "a LibOS for no platform" : NULL;
	case IMAGE_SECTION_KEY_ENVELOPE:
		return "the root file system is encrypted, which this version can't read";
	default:
		return "a section of an unknown kind";
	}
	return shared ? NULL : "a section for one platform that all must share";
}

static const char *section_check(const struct image *image, const struct image_section *section)
{
	if (!IS_ALIGNED(section->offset, IMAGE_BLOCK_SIZE) || section->offset < IMAGE_BLOCK_SIZE)
		return "a section at a wrong offset";
	if (section->size == 0 ||
		!range_fits(section->offset, section->size, image->super.file_size))
		return "a section that does not lie inside the file";
	if (section->reserved != 0)
		return "a section's reserved bytes are not zero";
	return section_check_kind(section);
}

/* The checks of a section against those before it. */
static const char *section_check_others(const struct image *image, uint32_t index)
{
	const struct image_section *section = &image->super.sections[index];

	for (uint32_t i = 0; i < index; i++) {
		const struct image_section *other = &image->super.sections[i];

		if (other->kind == section->kind && other->platform == section->platform)
			return "a section that is there twice";
		if (other->offset < section_end(section) && section->offset < section_end(other))
			return "a section that overlaps another";
	}
	return NULL;
}

static int sections_check(struct image *image, struct image_error *error)
{
	const struct image_superblock *super = &image->super;
	uint64_t end = IMAGE_BLOCK_SIZE;

	for (uint32_t i = 0; i < super->section_count; i++) {
		const char *what = section_check(image, &super->sections[i]);

		if (!what)
			what = section_check_others(image, i);
		if (what)
			return bad(error, what, entry_offset(i));
		end = MAX(end, section_end(&super->sections[i]));
	}
	if (!is_zero(super->sections + super->section_count,
		    (IMAGE_SECTION_COUNT_MAX - super->section_count) * sizeof(super->sections[0])))
		return bad(error, "an unused section entry is not zero",
			entry_offset(super->section_count));
	if (end != super->file_size)
		return bad(error, "the file does not end with its last section",
			offsetof(struct image_superblock, file_size));
	for (size_t i = 0; i < ARRAY_SIZE(measured_kinds); i++)
		if (!section_find(image, measured_kinds[i]))
			return bad(error, "a section that every image has is missing",
				entry_offset(super->section_count));
	return 0;
}

#define FIELD(name) offsetof(struct image_superblock, name)

static int header_check(struct image *image, struct image_error *error)
{
	const struct image_superblock *super = &image->super;
	uint8_t checksum[IMAGE_DIGEST_SIZE];

	if (memcmp(super->magic, IMAGE_MAGIC, sizeof(super->magic)) != 0)
		return bad(error, "not an enclave image", FIELD(magic));
	if (super->version != IMAGE_VERSION)
		return bad(error, "an unknown version of the image format", FIELD(version));
	sha256(super, FIELD(checksum), checksum);
	if (memcmp(checksum, super->checksum, sizeof(checksum)) != 0)
		return bad(error, "the superblock is damaged", FIELD(checksum));
	if (super->flags != 0)
		return bad(error, "an unknown flag", FIELD(flags));
	if (super->section_count > IMAGE_SECTION_COUNT_MAX)
		return bad(error, "too many sections", FIELD(section_count));
	if (super->file_size > INT64_MAX || !IS_ALIGNED(super->file_size, IMAGE_BLOCK_SIZE))
		return bad(error, "a wrong file size", FIELD(file_size));
	if (super->file_size != image->source.size)
		return bad(error, "the file was cut off or added to", image->source.size);
	if (!is_zero(super->reserved, sizeof(super->reserved)))
		return bad(error, "reserved bytes are not zero", FIELD(reserved));
	return 0;
}

static int digest_check(struct image *image, const uint8_t *expected, struct image_error *error)
{
	uint8_t digest[IMAGE_DIGEST_SIZE];
	struct sha256 sha;

	sha256_start(&sha);
	for (size_t i = 0; i < ARRAY_SIZE(measured_kinds); i++) {
		struct image_section section = *section_find(image, measured_kinds[i]);

		section.offset = 0;
		sha256_update(&sha, &section, sizeof(section));
	}
	sha256_finish(&sha, digest);
	if (memcmp(digest, image->super.image_digest, sizeof(digest)) != 0)
		return bad(
			error, "the image digest is not that of the sections", FIELD(image_digest));
	if (expected && memcmp(digest, expected, sizeof(digest)) != 0)
		return fail(error, -ESTALE, "not the image that was expected", FIELD(image_digest));
	return 0;
}

/* -- the hash tree --------------------------------------------------------------------------- */

/* Lay the levels out, top first, and compare with the section's size. */
static int tree_init(struct image *image, struct image_error *error)
{
	const struct image_section *section = section_find(image, IMAGE_SECTION_HASH_TREE);
	uint64_t counts[IMAGE_TREE_LEVELS_MAX], count = image->rootfs_block_count;
	struct image_tree *tree = &image->tree;

	do {
		count = (count + IMAGE_HASHES_PER_BLOCK - 1) / IMAGE_HASHES_PER_BLOCK;
		counts[tree->level_count++] = count;
	} while (count > 1);
	for (unsigned int level = tree->level_count; level-- > 0;) {
		tree->first[level] = tree->block_count;
		tree->block_count += counts[level];
	}
	if (section->size != tree->block_count * IMAGE_BLOCK_SIZE)
		return bad(error, "the hash tree is not as large as its file system needs",
			entry_offset((uint32_t)(section - image->super.sections)));
	return 0;
}

static uint8_t *tree_block(const struct image_tree *tree, uint64_t block)
{
	return tree->blocks + block * IMAGE_BLOCK_SIZE;
}

static bool tree_is_verified(const struct image_tree *tree, uint64_t block)
{
	return __atomic_load_n(&tree->states[block], __ATOMIC_ACQUIRE) == TREE_VERIFIED;
}

static bool tree_claim(const struct image_tree *tree, uint64_t block)
{
	uint8_t empty = TREE_EMPTY;

	return __atomic_compare_exchange_n(&tree->states[block], &empty, TREE_CLAIMED, false,
		__ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/* Read tree block @block to @to and compare it with its digest. */
static int tree_fetch(struct image *image, uint64_t block, uint8_t *to, const uint8_t *expected,
	struct image_error *error)
{
	const struct image_section *section = section_find(image, IMAGE_SECTION_HASH_TREE);
	uint64_t offset = section->offset + block * IMAGE_BLOCK_SIZE;
	uint8_t digest[IMAGE_DIGEST_SIZE];
	int r = source_read(image, offset, to, IMAGE_BLOCK_SIZE, error);

	if (r < 0)
		return r;
	sha256(to, IMAGE_BLOCK_SIZE, digest);
	if (memcmp(digest, expected, sizeof(digest)) != 0)
		return bad(error, "a block of the hash tree is damaged", offset);
	return 0;
}

/* Another thread is filling the block's place: verify a copy of our own. */
static NOINLINE int tree_step_apart(struct image *image, uint64_t block, unsigned int slot,
	uint8_t digest[IMAGE_DIGEST_SIZE], struct image_error *error)
{
	uint8_t copy[IMAGE_BLOCK_SIZE];
	int r = tree_fetch(image, block, copy, digest, error);

	if (r < 0)
		return r;
	memcpy(digest, copy + slot * IMAGE_DIGEST_SIZE, IMAGE_DIGEST_SIZE);
	return 0;
}

/* One level down: with @digest that of tree block @block, turn it into that of its child @slot. */
static int tree_step(struct image *image, uint64_t block, unsigned int slot,
	uint8_t digest[IMAGE_DIGEST_SIZE], struct image_error *error)
{
	struct image_tree *tree = &image->tree;
	uint8_t *place = tree_block(tree, block);
	int r;

	if (!tree_is_verified(tree, block)) {
		if (!tree_claim(tree, block))
			return tree_step_apart(image, block, slot, digest, error);
		r = tree_fetch(image, block, place, digest, error);
		/* Release: who sees VERIFIED sees the block. */
		__atomic_store_n(
			&tree->states[block], r < 0 ? TREE_EMPTY : TREE_VERIFIED, __ATOMIC_RELEASE);
		if (r < 0)
			return r;
	}
	memcpy(digest, place + slot * IMAGE_DIGEST_SIZE, IMAGE_DIGEST_SIZE);
	return 0;
}

/* The tree block of @level on the path to ROOTFS's block @index, and the slot in it. */
static uint64_t tree_path(
	const struct image_tree *tree, unsigned int level, uint64_t index, unsigned int *ret_slot)
{
	for (unsigned int i = 0; i < level; i++)
		index /= IMAGE_HASHES_PER_BLOCK;
	*ret_slot = (unsigned int)(index % IMAGE_HASHES_PER_BLOCK);
	return tree->first[level] + index / IMAGE_HASHES_PER_BLOCK;
}

/* The digest that ROOTFS's block @index must have: from the lowest verified block on its path, or
 * from the root, down. */
static int tree_digest(struct image *image, uint64_t index, uint8_t digest[IMAGE_DIGEST_SIZE],
	struct image_error *error)
{
	const struct image_tree *tree = &image->tree;
	unsigned int level = 0, slot;

	while (level < tree->level_count - 1 &&
		!tree_is_verified(tree, tree_path(tree, level, index, &slot)))
		level++;
	memcpy(digest, section_find(image, IMAGE_SECTION_ROOTFS)->digest, IMAGE_DIGEST_SIZE);
	for (;; level--) {
		uint64_t block = tree_path(tree, level, index, &slot);
		int r = tree_step(image, block, slot, digest, error);

		if (r < 0 || level == 0)
			return r;
	}
}

static int block_check(
	struct image *image, uint64_t index, const void *block, struct image_error *error)
{
	const struct image_section *rootfs = section_find(image, IMAGE_SECTION_ROOTFS);
	uint8_t expected[IMAGE_DIGEST_SIZE], digest[IMAGE_DIGEST_SIZE];
	int r = tree_digest(image, index, expected, error);

	if (r < 0)
		return r;
	sha256(block, IMAGE_BLOCK_SIZE, digest);
	if (memcmp(digest, expected, sizeof(digest)) != 0)
		return bad(error, "a block of the root file system is damaged",
			rootfs->offset + index * IMAGE_BLOCK_SIZE);
	return 0;
}

static int blocks_read(
	struct image *image, uint64_t first, size_t count, uint8_t *to, struct image_error *error)
{
	const struct image_section *rootfs = section_find(image, IMAGE_SECTION_ROOTFS);
	uint64_t offset = rootfs->offset + first * IMAGE_BLOCK_SIZE;
	int r = source_read(image, offset, to, count * IMAGE_BLOCK_SIZE, error);

	for (size_t i = 0; r == 0 && i < count; i++)
		r = block_check(image, first + i, to + i * IMAGE_BLOCK_SIZE, error);
	return r;
}

/* -- public ---------------------------------------------------------------------------------- */

int image_open(struct image *image, const struct image_source *source, const uint8_t *expected,
	struct image_error *error)
{
	int r;

	memset(image, 0, sizeof(*image));
	image->source = *source;
	if (source->size < IMAGE_BLOCK_SIZE)
		return bad(error, "the file is too short for an image", source->size);
	r = source_read(image, 0, &image->super, sizeof(image->super), error);
	if (r == 0)
		r = header_check(image, error);
	if (r == 0)
		r = sections_check(image, error);
	if (r == 0)
		r = digest_check(image, expected, error);
	if (r < 0)
		return r;
	image->rootfs_block_count =
		(image_section_size(image, IMAGE_SECTION_ROOTFS) + IMAGE_BLOCK_SIZE - 1) /
		IMAGE_BLOCK_SIZE;
	return tree_init(image, error);
}

size_t image_tree_memory_size(const struct image *image)
{
	return image->tree.block_count * (IMAGE_BLOCK_SIZE + 1);
}

void image_tree_use(struct image *image, void *memory)
{
	struct image_tree *tree = &image->tree;

	tree->blocks = memory;
	tree->states = tree->blocks + tree->block_count * IMAGE_BLOCK_SIZE;
	memset(tree->states, TREE_EMPTY, tree->block_count);
}

uint64_t image_section_size(const struct image *image, enum image_section_kind kind)
{
	return section_find(image, kind)->size;
}

/* The zeros between a section's end and its last block's. Nothing measures them, so this finds
 * damage and says nothing of forgery. */
static int padding_check(
	struct image *image, const struct image_section *section, struct image_error *error)
{
	uint64_t offset = section->offset + section->size;
	uint8_t piece[256];

	while (offset < section_end(section)) {
		size_t size = MIN(sizeof(piece), section_end(section) - offset);
		int r = source_read(image, offset, piece, size, error);

		if (r < 0)
			return r;
		if (!is_zero(piece, size))
			return bad(error, "the bytes after a section are not zero", offset);
		offset += size;
	}
	return 0;
}

int image_section_read(
	struct image *image, enum image_section_kind kind, void *to, struct image_error *error)
{
	const struct image_section *section = section_find(image, kind);
	uint8_t digest[IMAGE_DIGEST_SIZE];
	int r = source_read(image, section->offset, to, section->size, error);

	if (r == 0) {
		sha256(to, section->size, digest);
		if (memcmp(digest, section->digest, sizeof(digest)) != 0)
			r = bad(error,
				kind == IMAGE_SECTION_CONFIG ? "the configuration is damaged"
							     : "a section is damaged",
				section->offset);
	}
	if (r == 0)
		r = padding_check(image, section, error);
	if (r < 0)
		memset(to, 0, section->size);
	return r;
}

int image_block_read(struct image *image, uint64_t index, void *to, struct image_error *error)
{
	return image_blocks_read(image, index, 1, to, error);
}

int image_blocks_read(
	struct image *image, uint64_t first, size_t count, void *to, struct image_error *error)
{
	int r;

	if (!range_fits(first, count, image->rootfs_block_count))
		return fail(error, -EINVAL, "blocks outside the root file system", 0);
	r = blocks_read(image, first, count, to, error);
	if (r < 0)
		memset(to, 0, count * IMAGE_BLOCK_SIZE);
	return r;
}
