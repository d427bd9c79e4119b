/* File systems, each mounted once, before the first program runs; programs cannot mount. So a path
 * is a dentry and nothing else. */
#ifndef LIBOS_FILES_MOUNT_H
#define LIBOS_FILES_MOUNT_H

#include "libos/files/dentry.h"

enum mount_flags {
	MOUNT_READ_ONLY = 1,
	MOUNT_NOSUID = 2,
	MOUNT_NODEV = 4,
	MOUNT_NOEXEC = 8,
};

struct mount {
	struct list link; /* mounts, in mount order */
	int32_t id, parent_id;
	uint32_t flags;            /* enum mount_flags */
	uint64_t device;           /* st_dev */
	const char *type, *source; /* constants: "tmpfs", "none" */
	uint64_t magic;            /* statfs(2) f_type */
	struct dentry *root;       /* referenced */
	struct dentry *covered;    /* the mount point; NULL: the root file system */
	uint64_t next_inode;       /* atomic */
	void *private;
	/* A file system in memory has made that inode: it may make it one of its own kind. NULL: no
	 */
	int (*inode_made)(struct inode *inode);
	/* statfs(2) counts in pages and inodes; NULL: the pool's. */
	void (*statistics)(struct mount *mount, uint64_t *ret_total, uint64_t *ret_free,
		uint64_t *ret_inodes, uint64_t *ret_inodes_free);
};

extern struct list mounts; /* nothing is added once programs run: no lock */

/* A mount without a root yet (set it, then mount_attach): heap. NULL: no memory. */
struct mount *mount_new(const char *type, const char *source, uint64_t magic, uint32_t flags);
/* At the directory @path, made if missing. "/" first. */
MUST_CHECK int mount_attach(struct mount *mount, const char *path);
void mount_statistics(struct mount *mount, uint64_t *ret_total, uint64_t *ret_free,
	uint64_t *ret_inodes, uint64_t *ret_inodes_free);
uint64_t mount_next_inode(struct mount *mount);
struct dentry *mount_root(void); /* of all: "/"; not referenced */

#endif
