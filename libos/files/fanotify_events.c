/* What happens, which group cares, and how that waits to be read. */
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/fanotify.h"
#include "libos/processes/process.h"

#define MERGES_MAX 128 /* so many events of a bucket are looked at */
#define EVENTS_ALL (FAN_ALL_EVENTS_KNOWN | FANOTIFY_PERMISSIONS)
#define FAN_ALL_EVENTS_KNOWN (0xfffU | FAN_OPEN_EXEC | FAN_RENAME)
#define MODIFIERS (FAN_EVENT_ON_CHILD | FAN_ONDIR)

/* The hooks' numbers are the ones that programs see. */
_Static_assert(NOTIFY_ACCESS == FAN_ACCESS && NOTIFY_MODIFY == FAN_MODIFY &&
		       NOTIFY_ATTRIB == FAN_ATTRIB && NOTIFY_CLOSE_WRITE == FAN_CLOSE_WRITE &&
		       NOTIFY_CLOSE_NOWRITE == FAN_CLOSE_NOWRITE && NOTIFY_OPEN == FAN_OPEN &&
		       NOTIFY_MOVED_FROM == FAN_MOVED_FROM && NOTIFY_MOVED_TO == FAN_MOVED_TO &&
		       NOTIFY_CREATE == FAN_CREATE && NOTIFY_DELETE == FAN_DELETE &&
		       NOTIFY_DELETE_SELF == FAN_DELETE_SELF && NOTIFY_MOVE_SELF == FAN_MOVE_SELF &&
		       NOTIFY_OPEN_EXEC == FAN_OPEN_EXEC && NOTIFY_RENAME == FAN_RENAME &&
		       NOTIFY_IS_DIRECTORY == FAN_ONDIR && NOTIFY_MAY_OPEN == FAN_OPEN_PERM &&
		       NOTIFY_MAY_ACCESS == FAN_ACCESS_PERM &&
		       NOTIFY_MAY_OPEN_EXEC == FAN_OPEN_EXEC_PERM,
	"ABI");

/* ---- Who cares ---- */

static struct fanotify_mark *inode_mark(
	const struct fanotify_group *group, const struct inode *inode)
{
	return inode ? fanotify_mark_find(group, inode->watches, FANOTIFY_INODE) : NULL;
}

static void find_marks(const struct fanotify_group *group, const struct notify_happening *happening,
	struct fanotify_mark *ret_marks[PLACE_COUNT])
{
	bool is_of_name = happening->events & NOTIFY_OF_NAMES;
	struct mount *fs = happening->inode->mount;
	struct mount *mount = happening->entry ? dentry_mount(happening->entry) : NULL;

	ret_marks[ON_FILE_SYSTEM] =
		fs ? fanotify_mark_find(group, fs->watches, FANOTIFY_FILE_SYSTEM) : NULL;
	ret_marks[ON_MOUNT] =
		mount ? fanotify_mark_find(group, mount->watches, FANOTIFY_MOUNT) : NULL;
	ret_marks[ON_INODE] = inode_mark(group, is_of_name ? happening->dir : happening->inode);
	ret_marks[ON_PARENT] = is_of_name ? NULL : inode_mark(group, happening->dir);
	ret_marks[ON_NEW_DIR] = inode_mark(group, happening->new_dir);
}

/* Do the modifiers in @mask let it apply? */
static bool applies(uint32_t mask, bool is_directory, enum fanotify_place place)
{
	return (!is_directory || mask & FAN_ONDIR) &&
	       (place != ON_PARENT || mask & FAN_EVENT_ON_CHILD);
}

/* The older flag knows no modifiers: directories are not told apart, and children are the mark's
 * own if its other mask says so. */
static uint32_t ignored_by(
	const struct fanotify_mark *mark, bool is_directory, enum fanotify_place place)
{
	uint32_t modifiers = mark->ignored;

	if (!(mark->flags & FAN_MARK_IGNORE))
		modifiers = FAN_ONDIR | (mark->mask & FAN_EVENT_ON_CHILD);
	return applies(modifiers, is_directory, place) ? mark->ignored & EVENTS_ALL : 0;
}

static bool watches_children(const struct fanotify_mark *mark)
{
	return (mark->mask | mark->ignored) & FAN_EVENT_ON_CHILD;
}

/* What is ignored until it changes is ignored no more. */
static void note_modified(struct fanotify_mark *marks[PLACE_COUNT])
{
	for (enum fanotify_place i = 0; i < PLACE_COUNT; i++)
		if (marks[i] && !(marks[i]->flags & FAN_MARK_IGNORED_SURV_MODIFY) &&
			(i != ON_PARENT || watches_children(marks[i])))
			marks[i]->ignored = 0;
}

/* Can the group say what it happened to? */
static bool can_report(const struct fanotify_group *group, const struct notify_happening *happening)
{
	const struct inode *inode = happening->inode;

	if (!(group->flags & FANOTIFY_REPORTS_HANDLES))
		return happening->entry && (inode_is(inode, S_IFREG) || inode_is(inode, S_IFDIR));
	return group->flags & FAN_REPORT_FID || happening->dir ||
	       happening->events & NOTIFY_IS_DIRECTORY;
}

uint32_t fanotify_interest(struct fanotify_group *group, const struct notify_happening *happening,
	uint32_t *ret_places)
{
	bool is_directory = happening->events & NOTIFY_IS_DIRECTORY;
	struct fanotify_mark *marks[PLACE_COUNT];
	uint32_t wanted = 0, ignored = 0;

	find_marks(group, happening, marks);
	if (happening->events & NOTIFY_MODIFY)
		note_modified(marks);
	*ret_places = 0;
	for (enum fanotify_place i = 0; i < PLACE_COUNT; i++) {
		if (!marks[i])
			continue;
		ignored |= ignored_by(marks[i], is_directory, i);
		if (applies(marks[i]->mask, is_directory, i)) {
			wanted |= marks[i]->mask;
			*ret_places |= 1U << i;
		}
	}
	wanted &= happening->events & ~ignored;
	if (!(wanted & EVENTS_ALL) || !can_report(group, happening))
		return 0;
	/* Only with handles are directories told apart. */
	return group->flags & FANOTIFY_REPORTS_HANDLES ? wanted : wanted & ~(uint32_t)MODIFIERS;
}

/* ---- Events ---- */

static uint32_t hash_of(const void *bytes, size_t size, uint32_t hash)
{
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x01000193U;
	return hash;
}

static uint32_t event_hash(const struct fanotify_event *event)
{
	uint64_t words[] = {(uint32_t)event->pid, event->mask & FAN_ONDIR,
		event->entry ? event->entry->inode->number : 0, event->object.inode_number,
		event->dir.inode_number, event->new_dir.inode_number};

	return hash_of(event->names, event->name_length + event->new_name_length,
		hash_of(words, sizeof(words), 0x811c9dc5U));
}

static bool handle_is(const struct handle *a, const struct handle *b)
{
	return a->mount_id == b->mount_id && a->inode_number == b->inode_number;
}

static bool entry_is(const struct dentry *a, const struct dentry *b)
{
	return a == b || (a && b && dentry_is_same(a, b));
}

static bool is_similar(const struct fanotify_event *a, const struct fanotify_event *b)
{
	return a->hash == b->hash && a->pid == b->pid && a->device == b->device &&
	       !((a->mask ^ b->mask) & (FAN_ONDIR | FAN_RENAME)) && entry_is(a->entry, b->entry) &&
	       a->has_object == b->has_object && a->has_dir == b->has_dir &&
	       a->has_new_dir == b->has_new_dir && handle_is(&a->object, &b->object) &&
	       handle_is(&a->dir, &b->dir) && handle_is(&a->new_dir, &b->new_dir) &&
	       a->name_length == b->name_length && a->new_name_length == b->new_name_length &&
	       !memcmp(a->names, b->names, a->name_length + a->new_name_length);
}

/* Whose handles, and under which names: fanotify(7), "Additional information". */
struct report {
	const struct inode *object, *dir, *new_dir;
	bool has_name, has_new_name;
};

static void report_rename(
	struct report *report, const struct notify_happening *happening, uint32_t places)
{
	const uint32_t everywhere = 1U << ON_FILE_SYSTEM;

	if (!(places & (everywhere | 1U << ON_INODE))) {
		report->dir = NULL;
		report->has_name = false;
	}
	if (places & (everywhere | 1U << ON_NEW_DIR)) {
		report->new_dir = happening->new_dir;
		report->has_new_name = true;
	}
}

static struct report report_of(const struct fanotify_group *group,
	const struct notify_happening *happening, uint32_t mask, uint32_t places)
{
	bool is_of_name = happening->events & NOTIFY_OF_NAMES;
	bool is_directory = happening->events & NOTIFY_IS_DIRECTORY;
	const struct inode *inode = happening->inode, *dir = happening->dir;
	struct report report = {.object = inode};
	bool has_object = is_of_name ? group->flags & FAN_REPORT_TARGET_FID
				     : group->flags & FAN_REPORT_FID && !is_directory;

	if (is_of_name && !has_object)
		report.object = dir;
	if (!is_of_name && is_directory)
		dir = inode;
	if (!(group->flags & FAN_REPORT_DIR_FID) || !dir)
		return report;
	/* A directory that something happened to itself is the object; its name is ".". */
	if (!is_of_name && is_directory)
		return report;
	report.dir = dir;
	report.object = has_object ? inode : NULL;
	report.has_name = group->flags & FAN_REPORT_NAME;
	if (mask & FAN_RENAME)
		report_rename(&report, happening, places);
	return report;
}

static struct fanotify_event *event_alloc(
	const struct notify_happening *happening, bool has_name, bool has_new_name)
{
	uint32_t length = has_name ? happening->name_length : 0;
	uint32_t new_length = has_new_name ? happening->new_name_length : 0;
	struct fanotify_event *event = heap_alloc(sizeof(*event) + length + new_length);

	if (!event)
		return NULL;
	event->name_length = length;
	event->new_name_length = new_length;
	if (length)
		memcpy(event->names, happening->name, length);
	if (new_length)
		memcpy(event->names + length, happening->new_name, new_length);
	list_init(&event->link);
	list_init(&event->similar);
	return event;
}

static struct fanotify_event *event_with_handles(const struct fanotify_group *group,
	const struct notify_happening *happening, uint32_t mask, uint32_t places)
{
	struct report report = report_of(group, happening, mask, places);
	struct fanotify_event *event = event_alloc(happening, report.has_name, report.has_new_name);

	if (!event)
		return NULL;
	event->device = happening->inode->mount ? happening->inode->mount->device : 0;
	event->has_object = report.object;
	event->has_dir = report.dir;
	event->has_new_dir = report.new_dir;
	if (report.object)
		event->object = handle_of(report.object);
	if (report.dir)
		event->dir = handle_of(report.dir);
	if (report.new_dir)
		event->new_dir = handle_of(report.new_dir);
	event->can_open = handle_can_open(happening->inode);
	return event;
}

static struct fanotify_event *event_with_entry(const struct notify_happening *happening)
{
	struct fanotify_event *event = event_alloc(happening, false, false);

	if (!event)
		return NULL;
	event->entry = dentry_ref(happening->entry);
	mount_use(dentry_mount(event->entry));
	return event;
}

struct fanotify_event *fanotify_event_new(const struct fanotify_group *group,
	const struct notify_happening *happening, uint32_t mask, uint32_t places)
{
	struct thread *thread = thread_current();
	struct fanotify_event *event = group->flags & FANOTIFY_REPORTS_HANDLES
					       ? event_with_handles(group, happening, mask, places)
					       : event_with_entry(happening);

	if (!event)
		return NULL;
	event->mask = mask;
	event->pid = group->flags & FAN_REPORT_TID ? thread->tid : thread->process->pid;
	if (group->flags & FAN_REPORT_PIDFD)
		event->process = process_ref(thread->process);
	event->hash = event_hash(event);
	return event;
}

void fanotify_event_free(struct fanotify_event *event)
{
	if (event->entry) {
		mount_unuse(dentry_mount(event->entry));
		dentry_unref(event->entry);
	}
	process_unref(event->process);
	heap_free(event);
}

void fanotify_events_free(struct list *dead)
{
	struct fanotify_event *event, *next;

	LIST_FOR_EACH_SAFE (event, next, dead, link)
		fanotify_event_free(event);
}

/* ---- The queue ---- */

static struct list *bucket_of(struct fanotify_group *group, const struct fanotify_event *event)
{
	return &group->buckets[(event->hash ^ event->hash >> 16) % FANOTIFY_BUCKETS];
}

static bool merge(struct fanotify_group *group, const struct fanotify_event *event)
{
	struct fanotify_event *old;
	uint32_t count = 0;

	LIST_FOR_EACH (old, bucket_of(group, event), similar) {
		if (++count > MERGES_MAX)
			break;
		if (!is_similar(old, event))
			continue;
		old->mask |= event->mask;
		return true;
	}
	return false;
}

void fanotify_event_put(struct fanotify_group *group, struct fanotify_event *event)
{
	if (!fanotify_is_asked(event) && event != &group->overflow)
		list_add(bucket_of(group, event), &event->similar);
	notify_queue_put(&group->queue, &event->link);
}

void fanotify_event_take(struct fanotify_group *group, struct fanotify_event *event)
{
	list_remove(&event->similar);
	notify_queue_take(&group->queue, &event->link);
}

/* Once at a time. */
static void queue_overflow(struct fanotify_group *group)
{
	if (list_is_empty(&group->overflow.link))
		fanotify_event_put(group, &group->overflow);
}

bool fanotify_has_room(struct fanotify_group *group)
{
	if (group->queue.count < group->queue_limit)
		return true;
	queue_overflow(group);
	return false;
}

/* What is not kept goes to @dead: it may hold the last reference to a name. */
static void queue_event(struct fanotify_group *group, const struct notify_happening *happening,
	uint32_t mask, uint32_t places, struct list *dead)
{
	struct fanotify_event *event;

	if (!fanotify_has_room(group))
		return;
	event = fanotify_event_new(group, happening, mask, places);
	if (!event)
		queue_overflow(group);
	else if (merge(group, event))
		list_add_tail(dead, &event->link);
	else
		fanotify_event_put(group, event);
}

/* What is deleted is not marked any more. Whoever tells us holds a reference: the mark's is not the
 * last. */
static void forget_inode(struct inode *inode)
{
	struct list dead = LIST_INIT(dead);
	struct fanotify_group *group;
	struct fanotify_mark *mark;

	LIST_FOR_EACH (group, &fanotify_groups, link) {
		mark = inode_mark(group, inode);
		if (mark)
			fanotify_mark_remove(mark, &dead);
	}
	fanotify_marks_free(&dead);
}

void fanotify_happened(const struct notify_happening *happening)
{
	struct list dead = LIST_INIT(dead);
	struct fanotify_group *group;
	uint32_t mask, places;

	lock_acquire(&notify_lock);
	LIST_FOR_EACH (group, &fanotify_groups, link) {
		mask = fanotify_interest(group, happening, &places);
		if (mask)
			queue_event(group, happening, mask, places, &dead);
	}
	if (happening->events & NOTIFY_DELETE_SELF)
		forget_inode(happening->inode);
	lock_release(&notify_lock);
	fanotify_events_free(&dead);
}
