/* fsync(2) and its kin, and advice. Files in memory are as durable as they will ever be. */
#include <linux/fadvise.h>

#include "libos/files/open.h"
#include "libos/files/descriptors.h"
#include "libos/syscalls/syscall.h"

#define SYNC_FILE_RANGE_KNOWN 7

static long sync_file(int fd, bool data_only)
{
	CLEANUP(file_unrefp) struct file *file = fd_get(fd);

	if (!file)
		return -EBADF;
	if (file->ops && file->ops->sync)
		return file->ops->sync(file, data_only);
	return inode_is(file->inode, S_IFDIR) ? 0 : -EINVAL;
}

long sys_fsync(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return sync_file((int)args->a, false);
}

long sys_fdatasync(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return sync_file((int)args->a, true);
}

long sys_sync(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	(void)args;
	return 0;
}

long sys_syncfs(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = fd_get((int)args->a);

	(void)thread;
	return file ? 0 : -EBADF;
}

long sys_sync_file_range(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = fd_get((int)args->a);

	(void)thread;
	if (!file)
		return -EBADF;
	if (args->d & ~(uint64_t)SYNC_FILE_RANGE_KNOWN || (int64_t)args->b < 0 ||
		(int64_t)(args->b + args->c) < 0)
		return -EINVAL;
	if (!inode_is(file->inode, S_IFREG) && !inode_is(file->inode, S_IFDIR) &&
		!inode_is(file->inode, S_IFBLK))
		return -ESPIPE;
	return 0;
}

long sys_fadvise64(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = fd_get((int)args->a);

	(void)thread;
	if (!file)
		return -EBADF;
	if (inode_is(file->inode, S_IFIFO))
		return -ESPIPE;
	if ((int64_t)args->c < 0 || (int)args->d < POSIX_FADV_NORMAL ||
		(int)args->d > POSIX_FADV_NOREUSE)
		return -EINVAL;
	return 0;
}

long sys_readahead(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = fd_get((int)args->a);

	(void)thread;
	if (!file || !file_can_read(file))
		return -EBADF;
	return inode_is(file->inode, S_IFREG) ? 0 : -EINVAL;
}
