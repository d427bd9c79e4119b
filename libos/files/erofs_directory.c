#include "libos/files/erofs.h"

#include <asm/errno.h>

#include "base/checked.h"
#include "base/memory.h"
#include "libos/files/erofs_window.h"

#define MODE_TYPE 0170000U
#define MODE_DIRECTORY 0040000U

/* A directory block as it lies in a window; @size is less than a block's only in the last one. */
struct block {
	const uint8_t *data;
	size_t size;
	unsigned int count; /* entries */
};

static bool is_directory(const struct erofs_inode *inode)
{
	return (inode->mode & MODE_TYPE) == MODE_DIRECTORY;
}

static uint64_t block_count(const struct erofs_inode *dir)
{
	return dir->size / EROFS_BLOCK_SIZE + (dir->size % EROFS_BLOCK_SIZE != 0);
}

static struct erofs_dirent dirent_at(const struct block *block, unsigned int index)
{
	struct erofs_dirent dirent;

	memcpy(&dirent, block->data + index * sizeof(dirent), sizeof(dirent));
	return dirent;
}

/* The first entry says how many there are. */
static int block_set_count(struct block *block)
{
	unsigned int end;

	if (block->size < sizeof(struct erofs_dirent))
		return -EUCLEAN;
	end = dirent_at(block, 0).name_offset;
	if (end == 0 || end % sizeof(struct erofs_dirent) != 0 || end >= block->size)
		return -EUCLEAN;
	block->count = end / (unsigned int)sizeof(struct erofs_dirent);
	return 0;
}

/* Block @index of @dir; an inline one lies somewhere inside the block that the window shows. */
static int block_load(struct erofs_window *window, const struct erofs_inode *dir, uint64_t index,
	struct block *ret)
{
	uint64_t offset = index * EROFS_BLOCK_SIZE;
	struct erofs_extent extent;
	int r = erofs_data_extent(dir, offset, &extent);

	if (r < 0)
		return r;
	ret->size = MIN((uint64_t)EROFS_BLOCK_SIZE, dir->size - offset);
	if (extent.kind == EROFS_EXTENT_HOLE ||
		extent.position % EROFS_BLOCK_SIZE + ret->size > EROFS_BLOCK_SIZE)
		return -EUCLEAN;
	r = erofs_window_move(window, extent.position / EROFS_BLOCK_SIZE);
	if (r < 0)
		return r;
	ret->data = window->data + extent.position % EROFS_BLOCK_SIZE;
	return block_set_count(ret);
}

/* Entry @index, its name checked: not empty, not too long, without '/' and NUL. */
static int entry_get(const struct block *block, unsigned int index, struct erofs_entry *ret)
{
	struct erofs_dirent dirent = dirent_at(block, index);
	size_t start = dirent.name_offset, end = block->size;
	const uint8_t *nul;

	if (index + 1 < block->count)
		end = dirent_at(block, index + 1).name_offset;
	if (start < block->count * sizeof(dirent) || start >= end || end > block->size)
		return -EUCLEAN;
	nul = memchr(block->data + start, 0, end - start);
	if (nul && index + 1 < block->count)
		return -EUCLEAN;
	ret->name = (const char *)block->data + start;
	ret->name_size = nul ? (size_t)(nul - block->data) - start : end - start;
	if (ret->name_size == 0 || ret->name_size > EROFS_NAME_MAX ||
		memchr(ret->name, '/', ret->name_size))
		return -EUCLEAN;
	ret->nid = dirent.nid;
	ret->type = dirent.type;
	return 0;
}

/* As bytes; a name that begins with all of the other comes after it. */
static int name_compare(const char *a, size_t a_size, const char *b, size_t b_size)
{
	int order = memcmp(a, b, MIN(a_size, b_size));

	if (order != 0)
		return order;
	return a_size < b_size ? -1 : a_size > b_size;
}

/* The last block whose first name is not after @name. -ENOENT: even the first one's is. */
static int block_find(struct erofs_window *window, const struct erofs_inode *dir, const char *name,
	size_t name_size, struct block *ret)
{
	uint64_t low = 0, high = block_count(dir);
	struct erofs_entry first;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		int r = block_load(window, dir, middle, ret);

		if (r == 0)
			r = entry_get(ret, 0, &first);
		if (r < 0)
			return r;
		if (name_compare(first.name, first.name_size, name, name_size) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low == 0 ? -ENOENT : block_load(window, dir, low - 1, ret);
}

static int entry_find(
	const struct block *block, const char *name, size_t name_size, struct erofs_entry *ret)
{
	unsigned int low = 0, high = block->count;

	while (low < high) {
		unsigned int middle = low + (high - low) / 2;
		int order, r = entry_get(block, middle, ret);

		if (r < 0)
			return r;
		order = name_compare(ret->name, ret->name_size, name, name_size);
		if (order == 0)
			return 0;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -ENOENT;
}

int erofs_lookup(const struct erofs_inode *dir, const char *name, size_t name_size,
	uint64_t *ret_nid, uint8_t *ret_type)
{
	struct erofs_window window;
	struct erofs_entry entry;
	struct block block;
	int r;

	if (!is_directory(dir))
		return -ENOTDIR;
	erofs_window_init(&window, dir->fs);
	r = block_find(&window, dir, name, name_size, &block);
	if (r == 0)
		r = entry_find(&block, name, name_size, &entry);
	if (r < 0)
		return r;
	*ret_nid = entry.nid;
	if (ret_type)
		*ret_type = entry.type;
	return 0;
}

/* A position is the offset in the directory of an entry, or of the end of a block's entries. */
static int block_each(const struct block *block, uint64_t start, unsigned int index,
	int (*each)(void *context, const struct erofs_entry *entry), void *context)
{
	for (; index < block->count; index++) {
		struct erofs_entry entry;
		int r = entry_get(block, index, &entry);

		if (r < 0)
			return r;
		entry.next = start + (index + 1) * sizeof(struct erofs_dirent);
		r = each(context, &entry);
		if (r != 0)
			return r;
	}
	return 0;
}

int erofs_readdir(const struct erofs_inode *dir, uint64_t position,
	int (*each)(void *context, const struct erofs_entry *entry), void *context)
{
	uint64_t at = position / EROFS_BLOCK_SIZE, rest = position % EROFS_BLOCK_SIZE;
	struct erofs_window window;

	if (!is_directory(dir))
		return -ENOTDIR;
	erofs_window_init(&window, dir->fs);
	for (; at < block_count(dir); at++, rest = 0) {
		struct block block;
		int r = block_load(&window, dir, at, &block);

		if (r < 0)
			return r;
		if (rest % sizeof(struct erofs_dirent) != 0 ||
			rest / sizeof(struct erofs_dirent) > block.count)
			return -EINVAL;
		r = block_each(&block, at * EROFS_BLOCK_SIZE,
			(unsigned int)(rest / sizeof(struct erofs_dirent)), each, context);
		if (r != 0)
			return r;
	}
	return 0;
}
