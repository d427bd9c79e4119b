/* File leases: fcntl(2), "Leases". Who holds one is told by a signal before somebody opens or
 * truncates the file in a way that does not go with it, and has some time to let it go. */
#ifndef LIBOS_FILES_LEASE_H
#define LIBOS_FILES_LEASE_H

#include "base/compiler.h"

#define LEASES_MAX 1024U /* in the enclave: -ENOLCK beyond */

struct file;
struct inode;

extern int32_t lease_break_seconds; /* /proc/sys/fs/lease-break-time */
extern uint32_t lease_count;        /* > 0: somebody holds one */

/* F_SETLEASE by descriptor @fd with F_RDLCK, F_WRLCK or F_UNLCK: -EINVAL, -EACCES, -EAGAIN,
 * -ENOMEM, -ENOLCK. F_GETLEASE: what @file has, or will have once it obeyed. */
MUST_CHECK long lease_set(struct file *file, int fd, uint64_t type);
long lease_get(struct file *file);
void lease_release(struct file *file); /* the last reference to a file with one goes */

int lease_break_slow(struct inode *inode, bool wants_write, bool may_wait);

/* @inode is about to be opened (and counts as opened already) or truncated: wait until no lease is
 * against it. -EAGAIN: there is one and @may_wait is not set; -ERESTARTSYS. */
MUST_CHECK static inline int lease_break(struct inode *inode, bool wants_write, bool may_wait)
{
	if (LIKELY(!__atomic_load_n(&lease_count, __ATOMIC_SEQ_CST)))
		return 0;
	return lease_break_slow(inode, wants_write, may_wait);
}

#endif
