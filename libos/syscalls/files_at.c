#include "libos/syscalls/files_at.h"

int at_descriptor(int fd, struct at_object *ret_object)
{
	struct file *file = fd_get_any(fd);

	if (!file)
		return -EBADF;
	ret_object->inode = inode_ref(file->inode);
	ret_object->dentry = file->dentry ? dentry_ref(file->dentry) : NULL;
	file_unref(file);
	return 0;
}

int at_object(int dir_fd, uint64_t path, uint32_t walk_flags, struct at_object *ret_object)
{
	struct dentry *dentry;
	char name[PATH_SIZE];
	long r = path_read(name, path);

	if (r < 0)
		return (int)r;
	/* fstat(2), as today's C libraries call it. */
	if (!r && walk_flags & PATH_EMPTY && dir_fd != AT_FDCWD)
		return at_descriptor(dir_fd, ret_object);
	r = path_walk(dir_fd, name, walk_flags, 0, &dentry);
	if (!r)
		*ret_object = (struct at_object){inode_ref(dentry->inode), dentry};
	return (int)r;
}

void at_object_done(struct at_object *object)
{
	dentry_unref(object->dentry);
	inode_unref(object->inode);
}

int at_inode(int dir_fd, uint64_t path, uint32_t walk_flags, struct inode **ret_inode)
{
	struct at_object object;
	int r = at_object(dir_fd, path, walk_flags, &object);

	if (r)
		return r;
	dentry_unref(object.dentry);
	*ret_inode = object.inode;
	return 0;
}
