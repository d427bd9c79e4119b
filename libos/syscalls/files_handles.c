/* name_to_handle_at(2), open_by_handle_at(2): a name for a file that stays when its path changes.
 * To open a file by one passes by the permissions of paths, and is for the privileged. */
#include <linux/capability.h>

#include "libos/core/user.h"
#include "libos/files/fs_context.h"
#include "libos/files/handles.h"
#include "libos/files/open.h"
#include "libos/files/path.h"
#include "libos/processes/process.h"
#include "libos/syscalls/files_at.h"

#define HANDLE_SIZE_MAX 128U /* MAX_HANDLE_SZ */

/* Linux 6.12, 6.5, 6.13 */
#define AT_HANDLE_MNT_ID_UNIQUE 0x001U
#define AT_HANDLE_FID 0x200U
#define AT_HANDLE_CONNECTABLE 0x002U
#define FLAGS                                                                                      \
	(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH | AT_HANDLE_FID | AT_HANDLE_MNT_ID_UNIQUE |             \
		AT_HANDLE_CONNECTABLE)

struct handle_head {
	uint32_t size;
	int32_t type;
};

static int head_read(struct handle_head *head, uint64_t from)
{
	if (USER_GET(head, from))
		return -EFAULT;
	return head->size > HANDLE_SIZE_MAX ? -EINVAL : 0;
}

static int mount_id_write(uint64_t to, const struct mount *mount, bool is_unique)
{
	int32_t id = mount ? mount->id : 0;
	uint64_t unique_id = mount ? mount_unique_id(mount) : 0;

	return is_unique ? USER_PUT(to, unique_id) : USER_PUT(to, id);
}

static int handle_write(const struct inode *inode, uint64_t to, uint64_t mount_id_to,
	uint32_t flags, struct handle_head head)
{
	struct handle handle = handle_of(inode);
	bool fits = head.size >= sizeof(handle);

	head.size = sizeof(handle);
	head.type = flags & AT_HANDLE_FID ? HANDLE_TYPE_FID : HANDLE_TYPE;
	if (mount_id_write(mount_id_to, inode->mount, flags & AT_HANDLE_MNT_ID_UNIQUE) ||
		USER_PUT(to, head))
		return -EFAULT;
	if (!fits)
		return -EOVERFLOW;
	return USER_PUT(to + sizeof(head), handle);
}

long sys_name_to_handle_at(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(dentry_unrefp) struct dentry *entry = NULL;
	uint32_t flags = (uint32_t)args->e;
	struct handle_head head;
	char path[PATH_SIZE];
	long r;

	(void)thread;
	if (flags & ~(uint32_t)FLAGS || (flags & AT_HANDLE_FID && flags & AT_HANDLE_CONNECTABLE))
		return -EINVAL;
	r = path_read(path, args->b);
	if (r < 0)
		return r;
	r = path_walk((int)args->a, path,
		(flags & AT_SYMLINK_FOLLOW ? PATH_FOLLOW : 0) |
			(flags & AT_EMPTY_PATH ? PATH_EMPTY : 0),
		0, &entry);
	if (r)
		return r;
	if (!(flags & AT_HANDLE_FID) && !handle_can_open(entry->inode))
		return -EOPNOTSUPP;
	r = head_read(&head, args->c);
	return r ? r : handle_write(entry->inode, args->c, args->d, flags, head);
}

static int handle_read(struct handle *handle, uint64_t from)
{
	struct handle_head head;

	if (USER_GET(&head, from))
		return -EFAULT;
	if (!head.size || head.size > HANDLE_SIZE_MAX)
		return -EINVAL;
	if (head.size != sizeof(*handle) || head.type != HANDLE_TYPE)
		return -ESTALE;
	return USER_GET(handle, from + sizeof(head)) ? -EFAULT : 0;
}

/* Through the mount that the descriptor is on: *ret_entry referenced. */
static int entry_of_handle(
	const struct at_object *anchor, const struct handle *handle, struct dentry **ret_entry)
{
	struct mount *mount = anchor->dentry ? dentry_mount(anchor->dentry) : anchor->inode->mount;
	struct mount *fs = mount_file_system(mount);
	int r;

	if (!fs || mount_unique_id(fs) != handle->mount_id)
		return -ESTALE;
	r = handle_find(fs, handle->inode_number, ret_entry);
	if (!r)
		*ret_entry = dentry_alias(mount == fs ? NULL : mount, *ret_entry);
	return r || *ret_entry ? r : -ENOMEM;
}

static int anchor_find(int fd, struct at_object *ret_anchor)
{
	if (fd != AT_FDCWD)
		return at_descriptor(fd, ret_anchor);
	ret_anchor->dentry = fs_context_directory();
	ret_anchor->inode = inode_ref(ret_anchor->dentry->inode);
	return 0;
}

long sys_open_by_handle_at(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(at_object_done) struct at_object anchor = {0};
	CLEANUP(dentry_unrefp) struct dentry *entry = NULL;
	uint32_t flags = (uint32_t)args->c;
	struct handle handle;
	struct file *file;
	int fd, r = anchor_find((int)args->a, &anchor);

	if (r)
		return r;
	if (!credentials_can(&thread->credentials, CAP_DAC_READ_SEARCH))
		return -EPERM;
	r = handle_read(&handle, args->b);
	r = r ? r : entry_of_handle(&anchor, &handle, &entry);
	r = r ? r : file_open_entry(entry, flags & ~(uint32_t)(O_CREAT | O_EXCL), &file);
	if (r)
		return r;
	fd = fd_install(file, 0, flags & O_CLOEXEC);
	if (fd < 0)
		file_unref(file);
	return fd;
}
