/* inotify(7): watches whose events a descriptor delivers. */
#ifndef LIBOS_FILES_INOTIFY_H
#define LIBOS_FILES_INOTIFY_H

#include "base/compiler.h"

#define INOTIFY_INSTANCES_MAX 8192 /* max_user_instances */
#define INOTIFY_WATCHES_MAX 65536  /* max_user_watches */
#define INOTIFY_QUEUE_MAX 16384    /* max_queued_events */

/* /proc/sys/fs/inotify, at most the numbers above */
extern int32_t inotify_instance_limit, inotify_watch_limit, inotify_queue_limit;

struct file;
struct text;
/* For /proc/PID/fdinfo: its watches, if it is one. */
void inotify_show(struct file *file, struct text *text);

#endif
