/* fanotify(7): groups of marks on inodes, mounts and file systems, whose events a descriptor
 *delivers with a descriptor of the file, or with its handle.
 *
 *	fanotify.c		groups, and their descriptors
 *	fanotify_mark.c		marks: fanotify_mark(2)
 *	fanotify_events.c	what happens, and who cares
 *	fanotify_read.c		how it is delivered
 *	fanotify_permission.c	what is asked before it happens
 *
 * All of it is under notify_lock; what must not be let go under that lock (the last reference to a
 * name or an inode) is let go after it. */
#ifndef LIBOS_FILES_FANOTIFY_H
#define LIBOS_FILES_FANOTIFY_H

#include <linux/fanotify.h>

#include "libos/files/handles.h"
#include "libos/files/notify.h"
#include "libos/files/notify_queue.h"

#define FANOTIFY_GROUPS_MAX 8192 /* max_user_groups, */
#define FANOTIFY_MARKS_MAX 65536 /* max_user_marks and */
#define FANOTIFY_QUEUE_MAX 16384 /* max_queued_events at most */
/* /proc/sys/fs/fanotify */
extern int32_t fanotify_group_limit, fanotify_mark_limit, fanotify_queue_limit;

#define FAN_REPORT_FD_ERROR 0x2000U /* Linux 6.13 */

#define FANOTIFY_REPORTS_HANDLES                                                                   \
	(FAN_REPORT_FID | FAN_REPORT_DIR_FID | FAN_REPORT_NAME | FAN_REPORT_TARGET_FID)
#define FANOTIFY_PERMISSIONS (FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM)
#define FANOTIFY_BUCKETS 128

struct file;
struct text;

struct fanotify_event {
	struct list link;    /* of the queue, or of what waits for an answer */
	struct list similar; /* the bucket of what it may be merged with */
	uint32_t hash;
	uint32_t mask;
	int32_t pid;             /* a thread's with FAN_REPORT_TID */
	struct process *process; /* referenced; FAN_REPORT_PIDFD alone */
	struct dentry *entry;    /* referenced, its mount in use; NULL: handles tell what it is */
	uint64_t device;         /* of what the handles are in */
	bool has_object, has_dir, has_new_dir, can_open;
	struct handle object, dir, new_dir;
	uint32_t name_length, new_name_length;

	/* Of FANOTIFY_PERMISSIONS: who waits frees it, or once FORGOTTEN whoever answers. */
	enum { FANOTIFY_QUEUED, FANOTIFY_REPORTED, FANOTIFY_ANSWERED, FANOTIFY_FORGOTTEN } state;
	int32_t fd; /* by which it is answered */
	int result; /* the answer: 0, or what the accessor gets */

	char names[]; /* the name and the new name, not terminated */
};

struct fanotify_group {
	int32_t reference_count;
	struct list link; /* of all groups: those that are asked first come first */
	uint64_t number;  /* rises in each class */
	uint32_t flags, event_flags;
	bool is_unprivileged;
	uint32_t queue_limit;
	struct list marks;
	struct notify_queue queue;
	struct list buckets[FANOTIFY_BUCKETS]; /* latest first */
	struct list asked;                     /* reported, and not answered yet */
	struct wait_queue answered;
	struct fanotify_event overflow; /* in the queue once at most; last, as its size varies */
};

enum fanotify_kind { FANOTIFY_INODE, FANOTIFY_MOUNT, FANOTIFY_FILE_SYSTEM };

struct fanotify_mark {
	struct notify_watch watch; /* first */
	struct list link;          /* of its group */
	struct fanotify_group *group;
	enum fanotify_kind kind;
	struct mount *mount; /* NULL: of an inode */
	uint32_t mask, ignored;
	uint32_t flags; /* FAN_MARK_IGNORED_SURV_MODIFY, _EVICTABLE, _IGNORE */
};

extern struct list fanotify_groups;
extern const struct file_ops fanotify_ops;

static inline uint32_t fanotify_class(const struct fanotify_group *group)
{
	return group->flags & (FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT);
}

/* The group's mark of that kind in the list, or NULL. */
struct fanotify_mark *fanotify_mark_find(
	const struct fanotify_group *group, struct notify_watch *list, enum fanotify_kind kind);
/* Takes it away from all but @dead, to which it goes; after the lock that is let go. */
void fanotify_mark_remove(struct fanotify_mark *mark, struct list *dead);
void fanotify_marks_free(struct list *dead);
void fanotify_mount_gone(struct mount *mount);

/* What of @happening the group wants to know; @ret_kinds: bits of enum fanotify_place, the marks
 * that want it. */
enum fanotify_place { ON_FILE_SYSTEM, ON_MOUNT, ON_INODE, ON_PARENT, ON_NEW_DIR, PLACE_COUNT };
uint32_t fanotify_interest(struct fanotify_group *group, const struct notify_happening *happening,
	uint32_t *ret_places);
/* With the lock, but for fanotify_event_free and fanotify_happened. NULL: no memory */
struct fanotify_event *fanotify_event_new(const struct fanotify_group *group,
	const struct notify_happening *happening, uint32_t mask, uint32_t places);
/* Fewer events than its limit: else it is told of the overflow. */
bool fanotify_has_room(struct fanotify_group *group);
void fanotify_event_put(struct fanotify_group *group, struct fanotify_event *event);
void fanotify_event_take(struct fanotify_group *group, struct fanotify_event *event);
void fanotify_event_free(struct fanotify_event *event);
void fanotify_happened(const struct notify_happening *happening);

/* notify_deliver's: the oldest event. */
long fanotify_deliver(struct file *file, struct io *io);

static inline bool fanotify_is_asked(const struct fanotify_event *event)
{
	return event->mask & FANOTIFY_PERMISSIONS;
}
/* Every group that wants to be is asked, one after the other: 0 or -EPERM; killed: -EINTR. */
int fanotify_may_happen(const struct notify_happening *happening);
/* (locked) Whoever waits goes on with @result; what nobody waits for any more is added to @dead. */
void fanotify_answer(
	struct fanotify_group *group, struct fanotify_event *event, int result, struct list *dead);
void fanotify_events_free(struct list *dead);
/* write(2) */
long fanotify_write(struct file *file, struct io *io, uint64_t *offset);

void fanotify_group_unref(struct fanotify_group *group);

/* For /proc/PID/fdinfo: its marks, if it is one. */
void fanotify_show(struct file *file, struct text *text);

#endif
