/* `-v HOST:DIR`: a directory of the host in the tree. */
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/file.h"
#include "libos/files/host_inode.h"
#include "libos/files/path.h"
#include "platform/platform.h"

#define HOST_MAGIC 0x01021997 /* 9p's: files from outside */

/* Absolute, not "/", and nothing that would lead elsewhere. */
static bool is_target(const char *path)
{
	if (path[0] != '/' || strnlen(path, PATH_SIZE) == PATH_SIZE)
		return false;
	while (*path) {
		const char *name = path + 1, *end = strchr(name, '/');
		size_t length = end ? (size_t)(end - name) : strlen(name);

		if (!length || (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.'))))
			return false;
		path = name + length;
	}
	return true;
}

/* A directory whose entries stay what they are: of the root or of a file system in memory. */
static int check_point(const char *target)
{
	CLEANUP(dentry_unrefp) struct dentry *point = NULL;
	int r;

	if (!is_target(target))
		return -EINVAL;
	r = path_make_directories(target, &point);
	if (r)
		return r;
	if (!inode_is(point->inode, S_IFDIR))
		return -ENOTDIR;
	return point->inode->flags & INODE_CACHED ? 0 : -EINVAL;
}

int files_mount_host(int host_fd, const char *target, bool read_only)
{
	uint32_t flags = MOUNT_NOSUID | MOUNT_NODEV | (read_only ? MOUNT_READ_ONLY : 0);
	CLEANUP(inode_unrefp) struct inode *inode = NULL;
	struct mount *mount;
	int r = check_point(target);

	if (r)
		return r;
	mount = mount_new("9p", "host", HOST_MAGIC, flags);
	if (!mount)
		return -ENOMEM;
	r = host_inode_get(mount, host_fd, &inode);
	if (!r && !inode_is(inode, S_IFDIR))
		r = -ENOTDIR;
	if (!r) {
		mount->root = dentry_new(NULL, "", 0, inode);
		r = mount->root ? mount_attach(mount, target) : -ENOMEM;
	}
	return r;
}
