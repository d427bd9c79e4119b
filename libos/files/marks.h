/* Marks of files: ioctl_iflags(2), chattr(1). File systems in memory know four of them, as tmpfs(5)
 * does: immutable, append-only, no access times, and "nodump", which means nothing here. */
#ifndef LIBOS_FILES_MARKS_H
#define LIBOS_FILES_MARKS_H

#include <linux/fs.h>

#include "libos/files/inode.h"

#define MARKS_ALL ((uint32_t)(FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NOATIME_FL | FS_NODUMP_FL))
#define MARKS_INHERITED ((uint32_t)(FS_NOATIME_FL | FS_NODUMP_FL)) /* by what is made in it */

static inline bool inode_is_immutable(const struct inode *inode)
{
	return UNLIKELY(inode->marks & FS_IMMUTABLE_FL);
}
static inline bool inode_is_append_only(const struct inode *inode)
{
	return UNLIKELY(inode->marks & FS_APPEND_FL);
}
/* Neither its names nor what chmod(2) and the like change may be touched. */
static inline bool inode_is_fixed(const struct inode *inode)
{
	return UNLIKELY(inode->marks & (FS_IMMUTABLE_FL | FS_APPEND_FL));
}

/* FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR. -ENOTTY: another request,
 * or a file that has no marks. */
MUST_CHECK long marks_ioctl(struct inode *inode, uint32_t request, uint64_t argument);
/* FS_XFLAG_* of it, and setting them as the ioctls do. @is_more: values that only XFS has are
 * wanted too. -EOPNOTSUPP: it has no marks, or not these. */
MUST_CHECK int marks_get(const struct inode *inode, uint32_t *ret_flags);
MUST_CHECK int marks_set(struct inode *inode, uint32_t flags, bool is_more);
/* Does the file system know marks? */
bool marks_are_kept(const struct inode *inode);

#endif
