#include "libos/files/handles.h"

#include "base/memory.h"

struct handle handle_of(const struct inode *inode)
{
	return (struct handle){inode->mount ? mount_unique_id(inode->mount) : 0, inode->number};
}

/* Files of processes come and go by number: those have names to compare at most. */
bool handle_can_open(const struct inode *inode)
{
	return inode->mount && strcmp(inode->mount->type, "proc") != 0;
}

/* The first entry of @dir after @last (NULL: of all) that has an inode: referenced, or NULL. */
static struct dentry *next_in(struct dentry *dir, const struct dentry *last)
{
	struct dentry *child;

	LOCK_SCOPE(&dir->inode->lock);
	LIST_FOR_EACH (child, &dir->children, sibling)
		if (child->inode && (!last || child->position > last->position))
			return dentry_ref(child);
	return NULL;
}

/* The same where @last is most often still in its place. */
static struct dentry *next_after(struct dentry *dir, struct dentry *last)
{
	struct list *at;

	{
		LOCK_SCOPE(&dir->inode->lock);
		if (last->flags & DENTRY_HASHED) {
			for (at = last->sibling.next; at != &dir->children; at = at->next)
				if (LIST_ENTRY(at, struct dentry, sibling)->inode)
					return dentry_ref(LIST_ENTRY(at, struct dentry, sibling));
			return NULL;
		}
	}
	return next_in(dir, last);
}

/* Depth first; @at's reference is taken over. NULL: that was all. rename_lock held: parents stay.
 */
static struct dentry *next_of_tree(struct dentry *top, struct dentry *at)
{
	struct dentry *next = inode_is(at->inode, S_IFDIR) ? next_in(at, NULL) : NULL;

	while (!next && at != top) {
		struct dentry *parent = dentry_ref(at->parent);

		next = next_after(parent, at);
		dentry_unref(at);
		at = parent;
	}
	dentry_unref(at);
	return next;
}

int handle_find(struct mount *fs, uint64_t number, struct dentry **ret_entry)
{
	struct dentry *top = fs->root, *at;

	if (!top || !(top->inode->flags & INODE_CACHED))
		return -ESTALE;
	LOCK_SCOPE(&rename_lock);
	for (at = dentry_ref(top); at; at = next_of_tree(top, at))
		if (at->inode->number == number && at->inode->mount == fs) {
			*ret_entry = at;
			return 0;
		}
	return -ESTALE;
}
