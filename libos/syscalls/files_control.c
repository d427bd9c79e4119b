/* fcntl(2) and ioctl(2). */
#include <asm/ioctls.h>
#include <asm/sockios.h>
#include <linux/fs.h>

#include "libos/core/user.h"
#include "libos/files/async.h"
#include "libos/files/dentry.h"
#include "libos/files/descriptors.h"
#include "libos/files/dnotify.h"
#include "libos/files/lease.h"
#include "libos/files/locks.h"
#include "libos/files/marks.h"
#include "libos/files/memfd.h"
#include "libos/files/open.h"
#include "libos/files/pipe.h"
#include "libos/processes/process.h"
#include "libos/security/landlock.h"
#include "libos/syscalls/syscall.h"

#define RLIMIT_NOFILE 7
#define F_CREATED_QUERY (F_LINUX_SPECIFIC_BASE + 4) /* Linux 6.12 */
#define SIGNAL_MAX 64

static long duplicate(struct file *file, uint64_t least, bool close_on_exec)
{
	struct process *process = thread_current()->process;
	int fd;

	if ((int)least < 0 || (uint32_t)least >= process->limits[RLIMIT_NOFILE].soft)
		return -EINVAL;
	fd = fd_install(file_ref(file), (int)least, close_on_exec);
	if (fd < 0)
		file_unref(file);
	return fd;
}

/* @fd: the descriptor it is set through, which O_ASYNC's signals name. */
static long set_flags(struct file *file, int fd, uint32_t flags)
{
	uint32_t wanted =
		(file->flags & ~(uint32_t)FILE_FLAGS_SETTABLE) | (flags & FILE_FLAGS_SETTABLE);
	int r = 0;

	if ((wanted ^ file->flags) & O_APPEND && inode_is_append_only(file->inode))
		return -EPERM;
	if (flags & O_NOATIME && !(file->flags & O_NOATIME) && !inode_is_owned(file->inode))
		return -EPERM;
	if (file->ops && file->ops->set_flags)
		r = file->ops->set_flags(file, wanted);
	if (!r && wanted & FASYNC)
		r = async_start(file, fd);
	else if (!r && file->async)
		async_stop(file);
	if (!r)
		__atomic_store_n(&file->flags, wanted, __ATOMIC_RELAXED);
	return r;
}

static long set_owner(struct file *file, int32_t pid, bool is_thread)
{
	if (pid == INT32_MIN)
		return -EINVAL;
	if (pid && !async_owner_exists(pid))
		return -ESRCH;
	async_own(file, pid, is_thread);
	return 0;
}

static long set_owner_ex(struct file *file, uint64_t from)
{
	struct f_owner_ex owner;

	if (USER_GET(&owner, from))
		return -EFAULT;
	if (owner.type != F_OWNER_TID && owner.type != F_OWNER_PID && owner.type != F_OWNER_PGRP)
		return -EINVAL;
	return set_owner(file, owner.type == F_OWNER_PGRP ? -owner.pid : owner.pid,
		owner.type == F_OWNER_TID);
}

static long get_owner_ex(const struct file *file, uint64_t to)
{
	int32_t pid = file->owner.pid;
	struct f_owner_ex owner = {pid < 0                 ? F_OWNER_PGRP
				   : file->owner.is_thread ? F_OWNER_TID
							   : F_OWNER_PID,
		pid < 0 ? -pid : pid};

	return USER_PUT(to, owner);
}

static long set_signal(struct file *file, uint64_t signal)
{
	if (signal > SIGNAL_MAX)
		return -EINVAL;
	file->owner.signal = (uint32_t)signal;
	return 0;
}

/* F_GET_RW_HINT and its like: hints for disks that we do not have; remembered they need not be. */
static long write_hint(int command, uint64_t at)
{
	uint64_t hint = 0;

	if (command == F_GET_RW_HINT || command == F_GET_FILE_RW_HINT)
		return USER_PUT(at, hint);
	if (USER_GET(&hint, at))
		return -EFAULT;
	return hint <= RWH_WRITE_LIFE_EXTREME ? 0 : -EINVAL;
}

static long control_file(struct file *file, int fd, int command, uint64_t argument)
{
	switch (command) {
	case F_SETFL:
		return set_flags(file, fd, (uint32_t)argument);
	case F_SETOWN:
		return set_owner(file, (int32_t)argument, false);
	case F_GETOWN:
		return file->owner.pid;
	case F_SETOWN_EX:
		return set_owner_ex(file, argument);
	case F_GETOWN_EX:
		return get_owner_ex(file, argument);
	case F_SETSIG:
		return set_signal(file, argument);
	case F_GETSIG:
		return file->owner.signal;
	case F_GETPIPE_SZ:
		return pipe_size(file);
	case F_SETPIPE_SZ:
		return pipe_set_size(file, (uint32_t)argument);
	case F_GET_SEALS:
		return memfd_seals(file);
	case F_ADD_SEALS:
		return memfd_add_seals(file, (uint32_t)argument);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return locks_fcntl(file, (uint32_t)command, argument);
	case F_GETLEASE:
		return lease_get(file);
	case F_SETLEASE:
		return lease_set(file, fd, argument);
	case F_NOTIFY:
		return dnotify_set(file, fd, (uint32_t)argument);
	case F_CREATED_QUERY:
		return file->is_created;
	case F_GET_RW_HINT:
	case F_SET_RW_HINT:
	case F_GET_FILE_RW_HINT:
	case F_SET_FILE_RW_HINT:
		return write_hint(command, argument);
	default:
		return -EINVAL;
	}
}

long sys_fcntl(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = fd_get_any((int)args->a);
	int command = (int)args->b;

	(void)thread;
	if (!file)
		return -EBADF;
	switch (command) {
	case F_DUPFD:
		return duplicate(file, args->c, false);
	case F_DUPFD_CLOEXEC:
		return duplicate(file, args->c, true);
	case F_GETFD:
		return fd_get_cloexec((int)args->a);
	case F_SETFD:
		return fd_set_cloexec((int)args->a, args->c & FD_CLOEXEC);
	case F_GETFL:
		return (long)file->flags;
	default:
		return file->flags & O_PATH ? -EBADF
					    : control_file(file, (int)args->a, command, args->c);
	}
}

static long set_flag_by_value(struct file *file, int fd, uint32_t flag, uint64_t from)
{
	int32_t on;

	if (USER_GET(&on, from))
		return -EFAULT;
	return set_flags(file, fd, on ? file->flags | flag : file->flags & ~flag);
}

static long bytes_left(struct file *file, uint64_t to)
{
	int32_t left = (int32_t)(file->inode->size - file->position);

	return USER_PUT(to, left);
}

/* The owner of a socket: socket(7). */
static long socket_owner(struct file *file, bool set, uint64_t at)
{
	int32_t pid;

	if (!set)
		return USER_PUT(at, file->owner.pid);
	return USER_GET(&pid, at) ? -EFAULT : set_owner(file, pid, false);
}

long sys_ioctl(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = fd_get((int)args->a);
	uint32_t request = (uint32_t)args->b;
	int r;

	(void)thread;
	if (!file)
		return -EBADF;
	r = landlock_check_ioctl(file, request);
	if (r)
		return r;
	switch (request) {
	case FIOCLEX:
	case FIONCLEX:
		return fd_set_cloexec((int)args->a, request == FIOCLEX);
	case FIONBIO:
		return set_flag_by_value(file, (int)args->a, O_NONBLOCK, args->c);
	case FIOASYNC:
		return set_flag_by_value(file, (int)args->a, FASYNC, args->c);
	case FIOSETOWN:
	case SIOCSPGRP:
	case FIOGETOWN:
	case SIOCGPGRP:
		if (inode_is(file->inode, S_IFSOCK))
			return socket_owner(
				file, request == FIOSETOWN || request == SIOCSPGRP, args->c);
		break;
	default:
		break;
	}
	if (request == FS_IOC_GETFLAGS || request == FS_IOC_SETFLAGS ||
		request == FS_IOC_FSGETXATTR || request == FS_IOC_FSSETXATTR)
		return (request == FS_IOC_SETFLAGS || request == FS_IOC_FSSETXATTR) &&
				       dentry_check_writable(file->dentry)
			       ? -EROFS
			       : marks_ioctl(file->inode, request, args->c);
	if (file->ops && file->ops->ioctl)
		return file->ops->ioctl(file, request, args->c);
	if (request == FIONREAD && inode_is(file->inode, S_IFREG))
		return bytes_left(file, args->c);
	if (request == FICLONE || request == FICLONERANGE)
		return -EOPNOTSUPP;
	return -ENOTTY;
}
