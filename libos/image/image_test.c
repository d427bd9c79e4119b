#include "libos/image/image.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/test.h"
#include "libos/image/image_fixture.h"

#define CONFIG "{\"Cmd\":[\"a\"]}"

/* Enough for a tree of three levels, the last block not full. */
#define ROOTFS_SIZE ((128 * 128 + 5) * IMAGE_BLOCK_SIZE - 100)

static uint8_t *rootfs;
static struct fixture fixture;
static struct image image;
static struct image_error error;
static void *tree_memory;

static int open_with(const uint8_t *expected)
{
	struct image_source source = {fixture_read, &fixture, fixture.size};
	int r;

	memset(&error, 0, sizeof(error));
	r = image_open(&image, &source, expected, &error);
	free(tree_memory);
	tree_memory = NULL;
	if (r == 0) {
		tree_memory = malloc(image_tree_memory_size(&image));
		memset(tree_memory, 0xa5, image_tree_memory_size(&image));
		image_tree_use(&image, tree_memory);
	}
	return r;
}

static void small(void)
{
	free(fixture.file);
	fixture_make(&fixture, CONFIG, rootfs, 3 * IMAGE_BLOCK_SIZE);
}

/* A changed superblock, sealed again, must be refused at @offset. */
#define REFUSED(change, text, place)                                                               \
	do {                                                                                       \
		small();                                                                           \
		change;                                                                            \
		fixture_seal(&fixture);                                                            \
		CHECK_EQ(open_with(NULL), -EBADMSG);                                               \
		CHECK_STR(error.what, text);                                                       \
		CHECK_EQ(error.offset, place);                                                     \
	} while (0)

#define ENTRY(index) (offsetof(struct image_superblock, sections) + 64 * (index))

static void test_superblock(void)
{
	struct image_superblock *s;

	REFUSED(fixture.super->magic[0] = 'X', "not an enclave image", 0);
	REFUSED(fixture.super->version = 2, "an unknown version of the image format", 8);
	REFUSED(fixture.super->flags = 1, "an unknown flag", 24);
	REFUSED(fixture.super->section_count = 25, "too many sections", 12);
	REFUSED(fixture.super->file_size += 1, "a wrong file size", 16);
	REFUSED(fixture.super->file_size = 1UL << 63, "a wrong file size", 16);
	REFUSED(fixture.super->file_size += 4096, "the file was cut off or added to", fixture.size);
	REFUSED(fixture.super->reserved[2463] = 1, "reserved bytes are not zero",
		offsetof(struct image_superblock, reserved));
	REFUSED(fixture.super->sections[23].reserved = 1, "an unused section entry is not zero",
		ENTRY(5));
	small();
	s = fixture.super;
	s->checksum[3] ^= 1;
	CHECK_EQ(open_with(NULL), -EBADMSG);
	CHECK_STR(error.what, "the superblock is damaged");
	small();
	fixture.super->image_digest[0] ^= 1;
	CHECK_EQ(open_with(NULL), -EBADMSG);
}

static void test_sections(void)
{
	REFUSED(fixture.config->reserved = 1, "a section's reserved bytes are not zero", ENTRY(0));
	REFUSED(fixture.config->offset += 1, "a section at a wrong offset", ENTRY(0));
	REFUSED(fixture.config->offset = 0, "a section at a wrong offset", ENTRY(0));
	REFUSED(fixture.config->size = 0, "a section that does not lie inside the file", ENTRY(0));
	REFUSED(fixture.config->size = UINT64_MAX - 4000,
		"a section that does not lie inside the file", ENTRY(0));
	REFUSED(fixture.config->offset = -4096UL, "a section that does not lie inside the file",
		ENTRY(0));
	REFUSED(fixture.config->size = 4097, "a section that overlaps another", ENTRY(1));
	REFUSED(fixture.config->platform = 1, "a section for one platform that all must share",
		ENTRY(0));
	REFUSED(fixture.libos->platform = 4, "a section for an unknown platform", ENTRY(4));
	REFUSED(fixture.libos->platform = 0, "a LibOS for no platform", ENTRY(4));
	REFUSED(fixture.libos->kind = IMAGE_SECTION_SIGSTRUCT, "a SIGSTRUCT of the wrong size",
		ENTRY(4));
	REFUSED(fixture.libos->kind = 8, "a section of an unknown kind", ENTRY(4));
	REFUSED(fixture.libos->kind = IMAGE_SECTION_KEY_ENVELOPE,
		"the root file system is encrypted, which this version can't read", ENTRY(4));
	REFUSED((fixture.libos->kind = IMAGE_SECTION_SITES, fixture.libos->platform = 0),
		"a section that is there twice", ENTRY(4));
	REFUSED((fixture.sites->kind = IMAGE_SECTION_LIBOS, fixture.sites->platform = 2),
		"a section that every image has is missing", ENTRY(5));
	REFUSED((memset(fixture.libos, 0, 64), fixture.super->section_count--),
		"the file does not end with its last section", 16);
	REFUSED(fixture.tree->digest[0] = 1, "a digest where the hash tree has none", ENTRY(1));
	REFUSED(fixture.tree->size -= 1, "the hash tree is not as large as its file system needs",
		ENTRY(1));
}

static void test_expected(void)
{
	uint8_t digest[IMAGE_DIGEST_SIZE];

	small();
	memcpy(digest, fixture.super->image_digest, sizeof(digest));
	CHECK_EQ(open_with(digest), 0);
	digest[31] ^= 0x80;
	CHECK_EQ(open_with(digest), -ESTALE);
	CHECK_STR(error.what, "not the image that was expected");
	/* Where sections lie is not measured, nor is a platform's LibOS. */
	fixture.libos->digest[0] ^= 1;
	digest[31] ^= 0x80;
	fixture_seal(&fixture);
	CHECK_EQ(open_with(digest), 0);
}

static void test_every_bit_of_superblock(void)
{
	unsigned int accepted = 0;
	uint8_t digest[IMAGE_DIGEST_SIZE];

	small();
	memcpy(digest, fixture.super->image_digest, sizeof(digest));
	for (size_t i = 0; i < IMAGE_BLOCK_SIZE * 8; i += 3) {
		fixture.file[i / 8] ^= (uint8_t)(1 << i % 8);
		accepted += open_with(digest) == 0;
		fixture.file[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	CHECK_EQ(accepted, 0);
}

static void test_section_read(void)
{
	char text[sizeof(CONFIG)] = {0};

	small();
	CHECK_EQ(open_with(NULL), 0);
	CHECK_EQ(image_section_size(&image, IMAGE_SECTION_CONFIG), strlen(CONFIG));
	CHECK_EQ(image_section_read(&image, IMAGE_SECTION_CONFIG, text, &error), 0);
	CHECK_STR(text, CONFIG);
	fixture.file[fixture.config->offset + fixture.config->size + 300] = 1;
	CHECK_EQ(image_section_read(&image, IMAGE_SECTION_CONFIG, text, &error), -EBADMSG);
	CHECK_STR(error.what, "the bytes after a section are not zero");
	fixture.file[fixture.config->offset] ^= 1;
	CHECK_EQ(image_section_read(&image, IMAGE_SECTION_CONFIG, text, &error), -EBADMSG);
	CHECK_STR(error.what, "the configuration is damaged");
	CHECK_EQ(error.offset, fixture.config->offset);
	CHECK_EQ(text[0], 0);
	fixture.size = 4096;
	CHECK_EQ(image_section_read(&image, IMAGE_SECTION_CONFIG, text, &error), -EIO);
	CHECK_EQ(error.offset, fixture.config->offset);
	CHECK_EQ(image_section_read(&image, IMAGE_SECTION_CONFIG, text, NULL), -EIO);
}

static bool block_is_right(uint64_t index, const uint8_t *block)
{
	size_t size = MIN((size_t)IMAGE_BLOCK_SIZE, ROOTFS_SIZE - index * IMAGE_BLOCK_SIZE);

	return !memcmp(block, rootfs + index * IMAGE_BLOCK_SIZE, size);
}

static void test_blocks(void)
{
	static uint8_t to[200 * IMAGE_BLOCK_SIZE];
	unsigned int wrong = 0;

	free(fixture.file);
	fixture_make(&fixture, CONFIG, rootfs, ROOTFS_SIZE);
	CHECK_EQ(open_with(NULL), 0);
	CHECK_EQ(image.tree.level_count, 3);
	CHECK_EQ(image.rootfs_block_count, 128 * 128 + 5);
	for (uint64_t i = 0; i < image.rootfs_block_count; i += 61)
		wrong += image_block_read(&image, i, to, &error) != 0 || !block_is_right(i, to);
	CHECK_EQ(wrong, 0);
	CHECK_EQ(image_blocks_read(&image, 128 * 128 + 5 - 200, 200, to, &error), 0);
	for (uint64_t i = 0; i < 200; i++)
		wrong += !block_is_right(128 * 128 + 5 - 200 + i, to + i * IMAGE_BLOCK_SIZE);
	CHECK_EQ(wrong, 0);
	CHECK_EQ(image_block_read(&image, 128 * 128 + 5, to, &error), -EINVAL);
	CHECK_EQ(image_blocks_read(&image, UINT64_MAX, 2, to, &error), -EINVAL);
	CHECK_EQ(image_blocks_read(&image, 128 * 128 + 5, 0, to, &error), 0);
}

/* One bit anywhere in a block or on its path up is found, named, and leaves no wrong data. */
static void damage(uint64_t offset, uint64_t index, const char *what)
{
	static const uint8_t zero[IMAGE_BLOCK_SIZE];
	uint8_t to[IMAGE_BLOCK_SIZE];

	fixture.file[offset] ^= 0x10;
	CHECK_EQ(open_with(NULL), 0);
	CHECK_EQ(image_block_read(&image, index, to, &error), -EBADMSG);
	CHECK_STR(error.what, what);
	CHECK_EQ(error.offset, ALIGN_DOWN(offset, 4096UL));
	CHECK(!memcmp(to, zero, sizeof(to)));
	fixture.file[offset] ^= 0x10;
	/* What failed is not remembered as verified, nor as claimed. */
	CHECK_EQ(image_block_read(&image, index, to, &error), 0);
	CHECK(block_is_right(index, to));
}

static void test_damage(void)
{
	uint64_t tree = fixture.tree->offset;
	static const char tree_text[] = "a block of the hash tree is damaged";

	damage(fixture.rootfs->offset + 4096 * 1000 + 17, 1000,
		"a block of the root file system is damaged");
	damage(tree, 0, tree_text);
	damage(tree + 4095, 0, tree_text);
	damage(tree + 4096, 0, tree_text);              /* level 1, first block */
	damage(tree + 3 * 4096 + 32 * 5, 5, tree_text); /* level 0, first block */
	/* The zeros after the last byte of ROOTFS are part of its last block. */
	damage(fixture.rootfs->offset + ROOTFS_SIZE + 50, 128 * 128 + 4,
		"a block of the root file system is damaged");
}

/* A source that changes its mind: a third of its answers are wrong. */
static int fickle_read(void *context, uint64_t offset, void *to, size_t size)
{
	int r = fixture_read(context, offset, to, size);

	if (random() % 3 == 0)
		((uint8_t *)to)[size / 2] ^= 1;
	return r;
}

static void test_fickle(void)
{
	static uint8_t to[IMAGE_BLOCK_SIZE];
	unsigned int good = 0, wrong = 0;

	CHECK_EQ(open_with(NULL), 0);
	image.source.read = fickle_read;
	for (uint64_t i = 0; i < 3000; i++) {
		uint64_t index = (uint64_t)random() % image.rootfs_block_count;

		if (image_block_read(&image, index, to, NULL) == 0) {
			good++;
			wrong += !block_is_right(index, to);
		}
	}
	CHECK_EQ(wrong, 0);
	CHECK(good > 100);
}

static void *reader(void *seed)
{
	unsigned int state = (unsigned int)(uintptr_t)seed;
	uint8_t to[4 * IMAGE_BLOCK_SIZE];
	uintptr_t wrong = 0;

	for (int i = 0; i < 2000; i++) {
		uint64_t index = (uint64_t)rand_r(&state) % (image.rootfs_block_count - 4);

		if (image_blocks_read(&image, index, 4, to, NULL) != 0)
			wrong++;
		for (uint64_t j = 0; j < 4; j++)
			wrong += !block_is_right(index + j, to + j * IMAGE_BLOCK_SIZE);
	}
	return (void *)wrong;
}

static void test_threads(void)
{
	pthread_t threads[4];
	uintptr_t wrong = 0;

	CHECK_EQ(open_with(NULL), 0);
	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, reader, (void *)i);
	for (int i = 0; i < 4; i++) {
		void *result;

		pthread_join(threads[i], &result);
		wrong += (uintptr_t)result;
	}
	CHECK_EQ(wrong, 0);
}

/* As if another thread had claimed the block and never came back. */
static void test_claimed(void)
{
	uint8_t to[IMAGE_BLOCK_SIZE];

	CHECK_EQ(open_with(NULL), 0);
	memset(image.tree.states, 1, image.tree.block_count);
	CHECK_EQ(image_block_read(&image, 1234, to, NULL), 0);
	CHECK(block_is_right(1234, to));
	fixture.file[fixture.tree->offset] ^= 1;
	CHECK_EQ(image_block_read(&image, 1234, to, NULL), -EBADMSG);
	fixture.file[fixture.tree->offset] ^= 1;
}

static void test_short(void)
{
	struct image_source source = {fixture_read, &fixture, 4095};

	CHECK_EQ(image_open(&image, &source, NULL, &error), -EBADMSG);
	CHECK_STR(error.what, "the file is too short for an image");
	source.size = fixture.size - 4096;
	CHECK_EQ(image_open(&image, &source, NULL, &error), -EBADMSG);
	CHECK_STR(error.what, "the file was cut off or added to");
}

int main(void)
{
	rootfs = malloc(ROOTFS_SIZE);
	for (size_t i = 0; i < ROOTFS_SIZE; i += 4) {
		uint32_t word = (uint32_t)random();

		memcpy(rootfs + i, &word, 4);
	}
	test_superblock();
	test_sections();
	test_expected();
	test_every_bit_of_superblock();
	test_section_read();
	test_blocks();
	test_damage();
	test_fickle();
	test_threads();
	test_claimed();
	test_short();
	free(tree_memory);
	free(fixture.file);
	free(rootfs);
	return test_done();
}
