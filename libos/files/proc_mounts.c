/* The tables of mounts: /proc/PID/mounts, mountinfo, mountstats. */
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/fs_context.h"
#include "libos/files/mount.h"
#include "libos/files/mount_types.h"
#include "libos/files/path.h"
#include "libos/files/proc.h"

#define SPECIAL_CHARACTERS " \t\n\\#"

/* Calls @put with each mount that the caller can reach, and where it is. */
static int for_each_mount(
	struct text *text, void (*put)(struct text *text, struct mount *mount, const char *path))
{
	CLEANUP(heap_freep) char *path = heap_alloc(PATH_SIZE);
	struct dentry *root = fs_context_root();
	struct mount *mount;

	if (path) {
		LOCK_SCOPE(&mounts_lock);
		LIST_FOR_EACH (mount, &mounts, link)
			if (dentry_path(mount->root, root, path, PATH_SIZE) > 0 && *path == '/')
				put(text, mount, path);
	}
	dentry_unref(root);
	return path ? 0 : -ENOMEM;
}

static void put_options(struct text *text, struct mount *mount)
{
	const struct mount *fs = mount_file_system(mount);
	static const struct {
		uint32_t flag;
		const char *name;
	} options[] = {
		{MOUNT_NOSUID, ",nosuid"},
		{MOUNT_NODEV, ",nodev"},
		{MOUNT_NOEXEC, ",noexec"},
		{MOUNT_SYNCHRONOUS, ",sync"},
		{MOUNT_NOATIME, ",noatime"},
		{MOUNT_NODIRATIME, ",nodiratime"},
		{MOUNT_NOSYMFOLLOW, ",nosymfollow"},
	};

	text_put(text, "%s", mount->flags & MOUNT_READ_ONLY ? "ro" : "rw");
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (mount->flags & options[i].flag)
			text_put(text, "%s", options[i].name);
	if (!(mount->flags & (MOUNT_NOATIME | MOUNT_STRICTATIME)))
		text_put(text, ",relatime");
	if (fs->quota.limit != UINT64_MAX && fs->quota.limit != mount_tmpfs_pages())
		text_put(text, ",size=%luk", fs->quota.limit << (PAGE_SHIFT - 10));
}

static void put_mount(struct text *text, struct mount *mount, const char *path)
{
	text_put_escaped(text, mount->source, SPECIAL_CHARACTERS);
	text_put(text, " ");
	text_put_escaped(text, path, SPECIAL_CHARACTERS);
	text_put(text, " %s ", mount->type);
	put_options(text, mount);
	text_put(text, " 0 0\n");
}

/* What of the file system it shows. */
static void put_root(struct text *text, struct mount *mount)
{
	CLEANUP(heap_freep) char *path = heap_alloc(PATH_SIZE);

	if (path && mount_root_path(mount, path, PATH_SIZE) > 0)
		text_put_escaped(text, path, SPECIAL_CHARACTERS);
	else
		text_put(text, "/");
}

static void put_mount_info(struct text *text, struct mount *mount, const char *path)
{
	const struct mount *fs = mount_file_system(mount);

	text_put(text, "%d %d %u:%u ", mount->id, mount->parent_id, device_major(mount->device),
		device_minor(mount->device));
	put_root(text, mount);
	text_put(text, " ");
	text_put_escaped(text, path, SPECIAL_CHARACTERS);
	text_put(text, " ");
	put_options(text, mount);
	text_put(text, " - %s ", mount->type);
	text_put_escaped(text, mount->source, SPECIAL_CHARACTERS);
	text_put(text, " %s\n", fs->flags & MOUNT_READ_ONLY ? "ro" : "rw");
}

static void put_mount_stats(struct text *text, struct mount *mount, const char *path)
{
	text_put(text, "device ");
	text_put_escaped(text, mount->source, SPECIAL_CHARACTERS);
	text_put(text, " mounted on ");
	text_put_escaped(text, path, SPECIAL_CHARACTERS);
	text_put(text, " with fstype %s\n", mount->type);
}

int proc_show_mounts(const struct computed_entry *entry, struct text *text)
{
	(void)entry;
	return for_each_mount(text, put_mount);
}

int proc_show_mountinfo(const struct computed_entry *entry, struct text *text)
{
	(void)entry;
	return for_each_mount(text, put_mount_info);
}

int proc_show_mountstats(const struct computed_entry *entry, struct text *text)
{
	(void)entry;
	return for_each_mount(text, put_mount_stats);
}
