#include "libos/files/open.h"

#include "base/format.h"
#include "libos/files/descriptors.h"
#include "libos/files/fs_context.h"
#include "libos/files/lease.h"
#include "libos/files/loop.h"
#include "libos/files/marks.h"
#include "libos/files/mount.h"
#include "libos/files/notify.h"
#include "libos/files/path.h"
#include "libos/memory/mm.h"
#include "libos/processes/process.h"
#include "libos/security/landlock.h"

#define CAP_FSETID 4
/* Not kept in file->flags, but for O_TMPFILE's O_DIRECTORY bit. */
#define FLAGS_OF_OPENING (O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC)
#define FLAGS_WITH_PATH (O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC)
#define TMPFILE_BIT (O_TMPFILE & ~O_DIRECTORY)
#define RETRIES_MAX 100

void inode_template_init(
	struct inode_template *template, const struct inode *dir, uint32_t mode, bool use_umask)
{
	struct thread *thread = thread_current();

	*template = (struct inode_template){
		.mode = use_umask ? mode & ~thread->process->fs->umask : mode,
		.uid = thread->credentials.fsuid,
		.gid = thread->credentials.fsgid,
		.marks = dir->marks & MARKS_INHERITED,
	};
	if (!(dir->mode & S_ISGID))
		return;
	template->gid = dir->gid;
	if ((mode & S_IFMT) == S_IFDIR)
		template->mode |= S_ISGID;
	else if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
		 !credentials_in_group(&thread->credentials, dir->gid) &&
		 !credentials_can(&thread->credentials, CAP_FSETID))
		template->mode &= ~(uint32_t)S_ISGID;
}

int inode_truncate(struct inode *inode, uint64_t size)
{
	struct inode_change change = {.valid = CHANGE_SIZE, .size = size};
	bool shrinks;
	uint64_t grow;
	int r;

	if (size > FILE_SIZE_MAX)
		return -EINVAL;
	if (inode_is(inode, S_IFDIR))
		return -EISDIR;
	if (!inode_is(inode, S_IFREG) || !inode->ops->setattr)
		return -EINVAL;
	if (inode_is_append_only(inode))
		return -EPERM;
	grow = 1;
	if (size > inode->size) {
		r = file_limit_write(size - 1, &grow);
		if (r)
			return r;
	}
	file_drop_privileges(inode);
	shrinks = size < inode->size;
	r = inode->ops->setattr(inode, &change);
	if (!r && shrinks)
		mm_file_shrunk(inode);
	return r;
}

/* What only the kind of inode decides. */
static int open_by_kind(struct inode *inode, struct file *file)
{
	if (inode->ops->open)
		return inode->ops->open(inode, file);
	switch (inode->mode & S_IFMT) {
	case S_IFIFO:
		return fifo_open(inode, file);
	case S_IFCHR:
		return device_open(inode, file);
	case S_IFBLK:
		return block_device_open(inode, file);
	case S_IFSOCK:
		return -ENXIO;
	default:
		return 0;
	}
}

static const struct file_ops path_only_ops;

/* A regular file is opened once more, when no lease is against it. */
static int count_open(struct file *file)
{
	struct inode *inode = file->inode;
	bool wants_write = file_can_write(file);
	int r;

	__atomic_add_fetch(&inode->openers, 1, __ATOMIC_SEQ_CST);
	file->counts_as_opener = true;
	if (wants_write) {
		r = file_count_writer(inode);
		if (r)
			return r;
		file->counts_as_writer = true;
		mount_count_writer(file_mount(file), 1);
	}
	return lease_break(inode, wants_write, !(file->flags & O_NONBLOCK));
}

int file_open_inode(
	struct inode *inode, struct dentry *dentry, uint32_t flags, struct file **ret_file)
{
	struct file *file;
	int r;

	if (flags & O_PATH) {
		file = file_new(inode, dentry, &path_only_ops, flags & ~(uint32_t)O_CLOEXEC);
		*ret_file = file;
		return file ? 0 : -ENOMEM;
	}
	file = file_new(inode, dentry, inode->file_ops, flags & ~(uint32_t)FLAGS_OF_OPENING);
	if (!file)
		return -ENOMEM;
	r = inode_is(inode, S_IFREG) ? count_open(file) : 0;
	r = r ? r : open_by_kind(inode, file);
	if (r) {
		/* What did not open has nothing to release. */
		file->ops = NULL;
		file_unref(file);
		return r;
	}
	file->flags &= ~(uint32_t)O_NOCTTY; /* only terminals asked, in their open */
	*ret_file = file;
	return 0;
}

static uint32_t wanted_access(uint32_t flags)
{
	static const uint32_t wanted[] = {
		[O_RDONLY] = MAY_READ,
		[O_WRONLY] = MAY_WRITE,
		[O_RDWR] = MAY_READ | MAY_WRITE,
		[O_ACCMODE] = MAY_READ | MAY_WRITE,
	};

	return wanted[flags & O_ACCMODE] | (flags & O_TRUNC ? MAY_WRITE : 0);
}

/* Devices and the like may be written where files may not. */
static int check_read_only(const struct dentry *dentry, uint32_t want)
{
	const struct inode *inode = dentry->inode;
	bool is_kept = inode_is(inode, S_IFREG) || inode_is(inode, S_IFDIR);

	return want & MAY_WRITE && is_kept ? dentry_check_writable(dentry) : 0;
}

static int check_open(struct dentry *dentry, uint32_t flags)
{
	struct inode *inode = dentry->inode;
	uint32_t want = wanted_access(flags);
	int r;

	if (flags & O_DIRECTORY && !inode_is(inode, S_IFDIR))
		return -ENOTDIR;
	if (inode_is(inode, S_IFLNK))
		return -ELOOP;
	if (flags & O_PATH)
		return 0;
	if (inode_is(inode, S_IFDIR) && want & MAY_WRITE)
		return -EISDIR;
	if ((inode_is(inode, S_IFCHR) || inode_is(inode, S_IFBLK)) && inode->mount &&
		dentry_mount(dentry)->flags & MOUNT_NODEV)
		return -EACCES;
	if (flags & O_NOATIME && !inode_is_owned(inode))
		return -EPERM;
	r = check_read_only(dentry, want);
	r = r ? r : inode_permission(inode, want);
	if (!r && want & MAY_WRITE && inode_is_append_only(inode) &&
		(flags & O_TRUNC || !(flags & O_APPEND)))
		r = -EPERM;
	return r;
}

/* What a domain that the caller made for itself has to say comes after permissions: landlock(7).
 * What others have is asked last: fanotify(7). */
static int open_granted(struct dentry *dentry, uint32_t flags, struct file **ret_file)
{
	struct inode *inode = dentry->inode;
	uint32_t denied;
	int r = landlock_check_open(dentry, flags, &denied);

	if (!r && !(flags & O_PATH))
		r = notify_ask(dentry, inode, NOTIFY_MAY_OPEN);
	if (r)
		return r;
	r = file_open_inode(inode, inode->flags & INODE_ANONYMOUS ? NULL : dentry, flags, ret_file);
	if (!r)
		(*ret_file)->denied = denied;
	return r;
}

static int truncate_opened(struct file *file)
{
	int r = landlock_check_truncate(file);

	r = r ? r : inode_truncate(file->inode, 0);
	if (!r)
		notify(file->dentry, file->inode, NOTIFY_MODIFY);
	return r;
}

int file_open_entry(struct dentry *dentry, uint32_t flags, struct file **ret_file)
{
	struct inode *inode = dentry->inode;
	struct file *file;
	int r = check_open(dentry, flags);

	/* O_PATH with O_NOFOLLOW opens the link itself. */
	if (r == -ELOOP && flags & O_PATH && !(flags & O_DIRECTORY))
		r = 0;
	if (r)
		return r;
	r = open_granted(dentry, flags, &file);
	if (r)
		return r;
	notify_file(file, NOTIFY_OPEN);
	if (flags & O_TRUNC && inode_is(inode, S_IFREG)) {
		r = truncate_opened(file);
		if (r) {
			file_unref(file);
			return r;
		}
	}
	*ret_file = file;
	return 0;
}

static int create(
	struct dentry *dir, const struct path_last *last, uint32_t mode, struct dentry **ret_entry)
{
	struct dentry *real = dentry_real(dir), *entry;
	struct inode_template template;
	int r = dentry_check_writable(dir);

	r = r ? r : landlock_check(dir, LANDLOCK_MAKE_REGULAR);
	r = r ? r : inode_permission(dir->inode, MAY_WRITE | MAY_EXEC);
	if (r)
		return r;
	if (!dir->inode->ops->make)
		return -EACCES;
	inode_template_init(&template, dir->inode, S_IFREG | (mode & 07777), true);
	r = dir->inode->ops->make(real, last->name, last->length, &template, &entry);
	if (r)
		return r;
	*ret_entry = dentry_alias(dir->bind, entry);
	return *ret_entry ? 0 : -ENOMEM;
}

/* The directory and the name are known: open what is there, or create it. -EAGAIN: it came or went
 * meanwhile. */
static int open_or_create(struct dentry *dir, const struct path_last *last, uint32_t flags,
	uint32_t mode, struct file **ret_file)
{
	CLEANUP(dentry_unrefp) struct dentry *entry = NULL;
	int r;

	if (last->is_special && flags & O_EXCL)
		return -EEXIST;
	if (last->is_special)
		return inode_is(dir->inode, S_IFDIR) ? -EISDIR
						     : file_open_entry(dir, flags, ret_file);
	r = path_lookup(dir, last->name, last->length, &entry);
	if (!r && flags & O_EXCL)
		return -EEXIST;
	if (last->trailing_slash)
		return r                                 ? r == -ENOENT ? -EISDIR : r
		       : inode_is(entry->inode, S_IFDIR) ? -EISDIR
							 : -ENOTDIR;
	if (!r)
		return inode_is(entry->inode, S_IFDIR) ? -EISDIR
						       : file_open_entry(entry, flags, ret_file);
	if (r != -ENOENT)
		return r;
	r = create(dir, last, mode, &entry);
	if (r)
		return r == -EEXIST ? -EAGAIN : r;
	notify_entry(dir, entry->inode, last->name, last->length, NOTIFY_CREATE);
	/* The creator may open it whatever its mode says. */
	r = open_granted(entry, flags, ret_file);
	if (r)
		return r;
	(*ret_file)->is_created = true;
	notify_file(*ret_file, NOTIFY_OPEN);
	return 0;
}

static int open_creating(int dir_fd, const char *path, uint32_t flags, uint32_t mode,
	uint64_t resolve, struct file **ret_file)
{
	uint32_t walk_flags = flags & (O_NOFOLLOW | O_EXCL) ? 0 : PATH_FOLLOW;
	struct path_last last;
	struct dentry *dir;
	int r = -EAGAIN;

	for (int i = 0; i < RETRIES_MAX && r == -EAGAIN; i++) {
		r = path_walk_parent(dir_fd, path, walk_flags, resolve, &dir, &last);
		if (r)
			return r;
		r = open_or_create(dir, &last, flags, mode, ret_file);
		path_last_done(&last);
		dentry_unref(dir);
	}
	return r;
}

/* A file without a name in @dir; linkat(2) may give it one unless @flags has O_EXCL. */
static int open_unnamed_in(
	struct dentry *dir, uint32_t flags, uint32_t mode, struct file **ret_file)
{
	CLEANUP(inode_unrefp) struct inode *inode = NULL;
	CLEANUP(dentry_unrefp) struct dentry *dentry = NULL;
	struct inode_template template;
	char name[32];
	int r = dentry_check_writable(dir);

	r = r ? r : inode_permission(dir->inode, MAY_WRITE | MAY_EXEC);
	if (r)
		return r;
	if (!dir->inode->ops->make_unnamed)
		return -EOPNOTSUPP;
	inode_template_init(&template, dir->inode, S_IFREG | (mode & 07777), true);
	r = dir->inode->ops->make_unnamed(dentry_real(dir), &template, &inode);
	if (r)
		return r;
	if (!(flags & O_EXCL))
		inode->flags |= INODE_LINKABLE;
	dentry = dentry_new(dentry_real(dir), name,
		(uint32_t)format_string(name, sizeof(name), "#%lu", inode->number), inode);
	if (!dentry)
		return -ENOMEM;
	dentry->flags |= DENTRY_UNLINKED;
	dentry = dentry_alias(dir->bind, dentry);
	if (!dentry)
		return -ENOMEM;
	return open_granted(dentry, flags, ret_file);
}

static int open_unnamed(int dir_fd, const char *path, uint32_t flags, uint32_t mode,
	uint64_t resolve, struct file **ret_file)
{
	CLEANUP(dentry_unrefp) struct dentry *dir = NULL;
	uint32_t walk_flags = PATH_DIRECTORY | (flags & O_NOFOLLOW ? 0 : PATH_FOLLOW);
	int r;

	if (!(wanted_access(flags) & MAY_WRITE))
		return -EINVAL;
	r = path_walk(dir_fd, path, walk_flags, resolve, &dir);
	return r ? r : open_unnamed_in(dir, flags, mode, ret_file);
}

static int open_plain(
	int dir_fd, const char *path, uint32_t flags, uint64_t resolve, struct file **ret_file)
{
	CLEANUP(dentry_unrefp) struct dentry *dentry = NULL;
	int r;

	r = path_walk(dir_fd, path, flags & O_NOFOLLOW ? 0 : PATH_FOLLOW, resolve, &dentry);
	return r ? r : file_open_entry(dentry, flags, ret_file);
}

int file_open_at(int dir_fd, const char *path, uint32_t flags, uint32_t mode, uint64_t resolve,
	struct file **ret_file)
{
	if (flags & O_PATH)
		return open_plain(dir_fd, path, flags & FLAGS_WITH_PATH, resolve, ret_file);
	if (flags & TMPFILE_BIT) {
		if (!(flags & O_DIRECTORY) || flags & O_CREAT)
			return -EINVAL;
		return open_unnamed(dir_fd, path, flags, mode, resolve, ret_file);
	}
	if (flags & O_CREAT) {
		if (flags & O_DIRECTORY)
			return -EINVAL;
		return open_creating(dir_fd, path, flags, mode, resolve, ret_file);
	}
	return open_plain(dir_fd, path, flags, resolve, ret_file);
}

int file_reopen(struct file *file, struct file **ret_file)
{
	if (file->flags & O_PATH)
		return file_open_inode(file->inode, file->dentry, O_RDONLY, ret_file);
	*ret_file = file_ref(file);
	return 0;
}

bool file_may_read(struct file *file)
{
	return !inode_permission(file->inode, MAY_READ);
}

int file_open(int dir_fd, const char *path, uint32_t flags, uint32_t mode, struct file **ret_file)
{
	return file_open_at(dir_fd, path, flags, mode, 0, ret_file);
}
