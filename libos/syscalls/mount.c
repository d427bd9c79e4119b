/* mount(2), umount2(2) and sysfs(2): file systems of the enclave's own, in its memory, seen by all
 * of it. What the measured configuration mounted stays as it is. */
#include <linux/mount.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/files/mount_types.h"
#include "libos/files/path.h"
#include "libos/processes/process.h"
#include "libos/security/landlock.h"
#include "libos/syscalls/syscall.h"

#define CAP_SYS_ADMIN 21
#define TYPE_SIZE 64

#define MS_MAGIC 0xC0ED0000UL /* of the days before 2.4 */
#define MS_MAGIC_MASK 0xffff0000UL
#define MS_KEPT                                                                                    \
	(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_SYNCHRONOUS | MS_NOATIME | MS_NODIRATIME)
#define MS_ATIME (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)
#define MS_PROPAGATION (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

#define MNT_FORCE 1
#define MNT_DETACH 2
#define MNT_EXPIRE 4
#define UMOUNT_NOFOLLOW 8
#define UMOUNT_ALL (MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)

#define ATIME_FLAGS (MOUNT_NOATIME | MOUNT_NODIRATIME | MOUNT_STRICTATIME)
#define CHANGEABLE (MOUNT_FLAGS_STATFS | MOUNT_STRICTATIME)

/* The strings of mount(2), copied. */
struct request {
	char target[PATH_SIZE], source[PATH_SIZE], type[TYPE_SIZE], options[MOUNT_OPTIONS_SIZE];
	bool has_source, has_type;
	uint64_t flags; /* MS_* */
};

static bool may_mount(void)
{
	return credentials_can(&thread_current()->credentials, CAP_SYS_ADMIN);
}

/* NULL reads as "". */
static int string_read(char *to, uint64_t from, size_t size)
{
	long r;

	*to = '\0';
	r = from ? user_read_string(to, from, size) : 0;
	return r < 0 ? (int)r : 0;
}

static int request_read(struct request *request, const struct syscall_args *args)
{
	int r = string_read(request->type, args->c, sizeof(request->type));

	/* No type has a name so long. */
	if (r == -ENAMETOOLONG)
		r = -ENODEV;
	r = r ? r : string_read(request->source, args->a, sizeof(request->source));
	r = r ? r : string_read(request->options, args->e, sizeof(request->options));
	if (r)
		return r == -ENAMETOOLONG ? -EINVAL : r;
	r = (int)MIN(path_read(request->target, args->b), 0L);
	request->has_source = args->a;
	request->has_type = args->c;
	request->flags = args->d;
	if ((request->flags & MS_MAGIC_MASK) == MS_MAGIC)
		request->flags &= ~MS_MAGIC_MASK;
	return r;
}

static uint32_t flags_of(uint64_t ms)
{
	uint32_t flags = (uint32_t)(ms & MS_KEPT);

	if (ms & MS_STRICTATIME)
		flags = (flags & ~(uint32_t)MOUNT_NOATIME) | MOUNT_STRICTATIME;
	return ms & MS_NOSYMFOLLOW ? flags | MOUNT_NOSYMFOLLOW : flags;
}

static int mount_fresh(struct request *request, struct dentry *target)
{
	struct mount *mount;
	int r;

	if (!request->has_type)
		return -EINVAL;
	if (!inode_is(target->inode, S_IFDIR))
		return -ENOTDIR;
	r = mount_make(request->type, request->has_source ? request->source : "none",
		flags_of(request->flags), request->options, &mount);
	if (r)
		return r;
	r = mount_attach_at(mount, target);
	if (r)
		mount_discard(mount);
	return r;
}

/* What mount(2) says of times stays as it is unless the caller names one of the ways. With MS_BIND
 * only the mount changes, not the file system; but for bind mounts these are one. */
static int remount(struct request *request, struct dentry *target)
{
	struct mount *fs = mount_file_system(dentry_mount(target));
	uint32_t set = flags_of(request->flags), clear = CHANGEABLE;
	int r;

	if (!(target->flags & DENTRY_ROOT))
		return -EINVAL;
	if (!(request->flags & MS_ATIME))
		clear &= ~(uint32_t)ATIME_FLAGS;
	r = mount_change(target, set, clear & ~set);
	if (r || request->flags & MS_BIND)
		return r;
	if (fs != dentry_mount(target) && fs->root)
		r = mount_change(fs->root, set & MOUNT_READ_ONLY, ~set & MOUNT_READ_ONLY);
	return r ? r : mount_reconfigure(fs, request->options);
}

/* With one namespace and no peers nothing propagates: every kind is as good as private. */
static int propagation_set(const struct request *request, const struct dentry *target)
{
	uint64_t kind = request->flags & MS_PROPAGATION;

	if (kind & (kind - 1) || request->flags & ~(kind | MS_REC | MS_SILENT))
		return -EINVAL;
	return target->flags & DENTRY_ROOT ? 0 : -EINVAL;
}

static int move(const struct request *request, struct dentry *target)
{
	CLEANUP(dentry_unrefp) struct dentry *source = NULL;
	int r = request->has_source && *request->source ? 0 : -EINVAL;

	r = r ? r : path_walk(AT_FDCWD, request->source, PATH_FOLLOW, 0, &source);
	if (r)
		return r;
	if (!(source->flags & DENTRY_ROOT))
		return -EINVAL;
	if (inode_is(source->inode, S_IFDIR) != inode_is(target->inode, S_IFDIR))
		return -EINVAL;
	return mount_move(source, target);
}

static int bind(const struct request *request, struct dentry *target)
{
	CLEANUP(dentry_unrefp) struct dentry *source = NULL;
	struct mount *mount;
	int r = request->has_source && *request->source ? 0 : -EINVAL;

	r = r ? r : path_walk(AT_FDCWD, request->source, PATH_FOLLOW, 0, &source);
	if (r)
		return r;
	if (inode_is(source->inode, S_IFDIR) != inode_is(target->inode, S_IFDIR))
		return -ENOTDIR;
	r = mount_bind(source, &mount);
	if (r)
		return r;
	mount_float(mount, 0);
	if (request->flags & MS_REC)
		r = mount_bind_below(mount, source);
	r = r ? r : mount_land(mount, target);
	mount_abandon(mount);
	return r;
}

static int mount_by_kind(struct request *request, struct dentry *target)
{
	if (!may_mount() || landlock_check_mount())
		return -EPERM;
	if (request->flags & MS_REMOUNT)
		return remount(request, target);
	if (request->flags & MS_BIND)
		return bind(request, target);
	if (request->flags & MS_PROPAGATION)
		return propagation_set(request, target);
	if (request->flags & MS_MOVE)
		return move(request, target);
	return mount_fresh(request, target);
}

long sys_mount(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(heap_freep) struct request *request = heap_alloc(sizeof(*request));
	CLEANUP(dentry_unrefp) struct dentry *target = NULL;
	int r = request ? request_read(request, args) : -ENOMEM;

	(void)thread;
	r = r ? r : path_walk(AT_FDCWD, request->target, PATH_FOLLOW, 0, &target);
	return r ? r : mount_by_kind(request, target);
}

long sys_umount2(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(dentry_unrefp) struct dentry *target = NULL;
	uint32_t flags = (uint32_t)args->b;
	char path[PATH_SIZE];
	long r;

	(void)thread;
	if (flags & ~(uint32_t)UMOUNT_ALL)
		return -EINVAL;
	r = path_read(path, args->a);
	if (r < 0)
		return r;
	r = path_walk(AT_FDCWD, path, flags & UMOUNT_NOFOLLOW ? 0 : PATH_FOLLOW, 0, &target);
	if (r)
		return r;
	if (!may_mount() || landlock_check_mount())
		return -EPERM;
	if (flags & MNT_EXPIRE && flags & (MNT_FORCE | MNT_DETACH))
		return -EINVAL;
	return mount_detach(target, flags & MNT_DETACH, flags & MNT_EXPIRE);
}

/* ---- sysfs(2): the types by number ---- */

static long type_find(uint64_t address)
{
	char name[TYPE_SIZE];
	const char *known;
	long r = user_read_string(name, address, sizeof(name));

	if (r < 0)
		return r == -ENAMETOOLONG ? -EINVAL : r;
	for (uint32_t i = 0; (known = mount_type_name(i)); i++)
		if (!strcmp(known, name))
			return i;
	return -EINVAL;
}

static long type_count(void)
{
	uint32_t count = 0;

	while (mount_type_name(count))
		count++;
	return count;
}

long sys_sysfs(struct thread *thread, const struct syscall_args *args)
{
	const char *name;

	(void)thread;
	switch ((int)args->a) {
	case 1:
		return type_find(args->b);
	case 2:
		name = mount_type_name((uint32_t)args->b);
		return name ? user_write(args->c, name, strlen(name) + 1) : -EINVAL;
	case 3:
		return type_count();
	default:
		return -EINVAL;
	}
}
