/* O_ASYNC: a signal when an open file becomes ready: fcntl(2), "Managing signals".
 *
 * It rides on what poll(2) waits for: a file with O_ASYNC has waiters on its queues that stay. Who
 * wakes them holds locks that signals come before, so the wake is only noted there, and sent by
 * async_flush: at the end of each system call, and before a thread sleeps. */
#ifndef LIBOS_FILES_ASYNC_H
#define LIBOS_FILES_ASYNC_H

#include "base/compiler.h"

struct file;

/* Who gets the signal. */
struct file_owner {
	int32_t pid; /* F_SETOWN: a process, a thread (F_OWNER_TID); negative: a group */
	bool is_thread;
	uint32_t signal;    /* F_SETSIG; 0: SIGIO without more */
	uint32_t uid, euid; /* of whoever set it: the signal is sent in its name */
};

struct file_async;

/* Is there such a thread, or such a group (negative)? */
bool async_owner_exists(int32_t pid);

/* O_ASYNC is set (through descriptor @fd, which the signal names) or cleared. Files whose kind
 * sends none on Linux are left alone. 0 or -ENOMEM */
MUST_CHECK int async_start(struct file *file, int fd);
void async_stop(struct file *file);

extern uint32_t async_pending; /* > 0: something is noted */
void async_send_pending(void);
static inline void async_flush(void)
{
	if (UNLIKELY(__atomic_load_n(&async_pending, __ATOMIC_RELAXED)))
		async_send_pending();
}

#endif
