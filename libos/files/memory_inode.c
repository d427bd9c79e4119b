#include "libos/files/memory_inode.h"

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/file.h"
#include "libos/files/image_layer.h"
#include "libos/files/open.h"
#include "libos/files/xattrs.h"

static const struct inode_ops *ops_of(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return &memory_directory_ops;
	case S_IFREG:
		return &memory_file_inode_ops;
	case S_IFLNK:
		return &memory_link_ops;
	default:
		return &memory_special_ops;
	}
}

static const struct file_ops *file_ops_of(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return &memory_directory_file_ops;
	case S_IFREG:
		return &memory_file_ops;
	default:
		return NULL;
	}
}

struct memory_inode *memory_inode_new_empty(struct mount *mount, uint32_t mode, uint64_t number)
{
	struct memory_inode *memory = heap_alloc(sizeof(*memory));

	if (memory)
		inode_init(&memory->inode, mount, ops_of(mode), file_ops_of(mode), mode, number);
	return memory;
}

static bool content_init(struct memory_inode *memory, const struct inode_template *template)
{
	struct inode *inode = &memory->inode;

	switch (inode->mode & S_IFMT) {
	case S_IFDIR:
		inode->flags = INODE_CACHED | INODE_COMPLETE;
		inode->link_count = 2;
		return true;
	case S_IFREG:
		data_init(&memory->data, 0, NULL);
		if (inode->mount && (inode->mount->flags & MOUNT_REMOVABLE ||
					    inode->mount->quota.limit != UINT64_MAX))
			memory->data.quota = &inode->mount->quota;
		return true;
	case S_IFLNK:
		inode->size = strlen(template->target);
		inode->mode |= 0777;
		memory->target = heap_alloc(inode->size + 1);
		if (memory->target)
			memcpy(memory->target, template->target, inode->size);
		return memory->target;
	default:
		inode->rdev = template->rdev;
		return true;
	}
}

struct inode *memory_inode_new(struct mount *mount, const struct inode_template *template)
{
	struct memory_inode *memory;

	if (mount_is_full(mount))
		return NULL;
	memory = memory_inode_new_empty(mount, template->mode, mount_next_inode(mount));
	if (!memory)
		return NULL;
	memory->xattrs_loaded = true;
	memory->inode.uid = template->uid;
	memory->inode.gid = template->gid;
	memory->inode.marks = template->marks;
	if (!content_init(memory, template)) {
		heap_free(memory);
		return NULL;
	}
	return &memory->inode;
}

void memory_release(struct inode *inode)
{
	struct memory_inode *memory = memory_inode_of(inode);

	xattrs_free(memory->xattrs);
	heap_free(memory->image);
	if (inode_is(inode, S_IFREG))
		data_done(&memory->data);
	else if (inode_is(inode, S_IFLNK))
		heap_free(memory->target);
}

int memory_setattr(struct inode *inode, const struct inode_change *change)
{
	LOCK_SCOPE(&inode->lock);
	inode_change_apply(inode, change);
	return 0;
}

static const char *link_target(struct inode *inode)
{
	return memory_inode_of(inode)->target;
}

static long link_read(struct inode *inode, char *to, size_t size)
{
	size_t length = string_copy(to, memory_inode_of(inode)->target, size);

	return (long)MIN(length, size - 1);
}

const struct inode_ops memory_link_ops = {
	.readlink = link_read,
	.target = link_target,
	.setattr = memory_setattr,
	.release = memory_release,
	MEMORY_XATTR_OPS,
};

const struct inode_ops memory_special_ops = {
	.setattr = memory_setattr,
	.release = memory_release,
	MEMORY_XATTR_OPS,
};

struct mount *memory_mount_new(
	const char *type, const char *source, uint64_t magic, uint32_t flags, uint32_t mode)
{
	struct inode_template template = {.mode = S_IFDIR | mode};
	struct mount *mount = mount_new(type, source, magic, flags);
	struct inode *inode;

	if (!mount)
		return NULL;
	inode = memory_inode_new(mount, &template);
	if (inode)
		mount->root = dentry_new(NULL, "/", 1, inode);
	inode_unref(inode);
	if (mount->root)
		return mount;
	mount_discard(mount);
	return NULL;
}

/* The image's attributes join the others at the first question. Lock held. */
static int xattrs_ready(struct memory_inode *memory)
{
	return memory->xattrs_loaded || !memory->image ? 0 : image_load_xattrs(memory);
}

long memory_xattr_get(struct inode *inode, const char *name, void *to, size_t size)
{
	struct memory_inode *memory = memory_inode_of(inode);
	int r;

	LOCK_SCOPE(&inode->lock);
	r = xattrs_ready(memory);
	return r ? r : xattrs_get(memory->xattrs, name, to, size);
}

int memory_xattr_set(
	struct inode *inode, const char *name, const void *from, size_t size, int flags)
{
	struct memory_inode *memory = memory_inode_of(inode);
	int r;

	LOCK_SCOPE(&inode->lock);
	r = xattrs_ready(memory);
	r = r ? r : xattrs_set(&memory->xattrs, name, from, size, flags);
	if (!r)
		inode_touch(inode, false, true);
	return r;
}

long memory_xattr_list(struct inode *inode, char *to, size_t size)
{
	struct memory_inode *memory = memory_inode_of(inode);
	int r;

	LOCK_SCOPE(&inode->lock);
	r = xattrs_ready(memory);
	return r ? r : xattrs_list(memory->xattrs, to, size);
}

int memory_xattr_remove(struct inode *inode, const char *name)
{
	struct memory_inode *memory = memory_inode_of(inode);
	int r;

	LOCK_SCOPE(&inode->lock);
	r = xattrs_ready(memory);
	r = r ? r : xattrs_remove(memory->xattrs, name);
	if (!r)
		inode_touch(inode, false, true);
	return r;
}
