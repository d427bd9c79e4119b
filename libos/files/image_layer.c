#include "libos/files/image_layer.h"

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/log.h"
#include "libos/files/erofs.h"
#include "libos/files/file.h"
#include "libos/files/xattrs.h"

/* Names that are not in a directory are remembered, so many of them. */
#define NEGATIVE_COUNT_MAX 1024
#define LINK_BUCKETS 256
#define OVERLAY_MAGIC 0x794c7630
/* Inode numbers of the image are its nids: one for each 32 bytes of its blocks. */
#define NIDS_PER_BLOCK 128

/* Inodes of the image with several names must be one inode: found here by nid. Each stays for good:
 * the table has a reference. */
struct shared_inode {
	struct list link;
	struct inode *inode;
};

struct image_root {
	struct erofs *erofs;
	struct lock lock;
	struct list shared[LINK_BUCKETS]; /* struct shared_inode */
};

/* DT_* of enum erofs_file_type. */
static const uint8_t entry_types[] = {0, 8, 4, 2, 6, 1, 12, 10};

static int damaged(uint64_t nid, const char *what, int error)
{
	if (error == -ENOMEM)
		return error;
	log_line(LOG_ERROR, "image: inode %lu: cannot read its %s: error %d", nid, what, -error);
	return -EIO;
}

bool image_nid(const struct inode *inode, uint64_t *ret_nid)
{
	const struct memory_inode *memory =
		CONTAINER_OF((struct inode *)(uintptr_t)inode, struct memory_inode, inode);

	if (!inode->mount || inode->mount->magic != OVERLAY_MAGIC || !memory->image ||
		memory->is_changed)
		return false;
	*ret_nid = memory->image->nid;
	return true;
}

static int image_fill(struct data *data, uint64_t offset, void *to, size_t size)
{
	const struct memory_inode *memory = CONTAINER_OF(data, struct memory_inode, data);
	size_t got;
	int r = erofs_read(memory->image, offset, to, size, &got);

	if (!r && got == size)
		return 0;
	if (r == -ENOMEM)
		return r;
	/* What could not be read has been told of, with its place. */
	log_line(r == -EIO ? LOG_INFO : LOG_ERROR,
		"image: inode %lu: damaged data in block %lu: error %d", memory->image->nid,
		offset / PAGE_SIZE, r ? -r : EIO);
	return -EIO;
}

static int target_load(struct memory_inode *memory)
{
	const struct erofs_inode *image = memory->image;
	size_t size;
	int r;

	if (image->size >= PAGE_SIZE)
		return -ENAMETOOLONG;
	memory->target = heap_alloc(image->size + 1);
	if (!memory->target)
		return -ENOMEM;
	r = erofs_readlink(image, memory->target, image->size, &size);
	if (!r && (size != image->size || strlen(memory->target) != size))
		r = -EIO;
	return r;
}

static void attributes_load(struct inode *inode, const struct erofs_inode *image)
{
	inode->uid = image->uid;
	inode->gid = image->gid;
	inode->link_count = image->nlink;
	inode->size = image->size;
	inode->mtime_ns = image->mtime * 1000000000 + image->mtime_nsec;
	inode->atime_ns = inode->ctime_ns = inode->btime_ns = inode->mtime_ns;
}

static int content_load(struct memory_inode *memory)
{
	struct inode *inode = &memory->inode;
	const struct erofs_inode *image = memory->image;

	attributes_load(inode, image);
	switch (inode->mode & S_IFMT) {
	case S_IFDIR:
		inode->flags = INODE_CACHED;
		return 0;
	case S_IFREG:
		data_init(&memory->data, image->size, image_fill);
		return 0;
	case S_IFLNK:
		return target_load(memory);
	default:
		inode->rdev = device_number(image->rdev_major, image->rdev_minor);
		return 0;
	}
}

static int inode_load(struct mount *mount, uint64_t nid, struct inode **ret_inode)
{
	const struct image_root *root = mount->private;
	CLEANUP(heap_freep) struct erofs_inode *image = heap_alloc(sizeof(*image));
	struct memory_inode *memory;
	int r;

	if (!image)
		return -ENOMEM;
	r = erofs_inode_read(root->erofs, nid, image);
	if (r)
		return r;
	memory = memory_inode_new_empty(mount, image->mode, nid);
	if (!memory)
		return -ENOMEM;
	memory->image = TAKE(image);
	r = content_load(memory);
	if (r) {
		inode_unref(&memory->inode);
		return r;
	}
	*ret_inode = &memory->inode;
	return 0;
}

static struct inode *shared_find(struct image_root *root, uint64_t nid)
{
	struct list *bucket = &root->shared[nid % LINK_BUCKETS];
	struct shared_inode *shared;

	LIST_FOR_EACH (shared, bucket, link)
		if (shared->inode->number == nid)
			return inode_ref(shared->inode);
	return NULL;
}

static int shared_add(struct image_root *root, struct inode *inode)
{
	struct shared_inode *shared = heap_alloc(sizeof(*shared));

	if (!shared)
		return -ENOMEM;
	shared->inode = inode_ref(inode);
	list_add(&root->shared[inode->number % LINK_BUCKETS], &shared->link);
	return 0;
}

/* The inode @nid, a new one or another name's: referenced. */
static int inode_get(struct mount *mount, uint64_t nid, struct inode **ret_inode)
{
	struct image_root *root = mount->private;
	int r;

	LOCK_SCOPE(&root->lock);
	*ret_inode = shared_find(root, nid);
	if (*ret_inode)
		return 0;
	r = inode_load(mount, nid, ret_inode);
	if (r)
		return damaged(nid, "attributes", r);
	if (inode_is(*ret_inode, S_IFDIR) || (*ret_inode)->link_count == 1)
		return 0;
	r = shared_add(root, *ret_inode);
	if (r)
		inode_unref(*ret_inode);
	return r;
}

int image_load(struct dentry *entry)
{
	struct inode *inode;
	int r = inode_get(entry->parent->inode->mount, entry->image_nid, &inode);

	if (!r)
		dentry_set_inode(entry, inode);
	return r;
}

static int entry_new(struct dentry *dir, const char *name, uint32_t length, uint32_t flags,
	uint64_t nid, uint8_t type, struct dentry **ret_entry)
{
	struct dentry *entry = dentry_new(dir, name, length, NULL);

	if (!entry)
		return -ENOMEM;
	entry->flags |= flags;
	entry->image_nid = nid;
	entry->image_type = type < ARRAY_SIZE(entry_types) ? entry_types[type] : 0;
	dentry_link(entry);
	*ret_entry = entry;
	return 0;
}

int image_lookup(struct dentry *dir, const char *name, uint32_t length, struct dentry **ret_entry)
{
	struct memory_inode *memory = memory_inode_of(dir->inode);
	uint64_t nid = 0;
	uint8_t type = 0;
	int r = erofs_lookup(memory->image, name, length, &nid, &type);

	*ret_entry = NULL;
	if (!r)
		return entry_new(dir, name, length, DENTRY_UNLOADED, nid, type, ret_entry);
	if (r != -ENOENT)
		return damaged(memory->image->nid, "entries", r);
	if (memory->negative_count >= NEGATIVE_COUNT_MAX)
		return -ENOENT;
	memory->negative_count++;
	return entry_new(dir, name, length, DENTRY_NEGATIVE, 0, 0, ret_entry);
}

static int complete_with(void *context, const struct erofs_entry *from)
{
	struct dentry *dir = context, *entry;
	uint32_t length = (uint32_t)from->name_size;
	int r;

	if (from->name[0] == '.' && (length == 1 || (length == 2 && from->name[1] == '.')))
		return 0;
	entry = dentry_find(dir, from->name, length);
	r = entry ? 0
		  : entry_new(dir, from->name, length, DENTRY_UNLOADED, from->nid, from->type,
			    &entry);
	if (!r)
		dentry_unref(entry);
	return r;
}

int image_complete(struct dentry *dir)
{
	struct memory_inode *memory = memory_inode_of(dir->inode);
	struct dentry *entry, *next;
	int r = erofs_readdir(memory->image, 0, complete_with, dir);

	if (r)
		return damaged(memory->image->nid, "entries", r);
	/* First: who misses a name that is forgotten below must not ask the image again. */
	__atomic_or_fetch(&dir->inode->flags, INODE_COMPLETE, __ATOMIC_RELEASE);
	LIST_FOR_EACH_SAFE (entry, next, &dir->children, sibling)
		if (entry->flags & DENTRY_NEGATIVE)
			dentry_unlink(entry);
	memory->negative_count = 0;
	return 0;
}

static int xattr_load(struct memory_inode *memory, const char *name, void *buffer)
{
	size_t size;
	int r = erofs_xattr_get(memory->image, name, buffer, XATTR_VALUE_SIZE_MAX, &size);

	return r ? r : xattrs_set(&memory->xattrs, name, buffer, size, 0);
}

int image_load_xattrs(struct memory_inode *memory)
{
	CLEANUP(heap_freep) char *names = NULL;
	CLEANUP(heap_freep) char *value = NULL;
	size_t size;
	int r;

	r = erofs_xattr_list(memory->image, NULL, 0, &size);
	if (r)
		return damaged(memory->image->nid, "extended attributes", r);
	memory->xattrs_loaded = !size;
	if (!size)
		return 0;
	names = heap_alloc(size + 1);
	value = heap_alloc(XATTR_VALUE_SIZE_MAX);
	if (!names || !value)
		return -ENOMEM;
	r = erofs_xattr_list(memory->image, names, size, &size);
	for (const char *name = names; !r && name < names + size; name += strlen(name) + 1)
		r = xattr_load(memory, name, value);
	memory->xattrs_loaded = !r;
	return r ? damaged(memory->image->nid, "extended attributes", r) : 0;
}

int image_mount_new(struct erofs *image, struct mount **ret_mount)
{
	struct mount *mount = mount_new("overlay", "overlay", OVERLAY_MAGIC, 0);
	struct image_root *root = heap_alloc(sizeof(*root));
	struct inode *inode;
	int r;

	if (!mount || !root)
		return -ENOMEM;
	root->erofs = image;
	for (size_t i = 0; i < LINK_BUCKETS; i++)
		list_init(&root->shared[i]);
	mount->private = root;
	mount->image_inodes = mount->next_inode = image->blocks.block_count * NIDS_PER_BLOCK;
	r = inode_get(mount, image->root_nid, &inode);
	if (r)
		return r;
	if (!inode_is(inode, S_IFDIR))
		return damaged(image->root_nid, "root directory", -ENOTDIR);
	mount->root = dentry_new(NULL, "/", 1, inode);
	inode_unref(inode);
	if (!mount->root)
		return -ENOMEM;
	*ret_mount = mount;
	return 0;
}
