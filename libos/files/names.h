/* Making, removing and moving names: what mkdir(2), unlink(2), rename(2) and their like check
 * before the file system does it. Paths are LibOS strings; all resolve as the calling thread would.
 */
#ifndef LIBOS_FILES_NAMES_H
#define LIBOS_FILES_NAMES_H

#include "libos/files/inode.h"

/* A new inode of @mode's type: directory, special file, or symbolic link with @target. The umask is
 * applied (not to links). */
MUST_CHECK int names_make(
	int dir_fd, const char *path, uint32_t mode, uint64_t rdev, const char *target);
MUST_CHECK int names_unlink(int dir_fd, const char *path);
/* The entry @name of a directory. */
MUST_CHECK int names_unlink_in(struct dentry *dir, const char *name, uint32_t length);
MUST_CHECK int names_rmdir(int dir_fd, const char *path);
/* @walk_flags: PATH_FOLLOW, PATH_EMPTY, for @old_path. */
MUST_CHECK int names_link(int old_dir_fd, const char *old_path, uint32_t walk_flags, int new_dir_fd,
	const char *new_path);
/* @flags: RENAME_* */
MUST_CHECK int names_rename(
	int old_dir_fd, const char *old_path, int new_dir_fd, const char *new_path, uint32_t flags);

#endif
