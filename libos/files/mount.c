#include "libos/files/mount.h"

#include "libos/core/heap.h"
#include "libos/core/log.h"
#include "libos/files/notify.h"
#include "libos/files/path.h"

/* What statfs(2) calls the size of file systems in memory: 16 GiB. */
#define MEMORY_PAGES (16UL << (30 - PAGE_SHIFT))
#define INODE_NUMBER_FIRST 2 /* 1 is bad blocks' by tradition, 2 the root directory's */
#define MOUNTS_MAX 4096      /* removable ones */
#define EXPIRY_WALKS 2

struct list mounts = LIST_INIT(mounts);
struct lock mounts_lock;
struct changes mounts_changes = {.queue.waiters = LIST_INIT(mounts_changes.queue.waiters)};

static struct lock mounted_lock;                                   /* dentry->mounted */
static struct list covering_aliases = LIST_INIT(covering_aliases); /* under mounted_lock */
static struct dentry *root;
static int32_t next_id = 1;
static uint32_t removable_count; /* under mounts_lock */

struct mount *mount_new(const char *type, const char *source, uint64_t magic, uint32_t flags)
{
	struct mount *mount = heap_alloc(sizeof(*mount));

	if (!mount)
		return NULL;
	mount->id = __atomic_fetch_add(&next_id, 1, __ATOMIC_RELAXED);
	mount->type = type;
	mount->source = source;
	mount->magic = magic;
	mount->flags = flags;
	mount->device = device_number(0, (uint32_t)mount->id + 20);
	mount->next_inode = INODE_NUMBER_FIRST - 1;
	mount->quota.limit = mount->inode_limit = UINT64_MAX;
	mount->reference_count = 1;
	list_init(&mount->link);
	list_init(&mount->covering);
	return mount;
}

/* What it shows is not shown by it any more. */
static void bind_done(struct mount *mount)
{
	struct mount *fs = mount_file_system(mount);

	__atomic_sub_fetch(&fs->binds, 1, __ATOMIC_RELAXED);
	mount_unuse(fs);
}

void mount_discard(struct mount *mount)
{
	if (mount->bound)
		bind_done(mount);
	dentry_unref(TAKE(mount->root));
	mount_unref(mount);
}

static bool is_removable(const struct mount *mount)
{
	return mount && mount->flags & MOUNT_REMOVABLE;
}

void mount_ref(struct mount *mount)
{
	if (UNLIKELY(is_removable(mount)))
		__atomic_add_fetch(&mount->reference_count, 1, __ATOMIC_RELAXED);
}

void mount_unref(struct mount *mount)
{
	if (LIKELY(!is_removable(mount)) ||
		__atomic_sub_fetch(&mount->reference_count, 1, __ATOMIC_ACQ_REL))
		return;
	dentry_unref(mount->bound);
	heap_free(mount->source_text);
	heap_free(mount);
}

struct mount *mount_file_system(struct mount *mount)
{
	return mount && mount->bound ? mount->bound->inode->mount : mount;
}

/* ---- Taking a tree apart ---- */

/* Removes what is in @dir but for directories that hold something: the first of those, referenced,
 * or NULL. Nothing will ever be added then. */
static struct dentry *directory_empty(struct dentry *dir)
{
	struct dentry *child, *next;

	LOCK_SCOPE(&dir->inode->lock);
	dir->inode->flags |= INODE_DEAD;
	LIST_FOR_EACH_SAFE (child, next, &dir->children, sibling) {
		if (!list_is_empty(&child->children))
			return dentry_ref(child);
		if (child->inode && inode_is(child->inode, S_IFDIR))
			child->inode->flags |= INODE_DEAD;
		dentry_unlink(child);
	}
	return NULL;
}

/* Depth first, up by the parents: the stack does not grow with the tree. */
static void tree_remove(struct dentry *top)
{
	struct dentry *at = dentry_ref(top);

	LOCK_SCOPE(&rename_lock);
	while (at) {
		struct dentry *below = directory_empty(at), *up = NULL;

		if (!below && at != top)
			up = dentry_ref(at->parent);
		dentry_unref(at);
		at = below ? below : up;
	}
}

void mount_use(struct mount *mount)
{
	if (UNLIKELY(is_removable(mount)))
		__atomic_add_fetch(&mount->users, 1, __ATOMIC_RELAXED);
}

/* The last user of a detached mount: nobody can become one again but through a dentry that is held
 * somewhere, and that finds the tree empty. */
void mount_unuse(struct mount *mount)
{
	struct dentry *top;

	if (LIKELY(!is_removable(mount)) || __atomic_sub_fetch(&mount->users, 1, __ATOMIC_ACQ_REL))
		return;
	top = __atomic_exchange_n(&mount->root, NULL, __ATOMIC_ACQ_REL);
	if (!top)
		return;
	notify_mount_gone(mount);
	if (mount->bound) {
		bind_done(mount);
	} else if (top->inode->flags & INODE_CACHED) {
		tree_remove(top);
	}
	dentry_unref(top);
	mount_unref(mount);
}

/* A file system counts those of its bind mounts, too. */
void mount_count_writer(struct mount *mount, int change)
{
	if (LIKELY(!is_removable(mount)))
		return;
	__atomic_add_fetch(&mount->writers, change, __ATOMIC_ACQ_REL);
	if (mount->bound)
		mount_count_writer(mount_file_system(mount), change);
}

/* ---- Places ---- */

/* Fast: false means that nothing is. */
static bool is_perhaps_covered(const struct dentry *entry)
{
	if (entry->real)
		return __atomic_load_n(&entry->real->alias_mounts, __ATOMIC_ACQUIRE);
	return __atomic_load_n(&entry->mounted, __ATOMIC_ACQUIRE);
}

/* The root of what is mounted there, referenced, or NULL. */
static struct dentry *mounted_at(const struct dentry *entry)
{
	struct mount *mount;

	LOCK_SCOPE(&mounted_lock);
	if (!entry->real)
		return entry->mounted ? dentry_ref(entry->mounted) : NULL;
	LIST_FOR_EACH (mount, &covering_aliases, covering)
		if (dentry_is_same(mount->covered, entry))
			return dentry_ref(mount->root);
	return NULL;
}

/* Whoever walks onto a mount uses it. */
static void expiry_put_off(struct mount *mount)
{
	if (UNLIKELY(mount && __atomic_load_n(&mount->expiry, __ATOMIC_RELAXED) > 0))
		__atomic_sub_fetch(&mount->expiry, 1, __ATOMIC_RELAXED);
}

struct dentry *mount_cross(struct dentry *entry)
{
	struct dentry *top;

	while (is_perhaps_covered(entry)) {
		top = mounted_at(entry);
		if (!top)
			break;
		dentry_unref(entry);
		entry = top;
		expiry_put_off(dentry_mount(top));
	}
	return entry;
}

static void show_at(struct mount *mount, struct dentry *point)
{
	LOCK_SCOPE(&mounted_lock);
	if (point->real) {
		list_add_tail(&covering_aliases, &mount->covering);
		__atomic_add_fetch(&point->real->alias_mounts, 1, __ATOMIC_RELEASE);
	} else {
		__atomic_store_n(&point->mounted, mount->root, __ATOMIC_RELEASE);
	}
}

static void hide_at(struct mount *mount, struct dentry *point)
{
	LOCK_SCOPE(&mounted_lock);
	if (point->real) {
		list_remove(&mount->covering);
		list_init(&mount->covering);
		__atomic_sub_fetch(&point->real->alias_mounts, 1, __ATOMIC_RELEASE);
	} else {
		__atomic_store_n(&point->mounted, NULL, __ATOMIC_RELEASE);
	}
}

static void cover(struct mount *mount, struct dentry *point)
{
	mount->covered = point;
	mount->parent_id = dentry_mount(point)->id;
	show_at(mount, point);
}

int mount_attach(struct mount *mount, const char *path)
{
	struct dentry *point = NULL;
	int r;

	ASSERT(mount->root);
	mount->root->flags |= DENTRY_ROOT;
	mount->root->flags &= ~(uint32_t)DENTRY_ANONYMOUS;
	if (!root) {
		root = mount->root;
	} else {
		r = path_make_directories(path, &point);
		if (r)
			return r;
		cover(mount, point);
	}
	list_add_tail(&mounts, &mount->link);
	return 0;
}

/* rename_lock held, as below. */
static int check_point(struct dentry *point)
{
	const struct dentry *real = dentry_real(point);

	if (real->flags & DENTRY_UNLINKED || point->inode->flags & INODE_DEAD)
		return -ENOENT;
	/* A walk makes those anew each time (/proc): nobody would find what is mounted there. */
	if (!(real->flags & (DENTRY_HASHED | DENTRY_ROOT)) && !(point->flags & DENTRY_ROOT))
		return -ENOENT;
	return dentry_mount(point) ? 0 : -EINVAL;
}

/* Put it there: mounts_lock held, too. The reference of the point is taken over. */
static void attach_locked(struct mount *mount, struct dentry *point)
{
	cover(mount, point);
	mount_use(dentry_mount(point));
}

int mount_attach_at(struct mount *mount, struct dentry *point)
{
	int r = 0;

	LOCK_SCOPE(&mounts_lock);
	if (removable_count >= MOUNTS_MAX)
		return -ENOSPC;
	mount->root->flags |= DENTRY_ROOT;
	mount->root->flags &= ~(uint32_t)DENTRY_ANONYMOUS;
	point = mount_cross(dentry_ref(point));
	lock_acquire(&rename_lock);
	/* One that floats may be walked already: below itself nobody would find the way up. */
	if (dentry_is_below(point, mount->root))
		r = -EINVAL;
	r = r ? r : check_point(point);
	if (!r)
		attach_locked(mount, point);
	lock_release(&rename_lock);
	if (r) {
		dentry_unref(point);
		return r;
	}
	mount_use(mount);
	removable_count++;
	list_add_tail(&mounts, &mount->link);
	changes_tell(&mounts_changes);
	return 0;
}

void mount_float(struct mount *mount, uint32_t flags)
{
	mount->root->flags |= DENTRY_ROOT;
	mount->root->flags &= ~(uint32_t)DENTRY_ANONYMOUS;
	mount->flags |= flags | MOUNT_FLOATING;
	mount_use(mount);
}

int mount_land(struct mount *mount, struct dentry *point)
{
	int r;

	if (!(__atomic_fetch_and(&mount->flags, ~(uint32_t)MOUNT_FLOATING, __ATOMIC_ACQ_REL) &
		    MOUNT_FLOATING))
		return -EALREADY;
	r = mount_attach_at(mount, point);
	if (r)
		__atomic_or_fetch(&mount->flags, MOUNT_FLOATING, __ATOMIC_RELEASE);
	return r;
}

/* The mount whose root is @top, with or without a place: NULL if there is none. mounts_lock held.
 */
static struct mount *mount_of_root(const struct dentry *top)
{
	struct mount *mount = dentry_mount(top);

	return top->flags & DENTRY_ROOT && mount && mount->root ? mount : NULL;
}

/* *ret_point: what it covered, whose references and use are the caller's to drop. */
static void uncover(struct mount *mount, struct dentry **ret_point)
{
	LOCK_SCOPE(&rename_lock);
	*ret_point = mount->covered;
	hide_at(mount, *ret_point);
	mount->covered = NULL;
}

static void point_done(struct dentry *point)
{
	mount_unuse(dentry_mount(point));
	dentry_unref(point);
}

static void detach(struct mount *mount)
{
	struct dentry *point;

	uncover(mount, &point);
	list_remove(&mount->link);
	list_init(&mount->link);
	removable_count--;
	mount_unuse(mount);
	point_done(point);
	changes_tell(&mounts_changes);
}

/* A mount on @mount, the latest one first: it may be below others. */
static struct mount *mount_on(const struct mount *mount)
{
	for (struct list *at = mounts.prev; at != &mounts; at = at->prev) {
		struct mount *other = LIST_ENTRY(at, struct mount, link);

		if (other->covered && dentry_mount(other->covered) == mount)
			return other;
	}
	return NULL;
}

/* All that is mounted below, the deepest first. */
static void detach_below(struct mount *mount)
{
	struct mount *at, *above;

	while ((at = mount_on(mount))) {
		while ((above = mount_on(at)))
			at = above;
		detach(at);
	}
}

void mount_abandon(struct mount *mount)
{
	lock_acquire(&mounts_lock);
	if (__atomic_load_n(&mount->flags, __ATOMIC_ACQUIRE) & MOUNT_FLOATING)
		detach_below(mount);
	lock_release(&mounts_lock);
	mount_unuse(mount);
}

int mount_detach(struct dentry *top, bool is_lazy, bool is_expiring)
{
	struct mount *mount;

	LOCK_SCOPE(&mounts_lock);
	mount = mount_of_root(top);
	if (!mount)
		return -EINVAL;
	if (!is_removable(mount))
		return -EBUSY;
	if (!mount->covered)
		return -EINVAL;
	if (is_lazy) {
		detach_below(mount);
		detach(mount);
		return 0;
	}
	if (__atomic_load_n(&mount->users, __ATOMIC_ACQUIRE) -
			__atomic_load_n(&mount->binds, __ATOMIC_ACQUIRE) >
		1)
		return -EBUSY;
	/* The walk of the call that asks again is no use. */
	if (is_expiring && __atomic_load_n(&mount->expiry, __ATOMIC_RELAXED) <= 0) {
		__atomic_store_n(&mount->expiry, EXPIRY_WALKS, __ATOMIC_RELAXED);
		return -EAGAIN;
	}
	detach(mount);
	return 0;
}

int mount_move(struct dentry *top, struct dentry *point)
{
	struct dentry *old;
	struct mount *mount;
	int r = 0;

	LOCK_SCOPE(&mounts_lock);
	mount = mount_of_root(top);
	if (!is_removable(mount) || !mount->covered)
		return -EINVAL;
	point = mount_cross(dentry_ref(point));
	lock_acquire(&rename_lock);
	if (dentry_is_below(point, top))
		r = -ELOOP;
	old = mount->covered;
	r = r ? r : check_point(point);
	if (!r) {
		hide_at(mount, old);
		attach_locked(mount, point);
	}
	lock_release(&rename_lock);
	if (r) {
		dentry_unref(point);
		return r;
	}
	point_done(old);
	changes_tell(&mounts_changes);
	return 0;
}

static int check_change(const struct mount *mount, uint32_t set)
{
	if (!is_removable(mount))
		return -EPERM;
	if (set & ~mount->flags & MOUNT_READ_ONLY &&
		__atomic_load_n(&mount->writers, __ATOMIC_ACQUIRE))
		return -EBUSY;
	return 0;
}

static void change(struct mount *mount, uint32_t set, uint32_t clear)
{
	__atomic_store_n(&mount->flags, (mount->flags & ~clear) | set, __ATOMIC_RELEASE);
	changes_tell(&mounts_changes);
}

int mount_change(struct dentry *top, uint32_t set, uint32_t clear)
{
	struct mount *mount;
	int r;

	LOCK_SCOPE(&mounts_lock);
	mount = mount_of_root(top);
	r = mount ? check_change(mount, set) : -EINVAL;
	if (!r)
		change(mount, set, clear);
	return r;
}

int mount_change_all(struct dentry *top, uint32_t set, uint32_t clear)
{
	struct mount *mount, *at;
	int r;

	LOCK_SCOPE(&mounts_lock);
	mount = mount_of_root(top);
	r = mount ? check_change(mount, set) : -EINVAL;
	lock_acquire(&rename_lock);
	LIST_FOR_EACH (at, &mounts, link)
		if (!r && at != mount && dentry_is_below(at->root, top))
			r = check_change(at, set);
	if (!r) {
		change(mount, set, clear);
		LIST_FOR_EACH (at, &mounts, link)
			if (at != mount && dentry_is_below(at->root, top))
				change(at, set, clear);
	}
	lock_release(&rename_lock);
	return r;
}

uint64_t mount_next_inode(struct mount *mount)
{
	return __atomic_add_fetch(&mount->next_inode, 1, __ATOMIC_RELAXED);
}

bool mount_is_full(const struct mount *mount)
{
	return is_removable(mount) && (uint64_t)__atomic_load_n(&mount->reference_count,
					      __ATOMIC_RELAXED) > mount->inode_limit;
}

struct dentry *mount_root(void)
{
	return root;
}

static void quota_statistics(struct mount *mount, uint64_t *ret_total, uint64_t *ret_free)
{
	uint64_t used = __atomic_load_n(&mount->quota.used, __ATOMIC_RELAXED);

	*ret_total = mount->quota.limit;
	*ret_free = mount->quota.limit - MIN(used, mount->quota.limit);
}

/* Of file systems in memory: what the LibOS holds now, of as much as it could; or what the mount's
 * own limits are. */
void mount_statistics(struct mount *mount, uint64_t *ret_total, uint64_t *ret_free,
	uint64_t *ret_inodes, uint64_t *ret_inodes_free)
{
	uint64_t inodes = mount->next_inode - mount->image_inodes;

	if (mount->statistics) {
		mount->statistics(mount, ret_total, ret_free, ret_inodes, ret_inodes_free);
		return;
	}
	*ret_total = MEMORY_PAGES;
	*ret_free = MEMORY_PAGES - MIN(heap_used() >> PAGE_SHIFT, MEMORY_PAGES);
	if (mount->quota.limit != UINT64_MAX)
		quota_statistics(mount, ret_total, ret_free);
	if (is_removable(mount))
		inodes = (uint64_t)mount->reference_count - 1;
	*ret_inodes = MIN(mount->inode_limit, MEMORY_PAGES);
	*ret_inodes_free = *ret_inodes - MIN(inodes, *ret_inodes);
}
