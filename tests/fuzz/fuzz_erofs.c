/* Any bytes as an EROFS file system, walked whole up to a limit: every answer keeps what erofs.h
 * promises, and the reader asks for no block that is not there. */
#include "libos/files/erofs.h"

#include <errno.h>

#include "tests/fuzz/fuzz.h"

#define VISITS_MAX 200
#define DEPTH_MAX 8

struct disk {
	const uint8_t *data;
	size_t size;
};

struct visit {
	const struct erofs_inode *dir;
	unsigned int depth;
};

static unsigned int visits;

static void visit(const struct erofs *fs, uint64_t nid, unsigned int depth);

static int disk_read(void *context, uint64_t first_block, size_t count, void *to)
{
	const struct disk *disk = context;
	uint64_t blocks = (disk->size + EROFS_BLOCK_SIZE - 1) / EROFS_BLOCK_SIZE;

	FUZZ_ASSERT(first_block <= blocks && count <= blocks - first_block);
	memset(to, 0, count * EROFS_BLOCK_SIZE);
	if (first_block * EROFS_BLOCK_SIZE < disk->size) {
		size_t at = first_block * EROFS_BLOCK_SIZE, rest = disk->size - at;
		size_t size = count * EROFS_BLOCK_SIZE;

		memcpy(to, disk->data + at, size < rest ? size : rest);
	}
	return 0;
}

static int visit_entry(void *context, const struct erofs_entry *entry)
{
	const struct visit *outer = context;
	uint64_t nid;
	int r;

	FUZZ_ASSERT(entry->name_size > 0 && entry->name_size <= EROFS_NAME_MAX);
	FUZZ_ASSERT(!memchr(entry->name, 0, entry->name_size));
	r = erofs_lookup(outer->dir, entry->name, entry->name_size, &nid, NULL);
	FUZZ_ASSERT(r <= 0);
	if (visits++ < VISITS_MAX)
		visit(outer->dir->fs, entry->nid, outer->depth + 1);
	return visits >= VISITS_MAX;
}

static void visit_data(const struct erofs_inode *inode)
{
	static uint8_t to[20000];
	struct erofs_extent extent;
	size_t size;
	uint64_t offset = 0;

	for (int i = 0; i < 20 && offset < inode->size; i++) {
		if (erofs_data_extent(inode, offset, &extent) != 0)
			break;
		FUZZ_ASSERT(extent.size > 0 && extent.size <= inode->size - offset);
		offset += extent.size;
	}
	if (erofs_read(inode, 0, to, sizeof(to), &size) == 0)
		FUZZ_ASSERT(size <= sizeof(to) && size <= inode->size);
	if (erofs_read(inode, inode->size / 2 + 1, to, 5000, &size) == 0)
		FUZZ_ASSERT(size <= 5000);
}

static void visit_xattrs(const struct erofs_inode *inode)
{
	size_t size, again;
	char *names;

	if (erofs_xattr_get(inode, "user.a", NULL, 0, &size) == 0) {
		char *value = malloc(size + 1);

		FUZZ_ASSERT(erofs_xattr_get(inode, "user.a", value, size + 1, &again) == 0);
		FUZZ_ASSERT(size == again);
		free(value);
	}
	if (erofs_xattr_list(inode, NULL, 0, &size) != 0 || size == 0)
		return;
	names = malloc(size);
	if (erofs_xattr_list(inode, names, size, &again) == 0)
		FUZZ_ASSERT(size == again && names[size - 1] == '\0');
	free(names);
}

static void visit(const struct erofs *fs, uint64_t nid, unsigned int depth)
{
	struct erofs_inode inode;
	struct visit inner = {&inode, depth};

	if (depth > DEPTH_MAX || erofs_inode_read(fs, nid, &inode) != 0)
		return;
	FUZZ_ASSERT(inode.size <= INT64_MAX && inode.mtime_nsec < 1000000000);
	visit_data(&inode);
	visit_xattrs(&inode);
	if (erofs_readdir(&inode, 0, visit_entry, &inner) == -ENOTDIR)
		FUZZ_ASSERT((inode.mode & 0170000) != 0040000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct disk disk = {data, size};
	struct erofs_blocks blocks = {
		disk_read, &disk, (size + EROFS_BLOCK_SIZE - 1) / EROFS_BLOCK_SIZE};
	const char *what = NULL;
	struct erofs fs;

	visits = 0;
	if (erofs_open(&fs, &blocks, &what) == 0)
		visit(&fs, fs.root_nid, 0);
	else
		FUZZ_ASSERT(what);
	return 0;
}
