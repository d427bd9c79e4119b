/* The file systems that programs may mount: tmpfs(5), ramfs, proc(5), sysfs(5). */
#ifndef LIBOS_FILES_MOUNT_TYPES_H
#define LIBOS_FILES_MOUNT_TYPES_H

#include "libos/files/mount.h"

#define MOUNT_OPTIONS_SIZE 4096 /* with the NUL */

/* A removable mount with a root, not attached yet. @flags: enum mount_flags; @options as mount(2)
 * has them, "" for none, is taken to pieces. -ENODEV: no such type; -EINVAL: the options. */
MUST_CHECK int mount_make(const char *type, const char *source, uint32_t flags, char *options,
	struct mount **ret_mount);
/* New options for what is mounted: -EINVAL, also when more is in use already. */
MUST_CHECK int mount_reconfigure(struct mount *mount, char *options);

/* How many pages a tmpfs may have where nobody says: half of the memory, tmpfs(5). */
uint64_t mount_tmpfs_pages(void);

/* Is it one that mount_make makes? Are these options that it knows? */
bool mount_type_is_mountable(const char *type);
bool mount_options_are_known(const char *type, const char *options);

/* The name of file system type @index, mountable or not, as /proc/filesystems lists them; NULL:
 * there are no more. */
const char *mount_type_name(uint32_t index);

#endif
