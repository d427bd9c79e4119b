#include "libos/files/file.h"

#include "base/format.h"
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/dentry.h"
#include "libos/files/dnotify.h"
#include "libos/files/fs_context.h"
#include "libos/files/image_layer.h"
#include "libos/files/lease.h"
#include "libos/files/notify.h"
#include "libos/files/open.h"
#include "libos/processes/process.h"
#include "libos/security/landlock.h"
#include "libos/signals/signal.h"

#define SIGXFSZ 25
#define RLIMIT_FSIZE 1
#define CAP_FSETID 4

struct mount *file_mount(const struct file *file)
{
	return file->dentry ? dentry_mount(file->dentry) : file->inode->mount;
}

struct file *file_new(
	struct inode *inode, struct dentry *dentry, const struct file_ops *ops, uint32_t flags)
{
	struct file *file = heap_alloc(sizeof(*file));

	if (!file)
		return NULL;
	file->reference_count = 1;
	file->flags = flags;
	file->ops = ops;
	file->inode = inode_ref(inode);
	file->dentry = dentry ? dentry_ref(dentry) : NULL;
	mount_use(file_mount(file));
	list_init(&file->epoll_items);
	return file;
}

struct file *file_ref(struct file *file)
{
	__atomic_add_fetch(&file->reference_count, 1, __ATOMIC_RELAXED);
	return file;
}

static void file_free(struct file *file)
{
	if (!list_is_empty(&file->epoll_items))
		epoll_file_gone(file);
	if (!list_is_empty(&file->inode->posix_locks) || !list_is_empty(&file->inode->flocks))
		locks_release(file);
	if (file->ops)
		notify_file(file, file_can_write(file) ? NOTIFY_CLOSE_WRITE : NOTIFY_CLOSE_NOWRITE);
	if (file->lease)
		lease_release(file);
	if (file->dnotify)
		dnotify_release(file);
	if (file->async)
		async_stop(file);
	if (file->ops && file->ops->release)
		file->ops->release(file);
	if (file->counts_as_opener)
		__atomic_sub_fetch(&file->inode->openers, 1, __ATOMIC_RELEASE);
	if (file->counts_as_writer) {
		__atomic_sub_fetch(&file->inode->writers, 1, __ATOMIC_RELEASE);
		mount_count_writer(file_mount(file), -1);
	}
	landlock_domain_unref(file->owner.landlock);
	mount_unuse(file_mount(file));
	dentry_unref(file->dentry);
	inode_unref(file->inode);
	heap_free(file);
}

void file_unref(struct file *file)
{
	if (file && __atomic_sub_fetch(&file->reference_count, 1, __ATOMIC_ACQ_REL) == 0)
		file_free(file);
}

int file_count_writer(struct inode *inode)
{
	int32_t writers = __atomic_load_n(&inode->writers, __ATOMIC_RELAXED);

	do {
		if (writers < 0)
			return -ETXTBSY;
	} while (!__atomic_compare_exchange_n(
		&inode->writers, &writers, writers + 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return 0;
}

int file_deny_write(struct file *file)
{
	int32_t writers = __atomic_load_n(&file->inode->writers, __ATOMIC_RELAXED);

	do {
		if (writers > 0)
			return -ETXTBSY;
	} while (!__atomic_compare_exchange_n(&file->inode->writers, &writers, writers - 1, false,
		__ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return 0;
}

void file_allow_write(struct file *file)
{
	__atomic_add_fetch(&file->inode->writers, 1, __ATOMIC_RELEASE);
}

void file_count_writable_map(struct file *file, int change)
{
	__atomic_add_fetch(&file->inode->shared_writable_maps, (uint32_t)change, __ATOMIC_ACQ_REL);
}

long file_read_kernel(struct file *file, void *to, size_t size, uint64_t offset)
{
	size_t done = 0;
	struct io io;
	long n;

	if (!file->ops || !file->ops->read)
		return -EINVAL;
	while (done < size) {
		io_init_kernel(&io, (uint8_t *)to + done, size - done);
		n = file->ops->read(file, &io, &offset);
		if (n < 0)
			return n;
		if (!n)
			break;
		done += (size_t)n;
	}
	return (long)done;
}

static long anonymous_path(const struct inode *inode, char *to, size_t size)
{
	const char *name = inode->anonymous_name;
	size_t n;

	if (inode->mode & S_IFMT)
		n = format_string(to, size, "%s:[%lu]", name ? name : "", inode->number);
	else
		n = format_string(to, size, "anon_inode:%s", name ? name : "");
	return n < size ? (long)n : -ENAMETOOLONG;
}

long file_path(struct file *file, char *to, size_t size)
{
	struct dentry *root;
	long r;

	if (!file->dentry)
		return anonymous_path(file->inode, to, size);
	root = fs_context_root();
	r = dentry_path(file->dentry, root, to, size);
	dentry_unref(root);
	return r;
}

int file_may_execute(struct file *file)
{
	const struct mount *mount = file_mount(file);
	struct inode *inode = file->inode;

	if (!inode_is(inode, S_IFREG) || (mount && mount->flags & MOUNT_NOEXEC))
		return -EACCES;
	return inode_permission(inode, MAY_EXEC);
}

bool file_is_nosuid(const struct file *file)
{
	const struct mount *mount = file_mount(file);

	return mount && mount->flags & MOUNT_NOSUID;
}

void file_status(struct file *file, struct file_status *ret_status)
{
	inode_status(file->inode, ret_status);
}

struct patched_text **file_patched_text(struct file *file)
{
	return &file->inode->patched_text;
}

int file_limit_write(uint64_t offset, uint64_t *size)
{
	uint64_t limit = thread_current()->process->limits[RLIMIT_FSIZE].soft;

	if (!*size)
		return 0;
	if (offset >= limit) {
		(void)signal_send_thread(thread_current(), SIGXFSZ, NULL);
		return -EFBIG;
	}
	if (offset >= FILE_SIZE_MAX)
		return -EFBIG;
	*size = MIN(*size, MIN(limit, FILE_SIZE_MAX) - offset);
	return 0;
}

void file_drop_privileges(struct inode *inode)
{
	uint32_t drop = 0;

	if (LIKELY(!(inode->mode & (S_ISUID | S_ISGID))))
		return;
	if (credentials_can(&thread_current()->credentials, CAP_FSETID))
		return;
	if (inode->mode & S_ISUID)
		drop |= S_ISUID;
	if ((inode->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		drop |= S_ISGID;
	__atomic_and_fetch(&inode->mode, ~drop, __ATOMIC_RELAXED);
}

long file_seek_within(struct file *file, int64_t offset, int whence, uint64_t end)
{
	int64_t base = 0;

	if (whence == SEEK_CUR)
		base = (int64_t)file->position;
	else if (whence == SEEK_END)
		base = (int64_t)end;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (__builtin_add_overflow(base, offset, &base))
		return -EOVERFLOW;
	if (base < 0)
		return -EINVAL;
	file->position = (uint64_t)base;
	return base;
}

bool file_image_nid(struct file *file, uint64_t *ret_nid)
{
	return image_nid(file->inode, ret_nid);
}
