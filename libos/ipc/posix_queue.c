#include "libos/ipc/posix_queue.h"

#include <asm/errno.h>
#include <asm/signal.h>
#include <asm-generic/siginfo.h>

#include "base/format.h"
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/memory_inode.h"
#include "libos/files/names.h"
#include "libos/files/open.h"
#include "libos/files/path.h"
#include "libos/files/poll.h"
#include "libos/processes/process.h"
#include "libos/sockets/netlink.h"

#define CAP_SYS_RESOURCE 24
#define RLIMIT_MSGQUEUE 12
#define MQUEUE_MAGIC 0x19800202
#define COOKIE_WOKEN 1 /* NOTIFY_WOKENUP and NOTIFY_REMOVED of linux/mqueue.h */
#define COOKIE_REMOVED 2
#define READABLE (POLLIN | POLLRDNORM)
#define WRITABLE (POLLOUT | POLLWRNORM)

static struct mount *queue_mount;
static struct lock queues_lock; /* before the queues' own */
static struct list queues = LIST_INIT(queues);
static uint32_t queue_total;

/* What the calling thread is about to make: the file system's make has no room for it. */
static struct lock make_lock; /* outside of all others here */
static const struct posix_queue_attributes *make_attributes;
static struct thread *make_thread;

/* ---- Queues ---- */

static bool is_privileged(void)
{
	return credentials_can(&thread_current()->credentials, CAP_SYS_RESOURCE);
}

static int check_attributes(const struct posix_queue_attributes *attributes)
{
	int64_t count_max = is_privileged() ? POSIX_QUEUE_COUNT_MAX : POSIX_QUEUE_COUNT_DEFAULT;
	int64_t size_max = is_privileged() ? POSIX_QUEUE_SIZE_MAX : POSIX_QUEUE_SIZE_DEFAULT;

	if (attributes->count_max <= 0 || attributes->size_max <= 0 ||
		attributes->count_max > count_max || attributes->size_max > size_max)
		return -EINVAL;
	return 0;
}

/* What RLIMIT_MSGQUEUE counts: getrlimit(2). */
static uint64_t bytes_of(const struct posix_queue *queue)
{
	return (uint64_t)queue->count_max * ((uint64_t)queue->size_max + sizeof(void *) + 48);
}

/* (queues_lock) */
static bool is_within_limit(const struct posix_queue *queue)
{
	uint64_t bytes = bytes_of(queue);
	const struct posix_queue *other;

	LIST_FOR_EACH (other, &queues, link)
		if (other->uid == queue->uid)
			bytes += bytes_of(other);
	return bytes <= thread_current()->process->limits[RLIMIT_MSGQUEUE].soft;
}

static int queue_enter(struct posix_queue *queue)
{
	LOCK_SCOPE(&queues_lock);
	if (queue_total >= POSIX_QUEUES_MAX && !is_privileged())
		return -ENOSPC;
	if (!is_within_limit(queue))
		return -EMFILE;
	list_add_tail(&queues, &queue->link);
	queue_total++;
	return 0;
}

static int queue_new(
	const struct posix_queue_attributes *attributes, struct posix_queue **ret_queue)
{
	struct posix_queue *queue = heap_alloc(sizeof(*queue));
	int r;

	if (!queue)
		return -ENOMEM;
	queue->count_max = attributes ? attributes->count_max : POSIX_QUEUE_COUNT_DEFAULT;
	queue->size_max = attributes ? attributes->size_max : POSIX_QUEUE_SIZE_DEFAULT;
	queue->uid = thread_current()->credentials.uid;
	list_init(&queue->messages);
	wait_queue_init(&queue->readable);
	wait_queue_init(&queue->writable);
	r = queue_enter(queue);
	if (r) {
		heap_free(queue);
		return r;
	}
	*ret_queue = queue;
	return 0;
}

static void queue_free(struct posix_queue *queue)
{
	struct posix_message *message, *next;

	lock_acquire(&queues_lock);
	list_remove(&queue->link);
	queue_total--;
	lock_release(&queues_lock);
	LIST_FOR_EACH_SAFE (message, next, &queue->messages, link)
		heap_free(message);
	heap_free(queue);
}

/* ---- Being told ---- */

/* SIGEV_THREAD: a thread of the C library's waits for the cookie, and its last byte says why it
 * comes. A socket that takes no more has a reader that does not read. */
static void cookie_deliver(struct posix_notification *notification, uint8_t reason)
{
	notification->cookie[POSIX_COOKIE_SIZE - 1] = reason;
	(void)!netlink_deliver(
		socket_of(notification->socket), notification->cookie, POSIX_COOKIE_SIZE);
}

static void notification_done(struct posix_notification *notification)
{
	process_unref(notification->process);
	file_unref(notification->socket);
}

/* A message has come to the empty queue and nobody waits for it: once. */
static void notification_fire(struct posix_notification *notification)
{
	const struct thread *sender = thread_current();
	struct signal_info info = {.signo = notification->signo, .code = SI_MESGQ};

	info.queue.pid = sender->process->pid;
	info.queue.uid = sender->credentials.uid;
	info.queue.value = notification->value;
	if (notification->kind == SIGEV_SIGNAL && notification->signo)
		(void)!signal_send_process(notification->process, notification->signo, &info);
	if (notification->kind == SIGEV_THREAD)
		cookie_deliver(notification, COOKIE_WOKEN);
	notification_done(notification);
}

int posix_queue_notify(struct posix_queue *queue, const struct posix_notification *notification)
{
	LOCK_SCOPE(&queue->lock);
	if (queue->notification.process)
		return -EBUSY;
	queue->notification = *notification;
	return 0;
}

void posix_queue_unnotify(struct posix_queue *queue, struct process *process)
{
	struct posix_notification notification = {0};

	lock_acquire(&queue->lock);
	if (queue->notification.process == process) {
		notification = queue->notification;
		queue->notification = (struct posix_notification){0};
	}
	lock_release(&queue->lock);
	if (notification.process && notification.kind == SIGEV_THREAD)
		cookie_deliver(&notification, COOKIE_REMOVED);
	notification_done(&notification);
}

/* ---- Messages ---- */

static void insert(struct posix_queue *queue, struct posix_message *message)
{
	struct list *at = queue->messages.prev;

	while (at != &queue->messages &&
		LIST_ENTRY(at, struct posix_message, link)->priority < message->priority)
		at = at->prev;
	list_add(at, &message->link);
	queue->count++;
	queue->bytes += message->size;
}

/* -EAGAIN: it is full. */
static int try_send(struct posix_queue *queue, struct posix_message *message)
{
	struct posix_notification notification = {0};

	lock_acquire(&queue->lock);
	if (queue->count >= queue->count_max) {
		lock_release(&queue->lock);
		return -EAGAIN;
	}
	insert(queue, message);
	if (queue->count == 1 && !queue->receivers) {
		notification = queue->notification;
		queue->notification = (struct posix_notification){0};
	}
	lock_release(&queue->lock);
	wait_wake_one(&queue->readable, READABLE);
	if (notification.process)
		notification_fire(&notification);
	return 0;
}

/* -EAGAIN: it is empty. */
static int try_receive(struct posix_queue *queue, struct posix_message **message)
{
	lock_acquire(&queue->lock);
	if (!queue->count) {
		lock_release(&queue->lock);
		return -EAGAIN;
	}
	*message = LIST_FIRST(&queue->messages, struct posix_message, link);
	list_remove(&(*message)->link);
	queue->count--;
	queue->bytes -= (*message)->size;
	lock_release(&queue->lock);
	wait_wake_one(&queue->writable, WRITABLE);
	return 0;
}

static int sleep_step(struct wait_queue *woken, uint64_t deadline_ns)
{
	int r = wait_sleep(deadline_ns);

	/* This wake may have been meant for another. */
	if (r)
		wait_wake_one(woken, 0);
	return r == -EINTR ? -ERESTARTSYS : r;
}

int posix_queue_send(struct file *file, struct posix_message *message, uint64_t deadline_ns)
{
	struct posix_queue *queue = posix_queue_of(file);
	struct waiter waiter;
	int r = try_send(queue, message);

	if (r != -EAGAIN || file->flags & O_NONBLOCK)
		return r;
	waiter_init(&waiter);
	waiter.exclusive = true;
	wait_add(&queue->writable, &waiter);
	r = try_send(queue, message);
	while (r == -EAGAIN) {
		r = sleep_step(&queue->writable, deadline_ns);
		if (!r)
			r = try_send(queue, message);
	}
	wait_remove(&waiter);
	return r;
}

static void count_receiver(struct posix_queue *queue, int change)
{
	LOCK_SCOPE(&queue->lock);
	queue->receivers += (uint32_t)change;
}

int posix_queue_receive(struct file *file, uint64_t deadline_ns, struct posix_message **ret_message)
{
	struct posix_queue *queue = posix_queue_of(file);
	struct waiter waiter;
	int r = try_receive(queue, ret_message);

	if (r != -EAGAIN || file->flags & O_NONBLOCK)
		return r;
	waiter_init(&waiter);
	waiter.exclusive = true;
	wait_add(&queue->readable, &waiter);
	count_receiver(queue, 1);
	r = try_receive(queue, ret_message);
	while (r == -EAGAIN) {
		r = sleep_step(&queue->readable, deadline_ns);
		if (!r)
			r = try_receive(queue, ret_message);
	}
	count_receiver(queue, -1);
	wait_remove(&waiter);
	return r;
}

/* ---- Files ---- */

static const struct file_ops queue_file_ops;

struct posix_queue *posix_queue_of(struct file *file)
{
	return file->ops == &queue_file_ops ? file->inode->private : NULL;
}

static long queue_read(struct file *file, struct io *io, uint64_t *offset)
{
	struct posix_queue *queue = file->inode->private;
	struct posix_notification *notification = &queue->notification;
	char text[96];
	size_t length;
	long n;

	lock_acquire(&queue->lock);
	length = format_string(text, sizeof(text),
		"QSIZE:%-10lu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", queue->bytes,
		notification->process ? notification->kind : 0,
		notification->process && notification->kind == SIGEV_SIGNAL ? notification->signo
									    : 0,
		notification->process ? notification->process->pid : 0);
	lock_release(&queue->lock);
	if (*offset >= length || !io->left)
		return 0;
	n = io_put(io, text + *offset, MIN(io->left, length - *offset));
	if (n > 0)
		*offset += (uint64_t)n;
	return n;
}

static long queue_seek(struct file *file, int64_t offset, int whence)
{
	return file_seek_within(file, offset, whence, file->inode->size);
}

static uint32_t queue_poll(struct file *file, struct poll_table *table)
{
	struct posix_queue *queue = file->inode->private;

	poll_wait(table, &queue->readable);
	poll_wait(table, &queue->writable);
	LOCK_SCOPE(&queue->lock);
	return (queue->count ? READABLE : 0) | (queue->count < queue->count_max ? WRITABLE : 0);
}

static int queue_flush(struct file *file, struct process *process)
{
	posix_queue_unnotify(file->inode->private, process);
	return 0;
}

static const struct file_ops queue_file_ops = {
	.read = queue_read,
	.seek = queue_seek,
	.poll = queue_poll,
	.flush = queue_flush,
};

static void queue_release(struct inode *inode)
{
	if (inode->private)
		queue_free(inode->private);
	memory_release(inode);
}

static const struct inode_ops queue_inode_ops = {
	.setattr = memory_setattr,
	.release = queue_release,
};

/* ---- The file system: one directory, and nothing but queues in it ---- */

static int directory_lookup(
	struct dentry *dir, const char *name, uint32_t length, struct dentry **ret_entry)
{
	return memory_directory_ops.lookup(dir, name, length, ret_entry);
}

static int directory_make(struct dentry *dir, const char *name, uint32_t length,
	const struct inode_template *template, struct dentry **ret_entry)
{
	if ((template->mode & S_IFMT) != S_IFREG)
		return -EPERM;
	return memory_directory_ops.make(dir, name, length, template, ret_entry);
}

static int directory_unlink(struct dentry *dir, struct dentry *entry)
{
	return memory_directory_ops.unlink(dir, entry);
}

static void directory_release(struct inode *inode)
{
	memory_release(inode);
}

static const struct inode_ops queue_directory_ops = {
	.lookup = directory_lookup,
	.make = directory_make,
	.unlink = directory_unlink,
	.setattr = memory_setattr,
	.release = directory_release,
};

/* A file has been made in it, by mq_open(3) or by open(2). */
static int inode_made(struct inode *inode)
{
	bool is_ours = __atomic_load_n(&make_thread, __ATOMIC_ACQUIRE) == thread_current();
	struct posix_queue *queue;
	int r = queue_new(is_ours ? make_attributes : NULL, &queue);

	if (r)
		return r;
	inode->ops = &queue_inode_ops;
	inode->file_ops = &queue_file_ops;
	inode->private = queue;
	inode->size = 80; /* FILENT_SIZE: what stat(2) shows */
	return 0;
}

int posix_queues_mount(void)
{
	queue_mount = memory_mount_new(
		"mqueue", "mqueue", MQUEUE_MAGIC, MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC, 01777);
	if (!queue_mount)
		return -ENOMEM;
	queue_mount->root->inode->ops = &queue_directory_ops;
	queue_mount->inode_made = inode_made;
	return mount_attach(queue_mount, "/dev/mqueue");
}

/* ---- By name ---- */

static int check_name(const char *name, uint32_t *ret_length)
{
	size_t length = strlen(name);

	if (!length)
		return -ENOENT;
	if (memchr(name, '/', length) || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EACCES;
	*ret_length = (uint32_t)length;
	return length > NAME_LENGTH_MAX ? -ENAMETOOLONG : 0;
}

static int make(const char *name, uint32_t length, uint32_t mode,
	const struct posix_queue_attributes *attributes, struct dentry **ret_entry)
{
	struct dentry *root = queue_mount->root;
	struct inode_template template;
	int r = inode_permission(root->inode, MAY_WRITE | MAY_EXEC);

	if (!r && attributes)
		r = check_attributes(attributes);
	if (r)
		return r;
	inode_template_init(&template, root->inode, S_IFREG | (mode & 0777), true);
	LOCK_SCOPE(&make_lock);
	make_attributes = attributes;
	__atomic_store_n(&make_thread, thread_current(), __ATOMIC_RELEASE);
	r = directory_make(root, name, length, &template, ret_entry);
	__atomic_store_n(&make_thread, NULL, __ATOMIC_RELEASE);
	return r;
}

static int check_open(const struct dentry *entry, uint32_t flags)
{
	static const uint32_t wanted[] = {MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE};

	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if ((flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	return inode_permission(entry->inode, wanted[flags & O_ACCMODE]);
}

int posix_queue_open(const char *name, uint32_t flags, uint32_t mode,
	const struct posix_queue_attributes *attributes, struct file **ret_file)
{
	CLEANUP(dentry_unrefp) struct dentry *entry = NULL;
	uint32_t length;
	int r = check_name(name, &length);

	if (r)
		return r;
	/* It may come between the two: then it is there. */
	do {
		r = path_lookup(queue_mount->root, name, length, &entry);
		if (!r)
			r = check_open(entry, flags);
		else if (r == -ENOENT && flags & O_CREAT)
			r = make(name, length, mode, attributes, &entry);
	} while (r == -EEXIST && !(flags & O_EXCL));
	if (r)
		return r;
	return file_open_inode(entry->inode, entry, flags & (O_ACCMODE | O_NONBLOCK), ret_file);
}

int posix_queue_unlink(const char *name)
{
	uint32_t length;
	int r = check_name(name, &length);

	return r ? r : names_unlink_in(queue_mount->root, name, length);
}
