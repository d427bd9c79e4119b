/* What a descriptor that tells of events has not told yet: what inotify(7) and fanotify(7) share.
 * All of it under notify_lock. */
#ifndef LIBOS_FILES_NOTIFY_QUEUE_H
#define LIBOS_FILES_NOTIFY_QUEUE_H

#include "base/list.h"
#include "libos/core/wait.h"
#include "libos/files/file.h"

struct notify_queue {
	struct list events; /* oldest first; the links are in the owners' events */
	uint32_t count;     /* atomic: read without the lock, too */
	struct wait_queue readable;
};

void notify_queue_init(struct notify_queue *queue);
void notify_queue_put(struct notify_queue *queue, struct list *link);
void notify_queue_take(struct notify_queue *queue, struct list *link);

/* read(2) of @file: all that is there and fits, at least one event unless it is O_NONBLOCK.
 * @deliver takes the oldest event off and puts it into @io: how many bytes; -EAGAIN: there is none;
 * other errors are read(2)'s if it is the first, and -EFAULT always. Called without the lock. */
typedef long notify_deliver(struct file *file, struct io *io);
long notify_queue_read(
	struct notify_queue *queue, struct file *file, struct io *io, notify_deliver *deliver);
uint32_t notify_queue_poll(struct notify_queue *queue, struct poll_table *table);

#endif
