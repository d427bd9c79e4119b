/* signalfd(2): pending signals of whoever reads, as a file. */
#ifndef LIBOS_FILES_SIGNALFD_H
#define LIBOS_FILES_SIGNALFD_H

#include "libos/files/file.h"
#include "libos/signals/signal.h"

/* A new one at the lowest free descriptor: it, or -errno. @flags O_CLOEXEC, O_NONBLOCK. */
MUST_CHECK long signalfd_install(signal_set mask, uint32_t flags);
/* Wait for other signals from now on. -EINVAL: @file is none. */
MUST_CHECK int signalfd_set_mask(struct file *file, signal_set mask);
/* For /proc/PID/fdinfo: is @file one, and if so which signals does it wait for? */
bool signalfd_mask(struct file *file, signal_set *ret_mask);

#endif
