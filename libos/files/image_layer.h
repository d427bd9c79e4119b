/* The root file system's first state: the image's EROFS, read when it is needed. A directory of the
 * image asks here for entries that it does not know yet; a file for pages; an inode for its
 * extended attributes. What fails to verify is -EIO and one line in the log. */
#ifndef LIBOS_FILES_IMAGE_LAYER_H
#define LIBOS_FILES_IMAGE_LAYER_H

#include "libos/files/memory_inode.h"

struct erofs;

/* The root file system, not attached yet. @image must outlive it. */
MUST_CHECK int image_mount_new(struct erofs *image, struct mount **ret_mount);

/* The directory's inode is locked. The image's entry @name: an unloaded or negative dentry in the
 * cache, referenced; or *ret NULL and -ENOENT, not cached: too many are. */
MUST_CHECK int image_lookup(
	struct dentry *dir, const char *name, uint32_t length, struct dentry **ret_entry);
/* Give an unloaded dentry its inode. The directory's inode is locked. */
MUST_CHECK int image_load(struct dentry *entry);
/* Bring in all entries and forget what is known not to be there: the directory is complete then,
 * and as any other. The same. */
MUST_CHECK int image_complete(struct dentry *dir);
/* The image's extended attributes into memory->xattrs. The inode is locked. */
MUST_CHECK int image_load_xattrs(struct memory_inode *memory);
bool image_nid(const struct inode *inode, uint64_t *ret_nid);

#endif
