/* What is asked before it happens: fanotify(7), "Dealing with permission events". */
#include "libos/files/fanotify.h"

/* Of an answer's number, Linux 6.14: why it is refused. */
#define ERROR_SHIFT 24
#define ERROR_BITS (0xffU << ERROR_SHIFT)

/* ---- Asking ---- */

/* The first group that comes after a number of a class, or NULL: the list may have changed since.
 */
static struct fanotify_group *group_after(uint32_t class, uint64_t number)
{
	struct fanotify_group *group;

	LIST_FOR_EACH (group, &fanotify_groups, link)
		if (fanotify_class(group) < class ||
			(fanotify_class(group) == class && group->number > number))
			return group;
	return NULL;
}

static bool is_answered(const struct fanotify_event *event)
{
	LOCK_SCOPE(&notify_lock);
	return event->state == FANOTIFY_ANSWERED;
}

/* Killed meanwhile. Is it ours to free? */
static bool forget(struct fanotify_group *group, struct fanotify_event *event)
{
	LOCK_SCOPE(&notify_lock);
	if (event->state == FANOTIFY_REPORTED) {
		event->state = FANOTIFY_FORGOTTEN;
		return false;
	}
	if (event->state == FANOTIFY_QUEUED)
		fanotify_event_take(group, event);
	return true;
}

static int wait_for_answer(struct fanotify_group *group, struct fanotify_event *event)
{
	struct waiter waiter;
	int r = 0;

	waiter_init(&waiter);
	wait_add(&group->answered, &waiter);
	while (!is_answered(event) && !r)
		r = wait_sleep_killable(WAIT_FOREVER);
	wait_remove(&waiter);
	if (r && !forget(group, event))
		return r;
	r = r ? r : event->result;
	fanotify_event_free(event);
	return r;
}

/* The next group after *class and *number that wants to be asked and has room for it, referenced,
 * the question in its queue; NULL: there is none more. -EPERM: there is no memory to ask. */
static int ask_next(const struct notify_happening *happening, uint32_t *class, uint64_t *number,
	struct fanotify_group **ret_group, struct fanotify_event **ret_event)
{
	struct fanotify_group *group;
	uint32_t mask, places;

	LOCK_SCOPE(&notify_lock);
	while ((group = group_after(*class, *number))) {
		*class = fanotify_class(group);
		*number = group->number;
		mask = fanotify_interest(group, happening, &places);
		if (mask && fanotify_has_room(group))
			break;
	}
	*ret_group = group;
	if (!group)
		return 0;
	*ret_event = fanotify_event_new(group, happening, mask, places);
	if (!*ret_event)
		return -EPERM;
	__atomic_add_fetch(&group->reference_count, 1, __ATOMIC_RELAXED);
	fanotify_event_put(group, *ret_event);
	return 0;
}

int fanotify_may_happen(const struct notify_happening *happening)
{
	struct fanotify_group *group;
	struct fanotify_event *event;
	uint32_t class = UINT32_MAX;
	uint64_t number = 0;
	int r;

	do {
		r = ask_next(happening, &class, &number, &group, &event);
		if (r || !group)
			return r;
		r = wait_for_answer(group, event);
		fanotify_group_unref(group);
	} while (!r);
	return r;
}

/* ---- Answering ---- */

void fanotify_answer(
	struct fanotify_group *group, struct fanotify_event *event, int result, struct list *dead)
{
	if (event->state == FANOTIFY_FORGOTTEN) {
		list_add_tail(dead, &event->link);
		return;
	}
	event->state = FANOTIFY_ANSWERED;
	event->result = result;
	wait_wake(&group->answered, 0);
}

/* What else than EPERM may be said of a file's content. */
static bool is_reason(uint32_t error)
{
	static const uint8_t reasons[] = {EIO, EPERM, EBUSY, ETXTBSY, EAGAIN, ENOSPC, EDQUOT};

	for (size_t i = 0; i < sizeof(reasons); i++)
		if (error == reasons[i])
			return true;
	return false;
}

/* 1: allowed; -EPERM and the like: refused, and so the accessor is told; 0: no answer. */
static int result_of(const struct fanotify_group *group, uint32_t response)
{
	uint32_t error = response >> ERROR_SHIFT;

	switch (response & ~(uint32_t)ERROR_BITS) {
	case FAN_ALLOW:
		return error ? 0 : 1;
	case FAN_DENY:
		if (!error)
			return -EPERM;
		return fanotify_class(group) == FAN_CLASS_PRE_CONTENT && is_reason(error)
			       ? -(int)error
			       : 0;
	default:
		return 0;
	}
}

static struct fanotify_event *find_asked(const struct fanotify_group *group, int32_t fd)
{
	struct fanotify_event *event;

	LIST_FOR_EACH (event, &group->asked, link)
		if (event->fd == fd)
			return event;
	return NULL;
}

static int answer(struct fanotify_group *group, int32_t fd, int result, struct list *dead)
{
	struct fanotify_event *event;

	LOCK_SCOPE(&notify_lock);
	event = find_asked(group, fd);
	if (!event)
		return -ENOENT;
	list_remove(&event->link);
	fanotify_answer(group, event, MIN(result, 0), dead);
	return 0;
}

long fanotify_write(struct file *file, struct io *io, uint64_t *offset)
{
	struct fanotify_group *group = file->private_data;
	struct list dead = LIST_INIT(dead);
	struct fanotify_response response;
	long size = (long)io->left;
	int r, result;

	(void)offset;
	if (io->left < sizeof(response))
		return -EINVAL;
	if (io_take(io, &response, sizeof(response)) != (long)sizeof(response))
		return -EFAULT;
	result = result_of(group, response.response);
	if (!result || response.fd < 0)
		return -EINVAL;
	r = answer(group, response.fd, result, &dead);
	fanotify_events_free(&dead);
	return r ? r : size;
}
