/* Groups and their descriptors: fanotify_init(2). */
#include "libos/files/fanotify.h"

#include <asm/ioctls.h>
#include <linux/capability.h>

#include "libos/core/heap.h"
#include "libos/files/anonymous.h"
#include "libos/files/text.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"

#define FLAGS_FOR_ALL (FAN_CLOEXEC | FAN_NONBLOCK | FANOTIFY_REPORTS_HANDLES)
#define FLAGS_PRIVILEGED                                                                           \
	(FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS |   \
		FAN_REPORT_PIDFD | FAN_REPORT_TID | FAN_REPORT_FD_ERROR)
#define EVENT_FLAGS                                                                                \
	(O_ACCMODE | O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC | O_CLOEXEC | O_LARGEFILE | O_NOATIME)

int32_t fanotify_group_limit = 128;
int32_t fanotify_queue_limit = FANOTIFY_QUEUE_MAX;

struct list fanotify_groups = LIST_INIT(fanotify_groups);
static uint32_t group_total;
static uint64_t last_number;

static const struct notify_listener listener = {
	.happened = fanotify_happened,
	.may_happen = fanotify_may_happen,
	.mount_gone = fanotify_mount_gone,
};

void fanotify_group_unref(struct fanotify_group *group)
{
	if (!__atomic_sub_fetch(&group->reference_count, 1, __ATOMIC_ACQ_REL))
		heap_free(group);
}

/* (locked) Higher classes are told first, and of one class the older group. */
static void group_list(struct fanotify_group *group)
{
	struct fanotify_group *other;

	group->number = ++last_number;
	LIST_FOR_EACH (other, &fanotify_groups, link)
		if (fanotify_class(other) < fanotify_class(group))
			break;
	list_add_tail(&other->link, &group->link);
}

/* ---- The descriptor ---- */

static long fanotify_read(struct file *file, struct io *io, uint64_t *offset)
{
	struct fanotify_group *group = file->private_data;

	(void)offset;
	return notify_queue_read(&group->queue, file, io, fanotify_deliver);
}

static uint32_t fanotify_poll(struct file *file, struct poll_table *table)
{
	struct fanotify_group *group = file->private_data;

	return notify_queue_poll(&group->queue, table);
}

/* As Linux has it, without what follows an event's head. */
static long fanotify_ioctl(struct file *file, uint32_t request, uint64_t argument)
{
	struct fanotify_group *group = file->private_data;
	uint32_t count = __atomic_load_n(&group->queue.count, __ATOMIC_ACQUIRE);

	if (request != FIONREAD)
		return -ENOTTY;
	return USER_PUT(argument, count * (uint32_t)sizeof(struct fanotify_event_metadata));
}

/* (locked) Nothing will be told any more; what was asked is allowed. */
static void group_end(
	struct fanotify_group *group, struct list *dead_events, struct list *dead_marks)
{
	struct fanotify_event *event;

	list_remove(&group->link);
	group_total--;
	while (!list_is_empty(&group->marks))
		fanotify_mark_remove(
			LIST_FIRST(&group->marks, struct fanotify_mark, link), dead_marks);
	while (!list_is_empty(&group->asked)) {
		event = LIST_FIRST(&group->asked, struct fanotify_event, link);
		list_remove(&event->link);
		fanotify_answer(group, event, 0, dead_events);
	}
	while (!list_is_empty(&group->queue.events)) {
		event = LIST_FIRST(&group->queue.events, struct fanotify_event, link);
		fanotify_event_take(group, event);
		if (fanotify_is_asked(event))
			fanotify_answer(group, event, 0, dead_events);
		else if (event != &group->overflow)
			list_add_tail(dead_events, &event->link);
	}
}

static void fanotify_release(struct file *file)
{
	struct fanotify_group *group = file->private_data;
	struct list events = LIST_INIT(events), marks = LIST_INIT(marks);

	lock_acquire(&notify_lock);
	group_end(group, &events, &marks);
	lock_release(&notify_lock);
	fanotify_events_free(&events);
	fanotify_marks_free(&marks);
	fanotify_group_unref(group);
}

const struct file_ops fanotify_ops = {
	.read = fanotify_read,
	.write = fanotify_write,
	.poll = fanotify_poll,
	.ioctl = fanotify_ioctl,
	.release = fanotify_release,
};

/* ---- fanotify_init(2) ---- */

static int check_handles(uint32_t flags)
{
	if (!(flags & FANOTIFY_REPORTS_HANDLES))
		return 0;
	if (flags & (FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT))
		return -EINVAL;
	if (flags & FAN_REPORT_NAME && !(flags & FAN_REPORT_DIR_FID))
		return -EINVAL;
	if (flags & FAN_REPORT_TARGET_FID &&
		(flags & (FAN_REPORT_NAME | FAN_REPORT_FID)) != (FAN_REPORT_NAME | FAN_REPORT_FID))
		return -EINVAL;
	return 0;
}

static int check_flags(uint32_t flags, uint32_t event_flags, bool is_privileged)
{
	if (!is_privileged && (flags & FLAGS_PRIVILEGED || !(flags & FANOTIFY_REPORTS_HANDLES)))
		return -EPERM;
	if (flags & ~(uint32_t)(FLAGS_FOR_ALL | FLAGS_PRIVILEGED))
		return -EINVAL;
	if (flags & FAN_REPORT_PIDFD && flags & FAN_REPORT_TID)
		return -EINVAL;
	if (event_flags & ~(uint32_t)EVENT_FLAGS || (event_flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	if (flags & FAN_CLASS_CONTENT && flags & FAN_CLASS_PRE_CONTENT)
		return -EINVAL;
	return check_handles(flags);
}

static struct fanotify_group *group_new(uint32_t flags, uint32_t event_flags)
{
	struct fanotify_group *group = heap_alloc(sizeof(*group));

	if (!group)
		return NULL;
	group->reference_count = 1;
	group->flags = flags;
	group->event_flags = event_flags;
	group->queue_limit =
		flags & FAN_UNLIMITED_QUEUE ? UINT32_MAX : (uint32_t)fanotify_queue_limit;
	group->overflow.mask = FAN_Q_OVERFLOW;
	list_init(&group->link);
	list_init(&group->marks);
	list_init(&group->asked);
	list_init(&group->overflow.link);
	list_init(&group->overflow.similar);
	notify_queue_init(&group->queue);
	wait_queue_init(&group->answered);
	for (size_t i = 0; i < FANOTIFY_BUCKETS; i++)
		list_init(&group->buckets[i]);
	return group;
}

static bool group_count(struct fanotify_group *group)
{
	LOCK_SCOPE(&notify_lock);
	if (group_total >= (uint32_t)fanotify_group_limit)
		return false;
	group_total++;
	group_list(group);
	__atomic_store_n(&notify_listener, &listener, __ATOMIC_RELEASE);
	return true;
}

static void group_uncount(struct fanotify_group *group)
{
	LOCK_SCOPE(&notify_lock);
	list_remove(&group->link);
	group_total--;
}

static long group_install(struct fanotify_group *group)
{
	uint32_t flags = group->flags;
	long fd;

	if (!group_count(group))
		return -EMFILE;
	fd = fd_install_anonymous("[fanotify]", &fanotify_ops, group,
		O_RDWR | (flags & FAN_CLOEXEC ? O_CLOEXEC : 0) |
			(flags & FAN_NONBLOCK ? O_NONBLOCK : 0));
	if (fd < 0)
		group_uncount(group);
	return fd;
}

long sys_fanotify_init(struct thread *thread, const struct syscall_args *args)
{
	uint32_t flags = (uint32_t)args->a, event_flags = (uint32_t)args->b;
	bool is_privileged = credentials_can(&thread->credentials, CAP_SYS_ADMIN);
	struct fanotify_group *group;
	long r = check_flags(flags, event_flags, is_privileged);

	if (r)
		return r;
	group = group_new(flags, event_flags | O_LARGEFILE);
	if (!group)
		return -ENOMEM;
	group->is_unprivileged = !is_privileged;
	r = group_install(group);
	if (r < 0)
		fanotify_group_unref(group);
	return r;
}

/* ---- /proc/PID/fdinfo ---- */

static void show_handle(const struct inode *inode, struct text *text)
{
	struct handle handle = handle_of(inode);
	const uint8_t *bytes = (const uint8_t *)&handle;

	text_put(text, "fhandle-bytes:%lx fhandle-type:%x f_handle:", sizeof(handle),
		handle_can_open(inode) ? HANDLE_TYPE : HANDLE_TYPE_FID);
	for (size_t i = 0; i < sizeof(handle); i++)
		text_put(text, "%02x", bytes[i]);
}

static void show_mark(const struct fanotify_mark *mark, struct text *text)
{
	const struct inode *inode = mark->watch.inode;

	text_put(text, "fanotify ");
	if (mark->kind == FANOTIFY_INODE)
		text_put(text, "ino:%lx sdev:%lx ", inode->number,
			inode->mount ? inode->mount->device : 0UL);
	else if (mark->kind == FANOTIFY_MOUNT)
		text_put(text, "mnt_id:%x ", (uint32_t)mark->mount->id);
	else
		text_put(text, "sdev:%lx ", mark->mount->device);
	text_put(text, "mflags:%x mask:%x ignored_mask:%x", mark->flags, mark->mask, mark->ignored);
	if (mark->kind == FANOTIFY_INODE) {
		text_put(text, " ");
		show_handle(inode, text);
	}
	text_put(text, "\n");
}

void fanotify_show(struct file *file, struct text *text)
{
	const struct fanotify_group *group = file->private_data;
	const struct fanotify_mark *mark;

	if (file->ops != &fanotify_ops)
		return;
	LOCK_SCOPE(&notify_lock);
	text_put(text, "fanotify flags:%x event-flags:%x\n", group->flags, group->event_flags);
	LIST_FOR_EACH (mark, &group->marks, link)
		show_mark(mark, text);
}
