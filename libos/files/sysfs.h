/* /sys: sysfs(5), as far as programs look for processors, caches and memory nodes. */
#ifndef LIBOS_FILES_SYSFS_H
#define LIBOS_FILES_SYSFS_H

#include "libos/files/computed.h"

/* At /sys. */
MUST_CHECK int sysfs_mount(void);
/* One more, @flags of enum mount_flags, not attached. NULL: no memory. */
struct mount *sysfs_mount_new(uint32_t flags);

extern const struct computed_dynamic sysfs_loops; /* block */
/* devices/system/cpu */
extern const struct computed_dynamic sysfs_processors;
extern const struct computed_node sysfs_processor_files[];
#define SYSFS_PROCESSOR_FILE_COUNT 5

#endif
