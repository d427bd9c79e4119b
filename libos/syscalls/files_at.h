/* What the calls that take paths share: a directory descriptor and a path in the program's
 * memory. */
#ifndef LIBOS_SYSCALLS_FILES_AT_H
#define LIBOS_SYSCALLS_FILES_AT_H

#include "libos/files/descriptors.h"
#include "libos/files/path.h"
#include "libos/syscalls/syscall.h"

/* PATH_* of AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH. */
static inline uint32_t at_walk_flags(uint32_t at_flags)
{
	return (at_flags & AT_SYMLINK_NOFOLLOW ? 0 : PATH_FOLLOW) |
	       (at_flags & AT_EMPTY_PATH ? PATH_EMPTY : 0);
}

/* *ret_inode referenced. @walk_flags: PATH_*. */
MUST_CHECK int at_inode(int dir_fd, uint64_t path, uint32_t walk_flags, struct inode **ret_inode);
/* The same and the name that led there, referenced too; NULL: a descriptor without one did. */
struct at_object {
	struct inode *inode;
	struct dentry *dentry;
};
MUST_CHECK int at_object(
	int dir_fd, uint64_t path, uint32_t walk_flags, struct at_object *ret_object);
void at_object_done(struct at_object *object);
/* The same of a descriptor's file, whatever it was opened for. */
MUST_CHECK int at_descriptor(int fd, struct at_object *ret_object);

#endif
