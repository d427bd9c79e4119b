#include "libos/syscalls/files_at.h"

static int inode_of_descriptor(int fd, struct inode **ret_inode)
{
	struct file *file = fd_get_any(fd);

	if (!file)
		return -EBADF;
	*ret_inode = inode_ref(file->inode);
	file_unref(file);
	return 0;
}

int at_inode(int dir_fd, uint64_t path, uint32_t walk_flags, struct inode **ret_inode)
{
	CLEANUP(dentry_unrefp) struct dentry *dentry = NULL;
	char name[PATH_SIZE];
	long r = path_read(name, path);

	if (r < 0)
		return (int)r;
	/* fstat(2), as today's C libraries call it. */
	if (!r && walk_flags & PATH_EMPTY && dir_fd != AT_FDCWD)
		return inode_of_descriptor(dir_fd, ret_inode);
	r = path_walk(dir_fd, name, walk_flags, 0, &dentry);
	if (!r)
		*ret_inode = inode_ref(dentry->inode);
	return (int)r;
}
