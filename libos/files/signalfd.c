#include "libos/files/signalfd.h"

#include <asm-generic/siginfo.h>
#include <asm/signal.h>
#include <linux/errno.h>
#include <linux/signalfd.h>

#include "libos/core/heap.h"
#include "libos/files/anonymous.h"
#include "libos/files/poll.h"
#include "libos/processes/process.h"

/* A process in whose queue of arrivals somebody waits by way of this file. An epoll may go on
 * waiting there after the process is gone, if another has the file too: so it is referenced. */
struct watched {
	struct watched *next;
	struct process *process;
};

struct signalfd {
	struct lock lock; /* watched */
	signal_set mask;  /* read without it */
	struct watched *watched;
};

static const struct file_ops signalfd_ops;

static struct signalfd *signalfd_of(struct file *file)
{
	return file->ops == &signalfd_ops ? file->private_data : NULL;
}

static signal_set mask_of(const struct signalfd *signalfd)
{
	return __atomic_load_n(&signalfd->mask, __ATOMIC_RELAXED);
}

/* ---- Reading ---- */

/* What the kinds of signals carry beyond number and code; sigaction(2). */
static void record_details(struct signalfd_siginfo *record, const struct signal_info *info)
{
	bool from_kernel = info->code > 0 && info->code != SI_KERNEL;

	if (info->code == SI_TIMER) {
		record->ssi_tid = (uint32_t)info->timer.id;
		record->ssi_overrun = (uint32_t)info->timer.overrun;
		record->ssi_ptr = info->timer.value;
		record->ssi_int = (int32_t)info->timer.value;
	} else if (from_kernel && info->signo == SIGCHLD) {
		record->ssi_pid = (uint32_t)info->child.pid;
		record->ssi_uid = info->child.uid;
		record->ssi_status = info->child.status;
		record->ssi_utime = (uint64_t)info->child.utime;
		record->ssi_stime = (uint64_t)info->child.stime;
	} else if (from_kernel && info->signo == SIGIO) {
		record->ssi_band = (uint32_t)info->poll.band;
		record->ssi_fd = info->poll.fd;
	} else if (from_kernel) {
		record->ssi_addr = info->fault.addr;
		record->ssi_addr_lsb = (uint16_t)info->fault.addr_lsb;
	} else {
		record->ssi_pid = (uint32_t)info->queue.pid;
		record->ssi_uid = info->queue.uid;
		record->ssi_ptr = info->queue.value;
		record->ssi_int = (int32_t)info->queue.value;
	}
}

static long record_put(struct io *io, const struct signal_info *info)
{
	struct signalfd_siginfo record = {
		.ssi_signo = (uint32_t)info->signo,
		.ssi_errno = info->err,
		.ssi_code = info->code,
	};

	record_details(&record, info);
	return io_put(io, &record, sizeof(record));
}

/* The first one may have to be waited for. */
static int next_signal(struct file *file, bool may_sleep, struct signal_info *ret_info)
{
	struct thread *thread = thread_current();
	signal_set mask = mask_of(file->private_data);
	struct waiter waiter;
	int signo, r = 0;

	signo = signal_dequeue(thread, mask, ret_info);
	if (signo)
		return 0;
	if (!may_sleep || file->flags & O_NONBLOCK)
		return -EAGAIN;
	waiter_init(&waiter);
	wait_add(&thread->process->signals.arrivals, &waiter);
	while (!(signo = signal_dequeue(thread, mask, ret_info)) && !r)
		r = wait_sleep(WAIT_FOREVER);
	wait_remove(&waiter);
	return signo ? 0 : -ERESTARTSYS;
}

static long signalfd_read(struct file *file, struct io *io, uint64_t *offset)
{
	struct signal_info info;
	long done = 0, r;

	(void)offset;
	if (io->left < sizeof(struct signalfd_siginfo))
		return -EINVAL;
	while (io->left >= sizeof(struct signalfd_siginfo)) {
		r = next_signal(file, !done, &info);
		if (!r)
			r = record_put(io, &info);
		if (r < 0)
			return done ? done : r;
		done += r;
	}
	return done;
}

/* ---- Waiting ---- */

/* Keep @process as long as the file: 0 or -ENOMEM. */
static int watch(struct signalfd *signalfd, struct process *process)
{
	struct watched *watched;

	LOCK_SCOPE(&signalfd->lock);
	for (watched = signalfd->watched; watched; watched = watched->next)
		if (watched->process == process)
			return 0;
	watched = heap_alloc(sizeof(*watched));
	if (!watched)
		return -ENOMEM;
	watched->process = process_ref(process);
	watched->next = signalfd->watched;
	signalfd->watched = watched;
	return 0;
}

static uint32_t signalfd_poll(struct file *file, struct poll_table *table)
{
	struct signalfd *signalfd = file->private_data;
	struct thread *thread = thread_current();
	struct process *process = thread->process;
	signal_set pending;

	if (table && watch(signalfd, process))
		return POLLERR;
	poll_wait(table, &process->signals.arrivals);
	pending = __atomic_load_n(&thread->signals.queue.pending, __ATOMIC_RELAXED) |
		  __atomic_load_n(&process->signals.queue.pending, __ATOMIC_RELAXED);
	return pending & mask_of(signalfd) ? POLLIN : 0;
}

/* ---- The file ---- */

static void signalfd_free(struct signalfd *signalfd)
{
	struct watched *watched;

	while ((watched = signalfd->watched)) {
		signalfd->watched = watched->next;
		process_unref(watched->process);
		heap_free(watched);
	}
	heap_free(signalfd);
}

static void signalfd_release(struct file *file)
{
	signalfd_free(file->private_data);
}

static const struct file_ops signalfd_ops = {
	.read = signalfd_read,
	.poll = signalfd_poll,
	.release = signalfd_release,
};

long signalfd_install(signal_set mask, uint32_t flags)
{
	struct signalfd *signalfd = heap_alloc(sizeof(*signalfd));
	long r;

	if (!signalfd)
		return -ENOMEM;
	signalfd->mask = mask;
	r = fd_install_anonymous("[signalfd]", &signalfd_ops, signalfd, flags | O_RDWR);
	if (r < 0)
		signalfd_free(signalfd);
	return r;
}

int signalfd_set_mask(struct file *file, signal_set mask)
{
	struct signalfd *signalfd = signalfd_of(file);

	if (!signalfd)
		return -EINVAL;
	__atomic_store_n(&signalfd->mask, mask, __ATOMIC_RELAXED);
	/* Who waits may have been waiting for one that has come already. */
	wait_wake(&thread_current()->process->signals.arrivals, 0);
	return 0;
}

bool signalfd_mask(struct file *file, signal_set *ret_mask)
{
	struct signalfd *signalfd = signalfd_of(file);

	if (!signalfd)
		return false;
	*ret_mask = mask_of(signalfd);
	return true;
}
