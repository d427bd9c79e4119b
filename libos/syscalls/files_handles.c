/* name_to_handle_at(2): a name for a file that stays when its path changes. It is to be compared;
 * to open a file by one would pass by the permissions of paths. */
#include "libos/core/user.h"
#include "libos/files/mount.h"
#include "libos/files/path.h"
#include "libos/syscalls/syscall.h"

#include "base/memory.h"

#define HANDLE_SIZE_MAX 128U /* MAX_HANDLE_SZ */
#define HANDLE_TYPE 0x81     /* ours; none of <linux/exportfs.h> */
#define HANDLE_TYPE_FID 0x82

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

struct handle {
	uint64_t mount_id, inode_number;
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

/* Files of processes come and go by number: those have names to compare at most. */
static bool has_handle(const struct inode *inode)
{
	return inode->mount && strcmp(inode->mount->type, "proc") != 0;
}

static int handle_write(const struct inode *inode, uint64_t to, uint64_t mount_id_to,
	uint32_t flags, struct handle_head head)
{
	struct handle handle = {inode->mount ? mount_unique_id(inode->mount) : 0, inode->number};
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
	if (!(flags & AT_HANDLE_FID) && !has_handle(entry->inode))
		return -EOPNOTSUPP;
	r = head_read(&head, args->c);
	return r ? r : handle_write(entry->inode, args->c, args->d, flags, head);
}
