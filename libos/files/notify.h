/* Telling those who watch files and directories what happens to them: what inotify(7) and
 * fanotify(7) are made of.
 *
 * An inode has a list of watches, and so has a mount. Whoever opens, reads, changes or renames
 * calls one of the hooks below once it is done and holds no lock that comes after rename_lock. As
 * long as nobody watches anything they cost one load.
 *
 * A watch hears of what happens to its inode, and to what has its name in it. Whoever wants to know
 * more than one inode at a time (by which path, in which file system) is the listener, and looks
 * for watches itself. */
#ifndef LIBOS_FILES_NOTIFY_H
#define LIBOS_FILES_NOTIFY_H

#include "base/compiler.h"
#include "libos/core/lock.h"

struct dentry;
struct file;
struct inode;
struct mount;

/* <linux/inotify.h>, <linux/fanotify.h> */
#define NOTIFY_ACCESS 0x1U
#define NOTIFY_MODIFY 0x2U
#define NOTIFY_ATTRIB 0x4U
#define NOTIFY_CLOSE_WRITE 0x8U
#define NOTIFY_CLOSE_NOWRITE 0x10U
#define NOTIFY_OPEN 0x20U
#define NOTIFY_MOVED_FROM 0x40U
#define NOTIFY_MOVED_TO 0x80U
#define NOTIFY_CREATE 0x100U
#define NOTIFY_DELETE 0x200U
#define NOTIFY_DELETE_SELF 0x400U
#define NOTIFY_MOVE_SELF 0x800U
#define NOTIFY_OPEN_EXEC 0x1000U /* with NOTIFY_OPEN; watches are not told */
#define NOTIFY_Q_OVERFLOW 0x4000U
#define NOTIFY_IGNORED 0x8000U
#define NOTIFY_MAY_OPEN 0x10000U
#define NOTIFY_MAY_ACCESS 0x20000U
#define NOTIFY_MAY_OPEN_EXEC 0x40000U
#define NOTIFY_EXCL_UNLINK                                                                         \
	0x4000000U /* of a mask: not about children that have no name any more                     \
		    */
/* To the listener: each one. To watches: a name in a directory became another in the same one. */
#define NOTIFY_RENAME 0x10000000U
#define NOTIFY_EVENTS (0xfffU | NOTIFY_RENAME)
#define NOTIFY_IS_DIRECTORY 0x40000000U
/* A name came or went, and the directory is told. */
#define NOTIFY_OF_NAMES                                                                            \
	(NOTIFY_CREATE | NOTIFY_DELETE | NOTIFY_MOVED_FROM | NOTIFY_MOVED_TO | NOTIFY_RENAME)

struct notify_event {
	uint32_t events;  /* one of NOTIFY_EVENTS, and NOTIFY_IS_DIRECTORY */
	uint32_t cookie;  /* joins the two halves of a rename */
	const char *name; /* of the child it is about, not terminated; NULL: the watched itself */
	uint32_t name_length;
};

struct notify_watch {
	struct notify_watch *next, **list; /* of the inode or mount */
	struct inode *inode;               /* referenced; NULL: it is on a mount */
	uint32_t mask;
	/* Called with notify_lock held; may remove the watch. */
	void (*happened)(struct notify_watch *watch, const struct notify_event *event);
};

/* Guards the lists of all inodes and mounts. After rename_lock and the inodes' locks, before wait
 * queues and the heap. */
extern struct lock notify_lock;
extern uint32_t notify_watch_count; /* > 0: somebody watches something */

/* (locked) @list: the inode's or the mount's. @watch->inode's reference is the list's until
 * notify_watch_remove, and the caller's from there on. */
void notify_watch_add(struct notify_watch *watch, struct notify_watch **list);
void notify_watch_remove(struct notify_watch *watch);

/* All that is known of an event. */
struct notify_happening {
	uint32_t events;      /* several at once, and NOTIFY_IS_DIRECTORY */
	struct inode *inode;  /* what it happened to; of NOTIFY_OF_NAMES: whose name it is */
	struct dentry *entry; /* the name it was opened by; NULL: it went by no open file */
	struct inode *dir;    /* that the name is in, or was; NULL: none or unknown */
	const char *name;     /* not terminated */
	uint32_t name_length;
	struct inode *new_dir; /* of NOTIFY_RENAME: what name it has now */
	const char *new_name;
	uint32_t new_name_length;
};

struct notify_listener {
	void (*happened)(const struct notify_happening *happening);
	/* NOTIFY_MAY_*, before it happens and without locks: 0 or why not. May sleep. */
	int (*may_happen)(const struct notify_happening *happening);
	/* A removable mount or file system goes: so do its watches. */
	void (*mount_gone)(struct mount *mount);
};
extern const struct notify_listener *notify_listener; /* NULL: none yet; set once */

/* The same for those who watch inodes. NULL: none yet; set once. */
extern void (*notify_watched_mount_gone)(const struct mount *mount);

void notify_slow(struct dentry *dentry, struct inode *inode, uint32_t events);
void notify_file_slow(struct file *file, uint32_t events);
void notify_entry_slow(struct dentry *dir, struct inode *inode, const char *name, uint32_t length,
	uint32_t events);
void notify_inode_slow(struct inode *inode, uint32_t events);
struct notify_rename {
	struct dentry *old_dir, *new_dir;
	const char *old_name, *new_name;
	uint32_t old_length, new_length;
	struct inode *moved, *replaced; /* NULL: nothing was */
};
void notify_rename_slow(const struct notify_rename *rename);
int notify_ask_slow(struct dentry *dentry, struct inode *inode, uint32_t events);
int notify_file_ask_slow(struct file *file, uint32_t events);
void notify_mount_gone(struct mount *mount);

static inline bool notify_is_watched(void)
{
	return UNLIKELY(__atomic_load_n(&notify_watch_count, __ATOMIC_RELAXED));
}

/* Something changed of what @dentry names (NULL: that has no name): those who watch its directory
 * are told, and those who watch it. */
static inline void notify(struct dentry *dentry, struct inode *inode, uint32_t events)
{
	if (notify_is_watched())
		notify_slow(dentry, inode, events);
}

/* Something was done through an open file. */
static inline void notify_file(struct file *file, uint32_t events)
{
	if (notify_is_watched())
		notify_file_slow(file, events);
}

/* A name in @dir appeared or went, which was @inode's. */
static inline void notify_entry(
	struct dentry *dir, struct inode *inode, const char *name, uint32_t length, uint32_t events)
{
	if (notify_is_watched())
		notify_entry_slow(dir, inode, name, length, events);
}

/* Only those who watch @inode itself; any lock but notify_lock may be held. */
static inline void notify_inode(struct inode *inode, uint32_t events)
{
	if (notify_is_watched())
		notify_inode_slow(inode, events);
}

/* May that be done (NOTIFY_MAY_*): 0, or -EPERM and the like. No lock is held: it may take long. */
MUST_CHECK static inline int notify_ask(struct dentry *dentry, struct inode *inode, uint32_t events)
{
	return notify_is_watched() ? notify_ask_slow(dentry, inode, events) : 0;
}

/* The same through an open file. */
MUST_CHECK static inline int notify_file_ask(struct file *file, uint32_t events)
{
	return notify_is_watched() ? notify_file_ask_slow(file, events) : 0;
}

static inline void notify_rename(const struct notify_rename *rename)
{
	if (notify_is_watched())
		notify_rename_slow(rename);
}

#endif
