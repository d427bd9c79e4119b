/* Inodes and the entries that name them.
 *
 *	struct mount    a file system, mounted once	libos/files/mount.h
 *	struct dentry   a name in a directory		libos/files/dentry.h
 *	struct inode    what it names
 *
 * Lock order (outer first; none of the first two is ever wanted by somebody who holds mm->lock):
 *
 *	file->position_lock
 *	  inode->write_lock	one writer or truncation at a time; held while program memory is
 *copied mm->lock, fd table	(a copy may fault) rename_lock	what renames directories, and what
 *walks up inode->lock	directories (parent first, then by address), then others dentry buckets
 *
 * No lock below mm->lock is held while program memory is touched. */
#ifndef LIBOS_FILES_INODE_H
#define LIBOS_FILES_INODE_H

#include <linux/errno.h>
#include <linux/fcntl.h>

#include "base/list.h"
#include "libos/core/lock.h"
#include "libos/core/wait.h"
#include "libos/files/mode.h"

struct dentry;
struct file;
struct file_ops;
struct file_status;
struct fifo;
struct inode;
struct mount;
struct patched_text;

/* What makes a new inode: mknod(2), mkdir(2), symlink(2), open(2) with O_CREAT. */
struct inode_template {
	uint32_t mode; /* type and permissions, umask applied */
	uint32_t uid, gid;
	uint32_t marks; /* what the directory hands down */
	uint64_t rdev;
	const char *target; /* symbolic links */
};

/* What chmod, chown, utimensat and truncate change; permissions have been checked. */
enum {
	CHANGE_MODE = 1,
	CHANGE_UID = 2,
	CHANGE_GID = 4,
	CHANGE_SIZE = 8,
	CHANGE_ATIME = 16,
	CHANGE_MTIME = 32,
};
struct inode_change {
	uint32_t valid; /* CHANGE_* */
	uint32_t mode, uid, gid;
	uint64_t size;
	int64_t atime_ns, mtime_ns;
};

/* How a kind of inode behaves. Any member may be NULL; what NULL means stands beside it. Directory
 * operations get dentries whose inode they work on; @name is not terminated. They are called with
 * no lock held and take the directory's own. */
struct inode_ops {
	/* The entry @name: referenced. -ENOENT. NULL: an empty directory. See dentry_new. */
	int (*lookup)(
		struct dentry *dir, const char *name, uint32_t length, struct dentry **ret_entry);
	/* A new inode at @name: -EEXIST if there is one. NULL: -EPERM, as the others below. */
	int (*make)(struct dentry *dir, const char *name, uint32_t length,
		const struct inode_template *template, struct dentry **ret_entry);
	/* An unnamed file in the directory's file system (O_TMPFILE). NULL: -EOPNOTSUPP */
	int (*make_unnamed)(struct dentry *dir, const struct inode_template *template,
		struct inode **ret_inode);
	int (*link)(struct dentry *dir, const char *name, uint32_t length, struct inode *target);
	int (*unlink)(struct dentry *dir, struct dentry *entry);
	int (*rmdir)(struct dentry *dir, struct dentry *entry);
	/* @flags RENAME_*; @target is what @name was when permissions were checked, or NULL; the
	 * rename lock is held. */
	int (*rename)(struct dentry *old_dir, struct dentry *entry, struct dentry *new_dir,
		const char *name, uint32_t length, struct dentry *target, uint32_t flags);

	/* The text of a symbolic link: its length, at most @size - 1, terminated. */
	long (*readlink)(struct inode *inode, char *to, size_t size);
	/* The text where it stays put as long as the inode is referenced; NULL: use readlink. */
	const char *(*target)(struct inode *inode);
	/* Links that lead to an object and not to a name (/proc/PID/fd/N, exe, cwd): referenced.
	 * NULL: an ordinary link, followed by its text. */
	int (*follow)(struct inode *inode, struct dentry **ret_entry);

	/* Bring the inode's fields or *@status up to date (already filled from the fields). */
	int (*getattr)(struct inode *inode, struct file_status *status);
	/* NULL: inode_change_apply; -EINVAL for sizes. */
	int (*setattr)(struct inode *inode, const struct inode_change *change);

	/* fallocate(2). NULL: -EOPNOTSUPP */
	int (*allocate)(struct inode *inode, uint32_t mode, uint64_t offset, uint64_t size);

	/* xattr(7): @name with its prefix. get, list: the whole size, or -ERANGE if @size is not 0
	 * and too small. list: names each with its NUL. NULL: -EOPNOTSUPP */
	long (*xattr_get)(struct inode *inode, const char *name, void *to, size_t size);
	int (*xattr_set)(
		struct inode *inode, const char *name, const void *from, size_t size, int flags);
	long (*xattr_list)(struct inode *inode, char *to, size_t size);
	int (*xattr_remove)(struct inode *inode, const char *name);

	/* Complete @file (ops is inode->file_ops at first, private_data NULL). NULL: nothing to do.
	 * */
	int (*open)(struct inode *inode, struct file *file);
	/* May it be opened so (permissions are checked elsewhere)? NULL: yes */
	int (*permission)(struct inode *inode, uint32_t want);
	/* Is it what @other is, an inode with the same ops and number that another lookup made?
	 * NULL: each lookup finds the same one. */
	bool (*is_same)(const struct inode *inode, const struct inode *other);
	/* The last reference is gone: free what @private holds. NULL: nothing; the inode itself is
	 * freed by the caller. */
	void (*release)(struct inode *inode);
};

enum inode_flags {
	INODE_CACHED = 1,    /* a directory whose entries live in the dentry cache */
	INODE_COMPLETE = 2,  /* and all of them do: a miss is -ENOENT */
	INODE_ANONYMOUS = 4, /* no file system: pipes, eventfds; see inode_new_anonymous */
	INODE_DEAD = 8,      /* a directory that was removed */
	INODE_SEALABLE = 32, /* a memfd */
	INODE_LINKABLE = 16, /* O_TMPFILE without O_EXCL: may get a name though it has none */
};

struct inode {
	int32_t reference_count;
	uint32_t flags; /* enum inode_flags; changed under lock */
	const struct inode_ops *ops;
	const struct file_ops *file_ops;
	struct mount *mount; /* NULL: anonymous */
	uint64_t number;
	uint64_t rdev; /* as stat(2) shows it */
	uint32_t mode, uid, gid;
	uint32_t link_count;
	uint32_t marks; /* FS_*_FL: libos/files/marks.h */

	struct lock lock; /* everything that changes below; a directory's entries */
	struct lock write_lock;
	uint64_t size; /* bytes; read without the lock */
	int64_t atime_ns, mtime_ns, ctime_ns, btime_ns;

	int32_t openers; /* regular files: how often it is open, */
	int32_t writers; /* > 0: open for writing so often; < 0: so many deny it (running programs)
			  */
	uint32_t shared_writable_maps;   /* file_count_writable_map */
	uint32_t seals;                  /* F_SEAL_*, memfds */
	struct list posix_locks, flocks; /* libos/files/locks.c, under lock */
	struct wait_queue *lock_waiters; /* the same; heap, NULL at first, freed with the inode */
	struct fifo *fifo;               /* fifo_open's; freed by fifo_free with the inode */
	struct patched_text *patched_text;
	struct notify_watch *watches; /* libos/files/notify.h */
	const char *anonymous_name;   /* INODE_ANONYMOUS; a constant */
	void *private;                /* the ops owner's */
};

/* A bare inode with one reference: kind from @mode, times now, one link. NULL: no memory. */
struct inode *inode_new(struct mount *mount, const struct inode_ops *ops,
	const struct file_ops *file_ops, uint32_t mode, uint64_t number);
/* Initialise one that is embedded in a larger heap object (at its start). */
void inode_init(struct inode *inode, struct mount *mount, const struct inode_ops *ops,
	const struct file_ops *file_ops, uint32_t mode, uint64_t number);
struct inode *inode_ref(struct inode *inode);
void inode_unref(struct inode *inode); /* NULL is fine */
static inline void inode_unrefp(struct inode **inode)
{
	inode_unref(*inode);
}

/* The inode of a file without a path. @name a constant: "pipe" or "socket" with S_IFIFO, S_IFSOCK
 * shows as "pipe:[7]"; "[eventpoll]" with a mode without a type shows as "anon_inode:[eventpoll]".
 */
struct inode *inode_new_anonymous(const char *name, uint32_t mode);

/* An open file for @inode (a reference is taken), with or without a path; offsets at 0.
 * @flags: O_ACCMODE and status flags. NULL: no memory. Opens nothing: see file_open_inode. */
struct file *file_new(
	struct inode *inode, struct dentry *dentry, const struct file_ops *ops, uint32_t flags);

static inline bool inode_is(const struct inode *inode, uint32_t type)
{
	return (inode->mode & S_IFMT) == type;
}

/* Do both stand for the same file? */
static inline bool inode_is_same(const struct inode *a, const struct inode *b)
{
	return a == b || (a->ops->is_same && a->ops == b->ops && a->number == b->number &&
				 a->mount == b->mount && a->ops->is_same(a, b));
}

/* Permissions of the calling thread: @want of MAY_*. 0 or -EACCES. */
#define MAY_EXEC 1
#define MAY_WRITE 2
#define MAY_READ 4
MUST_CHECK int inode_permission(struct inode *inode, uint32_t want);
/* Is the caller the owner, or may act as one (CAP_FOWNER)? */
bool inode_is_owned(const struct inode *inode);

/* Store what @change says in the inode's fields, ctime now. Never the size. Lock held. */
void inode_change_apply(struct inode *inode, const struct inode_change *change);
void inode_status(struct inode *inode, struct file_status *ret_status);

#define ANONYMOUS_DEVICE 0x0e /* st_dev of what no file system holds */

/* The data are about to change: what the loader made of them no longer holds. */
void inode_content_changes(struct inode *inode);

/* Coarse real time, ns; cheap. */
int64_t inode_now(void);
/* It was read: the time of that, as the mount wants it kept. */
void inode_touch_read(struct inode *inode);
/* Set the given times to now (lock not needed: each is one word). */
void inode_touch(struct inode *inode, bool modified, bool changed);

/* Device numbers in the kernel's encodings. */
static inline uint64_t device_number(uint32_t major, uint32_t minor)
{
	return (uint64_t)(major & 0xfff) << 8 | (minor & 0xff) | (uint64_t)(minor & ~0xffU) << 12;
}
static inline uint32_t device_major(uint64_t device)
{
	return (uint32_t)(device >> 8 & 0xfff);
}
static inline uint32_t device_minor(uint64_t device)
{
	return (uint32_t)((device & 0xff) | (device >> 12 & 0xfff00));
}

/* libos/files/fifo.c: open(2) of a FIFO: blocks until the other end comes. Sets file->ops. */
MUST_CHECK int fifo_open(struct inode *inode, struct file *file);
void fifo_free(struct fifo *fifo); /* NULL is fine */
/* libos/files/locks.c: what a closed descriptor and a gone file leave behind. */
void locks_close(struct file *file);   /* at each close(2): posix locks of the process */
void locks_release(struct file *file); /* at the last: flock and OFD locks */

#endif
