#include "libos/files/mount.h"

#include "libos/core/heap.h"
#include "libos/core/log.h"
#include "libos/files/path.h"

/* What statfs(2) calls the size of file systems in memory: 16 GiB. */
#define MEMORY_PAGES (16UL << (30 - PAGE_SHIFT))
#define INODE_NUMBER_FIRST 2 /* 1 is bad blocks' by tradition, 2 the root directory's */

struct list mounts = LIST_INIT(mounts);

static struct dentry *root;
static int32_t next_id = 1;

struct mount *mount_new(const char *type, const char *source, uint64_t magic, uint32_t flags)
{
	struct mount *mount = heap_alloc(sizeof(*mount));

	if (!mount)
		return NULL;
	mount->id = next_id++;
	mount->type = type;
	mount->source = source;
	mount->magic = magic;
	mount->flags = flags;
	mount->device = device_number(0, (uint32_t)mount->id + 20);
	mount->next_inode = INODE_NUMBER_FIRST - 1;
	list_init(&mount->link);
	return mount;
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
		point->mounted = mount->root;
		mount->covered = point;
		mount->parent_id = point->inode->mount->id;
	}
	list_add_tail(&mounts, &mount->link);
	return 0;
}

uint64_t mount_next_inode(struct mount *mount)
{
	return __atomic_add_fetch(&mount->next_inode, 1, __ATOMIC_RELAXED);
}

struct dentry *mount_root(void)
{
	return root;
}

/* Of file systems in memory: what the LibOS holds now, of as much as it could. */
void mount_statistics(struct mount *mount, uint64_t *ret_total, uint64_t *ret_free,
	uint64_t *ret_inodes, uint64_t *ret_inodes_free)
{
	if (mount->statistics) {
		mount->statistics(mount, ret_total, ret_free, ret_inodes, ret_inodes_free);
		return;
	}
	*ret_total = MEMORY_PAGES;
	*ret_free = MEMORY_PAGES - MIN(heap_used() >> PAGE_SHIFT, MEMORY_PAGES);
	*ret_inodes = MEMORY_PAGES;
	*ret_inodes_free = MEMORY_PAGES - MIN(mount->next_inode, MEMORY_PAGES);
}
