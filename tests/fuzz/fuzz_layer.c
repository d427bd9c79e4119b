/* Any bytes as a layer of a container image, laid over a tree and written as a file system, which
 * must then be good. */
#include "image/layer.h"

#include <string.h>
#include <sys/mman.h>

#include "image/erofs.h"
#include "image/file.h"
#include "image/rootfs_walk.h"
#include "tests/fuzz/fuzz.h"

#define OUTPUT_MAX (64u << 20)

static int sink(void *context, const uint8_t *blocks, size_t count, struct image_error *error)
{
	struct buffer *to = context;

	if (to->size + count * IMAGE_BLOCK_SIZE > OUTPUT_MAX)
		return image_fail(error, -1, "large enough");
	return buffer_append(to, blocks, count * IMAGE_BLOCK_SIZE);
}

static int visit(void *context, const struct rootfs_file *file, struct image_error *error)
{
	(void)context;
	(void)file;
	(void)error;
	return 0;
}

static void check_written(struct tree *tree)
{
	CLEANUP(buffer_done) struct buffer fs = {0};
	struct image_error error;

	if (erofs_write(tree, 0, sink, &fs, &error) == 0)
		FUZZ_ASSERT(rootfs_walk((struct span){fs.data, fs.size}, visit, NULL, &error) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct layer_options options = {.whiteouts = true};
	CLEANUP(close_fdp) int fd = memfd_create("layer", MFD_CLOEXEC);
	struct container_spool spool = {.fd = memfd_create("spool", MFD_CLOEXEC)};
	struct layer_region region = {.fd = fd, .size = size};
	struct image_error error;
	struct tree tree;

	if (tree_init(&tree) == 0 && file_write_at(fd, data, size, 0) == 0) {
		if (layer_apply(&tree, region, &options, &spool, &error) == 0)
			check_written(&tree);
	}
	tree_done(&tree);
	container_spool_done(&spool);
	return 0;
}
