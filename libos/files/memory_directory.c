/* Directories of the file systems in memory. The dentries are the entries (dentry.h); a directory
 * that began in the image is "complete" once all of the image's entries are among them. */
#include "libos/core/heap.h"
#include "libos/core/log.h"
#include "libos/files/directory.h"
#include "libos/files/image_layer.h"
#include "libos/files/open.h"

static bool is_complete(const struct inode *inode)
{
	return inode->flags & INODE_COMPLETE;
}

static bool is_positive(const struct dentry *entry)
{
	return !(entry->flags & DENTRY_NEGATIVE);
}

/* The entry @name, negative ones too, with its inode; NULL if there is none. Directory locked. */
static int find_locked(
	struct dentry *dir, const char *name, uint32_t length, struct dentry **ret_entry)
{
	struct dentry *entry = dentry_find(dir, name, length);
	int r = 0;

	*ret_entry = NULL;
	if (!entry && !is_complete(dir->inode))
		r = image_lookup(dir, name, length, &entry);
	if (r)
		return r == -ENOENT ? 0 : r;
	if (entry && entry->flags & DENTRY_UNLOADED) {
		r = image_load(entry);
		if (r) {
			dentry_unref(entry);
			return r;
		}
	}
	*ret_entry = entry;
	return 0;
}

static int directory_lookup(
	struct dentry *dir, const char *name, uint32_t length, struct dentry **ret_entry)
{
	int r;

	LOCK_SCOPE(&dir->inode->lock);
	r = find_locked(dir, name, length, ret_entry);
	return r ? r : *ret_entry ? 0 : -ENOENT;
}

/* The directory has changed. */
static void touch(struct inode *dir, int link_change)
{
	dir->link_count += (uint32_t)link_change;
	inode_touch(dir, true, true);
}

/* @inode at @name, where nothing is (@negative: a dentry says so). Locked. */
static int entry_add(struct dentry *dir, const char *name, uint32_t length, struct inode *inode,
	struct dentry *negative, struct dentry **ret_entry)
{
	struct dentry *entry;

	if (negative) {
		memory_inode_of(dir->inode)->negative_count--;
		dentry_set_inode(negative, inode_ref(inode));
		*ret_entry = dentry_ref(negative);
		return 0;
	}
	entry = dentry_new(dir, name, length, inode);
	if (!entry)
		return -ENOSPC;
	dentry_link(entry);
	*ret_entry = entry;
	return 0;
}

static int make_locked(struct dentry *dir, const char *name, uint32_t length,
	const struct inode_template *template, struct dentry **ret_entry)
{
	CLEANUP(dentry_unrefp) struct dentry *existing = NULL;
	CLEANUP(inode_unrefp) struct inode *inode = NULL;
	int r;

	if (dir->inode->flags & INODE_DEAD)
		return -ENOENT;
	r = find_locked(dir, name, length, &existing);
	if (r)
		return r;
	if (existing && is_positive(existing))
		return -EEXIST;
	inode = memory_inode_new(dir->inode->mount, template);
	if (!inode)
		return -ENOSPC;
	if (inode->mount->inode_made)
		r = inode->mount->inode_made(inode);
	r = r ? r : entry_add(dir, name, length, inode, existing, ret_entry);
	if (!r)
		touch(dir->inode, inode_is(inode, S_IFDIR) ? 1 : 0);
	return r;
}

static int directory_make(struct dentry *dir, const char *name, uint32_t length,
	const struct inode_template *template, struct dentry **ret_entry)
{
	LOCK_SCOPE(&dir->inode->lock);
	return make_locked(dir, name, length, template, ret_entry);
}

static int directory_make_unnamed(
	struct dentry *dir, const struct inode_template *template, struct inode **ret_inode)
{
	struct inode *inode = memory_inode_new(dir->inode->mount, template);

	if (!inode)
		return -ENOSPC;
	inode->link_count = 0;
	*ret_inode = inode;
	return 0;
}

static int link_locked(struct dentry *dir, const char *name, uint32_t length, struct inode *target)
{
	CLEANUP(dentry_unrefp) struct dentry *existing = NULL, *entry = NULL;
	int r;

	if (dir->inode->flags & INODE_DEAD)
		return -ENOENT;
	r = find_locked(dir, name, length, &existing);
	if (r)
		return r;
	if (existing && is_positive(existing))
		return -EEXIST;
	LOCK_SCOPE(&target->lock);
	if (!target->link_count && !(target->flags & INODE_LINKABLE))
		return -ENOENT;
	r = entry_add(dir, name, length, target, existing, &entry);
	if (r)
		return r;
	target->link_count++;
	target->flags &= ~(uint32_t)INODE_LINKABLE;
	inode_touch(target, false, true);
	touch(dir->inode, 0);
	return 0;
}

static int directory_link(
	struct dentry *dir, const char *name, uint32_t length, struct inode *target)
{
	LOCK_SCOPE(&dir->inode->lock);
	return link_locked(dir, name, length, target);
}

/* Is @entry still what its name in @dir leads to? Locked. */
static bool is_entry_of(const struct dentry *entry, const struct dentry *dir)
{
	return entry->parent == dir && entry->flags & DENTRY_HASHED && is_positive(entry);
}

/* In a directory that the image may still be asked about, what is taken away leaves a negative
 * dentry. *ret NULL: none is needed. */
static int whiteout_new(struct dentry *dir, struct dentry *entry, struct dentry **ret)
{
	*ret = NULL;
	if (is_complete(dir->inode))
		return 0;
	*ret = dentry_new(dir, entry->name, entry->name_length, NULL);
	if (!*ret)
		return -ENOSPC;
	(*ret)->flags |= DENTRY_NEGATIVE | DENTRY_WHITEOUT;
	return 0;
}

static void whiteout_link(struct dentry *dir, struct dentry *whiteout)
{
	if (!whiteout)
		return;
	memory_inode_of(dir->inode)->negative_count++;
	dentry_link(whiteout);
}

static void drop_link(struct inode *inode)
{
	LOCK_SCOPE(&inode->lock);
	inode->link_count -= inode_is(inode, S_IFDIR) ? inode->link_count : 1;
	inode_touch(inode, false, true);
}

static int remove_locked(struct dentry *dir, struct dentry *entry)
{
	CLEANUP(dentry_unrefp) struct dentry *whiteout = NULL;
	bool is_directory = inode_is(entry->inode, S_IFDIR);
	int r = whiteout_new(dir, entry, &whiteout);

	if (r)
		return r;
	dentry_unlink(entry);
	whiteout_link(dir, whiteout);
	drop_link(entry->inode);
	touch(dir->inode, is_directory ? -1 : 0);
	return 0;
}

static int directory_unlink(struct dentry *dir, struct dentry *entry)
{
	LOCK_SCOPE(&dir->inode->lock);
	return is_entry_of(entry, dir) ? remove_locked(dir, entry) : -ENOENT;
}

/* Nothing is in it: then nothing ever will be, and what is known not to be there is forgotten.
 * @dir is locked. */
static int bury(struct dentry *dir)
{
	struct dentry *child, *next;
	int r = is_complete(dir->inode) ? 0 : image_complete(dir);

	if (r)
		return r;
	LIST_FOR_EACH (child, &dir->children, sibling)
		if (is_positive(child))
			return -ENOTEMPTY;
	LIST_FOR_EACH_SAFE (child, next, &dir->children, sibling)
		dentry_unlink(child);
	dir->inode->flags |= INODE_DEAD;
	return 0;
}

static int bury_unlocked(struct dentry *dir)
{
	LOCK_SCOPE(&dir->inode->lock);
	return bury(dir);
}

static int directory_rmdir(struct dentry *dir, struct dentry *entry)
{
	int r;

	LOCK_SCOPE(&dir->inode->lock);
	if (!is_entry_of(entry, dir))
		return -ENOENT;
	r = bury_unlocked(entry);
	return r ? r : remove_locked(dir, entry);
}

/* What is at the new name, and may it be replaced by @entry? Both directories are locked. */
static int check_target(struct dentry *entry, struct dentry *target, uint32_t flags)
{
	bool is_directory = inode_is(entry->inode, S_IFDIR);

	if (!target || !is_positive(target))
		return flags & RENAME_EXCHANGE ? -ENOENT : 0;
	if (flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (flags & RENAME_EXCHANGE)
		return 0;
	if (is_directory && !inode_is(target->inode, S_IFDIR))
		return -ENOTDIR;
	if (!is_directory && inode_is(target->inode, S_IFDIR))
		return -EISDIR;
	return is_directory ? bury_unlocked(target) : 0;
}

static int exchange(
	struct dentry *old_dir, struct dentry *entry, struct dentry *new_dir, struct dentry *target)
{
	bool moves_up = inode_is(entry->inode, S_IFDIR);
	bool moves_down = inode_is(target->inode, S_IFDIR);

	dentry_exchange(entry, target);
	touch(old_dir->inode, (int)moves_down - (int)moves_up);
	touch(new_dir->inode, (int)moves_up - (int)moves_down);
	inode_touch(entry->inode, false, true);
	inode_touch(target->inode, false, true);
	return 0;
}

/* RENAME_WHITEOUT: a character device 0/0 stays at the old name. */
static int whiteout_device_new(struct dentry *dir, struct dentry *entry, struct dentry **ret)
{
	struct inode_template template = {.mode = S_IFCHR};
	struct inode *inode;

	inode_template_init(&template, dir->inode, S_IFCHR, false);
	inode = memory_inode_new(dir->inode->mount, &template);
	if (!inode)
		return -ENOSPC;
	*ret = dentry_new(dir, entry->name, entry->name_length, inode);
	inode_unref(inode);
	return *ret ? 0 : -ENOSPC;
}

static int move(struct dentry *old_dir, struct dentry *entry, struct dentry *new_dir,
	const char *name, uint32_t length, struct dentry *target, uint32_t flags)
{
	CLEANUP(dentry_unrefp) struct dentry *left = NULL;
	bool is_directory = inode_is(entry->inode, S_IFDIR);
	bool replaces = target && is_positive(target);
	int r;

	r = flags & RENAME_WHITEOUT ? whiteout_device_new(old_dir, entry, &left)
				    : whiteout_new(old_dir, entry, &left);
	r = r ? r : dentry_move(entry, new_dir, name, length, target);
	if (r)
		return r == -ENOMEM ? -ENOSPC : r;
	if (target && !replaces)
		memory_inode_of(new_dir->inode)->negative_count--;
	if (flags & RENAME_WHITEOUT)
		dentry_link(left);
	else
		whiteout_link(old_dir, left);
	if (replaces)
		drop_link(target->inode);
	touch(old_dir->inode, is_directory ? -1 : 0);
	touch(new_dir->inode, is_directory && !replaces ? 1 : 0);
	inode_touch(entry->inode, false, true);
	return 0;
}

static int rename_locked(struct dentry *old_dir, struct dentry *entry, struct dentry *new_dir,
	const char *name, uint32_t length, struct dentry *expected, uint32_t flags)
{
	CLEANUP(dentry_unrefp) struct dentry *target = NULL;
	int r;

	if (!is_entry_of(entry, old_dir) || new_dir->inode->flags & INODE_DEAD)
		return -ENOENT;
	r = find_locked(new_dir, name, length, &target);
	if (r)
		return r;
	if ((target && is_positive(target) ? target : NULL) != expected)
		return -EAGAIN;
	r = check_target(entry, target, flags);
	if (r)
		return r;
	/* Two names of one file: both stay (rename(2)). */
	if (target && target->inode == entry->inode)
		return 0;
	if (flags & RENAME_EXCHANGE)
		return exchange(old_dir, entry, new_dir, target);
	return move(old_dir, entry, new_dir, name, length, target, flags);
}

static int directory_rename(struct dentry *old_dir, struct dentry *entry, struct dentry *new_dir,
	const char *name, uint32_t length, struct dentry *target, uint32_t flags)
{
	struct lock *first = &old_dir->inode->lock, *second = &new_dir->inode->lock;
	int r;

	/* Parents first: rmdir(2) holds one while it wants the child's. */
	if (dentry_is_below(old_dir, new_dir) ||
		(!dentry_is_below(new_dir, old_dir) && second < first)) {
		second = first;
		first = &new_dir->inode->lock;
	}
	lock_acquire(first);
	if (first != second)
		lock_acquire(second);
	r = rename_locked(old_dir, entry, new_dir, name, length, target, flags);
	lock_release(first);
	if (first != second)
		lock_release(second);
	return r;
}

/* Where the last call stopped, if that entry is still in the list: a large directory is not counted
 * through each time. file->private_data holds a reference. */
static struct dentry *resume_after(struct file *file, struct dentry *dir)
{
	struct dentry *last = file->private_data;

	if (last && last->parent == dir && last->flags & DENTRY_HASHED &&
		last->position + 1 == file->position)
		return last;
	return NULL;
}

static uint64_t entry_number(const struct dentry *entry)
{
	if (!entry->inode)
		return entry->image_nid;
	/* A mount point shows what it covers, as on Linux. */
	return entry->inode->number;
}

static uint32_t entry_type(const struct dentry *entry)
{
	return entry->inode ? directory_type(entry->inode->mode) : entry->image_type;
}

static void iterate_locked(struct file *file, struct dentry *dir, void *context)
{
	struct dentry *last = resume_after(file, dir), *stop = last;
	struct list *at = last ? last->sibling.next : dir->children.next;

	for (; at != &dir->children; at = at->next) {
		struct dentry *entry = LIST_ENTRY(at, struct dentry, sibling);

		if (entry->position < file->position || !is_positive(entry))
			continue;
		if (!directory_emit(context, entry->name, entry->name_length, entry_number(entry),
			    entry_type(entry), entry->position + 1))
			break;
		stop = entry;
	}
	if (stop == last)
		return;
	dentry_unref(file->private_data);
	file->private_data = dentry_ref(stop);
}

static int directory_iterate(struct file *file, void *context)
{
	struct inode *inode = file->inode;
	int r = 0;

	if (!directory_emit_dots(context, file))
		return 0;
	LOCK_SCOPE(&inode->lock);
	if (!is_complete(inode))
		r = image_complete(dentry_real(file->dentry));
	if (!r)
		iterate_locked(file, dentry_real(file->dentry), context);
	if (!(file->flags & O_NOATIME))
		inode_touch_read(inode);
	return r;
}

static long directory_seek(struct file *file, int64_t offset, int whence)
{
	if (whence != SEEK_SET && whence != SEEK_CUR)
		return -EINVAL;
	return file_seek_within(file, offset, whence, 0);
}

static long directory_read(struct file *file, struct io *io, uint64_t *offset)
{
	(void)file;
	(void)io;
	(void)offset;
	return -EISDIR;
}

static void directory_release(struct file *file)
{
	dentry_unref(file->private_data);
}

const struct inode_ops memory_directory_ops = {
	.lookup = directory_lookup,
	.make = directory_make,
	.make_unnamed = directory_make_unnamed,
	.link = directory_link,
	.unlink = directory_unlink,
	.rmdir = directory_rmdir,
	.rename = directory_rename,
	.setattr = memory_setattr,
	.release = memory_release,
	MEMORY_XATTR_OPS,
};

const struct file_ops memory_directory_file_ops = {
	.read = directory_read,
	.seek = directory_seek,
	.iterate = directory_iterate,
	.release = directory_release,
};
