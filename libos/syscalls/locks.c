/* flock(2). */
#include "libos/files/locks.h"

#include <asm/errno.h>

#include "libos/syscalls/syscall.h"

long sys_flock(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(file_unrefp) struct file *file = fd_get((int)args->a);

	(void)thread;
	return file ? locks_flock(file, (uint32_t)args->b) : -EBADF;
}
