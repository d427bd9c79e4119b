/* O_ASYNC: a signal when an open file becomes ready: fcntl(2), "Managing signals".
 *
 * It rides on what poll(2) waits for: a file with O_ASYNC has waiters on its queues that stay. Who
 * wakes them holds locks that signals come before, so the wake is only noted there, and sent by
 * async_flush: at the end of each system call, and before a thread sleeps. */
#ifndef LIBOS_FILES_ASYNC_H
#define LIBOS_FILES_ASYNC_H

#include "base/list.h"

struct file;

/* Who gets the signal. */
struct file_owner {
	int32_t pid; /* F_SETOWN: a process, a thread (F_OWNER_TID); negative: a group */
	bool is_thread;
	uint32_t signal;                  /* F_SETSIG; 0: SIGIO without more */
	uint32_t uid, euid;               /* of whoever set it: the signal is sent in its name */
	struct landlock_domain *landlock; /* and under its domain; referenced; NULL: none */
};

/* Something that a file's owner is to be told. Whoever has one forgets it before the file goes. */
#define ASYNC_MESSAGE 0x400U /* POLLMSG: beside the POLL* bits, news that are no readiness */
struct async_note {
	struct list link;
	struct file *file; /* its owner and signal count when it is sent */
	int32_t fd;        /* the descriptor that the signal names */
	uint32_t events;   /* since the last signal; 0: nothing to be sent */
};
void async_note_init(struct async_note *note, struct file *file, int fd);
void async_note(struct async_note *note, uint32_t events); /* any lock may be held */
void async_note_forget(struct async_note *note);

struct file_async;

/* From now on it is for the calling thread's user to tell @pid: a process, a thread or, negative, a
 * group; 0: nobody. */
void async_own(struct file *file, int32_t pid, bool is_thread);
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
