#include "libos/files/inode.h"

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/log.h"
#include "libos/files/file.h"
#include "libos/files/marks.h"
#include "libos/files/mount.h"
#include "libos/loader/text.h"
#include "libos/processes/process.h"
#include "platform/platform.h"

#define CAP_DAC_OVERRIDE 1
#define CAP_DAC_READ_SEARCH 2
#define CAP_FOWNER 3

int64_t inode_now(void)
{
	return (int64_t)platform_realtime_ns();
}

void inode_init(struct inode *inode, struct mount *mount, const struct inode_ops *ops,
	const struct file_ops *file_ops, uint32_t mode, uint64_t number)
{
	inode->reference_count = 1;
	inode->ops = ops;
	inode->file_ops = file_ops;
	inode->mount = mount;
	mount_ref(mount);
	inode->number = number;
	inode->mode = mode;
	inode->link_count = 1;
	inode->mtime_ns = inode_now();
	inode->atime_ns = inode->ctime_ns = inode->btime_ns = inode->mtime_ns;
	list_init(&inode->posix_locks);
	list_init(&inode->flocks);
}

struct inode *inode_new(struct mount *mount, const struct inode_ops *ops,
	const struct file_ops *file_ops, uint32_t mode, uint64_t number)
{
	struct inode *inode = heap_alloc(sizeof(*inode));

	if (inode)
		inode_init(inode, mount, ops, file_ops, mode, number);
	return inode;
}

static const struct inode_ops anonymous_ops;
static uint64_t anonymous_number;

struct inode *inode_new_anonymous(const char *name, uint32_t mode)
{
	uint64_t number = __atomic_add_fetch(&anonymous_number, 1, __ATOMIC_RELAXED);
	struct inode *inode = inode_new(NULL, &anonymous_ops, NULL, mode, number);
	const struct credentials *credentials = &thread_current()->credentials;

	if (!inode)
		return NULL;
	inode->flags = INODE_ANONYMOUS;
	inode->anonymous_name = name;
	inode->uid = credentials->fsuid;
	inode->gid = credentials->fsgid;
	return inode;
}

struct inode *inode_ref(struct inode *inode)
{
	__atomic_add_fetch(&inode->reference_count, 1, __ATOMIC_RELAXED);
	return inode;
}

void inode_content_changes(struct inode *inode)
{
	if (UNLIKELY(inode->patched_text))
		patched_text_unref(
			__atomic_exchange_n(&inode->patched_text, NULL, __ATOMIC_ACQ_REL));
}

static void inode_free(struct inode *inode)
{
	struct mount *mount = inode->mount;

	if (inode->ops->release)
		inode->ops->release(inode);
	if (inode->fifo)
		fifo_free(inode->fifo);
	patched_text_unref(inode->patched_text);
	heap_free(inode->lock_waiters);
	heap_free(inode);
	mount_unref(mount);
}

void inode_unref(struct inode *inode)
{
	if (inode && __atomic_sub_fetch(&inode->reference_count, 1, __ATOMIC_ACQ_REL) == 0)
		inode_free(inode);
}

/* The three bits of the mode that apply to the caller. */
static uint32_t mode_bits(const struct inode *inode, const struct credentials *credentials)
{
	if (credentials->fsuid == inode->uid)
		return inode->mode >> 6 & 7;
	if (credentials_in_group(credentials, inode->gid))
		return inode->mode >> 3 & 7;
	return inode->mode & 7;
}

static bool capabilities_permit(
	const struct inode *inode, const struct credentials *credentials, uint32_t want)
{
	bool is_directory = inode_is(inode, S_IFDIR);
	bool can_read_search = is_directory ? !(want & MAY_WRITE) : want == MAY_READ;

	if ((is_directory || !(want & MAY_EXEC) || inode->mode & 0111) &&
		credentials_can(credentials, CAP_DAC_OVERRIDE))
		return true;
	return can_read_search && credentials_can(credentials, CAP_DAC_READ_SEARCH);
}

static bool is_on_read_only(const struct inode *inode)
{
	return inode->mount && inode->mount->flags & MOUNT_READ_ONLY &&
	       (inode_is(inode, S_IFREG) || inode_is(inode, S_IFDIR) || inode_is(inode, S_IFLNK));
}

int inode_permission(struct inode *inode, uint32_t want)
{
	const struct credentials *credentials;

	if (want & MAY_WRITE && is_on_read_only(inode))
		return -EROFS;
	if (want & MAY_WRITE && inode_is_immutable(inode))
		return -EPERM;
	if (inode->ops->permission) {
		int r = inode->ops->permission(inode, want);

		if (r)
			return r;
	}
	/* Everybody may: the usual case of a directory on the way. */
	if (!(want * 0111 & ~inode->mode))
		return 0;
	credentials = &thread_current()->credentials;
	if (!(want & ~mode_bits(inode, credentials)))
		return 0;
	return capabilities_permit(inode, credentials, want) ? 0 : -EACCES;
}

bool inode_is_owned(const struct inode *inode)
{
	const struct credentials *credentials = &thread_current()->credentials;

	return credentials->fsuid == inode->uid || credentials_can(credentials, CAP_FOWNER);
}

void inode_change_apply(struct inode *inode, const struct inode_change *change)
{
	if (change->valid & CHANGE_MODE)
		inode->mode = (inode->mode & S_IFMT) | (change->mode & 07777);
	if (change->valid & CHANGE_UID)
		inode->uid = change->uid;
	if (change->valid & CHANGE_GID)
		inode->gid = change->gid;
	if (change->valid & CHANGE_ATIME)
		inode->atime_ns = change->atime_ns;
	if (change->valid & CHANGE_MTIME)
		inode->mtime_ns = change->mtime_ns;
	inode->ctime_ns = inode_now();
}

void inode_status(struct inode *inode, struct file_status *ret_status)
{
	*ret_status = (struct file_status){
		.size = __atomic_load_n(&inode->size, __ATOMIC_RELAXED),
		.inode_number = inode->number,
		.device = inode->mount ? inode->mount->device : ANONYMOUS_DEVICE,
		.mode = inode->mode,
		.uid = inode->uid,
		.gid = inode->gid,
		.link_count = inode->link_count,
		.rdev = inode->rdev,
		.atime_ns = inode->atime_ns,
		.mtime_ns = inode->mtime_ns,
		.ctime_ns = inode->ctime_ns,
		.btime_ns = inode->btime_ns,
		.block_size = (uint32_t)PAGE_SIZE,
	};
	if (inode->ops->getattr && inode->ops->getattr(inode, ret_status))
		log_line(LOG_DEBUG, "inode %lu: attributes not up to date", inode->number);
}

/* By default a read that nobody could tell from the last one leaves the time alone. */
void inode_touch_read(struct inode *inode)
{
	uint32_t flags = inode->mount ? inode->mount->flags : 0;

	if (flags & MOUNT_NOATIME || inode->marks & FS_NOATIME_FL ||
		(flags & MOUNT_NODIRATIME && inode_is(inode, S_IFDIR)))
		return;
	if (flags & MOUNT_STRICTATIME || inode->atime_ns <= inode->mtime_ns)
		__atomic_store_n(&inode->atime_ns, inode_now(), __ATOMIC_RELAXED);
}

void inode_touch(struct inode *inode, bool modified, bool changed)
{
	int64_t now = inode_now();

	if (modified)
		__atomic_store_n(&inode->mtime_ns, now, __ATOMIC_RELAXED);
	if (changed)
		__atomic_store_n(&inode->ctime_ns, now, __ATOMIC_RELAXED);
}
