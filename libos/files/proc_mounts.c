/* The tables of mounts: /proc/PID/mounts, mountinfo, mountstats. */
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/fs_context.h"
#include "libos/files/mount.h"
#include "libos/files/path.h"
#include "libos/files/proc.h"

#define SPECIAL_CHARACTERS " \t\n\\#"

/* Calls @put with each mount that the caller can reach, and where it is. */
static int for_each_mount(struct text *text,
	void (*put)(struct text *text, const struct mount *mount, const char *path))
{
	CLEANUP(heap_freep) char *path = heap_alloc(PATH_SIZE);
	struct dentry *root = fs_context_root();
	struct mount *mount;

	if (path)
		LIST_FOR_EACH (mount, &mounts, link)
			if (dentry_path(mount->root, root, path, PATH_SIZE) > 0 && *path == '/')
				put(text, mount, path);
	dentry_unref(root);
	return path ? 0 : -ENOMEM;
}

static void put_options(struct text *text, const struct mount *mount)
{
	text_put(text, "%s%s%s%s,relatime", mount->flags & MOUNT_READ_ONLY ? "ro" : "rw",
		mount->flags & MOUNT_NOSUID ? ",nosuid" : "",
		mount->flags & MOUNT_NODEV ? ",nodev" : "",
		mount->flags & MOUNT_NOEXEC ? ",noexec" : "");
}

static void put_mount(struct text *text, const struct mount *mount, const char *path)
{
	text_put_escaped(text, mount->source, SPECIAL_CHARACTERS);
	text_put(text, " ");
	text_put_escaped(text, path, SPECIAL_CHARACTERS);
	text_put(text, " %s ", mount->type);
	put_options(text, mount);
	text_put(text, " 0 0\n");
}

static void put_mount_info(struct text *text, const struct mount *mount, const char *path)
{
	text_put(text, "%d %d %u:%u / ", mount->id, mount->parent_id, device_major(mount->device),
		device_minor(mount->device));
	text_put_escaped(text, path, SPECIAL_CHARACTERS);
	text_put(text, " ");
	put_options(text, mount);
	text_put(text, " - %s ", mount->type);
	text_put_escaped(text, mount->source, SPECIAL_CHARACTERS);
	text_put(text, " %s\n", mount->flags & MOUNT_READ_ONLY ? "ro" : "rw");
}

static void put_mount_stats(struct text *text, const struct mount *mount, const char *path)
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
