/* File systems in the LibOS's memory: tmpfs, and the root, whose inodes begin as what the image
 * says and are then changed in place. There is no lower and upper layer: an inode of the image that
 * is written is still the same inode, only no longer the image's. */
#ifndef LIBOS_FILES_MEMORY_INODE_H
#define LIBOS_FILES_MEMORY_INODE_H

#include "libos/files/data.h"
#include "libos/files/dentry.h"
#include "libos/files/mount.h"

struct erofs_inode;
struct xattrs;

struct memory_inode {
	struct inode inode; /* first */
	struct xattrs *xattrs;
	struct erofs_inode *image; /* heap; NULL: not from the image */
	bool is_changed;           /* the data is no longer the image's */
	bool xattrs_loaded;        /* the image's are in xattrs */
	union {
		struct data data;        /* regular files */
		char *target;            /* symbolic links: heap */
		uint32_t negative_count; /* directories: dentries of names that are not there */
	};
};

static inline struct memory_inode *memory_inode_of(struct inode *inode)
{
	return CONTAINER_OF(inode, struct memory_inode, inode);
}

/* NULL: no memory. Symbolic links take a copy of the template's target. */
struct inode *memory_inode_new(struct mount *mount, const struct inode_template *template);
/* The same without contents, for the image's. */
struct memory_inode *memory_inode_new_empty(struct mount *mount, uint32_t mode, uint64_t number);

/* A tmpfs, not attached yet: its root directory has @mode. NULL: no memory. */
struct mount *memory_mount_new(
	const char *type, const char *source, uint64_t magic, uint32_t flags, uint32_t mode);
#define TMPFS_MAGIC 0x01021994

extern const struct inode_ops memory_directory_ops, memory_file_inode_ops, memory_link_ops,
	memory_special_ops;
extern const struct file_ops memory_directory_file_ops, memory_file_ops;

/* Shared by all kinds. */
int memory_setattr(struct inode *inode, const struct inode_change *change);
void memory_release(struct inode *inode);
long memory_xattr_get(struct inode *inode, const char *name, void *to, size_t size);
int memory_xattr_set(
	struct inode *inode, const char *name, const void *from, size_t size, int flags);
long memory_xattr_list(struct inode *inode, char *to, size_t size);
int memory_xattr_remove(struct inode *inode, const char *name);
#define MEMORY_XATTR_OPS                                                                           \
	.xattr_get = memory_xattr_get, .xattr_set = memory_xattr_set,                              \
	.xattr_list = memory_xattr_list, .xattr_remove = memory_xattr_remove

#endif
