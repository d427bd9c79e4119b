/* The twelve calls of xattr(7). */
#include <linux/xattr.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/files/marks.h"
#include "libos/files/mount.h"
#include "libos/files/notify.h"
#include "libos/files/xattrs.h"
#include "libos/processes/process.h"
#include "libos/syscalls/files_at.h"

#define CAP_SYS_ADMIN 21
#define LIST_SIZE_MAX 65536UL

/* Whose attributes: by path, by path without following, by descriptor. */
enum how { FOLLOW, NOFOLLOW, DESCRIPTOR };

static int find(enum how how, uint64_t where, struct at_object *ret_object)
{
	struct file *file;

	if (how != DESCRIPTOR)
		return at_object(AT_FDCWD, where, how == FOLLOW ? PATH_FOLLOW : 0, ret_object);
	file = fd_get((int)where);
	if (!file)
		return -EBADF;
	ret_object->inode = inode_ref(file->inode);
	ret_object->dentry = file->dentry ? dentry_ref(file->dentry) : NULL;
	file_unref(file);
	return 0;
}

static bool has_prefix(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

static int check_user(struct inode *inode, uint32_t want)
{
	bool is_plain = inode_is(inode, S_IFREG) || inode_is(inode, S_IFDIR);

	if (!is_plain)
		return want & MAY_WRITE ? -EPERM : -ENODATA;
	if (inode_is(inode, S_IFDIR) && inode->mode & S_ISVTX && want & MAY_WRITE &&
		!inode_is_owned(inode))
		return -EPERM;
	return inode_permission(inode, want);
}

/* May the caller @want (MAY_READ, MAY_WRITE) the attribute: xattr(7), by its name space. */
static int check(struct inode *inode, const char *name, uint32_t want)
{
	bool is_admin = credentials_can(&thread_current()->credentials, CAP_SYS_ADMIN);

	if (want & MAY_WRITE && inode->mount && inode->mount->flags & MOUNT_READ_ONLY)
		return -EROFS;
	if (want & MAY_WRITE && inode_is_fixed(inode))
		return -EPERM;
	if (has_prefix(name, XATTR_USER_PREFIX))
		return name[XATTR_USER_PREFIX_LEN] ? check_user(inode, want) : -EINVAL;
	if (has_prefix(name, XATTR_TRUSTED_PREFIX)) {
		if (!is_admin)
			return want & MAY_WRITE ? -EPERM : -ENODATA;
		return name[XATTR_TRUSTED_PREFIX_LEN] ? 0 : -EINVAL;
	}
	if (has_prefix(name, XATTR_SECURITY_PREFIX)) {
		if (!name[XATTR_SECURITY_PREFIX_LEN])
			return -EINVAL;
		return want & MAY_WRITE && !is_admin ? -EPERM : 0;
	}
	return -EOPNOTSUPP; /* system.*: no access control lists */
}

static int name_read(char name[XATTR_NAME_LENGTH_MAX + 1], uint64_t from)
{
	long r = user_read_string(name, from, XATTR_NAME_LENGTH_MAX + 1);

	if (r == -ENAMETOOLONG || !r)
		return -ERANGE;
	return r < 0 ? (int)r : 0;
}

static long get_from(struct inode *inode, const char *name, uint64_t to, size_t size)
{
	CLEANUP(heap_freep) void *value = NULL;
	long r = check(inode, name, MAY_READ);

	if (r)
		return r;
	if (!inode->ops->xattr_get)
		return -EOPNOTSUPP;
	size = MIN(size, (size_t)XATTR_VALUE_SIZE_MAX);
	value = heap_alloc(MAX(size, 1UL));
	if (!value)
		return -ENOMEM;
	r = inode->ops->xattr_get(inode, name, value, size);
	if (r > 0 && size && user_write(to, value, (size_t)r))
		return -EFAULT;
	return r;
}

static long get(enum how how, const struct syscall_args *args)
{
	char name[XATTR_NAME_LENGTH_MAX + 1];
	CLEANUP(at_object_done) struct at_object object = {0};
	long r = find(how, args->a, &object);

	r = r ? r : name_read(name, args->b);
	return r ? r : get_from(object.inode, name, args->c, args->d);
}

static long set_on(
	struct inode *inode, const char *name, uint64_t from, size_t size, uint32_t flags)
{
	CLEANUP(heap_freep) void *value = NULL;
	long r = check(inode, name, MAY_WRITE);

	if (r)
		return r;
	if (!inode->ops->xattr_set)
		return -EOPNOTSUPP;
	value = heap_alloc(MAX(size, 1UL));
	if (!value)
		return -ENOMEM;
	if (size && user_read(value, from, size))
		return -EFAULT;
	return inode->ops->xattr_set(inode, name, value, size, (int)flags);
}

static long set(enum how how, const struct syscall_args *args)
{
	char name[XATTR_NAME_LENGTH_MAX + 1];
	CLEANUP(at_object_done) struct at_object object = {0};
	uint32_t flags = (uint32_t)args->e;
	long r;

	if (flags & ~(uint32_t)(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	r = find(how, args->a, &object);
	r = r ? r : name_read(name, args->b);
	if (r)
		return r;
	if (args->d > XATTR_VALUE_SIZE_MAX)
		return -E2BIG;
	r = dentry_check_writable(object.dentry);
	r = r ? r : set_on(object.inode, name, args->c, args->d, flags);
	if (!r)
		notify(object.dentry, object.inode, NOTIFY_ATTRIB);
	return r;
}

/* Names of trusted.* are for the privileged. Returns the new size. */
static size_t names_filter(char *names, size_t size)
{
	size_t kept = 0;

	if (credentials_can(&thread_current()->credentials, CAP_SYS_ADMIN))
		return size;
	for (size_t at = 0, n; at < size; at += n) {
		n = strlen(names + at) + 1;
		if (has_prefix(names + at, XATTR_TRUSTED_PREFIX))
			continue;
		memmove(names + kept, names + at, n);
		kept += n;
	}
	return kept;
}

static long list_of(struct inode *inode, uint64_t to, size_t size)
{
	CLEANUP(heap_freep) char *names = NULL;
	long r;

	if (!inode->ops->xattr_list)
		return 0;
	names = heap_alloc(LIST_SIZE_MAX);
	if (!names)
		return -ENOMEM;
	r = inode->ops->xattr_list(inode, names, LIST_SIZE_MAX);
	if (r < 0)
		return r == -ERANGE ? -E2BIG : r;
	r = (long)names_filter(names, (size_t)r);
	if (!size)
		return r;
	if ((size_t)r > size)
		return -ERANGE;
	return user_write(to, names, (size_t)r) ? -EFAULT : r;
}

static long list(enum how how, const struct syscall_args *args)
{
	CLEANUP(at_object_done) struct at_object object = {0};
	long r = find(how, args->a, &object);

	return r ? r : list_of(object.inode, args->b, args->c);
}

static long remove(enum how how, const struct syscall_args *args)
{
	char name[XATTR_NAME_LENGTH_MAX + 1];
	CLEANUP(at_object_done) struct at_object object = {0};
	long r = find(how, args->a, &object);

	r = r ? r : name_read(name, args->b);
	r = r ? r : dentry_check_writable(object.dentry);
	r = r ? r : check(object.inode, name, MAY_WRITE);
	if (r)
		return r;
	if (!object.inode->ops->xattr_remove)
		return -EOPNOTSUPP;
	r = object.inode->ops->xattr_remove(object.inode, name);
	if (!r)
		notify(object.dentry, object.inode, NOTIFY_ATTRIB);
	return r;
}

#define XATTR_CALL(name, function, how)                                                            \
	long sys_##name(struct thread *thread, const struct syscall_args *args)                    \
	{                                                                                          \
		(void)thread;                                                                      \
		return function(how, args);                                                        \
	}

XATTR_CALL(getxattr, get, FOLLOW)
XATTR_CALL(lgetxattr, get, NOFOLLOW)
XATTR_CALL(fgetxattr, get, DESCRIPTOR)
XATTR_CALL(setxattr, set, FOLLOW)
XATTR_CALL(lsetxattr, set, NOFOLLOW)
XATTR_CALL(fsetxattr, set, DESCRIPTOR)
XATTR_CALL(listxattr, list, FOLLOW)
XATTR_CALL(llistxattr, list, NOFOLLOW)
XATTR_CALL(flistxattr, list, DESCRIPTOR)
XATTR_CALL(removexattr, remove, FOLLOW)
XATTR_CALL(lremovexattr, remove, NOFOLLOW)
XATTR_CALL(fremovexattr, remove, DESCRIPTOR)
