/* File locks: those of fcntl(2), owned by a process or (OFD) by an open file, on ranges; those of
 * flock(2), owned by an open file, on the whole. They are advice: reads and writes ignore them.
 *
 * One lock guards all of them, so that a deadlock over several files can be seen. It is innermost
 * but for wait queues and the heap. locks_close and locks_release are declared in
 * inode.h. */
#ifndef LIBOS_FILES_LOCKS_H
#define LIBOS_FILES_LOCKS_H

#include "libos/files/file.h"

/* fcntl(2): F_GETLK, F_SETLK, F_SETLKW and their F_OFD_ twins: @address is a struct flock.
 * F_GETLEASE, F_SETLEASE: as without leases. */
MUST_CHECK long locks_fcntl(struct file *file, uint32_t command, uint64_t address);
/* flock(2): @operation LOCK_*. */
MUST_CHECK long locks_flock(struct file *file, uint32_t operation);

/* What an inode's posix_locks and flocks are made of. */
struct file_lock {
	struct list link;    /* by start */
	const void *owner;   /* the process, or the file */
	struct file *file;   /* through which it was made; not referenced */
	uint64_t start, end; /* the last byte; LOCK_END: however long the file is */
	int32_t pid;
	uint16_t type; /* F_RDLCK, F_WRLCK */
};
#define LOCK_END ((uint64_t)INT64_MAX)

#endif
