/* Bind mounts: what has a place already, once more. */
#include "base/format.h"
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/mount.h"

#define COPIES_MAX 4096U /* as many as there may be mounts */
#define FLAGS_SHARED (MOUNT_FLAGS_STATFS | MOUNT_STRICTATIME)

int mount_bind(struct dentry *source, struct mount **ret_mount)
{
	struct mount *from = dentry_mount(source), *fs = mount_file_system(from), *mount;

	if (!fs)
		return -EINVAL;
	mount = mount_new(
		fs->type, fs->source, fs->magic, (from->flags & FLAGS_SHARED) | MOUNT_REMOVABLE);
	if (!mount)
		return -ENOMEM;
	mount->device = fs->device;
	mount->bound = dentry_ref(dentry_real(source));
	mount_use(fs);
	__atomic_add_fetch(&fs->binds, 1, __ATOMIC_RELAXED);
	mount->root = dentry_alias(mount, dentry_ref(mount->bound));
	if (!mount->root) {
		mount_discard(mount);
		return -ENOMEM;
	}
	*ret_mount = mount;
	return 0;
}

long mount_root_path(struct mount *mount, char *to, size_t size)
{
	struct mount *fs = mount_file_system(mount);
	struct dentry *top = fs->root; /* it stays as long as it is shown */
	char *end;
	long r;

	if (!mount->bound || !top)
		return (long)string_copy(to, "/", size);
	r = dentry_path(mount->bound, top, to, size);
	end = r > 10 ? to + r - 10 : to;
	if (r > 10 && !strcmp(end, " (deleted)"))
		r = end - to + (long)string_copy(end, "//deleted", 11);
	return r;
}

/* A mount and what it is a copy of, from where on, and where it will go. */
struct copy {
	struct list link;
	struct mount *mount, *of;
	const struct dentry *top; /* no alias */
	struct dentry *point;     /* referenced */
};

static bool is_within(const struct dentry *entry, const struct dentry *top)
{
	while (entry != top && entry->parent && entry->parent != entry)
		entry = entry->parent;
	return entry == top;
}

static int copy_add(struct list *copies, const struct copy *parent, struct mount *of)
{
	struct copy *copy = heap_alloc(sizeof(*copy));
	int r;

	if (!copy)
		return -ENOMEM;
	r = mount_bind(of->root, &copy->mount);
	if (r) {
		heap_free(copy);
		return r;
	}
	copy->of = of;
	copy->top = dentry_real(of->root);
	copy->point = dentry_alias(parent->mount, dentry_ref(dentry_real(of->covered)));
	list_add_tail(copies, &copy->link);
	return copy->point ? 0 : -ENOMEM;
}

/* What is mounted on what @parent copies. mounts_lock and rename_lock held. */
static int copy_children(struct list *copies, const struct copy *parent, uint32_t *count)
{
	struct mount *mount;
	int r = 0;

	LIST_FOR_EACH (mount, &mounts, link) {
		if (r || !mount->covered || dentry_mount(mount->covered) != parent->of ||
			!is_within(dentry_real(mount->covered), parent->top))
			continue;
		r = ++*count > COPIES_MAX ? -ENOSPC : copy_add(copies, parent, mount);
	}
	return r;
}

static int copy_all(struct list *copies, const struct copy *first)
{
	const struct copy *copy;
	uint32_t count = 0;
	int r;

	LOCK_SCOPE(&mounts_lock);
	lock_acquire(&rename_lock);
	r = copy_children(copies, first, &count);
	LIST_FOR_EACH (copy, copies, link)
		r = r ? r : copy_children(copies, copy, &count); /* it grows meanwhile */
	lock_release(&rename_lock);
	return r;
}

int mount_bind_below(struct mount *bind, struct dentry *source)
{
	struct copy first = {.mount = bind, .of = dentry_mount(source), .top = dentry_real(source)};
	struct list copies = LIST_INIT(copies);
	struct copy *copy, *next;
	int r = copy_all(&copies, &first);

	LIST_FOR_EACH_SAFE (copy, next, &copies, link) {
		r = r ? r : mount_attach_at(copy->mount, copy->point);
		if (r)
			mount_discard(copy->mount);
		dentry_unref(copy->point);
		heap_free(copy);
	}
	return r;
}
