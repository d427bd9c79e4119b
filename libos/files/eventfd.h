/* eventfd(2): a counter that reads take and writes add to. */
#ifndef LIBOS_FILES_EVENTFD_H
#define LIBOS_FILES_EVENTFD_H

#include "base/compiler.h"

/* A new one at the lowest free descriptor: it, or -errno. @flags EFD_*. */
MUST_CHECK long eventfd_install(uint32_t initial, uint32_t flags);

/* For /proc/PID/fdinfo: is @file one, and if so what does it count? */
struct file;
bool eventfd_count(struct file *file, uint64_t *ret_count);

/* Count one more, if that is possible without waiting; @file is one. */
void eventfd_signal(struct file *file);

#endif
