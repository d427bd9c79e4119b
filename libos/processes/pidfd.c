#include "libos/processes/pidfd.h"

#include <asm/errno.h>
#include <asm/signal.h>
#include <asm-generic/siginfo.h>
#include <linux/fcntl.h>
#include <linux/ioctl.h>

#include "libos/core/user.h"
#include "libos/files/anonymous.h"
#include "libos/files/descriptors.h"
#include "libos/files/poll.h"
#include "libos/files/proc.h"
#include "libos/files/text.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"

static uint32_t pidfd_poll(struct file *file, struct poll_table *table)
{
	struct process *process = file->private_data;

	poll_wait(table, &process->exit_events);
	return __atomic_load_n(&process->state, __ATOMIC_ACQUIRE) == PROCESS_ALIVE
		       ? 0
		       : POLLIN | POLLRDNORM;
}

static void pidfd_release(struct file *file)
{
	process_unref(file->private_data);
}

/* PIDFD_GET_INFO (Linux 6.13), as its struct grew: callers may know less of it, or more. */
struct info {
	uint64_t mask, cgroup;
	uint32_t pid, tgid, ppid;
	uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code; /* wait(2) status */
	uint32_t core_mask, spare;
};
#define INFO_SIZE_MIN 64
#define INFO_PID 1
#define INFO_CREDENTIALS 2
#define INFO_EXIT 8

#define REQUEST_MAGIC 0xff
#define REQUEST_INFO 11

static void info_credentials(struct info *info, const struct credentials *credentials)
{
	info->ruid = credentials->uid;
	info->rgid = credentials->gid;
	info->euid = credentials->euid;
	info->egid = credentials->egid;
	info->suid = credentials->suid;
	info->sgid = credentials->sgid;
	info->fsuid = credentials->fsuid;
	info->fsgid = credentials->fsgid;
}

/* How it ended is told once it is reaped: until then that is its parent's to know. */
static int info_get(struct process *process, uint64_t wanted, struct info *ret_info)
{
	*ret_info = (struct info){0};
	LOCK_SCOPE(&process_table_lock);
	if (process->state == PROCESS_REAPED) {
		if (!(wanted & INFO_EXIT))
			return -ESRCH;
		ret_info->mask = INFO_EXIT;
		ret_info->exit_code = process->wait_status;
		return 0;
	}
	ret_info->mask = INFO_PID | INFO_CREDENTIALS;
	ret_info->pid = ret_info->tgid = (uint32_t)process->pid;
	ret_info->ppid = process->parent ? (uint32_t)process->parent->pid : 0;
	info_credentials(ret_info, &process->leader->credentials);
	return 0;
}

static long pidfd_ioctl(struct file *file, uint32_t request, uint64_t argument)
{
	uint64_t wanted, size = _IOC_SIZE(request);
	struct info info;
	int r;

	if (_IOC_TYPE(request) != REQUEST_MAGIC || _IOC_NR(request) != REQUEST_INFO)
		return -ENOTTY;
	if (!argument || size < INFO_SIZE_MIN)
		return -EINVAL;
	if (USER_GET(&wanted, argument))
		return -EFAULT;
	r = info_get(file->private_data, wanted, &info);
	if (r)
		return r;
	if (size > sizeof(info) && user_zero(argument + sizeof(info), size - sizeof(info)))
		return -EFAULT;
	return user_write(argument, &info, MIN(size, sizeof(info)));
}

static const struct file_ops pidfd_ops = {
	.poll = pidfd_poll, .ioctl = pidfd_ioctl, .release = pidfd_release};

int pidfd_install(struct process *process, uint32_t flags)
{
	int fd = fd_install_anonymous("[pidfd]", &pidfd_ops, process_ref(process),
		(flags & O_NONBLOCK) | O_CLOEXEC | O_RDWR);

	if (fd < 0)
		process_unref(process);
	return fd;
}

struct process *pidfd_process(struct file *file)
{
	return file->ops == &pidfd_ops ? process_ref(file->private_data) : NULL;
}

void pidfd_show(struct file *file, struct text *text)
{
	const struct process *process = file->private_data;
	int32_t pid;

	if (file->ops != &pidfd_ops)
		return;
	pid = __atomic_load_n(&process->state, __ATOMIC_ACQUIRE) == PROCESS_REAPED ? -1
										   : process->pid;
	text_put(text, "Pid:\t%d\nNSpid:\t%d\n", pid, pid);
}

static void process_unrefp(struct process **process)
{
	process_unref(*process);
}

/* The process of descriptor @fd, referenced. -EBADF: not a pidfd. */
static int process_of(int fd, struct process **ret_process)
{
	CLEANUP(file_unrefp) struct file *file = fd_get(fd);

	*ret_process = file ? pidfd_process(file) : NULL;
	return *ret_process ? 0 : -EBADF;
}

/* A directory of /proc will do for signals. */
static int process_of_signal(int fd, struct process **ret_process)
{
	CLEANUP(file_unrefp) struct file *file = fd_get(fd);

	*ret_process = file ? pidfd_process(file) : NULL;
	if (*ret_process)
		return 0;
	return file ? proc_process(file, ret_process) : -EBADF;
}

long sys_pidfd_open(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(process_unrefp) struct process *process = NULL;
	int32_t pid = (int32_t)args->a;

	(void)thread;
	if (((uint32_t)args->b & ~(uint32_t)O_NONBLOCK) || pid <= 0)
		return -EINVAL;
	lock_acquire(&process_table_lock);
	process = process_find(pid);
	if (process)
		process_ref(process);
	else if (thread_find(pid))
		pid = -1;
	lock_release(&process_table_lock);
	if (!process) /* a thread that is no leader: only later kernels have descriptors for it */
		return pid < 0 ? -EINVAL : -ESRCH;
	return pidfd_install(process, (uint32_t)args->b);
}

/* What the caller may say in a siginfo of its own (rt_sigqueueinfo(2)). */
static int read_info(
	struct thread *thread, struct process *target, uint64_t from, struct signal_info *ret_info)
{
	int signo = ret_info->signo;

	if (!from) {
		ret_info->code = SI_USER;
		ret_info->queue.pid = thread->process->pid;
		ret_info->queue.uid = thread->credentials.uid;
		return 0;
	}
	if (USER_GET(ret_info, from))
		return -EFAULT;
	if (ret_info->signo != signo)
		return -EINVAL;
	if (target != thread->process && (ret_info->code >= 0 || ret_info->code == SI_TKILL))
		return -EPERM;
	return 0;
}

long sys_pidfd_send_signal(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(process_unrefp) struct process *target = NULL;
	struct signal_info info = {.signo = (int)args->b};
	int r;

	if ((uint32_t)args->d)
		return -EINVAL;
	r = process_of_signal((int)args->a, &target);
	if (!r)
		r = read_info(thread, target, args->c, &info);
	if (r)
		return r;
	if (info.signo < 0 || info.signo > SIGNAL_COUNT)
		return -EINVAL;
	LOCK_SCOPE(&process_table_lock);
	if (target->state == PROCESS_REAPED)
		return -ESRCH;
	if (!process_may_signal(thread, target->leader, info.signo))
		return -EPERM;
	if (!info.signo || target->state != PROCESS_ALIVE)
		return 0;
	return signal_send_process_locked(target, info.signo, &info);
}

long sys_pidfd_getfd(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(process_unrefp) struct process *target = NULL;
	struct fd_table *table = NULL;
	struct file *file;
	int r, fd;

	if ((uint32_t)args->c)
		return -EINVAL;
	r = process_of((int)args->a, &target);
	if (r)
		return r;
	lock_acquire(&process_table_lock);
	if (target->state != PROCESS_ALIVE || !target->files)
		r = -ESRCH;
	else if (!process_may_inspect(thread, target))
		r = -EPERM;
	else
		table = fd_table_ref(target->files);
	lock_release(&process_table_lock);
	if (r)
		return r;
	file = fd_table_get(table, (int)args->b);
	fd_table_unref(table);
	if (!file)
		return -EBADF;
	fd = fd_install(file, 0, true);
	if (fd < 0)
		file_unref(file);
	return fd;
}
