/* Paths in a tree: look-up with symbolic links, which end inside the tree whatever they hold. */
#include <errno.h>
#include <string.h>

#include "image/tree.h"

/* A look-up under way. */
struct walk {
	struct tree *make; /* missing directories are made in it; NULL: none is */
	struct tree_inode *root;
	struct tree_inode *dir;   /* where we are */
	struct tree_inode *found; /* the last component; NULL: missing (then @name is its name) */
	char name[TREE_NAME_MAX + 1];
	char todo[TREE_PATH_MAX]; /* what is left of the path */
	unsigned int links;
	bool follow_last;
};

/* Take the first component off @todo; false at the end. */
static int walk_next(struct walk *walk, bool *ret_last)
{
	char *start = walk->todo + strspn(walk->todo, "/");
	size_t size = strcspn(start, "/");

	if (!size)
		return 0;
	if (size > TREE_NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(walk->name, start, size);
	walk->name[size] = '\0';
	start += size;
	*ret_last = start[strspn(start, "/")] == '\0';
	memmove(walk->todo, start, strlen(start) + 1);
	return 1;
}

static int walk_symlink(struct walk *walk, const struct tree_inode *link)
{
	size_t rest = strlen(walk->todo), size = (size_t)link->content.size;

	if (++walk->links > TREE_SYMLINK_MAX)
		return -ELOOP;
	if (size + 1 + rest >= sizeof(walk->todo))
		return -ENAMETOOLONG;
	memmove(walk->todo + size + 1, walk->todo, rest + 1);
	memcpy(walk->todo, link->content.bytes, size);
	walk->todo[size] = '/';
	if (size && walk->todo[0] == '/')
		walk->dir = walk->root;
	return 0;
}

static int walk_missing(struct walk *walk, bool last)
{
	struct tree_inode *dir;
	int r;

	if (last)
		return 0;
	if (!walk->make)
		return -ENOENT;
	dir = tree_inode_new(walk->make, S_IFDIR | 0755);
	if (!dir)
		return -ENOMEM;
	dir->implied = true;
	r = tree_put(walk->make, walk->dir, walk->name, dir, &dir);
	if (r == 0)
		walk->dir = dir;
	return r;
}

static int walk_step(struct walk *walk, bool last)
{
	struct tree_entry *entry;

	walk->found = NULL;
	if (!strcmp(walk->name, "."))
		return walk->found = walk->dir, walk->name[0] = '\0', 0;
	if (!strcmp(walk->name, "..")) {
		walk->found = walk->dir = walk->dir->parent;
		walk->name[0] = '\0';
		return 0;
	}
	entry = tree_child(walk->dir, walk->name);
	if (!entry)
		return walk_missing(walk, last);
	if (S_ISLNK(entry->inode->mode) && (!last || walk->follow_last))
		return walk_symlink(walk, entry->inode);
	if (!last && !S_ISDIR(entry->inode->mode))
		return -ENOTDIR;
	walk->found = entry->inode;
	if (!last)
		walk->dir = entry->inode;
	return 0;
}

static int walk_run(struct walk *walk, const char *path)
{
	bool last = false;
	int r;

	if (strlen(path) >= sizeof(walk->todo))
		return -ENAMETOOLONG;
	strcpy(walk->todo, path);
	walk->found = walk->dir;
	for (;;) {
		r = walk_next(walk, &last);
		if (r <= 0)
			return r;
		r = walk_step(walk, last);
		if (r < 0)
			return r;
	}
}

int tree_find(const struct tree *tree, const char *path, bool follow, struct tree_inode **ret)
{
	struct walk walk = {.root = tree->root, .dir = tree->root, .follow_last = follow};
	int r = walk_run(&walk, path);

	if (r < 0)
		return r;
	if (!walk.found)
		return -ENOENT;
	*ret = walk.found;
	return 0;
}

int tree_find_from(struct tree_inode *dir, const char *path, struct tree_inode **ret)
{
	struct walk walk = {.root = dir, .dir = dir, .follow_last = true};
	int r;

	while (walk.root->parent != walk.root)
		walk.root = walk.root->parent;
	r = walk_run(&walk, path);
	if (r < 0)
		return r;
	if (!walk.found)
		return -ENOENT;
	*ret = walk.found;
	return 0;
}

static bool path_has_dotdot(const char *path)
{
	for (const char *at = path; *at;) {
		size_t size;

		at += strspn(at, "/");
		size = strcspn(at, "/");
		if (size == 2 && at[0] == '.' && at[1] == '.')
			return true;
		at += size;
	}
	return false;
}

int tree_make_parent(struct tree *tree, const char *path, struct tree_inode **ret_dir, char *name)
{
	struct walk walk = {.make = tree, .root = tree->root, .dir = tree->root};
	int r;

	if (path_has_dotdot(path))
		return -EINVAL;
	r = walk_run(&walk, path);
	if (r < 0)
		return r;
	*ret_dir = walk.dir;
	strcpy(name, walk.name);
	return 0;
}
