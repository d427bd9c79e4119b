#include "libos/files/marks.h"

#include "libos/core/user.h"
#include "libos/files/memory_inode.h"
#include "libos/processes/process.h"

#define CAP_LINUX_IMMUTABLE 9

bool marks_are_kept(const struct inode *inode)
{
	return inode->ops == &memory_file_inode_ops || inode->ops == &memory_directory_ops;
}

static long set(struct inode *inode, uint64_t argument)
{
	uint32_t marks, differ;

	if (USER_GET(&marks, argument))
		return -EFAULT;
	if (inode->mount && inode->mount->flags & MOUNT_READ_ONLY)
		return -EROFS;
	if (!inode_is_owned(inode))
		return -EPERM;
	LOCK_SCOPE(&inode->lock);
	differ = marks ^ inode->marks;
	if (differ & (FS_IMMUTABLE_FL | FS_APPEND_FL) &&
		!credentials_can(&thread_current()->credentials, CAP_LINUX_IMMUTABLE))
		return -EPERM;
	if (marks & ~MARKS_ALL)
		return -EOPNOTSUPP;
	__atomic_store_n(&inode->marks, marks, __ATOMIC_RELAXED);
	inode_touch(inode, false, true);
	return 0;
}

/* The same by other names. */
static long get_extended(const struct inode *inode, uint64_t argument)
{
	static const struct {
		uint32_t mark, name;
	} names[] = {
		{FS_IMMUTABLE_FL, FS_XFLAG_IMMUTABLE},
		{FS_APPEND_FL, FS_XFLAG_APPEND},
		{FS_NOATIME_FL, FS_XFLAG_NOATIME},
		{FS_NODUMP_FL, FS_XFLAG_NODUMP},
	};
	struct fsxattr extended = {0};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (inode->marks & names[i].mark)
			extended.fsx_xflags |= names[i].name;
	return USER_PUT(argument, extended);
}

long marks_ioctl(struct inode *inode, uint32_t request, uint64_t argument)
{
	uint32_t marks = inode->marks;

	if (!marks_are_kept(inode))
		return -ENOTTY;
	switch (request) {
	case FS_IOC_GETFLAGS:
		return USER_PUT(argument, marks);
	case FS_IOC_SETFLAGS:
		return set(inode, argument);
	case FS_IOC_FSGETXATTR:
		return get_extended(inode, argument);
	case FS_IOC_FSSETXATTR: /* sizes and projects of XFS: tmpfs has none */
		return -EOPNOTSUPP;
	default:
		return -ENOTTY;
	}
}
