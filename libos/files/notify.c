#include "libos/files/notify.h"

#include "base/memory.h"
#include "libos/files/dentry.h"
#include "libos/files/file.h"

struct lock notify_lock;
uint32_t notify_watch_count;
const struct notify_listener *notify_listener;
void (*notify_watched_mount_gone)(const struct mount *mount);
static uint32_t last_cookie;

void notify_watch_add(struct notify_watch *watch, struct notify_watch **list)
{
	watch->list = list;
	watch->next = *list;
	__atomic_store_n(list, watch, __ATOMIC_RELEASE);
	__atomic_add_fetch(&notify_watch_count, 1, __ATOMIC_RELEASE);
}

void notify_watch_remove(struct notify_watch *watch)
{
	struct notify_watch **at = watch->list;

	while (*at != watch)
		at = &(*at)->next;
	*at = watch->next;
	__atomic_sub_fetch(&notify_watch_count, 1, __ATOMIC_RELEASE);
}

static bool is_watched(const struct inode *inode)
{
	return __atomic_load_n(&inode->watches, __ATOMIC_ACQUIRE);
}

static uint32_t directory_bit(const struct inode *inode)
{
	return inode_is(inode, S_IFDIR) ? NOTIFY_IS_DIRECTORY : 0;
}

/* @is_gone: the child has lost its name. */
static void tell(struct inode *inode, const struct notify_event *event, bool is_gone)
{
	struct notify_watch *watch, *next;

	if (!is_watched(inode))
		return;
	LOCK_SCOPE(&notify_lock);
	for (watch = inode->watches; watch; watch = next) {
		next = watch->next;
		if (event->events & watch->mask & NOTIFY_EVENTS &&
			!(is_gone && watch->mask & NOTIFY_EXCL_UNLINK))
			watch->happened(watch, event);
	}
}

static const struct notify_listener *listener(void)
{
	return __atomic_load_n(&notify_listener, __ATOMIC_ACQUIRE);
}

static void tell_listener(const struct notify_happening *happening)
{
	if (listener())
		listener()->happened(happening);
}

static void tell_self(struct inode *inode, uint32_t events)
{
	struct notify_event event = {.events = events | directory_bit(inode)};

	/* What is deleted is no directory any more: inotify(7) shows it without the bit. */
	if (events & (NOTIFY_DELETE_SELF | NOTIFY_MOVE_SELF))
		event.events = events;
	tell(inode, &event, false);
}

void notify_inode_slow(struct inode *inode, uint32_t events)
{
	tell_self(inode, events);
	tell_listener(&(struct notify_happening){
		.events = events | directory_bit(inode), .inode = inode});
}

/* The directory that @dentry is in, referenced, if somebody may care; and the name there. */
static struct dentry *parent_of(
	struct dentry *dentry, char name[NAME_LENGTH_MAX], uint32_t *ret_length)
{
	struct dentry *parent = NULL;

	if (!dentry || dentry->flags & (DENTRY_ROOT | DENTRY_ANONYMOUS))
		return NULL;
	LOCK_SCOPE(&rename_lock);
	if (dentry->parent && dentry->parent->inode &&
		(is_watched(dentry->parent->inode) || listener())) {
		parent = dentry_ref(dentry->parent);
		*ret_length = dentry->name_length;
		memcpy(name, dentry->name, dentry->name_length);
	}
	return parent;
}

/* @entry: the same as @dentry, or NULL if it went by no open file. */
static void happen(
	struct dentry *dentry, struct inode *inode, uint32_t events, struct dentry *entry)
{
	uint32_t for_watches = events & ~NOTIFY_OPEN_EXEC;
	char name[NAME_LENGTH_MAX];
	struct notify_event event = {.events = for_watches | directory_bit(inode), .name = name};
	struct dentry *parent;

	dentry = dentry ? dentry_real(dentry) : NULL;
	parent = parent_of(dentry, name, &event.name_length);
	if (parent)
		tell(parent->inode, &event, dentry->flags & DENTRY_UNLINKED);
	tell_self(inode, for_watches);
	tell_listener(&(struct notify_happening){
		.events = events | directory_bit(inode),
		.inode = inode,
		.entry = entry,
		.dir = parent ? parent->inode : NULL,
		.name = name,
		.name_length = event.name_length,
	});
	dentry_unref(parent);
}

void notify_slow(struct dentry *dentry, struct inode *inode, uint32_t events)
{
	happen(dentry, inode, events, NULL);
}

void notify_file_slow(struct file *file, uint32_t events)
{
	if (!(file->flags & O_PATH) && !file->is_silent)
		happen(file->dentry, file->inode, events, file->dentry);
}

int notify_ask_slow(struct dentry *dentry, struct inode *inode, uint32_t events)
{
	char name[NAME_LENGTH_MAX];
	struct notify_happening happening = {
		.events = events | directory_bit(inode),
		.inode = inode,
		.entry = dentry,
		.name = name,
	};
	struct dentry *parent;
	int r;

	if (!listener() || !dentry)
		return 0;
	parent = parent_of(dentry_real(dentry), name, &happening.name_length);
	happening.dir = parent ? parent->inode : NULL;
	r = listener()->may_happen(&happening);
	dentry_unref(parent);
	return r;
}

int notify_file_ask_slow(struct file *file, uint32_t events)
{
	return file->is_silent ? 0 : notify_ask_slow(file->dentry, file->inode, events);
}

void notify_mount_gone(struct mount *mount)
{
	void (*watchers)(const struct mount *) =
		__atomic_load_n(&notify_watched_mount_gone, __ATOMIC_ACQUIRE);

	if (watchers)
		watchers(mount);
	if (listener())
		listener()->mount_gone(mount);
}

void notify_entry_slow(
	struct dentry *dir, struct inode *inode, const char *name, uint32_t length, uint32_t events)
{
	struct notify_event event = {
		.events = events | directory_bit(inode),
		.name = name,
		.name_length = length,
	};

	tell(dir->inode, &event, false);
	tell_listener(&(struct notify_happening){
		.events = event.events,
		.inode = inode,
		.dir = dir->inode,
		.name = name,
		.name_length = length,
	});
}

/* The listener hears of the whole, and then of its halves as the directories do. */
static void tell_listener_renamed(const struct notify_rename *rename)
{
	struct notify_happening happening = {
		.events = NOTIFY_RENAME | directory_bit(rename->moved),
		.inode = rename->moved,
		.dir = rename->old_dir->inode,
		.name = rename->old_name,
		.name_length = rename->old_length,
		.new_dir = rename->new_dir->inode,
		.new_name = rename->new_name,
		.new_name_length = rename->new_length,
	};

	tell_listener(&happening);
	happening.new_dir = NULL;
	happening.events = NOTIFY_MOVED_FROM | directory_bit(rename->moved);
	tell_listener(&happening);
	happening.events = NOTIFY_MOVED_TO | directory_bit(rename->moved);
	happening.dir = rename->new_dir->inode;
	happening.name = rename->new_name;
	happening.name_length = rename->new_length;
	tell_listener(&happening);
}

void notify_rename_slow(const struct notify_rename *rename)
{
	struct notify_event event = {
		.events = NOTIFY_MOVED_FROM | directory_bit(rename->moved),
		.cookie = __atomic_add_fetch(&last_cookie, 1, __ATOMIC_RELAXED),
		.name = rename->old_name,
		.name_length = rename->old_length,
	};

	tell(rename->old_dir->inode, &event, false);
	event.events = NOTIFY_MOVED_TO | directory_bit(rename->moved);
	event.name = rename->new_name;
	event.name_length = rename->new_length;
	tell(rename->new_dir->inode, &event, false);
	event.events = NOTIFY_RENAME | directory_bit(rename->moved);
	if (rename->old_dir->inode == rename->new_dir->inode)
		tell(rename->new_dir->inode, &event, false);
	tell_listener_renamed(rename);
	if (rename->replaced)
		notify_inode_slow(rename->replaced, NOTIFY_ATTRIB);
	notify_inode_slow(rename->moved, NOTIFY_MOVE_SELF);
}
