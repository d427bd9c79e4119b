/* Path walk: path_resolution(7), and openat2(2)'s RESOLVE_* flags. */
#ifndef LIBOS_FILES_PATH_H
#define LIBOS_FILES_PATH_H

#include <linux/openat2.h>

#include "libos/files/dentry.h"

#define PATH_SIZE 4096 /* with the NUL; PATH_MAX */
#define PATH_LINKS_MAX 40

enum path_flags {
	PATH_FOLLOW = 1,     /* the last component's symbolic link too */
	PATH_EMPTY = 2,      /* "" is the starting point itself (AT_EMPTY_PATH) */
	PATH_DIRECTORY = 4,  /* must be a directory */
	PATH_PARENT = 8,     /* stop at the parent: *ret_last names the rest */
	PATH_FROM_ROOT = 16, /* for the LibOS itself: from the real root, without permissions */
};

/* The last component as PATH_PARENT leaves it. */
struct path_last {
	const char
		*name; /* into the path given or a link's text; not terminated; "" only for "/" */
	uint32_t length;
	bool trailing_slash;
	bool is_special;      /* ".", ".." or "/": no name to create or remove */
	struct inode *holder; /* the link the text belongs to, referenced, or NULL */
};
void path_last_done(struct path_last *last);

/* @dir_fd: AT_FDCWD or a descriptor. @resolve: RESOLVE_*. *ret_dentry: referenced, its inode is
 * there (-ENOENT else). */
MUST_CHECK int path_walk(
	int dir_fd, const char *path, uint32_t flags, uint64_t resolve, struct dentry **ret_dentry);
MUST_CHECK int path_walk_parent(int dir_fd, const char *path, uint64_t resolve,
	struct dentry **ret_dir, struct path_last *ret_last);
/* The entry @last of @dir: referenced; may be negative; links not followed, mounts crossed. */
MUST_CHECK int path_lookup_last(
	struct dentry *dir, const struct path_last *last, struct dentry **ret_dentry);

/* Copy the path of a system call to @to: length or -EFAULT, -ENAMETOOLONG. */
MUST_CHECK long path_read(char to[PATH_SIZE], uint64_t user);

#endif
