/* Files by the number of their inode: name_to_handle_at(2), open_by_handle_at(2), fanotify(7). */
#ifndef LIBOS_FILES_HANDLES_H
#define LIBOS_FILES_HANDLES_H

#include "libos/files/mount.h"

#define HANDLE_TYPE 0x81     /* ours; none of <linux/exportfs.h> */
#define HANDLE_TYPE_FID 0x82 /* to compare; nothing is opened by it */

/* What programs get as f_handle. */
struct handle {
	uint64_t mount_id, inode_number;
};

struct handle handle_of(const struct inode *inode);
/* Can it be opened by that? */
bool handle_can_open(const struct inode *inode);

/* A name of the inode @number of @fs: *ret_entry referenced, no alias. -ESTALE: it has none, or a
 * file system that does not keep its names in memory. Looks at all names of the file system. */
MUST_CHECK int handle_find(struct mount *fs, uint64_t number, struct dentry **ret_entry);

#endif
