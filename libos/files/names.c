#include "libos/files/names.h"

#include "libos/files/marks.h"
#include "libos/files/mount.h"
#include "libos/files/notify.h"
#include "libos/files/open.h"
#include "libos/files/path.h"
#include "libos/processes/process.h"
#include "libos/security/landlock.h"

#define CAP_DAC_READ_SEARCH 2
#define CAP_FOWNER 3
#define CAP_MKNOD 27
#define RENAME_RETRIES_MAX 100

/* A directory and a name in it. */
struct place {
	struct dentry *view; /* referenced: the directory as it was found */
	struct dentry *dir;  /* what that stands for */
	struct path_last last;
};

static int place_find(int dir_fd, const char *path, struct place *ret)
{
	int r = path_walk_parent(dir_fd, path, 0, 0, &ret->view, &ret->last);

	if (!r)
		ret->dir = dentry_real(ret->view);
	return r;
}

static void place_done(struct place *place)
{
	dentry_unref(place->view);
	path_last_done(&place->last);
}

static int place_lookup(const struct place *place, struct dentry **ret_entry)
{
	return path_lookup(place->dir, place->last.name, place->last.length, ret_entry);
}

/* Nothing is there yet, and the caller may put something there. @want: the right that it needs
 * where it restricts itself. */
static int check_create(const struct place *place, bool is_directory, uint32_t want)
{
	struct dentry *entry;
	int r;

	if (place->last.is_special)
		return -EEXIST;
	r = place_lookup(place, &entry);
	if (!r)
		dentry_unref(entry);
	if (r != -ENOENT)
		return r ? r : -EEXIST;
	if (place->last.trailing_slash && !is_directory)
		return -ENOENT;
	r = dentry_check_writable(place->view);
	r = r ? r : landlock_check(place->view, want);
	r = r ? r : inode_permission(place->dir->inode, MAY_WRITE | MAY_EXEC);
	if (r)
		return r;
	return place->dir->inode->flags & INODE_DEAD ? -ENOENT : 0;
}

static int make_at(const struct place *place, uint32_t mode, uint64_t rdev, const char *target)
{
	struct inode_template template;
	struct dentry *entry;
	int r = check_create(place, (mode & S_IFMT) == S_IFDIR, landlock_right_to_make(mode));

	if (r)
		return r;
	if (!place->dir->inode->ops->make)
		return -EPERM;
	inode_template_init(&template, place->dir->inode, mode, !target);
	template.rdev = rdev;
	template.target = target;
	r = place->dir->inode->ops->make(
		place->dir, place->last.name, place->last.length, &template, &entry);
	if (r)
		return r;
	notify_entry(place->dir, entry->inode, place->last.name, place->last.length, NOTIFY_CREATE);
	dentry_unref(entry);
	return 0;
}

int names_make(int dir_fd, const char *path, uint32_t mode, uint64_t rdev, const char *target)
{
	uint32_t type = mode & S_IFMT;
	struct place place;
	int r;

	if ((type == S_IFBLK || (type == S_IFCHR && rdev)) &&
		!credentials_can(&thread_current()->credentials, CAP_MKNOD))
		return -EPERM;
	r = place_find(dir_fd, path, &place);
	if (r)
		return r;
	r = make_at(&place, mode, rdev, target);
	place_done(&place);
	return r;
}

/* In a sticky directory only owners remove: path_resolution(7), unlink(2). */
static int check_sticky(const struct inode *dir, const struct inode *inode)
{
	const struct credentials *credentials = &thread_current()->credentials;

	if (!(dir->mode & S_ISVTX) || credentials->fsuid == inode->uid ||
		credentials->fsuid == dir->uid || credentials_can(credentials, CAP_FOWNER))
		return 0;
	return -EPERM;
}

static int check_remove(struct dentry *dir, const struct dentry *entry, bool is_directory)
{
	int r = inode_permission(dir->inode, MAY_WRITE | MAY_EXEC);

	if (!r && (inode_is_append_only(dir->inode) || inode_is_fixed(entry->inode)))
		r = -EPERM;
	r = r ? r : check_sticky(dir->inode, entry->inode);
	if (r)
		return r;
	if (is_directory && !inode_is(entry->inode, S_IFDIR))
		return -ENOTDIR;
	if (!is_directory && inode_is(entry->inode, S_IFDIR))
		return -EISDIR;
	return entry->flags & DENTRY_ROOT || entry->alias_mounts ? -EBUSY : 0;
}

/* @entry's name is gone. What had no other and is not in use goes with the last reference, and
 * those who watch it hear of that before those who watch the directory. */
static void tell_removed(const struct place *place, struct dentry **entry)
{
	struct inode *inode;

	if (!notify_is_watched())
		return;
	inode = inode_ref((*entry)->inode);
	if (!inode_is(inode, S_IFDIR))
		notify_inode(inode, NOTIFY_ATTRIB);
	dentry_unref(TAKE(*entry));
	notify_entry(place->dir, inode, place->last.name, place->last.length, NOTIFY_DELETE);
	inode_unref(inode);
}

/* @want: the right that it needs where the caller restricts itself. */
static int unlink_at(const struct place *place, uint32_t want)
{
	CLEANUP(dentry_unrefp) struct dentry *entry = NULL;
	int r;

	if (place->last.is_special)
		return -EISDIR;
	r = dentry_check_writable(place->view);
	r = r ? r : place_lookup(place, &entry);
	if (r)
		return r;
	if (place->last.trailing_slash)
		return inode_is(entry->inode, S_IFDIR) ? -EISDIR : -ENOTDIR;
	r = landlock_check(place->view, want);
	r = r ? r : check_remove(place->dir, entry, false);
	if (r)
		return r;
	if (!place->dir->inode->ops->unlink)
		return -EPERM;
	r = place->dir->inode->ops->unlink(place->dir, entry);
	if (!r)
		tell_removed(place, &entry);
	return r;
}

int names_unlink(int dir_fd, const char *path)
{
	struct place place;
	int r = place_find(dir_fd, path, &place);

	if (r)
		return r;
	r = unlink_at(&place, LANDLOCK_REMOVE_FILE);
	place_done(&place);
	return r;
}

int names_unlink_in(struct dentry *dir, const char *name, uint32_t length)
{
	struct place place = {
		.view = dir, .dir = dentry_real(dir), .last = {.name = name, .length = length}};

	return unlink_at(&place, 0);
}

static int rmdir_at(const struct place *place)
{
	CLEANUP(dentry_unrefp) struct dentry *entry = NULL;
	int r;

	if (place->last.is_special)
		return !place->last.length       ? -EBUSY
		       : place->last.length == 1 ? -EINVAL
						 : -ENOTEMPTY;
	r = dentry_check_writable(place->view);
	r = r ? r : place_lookup(place, &entry);
	r = r ? r : landlock_check(place->view, LANDLOCK_REMOVE_DIRECTORY);
	r = r ? r : check_remove(place->dir, entry, true);
	if (r)
		return r;
	if (!place->dir->inode->ops->rmdir)
		return -EPERM;
	r = place->dir->inode->ops->rmdir(place->dir, entry);
	if (!r)
		tell_removed(place, &entry);
	return r;
}

int names_rmdir(int dir_fd, const char *path)
{
	struct place place;
	int r = place_find(dir_fd, path, &place);

	if (r)
		return r;
	r = rmdir_at(&place);
	place_done(&place);
	return r;
}

/* May what has the name @old have one at @place, too? */
static int check_link(struct dentry *old, const struct place *place)
{
	CLEANUP(dentry_unrefp) struct dentry *parent = NULL;

	if (!landlock_is_restricted())
		return 0;
	parent = dentry_parent(old);
	if (!parent)
		return -ENOMEM;
	LOCK_SCOPE(&rename_lock);
	return landlock_check_move(
		&(struct landlock_move){.old_dir = parent, .entry = old, .new_dir = place->view});
}

static int link_at(struct dentry *old, const struct place *place)
{
	struct inode *target = old->inode;
	int r = check_create(place, false, 0);

	if (r)
		return r;
	if (dentry_mount(old) != dentry_mount(place->view))
		return -EXDEV;
	r = check_link(old, place);
	if (r)
		return r;
	if (inode_is(target, S_IFDIR))
		return -EPERM;
	if (inode_is_fixed(target))
		return -EPERM;
	if (!place->dir->inode->ops->link)
		return -EPERM;
	r = place->dir->inode->ops->link(place->dir, place->last.name, place->last.length, target);
	if (r)
		return r;
	notify_inode(target, NOTIFY_ATTRIB);
	notify_entry(place->dir, target, place->last.name, place->last.length, NOTIFY_CREATE);
	return 0;
}

int names_link(int old_dir_fd, const char *old_path, uint32_t walk_flags, int new_dir_fd,
	const char *new_path)
{
	CLEANUP(dentry_unrefp) struct dentry *old = NULL;
	struct place place;
	int r;

	/* Naming what only a descriptor leads to is reserved: openat(2), O_TMPFILE. */
	if (walk_flags & PATH_EMPTY && !*old_path &&
		!credentials_can(&thread_current()->credentials, CAP_DAC_READ_SEARCH))
		return -ENOENT;
	r = path_walk(old_dir_fd, old_path, walk_flags, 0, &old);
	if (r)
		return r;
	r = place_find(new_dir_fd, new_path, &place);
	if (r)
		return r;
	r = link_at(old, &place);
	place_done(&place);
	return r;
}

/* What is at both ends of a rename. */
struct renaming {
	struct place old, new;
	struct dentry *entry, *target; /* referenced; target may be NULL */
	uint32_t flags;
};

/* rename_lock held from here on. */
static int check_slashes(const struct renaming *renaming)
{
	bool is_directory = inode_is(renaming->entry->inode, S_IFDIR);
	bool is_exchange = renaming->flags & RENAME_EXCHANGE;

	if (!is_directory && renaming->old.last.trailing_slash)
		return -ENOTDIR;
	if (is_exchange)
		return renaming->new.last.trailing_slash &&
				       !inode_is(renaming->target->inode, S_IFDIR)
			       ? -ENOTDIR
			       : 0;
	return !is_directory && renaming->new.last.trailing_slash ? -ENOTDIR : 0;
}

static int check_loops(const struct renaming *renaming)
{
	if (dentry_is_below(renaming->new.dir, renaming->entry))
		return -EINVAL;
	if (renaming->target && dentry_is_below(renaming->old.dir, renaming->target))
		return renaming->flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	return 0;
}

/* A directory that gets another parent is written: its "..". */
static int check_new_parent(const struct renaming *renaming, const struct dentry *moved)
{
	if (renaming->old.dir == renaming->new.dir || !inode_is(moved->inode, S_IFDIR))
		return 0;
	return inode_permission(moved->inode, MAY_WRITE);
}

static int check_target(const struct renaming *renaming)
{
	struct dentry *target = renaming->target;
	bool is_directory;
	int r;

	if (!target)
		return inode_permission(renaming->new.dir->inode, MAY_WRITE | MAY_EXEC);
	is_directory =
		inode_is(renaming->flags & RENAME_EXCHANGE ? target->inode : renaming->entry->inode,
			S_IFDIR);
	r = check_remove(renaming->new.dir, target, is_directory);
	if (r || !(renaming->flags & RENAME_EXCHANGE))
		return r;
	return check_new_parent(renaming, target);
}

static int rename_check(const struct renaming *renaming)
{
	int r;

	if (renaming->target && renaming->flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (!renaming->target && renaming->flags & RENAME_EXCHANGE)
		return -ENOENT;
	r = check_slashes(renaming);
	r = r ? r : check_loops(renaming);
	r = r ? r
	      : landlock_check_move(&(struct landlock_move){.old_dir = renaming->old.view,
			.entry = renaming->entry,
			.new_dir = renaming->new.view,
			.target = renaming->target,
			.is_rename = true,
			.is_exchange = renaming->flags &RENAME_EXCHANGE});
	if (r)
		return r;
	if (renaming->target && renaming->target->inode == renaming->entry->inode)
		return 0;
	r = check_remove(
		renaming->old.dir, renaming->entry, inode_is(renaming->entry->inode, S_IFDIR));
	r = r ? r : check_target(renaming);
	return r ? r : check_new_parent(renaming, renaming->entry);
}

static int rename_found(struct renaming *renaming)
{
	const struct inode *dir = renaming->old.dir->inode;
	int r = place_lookup(&renaming->old, &renaming->entry);

	if (r)
		return r;
	r = place_lookup(&renaming->new, &renaming->target);
	if (r && r != -ENOENT)
		return r;
	r = rename_check(renaming);
	if (r)
		return r;
	if (!dir->ops->rename)
		return -EPERM;
	return dir->ops->rename(renaming->old.dir, renaming->entry, renaming->new.dir,
		renaming->new.last.name, renaming->new.last.length, renaming->target,
		renaming->flags);
}

/* What was renamed, or two that changed places. Two names of one file stay as they are. */
static void tell_renamed(const struct renaming *renaming)
{
	const struct path_last *old = &renaming->old.last, *new = &renaming->new.last;
	struct inode *moved = renaming->entry->inode;
	struct inode *target = renaming->target ? renaming->target->inode : NULL;
	bool is_exchange = renaming->flags & RENAME_EXCHANGE;

	if (moved == target)
		return;
	notify_rename(&(struct notify_rename){.old_dir = renaming->old.dir,
		.new_dir = renaming->new.dir,
		.old_name = old->name,
		.old_length = old->length,
		.new_name = new->name,
		.new_length = new->length,
		.moved = moved,
		.replaced = is_exchange ? NULL : target});
	if (is_exchange)
		notify_rename(&(struct notify_rename){.old_dir = renaming->new.dir,
			.new_dir = renaming->old.dir,
			.old_name = new->name,
			.old_length = new->length,
			.new_name = old->name,
			.new_length = old->length,
			.moved = target});
}

static int rename_locked(struct renaming *renaming)
{
	int r = -EAGAIN;

	/* Names may come and go between the checks and the act: then once more. */
	for (int i = 0; i < RENAME_RETRIES_MAX && r == -EAGAIN; i++) {
		lock_acquire(&rename_lock);
		r = rename_found(renaming);
		lock_release(&rename_lock);
		if (!r)
			tell_renamed(renaming);
		dentry_unref(TAKE(renaming->entry));
		dentry_unref(TAKE(renaming->target));
	}
	return r;
}

static int rename_places(struct renaming *renaming)
{
	int r;

	if (dentry_mount(renaming->old.view) != dentry_mount(renaming->new.view))
		return -EXDEV;
	if (renaming->old.last.is_special || renaming->new.last.is_special)
		return renaming->flags & RENAME_NOREPLACE && renaming->new.last.is_special ? -EEXIST
											   : -EBUSY;
	r = dentry_check_writable(renaming->old.view);
	return r ? r : rename_locked(renaming);
}

int names_rename(
	int old_dir_fd, const char *old_path, int new_dir_fd, const char *new_path, uint32_t flags)
{
	struct renaming renaming = {.flags = flags};
	int r;

	if (flags & ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT) ||
		(flags & RENAME_EXCHANGE && flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)))
		return -EINVAL;
	if (flags & RENAME_WHITEOUT && !credentials_can(&thread_current()->credentials, CAP_MKNOD))
		return -EPERM;
	r = place_find(old_dir_fd, old_path, &renaming.old);
	if (r)
		return r;
	r = place_find(new_dir_fd, new_path, &renaming.new);
	if (!r) {
		r = rename_places(&renaming);
		place_done(&renaming.new);
	}
	place_done(&renaming.old);
	return r;
}
