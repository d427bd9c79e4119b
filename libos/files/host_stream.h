/* The host's standard streams as descriptors 0, 1 and 2 of the first process. What is read is the
 * host's word; what is written the host sees. See files_standard_streams in file.h.
 *
 * The host's own O_NONBLOCK is never touched, since others outside share it: it is looked first
 * whether a transfer would block. */
#ifndef LIBOS_FILES_HOST_STREAM_H
#define LIBOS_FILES_HOST_STREAM_H

#include "libos/files/file.h"

/* A file for @host_fd, which must stay open as long as the enclave lives. -EBADF: it is not. */
MUST_CHECK int host_stream_open(int host_fd, struct file **ret_file);
/* /dev/tty, /dev/console, where the first process has no terminal but the host's. -ENXIO */
MUST_CHECK int host_stream_open_terminal(struct file *file);
/* The process group in the foreground of the terminal, or 0: whom the terminal's signals are for.
 */
int32_t host_stream_foreground(void);

#endif
