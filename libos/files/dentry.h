/* Names in directories, as a tree that is also the cache of it.
 *
 * In file systems that live in memory (tmpfs, the root) the dentries are the directories: each
 * entry is a dentry, hashed by parent and name, with a reference held by its directory as long as
 * it is linked; so whatever is in the hash table is alive, and a lookup needs its bucket's lock
 * alone. Computed file systems (/proc) make a fresh dentry for each lookup, never hashed.
 *
 * A bind mount shows what has a place already a second time. There a name is an alias: a fresh
 * dentry that stands for another one (real) as seen through the mount (bind). Walks, open files and
 * working directories hold it as any other; directory operations get what it stands for. */
#ifndef LIBOS_FILES_DENTRY_H
#define LIBOS_FILES_DENTRY_H

#include "libos/files/inode.h"

#define NAME_LENGTH_MAX 255
#define DENTRY_INLINE_NAME 40

enum dentry_flags {
	DENTRY_HASHED = 1,    /* in the hash table and in its directory */
	DENTRY_ROOT = 2,      /* of a mount */
	DENTRY_ANONYMOUS = 4, /* no parent: memfd, O_TMPFILE, what /proc/PID/fd leads to */
	DENTRY_UNLINKED = 8,  /* removed: paths show "(deleted)" */
	DENTRY_NEGATIVE = 16, /* known not to exist (image directories) */
	DENTRY_WHITEOUT = 32, /* negative because it was removed: must not be forgotten */
	DENTRY_UNLOADED = 64, /* exists in the image, inode not read yet: see dentry_inode */
};

struct dentry {
	int32_t reference_count;
	uint32_t flags; /* enum dentry_flags; under the bucket's lock once hashed */
	uint32_t hash;
	uint32_t name_length;
	const char *name;      /* terminated; inline_name, or heap */
	struct dentry *parent; /* referenced; itself for DENTRY_ROOT; under rename_lock */
	struct inode *inode;   /* referenced; NULL: negative or unloaded */
	struct dentry *hash_next;
	struct dentry *mounted; /* the root of what is mounted here; see mount_cross */
	struct dentry *real;    /* referenced; NULL: it is no alias */
	struct mount *bind;     /* of an alias: referenced */
	uint32_t alias_mounts;  /* what is mounted on aliases of it; atomic */
	struct list children;   /* under inode->lock, in the order of position */
	struct list sibling;
	uint64_t next_position; /* for the next child; never used twice */
	uint64_t position;      /* in the directory: where getdents(2) is told to go on; from 3 */
	uint64_t image_nid;     /* DENTRY_UNLOADED */
	uint32_t image_type;    /* DT_* of it */
	char inline_name[DENTRY_INLINE_NAME];
};

static inline struct dentry *dentry_real(struct dentry *dentry)
{
	return UNLIKELY(dentry->real) ? dentry->real : dentry;
}
/* Is it the same name in the same mount? */
static inline bool dentry_is_same(const struct dentry *a, const struct dentry *b)
{
	return a == b || (a->real && a->real == b->real && a->bind == b->bind);
}
/* Of two that may be aliases: NULL for what no file system holds. */
struct mount *dentry_mount(const struct dentry *dentry);
/* @real seen through @bind; its reference is taken over. @bind NULL: @real. NULL: no memory. */
struct dentry *dentry_alias(struct mount *bind, struct dentry *real);
/* May what it names be changed through its mount: 0 or -EROFS. inode_permission knows of the file
 * system alone. NULL is fine. */
MUST_CHECK int dentry_check_writable(const struct dentry *dentry);

extern struct lock rename_lock;

MUST_CHECK int dentry_cache_init(void);

/* A fresh dentry, one reference, not hashed. @parent NULL: anonymous. References of @parent and
 * @inode (may be NULL) are taken. NULL: no memory. What a computed file system's lookup returns. */
struct dentry *dentry_new(
	struct dentry *parent, const char *name, uint32_t length, struct inode *inode);
struct dentry *dentry_ref(struct dentry *dentry);
void dentry_unref(struct dentry *dentry); /* NULL is fine */
static inline void dentry_unrefp(struct dentry **dentry)
{
	dentry_unref(*dentry);
}

/* The hashed entry @name of @parent, negative or not: referenced, or NULL. No lock needed. */
struct dentry *dentry_find(struct dentry *parent, const char *name, uint32_t length);

/* The directory's inode lock is held by the callers of these. */
void dentry_link(struct dentry *dentry);   /* hash it, put it last in its directory */
void dentry_unlink(struct dentry *dentry); /* and take it out again; drops the directory's ref */
/* @dentry gets @new_parent and @name, replacing the hashed @target (may be NULL) in one step for
 * all who look; both directories are locked, and rename_lock held. -ENOMEM. */
MUST_CHECK int dentry_move(struct dentry *dentry, struct dentry *new_parent, const char *name,
	uint32_t length, struct dentry *target);
void dentry_exchange(struct dentry *a, struct dentry *b);
/* A negative or unloaded entry gets its inode (the reference is taken over). */
void dentry_set_inode(struct dentry *dentry, struct inode *inode);

/* The parent, referenced; a mount's root gives the mount point's parent. NULL: no memory. */
struct dentry *dentry_parent(struct dentry *dentry);
/* Is @dentry @ancestor, or below it? rename_lock held. */
bool dentry_is_below(struct dentry *dentry, struct dentry *ancestor);
/* @visit for what @dentry names and for each directory that leads there, up to the root of all or
 * until it returns true. What a mount covers is passed by. What was moved out of its bind mount's
 * reach: up in its file system, then from the mount's own root. rename_lock held. */
void dentry_climb(struct dentry *dentry, bool (*visit)(void *context, const struct inode *inode),
	void *context);
/* Absolute path seen from @root: length, -ENAMETOOLONG; "(unreachable)" in front when @dentry is
 * not below @root, " (deleted)" behind when it was removed. */
MUST_CHECK long dentry_path(struct dentry *dentry, struct dentry *root, char *to, size_t size);

#endif
