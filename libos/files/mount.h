/* Mounted file systems. Each has its inodes and dentries once; what shows a part of it a second
 * time is a bind mount (bound), where names are aliases (dentry.h): so a path is a dentry and
 * nothing else. What the configuration names is mounted before the first program runs and stays;
 * what programs mount (MOUNT_REMOVABLE) is seen by all of the enclave and may go again.
 *
 * A removable mount lives as long as one of its inodes. It is busy while files on it are open, is a
 * root or working directory, or holds another mount ("uses"). Once it is detached and not used any
 * more its tree is taken apart, as by rm -r.
 *
 * Locks: mounts_lock, the list, is taken before rename_lock (inode.h), under which covered is read
 * and changed; what is mounted on a dentry has a lock of its own, inside all others. */
#ifndef LIBOS_FILES_MOUNT_H
#define LIBOS_FILES_MOUNT_H

#include "libos/files/changes.h"
#include "libos/files/data.h"
#include "libos/files/dentry.h"

/* The lower ones are those of statfs(2), f_flags. */
enum mount_flags {
	MOUNT_READ_ONLY = 1,
	MOUNT_NOSUID = 2,
	MOUNT_NODEV = 4,
	MOUNT_NOEXEC = 8,
	MOUNT_SYNCHRONOUS = 16,
	MOUNT_NOATIME = 0x400,
	MOUNT_NODIRATIME = 0x800,
	MOUNT_RELATIME = 0x1000, /* what boot mounts are, too, without saying so */
	MOUNT_NOSYMFOLLOW = 0x2000,
	MOUNT_STRICTATIME = 0x10000, /* neither of the above */
	MOUNT_REMOVABLE = 0x20000,   /* made by a program */
	MOUNT_FLOATING = 0x40000,    /* and has had no place yet: fsmount(2) */
};
#define MOUNT_FLAGS_STATFS 0x2c1fU /* of these, RELATIME apart */

struct mount {
	struct list link; /* mounts, in mount order */
	int32_t id, parent_id;
	uint32_t flags;            /* enum mount_flags */
	uint64_t device;           /* st_dev */
	const char *type, *source; /* constants: "tmpfs", "none"; or source_text */
	char *source_text;         /* heap or NULL */
	uint64_t magic;            /* statfs(2) f_type */
	struct dentry *root;       /* referenced */
	struct dentry *covered;    /* the mount point; NULL: the root file system, or detached */
	struct list covering;      /* of those that cover an alias */
	struct dentry *bound;      /* of a bind mount what it shows: referenced, no alias */
	int64_t binds;             /* bind mounts that show a part of it; atomic */
	uint64_t next_inode;       /* atomic */
	uint64_t image_inodes;     /* numbers below it are an image's, used or not */
	struct data_quota quota;   /* of a file system in memory, not the root */
	uint64_t inode_limit;      /* the same; UINT64_MAX: none */
	void *private;
	struct notify_watch *watches; /* on all of it: libos/files/notify.h */
	/* A file system in memory has made that inode: it may make it one of its own kind. NULL: no
	 */
	int (*inode_made)(struct inode *inode);
	/* statfs(2) counts in pages and inodes; NULL: the pool's. */
	void (*statistics)(struct mount *mount, uint64_t *ret_total, uint64_t *ret_free,
		uint64_t *ret_inodes, uint64_t *ret_inodes_free);

	/* Of removable ones alone: atomic. */
	int64_t reference_count; /* inodes, and one until it is taken apart */
	int64_t users;           /* what makes it busy, and one while it is attached */
	int64_t writers;         /* files open for writing */
	int32_t expiry;          /* MNT_EXPIRE: it was asked for, and nobody has walked onto it */
};

/* What statmount(2) calls it: beyond all numbers of old. */
#define MOUNT_UNIQUE_ID_BASE (1UL << 31)
static inline uint64_t mount_unique_id_of(int32_t id)
{
	return MOUNT_UNIQUE_ID_BASE + (uint32_t)id;
}
static inline uint64_t mount_unique_id(const struct mount *mount)
{
	return mount_unique_id_of(mount->id);
}

extern struct list mounts;
extern struct changes mounts_changes; /* of the list, and of what it shows */
extern struct lock mounts_lock;

/* A mount without a root yet (set it, then attach it): heap. NULL: no memory. */
struct mount *mount_new(const char *type, const char *source, uint64_t magic, uint32_t flags);
/* One that was never attached. */
void mount_discard(struct mount *mount);
/* Before programs run: at the directory @path, made if missing. "/" first. */
MUST_CHECK int mount_attach(struct mount *mount, const char *path);
/* A removable mount at @point, or on what is mounted there. -ENOENT: it was removed; -EINVAL: it is
 * below the mount itself. */
MUST_CHECK int mount_attach_at(struct mount *mount, struct dentry *point);
/* One that shows what @source names and nothing that is mounted below. Not attached, as
 * mount_make's. -EINVAL: no file system holds it. */
MUST_CHECK int mount_bind(struct dentry *source, struct mount **ret_mount);
/* What is mounted below @source in its mount is shown at the same places of @bind, which shows
 * @source and is in use. */
MUST_CHECK int mount_bind_below(struct mount *bind, struct dentry *source);
/* What floats is let go, with all that is mounted on it. */
void mount_abandon(struct mount *mount);
/* It is used without a place, with more @flags; who does so ends with mount_unuse. */
void mount_float(struct mount *mount, uint32_t flags);
/* One that floats is attached, once: mount_attach_at; -EALREADY: it does not float. */
MUST_CHECK int mount_land(struct mount *mount, struct dentry *point);
/* From there to @point: -ELOOP if that is below it, -EINVAL. */
MUST_CHECK int mount_move(struct dentry *root, struct dentry *point);
/* Take the mount with the root @root away: -EINVAL if it is none, -EBUSY if it is used and not
 * @is_lazy, or stays for good; -EAGAIN the first time with @is_expiring. */
MUST_CHECK int mount_detach(struct dentry *root, bool is_lazy, bool is_expiring);
/* @set and @clear flags of what has the root @root. -EINVAL, -EBUSY: files are open for writing. */
MUST_CHECK int mount_change(struct dentry *root, uint32_t set, uint32_t clear);
/* Of all that is mounted below it, too, or of nothing. */
MUST_CHECK int mount_change_all(struct dentry *root, uint32_t set, uint32_t clear);
/* What of its file system it shows, a path: its length; "//deleted" is appended where it was
 * removed. */
MUST_CHECK long mount_root_path(struct mount *mount, char *to, size_t size);
/* Its file system: itself but for bind mounts. */
struct mount *mount_file_system(struct mount *mount);
/* What is mounted on @entry, referenced and in its place (its reference goes); else @entry. */
struct dentry *mount_cross(struct dentry *entry);

/* NULL or a mount that stays is fine for these. */
void mount_ref(struct mount *mount);
void mount_unref(struct mount *mount);
void mount_use(struct mount *mount);
void mount_unuse(struct mount *mount);
void mount_count_writer(struct mount *mount, int change);

void mount_statistics(struct mount *mount, uint64_t *ret_total, uint64_t *ret_free,
	uint64_t *ret_inodes, uint64_t *ret_inodes_free);
uint64_t mount_next_inode(struct mount *mount);
bool mount_is_full(const struct mount *mount); /* no inode more */
struct dentry *mount_root(void);               /* of all: "/"; not referenced */

#endif
