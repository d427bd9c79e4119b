#include "libos/files/host_inode.h"

#include "libos/core/heap.h"
#include "libos/files/file.h"
#include "platform/platform.h"

#define BUCKET_COUNT 256

static struct lock buckets_lock;
static struct list buckets[BUCKET_COUNT];

static struct list *bucket_of(uint64_t device, uint64_t number)
{
	struct list *bucket =
		&buckets[((device ^ number) * 0x9e3779b97f4a7c15UL) >> 56 & (BUCKET_COUNT - 1)];

	if (!bucket->next)
		list_init(bucket);
	return bucket;
}

uint32_t host_owner_inside(uint32_t id, uint32_t self)
{
	return id == self ? 0 : id;
}

uint32_t host_owner_outside(uint32_t id, uint32_t self)
{
	return id == 0 ? self : id;
}

static void take_status(struct inode *inode, const struct platform_host_file *file)
{
	uint32_t uid, gid;

	platform_host_user(&uid, &gid);
	inode->mode = (inode->mode & S_IFMT) | (file->mode & 07777);
	inode->uid = host_owner_inside(file->uid, uid);
	inode->gid = host_owner_inside(file->gid, gid);
	inode->link_count = file->link_count;
	inode->rdev = file->rdev;
	inode->atime_ns = file->atime_ns;
	inode->mtime_ns = file->mtime_ns;
	inode->ctime_ns = file->ctime_ns;
	__atomic_store_n(&inode->size, file->size, __ATOMIC_RELEASE);
}

int host_inode_refresh(struct inode *inode, struct platform_host_file *ret_file)
{
	int r = platform_host_stat(host_inode_of(inode)->path_fd, ret_file);

	if (!r && (ret_file->mode & S_IFMT) != (inode->mode & S_IFMT))
		r = -EIO;
	if (!r)
		take_status(inode, ret_file);
	return r;
}

int host_inode_getattr(struct inode *inode, struct file_status *status)
{
	struct platform_host_file file;
	int r = host_inode_refresh(inode, &file);

	if (r)
		return r;
	status->size = file.size;
	status->blocks = file.blocks;
	status->mode = inode->mode;
	status->uid = inode->uid;
	status->gid = inode->gid;
	status->link_count = file.link_count;
	status->atime_ns = file.atime_ns;
	status->mtime_ns = file.mtime_ns;
	status->ctime_ns = status->btime_ns = file.ctime_ns;
	return 0;
}

static int change_owner(int path_fd, const struct inode_change *change)
{
	uint32_t uid, gid;

	platform_host_user(&uid, &gid);
	return platform_host_set_owner(path_fd,
		change->valid & CHANGE_UID ? host_owner_outside(change->uid, uid) : UINT32_MAX,
		change->valid & CHANGE_GID ? host_owner_outside(change->gid, gid) : UINT32_MAX);
}

int host_inode_setattr(struct inode *inode, const struct inode_change *change)
{
	struct host_inode *host = host_inode_of(inode);
	struct platform_host_file file;
	uint32_t valid = change->valid;
	int r = 0;

	if (valid & CHANGE_SIZE) {
		__atomic_add_fetch(&host->generation, 1, __ATOMIC_RELAXED);
		inode_content_changes(inode);
		r = platform_host_set_size(host->path_fd, change->size);
	}
	if (!r && valid & (CHANGE_UID | CHANGE_GID))
		r = change_owner(host->path_fd, change);
	if (!r && valid & CHANGE_MODE)
		r = platform_host_set_mode(host->path_fd, change->mode);
	if (!r && valid & (CHANGE_ATIME | CHANGE_MTIME))
		r = platform_host_set_times(host->path_fd,
			valid & CHANGE_ATIME ? &change->atime_ns : NULL,
			valid & CHANGE_MTIME ? &change->mtime_ns : NULL);
	return r ? r : host_inode_refresh(inode, &file);
}

void host_inode_release(struct inode *inode)
{
	struct host_inode *host = host_inode_of(inode);

	lock_acquire(&buckets_lock);
	list_remove(&host->in_bucket);
	lock_release(&buckets_lock);
	platform_host_close(host->path_fd);
}

static const struct inode_ops *ops_of(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return &host_directory_ops;
	case S_IFREG:
		return &host_file_inode_ops;
	case S_IFLNK:
		return &host_link_ops;
	default:
		return &host_special_ops;
	}
}

static const struct file_ops *file_ops_of(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return &host_directory_file_ops;
	case S_IFREG:
		return &host_file_ops;
	default:
		return NULL;
	}
}

/* A reference to an inode that may just be going: not to one that has none left. */
static bool ref_unless_gone(struct inode *inode)
{
	int32_t count = __atomic_load_n(&inode->reference_count, __ATOMIC_RELAXED);

	do {
		if (count <= 0)
			return false;
	} while (!__atomic_compare_exchange_n(&inode->reference_count, &count, count + 1, true,
		__ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return true;
}

/* Locked. */
static struct inode *find_locked(struct mount *mount, const struct platform_host_file *file)
{
	struct host_inode *host;

	LIST_FOR_EACH (host, bucket_of(file->device, file->number), in_bucket)
		if (host->device == file->device && host->number == file->number &&
			host->inode.mount == mount &&
			(host->inode.mode & S_IFMT) == (file->mode & S_IFMT) &&
			ref_unless_gone(&host->inode))
			return &host->inode;
	return NULL;
}

static struct host_inode *inode_make(
	struct mount *mount, int path_fd, const struct platform_host_file *file)
{
	struct host_inode *host = heap_alloc(sizeof(*host));

	if (!host)
		return NULL;
	inode_init(&host->inode, mount, ops_of(file->mode), file_ops_of(file->mode), file->mode,
		file->number);
	host->path_fd = path_fd;
	host->device = file->device;
	host->number = file->number;
	take_status(&host->inode, file);
	return host;
}

int host_inode_get(struct mount *mount, int path_fd, struct inode **ret_inode)
{
	struct platform_host_file file;
	struct host_inode *host;
	int r = platform_host_stat(path_fd, &file);

	if (r) {
		platform_host_close(path_fd);
		return r;
	}
	lock_acquire(&buckets_lock);
	*ret_inode = find_locked(mount, &file);
	host = *ret_inode ? NULL : inode_make(mount, path_fd, &file);
	if (host) {
		list_add(bucket_of(file.device, file.number), &host->in_bucket);
		*ret_inode = &host->inode;
	}
	lock_release(&buckets_lock);
	if (!host)
		platform_host_close(path_fd);
	if (!*ret_inode)
		return -ENOMEM;
	if (!host)
		take_status(*ret_inode, &file);
	return 0;
}
