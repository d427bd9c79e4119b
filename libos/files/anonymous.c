#include "libos/files/anonymous.h"

#include "libos/files/inode.h"

/* /proc/PID/fd/N of such a file cannot be opened once more. */
static int anonymous_open(struct inode *inode, struct file *file)
{
	(void)inode;
	(void)file;
	return -ENXIO;
}

static const struct inode_ops anonymous_inode_ops = {.open = anonymous_open};

struct file *file_new_anonymous(
	const char *name, const struct file_ops *ops, void *private_data, uint32_t flags)
{
	CLEANUP(inode_unrefp) struct inode *inode = inode_new_anonymous(name, 0600);
	struct file *file;

	if (!inode)
		return NULL;
	inode->ops = &anonymous_inode_ops;
	file = file_new(inode, NULL, ops, flags);
	if (file)
		file->private_data = private_data;
	return file;
}

int fd_install_anonymous(
	const char *name, const struct file_ops *ops, void *private_data, uint32_t flags)
{
	uint32_t kept = flags & ~(uint32_t)O_CLOEXEC;
	struct file *file = file_new_anonymous(name, ops, private_data, kept);
	int fd;

	if (!file)
		return -ENOMEM;
	fd = fd_install(file, 0, flags & O_CLOEXEC);
	if (fd < 0) {
		file->ops = NULL;
		file_unref(file);
	}
	return fd;
}
