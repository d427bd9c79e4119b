/* Where a process stands in the file system: root, working directory, umask. */
#ifndef LIBOS_FILES_FS_CONTEXT_H
#define LIBOS_FILES_FS_CONTEXT_H

#include "libos/files/dentry.h"

struct fs_context {
	int32_t reference_count;
	struct lock lock;
	struct dentry *root, *directory; /* referenced */
	uint32_t umask;
};

/* Of the calling process; referenced. */
struct dentry *fs_context_root(void);
struct dentry *fs_context_directory(void);
void fs_context_set_root(struct dentry *dentry);
void fs_context_set_directory(struct dentry *dentry);
/* May the caller be there: 0, -ENOTDIR, -EACCES. */
MUST_CHECK int fs_context_check_directory(const struct dentry *dentry);

#endif
