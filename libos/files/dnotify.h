/* F_NOTIFY: a signal when something happens in a directory: fcntl(2), "File and directory change
 * notification". What inotify(7) replaced. */
#ifndef LIBOS_FILES_DNOTIFY_H
#define LIBOS_FILES_DNOTIFY_H

#include "base/compiler.h"

#define DNOTIFY_MAX 1024U /* in the enclave: -ENOSPC beyond */

extern int32_t dnotify_enabled; /* /proc/sys/fs/dir-notify-enable */

struct file;

/* @events: DN_*, to those asked for before unless one of the two is not DN_MULTISHOT; 0: no more.
 * -EINVAL: not enabled; -ENOTDIR, -ENOMEM, -ENOSPC */
MUST_CHECK long dnotify_set(struct file *file, int fd, uint32_t events);
void dnotify_close(struct file *file);   /* its process closes a descriptor of it */
void dnotify_release(struct file *file); /* the last reference goes */

#endif
