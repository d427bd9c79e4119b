/* How an event is delivered: fanotify(7), "Reading fanotify events". */
#include "base/memory.h"
#include "libos/core/log.h"
#include "libos/files/descriptors.h"
#include "libos/files/fanotify.h"
#include "libos/files/open.h"
#include "libos/processes/pidfd.h"
#include "libos/processes/process.h"

#define ALIGNMENT 4U /* of what follows the head */

/* struct fanotify_event_info_fid, and the handle's head. */
struct handle_record {
	uint8_t type, pad;
	uint16_t size;
	uint32_t fsid[2];
	uint32_t handle_size;
	int32_t handle_type;
	struct handle handle;
} __attribute__((packed));
_Static_assert(sizeof(struct handle_record) == 36, "ABI");

struct pidfd_record {
	uint8_t type, pad;
	uint16_t size;
	int32_t pidfd;
};
_Static_assert(sizeof(struct pidfd_record) == sizeof(struct fanotify_event_info_pidfd), "ABI");

#define RECORD_MAX                                                                                 \
	(sizeof(struct fanotify_event_metadata) + sizeof(struct pidfd_record) +                    \
		3 * (sizeof(struct handle_record) + NAME_LENGTH_MAX + ALIGNMENT))

/* One event as it is read. */
struct delivery {
	struct fanotify_group *group;
	const struct fanotify_event *event;
	int32_t fd, pidfd;
	size_t size;
	uint8_t bytes[RECORD_MAX];
};

static size_t handle_size(uint32_t name_length)
{
	size_t size = sizeof(struct handle_record) + (name_length ? name_length + 1 : 0);

	return ALIGN_UP(size, (size_t)ALIGNMENT);
}

/* A directory that it happened to itself is called ".". */
static uint32_t object_name_length(
	const struct fanotify_group *group, const struct fanotify_event *event)
{
	return group->flags & FAN_REPORT_NAME && event->mask & FAN_ONDIR && !event->has_dir &&
			       !event->has_new_dir && !(event->mask & NOTIFY_OF_NAMES)
		       ? 1
		       : 0;
}

static size_t event_size(const struct fanotify_group *group, const struct fanotify_event *event)
{
	size_t size = sizeof(struct fanotify_event_metadata);

	if (event->has_dir)
		size += handle_size(event->name_length);
	if (event->has_new_dir)
		size += handle_size(event->new_name_length);
	if (event->has_object)
		size += handle_size(object_name_length(group, event));
	if (group->flags & FAN_REPORT_PIDFD)
		size += sizeof(struct pidfd_record);
	return size;
}

/* ---- Filling it ---- */

static void add(struct delivery *delivery, const void *bytes, size_t size)
{
	ASSERT(size <= sizeof(delivery->bytes) - delivery->size);
	memcpy(delivery->bytes + delivery->size, bytes, size);
	delivery->size += size;
}

static void add_handle(struct delivery *delivery, uint8_t type, const struct handle *handle,
	const char *name, uint32_t name_length)
{
	struct handle_record record = {
		.type = type,
		.size = (uint16_t)handle_size(name_length),
		.fsid = {(uint32_t)delivery->event->device},
		.handle_size = sizeof(*handle),
		.handle_type = delivery->event->can_open ? HANDLE_TYPE : HANDLE_TYPE_FID,
		.handle = *handle,
	};
	size_t end = delivery->size + record.size;

	add(delivery, &record, sizeof(record));
	add(delivery, name, name_length);
	memset(delivery->bytes + delivery->size, 0, end - delivery->size);
	delivery->size = end;
}

static uint8_t object_type(const struct delivery *delivery)
{
	const struct fanotify_event *event = delivery->event;
	uint32_t flags = delivery->group->flags;

	if (event->has_dir || event->has_new_dir ||
		(flags & FANOTIFY_REPORTS_HANDLES) == FAN_REPORT_FID)
		return FAN_EVENT_INFO_TYPE_FID;
	if (object_name_length(delivery->group, event))
		return FAN_EVENT_INFO_TYPE_DFID_NAME;
	return event->mask & (NOTIFY_OF_NAMES | FAN_ONDIR) ? FAN_EVENT_INFO_TYPE_DFID
							   : FAN_EVENT_INFO_TYPE_FID;
}

static void add_handles(struct delivery *delivery)
{
	const struct fanotify_event *event = delivery->event;

	if (event->has_dir)
		add_handle(delivery,
			event->mask & FAN_RENAME ? FAN_EVENT_INFO_TYPE_OLD_DFID_NAME
			: event->name_length     ? FAN_EVENT_INFO_TYPE_DFID_NAME
						 : FAN_EVENT_INFO_TYPE_DFID,
			&event->dir, event->names, event->name_length);
	if (event->has_new_dir)
		add_handle(delivery, FAN_EVENT_INFO_TYPE_NEW_DFID_NAME, &event->new_dir,
			event->names + event->name_length, event->new_name_length);
	if (event->has_object)
		add_handle(delivery, object_type(delivery), &event->object, ".",
			object_name_length(delivery->group, event));
}

static void fill(struct delivery *delivery)
{
	const struct fanotify_group *group = delivery->group;
	const struct fanotify_event *event = delivery->event;
	bool shows_pid = !group->is_unprivileged || event->pid == thread_current()->process->pid;
	struct fanotify_event_metadata head = {
		.event_len = (uint32_t)event_size(group, event),
		.vers = FANOTIFY_METADATA_VERSION,
		.metadata_len = sizeof(head),
		.mask = event->mask & ~(uint32_t)FAN_EVENT_ON_CHILD,
		.fd = delivery->fd,
		.pid = shows_pid ? event->pid : 0,
	};
	struct pidfd_record pidfd = {
		.type = FAN_EVENT_INFO_TYPE_PIDFD,
		.size = sizeof(pidfd),
		.pidfd = delivery->pidfd,
	};

	add(delivery, &head, sizeof(head));
	add_handles(delivery);
	if (group->flags & FAN_REPORT_PIDFD)
		add(delivery, &pidfd, sizeof(pidfd));
	ASSERT(delivery->size == head.event_len);
}

/* ---- Descriptors ---- */

/* Of the file that it happened to. What is done with it is not told, and not asked for. */
static int open_file(const struct fanotify_group *group, struct dentry *entry)
{
	struct file *file;
	int fd, r = dentry_check_writable(entry);

	if (r && (group->event_flags & O_ACCMODE) != O_RDONLY)
		return r;
	r = file_open_inode(entry->inode, entry, group->event_flags, &file);
	if (r)
		return r;
	file->is_silent = true;
	fd = fd_install(file, 0, group->event_flags & O_CLOEXEC);
	if (fd < 0)
		file_unref(file);
	return fd;
}

static int open_process(struct process *process)
{
	if (!process || __atomic_load_n(&process->state, __ATOMIC_ACQUIRE) == PROCESS_REAPED)
		return -ESRCH;
	return pidfd_install(process, 0);
}

/* Why there is none is told only to who asked for it. */
static int32_t pidfd_shown(const struct fanotify_group *group, int pidfd)
{
	if (pidfd >= 0 || group->flags & FAN_REPORT_FD_ERROR)
		return pidfd;
	return pidfd == -ESRCH ? FAN_NOPIDFD : FAN_EPIDFD;
}

static int open_all(struct delivery *delivery)
{
	const struct fanotify_group *group = delivery->group;
	const struct fanotify_event *event = delivery->event;
	bool tells_errors = group->flags & FAN_REPORT_FD_ERROR;
	int fd = event->entry ? open_file(group, event->entry) : -EBADF;

	if (event->entry && fd < 0 && !tells_errors)
		return fd;
	delivery->fd = fd >= 0 || tells_errors ? fd : FAN_NOFD;
	if (group->flags & FAN_REPORT_PIDFD)
		delivery->pidfd = pidfd_shown(group, open_process(event->process));
	return 0;
}

static void close_all(const struct delivery *delivery)
{
	if (delivery->fd >= 0)
		(void)!fd_close(delivery->fd);
	if (delivery->pidfd >= 0)
		(void)!fd_close(delivery->pidfd);
}

/* ---- One event ---- */

static int take(struct fanotify_group *group, size_t room, struct fanotify_event **ret_event)
{
	struct fanotify_event *event;

	LOCK_SCOPE(&notify_lock);
	if (list_is_empty(&group->queue.events))
		return -EAGAIN;
	event = LIST_FIRST(&group->queue.events, struct fanotify_event, link);
	if (event_size(group, event) > room)
		return -EINVAL;
	fanotify_event_take(group, event);
	event->state = FANOTIFY_REPORTED;
	*ret_event = event;
	return 0;
}

/* *ret_fd: by which it is answered, if that is asked for. */
static long put(struct fanotify_group *group, const struct fanotify_event *event, struct io *io,
	int32_t *ret_fd)
{
	struct delivery delivery = {
		.group = group, .event = event, .fd = FAN_NOFD, .pidfd = FAN_NOPIDFD};
	int r = open_all(&delivery);

	if (r)
		return r;
	fill(&delivery);
	if (io_put(io, delivery.bytes, delivery.size) != (long)delivery.size) {
		close_all(&delivery);
		return -EFAULT;
	}
	*ret_fd = delivery.fd;
	return (long)delivery.size;
}

/* It waits for its answer, unless nobody could give it. */
static void keep(struct fanotify_group *group, struct fanotify_event *event, int32_t fd)
{
	struct list dead = LIST_INIT(dead);

	lock_acquire(&notify_lock);
	event->fd = fd;
	if (fd < 0)
		fanotify_answer(group, event, -EPERM, &dead);
	else
		list_add_tail(&group->asked, &event->link);
	lock_release(&notify_lock);
	fanotify_events_free(&dead);
}

long fanotify_deliver(struct file *file, struct io *io)
{
	struct fanotify_group *group = file->private_data;
	struct fanotify_event *event;
	int32_t fd = FAN_NOFD;
	long r = take(group, io->left, &event);

	if (r)
		return r;
	r = put(group, event, io, &fd);
	if (fanotify_is_asked(event))
		keep(group, event, r < 0 ? FAN_NOFD : fd);
	else if (event != &group->overflow)
		fanotify_event_free(event);
	return r;
}
