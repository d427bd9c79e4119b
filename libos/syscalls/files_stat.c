/* stat(2), statx(2), statfs(2), access(2), readlink(2). */
#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/magic.h>

#include "base/memory.h"
#include "libos/core/user.h"
#include "libos/files/loop.h"
#include "libos/files/marks.h"
#include "libos/files/mount.h"
#include "libos/files/open.h"
#include "libos/processes/process.h"
#include "libos/syscalls/files_at.h"

#define STATX_MARKS (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_NODUMP) /* FS_*_FL */
#define NS_PER_S 1000000000L
#define STATX_MNT_ID_UNIQUE 0x4000U /* Linux 6.8 */
#define AT_STATX_FLAGS (AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)
#define R_OK 4
#define W_OK 2
#define X_OK 1

/* Seconds round down, so that the rest is never negative. */
static int64_t seconds(int64_t ns)
{
	return ns >= 0 ? ns / NS_PER_S : -((NS_PER_S - 1 - ns) / NS_PER_S);
}

static uint32_t rest_ns(int64_t ns)
{
	return (uint32_t)(ns - seconds(ns) * NS_PER_S);
}

static int put_stat(uint64_t to, const struct file_status *status)
{
	struct stat st;

	memset(&st, 0, sizeof(st));
	st.st_dev = status->device;
	st.st_ino = status->inode_number;
	st.st_nlink = status->link_count;
	st.st_mode = status->mode;
	st.st_uid = status->uid;
	st.st_gid = status->gid;
	st.st_rdev = status->rdev;
	st.st_size = (long)status->size;
	st.st_blksize = status->block_size;
	st.st_blocks = (long)status->blocks;
	st.st_atime = (unsigned long)seconds(status->atime_ns);
	st.st_atime_nsec = rest_ns(status->atime_ns);
	st.st_mtime = (unsigned long)seconds(status->mtime_ns);
	st.st_mtime_nsec = rest_ns(status->mtime_ns);
	st.st_ctime = (unsigned long)seconds(status->ctime_ns);
	st.st_ctime_nsec = rest_ns(status->ctime_ns);
	return user_write(to, &st, sizeof(st));
}

static long stat_descriptor(int fd, uint64_t to)
{
	CLEANUP(fd_give_back) struct borrowed_file borrowed = fd_borrow(fd);
	struct file_status status;

	if (!borrowed.file)
		return -EBADF;
	file_status(borrowed.file, &status);
	return put_stat(to, &status);
}

/* fstat(2), as today's C libraries call it? A path that can't be read is for who walks it to
 * refuse. */
static bool names_descriptor(int dir_fd, uint64_t path, uint32_t walk_flags)
{
	uint8_t first;

	return walk_flags & PATH_EMPTY && dir_fd != AT_FDCWD && !USER_GET(&first, path) && !first;
}

static long stat_at(int dir_fd, uint64_t path, uint64_t to, uint32_t walk_flags)
{
	struct file_status status;
	struct inode *inode;
	int r;

	if (names_descriptor(dir_fd, path, walk_flags))
		return stat_descriptor(dir_fd, to);
	r = at_inode(dir_fd, path, walk_flags, &inode);
	if (r)
		return r;
	inode_status(inode, &status);
	inode_unref(inode);
	return put_stat(to, &status);
}

long sys_stat(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return stat_at(AT_FDCWD, args->a, args->b, PATH_FOLLOW);
}

long sys_lstat(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return stat_at(AT_FDCWD, args->a, args->b, 0);
}

long sys_fstat(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return stat_descriptor((int)args->a, args->b);
}

long sys_newfstatat(struct thread *thread, const struct syscall_args *args)
{
	uint32_t flags = (uint32_t)args->d;

	(void)thread;
	if (flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH))
		return -EINVAL;
	return stat_at((int)args->a, args->b, args->c, at_walk_flags(flags));
}

static struct statx_timestamp statx_time(int64_t ns)
{
	return (struct statx_timestamp){.tv_sec = seconds(ns), .tv_nsec = rest_ns(ns)};
}

static struct mount *object_mount(const struct at_object *object)
{
	return object->dentry ? dentry_mount(object->dentry) : object->inode->mount;
}

/* Direct transfers: block devices alone have an alignment to keep. */
static void put_alignment(struct statx *stx, const struct inode *inode)
{
	uint32_t size = loop_block_size(inode);

	if (!size)
		return;
	stx->stx_mask |= STATX_DIOALIGN;
	stx->stx_dio_mem_align = stx->stx_dio_offset_align = size;
}

static int put_statx(uint64_t to, uint32_t mask, const struct at_object *object,
	const struct file_status *status)
{
	const struct inode *inode = object->inode;
	const struct mount *mount = object_mount(object);
	struct statx stx;

	memset(&stx, 0, sizeof(stx));
	stx.stx_mask = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;
	stx.stx_blksize = status->block_size;
	stx.stx_nlink = status->link_count;
	stx.stx_uid = status->uid;
	stx.stx_gid = status->gid;
	stx.stx_mode = (uint16_t)status->mode;
	stx.stx_ino = status->inode_number;
	stx.stx_size = status->size;
	stx.stx_blocks = status->blocks;
	stx.stx_atime = statx_time(status->atime_ns);
	stx.stx_mtime = statx_time(status->mtime_ns);
	stx.stx_ctime = statx_time(status->ctime_ns);
	stx.stx_btime = statx_time(status->btime_ns);
	stx.stx_rdev_major = device_major(status->rdev);
	stx.stx_rdev_minor = device_minor(status->rdev);
	stx.stx_dev_major = device_major(status->device);
	stx.stx_dev_minor = device_minor(status->device);
	stx.stx_mnt_id = mount ? (uint64_t)mount->id : 0;
	if (mask & STATX_MNT_ID_UNIQUE && mount) {
		stx.stx_mask ^= STATX_MNT_ID | STATX_MNT_ID_UNIQUE;
		stx.stx_mnt_id = mount_unique_id(mount);
	}
	if (mask & STATX_DIOALIGN)
		put_alignment(&stx, inode);
	stx.stx_attributes_mask = STATX_ATTR_MOUNT_ROOT;
	if (object->dentry && object->dentry->flags & DENTRY_ROOT)
		stx.stx_attributes = STATX_ATTR_MOUNT_ROOT;
	if (marks_are_kept(inode)) {
		stx.stx_attributes_mask |= STATX_MARKS;
		stx.stx_attributes |= inode->marks & STATX_MARKS;
	}
	return user_write(to, &stx, sizeof(stx));
}

long sys_statx(struct thread *thread, const struct syscall_args *args)
{
	uint32_t flags = (uint32_t)args->c, mask = (uint32_t)args->d;
	CLEANUP(at_object_done) struct at_object object = {0};
	struct file_status status;
	int r;

	(void)thread;
	if (flags & ~(uint32_t)AT_STATX_FLAGS || mask & STATX__RESERVED ||
		(flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	r = at_object((int)args->a, args->b, at_walk_flags(flags), &object);
	if (r)
		return r;
	inode_status(object.inode, &status);
	return put_statx(args->e, mask, &object, &status);
}

static long anonymous_magic(const struct inode *inode)
{
	if (inode_is(inode, S_IFIFO))
		return PIPEFS_MAGIC;
	return inode_is(inode, S_IFSOCK) ? SOCKFS_MAGIC : ANON_INODE_FS_MAGIC;
}

static int put_statfs(uint64_t to, const struct at_object *object)
{
	struct mount *mount = object_mount(object);
	struct statfs fs = {
		.f_type = anonymous_magic(object->inode),
		.f_bsize = (long)PAGE_SIZE,
		.f_frsize = (long)PAGE_SIZE,
		.f_namelen = NAME_LENGTH_MAX,
	};
	uint64_t total, free, inodes, inodes_free;

	if (mount) {
		mount_statistics(mount_file_system(mount), &total, &free, &inodes, &inodes_free);
		fs.f_type = (long)mount->magic;
		fs.f_blocks = total;
		fs.f_bfree = fs.f_bavail = free;
		fs.f_files = inodes;
		fs.f_ffree = inodes_free;
		fs.f_fsid.val[0] = (int)mount->device;
		fs.f_flags = 0x20 /* ST_VALID */ | (mount->flags & MOUNT_FLAGS_STATFS);
		if (!(mount->flags & (MOUNT_NOATIME | MOUNT_STRICTATIME)))
			fs.f_flags |= MOUNT_RELATIME;
	}
	return user_write(to, &fs, sizeof(fs));
}

struct ustat {
	int32_t free_blocks;
	uint64_t free_inodes;
	char name[6], pack[6];
};

/* By device number, as stat(2) shows it: referenced, or NULL. */
static struct mount *mount_of_device(uint32_t device)
{
	struct mount *mount;

	LOCK_SCOPE(&mounts_lock);
	LIST_FOR_EACH (mount, &mounts, link) {
		if ((uint32_t)mount->device == device) {
			mount_ref(mount);
			return mount;
		}
	}
	return NULL;
}

long sys_ustat(struct thread *thread, const struct syscall_args *args)
{
	struct mount *mount = mount_of_device((uint32_t)args->a);
	uint64_t total, free, inodes, inodes_free;
	struct ustat space = {0};

	(void)thread;
	if (!mount)
		return -EINVAL;
	mount_statistics(mount, &total, &free, &inodes, &inodes_free);
	mount_unref(mount);
	space.free_blocks = (int32_t)MIN(free, (uint64_t)INT32_MAX);
	space.free_inodes = inodes_free;
	return user_write(args->b, &space, sizeof(space));
}

long sys_statfs(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(at_object_done) struct at_object object = {0};
	int r = at_object(AT_FDCWD, args->a, PATH_FOLLOW, &object);

	(void)thread;
	return r ? r : put_statfs(args->b, &object);
}

long sys_fstatfs(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(at_object_done) struct at_object object = {0};
	int r = at_descriptor((int)args->a, &object);

	(void)thread;
	return r ? r : put_statfs(args->b, &object);
}

/* access(2) asks for the real user, with the capabilities that one would have. */
static void credentials_make_real(struct credentials *credentials)
{
	credentials->fsuid = credentials->uid;
	credentials->fsgid = credentials->gid;
	credentials->effective = credentials->uid ? 0 : credentials->permitted;
}

static int access_object(const struct at_object *object, uint32_t mode)
{
	const struct mount *mount = object_mount(object);
	struct inode *inode = object->inode;
	bool is_special = !inode_is(inode, S_IFREG) && !inode_is(inode, S_IFDIR);

	if (mode & X_OK && inode_is(inode, S_IFREG) && mount && mount->flags & MOUNT_NOEXEC)
		return -EACCES;
	if (mode & W_OK && !is_special && dentry_check_writable(object->dentry))
		return -EROFS;
	return inode_permission(inode, mode);
}

static long access_at(int dir_fd, uint64_t path, uint32_t mode, uint32_t flags)
{
	struct credentials *credentials = &thread_current()->credentials;
	uint32_t fsuid = credentials->fsuid, fsgid = credentials->fsgid;
	uint64_t effective = credentials->effective;
	CLEANUP(at_object_done) struct at_object object = {0};
	int r;

	if (mode & ~(uint32_t)(R_OK | W_OK | X_OK) ||
		flags & ~(uint32_t)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (!(flags & AT_EACCESS))
		credentials_make_real(credentials);
	r = at_object(dir_fd, path, at_walk_flags(flags), &object);
	r = r ? r : access_object(&object, mode);
	credentials->fsuid = fsuid;
	credentials->fsgid = fsgid;
	credentials->effective = effective;
	return r;
}

long sys_access(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return access_at(AT_FDCWD, args->a, (uint32_t)args->b, 0);
}

long sys_faccessat(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return access_at((int)args->a, args->b, (uint32_t)args->c, 0);
}

long sys_faccessat2(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return access_at((int)args->a, args->b, (uint32_t)args->c, (uint32_t)args->d);
}

/* readlink(2) does not terminate what it gives and cuts it silently. */
static long readlink_at(int dir_fd, uint64_t path, uint64_t to, int size)
{
	char text[PATH_SIZE], first;
	struct inode *inode;
	long length;

	if (size <= 0)
		return -EINVAL;
	length = at_inode(dir_fd, path, PATH_EMPTY, &inode);
	if (length)
		return length;
	if (!inode_is(inode, S_IFLNK)) /* "" names what @dir_fd is, if that is a link */
		length = !USER_GET(&first, path) && !first ? -ENOENT : -EINVAL;
	else
		length = inode->ops->readlink ? inode->ops->readlink(inode, text, sizeof(text))
					      : -EINVAL;
	inode_unref(inode);
	if (length < 0)
		return length;
	length = MIN(length, (long)size);
	return user_write(to, text, (size_t)length) ? -EFAULT : length;
}

long sys_readlink(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return readlink_at(AT_FDCWD, args->a, args->b, (int)args->c);
}

long sys_readlinkat(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return readlink_at((int)args->a, args->b, args->c, (int)args->d);
}
