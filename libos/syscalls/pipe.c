/* pipe(2), pipe2(2). */
#include "libos/files/pipe.h"

#include <linux/errno.h>
#include <linux/fcntl.h>

#include "libos/files/descriptors.h"
#include "libos/syscalls/syscall.h"

/* Both at descriptors; their references are taken over in any case. */
static int install_both(struct file *reader, struct file *writer, bool cloexec, int32_t fds[2])
{
	fds[0] = fd_install(reader, 0, cloexec);
	if (fds[0] < 0) {
		file_unref(reader);
		file_unref(writer);
		return fds[0];
	}
	fds[1] = fd_install(writer, 0, cloexec);
	if (fds[1] < 0) {
		file_unref(writer);
		(void)!fd_close(fds[0]);
		return fds[1];
	}
	return 0;
}

static long do_pipe(uint64_t address, uint64_t flags)
{
	struct file *reader, *writer;
	int32_t fds[2];
	int r;

	if (flags & ~(uint64_t)(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	r = pipe_make((uint32_t)flags & (O_NONBLOCK | O_DIRECT), &reader, &writer);
	if (r)
		return r;
	r = install_both(reader, writer, flags & O_CLOEXEC, fds);
	if (r)
		return r;
	if (user_write(address, fds, sizeof(fds))) {
		(void)!fd_close(fds[0]);
		(void)!fd_close(fds[1]);
		return -EFAULT;
	}
	return 0;
}

long sys_pipe(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return do_pipe(args->a, 0);
}

long sys_pipe2(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return do_pipe(args->a, args->b);
}
