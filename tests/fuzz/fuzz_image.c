/* A host that damages an image. The input is a list of changes, applied to the file or to what a
 * read returns; the superblock is made consistent again when the first byte asks for it. Whatever
 * happens, data that is given out is the data that was put in, unless the digest is another. */
#include "libos/image/image.h"

#include "crypto/sha256.h"
#include "libos/image/config.h"
#include "libos/image/image_fixture.h"
#include "tests/fuzz/fuzz.h"

#define CONFIG "{\"Cmd\":[\"a\"],\"Env\":[\"A=b\"]}"
#define BLOCKS 130

struct change {
	uint32_t where; /* bit 31: only from the second read of the file on */
	uint8_t value;
} __attribute__((packed));

struct host {
	struct fixture *fixture;
	const uint8_t *changes;
	size_t change_count;
	unsigned int reads;
};

static uint8_t rootfs[BLOCKS * IMAGE_BLOCK_SIZE];

static struct change change_at(const struct host *host, size_t index)
{
	struct change change;

	memcpy(&change, host->changes + index * sizeof(change), sizeof(change));
	return change;
}

static int host_read(void *context, uint64_t offset, void *to, size_t size)
{
	struct host *host = context;
	int r = fixture_read(host->fixture, offset, to, size);

	host->reads++;
	for (size_t i = 0; r == 0 && i < host->change_count; i++) {
		struct change change = change_at(host, i);
		uint64_t where = change.where & 0x7fffffff;

		if (change.where >> 31 && host->reads > 1 && where >= offset &&
			where - offset < size)
			((uint8_t *)to)[where - offset] ^= change.value;
	}
	return r;
}

/* Twice is as not at all. */
static void change_file(struct host *host)
{
	for (size_t i = 0; i < host->change_count; i++) {
		struct change change = change_at(host, i);

		if (!(change.where >> 31) && change.where < host->fixture->size)
			host->fixture->file[change.where] ^= change.value;
	}
}

static void use_config(struct image *image)
{
	uint64_t size = image_section_size(image, IMAGE_SECTION_CONFIG);
	char *text = malloc(size);
	void *memory = malloc(config_memory_size(size));
	struct config config;

	if (image_section_read(image, IMAGE_SECTION_CONFIG, text, NULL) == 0) {
		struct span span = {(uint8_t *)text, size};

		if (config_parse(&config, span, memory, config_memory_size(size), NULL) == 0)
			FUZZ_ASSERT(config.working_dir);
	}
	free(memory);
	free(text);
}

static void use_blocks(struct image *image, bool genuine)
{
	static uint8_t to[4 * IMAGE_BLOCK_SIZE];
	uint64_t count = image->rootfs_block_count;

	for (uint64_t i = 0; i < count && i < 2 * BLOCKS; i += 43)
		if (image_block_read(image, i, to, NULL) == 0 && genuine)
			FUZZ_ASSERT(!memcmp(to, rootfs + i * IMAGE_BLOCK_SIZE, IMAGE_BLOCK_SIZE));
	if (count == BLOCKS && image_blocks_read(image, 126, 4, to, NULL) == 0 && genuine)
		FUZZ_ASSERT(!memcmp(to, rootfs + 126 * IMAGE_BLOCK_SIZE, sizeof(to)));
}

static void use(struct host *host, const uint8_t *digest)
{
	struct image_source source = {host_read, host, host->fixture->size};
	struct image_error error = {0};
	struct image image;
	void *memory;

	if (image_open(&image, &source, NULL, &error) != 0) {
		FUZZ_ASSERT(error.what);
		return;
	}
	memory = malloc(image_tree_memory_size(&image));
	image_tree_use(&image, memory);
	use_config(&image);
	use_blocks(&image, !memcmp(image.super.image_digest, digest, IMAGE_DIGEST_SIZE));
	free(memory);
}

static struct fixture fixture;
static struct image_superblock super;

static void fixture_init(void)
{
	for (size_t i = 0; i < sizeof(rootfs); i++)
		rootfs[i] = (uint8_t)(i * 31 >> 8);
	sha256_choose();
	fixture_make(&fixture, CONFIG, rootfs, sizeof(rootfs));
	super = *fixture.super;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct host host = {.fixture = &fixture};

	if (!fixture.file)
		fixture_init();
	if (size == 0)
		return 0;
	host.changes = data + 1;
	host.change_count = (size - 1) / sizeof(struct change);
	change_file(&host);
	if (data[0] & 1)
		fixture_seal(&fixture);
	use(&host, super.image_digest);
	change_file(&host);
	*fixture.super = super;
	return 0;
}
