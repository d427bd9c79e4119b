/* POSIX message queues, and the file system that shows them: mq_overview(7). */
#ifndef LIBOS_IPC_POSIX_QUEUE_H
#define LIBOS_IPC_POSIX_QUEUE_H

#include "base/list.h"
#include "libos/core/wait.h"
#include "libos/files/file.h"
#include "libos/signals/signal.h"

#define POSIX_QUEUES_MAX 256U         /* queues_max */
#define POSIX_QUEUE_COUNT_DEFAULT 10  /* msg_default and msg_max: messages in a queue */
#define POSIX_QUEUE_SIZE_DEFAULT 8192 /* msgsize_default and msgsize_max: bytes of a message */
#define POSIX_QUEUE_COUNT_MAX 65536   /* of the privileged */
#define POSIX_QUEUE_SIZE_MAX (16L << 20)
#define POSIX_PRIORITY_MAX 32768U
#define POSIX_COOKIE_SIZE 32 /* what SIGEV_THREAD delivers: mq_notify(3) of the C library */

struct process;

struct posix_queue_attributes { /* struct mq_attr */
	int64_t flags, count_max, size_max, count;
	int64_t reserved[4];
};

struct posix_message {
	struct list link;
	uint32_t priority;
	uint64_t size;
	uint8_t bytes[];
};

/* Who is told when a message comes to the empty queue: mq_notify(3). */
struct posix_notification {
	struct process *process; /* referenced; NULL: nobody */
	int32_t kind, signo;     /* SIGEV_* */
	uint64_t value;
	struct file *socket; /* SIGEV_THREAD; referenced */
	uint8_t cookie[POSIX_COOKIE_SIZE];
};

struct posix_queue {
	struct list link; /* of all queues */
	struct lock lock; /* after the fd table's, before signals' and wait queues' */
	int64_t count_max, size_max, count;
	uint64_t bytes;
	uint32_t uid;         /* whose limit it counts for */
	struct list messages; /* highest priority first, then first come first */
	struct wait_queue readable, writable;
	uint32_t receivers; /* that sleep */
	struct posix_notification notification;
};

/* At boot: /dev/mqueue. */
MUST_CHECK int posix_queues_mount(void);
/* The queue behind an open file; NULL: it is something else. */
struct posix_queue *posix_queue_of(struct file *file);

/* Open or make a queue by its name without a slash; @attributes NULL: the defaults. */
MUST_CHECK int posix_queue_open(const char *name, uint32_t flags, uint32_t mode,
	const struct posix_queue_attributes *attributes, struct file **ret_file);
MUST_CHECK int posix_queue_unlink(const char *name);

/* Take or put a message; they sleep until @deadline_ns unless @file has O_NONBLOCK. The message is
 * taken over on success. */
MUST_CHECK int posix_queue_send(
	struct file *file, struct posix_message *message, uint64_t deadline_ns);
MUST_CHECK int posix_queue_receive(
	struct file *file, uint64_t deadline_ns, struct posix_message **ret_message);

/* Ask to be told (everything in @notification is taken over on success): -EBUSY. */
MUST_CHECK int posix_queue_notify(
	struct posix_queue *queue, const struct posix_notification *notification);
/* The calling process does not want to be told any more. */
void posix_queue_unnotify(struct posix_queue *queue, struct process *process);

#endif
