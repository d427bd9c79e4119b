/* epoll(7): a file that remembers which of many other files became ready.
 *
 * An item joins its file's wait queues with a callback that puts it on the ready list: no file is
 * polled that nothing happened to. Items of level-triggered files go back on the list when they are
 * reported, and leave it when a poll finds them idle. What only the host knows of a socket, an
 * epoll of the host's watches with the same flags (epoll_host.c): one call waits for thousands, and
 * it is never polled. Other files of the host, which it shares with others, have no queue: those
 * items are "special" and asked each time, and whoever sleeps on the epoll sleeps in the host.
 * Epolls in an epoll are special as well, since they may contain such files.
 *
 * Locks, outer first: registry (adding, removing, and the graph of epolls in epolls); epoll->lock,
 * along that graph; the files' own; a file's wait queue; ready_lock; epoll->queue. */
#ifndef LIBOS_FILES_EPOLL_H
#define LIBOS_FILES_EPOLL_H

#include "libos/files/file.h"

/* struct epoll_event, as programs have it. */
struct epoll_event_user {
	uint32_t events;
	uint64_t data;
} __attribute__((packed));

/* A new one at the lowest free descriptor: it, or -errno. @flags EPOLL_CLOEXEC. */
MUST_CHECK long epoll_install(uint32_t flags);
/* epoll_ctl(2) on @fd, which is @target: @op EPOLL_CTL_*; @event NULL for EPOLL_CTL_DEL. */
MUST_CHECK int epoll_control(struct file *epoll_file, int op, int fd, struct file *target,
	const struct epoll_event_user *event);
/* epoll_wait(2): events stored at the program's @to, at most @max; 0 at the deadline (0: only
 * look); -EINTR, -EFAULT, -EINVAL not an epoll. */
MUST_CHECK long epoll_wait_events(
	struct file *epoll_file, uint64_t to, uint32_t max, uint64_t deadline_ns);

/* The file has a descriptor of the host's now, which it had not when it was added. */
void epoll_file_changed(struct file *file);

#endif
