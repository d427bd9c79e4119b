#include "image/erofs_dir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/image.h"
#include "abi/erofs.h"

/* The names of a directory as they are stored: "." and ".." stand among the others, sorted. */
struct dir_names {
	struct dir_name {
		const char *name;
		const struct tree_inode *inode;
	} * items;
	size_t count;
};

static void dir_names_done(struct dir_names *names)
{
	free(names->items);
}

static int compare_dir_names(const void *a, const void *b)
{
	return strcmp(((const struct dir_name *)a)->name, ((const struct dir_name *)b)->name);
}

static int dir_names_init(struct dir_names *names, const struct tree_inode *dir)
{
	names->items = calloc(dir->entry_count + 2, sizeof(*names->items));
	if (!names->items)
		return -ENOMEM;
	names->items[names->count++] = (struct dir_name){".", dir};
	names->items[names->count++] = (struct dir_name){"..", dir->parent};
	for (size_t i = 0; i < dir->entry_count; i++)
		names->items[names->count++] =
			(struct dir_name){dir->entries[i].name, dir->entries[i].inode};
	qsort(names->items, names->count, sizeof(*names->items), compare_dir_names);
	return 0;
}

/* How many names, from @first on, fit one block; and the bytes they take. */
static size_t dir_block_fill(const struct dir_names *names, size_t first, size_t *ret_size)
{
	size_t count = 0, size = 0;

	for (size_t i = first; i < names->count; i++, count++) {
		size_t more = sizeof(struct erofs_dirent) + strlen(names->items[i].name);

		if (size + more > IMAGE_BLOCK_SIZE)
			break;
		size += more;
	}
	*ret_size = size;
	return count;
}

int erofs_dir_measure(struct tree_inode *dir)
{
	CLEANUP(dir_names_done) struct dir_names names = {0};
	size_t used = 0, blocks = 0;
	int r = dir_names_init(&names, dir);

	if (r < 0)
		return r;
	for (size_t i = 0; i < names.count; blocks++)
		i += dir_block_fill(&names, i, &used);
	dir->content.size = (blocks - 1) * IMAGE_BLOCK_SIZE + used;
	return 0;
}

static uint8_t file_type(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return EROFS_TYPE_DIRECTORY;
	case S_IFCHR:
		return EROFS_TYPE_CHARACTER;
	case S_IFBLK:
		return EROFS_TYPE_BLOCK;
	case S_IFIFO:
		return EROFS_TYPE_FIFO;
	case S_IFSOCK:
		return EROFS_TYPE_SOCKET;
	case S_IFLNK:
		return EROFS_TYPE_SYMLINK;
	default:
		return EROFS_TYPE_FILE;
	}
}

static void dir_write_block(uint8_t *to, const struct dir_name *names, size_t count)
{
	size_t at = count * sizeof(struct erofs_dirent);

	for (size_t i = 0; i < count; i++) {
		struct erofs_dirent dirent = {
			.nid = names[i].inode->nid,
			.name_offset = (uint16_t)at,
			.type = file_type(names[i].inode->mode),
		};
		size_t size = strlen(names[i].name);

		memcpy(to + i * sizeof(dirent), &dirent, sizeof(dirent));
		memcpy(to + at, names[i].name, size);
		at += size;
	}
}

int erofs_dir_write(const struct tree_inode *dir, uint8_t *to)
{
	CLEANUP(dir_names_done) struct dir_names names = {0};
	int r = dir_names_init(&names, dir);

	if (r < 0)
		return r;
	for (size_t i = 0, used; i < names.count; to += IMAGE_BLOCK_SIZE) {
		size_t count = dir_block_fill(&names, i, &used);

		dir_write_block(to, &names.items[i], count);
		i += count;
	}
	return 0;
}
