/* Descriptors that stand for processes: pidfd_open(2). */
#ifndef LIBOS_PROCESSES_PIDFD_H
#define LIBOS_PROCESSES_PIDFD_H

#include "base/compiler.h"

struct process;
struct file;

/* A new descriptor (close-on-exec) for @process: O_NONBLOCK is the only flag. Returns it or -errno.
 */
MUST_CHECK int pidfd_install(struct process *process, uint32_t flags);
/* The process of a pidfd, referenced; NULL: not one. */
MUST_CHECK struct process *pidfd_process(struct file *file);

struct text;
/* For /proc/PID/fdinfo: whose, if it is one. */
void pidfd_show(struct file *file, struct text *text);

#endif
