/* Files that no directory names: eventfds, epoll instances, signalfds. */
#ifndef LIBOS_FILES_ANONYMOUS_H
#define LIBOS_FILES_ANONYMOUS_H

#include "libos/files/file.h"

/* A file with @ops on an inode of its own; @name a constant, as /proc/PID/fd shows it:
 * "[eventfd]". @private_data becomes the file's. NULL: no memory. */
struct file *file_new_anonymous(
	const char *name, const struct file_ops *ops, void *private_data, uint32_t flags);
/* The same at the lowest free descriptor: it, or -errno, and then @private_data is still the
 * caller's: release is not called. @flags: O_CLOEXEC too. */
MUST_CHECK int fd_install_anonymous(
	const char *name, const struct file_ops *ops, void *private_data, uint32_t flags);

#endif
