/* What a program finds when it starts: the tree of file systems. */
#include <linux/major.h>

#include "base/format.h"
#include "base/memory.h"
#include "libos/files/attestation.h"
#include "libos/files/image_layer.h"
#include "libos/files/loop.h"
#include "libos/files/mount_types.h"
#include "libos/files/open.h"
#include "libos/files/path.h"
#include "libos/files/proc.h"
#include "libos/files/sysfs.h"
#include "libos/ipc/posix_queue.h"

struct node {
	const char *name;
	uint32_t mode;
	uint64_t rdev;
	const char *target;
};

#define MEMORY_DEVICE(minor) ((uint64_t)MEM_MAJOR << 8 | (minor))

static const struct node device_nodes[] = {
	{"null", S_IFCHR | 0666, MEMORY_DEVICE(3), NULL},
	{"zero", S_IFCHR | 0666, MEMORY_DEVICE(5), NULL},
	{"full", S_IFCHR | 0666, MEMORY_DEVICE(7), NULL},
	{"random", S_IFCHR | 0666, MEMORY_DEVICE(8), NULL},
	{"urandom", S_IFCHR | 0666, MEMORY_DEVICE(9), NULL},
	{"tty", S_IFCHR | 0666, (uint64_t)TTYAUX_MAJOR << 8, NULL},
	{"console", S_IFCHR | 0600, (uint64_t)TTYAUX_MAJOR << 8 | 1, NULL},
	{"loop-control", S_IFCHR | 0660, (uint64_t)MISC_MAJOR << 8 | LOOP_CONTROL_MINOR, NULL},
	{"attestation", S_IFDIR | 0755, 0, NULL},
	{"pts", S_IFDIR | 0755, 0, NULL},
	{"ptmx", S_IFLNK, 0, "pts/ptmx"},
	{"fd", S_IFLNK, 0, "/proc/self/fd"},
	{"stdin", S_IFLNK, 0, "/proc/self/fd/0"},
	{"stdout", S_IFLNK, 0, "/proc/self/fd/1"},
	{"stderr", S_IFLNK, 0, "/proc/self/fd/2"},
	{"core", S_IFLNK, 0, "/proc/kcore"},
};

static int node_make(struct dentry *dir, const struct node *node)
{
	struct inode_template template = {
		.mode = node->mode, .rdev = node->rdev, .target = node->target};
	struct dentry *entry;
	int r = dir->inode->ops->make(
		dir, node->name, (uint32_t)strlen(node->name), &template, &entry);

	if (!r)
		dentry_unref(entry);
	return r;
}

/* /dev/loop0 and so on. */
static int loop_nodes_make(struct dentry *dir)
{
	char name[16];
	int r = 0;

	loop_init();
	for (uint32_t i = 0; i < LOOP_DEVICES_MAX && !r; i++) {
		const struct node node = {name, S_IFBLK | 0660, device_number(LOOP_MAJOR, i), NULL};

		format_string(name, sizeof(name), "loop%u", i);
		r = node_make(dir, &node);
	}
	return r;
}

/* @pages: at most so many; UINT64_MAX: as many as there are. */
static int memory_mount_at(const char *path, uint32_t flags, uint32_t mode, uint64_t pages)
{
	struct mount *mount = memory_mount_new("tmpfs", "tmpfs", TMPFS_MAGIC, flags, mode);

	if (!mount)
		return -ENOMEM;
	mount->quota.limit = pages;
	return mount_attach(mount, path);
}

static int devices_mount(void)
{
	CLEANUP(dentry_unrefp) struct dentry *dir = NULL;
	int r = memory_mount_at("/dev", MOUNT_NOSUID, 0755, UINT64_MAX);

	r = r ? r : path_walk(AT_FDCWD, "/dev", PATH_FROM_ROOT, 0, &dir);
	for (size_t i = 0; i < ARRAY_SIZE(device_nodes) && !r; i++)
		r = node_make(dir, &device_nodes[i]);
	r = r ? r : loop_nodes_make(dir);
	r = r ? r : attestation_mount();
	r = r ? r
	      : memory_mount_at("/dev/shm", MOUNT_NOSUID | MOUNT_NODEV, 01777, mount_tmpfs_pages());
	return r ? r : posix_queues_mount();
}

/* Images made of single programs have no /tmp. */
static int temporary_make(void)
{
	CLEANUP(dentry_unrefp) struct dentry *root = dentry_ref(mount_root());
	static const struct node tmp = {"tmp", S_IFDIR | 01777, 0, NULL};
	int r = node_make(root, &tmp);

	return r == -EEXIST ? 0 : r;
}

static int root_mount(struct erofs *image)
{
	struct mount *mount;
	int r = 0;

	if (image)
		r = image_mount_new(image, &mount);
	else
		mount = memory_mount_new("tmpfs", "none", TMPFS_MAGIC, 0, 0755);
	if (r || !mount)
		return r ? r : -ENOMEM;
	return mount_attach(mount, "/");
}

int files_init(struct erofs *image_root)
{
	int r = dentry_cache_init();

	r = r ? r : root_mount(image_root);
	r = r ? r : temporary_make();
	r = r ? r : devices_mount();
	r = r ? r : proc_mount();
	return r ? r : sysfs_mount();
}
