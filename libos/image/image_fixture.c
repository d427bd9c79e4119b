#include "libos/image/image_fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "crypto/sha256.h"

static size_t round_up(size_t size)
{
	return ALIGN_UP(size, (size_t)IMAGE_BLOCK_SIZE);
}

/* The levels of the tree over @count blocks at @blocks, each appended below the one before it and
 * then turned round: the section has the top first. */
static void tree_make(uint8_t *to, size_t tree_blocks, const uint8_t *blocks, size_t count,
	uint8_t root[IMAGE_DIGEST_SIZE])
{
	uint8_t *end = to + tree_blocks * IMAGE_BLOCK_SIZE;

	do {
		size_t level = (count + IMAGE_HASHES_PER_BLOCK - 1) / IMAGE_HASHES_PER_BLOCK;

		end -= level * IMAGE_BLOCK_SIZE;
		for (size_t i = 0; i < count; i++)
			sha256(blocks + i * IMAGE_BLOCK_SIZE, IMAGE_BLOCK_SIZE,
				end + i * IMAGE_DIGEST_SIZE);
		blocks = end;
		count = level;
	} while (count > 1);
	sha256(end, IMAGE_BLOCK_SIZE, root);
}

static size_t tree_block_count(size_t count)
{
	size_t total = 0;

	do {
		count = (count + IMAGE_HASHES_PER_BLOCK - 1) / IMAGE_HASHES_PER_BLOCK;
		total += count;
	} while (count > 1);
	return total;
}

static struct image_section *section_add(
	struct fixture *fixture, uint32_t kind, uint32_t platform, size_t size)
{
	struct image_section *section = &fixture->super->sections[fixture->super->section_count++];

	section->kind = kind;
	section->platform = platform;
	section->offset = fixture->super->file_size;
	section->size = size;
	fixture->super->file_size += round_up(size);
	return section;
}

static void section_fill(struct fixture *fixture, struct image_section *section, const void *from)
{
	memcpy(fixture->file + section->offset, from, section->size);
	sha256(from, section->size, section->digest);
}

void fixture_seal(struct fixture *fixture)
{
	struct image_section *order[] = {
		fixture->config, fixture->rootfs, fixture->tree, fixture->sites};
	struct sha256 sha;

	sha256_start(&sha);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		struct image_section section = *order[i];

		section.offset = 0;
		sha256_update(&sha, &section, sizeof(section));
	}
	sha256_finish(&sha, fixture->super->image_digest);
	sha256(fixture->super, offsetof(struct image_superblock, checksum),
		fixture->super->checksum);
}

void fixture_make(
	struct fixture *fixture, const char *config, const void *rootfs, size_t rootfs_size)
{
	static const char sites[] = "sites", libos[] = "libos";
	size_t blocks = round_up(rootfs_size) / IMAGE_BLOCK_SIZE;
	size_t tree_size = tree_block_count(blocks) * IMAGE_BLOCK_SIZE;

	fixture->size = 3 * IMAGE_BLOCK_SIZE; /* the superblock, SITES and LIBOS */
	fixture->size += round_up(strlen(config)) + tree_size + round_up(rootfs_size);
	fixture->file = calloc(1, fixture->size);
	fixture->super = (struct image_superblock *)(void *)fixture->file;
	memcpy(fixture->super->magic, IMAGE_MAGIC, sizeof(fixture->super->magic));
	fixture->super->version = IMAGE_VERSION;
	fixture->super->file_size = IMAGE_BLOCK_SIZE;
	fixture->config = section_add(fixture, IMAGE_SECTION_CONFIG, 0, strlen(config));
	fixture->tree = section_add(fixture, IMAGE_SECTION_HASH_TREE, 0, tree_size);
	fixture->sites = section_add(fixture, IMAGE_SECTION_SITES, 0, sizeof(sites));
	fixture->rootfs = section_add(fixture, IMAGE_SECTION_ROOTFS, 0, rootfs_size);
	fixture->libos =
		section_add(fixture, IMAGE_SECTION_LIBOS, IMAGE_PLATFORM_SIMULATION, sizeof(libos));
	section_fill(fixture, fixture->config, config);
	section_fill(fixture, fixture->sites, sites);
	section_fill(fixture, fixture->libos, libos);
	memcpy(fixture->file + fixture->rootfs->offset, rootfs, rootfs_size);
	tree_make(fixture->file + fixture->tree->offset, tree_size / IMAGE_BLOCK_SIZE,
		fixture->file + fixture->rootfs->offset, blocks, fixture->rootfs->digest);
	fixture_seal(fixture);
}

int fixture_read(void *context, uint64_t offset, void *to, size_t size)
{
	struct fixture *fixture = context;

	if (!range_fits(offset, size, fixture->size))
		return -EIO;
	memcpy(to, fixture->file + offset, size);
	return 0;
}
