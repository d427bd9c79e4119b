/* Any bytes as the root file system of an image, as the host reads it. */
#include "image/rootfs_walk.h"

#include <string.h>

#include "abi/image.h"
#include "abi/erofs.h"
#include "image/erofs.h"
#include "tests/fuzz/fuzz.h"

/* What is handed out lies inside, to the last byte. */
static int visit(void *context, const struct rootfs_file *file, struct image_error *error)
{
	volatile uint8_t byte;

	(void)context;
	(void)error;
	if (file->data.size) {
		byte = file->data.data[0];
		byte = file->data.data[file->data.size - 1];
		(void)byte;
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t whole = ALIGN_UP(size + 1, (size_t)IMAGE_BLOCK_SIZE);
	uint8_t *copy = calloc(1, whole);
	struct erofs_super_disk super;
	struct image_error error;

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	/* The checksum and the size keep no attacker out: they are made good. */
	memcpy(&super, copy + EROFS_SUPER_OFFSET, sizeof(super));
	super.block_count = (uint32_t)(whole / IMAGE_BLOCK_SIZE);
	memcpy(copy + EROFS_SUPER_OFFSET, &super, sizeof(super));
	super.checksum =
		erofs_checksum(copy + EROFS_SUPER_OFFSET, IMAGE_BLOCK_SIZE - EROFS_SUPER_OFFSET);
	memcpy(copy + EROFS_SUPER_OFFSET, &super, sizeof(super));
	if (rootfs_walk((struct span){copy, whole}, visit, NULL, &error) < 0)
		FUZZ_ASSERT(strlen(error.text) > 0);
	free(copy);
	return 0;
}
