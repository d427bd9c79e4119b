/* Marks: fanotify_mark(2). */
#include <linux/capability.h>

#include "libos/core/heap.h"
#include "libos/files/fanotify.h"
#include "libos/processes/process.h"
#include "libos/syscalls/files_at.h"

#define KINDS (FAN_MARK_INODE | FAN_MARK_MOUNT | FAN_MARK_FILESYSTEM)
#define COMMANDS (FAN_MARK_ADD | FAN_MARK_REMOVE | FAN_MARK_FLUSH)
#define IGNORES (FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORE)
#define MARK_FLAGS                                                                                 \
	(KINDS | COMMANDS | IGNORES | FAN_MARK_DONT_FOLLOW | FAN_MARK_ONLYDIR |                    \
		FAN_MARK_IGNORED_SURV_MODIFY | FAN_MARK_EVICTABLE)

#define EVENTS_WITH_FILE                                                                           \
	(FAN_ACCESS | FAN_MODIFY | FAN_CLOSE | FAN_OPEN | FAN_OPEN_EXEC | FANOTIFY_PERMISSIONS)
#define EVENTS_OF_NAMES (FAN_MOVE | FAN_CREATE | FAN_DELETE | FAN_RENAME)
#define EVENTS_OF_INODES (EVENTS_OF_NAMES | FAN_ATTRIB | FAN_MOVE_SELF | FAN_DELETE_SELF)
#define MODIFIERS (FAN_EVENT_ON_CHILD | FAN_ONDIR)
#define MASK_KNOWN (EVENTS_WITH_FILE | EVENTS_OF_INODES | MODIFIERS)

int32_t fanotify_mark_limit = FANOTIFY_MARKS_MAX;
static uint32_t mark_total; /* of groups with a limit */

/* What one call asks for. */
struct request {
	struct fanotify_group *group;
	uint32_t flags, mask;
	uint32_t kept; /* of the mask: not the caller's to take away */
	enum fanotify_kind kind;
	struct inode *inode; /* marked, or */
	struct mount *mount; /* this is */
};

/* ---- With notify_lock held ---- */

/* Never called: what it is to is what tells the marks in an inode's list. */
static void mark_happened(struct notify_watch *watch, const struct notify_event *event)
{
	(void)watch;
	(void)event;
}

struct fanotify_mark *fanotify_mark_find(
	const struct fanotify_group *group, struct notify_watch *list, enum fanotify_kind kind)
{
	for (; list; list = list->next) {
		struct fanotify_mark *mark = CONTAINER_OF(list, struct fanotify_mark, watch);

		if (list->happened == mark_happened && mark->group == group && mark->kind == kind)
			return mark;
	}
	return NULL;
}

static bool counts(const struct fanotify_group *group)
{
	return !(group->flags & FAN_UNLIMITED_MARKS);
}

void fanotify_mark_remove(struct fanotify_mark *mark, struct list *dead)
{
	notify_watch_remove(&mark->watch);
	list_remove(&mark->link);
	list_add_tail(dead, &mark->link);
	mark_total -= counts(mark->group);
}

void fanotify_marks_free(struct list *dead)
{
	struct fanotify_mark *mark, *next;

	LIST_FOR_EACH_SAFE (mark, next, dead, link) {
		inode_unref(mark->watch.inode);
		heap_free(mark);
	}
}

static struct notify_watch **list_of(const struct request *request)
{
	return request->mount ? &request->mount->watches : &request->inode->watches;
}

static int mark_new(const struct request *request, struct fanotify_mark **ret_mark)
{
	struct fanotify_group *group = request->group;
	struct fanotify_mark *mark;

	if (counts(group) && mark_total >= (uint32_t)fanotify_mark_limit)
		return -ENOSPC;
	mark = heap_alloc(sizeof(*mark));
	if (!mark)
		return -ENOMEM;
	mark->watch.happened = mark_happened;
	mark->watch.inode = request->mount ? NULL : inode_ref(request->inode);
	mark->mount = request->mount;
	mark->group = group;
	mark->kind = request->kind;
	mark->flags = request->flags & FAN_MARK_EVICTABLE;
	list_add_tail(&group->marks, &mark->link);
	notify_watch_add(&mark->watch, list_of(request));
	mark_total += counts(group);
	*ret_mark = mark;
	return 0;
}

/* What a mark has promised stays. */
static bool may_update(const struct fanotify_mark *mark, uint32_t flags)
{
	if (flags & FAN_MARK_EVICTABLE && !(mark->flags & FAN_MARK_EVICTABLE))
		return false;
	if (flags & FAN_MARK_IGNORED_MASK && mark->flags & FAN_MARK_IGNORE)
		return false;
	return !(flags & FAN_MARK_IGNORE) || flags & FAN_MARK_IGNORED_SURV_MODIFY ||
	       !(mark->flags & FAN_MARK_IGNORED_SURV_MODIFY);
}

static void update(struct fanotify_mark *mark, const struct request *request)
{
	uint32_t flags = request->flags;

	mark->flags |= flags & FAN_MARK_IGNORE;
	if (flags & IGNORES)
		mark->flags |= flags & FAN_MARK_IGNORED_SURV_MODIFY;
	if (!(flags & FAN_MARK_EVICTABLE))
		mark->flags &= ~(uint32_t)FAN_MARK_EVICTABLE;
	if (flags & IGNORES)
		mark->ignored |= request->mask;
	else
		mark->mask |= request->mask;
}

static int mark_add(const struct request *request)
{
	struct fanotify_mark *mark;
	int r;

	LOCK_SCOPE(&notify_lock);
	/* Marks go with what is marked: nothing is on a mount that is gone. */
	if (request->mount && !__atomic_load_n(&request->mount->root, __ATOMIC_ACQUIRE))
		return -EINVAL;
	mark = fanotify_mark_find(request->group, *list_of(request), request->kind);
	if (mark && !may_update(mark, request->flags))
		return -EEXIST;
	r = mark ? 0 : mark_new(request, &mark);
	if (!r)
		update(mark, request);
	return r;
}

static int mark_subtract(const struct request *request, struct list *dead)
{
	uint32_t taken = request->mask & ~request->kept;
	struct fanotify_mark *mark;

	LOCK_SCOPE(&notify_lock);
	mark = fanotify_mark_find(request->group, *list_of(request), request->kind);
	if (!mark)
		return -ENOENT;
	if (request->flags & IGNORES)
		mark->ignored &= ~taken;
	else
		mark->mask &= ~taken;
	if (!((mark->mask | mark->ignored) & ~request->kept))
		fanotify_mark_remove(mark, dead);
	return 0;
}

static void marks_flush(const struct request *request, struct list *dead)
{
	struct fanotify_mark *mark, *next;

	LOCK_SCOPE(&notify_lock);
	LIST_FOR_EACH_SAFE (mark, next, &request->group->marks, link)
		if (mark->kind == request->kind)
			fanotify_mark_remove(mark, dead);
}

static bool is_on(const struct fanotify_mark *mark, const struct mount *mount)
{
	return mark->mount == mount || (mark->watch.inode && mark->watch.inode->mount == mount);
}

void fanotify_mount_gone(struct mount *mount)
{
	struct list dead = LIST_INIT(dead);
	struct fanotify_group *group;
	struct fanotify_mark *mark, *next;

	lock_acquire(&notify_lock);
	LIST_FOR_EACH (group, &fanotify_groups, link)
		LIST_FOR_EACH_SAFE (mark, next, &group->marks, link)
			if (is_on(mark, mount))
				fanotify_mark_remove(mark, &dead);
	lock_release(&notify_lock);
	fanotify_marks_free(&dead);
}

/* ---- What is asked for ---- */

static int check_command(const struct request *request)
{
	switch (request->flags & COMMANDS) {
	case FAN_MARK_ADD:
	case FAN_MARK_REMOVE:
		return request->mask ? 0 : -EINVAL;
	case FAN_MARK_FLUSH:
		return request->flags & ~(uint32_t)(KINDS | FAN_MARK_FLUSH) ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

/* What can be said without the group. */
static int request_read(struct request *request, const struct syscall_args *args)
{
	int r;

	*request = (struct request){.flags = (uint32_t)args->b, .mask = (uint32_t)args->c};
	if (args->c > UINT32_MAX || request->flags & ~(uint32_t)MARK_FLAGS ||
		(request->flags & KINDS) == KINDS)
		return -EINVAL;
	request->kind = request->flags & FAN_MARK_MOUNT        ? FANOTIFY_MOUNT
			: request->flags & FAN_MARK_FILESYSTEM ? FANOTIFY_FILE_SYSTEM
							       : FANOTIFY_INODE;
	r = check_command(request);
	if (r)
		return r;
	if (request->mask & ~(uint32_t)MASK_KNOWN || (request->flags & IGNORES) == IGNORES)
		return -EINVAL;
	if (request->flags & FAN_MARK_IGNORED_MASK) {
		request->mask &= ~(uint32_t)MODIFIERS;
		request->kept = MODIFIERS;
	}
	return 0;
}

static int check_group(const struct request *request, struct thread *thread)
{
	const struct fanotify_group *group = request->group;
	bool is_privileged = credentials_can(&thread->credentials, CAP_SYS_ADMIN);
	uint32_t mask = request->mask;

	if ((!is_privileged || group->is_unprivileged) && request->kind != FANOTIFY_INODE)
		return -EPERM;
	if (mask & FANOTIFY_PERMISSIONS && !fanotify_class(group))
		return -EINVAL;
	if (request->flags & FAN_MARK_EVICTABLE && request->kind != FANOTIFY_INODE)
		return -EINVAL;
	if (mask & EVENTS_OF_INODES &&
		(!(group->flags & FANOTIFY_REPORTS_HANDLES) || request->kind == FANOTIFY_MOUNT))
		return -EINVAL;
	if (mask & FAN_RENAME && !(group->flags & FAN_REPORT_NAME))
		return -EINVAL;
	return 0;
}

/* ---- What is marked ---- */

static int object_find(const struct request *request, const struct syscall_args *args,
	struct at_object *ret_object)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	uint32_t walk_flags = (request->flags & FAN_MARK_DONT_FOLLOW ? 0 : PATH_FOLLOW) |
			      (request->flags & FAN_MARK_ONLYDIR ? PATH_DIRECTORY : 0);

	if (args->e)
		return at_object((int)args->d, args->e, walk_flags, ret_object);
	file = fd_get((int)args->d);
	if (!file)
		return -EBADF;
	if (request->flags & FAN_MARK_ONLYDIR && !inode_is(file->inode, S_IFDIR))
		return -ENOTDIR;
	return at_descriptor((int)args->d, ret_object);
}

static int check_add(const struct request *request, const struct inode *inode)
{
	const uint32_t for_directories = EVENTS_OF_NAMES | MODIFIERS;
	bool is_strict = request->group->flags & FAN_REPORT_TARGET_FID ||
			 request->mask & FAN_RENAME || request->flags & FAN_MARK_IGNORE;

	if (request->mask & FANOTIFY_PERMISSIONS && inode->mount && !handle_can_open(inode))
		return -EINVAL;
	if (request->kind != FANOTIFY_INODE && !inode->mount)
		return -EINVAL;
	if (is_strict && request->kind == FANOTIFY_INODE && !inode_is(inode, S_IFDIR) &&
		request->mask & for_directories)
		return -ENOTDIR;
	return 0;
}

/* FAN_MARK_IGNORE says aloud what the older flag leaves open. */
static int check_ignore(const struct request *request)
{
	if ((request->flags & COMMANDS) != FAN_MARK_ADD || !(request->flags & FAN_MARK_IGNORE) ||
		request->flags & FAN_MARK_IGNORED_SURV_MODIFY)
		return 0;
	if (request->mount)
		return -EINVAL;
	return inode_is(request->inode, S_IFDIR) ? -EISDIR : 0;
}

static void set_object(struct request *request, const struct at_object *object)
{
	struct mount *mount = object->dentry ? dentry_mount(object->dentry) : object->inode->mount;

	request->inode = object->inode;
	if (request->kind == FANOTIFY_MOUNT)
		request->mount = mount;
	else if (request->kind == FANOTIFY_FILE_SYSTEM)
		request->mount = mount_file_system(mount);
}

/* Only a directory has children; of a file FAN_EVENT_ON_CHILD asks for where it is. */
static void set_on_child(struct request *request)
{
	if (!request->mount && inode_is(request->inode, S_IFDIR))
		return;
	request->mask &= ~(uint32_t)FAN_EVENT_ON_CHILD;
	request->kept = FAN_EVENT_ON_CHILD;
	if (request->group->flags & FAN_REPORT_DIR_FID && request->flags & FAN_MARK_ADD &&
		!(request->flags & IGNORES))
		request->mask |= FAN_EVENT_ON_CHILD;
}

/* What is being written would take it away at once. */
static bool is_vain(const struct request *request)
{
	return request->flags & IGNORES && !(request->flags & FAN_MARK_IGNORED_SURV_MODIFY) &&
	       !request->mount && __atomic_load_n(&request->inode->writers, __ATOMIC_RELAXED) > 0;
}

static int mark_object(struct request *request, const struct at_object *object)
{
	struct list dead = LIST_INIT(dead);
	bool adds = (request->flags & COMMANDS) == FAN_MARK_ADD;
	int r = inode_permission(object->inode, MAY_READ);

	r = r || !adds ? r : check_add(request, object->inode);
	if (r)
		return r;
	if (request->group->flags & FANOTIFY_REPORTS_HANDLES && request->kind != FANOTIFY_INODE &&
		!handle_can_open(object->inode))
		return -EOPNOTSUPP;
	set_object(request, object);
	r = check_ignore(request);
	if (r)
		return r;
	set_on_child(request);
	if (adds)
		return is_vain(request) ? 0 : mark_add(request);
	r = mark_subtract(request, &dead);
	fanotify_marks_free(&dead);
	return r;
}

static int mark_change(struct request *request, const struct syscall_args *args)
{
	CLEANUP(at_object_done) struct at_object object = {0};
	struct list dead = LIST_INIT(dead);
	int r;

	if (request->flags & FAN_MARK_FLUSH) {
		marks_flush(request, &dead);
		fanotify_marks_free(&dead);
		return 0;
	}
	r = object_find(request, args, &object);
	return r ? r : mark_object(request, &object);
}

long sys_fanotify_mark(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct request request;
	int r = request_read(&request, args);

	if (r)
		return r;
	file = fd_get((int)args->a);
	if (!file)
		return -EBADF;
	if (file->ops != &fanotify_ops)
		return -EINVAL;
	request.group = file->private_data;
	r = check_group(&request, thread);
	return r ? r : mark_change(&request, args);
}
