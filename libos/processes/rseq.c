/* rseq(2), membarrier(2): what only whoever schedules the threads can do is passed on to it. */
#include "libos/processes/rseq.h"

#include <asm/errno.h>
#include <linux/rseq.h>

#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"
#include "platform/platform.h"

#define AREA_SIZE 32 /* before Linux 6.3 the only size */

void rseq_exit(struct thread *thread)
{
	if (thread->rseq_area)
		(void)!platform_rseq(
			thread->rseq_area, AREA_SIZE, RSEQ_FLAG_UNREGISTER, thread->rseq_signature);
	thread->rseq_area = 0;
}

static int check_registered(
	const struct thread *thread, uint64_t area, uint32_t size, uint32_t signature)
{
	if (area != thread->rseq_area || size != AREA_SIZE)
		return -EINVAL;
	return signature == thread->rseq_signature ? 0 : -EPERM;
}

static long unregister(struct thread *thread, uint64_t area, uint32_t size, uint32_t signature)
{
	int r = thread->rseq_area ? check_registered(thread, area, size, signature) : -EINVAL;

	if (!r)
		r = platform_rseq(area, size, RSEQ_FLAG_UNREGISTER, signature);
	if (!r)
		thread->rseq_area = 0;
	return r;
}

long sys_rseq(struct thread *thread, const struct syscall_args *args)
{
	uint32_t size = (uint32_t)args->b, flags = (uint32_t)args->c, signature = (uint32_t)args->d;
	int r;

	if (flags & RSEQ_FLAG_UNREGISTER)
		return flags & ~(uint32_t)RSEQ_FLAG_UNREGISTER
			       ? -EINVAL
			       : unregister(thread, args->a, size, signature);
	if (flags)
		return -EINVAL;
	if (thread->rseq_area) {
		r = check_registered(thread, args->a, size, signature);
		return r ? r : -EBUSY;
	}
	if (!IS_ALIGNED(args->a, AREA_SIZE) || size != AREA_SIZE)
		return -EINVAL;
	if (!platform_is_user(args->a, size))
		return -EFAULT;
	r = platform_rseq(args->a, size, 0, signature);
	if (r)
		return r;
	thread->rseq_area = args->a;
	thread->rseq_signature = signature;
	return 0;
}

long sys_membarrier(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return platform_membarrier((uint32_t)args->a, (uint32_t)args->b, (uint32_t)args->c);
}
