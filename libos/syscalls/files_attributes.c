/* chmod(2), chown(2), utimensat(2), truncate(2), fallocate(2). */
#include <linux/falloc.h>
#include <linux/time_types.h>

#include "libos/core/user.h"
#include "libos/files/attributes.h"
#include "libos/files/lease.h"
#include "libos/files/marks.h"
#include "libos/files/mount.h"
#include "libos/files/notify.h"
#include "libos/files/open.h"
#include "libos/security/landlock.h"
#include "libos/syscalls/files_at.h"

#define NS_PER_S 1000000000L
#define UTIME_NOW ((1L << 30) - 1)
#define UTIME_OMIT ((1L << 30) - 2)

static long chmod_at(int dir_fd, uint64_t path, uint64_t mode, uint32_t walk_flags)
{
	CLEANUP(at_object_done) struct at_object object = {0};
	int r = at_object(dir_fd, path, walk_flags, &object);

	r = r ? r : dentry_check_writable(object.dentry);
	r = r ? r : attributes_set_mode(object.inode, (uint32_t)mode);
	if (!r)
		notify(object.dentry, object.inode, NOTIFY_ATTRIB);
	return r;
}

long sys_chmod(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return chmod_at(AT_FDCWD, args->a, args->b, PATH_FOLLOW);
}

long sys_fchmodat(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return chmod_at((int)args->a, args->b, args->c, PATH_FOLLOW);
}

long sys_fchmodat2(struct thread *thread, const struct syscall_args *args)
{
	uint32_t flags = (uint32_t)args->d;

	(void)thread;
	if (flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return chmod_at((int)args->a, args->b, args->c, at_walk_flags(flags));
}

long sys_fchmod(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = fd_get((int)args->a);
	int r = file ? dentry_check_writable(file->dentry) : -EBADF;

	(void)thread;
	r = r ? r : attributes_set_mode(file->inode, (uint32_t)args->b);
	if (!r)
		notify(file->dentry, file->inode, NOTIFY_ATTRIB);
	return r;
}

static long chown_at(int dir_fd, uint64_t path, uint64_t uid, uint64_t gid, uint32_t walk_flags)
{
	CLEANUP(at_object_done) struct at_object object = {0};
	int r = at_object(dir_fd, path, walk_flags, &object);

	r = r ? r : dentry_check_writable(object.dentry);
	r = r ? r : attributes_set_owner(object.inode, (uint32_t)uid, (uint32_t)gid);
	if (!r)
		notify(object.dentry, object.inode, NOTIFY_ATTRIB);
	return r;
}

long sys_chown(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return chown_at(AT_FDCWD, args->a, args->b, args->c, PATH_FOLLOW);
}

long sys_lchown(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return chown_at(AT_FDCWD, args->a, args->b, args->c, 0);
}

long sys_fchownat(struct thread *thread, const struct syscall_args *args)
{
	uint32_t flags = (uint32_t)args->e;

	(void)thread;
	if (flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return chown_at((int)args->a, args->b, args->c, args->d, at_walk_flags(flags));
}

long sys_fchown(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = fd_get((int)args->a);
	int r;

	(void)thread;
	if (!file)
		return -EBADF;
	r = dentry_check_writable(file->dentry);
	r = r ? r : attributes_set_owner(file->inode, (uint32_t)args->b, (uint32_t)args->c);
	if (!r)
		notify(file->dentry, file->inode, NOTIFY_ATTRIB);
	return r;
}

static int time_from(int64_t seconds, int64_t ns, struct new_time *ret)
{
	if (ns == UTIME_NOW)
		ret->kind = TIME_NOW;
	else if (ns == UTIME_OMIT)
		ret->kind = TIME_LEFT;
	else if (ns < 0 || ns >= NS_PER_S)
		return -EINVAL;
	else
		ret->kind = TIME_GIVEN;
	/* Beyond what 64 bits of nanoseconds hold (the year 2262): the last moment there is. */
	if (__builtin_mul_overflow(seconds, NS_PER_S, &ret->ns) ||
		__builtin_add_overflow(ret->ns, ns, &ret->ns))
		ret->ns = seconds < 0 ? INT64_MIN : INT64_MAX;
	return 0;
}

/* Either time alone looks like a read or a write to those who watch. */
static uint32_t times_event(const struct new_time times[2])
{
	if (times[0].kind == TIME_LEFT)
		return NOTIFY_MODIFY;
	return times[1].kind == TIME_LEFT ? NOTIFY_ACCESS : NOTIFY_ATTRIB;
}

/* @path 0: the descriptor's own file. */
static long times_at(int dir_fd, uint64_t path, const struct new_time times[2], uint32_t flags)
{
	CLEANUP(at_object_done) struct at_object object = {0};
	int r;

	if (flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (!path) {
		CLEANUP(file_unrefp) struct file *file = dir_fd == AT_FDCWD ? NULL : fd_get(dir_fd);

		if (dir_fd == AT_FDCWD)
			return -EFAULT;
		if (flags)
			return -EINVAL;
		r = file ? dentry_check_writable(file->dentry) : -EBADF;
		r = r ? r : attributes_set_times(file->inode, times[0], times[1]);
		if (!r)
			notify(file->dentry, file->inode, times_event(times));
		return r;
	}
	r = at_object(dir_fd, path, at_walk_flags(flags), &object);
	r = r ? r : dentry_check_writable(object.dentry);
	r = r ? r : attributes_set_times(object.inode, times[0], times[1]);
	if (!r)
		notify(object.dentry, object.inode, times_event(times));
	return r;
}

long sys_utimensat(struct thread *thread, const struct syscall_args *args)
{
	struct new_time times[2] = {{.kind = TIME_NOW}, {.kind = TIME_NOW}};
	struct __kernel_timespec from[2];

	(void)thread;
	if (args->c) {
		if (user_read(from, args->c, sizeof(from)))
			return -EFAULT;
		if (time_from(from[0].tv_sec, from[0].tv_nsec, &times[0]) ||
			time_from(from[1].tv_sec, from[1].tv_nsec, &times[1]))
			return -EINVAL;
		if (times[0].kind == TIME_LEFT && times[1].kind == TIME_LEFT)
			return 0;
	}
	return times_at((int)args->a, args->b, times, (uint32_t)args->d);
}

/* Microseconds: utimes(2), futimesat(2). */
static long microtimes_at(int dir_fd, uint64_t path, uint64_t user_times)
{
	struct new_time times[2] = {{.kind = TIME_NOW}, {.kind = TIME_NOW}};
	struct __kernel_old_timeval from[2];

	if (user_times) {
		if (user_read(from, user_times, sizeof(from)))
			return -EFAULT;
		for (int i = 0; i < 2; i++)
			if (from[i].tv_usec < 0 || from[i].tv_usec >= 1000000 ||
				time_from(from[i].tv_sec, from[i].tv_usec * 1000, &times[i]))
				return -EINVAL;
	}
	return times_at(dir_fd, path, times, 0);
}

long sys_utimes(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return args->a ? microtimes_at(AT_FDCWD, args->a, args->b) : -EFAULT;
}

long sys_futimesat(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return microtimes_at((int)args->a, args->b, args->c);
}

long sys_utime(struct thread *thread, const struct syscall_args *args)
{
	struct new_time times[2] = {{.kind = TIME_NOW}, {.kind = TIME_NOW}};
	int64_t from[2];

	(void)thread;
	if (!args->a)
		return -EFAULT;
	if (args->b) {
		if (user_read(from, args->b, sizeof(from)))
			return -EFAULT;
		if (time_from(from[0], 0, &times[0]) || time_from(from[1], 0, &times[1]))
			return -EINVAL;
	}
	return times_at(AT_FDCWD, args->a, times, 0);
}

static int truncate_object(const struct at_object *object, uint64_t size)
{
	struct inode *inode = object->inode;
	int r;

	if (inode_is(inode, S_IFDIR))
		return -EISDIR;
	if (!inode_is(inode, S_IFREG))
		return -EINVAL;
	r = inode_permission(inode, MAY_WRITE);
	if (!r && object->dentry)
		r = landlock_check(object->dentry, LANDLOCK_FILE_TRUNCATE);
	r = r ? r : file_count_writer(inode);
	if (r)
		return r;
	r = lease_break(inode, true, true);
	r = r ? r : inode_truncate(inode, size);
	__atomic_sub_fetch(&inode->writers, 1, __ATOMIC_RELEASE);
	return r;
}

long sys_truncate(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(at_object_done) struct at_object object = {0};
	int r;

	(void)thread;
	if ((int64_t)args->b < 0)
		return -EINVAL;
	r = at_object(AT_FDCWD, args->a, PATH_FOLLOW, &object);
	r = r ? r : dentry_check_writable(object.dentry);
	r = r ? r : truncate_object(&object, args->b);
	if (!r)
		notify(object.dentry, object.inode, NOTIFY_MODIFY);
	return r;
}

long sys_ftruncate(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	int r;

	(void)thread;
	if ((int64_t)args->b < 0)
		return -EINVAL;
	file = fd_get((int)args->a);
	if (!file)
		return -EBADF;
	if (!inode_is(file->inode, S_IFREG) || !file_can_write(file))
		return -EINVAL;
	r = landlock_check_truncate(file);
	r = r ? r : inode_truncate(file->inode, args->b);
	if (!r)
		notify(file->dentry, file->inode, NOTIFY_MODIFY);
	return r;
}

static int check_allocate(const struct file *file, uint32_t mode, uint64_t offset, uint64_t size)
{
	if ((int64_t)offset < 0 || (int64_t)size <= 0)
		return -EINVAL;
	if (mode & FALLOC_FL_PUNCH_HOLE && !(mode & FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if (!file_can_write(file))
		return -EBADF;
	if (inode_is(file->inode, S_IFIFO))
		return -ESPIPE;
	if (inode_is(file->inode, S_IFDIR))
		return -EISDIR;
	if (!inode_is(file->inode, S_IFREG))
		return -ENODEV;
	if (inode_is_immutable(file->inode) ||
		(mode & ~(uint32_t)FALLOC_FL_KEEP_SIZE && inode_is_append_only(file->inode)))
		return -EPERM;
	return offset + size > FILE_SIZE_MAX ? -EFBIG : 0;
}

long sys_fallocate(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = fd_get((int)args->a);
	uint32_t mode = (uint32_t)args->b;
	int r;

	(void)thread;
	if (!file)
		return -EBADF;
	r = check_allocate(file, mode, args->c, args->d);
	if (r)
		return r;
	if (!file->inode->ops->allocate)
		return -EOPNOTSUPP;
	r = file->inode->ops->allocate(file->inode, mode, args->c, args->d);
	if (!r)
		notify_file(file, NOTIFY_MODIFY);
	return r;
}

/* ---- file_getattr(2), file_setattr(2): marks by path, Linux 6.17 ---- */

struct file_marks {
	uint64_t flags; /* FS_XFLAG_* */
	uint32_t extent_size, extent_count, project, copy_extent_size;
};
_Static_assert(sizeof(struct file_marks) == 24, "ABI: FILE_ATTR_SIZE_VER0");

static int check_marks_call(uint64_t size, uint32_t flags)
{
	if (flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	return size < sizeof(struct file_marks) ? -EINVAL : 0;
}

long sys_file_getattr(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(at_object_done) struct at_object object = {0};
	struct file_marks marks = {0};
	uint32_t xflags, flags = (uint32_t)args->e;
	int r = check_marks_call(args->d, flags);

	(void)thread;
	r = r ? r : at_object((int)args->a, args->b, at_walk_flags(flags), &object);
	r = r ? r : marks_get(object.inode, &xflags);
	if (r)
		return r;
	marks.flags = xflags;
	if (USER_PUT(args->c, marks))
		return -EFAULT;
	return user_zero(args->c + sizeof(marks), args->d - sizeof(marks));
}

static int marks_read(struct file_marks *marks, uint64_t from, uint64_t size)
{
	int r = user_read_versioned(marks, sizeof(*marks), from, size);

	if (r)
		return r;
	return marks->flags > UINT32_MAX ? -EINVAL : 0;
}

long sys_file_setattr(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(at_object_done) struct at_object object = {0};
	uint32_t flags = (uint32_t)args->e;
	struct file_marks marks;
	int r = check_marks_call(args->d, flags);

	(void)thread;
	r = r ? r : marks_read(&marks, args->c, args->d);
	r = r ? r : at_object((int)args->a, args->b, at_walk_flags(flags), &object);
	r = r ? r : dentry_check_writable(object.dentry);
	r = r ? r
	      : marks_set(object.inode, (uint32_t)marks.flags,
			marks.extent_size || marks.project || marks.copy_extent_size);
	if (!r)
		notify(object.dentry, object.inode, NOTIFY_ATTRIB);
	return r;
}
