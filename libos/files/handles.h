/* Files by the number of their inode: open_by_handle_at(2). */
#ifndef LIBOS_FILES_HANDLES_H
#define LIBOS_FILES_HANDLES_H

#include "libos/files/mount.h"

/* A name of the inode @number of @fs: *ret_entry referenced, no alias. -ESTALE: it has none, or a
 * file system that does not keep its names in memory. Looks at all names of the file system. */
MUST_CHECK int handle_find(struct mount *fs, uint64_t number, struct dentry **ret_entry);

#endif
