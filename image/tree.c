#include "image/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "image/file.h"

int tree_init(struct tree *tree)
{
	*tree = (struct tree){0};
	tree->root = tree_inode_new(tree, S_IFDIR | 0755);
	if (!tree->root)
		return -ENOMEM;
	tree->root->parent = tree->root;
	tree->root->link_count = 2;
	return 0;
}

struct tree_inode *tree_inode_new(struct tree *tree, uint32_t mode)
{
	struct tree_inode *inode;

	if (tree->inode_count >= TREE_INODE_COUNT_MAX)
		return NULL;
	inode = calloc(1, sizeof(*inode));
	if (!inode)
		return NULL;
	inode->mode = mode;
	inode->content.fd = -1;
	tree->inode_count++;
	return inode;
}

static void xattrs_done(struct tree_inode *inode)
{
	for (size_t i = 0; i < inode->xattr_count; i++) {
		free(inode->xattrs[i].name);
		free(inode->xattrs[i].value);
	}
	free(inode->xattrs);
	inode->xattrs = NULL;
	inode->xattr_count = 0;
}

void tree_inode_free(struct tree *tree, struct tree_inode *inode)
{
	if (!inode)
		return;
	xattrs_done(inode);
	free(inode->content.bytes);
	free(inode->content.path);
	free(inode->entries);
	free(inode);
	tree->inode_count--;
}

/* The name is gone; so is the inode with its last one. */
static void entry_drop(struct tree *tree, struct tree_inode *dir, struct tree_entry *entry)
{
	struct tree_inode *inode = entry->inode;

	free(entry->name);
	if (S_ISDIR(inode->mode)) {
		for (size_t i = 0; i < inode->entry_count; i++)
			entry_drop(tree, inode, &inode->entries[i]);
		dir->link_count--;
		tree_inode_free(tree, inode);
	} else if (--inode->link_count == 0) {
		tree_inode_free(tree, inode);
	}
}

void tree_done(struct tree *tree)
{
	if (!tree->root)
		return;
	for (size_t i = 0; i < tree->root->entry_count; i++)
		entry_drop(tree, tree->root, &tree->root->entries[i]);
	tree_inode_free(tree, tree->root);
	tree->root = NULL;
}

int tree_inode_set_bytes(struct tree_inode *inode, const void *bytes, size_t size)
{
	uint8_t *copy = malloc(MAX(size, (size_t)1));

	if (!copy)
		return -ENOMEM;
	if (size)
		memcpy(copy, bytes, size);
	free(inode->content.bytes);
	inode->content.bytes = copy;
	inode->content.size = size;
	return 0;
}

int tree_inode_add_xattr(struct tree_inode *inode, const char *name, const void *value, size_t size)
{
	struct tree_xattr *xattrs, *x;
	size_t at = 0;

	if (size > TREE_XATTR_SIZE_MAX)
		return -E2BIG;
	xattrs = realloc(inode->xattrs, (inode->xattr_count + 1) * sizeof(*xattrs));
	if (!xattrs)
		return -ENOMEM;
	inode->xattrs = xattrs;
	while (at < inode->xattr_count && strcmp(xattrs[at].name, name) < 0)
		at++;
	if (at < inode->xattr_count && !strcmp(xattrs[at].name, name))
		return -EEXIST;
	x = &xattrs[at];
	memmove(x + 1, x, (inode->xattr_count - at) * sizeof(*x));
	*x = (struct tree_xattr){.name = strdup(name), .value = malloc(MAX(size, (size_t)1))};
	inode->xattr_count++;
	if (!x->name || !x->value)
		return -ENOMEM;
	if (size)
		memcpy(x->value, value, size);
	x->size = size;
	return 0;
}

uint32_t tree_device(unsigned int major, unsigned int minor)
{
	return (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~0xffu) << 12;
}

/* The index of the first entry whose name is not below @name. */
static size_t entry_position(const struct tree_inode *dir, const char *name)
{
	size_t low = 0, high = dir->entry_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(dir->entries[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct tree_entry *tree_child(const struct tree_inode *dir, const char *name)
{
	size_t at = entry_position(dir, name);

	if (at < dir->entry_count && !strcmp(dir->entries[at].name, name))
		return &dir->entries[at];
	return NULL;
}

static int entry_insert(
	struct tree *tree, struct tree_inode *dir, const char *name, struct tree_inode *inode)
{
	size_t at = entry_position(dir, name);
	char *copy;

	if (S_ISDIR(inode->mode) && dir->depth >= TREE_DEPTH_MAX)
		return -ENAMETOOLONG;
	if (dir->entry_count == dir->entry_capacity) {
		size_t capacity = MAX(dir->entry_capacity * 2, (size_t)8);
		struct tree_entry *entries =
			realloc(dir->entries, capacity * sizeof(*dir->entries));

		if (!entries)
			return -ENOMEM;
		dir->entries = entries;
		dir->entry_capacity = capacity;
	}
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	memmove(&dir->entries[at + 1], &dir->entries[at],
		(dir->entry_count - at) * sizeof(*dir->entries));
	dir->entries[at] = (struct tree_entry){copy, inode, tree->layer};
	dir->entry_count++;
	if (S_ISDIR(inode->mode)) {
		inode->parent = dir;
		inode->depth = dir->depth + 1;
		inode->link_count = 2;
		dir->link_count++;
	} else {
		inode->link_count++;
	}
	return 0;
}

static void entry_remove(struct tree *tree, struct tree_inode *dir, struct tree_entry *entry)
{
	size_t at = (size_t)(entry - dir->entries);

	entry_drop(tree, dir, entry);
	dir->entry_count--;
	memmove(entry, entry + 1, (dir->entry_count - at) * sizeof(*entry));
}

static void inode_take_metadata(struct tree_inode *to, struct tree_inode *from)
{
	xattrs_done(to);
	to->implied = from->implied;
	to->mode = from->mode;
	to->uid = from->uid;
	to->gid = from->gid;
	to->mtime = from->mtime;
	to->mtime_ns = from->mtime_ns;
	to->xattrs = TAKE(from->xattrs);
	to->xattr_count = from->xattr_count;
	from->xattr_count = 0;
}

int tree_put(struct tree *tree, struct tree_inode *dir, const char *name, struct tree_inode *inode,
	struct tree_inode **ret)
{
	struct tree_entry *old = *name ? tree_child(dir, name) : NULL;
	struct tree_inode *there = *name ? (old ? old->inode : NULL) : dir;
	int r;

	if (there && S_ISDIR(there->mode) && S_ISDIR(inode->mode)) {
		inode_take_metadata(there, inode);
		tree_inode_free(tree, inode);
		if (old)
			old->layer = tree->layer;
		if (ret)
			*ret = there;
		return 0;
	}
	if (!*name) {
		tree_inode_free(tree, inode);
		return -EISDIR;
	}
	if (old)
		entry_remove(tree, dir, old);
	r = entry_insert(tree, dir, name, inode);
	if (r < 0) {
		tree_inode_free(tree, inode);
		return r;
	}
	if (ret)
		*ret = inode;
	return 0;
}

int tree_put_at(struct tree *tree, const char *path, struct tree_inode *inode)
{
	char name[TREE_NAME_MAX + 1];
	struct tree_inode *dir;
	int r = tree_make_parent(tree, path, &dir, name);

	if (r < 0) {
		tree_inode_free(tree, inode);
		return r;
	}
	return tree_put(tree, dir, name, inode, NULL);
}

int tree_link(struct tree *tree, struct tree_inode *dir, const char *name, struct tree_inode *inode)
{
	struct tree_entry *old = tree_child(dir, name);

	if (S_ISDIR(inode->mode))
		return -EPERM;
	if (!*name)
		return -EISDIR;
	if (old && old->inode == inode) {
		old->layer = tree->layer;
		return 0;
	}
	if (old)
		entry_remove(tree, dir, old);
	return entry_insert(tree, dir, name, inode);
}

void tree_hold(struct tree_inode *inode)
{
	inode->link_count++;
}

void tree_release(struct tree *tree, struct tree_inode *inode)
{
	if (--inode->link_count == 0)
		tree_inode_free(tree, inode);
}

void tree_make_opaque(struct tree *tree, struct tree_inode *dir)
{
	for (size_t i = dir->entry_count; i-- > 0;)
		tree_whiteout(tree, dir, dir->entries[i].name);
}

void tree_whiteout(struct tree *tree, struct tree_inode *dir, const char *name)
{
	struct tree_entry *entry = tree_child(dir, name);

	if (!entry)
		return;
	if (entry->layer != tree->layer)
		entry_remove(tree, dir, entry);
	else if (S_ISDIR(entry->inode->mode))
		tree_make_opaque(tree, entry->inode);
}

static int walk_dir(
	struct tree_inode *dir, char *path, size_t length, tree_visit_fn *visit, void *context)
{
	for (size_t i = 0; i < dir->entry_count; i++) {
		struct tree_entry *entry = &dir->entries[i];
		size_t size = strlen(entry->name) + (length ? 1 : 0);
		int r;

		if (length + size >= TREE_PATH_MAX)
			return -ENAMETOOLONG;
		if (length)
			path[length] = '/';
		strcpy(path + length + (length ? 1 : 0), entry->name);
		r = visit(context, path, entry->inode);
		if (r >= 0 && S_ISDIR(entry->inode->mode))
			r = walk_dir(entry->inode, path, length + size, visit, context);
		if (r < 0)
			return r;
	}
	return 0;
}

int tree_walk(const struct tree *tree, tree_visit_fn *visit, void *context)
{
	char path[TREE_PATH_MAX] = "";

	return walk_dir(tree->root, path, 0, visit, context);
}

static int read_host_file(const struct tree_content *content, uint64_t offset, void *to,
	size_t size, struct image_error *error)
{
	CLEANUP(close_fdp) int fd = open(content->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int r;

	if (fd < 0)
		return image_fail_errno(error, -errno, "%s", content->path);
	r = file_read_at(fd, to, size, offset);
	if (r == -ENODATA)
		return image_fail(
			error, r, "%s: became shorter while it was being read", content->path);
	if (r < 0)
		return image_fail_errno(error, r, "%s", content->path);
	return 0;
}

int tree_content_read(const struct tree_content *content, uint64_t offset, void *to, size_t size,
	struct image_error *error)
{
	int r;

	if (content->bytes) {
		memcpy(to, content->bytes + offset, size);
		return 0;
	}
	if (content->path)
		return read_host_file(content, offset, to, size, error);
	r = file_read_at(content->fd, to, size, content->offset + offset);
	if (r < 0)
		return image_fail_errno(error, r, "temporary file");
	return 0;
}
