/* Path walk: path_resolution(7), and openat2(2)'s RESOLVE_* flags. */
#ifndef LIBOS_FILES_PATH_H
#define LIBOS_FILES_PATH_H

#include <linux/openat2.h>

#include "libos/files/dentry.h"

#define PATH_SIZE 4096 /* with the NUL; PATH_MAX */
#define PATH_LINKS_MAX 40
#define PATH_RESOLVE_ALL                                                                           \
	(RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH |         \
		RESOLVE_IN_ROOT | RESOLVE_CACHED)

enum path_flags {
	PATH_FOLLOW = 1,    /* the last component's symbolic link too */
	PATH_EMPTY = 2,     /* "" is the starting point itself (AT_EMPTY_PATH) */
	PATH_DIRECTORY = 4, /* must be a directory */
	PATH_FROM_ROOT = 8, /* for the LibOS itself: from the real root, whatever the caller's is */
};

/* The last component, when a walk stops before it. */
struct path_last {
	const char *name; /* into the path given or a link's text; not terminated */
	uint32_t length;
	bool trailing_slash;
	bool is_special; /* ".", ".." or "/": no name to create or remove; the walk went there */
	struct inode *holder; /* the link that @name is in the text of, referenced, or NULL */
	char *text;           /* heap or NULL: a copy of that text */
};
void path_last_done(struct path_last *last);

/* @dir_fd: AT_FDCWD or a descriptor. @resolve: RESOLVE_*. *ret_dentry: referenced, its inode is
 * there (-ENOENT else). */
MUST_CHECK int path_walk(
	int dir_fd, const char *path, uint32_t flags, uint64_t resolve, struct dentry **ret_dentry);
/* The same up to the last component. With PATH_FOLLOW a link there is followed, to its own last
 * component: where open(2) with O_CREAT creates. *ret_last needs path_last_done on success. */
MUST_CHECK int path_walk_parent(int dir_fd, const char *path, uint32_t flags, uint64_t resolve,
	struct dentry **ret_dir, struct path_last *ret_last);
/* The entry of a directory: referenced, with an inode; mounts are crossed, links not followed. */
MUST_CHECK int path_lookup(
	struct dentry *dir, const char *name, uint32_t length, struct dentry **ret_dentry);
/* mkdir -p for the LibOS itself, from the real root. */
MUST_CHECK int path_make_directories(const char *path, struct dentry **ret_dentry);

/* Copy the path of a system call to @to: length or -EFAULT, -ENAMETOOLONG. */
MUST_CHECK long path_read(char to[PATH_SIZE], uint64_t user);

#endif
