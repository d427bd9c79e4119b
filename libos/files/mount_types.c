#include "libos/files/mount_types.h"

#include "base/checked.h"
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/memory_inode.h"
#include "libos/files/proc.h"
#include "libos/files/sysfs.h"
#include "libos/processes/process.h"
#include "platform/platform.h"

#define RAMFS_MAGIC 0x858458f6

/* tmpfs(5). UINT64_MAX, UINT32_MAX: not said. */
struct tmpfs_options {
	uint64_t pages, inodes;
	uint32_t mode, uid, gid;
};

/* A number in @base, then perhaps k, m or g, then the end. */
static bool number_read(const char *text, uint64_t base, uint64_t *ret)
{
	static const char units[] = "kKmMgG";
	uint64_t value = 0;
	const char *unit;

	if (!*text)
		return false;
	for (; *text >= '0' && *text < (char)('0' + base); text++)
		if (__builtin_mul_overflow(value, base, &value) ||
			__builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return false;
	unit = *text ? strchr(units, *text) : NULL;
	if (unit) {
		unsigned int shift = 10 * ((unsigned int)(unit - units) / 2 + 1);

		if (value > UINT64_MAX >> shift)
			return false;
		value <<= shift;
		text++;
	}
	*ret = value;
	return !*text;
}

static bool size_read(char *text, uint64_t *ret_pages)
{
	size_t length = strlen(text);
	bool is_percent = length && text[length - 1] == '%';
	uint64_t value, total, free;

	if (is_percent)
		text[length - 1] = '\0';
	if (!number_read(text, 10, &value))
		return false;
	if (is_percent) {
		if (value > 100)
			return false;
		platform_memory_total(&total, &free);
		value = total / 100 * value;
	}
	*ret_pages = value / PAGE_SIZE + !!(value % PAGE_SIZE);
	return true;
}

static bool id_read(const char *text, uint64_t base, uint64_t max, uint32_t *ret)
{
	uint64_t value;

	if (!number_read(text, base, &value) || value > max)
		return false;
	*ret = (uint32_t)value;
	return true;
}

static bool option_read(struct tmpfs_options *options, const char *name, char *value)
{
	uint64_t count;

	if (!strcmp(name, "size"))
		return size_read(value, &options->pages);
	if (!strcmp(name, "nr_blocks"))
		return number_read(value, 10, &options->pages);
	if (!strcmp(name, "nr_inodes")) {
		if (!number_read(value, 10, &count))
			return false;
		options->inodes = count;
		return true;
	}
	if (!strcmp(name, "mode"))
		return id_read(value, 8, 07777, &options->mode);
	if (!strcmp(name, "uid"))
		return id_read(value, 10, INT32_MAX, &options->uid);
	if (!strcmp(name, "gid"))
		return id_read(value, 10, INT32_MAX, &options->gid);
	/* Memory is the LibOS's to place: without effect. */
	return !strcmp(name, "huge") || !strcmp(name, "mpol");
}

/* "name=value,name": no option of ours goes without a value but noswap, and there is no swap. */
static int options_read(char *text, struct tmpfs_options *ret)
{
	struct tmpfs_options options = {UINT64_MAX, UINT64_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};

	while (*text) {
		char *end = strchr(text, ','), *next, *value;

		next = end ? end + 1 : text + strlen(text);
		if (end)
			*end = '\0';
		value = strchr(text, '=');
		if (value) {
			*value++ = '\0';
			if (!option_read(&options, text, value))
				return -EINVAL;
		} else if (*text && strcmp(text, "noswap") != 0 && strncmp(text, "inode", 5) != 0) {
			return -EINVAL;
		}
		text = next;
	}
	*ret = options;
	return 0;
}

uint64_t mount_tmpfs_pages(void)
{
	uint64_t total, free;

	platform_memory_total(&total, &free);
	return MIN(total, heap_limit()) / PAGE_SIZE / 2;
}

/* 0 means none of either, as in tmpfs(5). */
static void limits_set(struct mount *mount, const struct tmpfs_options *options)
{
	if (options->pages != UINT64_MAX)
		mount->quota.limit = options->pages ? options->pages : UINT64_MAX;
	if (options->inodes != UINT64_MAX)
		mount->inode_limit = options->inodes ? options->inodes : UINT64_MAX;
}

static int tmpfs_make(const char *type, uint64_t magic, uint32_t flags,
	const struct tmpfs_options *options, struct mount **ret_mount)
{
	const struct credentials *credentials = &thread_current()->credentials;
	uint32_t mode = options->mode == UINT32_MAX ? 01777 : options->mode;
	struct mount *mount = memory_mount_new(type, "none", magic, flags, mode);

	if (!mount)
		return -ENOMEM;
	mount->root->inode->uid = options->uid == UINT32_MAX ? credentials->fsuid : options->uid;
	mount->root->inode->gid = options->gid == UINT32_MAX ? credentials->fsgid : options->gid;
	if (magic == TMPFS_MAGIC)
		mount->quota.limit = mount_tmpfs_pages();
	limits_set(mount, options);
	*ret_mount = mount;
	return 0;
}

/* The types are as many as are written here; each takes the flags and the options. */
static int make(const char *type, uint32_t flags, char *text, struct mount **ret_mount)
{
	struct tmpfs_options options;
	int r = 0;

	if (!strcmp(type, "tmpfs")) {
		r = options_read(text, &options);
		return r ? r : tmpfs_make("tmpfs", TMPFS_MAGIC, flags, &options, ret_mount);
	}
	if (!strcmp(type, "ramfs")) {
		options = (struct tmpfs_options){0, 0, 0755, UINT32_MAX, UINT32_MAX};
		return tmpfs_make("ramfs", RAMFS_MAGIC, flags, &options, ret_mount);
	}
	if (!strcmp(type, "proc"))
		*ret_mount = proc_mount_new(flags);
	else if (!strcmp(type, "sysfs"))
		*ret_mount = sysfs_mount_new(flags);
	else
		return -ENODEV;
	return *ret_mount ? 0 : -ENOMEM;
}

int mount_make(const char *type, const char *source, uint32_t flags, char *options,
	struct mount **ret_mount)
{
	size_t size = strlen(source) + 1;
	char *copy = heap_alloc(size);
	struct mount *mount;
	int r;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, source, size);
	r = make(type, flags | MOUNT_REMOVABLE, options, &mount);
	if (r) {
		heap_free(copy);
		return r;
	}
	mount->source = mount->source_text = copy;
	*ret_mount = mount;
	return 0;
}

int mount_reconfigure(struct mount *mount, char *text)
{
	struct tmpfs_options options;
	int r;

	if (mount->magic != TMPFS_MAGIC || !*text)
		return 0;
	r = options_read(text, &options);
	if (r)
		return r;
	if (options.pages != UINT64_MAX && options.pages &&
		options.pages < __atomic_load_n(&mount->quota.used, __ATOMIC_RELAXED))
		return -EINVAL;
	limits_set(mount, &options);
	return 0;
}

bool mount_type_is_mountable(const char *type)
{
	return !strcmp(type, "tmpfs") || !strcmp(type, "ramfs") || !strcmp(type, "proc") ||
	       !strcmp(type, "sysfs");
}

bool mount_options_are_known(const char *type, const char *options)
{
	CLEANUP(heap_freep) char *copy = heap_alloc(MOUNT_OPTIONS_SIZE);
	struct tmpfs_options ignored;

	if (strcmp(type, "tmpfs") != 0)
		return true;
	if (!copy)
		return false;
	string_copy(copy, options, MOUNT_OPTIONS_SIZE);
	return !options_read(copy, &ignored);
}

const char *mount_type_name(uint32_t index)
{
	static const char *const names[] = {"sysfs", "tmpfs", "proc", "devtmpfs", "devpts", "ramfs",
		"cgroup2", "mqueue", "pipefs", "sockfs", "anon_inodefs"};

	return index < ARRAY_SIZE(names) ? names[index] : NULL;
}
