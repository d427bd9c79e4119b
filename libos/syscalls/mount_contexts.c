/* fsopen(2), fsconfig(2), fsmount(2), fspick(2), move_mount(2), open_tree(2), mount_setattr(2):
 * mount(2) in steps.
 *
 * A context, which is a descriptor, gathers what a file system is to be like; it is made, and then
 * mounted by a descriptor of its own before it has a place. Who closes that without giving it one
 * takes it apart. What is refused to mount(2) is refused here. */
#include <linux/capability.h>
#include <linux/mount.h>

#include "base/format.h"
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/files/anonymous.h"
#include "libos/files/mount_types.h"
#include "libos/files/open.h"
#include "libos/files/path.h"
#include "libos/processes/process.h"
#include "libos/security/landlock.h"
#include "libos/syscalls/syscall.h"

#define TYPE_SIZE 64
#define SOURCE_SIZE 256
#define KEY_SIZE 256
#define BINARY_SIZE_MAX (1 << 20)

#define FSPICK_ALL                                                                                 \
	(FSPICK_CLOEXEC | FSPICK_SYMLINK_NOFOLLOW | FSPICK_NO_AUTOMOUNT | FSPICK_EMPTY_PATH)
#define MOVE_MOUNT_OFFERED (MOVE_MOUNT__MASK & ~MOVE_MOUNT_SET_GROUP)
#define OPEN_TREE_ALL                                                                              \
	(OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW |               \
		AT_RECURSIVE_FLAG | OPEN_TREE_CLONE)
#define AT_RECURSIVE_FLAG 0x8000U
#define SETATTR_ALL (AT_EMPTY_PATH | AT_RECURSIVE_FLAG | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT)
#define ATTRIBUTES_SIZE_MAX PAGE_SIZE
#define PROPAGATION                                                                                \
	(1UL << 20 | 1UL << 18 | 1UL << 19 | 1UL << 17) /* MS_SHARED, PRIVATE, SLAVE, … */
#define ATTRIBUTES                                                                                 \
	(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |            \
		MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW)

enum phase { PHASE_SETTING, PHASE_MADE, PHASE_MOUNTED, PHASE_PICKED };

struct context {
	struct lock lock; /* before mounts_lock */
	enum phase phase;
	char type[TYPE_SIZE], source[SOURCE_SIZE], options[MOUNT_OPTIONS_SIZE];
	uint32_t set, clear;   /* MOUNT_* of the file system */
	struct mount *mount;   /* made and not mounted */
	struct dentry *picked; /* the root of what is to be changed: referenced */
};

static bool may_mount(void)
{
	return credentials_can(&thread_current()->credentials, CAP_SYS_ADMIN);
}

/* ---- The descriptor ---- */

static void context_release(struct file *file)
{
	struct context *context = file->private_data;

	if (context->mount)
		mount_discard(context->mount);
	dentry_unref(context->picked);
	heap_free(context);
}

/* Messages about what went wrong: there are none. */
static long context_read(struct file *file, struct io *io, uint64_t *offset)
{
	(void)file;
	(void)io;
	(void)offset;
	return -ENODATA;
}

static const struct file_ops context_ops = {.read = context_read, .release = context_release};

static int context_install(struct context *context, bool close_on_exec)
{
	return fd_install_anonymous(
		"[fscontext]", &context_ops, context, O_RDWR | (close_on_exec ? O_CLOEXEC : 0));
}

/* *ret_file referenced. -EBADF, -EINVAL: another kind of file. */
static int context_get(uint64_t fd, struct file **ret_file, struct context **ret_context)
{
	struct file *file = fd_get((int)fd);

	if (!file)
		return -EBADF;
	if (file->ops != &context_ops) {
		file_unref(file);
		return -EINVAL;
	}
	*ret_file = file;
	*ret_context = file->private_data;
	return 0;
}

long sys_fsopen(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(heap_freep) struct context *context = NULL;
	long r;

	(void)thread;
	if (!may_mount())
		return -EPERM;
	if ((uint32_t)args->b & ~(uint32_t)FSOPEN_CLOEXEC)
		return -EINVAL;
	context = heap_alloc(sizeof(*context));
	if (!context)
		return -ENOMEM;
	r = user_read_string(context->type, args->a, sizeof(context->type));
	if (r < 0)
		return r == -ENAMETOOLONG ? -ENODEV : r;
	if (!mount_type_is_mountable(context->type))
		return -ENODEV;
	r = context_install(context, args->b & FSOPEN_CLOEXEC);
	if (r >= 0)
		context = NULL;
	return r;
}

long sys_fspick(struct thread *thread, const struct syscall_args *args)
{
	uint32_t flags = (uint32_t)args->c;
	CLEANUP(heap_freep) struct context *context = NULL;
	CLEANUP(dentry_unrefp) struct dentry *root = NULL;
	char path[PATH_SIZE];
	long r;

	(void)thread;
	if (!may_mount())
		return -EPERM;
	if (flags & ~(uint32_t)FSPICK_ALL)
		return -EINVAL;
	r = path_read(path, args->b);
	if (r < 0)
		return r;
	r = path_walk((int)args->a, path,
		(flags & FSPICK_SYMLINK_NOFOLLOW ? 0 : PATH_FOLLOW) |
			(flags & FSPICK_EMPTY_PATH ? PATH_EMPTY : 0),
		0, &root);
	if (r)
		return r;
	if (!(root->flags & DENTRY_ROOT))
		return -EINVAL;
	context = heap_alloc(sizeof(*context));
	if (!context)
		return -ENOMEM;
	context->phase = PHASE_PICKED;
	context->picked = dentry_ref(root);
	r = context_install(context, flags & FSPICK_CLOEXEC);
	if (r >= 0)
		context = NULL;
	else
		dentry_unref(context->picked);
	return r;
}

/* ---- fsconfig ---- */

struct parameter {
	char key[KEY_SIZE], value[SOURCE_SIZE];
	bool has_value; /* as a string */
};

/* What goes with what: fsconfig(2). */
static int check_arguments(uint32_t command, bool has_key, bool has_value, int32_t aux)
{
	bool ok;

	switch (command) {
	case FSCONFIG_SET_FLAG:
		ok = has_key && !has_value && !aux;
		break;
	case FSCONFIG_SET_STRING:
		ok = has_key && has_value && !aux;
		break;
	case FSCONFIG_SET_BINARY:
		ok = has_key && has_value && aux > 0 && aux <= BINARY_SIZE_MAX;
		break;
	case FSCONFIG_SET_PATH:
	case FSCONFIG_SET_PATH_EMPTY:
		ok = has_key && has_value && (aux == AT_FDCWD || aux >= 0);
		break;
	case FSCONFIG_SET_FD:
		ok = has_key && !has_value && aux >= 0;
		break;
	case FSCONFIG_CMD_CREATE:
	case FSCONFIG_CMD_RECONFIGURE:
		ok = !has_key && !has_value && !aux;
		break;
	default:
		return -EOPNOTSUPP;
	}
	return ok ? 0 : -EINVAL;
}

/* What all file systems know, whatever it comes with. */
static bool set_common(struct context *context, const char *key)
{
	static const struct {
		const char *key;
		uint32_t flag;
		bool is_set;
	} known[] = {
		{"ro", MOUNT_READ_ONLY, true},
		{"rw", MOUNT_READ_ONLY, false},
		{"sync", MOUNT_SYNCHRONOUS, true},
		{"async", MOUNT_SYNCHRONOUS, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(known[i].key, key) != 0)
			continue;
		context->set &= ~known[i].flag;
		context->clear &= ~known[i].flag;
		if (known[i].is_set)
			context->set |= known[i].flag;
		else
			context->clear |= known[i].flag;
		return true;
	}
	return false;
}

static int set_source(struct context *context, const struct parameter *p)
{
	if (!p->has_value || context->source[0])
		return -EINVAL;
	string_copy(context->source, p->value, sizeof(context->source));
	return 0;
}

/* One option more, as mount(2) has them; what the type does not know is told at once. */
static int add_option(struct context *context, const struct parameter *p)
{
	char option[KEY_SIZE + SOURCE_SIZE + 2];
	size_t used = strlen(context->options), size;

	if (!p->key[0] || strchr(p->key, ',') || strchr(p->value, ','))
		return -EINVAL;
	format_string(option, sizeof(option), p->has_value ? "%s%s=%s" : "%s%s", used ? "," : "",
		p->key, p->value);
	size = strlen(option) + 1;
	if (used + size > sizeof(context->options))
		return -EINVAL;
	memcpy(context->options + used, option, size);
	if (context->phase == PHASE_PICKED ||
		mount_options_are_known(context->type, context->options))
		return 0;
	context->options[used] = '\0';
	return -EINVAL;
}

static int set_parameter(struct context *context, uint32_t command, const struct parameter *p)
{
	if (context->phase != PHASE_SETTING && context->phase != PHASE_PICKED)
		return -EBUSY;
	if (set_common(context, p->key))
		return 0;
	if (command != FSCONFIG_SET_FLAG && command != FSCONFIG_SET_STRING)
		return -EINVAL;
	if (!strcmp(p->key, "source"))
		return set_source(context, p);
	return add_option(context, p);
}

static int create(struct context *context)
{
	int r;

	if (context->phase != PHASE_SETTING)
		return -EBUSY;
	r = mount_make(context->type, context->source[0] ? context->source : "none", context->set,
		context->options, &context->mount);
	if (!r)
		context->phase = PHASE_MADE;
	return r;
}

static int reconfigure(struct context *context)
{
	int r;

	if (context->phase != PHASE_PICKED)
		return -EBUSY;
	r = landlock_check_mount();
	r = r ? r : mount_change(context->picked, context->set, context->clear);
	if (!r)
		r = mount_reconfigure(
			mount_file_system(dentry_mount(context->picked)), context->options);
	context->options[0] = '\0';
	context->set = context->clear = 0;
	return r;
}

static int parameter_read(struct parameter *p, uint32_t command, uint64_t key, uint64_t value)
{
	long r = key ? user_read_string(p->key, key, sizeof(p->key)) : 0;

	p->has_value = value && command != FSCONFIG_SET_BINARY;
	if (r >= 0 && p->has_value)
		r = user_read_string(p->value, value, sizeof(p->value));
	return r == -ENAMETOOLONG ? -EINVAL : (int)MIN(r, 0L);
}

long sys_fsconfig(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(heap_freep) struct parameter *p = NULL;
	CLEANUP(file_unrefp) struct file *file = NULL;
	uint32_t command = (uint32_t)args->b;
	struct context *context;
	int r;

	(void)thread;
	if ((int)args->a < 0)
		return -EINVAL;
	r = check_arguments(command, args->c, args->d, (int32_t)args->e);
	r = r ? r : context_get(args->a, &file, &context);
	if (r)
		return r;
	p = heap_alloc(sizeof(*p));
	r = p ? parameter_read(p, command, args->c, args->d) : -ENOMEM;
	if (r)
		return r;
	if (!may_mount())
		return -EPERM;
	LOCK_SCOPE(&context->lock);
	if (command == FSCONFIG_CMD_CREATE)
		return create(context);
	if (command == FSCONFIG_CMD_RECONFIGURE)
		return reconfigure(context);
	return set_parameter(context, command, p);
}

/* ---- fsmount: a mount that has no place yet ---- */

static void mounted_release(struct file *file)
{
	mount_abandon(file->private_data);
}

static const struct file_ops mounted_ops = {.release = mounted_release};

static int attributes_read(uint32_t attributes, uint32_t *ret_flags)
{
	uint32_t atime = attributes & MOUNT_ATTR__ATIME;

	if (attributes & ~(uint32_t)ATTRIBUTES ||
		(atime != MOUNT_ATTR_RELATIME && atime != MOUNT_ATTR_NOATIME &&
			atime != MOUNT_ATTR_STRICTATIME))
		return -EINVAL;
	*ret_flags = attributes &
		     (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (atime == MOUNT_ATTR_NOATIME)
		*ret_flags |= MOUNT_NOATIME;
	if (atime == MOUNT_ATTR_STRICTATIME)
		*ret_flags |= MOUNT_STRICTATIME;
	if (attributes & MOUNT_ATTR_NODIRATIME)
		*ret_flags |= MOUNT_NODIRATIME;
	if (attributes & MOUNT_ATTR_NOSYMFOLLOW)
		*ret_flags |= MOUNT_NOSYMFOLLOW;
	return 0;
}

/* The descriptor is one of its users, as long as it is open. @mount floats; it goes on failure. */
static long floating_install(struct mount *mount, bool close_on_exec)
{
	struct file *file = file_new(mount->root->inode, mount->root, &mounted_ops, O_PATH);
	int fd;

	if (!file) {
		mount_abandon(mount);
		return -ENOMEM;
	}
	file->private_data = mount;
	fd = fd_install(file, 0, close_on_exec);
	if (fd < 0)
		file_unref(file);
	return fd;
}

static long mounted_install(struct context *context, uint32_t flags, bool close_on_exec)
{
	if (context->phase != PHASE_MADE)
		return context->phase == PHASE_MOUNTED ? -EBUSY : -EINVAL;
	context->phase = PHASE_MOUNTED;
	mount_float(context->mount, flags);
	return floating_install(TAKE(context->mount), close_on_exec);
}

long sys_fsmount(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct context *context;
	uint32_t flags;
	int r;

	(void)thread;
	if (!may_mount())
		return -EPERM;
	if ((uint32_t)args->b & ~(uint32_t)FSMOUNT_CLOEXEC)
		return -EINVAL;
	r = attributes_read((uint32_t)args->c, &flags);
	r = r ? r : context_get(args->a, &file, &context);
	if (r)
		return r;
	LOCK_SCOPE(&context->lock);
	return mounted_install(context, flags, args->b & FSMOUNT_CLOEXEC);
}

/* ---- move_mount, open_tree, mount_setattr ---- */

static int walk(uint64_t fd, uint64_t path_at, uint32_t flags, struct dentry **ret_dentry)
{
	char path[PATH_SIZE];
	long r = path_read(path, path_at);

	return r < 0 ? (int)r : path_walk((int)fd, path, flags, 0, ret_dentry);
}

long sys_move_mount(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(dentry_unrefp) struct dentry *from = NULL, *to = NULL;
	uint32_t flags = (uint32_t)args->e;
	int r;

	(void)thread;
	if (!may_mount())
		return -EPERM;
	if (flags & ~(uint32_t)MOVE_MOUNT_OFFERED)
		return -EINVAL;
	r = walk(args->a, args->b,
		(flags & MOVE_MOUNT_F_SYMLINKS ? PATH_FOLLOW : 0) |
			(flags & MOVE_MOUNT_F_EMPTY_PATH ? PATH_EMPTY : 0),
		&from);
	if (!r)
		r = walk(args->c, args->d,
			(flags & MOVE_MOUNT_T_SYMLINKS ? PATH_FOLLOW : 0) |
				(flags & MOVE_MOUNT_T_EMPTY_PATH ? PATH_EMPTY : 0),
			&to);
	if (r)
		return r;
	if (!(from->flags & DENTRY_ROOT) ||
		inode_is(from->inode, S_IFDIR) != inode_is(to->inode, S_IFDIR))
		return -EINVAL;
	r = landlock_check_mount();
	r = r ? r : mount_land(dentry_mount(from), to);
	return r == -EALREADY ? mount_move(from, to) : r;
}

/* A bind mount that has no place yet. */
static long clone_tree(struct dentry *source, uint32_t flags)
{
	struct mount *mount;
	int r = mount_bind(source, &mount);

	if (r)
		return r;
	mount_float(mount, 0);
	if (flags & AT_RECURSIVE_FLAG)
		r = mount_bind_below(mount, source);
	if (r) {
		mount_abandon(mount);
		return r;
	}
	return floating_install(mount, flags & OPEN_TREE_CLOEXEC);
}

long sys_open_tree(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(dentry_unrefp) struct dentry *entry = NULL;
	uint32_t flags = (uint32_t)args->c;
	struct file *file;
	int fd, r;

	(void)thread;
	if (flags & ~(uint32_t)OPEN_TREE_ALL ||
		(flags & AT_RECURSIVE_FLAG && !(flags & OPEN_TREE_CLONE)))
		return -EINVAL;
	if (flags & OPEN_TREE_CLONE && !may_mount())
		return -EPERM;
	r = walk(args->a, args->b,
		(flags & AT_SYMLINK_NOFOLLOW ? 0 : PATH_FOLLOW) |
			(flags & AT_EMPTY_PATH ? PATH_EMPTY : 0),
		&entry);
	if (!r && flags & OPEN_TREE_CLONE)
		return clone_tree(entry, flags);
	r = r ? r : file_open_inode(entry->inode, entry, O_PATH, &file);
	if (r)
		return r;
	fd = fd_install(file, 0, flags & OPEN_TREE_CLOEXEC);
	if (fd < 0)
		file_unref(file);
	return fd;
}

struct attributes {
	uint64_t set, clear, propagation, userns_fd;
};
_Static_assert(sizeof(struct attributes) == MOUNT_ATTR_SIZE_VER0, "ABI");

/* Who sets one of the ways to keep access times clears them all: mount_setattr(2). */
static int check_attributes(const struct attributes *a)
{
	uint64_t atime = a->clear & MOUNT_ATTR__ATIME;

	if ((a->set | a->clear) & ~(uint64_t)ATTRIBUTES || a->userns_fd)
		return -EINVAL;
	if (a->propagation & ~(uint64_t)PROPAGATION || a->propagation & (a->propagation - 1))
		return -EINVAL;
	if (atime != (atime ? MOUNT_ATTR__ATIME : 0) || (!atime && a->set & MOUNT_ATTR__ATIME))
		return -EINVAL;
	return 0;
}

/* MOUNT_* of what is taken away. */
static uint32_t cleared_flags(uint64_t clear)
{
	uint32_t flags = (uint32_t)clear & (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
						   MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);

	if (clear & MOUNT_ATTR__ATIME)
		flags |= MOUNT_NOATIME | MOUNT_STRICTATIME;
	if (clear & MOUNT_ATTR_NODIRATIME)
		flags |= MOUNT_NODIRATIME;
	return clear & MOUNT_ATTR_NOSYMFOLLOW ? flags | MOUNT_NOSYMFOLLOW : flags;
}

static int attributes_change(struct dentry *root, const struct attributes *a, bool is_recursive)
{
	uint32_t set, clear = cleared_flags(a->clear);
	int r = attributes_read((uint32_t)a->set, &set);

	if (r)
		return r;
	if (!(root->flags & DENTRY_ROOT))
		return -EINVAL;
	return is_recursive ? mount_change_all(root, set, clear & ~set)
			    : mount_change(root, set, clear & ~set);
}

/* With one namespace and no peers nothing propagates: every kind is as good as private. */
long sys_mount_setattr(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(dentry_unrefp) struct dentry *root = NULL;
	uint32_t flags = (uint32_t)args->c;
	struct attributes attributes;
	int r;

	(void)thread;
	if (flags & ~(uint32_t)SETATTR_ALL)
		return -EINVAL;
	if (args->e > ATTRIBUTES_SIZE_MAX)
		return -E2BIG;
	if (args->e < sizeof(attributes))
		return -EINVAL;
	if (!may_mount())
		return -EPERM;
	r = user_read_versioned(&attributes, sizeof(attributes), args->d, args->e);
	if (r || !(attributes.set | attributes.clear | attributes.propagation))
		return r;
	r = check_attributes(&attributes);
	r = r ? r
	      : walk(args->a, args->b,
			(flags & AT_SYMLINK_NOFOLLOW ? 0 : PATH_FOLLOW) |
				(flags & AT_EMPTY_PATH ? PATH_EMPTY : 0),
			&root);
	return r ? r : attributes_change(root, &attributes, flags & AT_RECURSIVE_FLAG);
}
