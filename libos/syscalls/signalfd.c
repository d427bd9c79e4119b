/* signalfd(2), signalfd4(2). */
#include "libos/files/signalfd.h"

#include <asm/signal.h>
#include <linux/errno.h>
#include <linux/fcntl.h>

#include "libos/syscalls/syscall.h"

static long do_signalfd(const struct syscall_args *args, uint32_t flags)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	int fd = (int)args->a;
	signal_set mask;

	if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK) || args->c != sizeof(mask))
		return -EINVAL;
	if (USER_GET(&mask, args->b))
		return -EFAULT;
	mask &= ~(SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP));
	if (fd == -1)
		return signalfd_install(mask, flags);
	file = fd_get(fd);
	if (!file)
		return -EBADF;
	return signalfd_set_mask(file, mask) ? -EINVAL : fd;
}

long sys_signalfd(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return do_signalfd(args, 0);
}

long sys_signalfd4(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return do_signalfd(args, (uint32_t)args->d);
}
