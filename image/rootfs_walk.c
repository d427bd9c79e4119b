#include "image/rootfs_walk.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "abi/image.h"
#include "abi/erofs.h"
#include "image/erofs.h"
#include "image/tree.h"

#define BLOCK IMAGE_BLOCK_SIZE

/* An inode that has been met: how many names it should have, and how many were seen. */
struct met_inode {
	uint64_t nid;
	uint32_t mode;
	uint32_t expected, seen;
};

struct walker {
	struct span fs;
	void *met; /* tsearch(3) of struct met_inode */
	uint64_t inode_count;
	rootfs_visit_fn *visit;
	void *context;
	char path[TREE_PATH_MAX];
	struct image_error *error;
};

struct checked_inode {
	struct erofs_inode_extended disk;
	struct span data;
};

static int compare_met(const void *a, const void *b)
{
	uint64_t x = ((const struct met_inode *)a)->nid, y = ((const struct met_inode *)b)->nid;

	return x < y ? -1 : x > y;
}

static void walker_done(struct walker *walker)
{
	while (walker->met) {
		struct met_inode *met = *(struct met_inode **)walker->met;

		tdelete(met, &walker->met, compare_met);
		free(met);
	}
}

static int bad(struct walker *walker, const char *what)
{
	return image_fail(
		walker->error, -EBADMSG, "ROOTFS section: /%.300s: %s", walker->path, what);
}

static int bad_super(struct walker *walker, const char *what)
{
	return image_fail(walker->error, -EBADMSG, "ROOTFS section: superblock: %s", what);
}

static int check_super(struct walker *walker, struct erofs_super_disk *ret)
{
	/* What is compressed, on other devices or packed: none of it is in an image. */
	const size_t rest = offsetof(struct erofs_super_disk, compression);
	static const uint8_t zero[sizeof(*ret) - offsetof(struct erofs_super_disk, compression)];
	struct erofs_super_disk super;

	if (walker->fs.size < BLOCK || walker->fs.size % BLOCK)
		return bad_super(walker, "not whole blocks");
	memcpy(&super, walker->fs.data + EROFS_SUPER_OFFSET, sizeof(super));
	if (super.magic != EROFS_SUPER_MAGIC)
		return bad_super(walker, "not an EROFS file system");
	if (super.checksum !=
		erofs_checksum(walker->fs.data + EROFS_SUPER_OFFSET, BLOCK - EROFS_SUPER_OFFSET))
		return bad_super(walker, "wrong checksum");
	if (super.block_bits != EROFS_BLOCK_BITS || super.extra_slots || super.meta_block ||
		super.xattr_block)
		return bad_super(walker, "an unknown layout");
	if (super.feature_incompat || memcmp((uint8_t *)&super + rest, zero, sizeof(zero)) ||
		super.feature_compat &
			~(uint32_t)(EROFS_FEATURE_COMPAT_CHECKSUM | EROFS_FEATURE_COMPAT_MTIME))
		return bad_super(walker, "unknown features");
	if (super.block_count != walker->fs.size / BLOCK)
		return bad_super(walker, "wrong number of blocks");
	*ret = super;
	return 0;
}

static const char *xattrs_problem(struct span xattrs)
{
	struct erofs_xattr_header header;
	size_t at = sizeof(header);

	if (!xattrs.size)
		return NULL;
	memcpy(&header, xattrs.data, sizeof(header));
	if (header.shared_count)
		return "shared attributes";
	while (at < xattrs.size) {
		struct erofs_xattr_entry entry;

		if (xattrs.size - at < sizeof(entry))
			return "attributes are cut off";
		memcpy(&entry, xattrs.data + at, sizeof(entry));
		at += ALIGN_UP(
			sizeof(entry) + (size_t)entry.name_size + entry.value_size, (size_t)4);
	}
	return at == xattrs.size ? NULL : "attributes are cut off";
}

static bool has_content(uint32_t mode)
{
	return S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode);
}

/* Where the contents are: behind the inode, or in blocks of their own. */
static const char *find_data(struct span fs, uint64_t behind, struct checked_inode *inode)
{
	unsigned int layout = inode->disk.format >> EROFS_FORMAT_LAYOUT_SHIFT;
	uint64_t size = inode->disk.size;

	if (!has_content(inode->disk.mode))
		return size ? "a special file with contents" : NULL;
	if (layout == EROFS_LAYOUT_FLAT_PLAIN) {
		if (size && !span_slice(fs, (uint64_t)inode->disk.data * BLOCK,
				    ALIGN_UP(size, BLOCK), &inode->data))
			return "its blocks lie outside";
		inode->data.size = (size_t)size;
		return NULL;
	}
	if (layout != EROFS_LAYOUT_FLAT_INLINE)
		return "an unknown layout";
	if (behind % BLOCK + size > BLOCK || !span_slice(fs, behind, size, &inode->data))
		return "its contents cross a block";
	return NULL;
}

static const char *read_inode(struct span fs, uint64_t nid, struct checked_inode *ret)
{
	static const uint8_t zero[sizeof(ret->disk.reserved2)];
	struct span bytes, xattrs = {0};
	uint64_t at;

	*ret = (struct checked_inode){0};
	if (nid > fs.size / EROFS_SLOT_SIZE)
		return "its inode lies outside";
	at = nid * EROFS_SLOT_SIZE;
	if (!span_slice(fs, at, sizeof(ret->disk), &bytes))
		return "its inode lies outside";
	memcpy(&ret->disk, bytes.data, sizeof(ret->disk));
	if (!(ret->disk.format & EROFS_FORMAT_EXTENDED) || ret->disk.reserved ||
		memcmp(ret->disk.reserved2, zero, sizeof(zero)))
		return "an unknown form of inode";
	if (at % BLOCK + sizeof(ret->disk) > BLOCK)
		return "its inode crosses a block";
	if (ret->disk.size > TREE_FILE_SIZE_MAX)
		return "it is too large";
	at += sizeof(ret->disk);
	if (ret->disk.xattr_count &&
		!span_slice(fs, at,
			sizeof(struct erofs_xattr_header) + 4 * (ret->disk.xattr_count - 1u),
			&xattrs))
		return "its attributes lie outside";
	if (xattrs_problem(xattrs))
		return xattrs_problem(xattrs);
	return find_data(fs, at + xattrs.size, ret);
}

static uint8_t type_of(uint32_t mode)
{
	static const uint8_t types[16] = {[S_IFIFO >> 12] = EROFS_TYPE_FIFO,
		[S_IFCHR >> 12] = EROFS_TYPE_CHARACTER,
		[S_IFDIR >> 12] = EROFS_TYPE_DIRECTORY,
		[S_IFBLK >> 12] = EROFS_TYPE_BLOCK,
		[S_IFREG >> 12] = EROFS_TYPE_FILE,
		[S_IFLNK >> 12] = EROFS_TYPE_SYMLINK};

	return types[(mode & S_IFMT) >> 12];
}

/* NULL: no memory. A new one has seen no name. */
static struct met_inode *meet(struct walker *walker, uint64_t nid)
{
	struct met_inode key = {.nid = nid}, **found = tfind(&key, &walker->met, compare_met);
	struct met_inode *met;

	if (found)
		return *found;
	met = calloc(1, sizeof(*met));
	if (!met)
		return NULL;
	met->nid = nid;
	if (!tsearch(met, &walker->met, compare_met)) {
		free(met);
		return NULL;
	}
	walker->inode_count++;
	return met;
}

static int walk_inode(
	struct walker *walker, uint64_t nid, uint8_t type, uint64_t parent, unsigned int depth);

/* One block of a directory, with the name that must come before all of its own. */
struct dir_block {
	struct span bytes;
	unsigned int count;
};

static bool dir_block_open(struct span data, size_t at, struct dir_block *ret)
{
	struct erofs_dirent first;

	if (!span_slice(data, at, MIN(data.size - at, (size_t)BLOCK), &ret->bytes) ||
		ret->bytes.size < sizeof(first))
		return false;
	memcpy(&first, ret->bytes.data, sizeof(first));
	ret->count = first.name_offset / sizeof(first);
	return first.name_offset % sizeof(first) == 0 && ret->count &&
	       first.name_offset < ret->bytes.size;
}

/* The entry @index and its name; false: it lies outside, or is no name. */
static bool dir_block_entry(const struct dir_block *block, unsigned int index,
	struct erofs_dirent *ret, char name[TREE_NAME_MAX + 1])
{
	struct erofs_dirent next = {.name_offset = (uint16_t)block->bytes.size};
	size_t size;

	memcpy(ret, block->bytes.data + index * sizeof(*ret), sizeof(*ret));
	if (index + 1 < block->count)
		memcpy(&next, block->bytes.data + (index + 1) * sizeof(next), sizeof(next));
	if (ret->reserved || next.name_offset <= ret->name_offset ||
		next.name_offset > block->bytes.size)
		return false;
	size = next.name_offset - ret->name_offset;
	/* The last name of a block may be followed by zeros. */
	if (index + 1 == block->count)
		size = strnlen((const char *)block->bytes.data + ret->name_offset, size);
	if (!size || size > TREE_NAME_MAX)
		return false;
	memcpy(name, block->bytes.data + ret->name_offset, size);
	name[size] = '\0';
	return strlen(name) == size && !strchr(name, '/');
}

static int walk_child(struct walker *walker, const struct erofs_dirent *entry, const char *name,
	uint64_t dir, unsigned int depth)
{
	size_t length = strlen(walker->path), size = strlen(name) + (length ? 1 : 0);
	int r;

	if (length + size >= sizeof(walker->path))
		return bad(walker, "a path is too long");
	if (length)
		walker->path[length] = '/';
	strcpy(walker->path + length + (length ? 1 : 0), name);
	r = walk_inode(walker, entry->nid, entry->type, dir, depth);
	if (r == 0)
		walker->path[length] = '\0';
	return r;
}

/* "." and ".." must be there and right: @dots counts them. */
static int walk_entry(struct walker *walker, const struct erofs_dirent *entry, const char *name,
	uint64_t dir, uint64_t parent, unsigned int depth, unsigned int *dots)
{
	bool dot = !strcmp(name, "."), dotdot = !strcmp(name, "..");

	if (!dot && !dotdot)
		return walk_child(walker, entry, name, dir, depth);
	++*dots;
	if (entry->nid != (dot ? dir : parent) || entry->type != EROFS_TYPE_DIRECTORY)
		return bad(walker, "its \".\" or \"..\" leads elsewhere");
	return 0;
}

static int walk_directory(
	struct walker *walker, struct span data, uint64_t dir, uint64_t parent, unsigned int depth)
{
	char name[TREE_NAME_MAX + 1], last[TREE_NAME_MAX + 1] = "";
	unsigned int dots = 0;

	if (depth > TREE_DEPTH_MAX)
		return bad(walker, "directories are too deep");
	for (size_t at = 0; at < data.size; at += BLOCK) {
		struct dir_block block;

		if (!dir_block_open(data, at, &block))
			return bad(walker, "a block of the directory is damaged");
		for (unsigned int i = 0; i < block.count; i++) {
			struct erofs_dirent entry;
			int r;

			if (!dir_block_entry(&block, i, &entry, name))
				return bad(walker, "an entry of the directory is damaged");
			if (strcmp(last, name) >= 0)
				return bad(walker, "its names are not in order");
			strcpy(last, name);
			r = walk_entry(walker, &entry, name, dir, parent, depth, &dots);
			if (r < 0)
				return r;
		}
	}
	return dots == 2 ? 0 : bad(walker, "it has no \".\" or no \"..\"");
}

/* Its first name: look at it, and into it. */
static int walk_new_inode(
	struct walker *walker, struct met_inode *met, uint64_t parent, unsigned int depth)
{
	struct checked_inode inode;
	const char *problem = read_inode(walker->fs, met->nid, &inode);
	struct rootfs_file file;
	int r;

	if (problem)
		return bad(walker, problem);
	met->mode = inode.disk.mode;
	met->expected = inode.disk.nlink;
	file = (struct rootfs_file){walker->path, met->nid, met->mode, inode.data};
	r = walker->visit(walker->context, &file, walker->error);
	if (r < 0 || !S_ISDIR(met->mode))
		return r;
	return walk_directory(walker, inode.data, met->nid, parent, depth + 1);
}

static int walk_inode(
	struct walker *walker, uint64_t nid, uint8_t type, uint64_t parent, unsigned int depth)
{
	struct met_inode *met = meet(walker, nid);
	int r;

	if (!met)
		return image_fail_errno(walker->error, -ENOMEM, "ROOTFS section");
	if (met->seen++) {
		if (S_ISDIR(met->mode))
			return bad(walker, "a directory with two names");
	} else {
		r = walk_new_inode(walker, met, parent, depth);
		if (r < 0)
			return r;
	}
	if (!type || type_of(met->mode) != type)
		return bad(walker, "it is not of the type its directory says");
	return 0;
}

static int find_wrong_count(struct walker *walker)
{
	/* Taking the set apart is a way to see each element that needs no global variable. */
	while (walker->met) {
		struct met_inode *met = *(struct met_inode **)walker->met;
		bool wrong = !S_ISDIR(met->mode) && met->seen != met->expected;
		uint64_t nid = met->nid;

		tdelete(met, &walker->met, compare_met);
		free(met);
		if (wrong)
			return image_fail(walker->error, -EBADMSG,
				"ROOTFS section: inode %lu: wrong number of links", nid);
	}
	return 0;
}

int rootfs_walk(
	struct span rootfs, rootfs_visit_fn *visit, void *context, struct image_error *error)
{
	CLEANUP(walker_done)
	struct walker walker = {.fs = rootfs, .visit = visit, .context = context, .error = error};
	struct erofs_super_disk super = {0};
	int r = check_super(&walker, &super);

	if (r == 0)
		r = walk_inode(&walker, super.root_nid, EROFS_TYPE_DIRECTORY, super.root_nid, 0);
	if (r < 0)
		return r;
	if (walker.inode_count != super.inode_count)
		return bad_super(&walker, "wrong number of inodes");
	return find_wrong_count(&walker);
}
