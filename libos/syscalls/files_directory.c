/* getdents(2), getcwd(2), chdir(2), chroot(2), umask(2). */
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/files/directory.h"
#include "libos/files/fs_context.h"
#include "libos/files/notify.h"
#include "libos/files/open.h"
#include "libos/processes/process.h"
#include "libos/syscalls/files_at.h"

#define BUFFER_SIZE_MAX 32768UL
#define CAP_SYS_CHROOT 18

/* The records of getdents64(2) and getdents(2), collected in LibOS memory. */
struct listing {
	struct directory_context context; /* first */
	bool is_old;                      /* getdents: the type at the record's end */
	uint8_t *buffer;
	size_t size, used;
	bool is_too_small; /* for even one record */
};

struct record {
	uint64_t inode_number;
	int64_t next;
	uint16_t size;
};
#define RECORD_NAME_OLD 18 /* offset of the name */
#define RECORD_NAME 19

static bool emit(struct directory_context *context, const char *name, uint32_t length,
	uint64_t inode_number, uint32_t type)
{
	struct listing *listing = CONTAINER_OF(context, struct listing, context);
	size_t name_at = listing->is_old ? RECORD_NAME_OLD : RECORD_NAME;
	/* Name, NUL, and the type of the old form. */
	size_t size = ALIGN_UP(name_at + length + (listing->is_old ? 2 : 1), 8UL);
	uint8_t *to = listing->buffer + listing->used;
	struct record record = {
		.inode_number = inode_number,
		.next = (int64_t)context->next_position,
		.size = (uint16_t)size,
	};

	if (size > listing->size - listing->used) {
		listing->is_too_small = !listing->used;
		return false;
	}
	memset(to, 0, size);
	memcpy(to, &record, RECORD_NAME_OLD);
	memcpy(to + name_at, name, length);
	to[listing->is_old ? size - 1 : RECORD_NAME_OLD] = (uint8_t)type;
	listing->used += size;
	return true;
}

static long list(struct file *file, uint64_t to, uint64_t size, bool is_old)
{
	CLEANUP(heap_freep) uint8_t *buffer = NULL;
	struct listing listing = {
		.context = {.file = file, .emit = emit},
		.is_old = is_old,
		.size = MIN(size, BUFFER_SIZE_MAX),
	};
	uint64_t start;
	int r;

	if (!file->ops || !file->ops->iterate)
		return -ENOTDIR;
	buffer = heap_alloc(MAX(listing.size, 1UL));
	if (!buffer)
		return -ENOMEM;
	listing.buffer = buffer;
	LOCK_SCOPE(&file->position_lock);
	if (file->inode->flags & INODE_DEAD)
		return -ENOENT;
	start = file->position;
	r = file->ops->iterate(file, &listing.context);
	if (!r && listing.is_too_small)
		return -EINVAL;
	if (r && !listing.used)
		return r;
	if (user_write(to, buffer, listing.used)) {
		file->position = start;
		return -EFAULT;
	}
	return (long)listing.used;
}

static long getdents(const struct syscall_args *args, bool is_old)
{
	CLEANUP(file_unrefp) struct file *file = fd_get((int)args->a);
	long r = file ? notify_file_ask(file, NOTIFY_MAY_ACCESS) : -EBADF;

	r = r ? r : list(file, args->b, (uint32_t)args->c, is_old);
	if (r >= 0)
		notify_file(file, NOTIFY_ACCESS);
	return r;
}

long sys_getdents(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return getdents(args, true);
}

long sys_getdents64(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return getdents(args, false);
}

long sys_getcwd(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(dentry_unrefp) struct dentry *root = fs_context_root();
	CLEANUP(dentry_unrefp) struct dentry *directory = fs_context_directory();
	char path[PATH_SIZE];
	long length;

	(void)thread;
	if (dentry_real(directory)->flags & DENTRY_UNLINKED)
		return -ENOENT;
	length = dentry_path(directory, root, path, sizeof(path));
	if (length < 0)
		return length;
	if ((uint64_t)length + 1 > args->b)
		return -ERANGE;
	return user_write(args->a, path, (size_t)length + 1) ? -EFAULT : length + 1;
}

static int directory_at(uint64_t path, struct dentry **ret_dentry)
{
	CLEANUP(dentry_unrefp) struct dentry *dentry = NULL;
	char name[PATH_SIZE];
	long r = path_read(name, path);

	if (r < 0)
		return (int)r;
	r = path_walk(AT_FDCWD, name, PATH_FOLLOW | PATH_DIRECTORY, 0, &dentry);
	r = r ? r : fs_context_check_directory(dentry);
	if (!r)
		*ret_dentry = TAKE(dentry);
	return (int)r;
}

long sys_chdir(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(dentry_unrefp) struct dentry *dentry = NULL;
	int r = directory_at(args->a, &dentry);

	(void)thread;
	if (!r)
		fs_context_set_directory(dentry);
	return r;
}

long sys_fchdir(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = fd_get_any((int)args->a);
	int r;

	(void)thread;
	if (!file)
		return -EBADF;
	if (!file->dentry)
		return -ENOTDIR;
	r = fs_context_check_directory(file->dentry);
	if (!r)
		fs_context_set_directory(file->dentry);
	return r;
}

long sys_chroot(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(dentry_unrefp) struct dentry *dentry = NULL;
	int r = directory_at(args->a, &dentry);

	if (r)
		return r;
	if (!credentials_can(&thread->credentials, CAP_SYS_CHROOT))
		return -EPERM;
	fs_context_set_root(dentry);
	return 0;
}

long sys_umask(struct thread *thread, const struct syscall_args *args)
{
	return __atomic_exchange_n(
		&thread->process->fs->umask, (uint32_t)args->a & 0777, __ATOMIC_ACQ_REL);
}
