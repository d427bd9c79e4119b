#include "image/host_source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "image/file.h"

/* A file with several names, by where it is on the host. */
struct known_file {
	dev_t dev;
	ino_t ino;
	struct tree_inode *inode; /* held */
};

struct host_walk {
	struct tree *tree;
	void *known; /* tsearch(3) of struct known_file */
	const struct stat *skip;
	struct image_error *error;
};

static int compare_known(const void *a, const void *b)
{
	const struct known_file *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static void host_walk_done(struct host_walk *walk)
{
	while (walk->known) {
		struct known_file *file = *(struct known_file **)walk->known;

		tdelete(file, &walk->known, compare_known);
		tree_release(walk->tree, file->inode);
		free(file);
	}
}

static int remember(struct host_walk *walk, const struct stat *st, struct tree_inode *inode)
{
	struct known_file *file = malloc(sizeof(*file));

	if (!file)
		return -ENOMEM;
	*file = (struct known_file){st->st_dev, st->st_ino, inode};
	if (!tsearch(file, &walk->known, compare_known)) {
		free(file);
		return -ENOMEM;
	}
	tree_hold(inode);
	return 0;
}

static struct tree_inode *recall(struct host_walk *walk, const struct stat *st)
{
	struct known_file key = {st->st_dev, st->st_ino, NULL}, **found;

	if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
		return NULL;
	found = tfind(&key, &walk->known, compare_known);
	return found ? (*found)->inode : NULL;
}

/* Other attributes describe the host: labels of its security module, its lists of users. */
static bool is_kept_xattr(const char *name)
{
	return !strncmp(name, "user.", 5) || !strcmp(name, "security.capability");
}

static int copy_xattr(const char *path, const char *name, struct tree_inode *inode)
{
	CLEANUP(freep) uint8_t *value = malloc(TREE_XATTR_SIZE_MAX);
	ssize_t size;

	if (!value)
		return -ENOMEM;
	size = lgetxattr(path, name, value, TREE_XATTR_SIZE_MAX);
	if (size < 0)
		return -errno;
	return tree_inode_add_xattr(inode, name, value, (size_t)size);
}

static int copy_xattrs(const char *path, struct tree_inode *inode)
{
	char names[65536];
	ssize_t size = llistxattr(path, names, sizeof(names));
	int r = 0;

	if (size < 0)
		return errno == ENOTSUP ? 0 : -errno;
	for (const char *name = names; r == 0 && name < names + size; name += strlen(name) + 1)
		if (is_kept_xattr(name))
			r = copy_xattr(path, name, inode);
	return r;
}

static int read_symlink(const char *path, struct tree_inode *inode)
{
	char target[TREE_PATH_MAX];
	ssize_t size = readlink(path, target, sizeof(target));

	if (size < 0)
		return -errno;
	if (size == 0 || (size_t)size == sizeof(target))
		return -ENAMETOOLONG;
	return tree_inode_set_bytes(inode, target, (size_t)size);
}

static int fill_content(const char *path, const struct stat *st, struct tree_inode *inode)
{
	if (S_ISLNK(st->st_mode))
		return read_symlink(path, inode);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		inode->rdev = tree_device(major(st->st_rdev), minor(st->st_rdev));
	if (!S_ISREG(st->st_mode))
		return 0;
	if (st->st_size < 0 || (uint64_t)st->st_size > TREE_FILE_SIZE_MAX)
		return -EFBIG;
	/* An empty file has no bytes to go back for. */
	if (!st->st_size)
		return tree_inode_set_bytes(inode, "", 0);
	inode->content.size = (uint64_t)st->st_size;
	inode->content.path = strdup(path);
	return inode->content.path ? 0 : -ENOMEM;
}

int host_inode_new(struct tree *tree, const char *path, const struct stat *st,
	struct tree_inode **ret, struct image_error *error)
{
	struct tree_inode *inode;
	int r;

	if (S_ISSOCK(st->st_mode))
		return image_fail(error, -EOPNOTSUPP, "%s: a socket", path);
	inode = tree_inode_new(tree, st->st_mode);
	if (!inode)
		return image_fail_errno(error, -ENOMEM, "%s", path);
	inode->mtime = st->st_mtim.tv_sec;
	inode->mtime_ns = (uint32_t)st->st_mtim.tv_nsec;
	r = fill_content(path, st, inode);
	if (r == 0)
		r = copy_xattrs(path, inode);
	if (r < 0) {
		tree_inode_free(tree, inode);
		return image_fail_errno(error, r, "%s", path);
	}
	*ret = inode;
	return 0;
}

/* The directory that @name of @dir leads to, if it is a link to one. */
static struct tree_inode *linked_directory(struct tree_inode *dir, const char *name)
{
	struct tree_entry *entry = *name ? tree_child(dir, name) : NULL;
	struct tree_inode *target;

	if (!entry || !S_ISLNK(entry->inode->mode))
		return NULL;
	if (tree_find_from(dir, name, &target) < 0 || !S_ISDIR(target->mode))
		return NULL;
	return target;
}

static int add_node(
	struct host_walk *walk, const char *path, struct tree_inode *dir, const char *name);

static int is_real_name(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
}

/* Not alphasort(3): the order must not depend on the locale. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_children(struct host_walk *walk, const char *path, struct tree_inode *dir)
{
	struct dirent **entries;
	int count = scandir(path, &entries, is_real_name, compare_names), r = 0;

	if (count < 0)
		return image_fail_errno(walk->error, -errno, "%s", path);
	for (int i = 0; i < count; i++) {
		CLEANUP(freep) char *child = NULL;

		if (r == 0 && asprintf(&child, "%s/%s", path, entries[i]->d_name) < 0)
			r = image_fail_errno(walk->error, -ENOMEM, "%s", path);
		if (r == 0)
			r = add_node(walk, child, dir, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int put_node(struct host_walk *walk, const char *path, const struct stat *st,
	struct tree_inode *dir, const char *name, struct tree_inode **ret)
{
	struct tree_inode *inode;
	int r = host_inode_new(walk->tree, path, st, &inode, walk->error);

	if (r < 0)
		return r;
	r = tree_put(walk->tree, dir, name, inode, ret);
	if (r == 0 && !S_ISDIR(st->st_mode) && st->st_nlink > 1)
		r = remember(walk, st, *ret);
	if (r < 0)
		return image_fail_errno(walk->error, r, "%s", path);
	return 0;
}

static bool is_skipped(const struct host_walk *walk, const struct stat *st)
{
	return walk->skip && walk->skip->st_dev == st->st_dev && walk->skip->st_ino == st->st_ino;
}

static int add_node(
	struct host_walk *walk, const char *path, struct tree_inode *dir, const char *name)
{
	struct tree_inode *inode;
	struct stat st;
	int r;

	if (lstat(path, &st) < 0)
		return image_fail_errno(walk->error, -errno, "%s", path);
	if (S_ISSOCK(st.st_mode) || is_skipped(walk, &st))
		return 0;
	inode = recall(walk, &st);
	if (inode) {
		r = tree_link(walk->tree, dir, name, inode);
		return r < 0 ? image_fail_errno(walk->error, r, "%s", path) : 0;
	}
	inode = S_ISDIR(st.st_mode) ? linked_directory(dir, name) : NULL;
	if (!inode) {
		r = put_node(walk, path, &st, dir, name, &inode);
		if (r < 0)
			return r;
	}
	return S_ISDIR(st.st_mode) ? add_children(walk, path, inode) : 0;
}

/* Where a file goes that keeps its name: @to, and the last component of @from. */
static int join_name(const char *from, const char *to, char **ret)
{
	const char *slash = strrchr(from, '/');

	return asprintf(ret, "%s%s", to, slash ? slash + 1 : from) < 0 ? -ENOMEM : 0;
}

int host_add(struct tree *tree, const char *from, const char *to, const struct stat *skip,
	struct image_error *error)
{
	CLEANUP(host_walk_done)
	struct host_walk walk = {.tree = tree, .skip = skip, .error = error};
	CLEANUP(freep) char *real = realpath(from, NULL), *joined = NULL;
	char name[TREE_NAME_MAX + 1];
	struct tree_inode *dir;
	struct stat st;
	int r = 0;

	if (!real || stat(real, &st) < 0)
		return image_fail_errno(error, -errno, "%s", from);
	if (!S_ISDIR(st.st_mode) && to[strlen(to) - 1] == '/')
		r = join_name(from, to, &joined);
	if (r == 0)
		r = tree_make_parent(tree, joined ? joined : to, &dir, name);
	if (r == -EINVAL)
		return image_fail(error, r, "%s: \"..\" in a path of the image", to);
	if (r < 0)
		return image_fail_errno(error, r, "%s", to);
	/* The root's own mode and time are not those of a directory that happens to hold the files.
	 */
	if (!*name && S_ISDIR(st.st_mode))
		return add_children(&walk, real, dir);
	return add_node(&walk, real, dir, name);
}
