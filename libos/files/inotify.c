#include "libos/files/inotify.h"

#include <asm/ioctls.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/inotify.h>

#include "base/list.h"
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/anonymous.h"
#include "libos/files/mount.h"
#include "libos/files/notify.h"
#include "libos/files/notify_queue.h"
#include "libos/files/path.h"
#include "libos/files/text.h"
#include "libos/syscalls/files_at.h"
#include "libos/syscalls/syscall.h"

#define MASK_OF_WATCH (IN_ALL_EVENTS | IN_EXCL_UNLINK | IN_ONESHOT)
#define MASK_KNOWN                                                                                 \
	(MASK_OF_WATCH | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | IN_ONLYDIR | IN_DONT_FOLLOW |   \
		IN_MASK_CREATE | IN_MASK_ADD | IN_ISDIR)

int32_t inotify_instance_limit = 128;
int32_t inotify_watch_limit = INOTIFY_WATCHES_MAX;
int32_t inotify_queue_limit = INOTIFY_QUEUE_MAX;

/* struct inotify_event without the name. */
struct event_head {
	int32_t wd;
	uint32_t mask, cookie;
	uint32_t len; /* of the name, padded */
};
_Static_assert(sizeof(struct event_head) == sizeof(struct inotify_event), "ABI");

/* What read(2) delivers, not yet read. */
struct event {
	struct list link;
	struct event_head head;
	uint32_t name_length;
	char name[]; /* not terminated */
};

struct watch {
	struct notify_watch notify; /* first */
	struct list link;           /* of its instance */
	struct inotify *instance;
	int32_t descriptor;
};

/* All of it under notify_lock. */
struct inotify {
	struct list link; /* of all instances */
	struct list watches;
	struct notify_queue queue;
	uint32_t bytes; /* in it, as read(2) counts them */
	int32_t last_descriptor;
};

static struct list instances = LIST_INIT(instances); /* notify_lock */
static uint32_t instance_total, watch_total;

/* ---- The queue ---- */

static bool is_repeated(
	const struct inotify *instance, int32_t descriptor, const struct notify_event *event)
{
	const struct event *last;

	if (list_is_empty(&instance->queue.events) || event->events & IN_IGNORED)
		return false;
	last = LIST_ENTRY(instance->queue.events.prev, struct event, link);
	return last->head.wd == descriptor && last->head.mask == event->events &&
	       last->name_length == event->name_length &&
	       !memcmp(last->name, event->name, event->name_length);
}

static void queue_put(struct inotify *instance, struct event *event)
{
	instance->bytes += (uint32_t)sizeof(event->head) + event->head.len;
	notify_queue_put(&instance->queue, &event->link);
}

/* Too many, or no memory: the reader is told once that something is missing. */
static void queue_overflow(struct inotify *instance)
{
	static const struct notify_event overflow = {.events = IN_Q_OVERFLOW};
	struct event *event;

	if (is_repeated(instance, -1, &overflow))
		return;
	event = heap_alloc(sizeof(*event));
	if (!event)
		return;
	event->head.wd = -1;
	event->head.mask = IN_Q_OVERFLOW;
	queue_put(instance, event);
}

static void queue_event(
	struct inotify *instance, int32_t descriptor, const struct notify_event *from)
{
	struct event *event;

	if (is_repeated(instance, descriptor, from))
		return;
	event = instance->queue.count < (uint32_t)inotify_queue_limit
			? heap_alloc(sizeof(*event) + from->name_length)
			: NULL;
	if (!event) {
		queue_overflow(instance);
		return;
	}
	event->head =
		(struct event_head){.wd = descriptor, .mask = from->events, .cookie = from->cookie};
	event->name_length = from->name_length;
	if (from->name_length)
		event->head.len = ALIGN_UP(from->name_length + 1, (uint32_t)sizeof(event->head));
	memcpy(event->name, from->name, from->name_length);
	queue_put(instance, event);
}

/* ---- Watches; notify_lock is held ---- */

/* Its last event; the inode's reference is the caller's. */
static struct inode *watch_remove(struct watch *watch, bool tell)
{
	static const struct notify_event ignored = {.events = IN_IGNORED};
	struct inode *inode = watch->notify.inode;

	if (tell)
		queue_event(watch->instance, watch->descriptor, &ignored);
	notify_watch_remove(&watch->notify);
	list_remove(&watch->link);
	watch_total--;
	heap_free(watch);
	return inode;
}

static void watch_happened(struct notify_watch *notify, const struct notify_event *event)
{
	struct watch *watch = CONTAINER_OF(notify, struct watch, notify);

	queue_event(watch->instance, watch->descriptor, event);
	/* Whoever tells us holds a reference: ours is not the last. */
	if (notify->mask & IN_ONESHOT || event->events & IN_DELETE_SELF)
		inode_unref(watch_remove(watch, true));
}

static struct watch *watch_of(const struct inotify *instance, const struct inode *inode)
{
	struct notify_watch *notify;

	for (notify = inode->watches; notify; notify = notify->next) {
		struct watch *watch = CONTAINER_OF(notify, struct watch, notify);

		if (notify->happened == watch_happened && watch->instance == instance)
			return watch;
	}
	return NULL;
}

static struct watch *watch_find(const struct inotify *instance, int32_t descriptor)
{
	struct watch *watch;

	LIST_FOR_EACH (watch, &instance->watches, link)
		if (watch->descriptor == descriptor)
			return watch;
	return NULL;
}

static int next_descriptor(struct inotify *instance)
{
	do {
		instance->last_descriptor =
			instance->last_descriptor == INT32_MAX ? 1 : instance->last_descriptor + 1;
	} while (instance->last_descriptor <= 0 ||
		 (instance->last_descriptor < (int32_t)watch_total &&
			 watch_find(instance, instance->last_descriptor)));
	return instance->last_descriptor;
}

static long watch_add(struct inotify *instance, struct inode *inode, uint32_t mask)
{
	struct watch *watch;

	if (watch_total >= (uint32_t)inotify_watch_limit)
		return -ENOSPC;
	watch = heap_alloc(sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	watch->instance = instance;
	watch->descriptor = next_descriptor(instance);
	watch->notify = (struct notify_watch){
		.inode = inode_ref(inode),
		.mask = mask & MASK_OF_WATCH,
		.happened = watch_happened,
	};
	list_add_tail(&instance->watches, &watch->link);
	notify_watch_add(&watch->notify, &inode->watches);
	watch_total++;
	return watch->descriptor;
}

static long watch_set(struct inotify *instance, struct inode *inode, uint32_t mask)
{
	struct watch *watch;

	LOCK_SCOPE(&notify_lock);
	watch = watch_of(instance, inode);
	if (!watch)
		return watch_add(instance, inode, mask);
	if (mask & IN_MASK_CREATE)
		return -EEXIST;
	watch->notify.mask = (mask & MASK_OF_WATCH) | (mask & IN_MASK_ADD ? watch->notify.mask : 0);
	return watch->descriptor;
}

/* ---- The descriptor ---- */

/* The oldest event, taken off: NULL and -EAGAIN if there is none, -EINVAL if it is too large. */
static int take_event(struct inotify *instance, size_t room, struct event **ret_event)
{
	struct event *event;

	LOCK_SCOPE(&notify_lock);
	if (list_is_empty(&instance->queue.events))
		return -EAGAIN;
	event = LIST_FIRST(&instance->queue.events, struct event, link);
	if (sizeof(event->head) + event->head.len > room)
		return -EINVAL;
	notify_queue_take(&instance->queue, &event->link);
	instance->bytes -= (uint32_t)sizeof(event->head) + event->head.len;
	*ret_event = event;
	return 0;
}

static long put_event(struct io *io, const struct event *event)
{
	uint32_t padding = event->head.len - event->name_length;

	if (io_put(io, &event->head, sizeof(event->head)) != (long)sizeof(event->head) ||
		(event->name_length &&
			io_put(io, event->name, event->name_length) != (long)event->name_length) ||
		(padding && io_put_zeros(io, padding) != (long)padding))
		return -EFAULT;
	return (long)(sizeof(event->head) + event->head.len);
}

static long deliver(struct file *file, struct io *io)
{
	struct event *event;
	long r = take_event(file->private_data, io->left, &event);

	if (r)
		return r;
	r = put_event(io, event);
	heap_free(event);
	return r;
}

static long inotify_read(struct file *file, struct io *io, uint64_t *offset)
{
	struct inotify *instance = file->private_data;

	(void)offset;
	return notify_queue_read(&instance->queue, file, io, deliver);
}

static uint32_t inotify_poll(struct file *file, struct poll_table *table)
{
	struct inotify *instance = file->private_data;

	return notify_queue_poll(&instance->queue, table);
}

static long inotify_ioctl(struct file *file, uint32_t request, uint64_t argument)
{
	struct inotify *instance = file->private_data;

	if (request != FIONREAD)
		return -ENOTTY;
	return USER_PUT(argument, instance->bytes);
}

static void instance_free(struct inotify *instance)
{
	struct event *event, *next;

	LIST_FOR_EACH_SAFE (event, next, &instance->queue.events, link)
		heap_free(event);
	heap_free(instance);
}

static void inotify_release(struct file *file)
{
	struct inotify *instance = file->private_data;
	struct inode *inode;

	do {
		lock_acquire(&notify_lock);
		inode = list_is_empty(&instance->watches)
				? NULL
				: watch_remove(LIST_FIRST(&instance->watches, struct watch, link),
					  false);
		if (!inode) {
			instance_total--;
			list_remove(&instance->link);
		}
		lock_release(&notify_lock);
		inode_unref(inode);
	} while (inode);
	instance_free(instance);
}

static const struct file_ops inotify_ops = {
	.read = inotify_read,
	.poll = inotify_poll,
	.ioctl = inotify_ioctl,
	.release = inotify_release,
};

/* ---- File systems that go ---- */

/* A watch of what is in it, or NULL. notify_lock is held. */
static struct watch *watch_on(const struct mount *mount)
{
	struct inotify *instance;
	struct watch *watch;

	LIST_FOR_EACH (instance, &instances, link)
		LIST_FOR_EACH (watch, &instance->watches, link)
			if (watch->notify.inode->mount == mount)
				return watch;
	return NULL;
}

/* Who watches what is in it hears that it goes, and of nothing more. */
static void mount_gone(const struct mount *mount)
{
	static const struct notify_event unmounted = {.events = IN_UNMOUNT};
	struct watch *watch;
	struct inode *inode;

	do {
		inode = NULL;
		lock_acquire(&notify_lock);
		watch = watch_on(mount);
		if (watch) {
			queue_event(watch->instance, watch->descriptor, &unmounted);
			inode = watch_remove(watch, true);
		}
		lock_release(&notify_lock);
		inode_unref(inode);
	} while (inode);
}

static bool instance_count(struct inotify *instance)
{
	LOCK_SCOPE(&notify_lock);
	if (instance_total >= (uint32_t)inotify_instance_limit)
		return false;
	instance_total++;
	list_add_tail(&instances, &instance->link);
	__atomic_store_n(&notify_watched_mount_gone, mount_gone, __ATOMIC_RELEASE);
	return true;
}

static void instance_uncount(struct inotify *instance)
{
	LOCK_SCOPE(&notify_lock);
	instance_total--;
	list_remove(&instance->link);
}

static long inotify_new(uint32_t flags)
{
	struct inotify *instance;
	long r;

	if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	instance = heap_alloc(sizeof(*instance));
	if (!instance)
		return -ENOMEM;
	list_init(&instance->watches);
	notify_queue_init(&instance->queue);
	if (!instance_count(instance)) {
		heap_free(instance);
		return -EMFILE;
	}
	r = fd_install_anonymous("inotify", &inotify_ops, instance, flags);
	if (r < 0) {
		instance_uncount(instance);
		heap_free(instance);
	}
	return r;
}

long sys_inotify_init(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	(void)args;
	return inotify_new(0);
}

long sys_inotify_init1(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return inotify_new((uint32_t)args->a);
}

static int find_inode(uint64_t path, uint32_t mask, struct inode **ret_inode)
{
	CLEANUP(inode_unrefp) struct inode *inode = NULL;
	uint32_t walk_flags = (mask & IN_DONT_FOLLOW ? 0 : PATH_FOLLOW) |
			      (mask & IN_ONLYDIR ? PATH_DIRECTORY : 0);
	int r = at_inode(AT_FDCWD, path, walk_flags, &inode);

	if (!r)
		r = inode_permission(inode, MAY_READ);
	if (!r)
		*ret_inode = TAKE(inode);
	return r;
}

long sys_inotify_add_watch(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	CLEANUP(inode_unrefp) struct inode *inode = NULL;
	uint32_t mask = (uint32_t)args->c;
	int r;

	(void)thread;
	if (mask & ~(uint32_t)MASK_KNOWN || !(mask & MASK_KNOWN))
		return -EINVAL;
	file = fd_get((int)args->a);
	if (!file)
		return -EBADF;
	if ((mask & IN_MASK_ADD && mask & IN_MASK_CREATE) || file->ops != &inotify_ops)
		return -EINVAL;
	r = find_inode(args->b, mask, &inode);
	return r ? r : watch_set(file->private_data, inode, mask);
}

long sys_inotify_rm_watch(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = fd_get((int)args->a);
	struct inode *inode = NULL;
	struct watch *watch;

	(void)thread;
	if (!file)
		return -EBADF;
	if (file->ops != &inotify_ops)
		return -EINVAL;
	lock_acquire(&notify_lock);
	watch = watch_find(file->private_data, (int32_t)args->b);
	if (watch)
		inode = watch_remove(watch, true);
	lock_release(&notify_lock);
	inode_unref(inode);
	return inode ? 0 : -EINVAL;
}

void inotify_show(struct file *file, struct text *text)
{
	const struct inotify *instance = file->private_data;
	const struct watch *watch;

	if (file->ops != &inotify_ops)
		return;
	LOCK_SCOPE(&notify_lock);
	LIST_FOR_EACH (watch, &instance->watches, link)
		text_put(text, "inotify wd:%x ino:%lx sdev:%lx mask:%x ignored_mask:0\n",
			(uint32_t)watch->descriptor, watch->notify.inode->number,
			watch->notify.inode->mount ? watch->notify.inode->mount->device : 0UL,
			watch->notify.mask);
}
