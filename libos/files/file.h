/* Files as the rest of the LibOS sees them.
 *
 *	descriptor -> struct file (an open file description) -> struct inode
 *
 * A file's behaviour is its file_ops, an inode's its inode_ops (both const, chosen by data). */
#ifndef LIBOS_FILES_FILE_H
#define LIBOS_FILES_FILE_H

#include "libos/core/lock.h"
#include "libos/core/user.h"
#include "libos/core/wait.h"
#include "libos/files/async.h"

struct file;
struct inode;
struct dentry;
struct process;
struct thread;

struct poll_table; /* libos/files/poll.h */

/* Any member may be NULL: the call's usual errno then (EINVAL, ESPIPE, ENOTTY, EPERM …). */
struct file_ops {
	/* At *offset, which the op moves on; seekable files only use the given offset. */
	long (*read)(struct file *file, struct io *io, uint64_t *offset);
	long (*write)(struct file *file, struct io *io, uint64_t *offset);
	long (*seek)(struct file *file, int64_t offset, int whence);
	bool has_no_position; /* though it can seek: everywhere is the same */
	long (*ioctl)(struct file *file, uint32_t request, uint64_t argument);
	/* POLL* bits ready now; if @table, also queue the caller's waiter on the file's queues. */
	uint32_t (*poll)(struct file *file, struct poll_table *table);
	/* Emit entries from file->position on through the emit callback; see directory.h. */
	int (*iterate)(struct file *file, void *context);
	/* Memory behind [offset, offset + size) of the file: *ret_memory page aligned in the
	 * region, *ret_run >= PAGE_SIZE bytes contiguous (may be more than size). -ENXIO: offset is
	 * at or beyond the end (rounded up to pages): SIGBUS. @write: the mapping is shared and
	 * writable. Pages that are not loaded must not be shown to a program. */
	int (*map)(struct file *file, uint64_t offset, uint64_t size, bool write, void **ret_memory,
		uint64_t *ret_run);
	/* Is the page at @offset of that memory present and checked? *ret_run >= PAGE_SIZE: for so
	 * many bytes from there on it is the same. What is loaded stays so. NULL: all is. */
	bool (*is_loaded)(struct file *file, uint64_t offset, uint64_t *ret_run);
	/* Load [offset, offset + size), which is mapped. -EIO: damaged. Not NULL with is_loaded. */
	int (*load)(struct file *file, uint64_t offset, uint64_t size);
	/* Read [offset, offset + size) into LibOS memory without keeping what was not loaded: bytes
	 * (short only at the end of the file) or -errno. Page aligned. NULL: read it is. */
	long (*peek)(struct file *file, void *to, size_t size, uint64_t offset);
	/* A mapping of it came (1) or went (-1); mm->lock may be held. NULL: nobody counts */
	void (*mapped)(struct file *file, int change);
	int (*sync)(struct file *file, bool data_only);
	int (*flush)(struct file *file, struct process *process); /* at each close(2) */
	void (*release)(struct file *file);                       /* the last reference is gone */
	int (*set_flags)(struct file *file, uint32_t flags); /* F_SETFL is about to change them */
};

struct file {
	int32_t reference_count;
	uint32_t flags; /* O_* status flags and access mode */
	const struct file_ops *ops;
	struct inode
		*inode; /* referenced; every file has one (pipes and eventfds anonymous ones) */
	struct dentry *dentry; /* referenced; NULL for files without a path */
	struct lock position_lock;
	uint64_t position;
	void *private_data;       /* the op owner's */
	struct file_owner owner;  /* F_SETOWN, F_SETSIG */
	struct file_async *async; /* O_ASYNC; NULL: not set */
	struct lease *lease;      /* F_SETLEASE; NULL: none. libos/files/lease.c */
	struct dnotify *dnotify;  /* F_NOTIFY; NULL: none. libos/files/dnotify.c */
	uint32_t denied;          /* to who opened it: libos/security/landlock.h */
	struct list epoll_items;
	struct lock epoll_lock;
	bool counts_as_opener; /* in inode->openers, */
	bool counts_as_writer; /* and in inode->writers */
	bool is_created;       /* by its open: F_CREATED_QUERY */
	bool is_silent;        /* who watches is told nothing: it is the watcher's own */
};

/* libos/files/epoll.c: the file's last reference is gone and epoll_items is not empty. */
void epoll_file_gone(struct file *file);

struct file *file_ref(struct file *file);
void file_unref(struct file *file); /* NULL is fine */
static inline void file_unrefp(struct file **file)
{
	file_unref(*file);
}

/* Through which it was opened: NULL for what no file system holds. */
struct mount *file_mount(const struct file *file);

/* The file of a descriptor of the calling process: referenced, or NULL. */
MUST_CHECK struct file *fd_get(int fd);
/* Put @file (the reference is taken over on success) at the lowest free descriptor >= @least.
 * Returns it or -EMFILE. */
MUST_CHECK int fd_install(struct file *file, int least, bool close_on_exec);

struct fd_table;
struct fd_table *fd_table_new(void);
struct fd_table *fd_table_copy(struct fd_table *table); /* fork; NULL: no memory */
struct fd_table *fd_table_ref(struct fd_table *table);
void fd_table_unref(struct fd_table *table);         /* the last one closes all */
void fd_table_close_on_exec(struct fd_table *table); /* of the calling process */

/* Root, working directory, umask. */
struct fs_context;
struct fs_context *fs_context_new(void); /* at "/", umask 022 */
struct fs_context *fs_context_copy(struct fs_context *context);
struct fs_context *fs_context_ref(struct fs_context *context);
void fs_context_unref(struct fs_context *context);
MUST_CHECK int fs_context_enter(const char *path); /* chdir(2) of the calling process */

/* openat(2) for the LibOS itself: @path is a LibOS string; resolved as the calling thread would.
 * @dir_fd AT_FDCWD or a descriptor. */
MUST_CHECK int file_open(
	int dir_fd, const char *path, uint32_t flags, uint32_t mode, struct file **ret_file);
/* @file, a regular one, open for the LibOS to read whatever its mode says: itself unless it was
 * opened with O_PATH. */
MUST_CHECK int file_reopen(struct file *file, struct file **ret_file);
/* May the calling thread read it? */
bool file_may_read(struct file *file);
/* A nameless file in memory of @size bytes, for shared anonymous mappings ("/dev/zero (deleted)").
 */
MUST_CHECK int file_shared_memory(uint64_t size, struct file **ret_file);
/* The same by another name. */
MUST_CHECK int file_shared_memory_named(const char *name, uint64_t size, struct file **ret_file);
/* pread into LibOS memory: bytes read (short only at the end of the file) or -errno. */
MUST_CHECK long file_read_kernel(struct file *file, void *to, size_t size, uint64_t offset);
/* Absolute path of a file as seen from the calling process's root ("(deleted)" appended as Linux
 * does): length or -ENAMETOOLONG. Files without a path: "pipe:[5]", "anon_inode:[eventpoll]". */
MUST_CHECK long file_path(struct file *file, char *to, size_t size);
/* May the calling thread execute it: 0, -EACCES (mode, noexec, not a regular file). */
MUST_CHECK int file_may_execute(struct file *file);
/* Does its file system take the set-id bits of programs for nothing (nosuid)? */
bool file_is_nosuid(const struct file *file);
/* size, mode (setuid bits), owner for exec */
struct file_status {
	uint64_t size, inode_number, device, blocks;
	uint32_t mode, uid, gid, link_count;
	uint64_t rdev;
	int64_t atime_ns, mtime_ns, ctime_ns, btime_ns;
	uint32_t block_size;
};
void file_status(struct file *file, struct file_status *ret_status);

/* ETXTBSY and friends: executables being run deny writers. */
int file_deny_write(struct file *file);
void file_allow_write(struct file *file);

/* A mapping that may write to the file comes or goes (F_SEAL_WRITE asks). */
void file_count_writable_map(struct file *file, int change);

/* A place on the inode where the loader keeps its patched copy of the text; NULL at first. Freed by
 * patched_text_free (libos/loader) when the inode goes or its data change. */
struct patched_text;
struct patched_text **file_patched_text(struct file *file);
/* Is it a file of the image's own read-only root file system: *ret_nid its EROFS inode number. */
bool file_image_nid(struct file *file, uint64_t *ret_nid);

/* Mounts image, overlay, /proc, /dev, /sys, /tmp …; called once, before the first process. */
struct erofs;
MUST_CHECK int files_init(struct erofs *image_root);
/* Descriptors 0..2 of the first process: the host's standard streams. */
MUST_CHECK int files_standard_streams(struct fd_table *table);
/* Descriptors of the host as 0, 1 and 2 of a table that nobody uses yet; on success they are closed
 * when nobody inside uses them any more. */
MUST_CHECK int files_given_streams(struct fd_table *table, const int32_t host_fds[3]);
/* `-v HOST:DIR[:ro]` : host_fd is an open host directory. */
MUST_CHECK int files_mount_host(int host_fd, const char *target, bool read_only);

#endif
