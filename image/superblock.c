#include "image/superblock.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "abi/sgx.h"
#include "base/checked.h"
#include "image/digest.h"
#include "image/hash_tree.h"
#include "image/image.h"

#define CHECKSUM_SPAN offsetof(struct image_superblock, checksum)

/* What is measured, in this order. */
static const uint32_t measured_kinds[] = {
	IMAGE_SECTION_CONFIG, IMAGE_SECTION_ROOTFS, IMAGE_SECTION_HASH_TREE, IMAGE_SECTION_SITES};

const char *image_section_name(uint32_t kind)
{
	static const char *const names[] = {"NONE", "CONFIG", "ROOTFS", "HASH_TREE", "SITES",
		"LIBOS", "SIGSTRUCT", "KEY_ENVELOPE"};

	return kind < ARRAY_SIZE(names) ? names[kind] : "unknown";
}

const char *image_platform_name(uint32_t platform)
{
	static const char *const names[] = {"any", "simulation", "hypervisor", "sgx"};

	return platform < ARRAY_SIZE(names) ? names[platform] : "unknown";
}

const struct image_section *superblock_find(
	const struct image_superblock *superblock, uint32_t kind, uint32_t platform)
{
	for (uint32_t i = 0; i < superblock->section_count; i++) {
		const struct image_section *section = &superblock->sections[i];

		if (section->kind == kind && section->platform == platform)
			return section;
	}
	return NULL;
}

static int compute_image_digest(
	const struct image_superblock *superblock, uint8_t ret_digest[IMAGE_DIGEST_SIZE])
{
	struct image_section sections[ARRAY_SIZE(measured_kinds)];

	for (size_t i = 0; i < ARRAY_SIZE(measured_kinds); i++) {
		const struct image_section *section =
			superblock_find(superblock, measured_kinds[i], IMAGE_PLATFORM_ANY);

		if (!section)
			return -EBADMSG;
		sections[i] = *section;
		sections[i].offset = 0;
	}
	return digest_of(sections, sizeof(sections), ret_digest);
}

int superblock_seal(struct image_superblock *superblock)
{
	int r = compute_image_digest(superblock, superblock->image_digest);

	if (r < 0)
		return r;
	return digest_of(superblock, CHECKSUM_SPAN, superblock->checksum);
}

static bool is_zero(const void *data, size_t size)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < size; i++)
		if (bytes[i])
			return false;
	return true;
}

/* In this order, a foreign file, a newer version and damage each get their own words. */
static int check_header(
	const struct image_superblock *superblock, uint64_t file_size, struct image_error *error)
{
	uint8_t checksum[IMAGE_DIGEST_SIZE];
	int r;

	if (memcmp(superblock->magic, IMAGE_MAGIC, sizeof(superblock->magic)))
		return image_fail(error, -EBADMSG, "not an enclave image (wrong magic)");
	if (superblock->version != IMAGE_VERSION)
		return image_fail(error, -EPROTONOSUPPORT,
			"superblock: format version %u is unknown; this Casemate knows %u",
			superblock->version, IMAGE_VERSION);
	r = digest_of(superblock, CHECKSUM_SPAN, checksum);
	if (r < 0)
		return image_fail_errno(error, r, "superblock");
	if (memcmp(checksum, superblock->checksum, sizeof(checksum)))
		return image_fail(error, -EBADMSG, "superblock: damaged (checksum is wrong)");
	if (superblock->flags)
		return image_fail(error, -EPROTONOSUPPORT, "superblock: unknown flags %#lx",
			superblock->flags);
	if (!is_zero(superblock->reserved, sizeof(superblock->reserved)))
		return image_fail(error, -EBADMSG, "superblock: reserved bytes are not zero");
	if (superblock->file_size != file_size)
		return image_fail(error, -EBADMSG,
			"the file has %lu bytes, its superblock says %lu: %s", file_size,
			superblock->file_size,
			file_size < superblock->file_size ? "it is cut off"
							  : "something follows it");
	return 0;
}

static const char *kind_problem(const struct image_section *section)
{
	bool shared = section->kind >= IMAGE_SECTION_CONFIG && section->kind <= IMAGE_SECTION_SITES;

	if (section->kind == IMAGE_SECTION_KEY_ENVELOPE)
		return "encrypted images are not supported by this version";
	if (!shared && section->kind != IMAGE_SECTION_LIBOS &&
		section->kind != IMAGE_SECTION_SIGSTRUCT)
		return "unknown kind";
	if (section->platform > IMAGE_PLATFORM_SGX)
		return "unknown platform";
	if (shared != (section->platform == IMAGE_PLATFORM_ANY))
		return "wrong platform for its kind";
	return NULL;
}

static const char *size_problem(const struct image_section *section)
{
	uint64_t size = section->size;

	if (!size)
		return "is empty";
	if (section->kind == IMAGE_SECTION_CONFIG && size > IMAGE_CONFIG_SIZE_MAX)
		return "is too large";
	if (section->kind == IMAGE_SECTION_ROOTFS && size % IMAGE_BLOCK_SIZE)
		return "is not whole blocks";
	if (section->kind == IMAGE_SECTION_SITES && size > SUPERBLOCK_SITES_SIZE_MAX)
		return "is too large";
	if (section->kind == IMAGE_SECTION_LIBOS && size > SUPERBLOCK_LIBOS_SIZE_MAX)
		return "is too large";
	if (section->kind == IMAGE_SECTION_SIGSTRUCT && size != sizeof(struct sgx_sigstruct))
		return "has the wrong size";
	return NULL;
}

static const char *section_problem(
	const struct image_superblock *superblock, const struct image_section *section)
{
	const char *problem = kind_problem(section);

	if (!problem)
		problem = size_problem(section);
	if (problem)
		return problem;
	if (section->reserved)
		return "reserved bytes are not zero";
	if (section->offset % IMAGE_BLOCK_SIZE)
		return "does not start at a block";
	if (!range_fits(section->offset, section->size, superblock->file_size))
		return "lies outside of the file";
	if (superblock_find(superblock, section->kind, section->platform) != section)
		return "is there twice";
	return NULL;
}

/* Sections stand in the order of their offsets, so that overlaps are between neighbours. */
static int check_sections(const struct image_superblock *superblock, struct image_error *error)
{
	uint64_t end = IMAGE_BLOCK_SIZE;

	if (superblock->section_count > IMAGE_SECTION_COUNT_MAX)
		return image_fail(error, -EBADMSG, "superblock: %u sections are too many",
			superblock->section_count);
	for (uint32_t i = 0; i < superblock->section_count; i++) {
		const struct image_section *section = &superblock->sections[i];
		const char *problem = section_problem(superblock, section);

		if (!problem && section->offset < end)
			problem = "overlaps what is before it";
		if (problem)
			return image_fail(error, -EBADMSG, "superblock: section %u (%s): %s", i,
				image_section_name(section->kind), problem);
		end = ALIGN_UP(section->offset + section->size, IMAGE_BLOCK_SIZE);
	}
	if (end != superblock->file_size)
		return image_fail(
			error, -EBADMSG, "superblock: the file does not end with its last section");
	if (!is_zero(&superblock->sections[superblock->section_count],
		    (IMAGE_SECTION_COUNT_MAX - superblock->section_count) *
			    sizeof(struct image_section)))
		return image_fail(error, -EBADMSG, "superblock: unused sections are not zero");
	return 0;
}

static int check_complete(const struct image_superblock *superblock, struct image_error *error)
{
	unsigned int platforms = 0;

	for (size_t i = 0; i < ARRAY_SIZE(measured_kinds); i++)
		if (!superblock_find(superblock, measured_kinds[i], IMAGE_PLATFORM_ANY))
			return image_fail(error, -EBADMSG, "superblock: no %s section",
				image_section_name(measured_kinds[i]));
	for (uint32_t p = IMAGE_PLATFORM_SIMULATION; p <= IMAGE_PLATFORM_SGX; p++) {
		bool libos = superblock_find(superblock, IMAGE_SECTION_LIBOS, p);

		if (libos != !!superblock_find(superblock, IMAGE_SECTION_SIGSTRUCT, p))
			return image_fail(error, -EBADMSG,
				"superblock: platform %s has only one of LIBOS and SIGSTRUCT",
				image_platform_name(p));
		platforms += libos;
	}
	if (!platforms)
		return image_fail(error, -EBADMSG, "superblock: no platform has a LIBOS");
	return 0;
}

static int check_digests(const struct image_superblock *superblock, struct image_error *error)
{
	const struct image_section *rootfs =
		superblock_find(superblock, IMAGE_SECTION_ROOTFS, IMAGE_PLATFORM_ANY);
	const struct image_section *tree =
		superblock_find(superblock, IMAGE_SECTION_HASH_TREE, IMAGE_PLATFORM_ANY);
	uint8_t digest[IMAGE_DIGEST_SIZE];
	int r;

	if (tree->size != hash_tree_size(rootfs->size / IMAGE_BLOCK_SIZE))
		return image_fail(error, -EBADMSG, "superblock: HASH_TREE has the wrong size");
	if (!is_zero(tree->digest, sizeof(tree->digest)))
		return image_fail(error, -EBADMSG, "superblock: HASH_TREE's digest is not zero");
	r = compute_image_digest(superblock, digest);
	if (r < 0)
		return image_fail_errno(error, r, "superblock");
	if (memcmp(digest, superblock->image_digest, sizeof(digest)))
		return image_fail(error, -EBADMSG, "superblock: the image digest is wrong");
	return 0;
}

int superblock_check(
	const struct image_superblock *superblock, uint64_t file_size, struct image_error *error)
{
	int r = check_header(superblock, file_size, error);

	if (r == 0)
		r = check_sections(superblock, error);
	if (r == 0)
		r = check_complete(superblock, error);
	if (r == 0)
		r = check_digests(superblock, error);
	return r;
}
