/* Changing an inode's attributes as the calling thread: the checks of chmod(2), chown(2),
 * utimensat(2). */
#ifndef LIBOS_FILES_ATTRIBUTES_H
#define LIBOS_FILES_ATTRIBUTES_H

#include "libos/files/inode.h"

MUST_CHECK int attributes_set_mode(struct inode *inode, uint32_t mode);
/* UINT32_MAX: leave it. */
MUST_CHECK int attributes_set_owner(struct inode *inode, uint32_t uid, uint32_t gid);

enum time_kind { TIME_GIVEN, TIME_NOW, TIME_LEFT };
struct new_time {
	enum time_kind kind;
	int64_t ns;
};
MUST_CHECK int attributes_set_times(
	struct inode *inode, struct new_time atime, struct new_time mtime);

#endif
