#include "libos/files/marks.h"

#include "libos/core/user.h"
#include "libos/files/memory_inode.h"
#include "libos/processes/process.h"

#define CAP_LINUX_IMMUTABLE 9

bool marks_are_kept(const struct inode *inode)
{
	return inode->ops == &memory_file_inode_ops || inode->ops == &memory_directory_ops;
}

/* What FS_IOC_FSSETXATTR and the system calls call them. */
static const struct {
	uint32_t mark, flag;
} names[] = {
	{FS_IMMUTABLE_FL, FS_XFLAG_IMMUTABLE},
	{FS_APPEND_FL, FS_XFLAG_APPEND},
	{FS_NOATIME_FL, FS_XFLAG_NOATIME},
	{FS_NODUMP_FL, FS_XFLAG_NODUMP},
};

static int set(struct inode *inode, uint32_t marks)
{
	uint32_t differ;

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

int marks_get(const struct inode *inode, uint32_t *ret_flags)
{
	if (!marks_are_kept(inode))
		return -EOPNOTSUPP;
	*ret_flags = 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (inode->marks & names[i].mark)
			*ret_flags |= names[i].flag;
	return 0;
}

int marks_set(struct inode *inode, uint32_t flags, bool is_more)
{
	uint32_t marks = 0;

	if (!marks_are_kept(inode))
		return -EOPNOTSUPP;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (flags & names[i].flag)
			marks |= names[i].mark;
		flags &= ~names[i].flag;
	}
	/* What it is not allowed is told before what there is not. */
	return set(inode, flags || is_more ? marks | ~MARKS_ALL : marks);
}

static long set_from(struct inode *inode, uint64_t argument)
{
	uint32_t marks;

	return USER_GET(&marks, argument) ? -EFAULT : set(inode, marks);
}

static long get_extended(const struct inode *inode, uint64_t argument)
{
	struct fsxattr extended = {0};
	int r = marks_get(inode, &extended.fsx_xflags);

	return r ? r : USER_PUT(argument, extended);
}

static long set_extended(struct inode *inode, uint64_t argument)
{
	struct fsxattr extended;

	if (USER_GET(&extended, argument))
		return -EFAULT;
	return marks_set(inode, extended.fsx_xflags,
		extended.fsx_extsize || extended.fsx_projid || extended.fsx_cowextsize);
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
		return set_from(inode, argument);
	case FS_IOC_FSGETXATTR:
		return get_extended(inode, argument);
	case FS_IOC_FSSETXATTR:
		return set_extended(inode, argument);
	default:
		return -ENOTTY;
	}
}
