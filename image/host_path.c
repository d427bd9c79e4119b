#include "image/host_path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "image/file.h"
#include "image/host_source.h"

/* A walk along a host path: @real has been walked and has no links, @todo is left. */
struct host_path {
	struct tree *tree;
	bool keep;
	char real[TREE_PATH_MAX];
	char todo[TREE_PATH_MAX];
	unsigned int links;
	struct image_error *error;
};

/* A link on the way stays as the tree has it: other files of the tree may lie behind it. */
static int add_here(struct host_path *path, const struct stat *st, bool keep)
{
	struct tree_inode *inode, *old;
	int r;

	if (tree_find(path->tree, path->real, false, &old) == 0) {
		if (keep)
			return 0;
		/* The same file again: what programs share. */
		if (old->content.path && !strcmp(old->content.path, path->real))
			return 0;
	}
	r = host_inode_new(path->tree, path->real, st, &inode, path->error);
	if (r < 0)
		return r;
	r = tree_put_at(path->tree, path->real, inode);
	return r < 0 ? image_fail_errno(path->error, r, "%s", path->real) : 0;
}

/* Go back to the link's directory, or to the root, and on along its target. */
static int follow(struct host_path *path, size_t parent_size)
{
	char target[TREE_PATH_MAX], rest[TREE_PATH_MAX];
	ssize_t size = readlink(path->real, target, sizeof(target) - 1);

	if (size < 0)
		return -errno;
	target[size] = '\0';
	if (++path->links > TREE_SYMLINK_MAX)
		return -ELOOP;
	memcpy(rest, path->todo, sizeof(rest));
	if (snprintf(path->todo, sizeof(path->todo), "%s/%s", target, rest) >=
		(int)sizeof(path->todo))
		return -ENAMETOOLONG;
	path->real[target[0] == '/' ? 0 : parent_size] = '\0';
	return 0;
}

/* Does the tree have a directory where the host has a link? Then it is walked as one. */
static bool is_directory_in_tree(const struct host_path *path)
{
	struct tree_inode *inode;

	return tree_find(path->tree, path->real, false, &inode) == 0 && S_ISDIR(inode->mode);
}

static int enter(struct host_path *path, size_t parent_size)
{
	struct stat st;
	int r;

	if (lstat(path->real, &st) < 0)
		return image_fail_errno(path->error, -errno, "%s", path->real);
	if (S_ISDIR(st.st_mode) || (S_ISLNK(st.st_mode) && is_directory_in_tree(path)))
		return 0;
	if (!S_ISLNK(st.st_mode) && path->todo[strspn(path->todo, "/")])
		return image_fail_errno(path->error, -ENOTDIR, "%s", path->real);
	r = add_here(path, &st, path->keep || S_ISLNK(st.st_mode));
	if (r == 0 && S_ISLNK(st.st_mode)) {
		r = follow(path, parent_size);
		if (r < 0)
			return image_fail_errno(path->error, r, "%s", path->real);
	}
	return r;
}

/* Move one component from @todo to @real; 0 at the end. */
static int step(struct host_path *path)
{
	char *start = path->todo + strspn(path->todo, "/");
	size_t size = strcspn(start, "/"), real_size = strlen(path->real);
	char name[TREE_NAME_MAX + 1];
	int r;

	if (!size)
		return 0;
	if (size > TREE_NAME_MAX || real_size + size + 2 > sizeof(path->real))
		return image_fail_errno(path->error, -ENAMETOOLONG, "%s", path->real);
	memcpy(name, start, size);
	name[size] = '\0';
	memmove(path->todo, start + size, strlen(start + size) + 1);
	if (!strcmp(name, "."))
		return 1;
	if (!strcmp(name, "..")) {
		char *slash = strrchr(path->real, '/');

		if (slash)
			*slash = '\0';
		return 1;
	}
	path->real[real_size] = '/';
	memcpy(path->real + real_size + 1, name, size + 1);
	r = enter(path, real_size);
	return r < 0 ? r : 1;
}

int host_path_add(
	struct tree *tree, const char *path, bool keep, char **ret_real, struct image_error *error)
{
	struct host_path walk = {.tree = tree, .keep = keep, .error = error};
	char *real;
	int r;

	if (strlen(path) >= sizeof(walk.todo))
		return image_fail_errno(error, -ENAMETOOLONG, "%s", path);
	strcpy(walk.todo, path);
	do {
		r = step(&walk);
	} while (r > 0);
	if (r < 0 || !ret_real)
		return r;
	real = strdup(walk.real);
	if (!real)
		return image_fail_errno(error, -ENOMEM, "%s", path);
	*ret_real = real;
	return 0;
}

int host_path_add_merged_usr(struct tree *tree, struct image_error *error)
{
	static const char *const links[] = {"/bin", "/sbin", "/lib", "/lib64"};

	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		char target[TREE_NAME_MAX], inside[TREE_PATH_MAX], name[TREE_NAME_MAX + 1];
		ssize_t size = readlink(links[i], target, sizeof(target) - 1);
		struct tree_inode *inode;
		int r;

		if (size <= 0 || tree_find(tree, links[i], false, &inode) == 0)
			continue;
		target[size] = '\0';
		r = host_path_add(tree, links[i], true, NULL, error);
		if (r < 0)
			return r;
		/* Its target, too, though it may stay empty. */
		snprintf(inside, sizeof(inside), "%s/.", links[i]);
		r = tree_make_parent(tree, inside, &inode, name);
		if (r < 0)
			return image_fail_errno(error, r, "%s", links[i]);
	}
	return 0;
}
