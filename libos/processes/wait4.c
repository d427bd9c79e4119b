/* wait4(2), waitid(2). */
#include <asm/errno.h>
#include <asm-generic/siginfo.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/wait.h>

#include "libos/core/user.h"
#include "libos/files/file.h"
#include "libos/processes/pidfd.h"
#include "libos/processes/process.h"
#include "libos/processes/rusage.h"
#include "libos/processes/tree.h"
#include "libos/syscalls/syscall.h"

#define STATUS_CONTINUED 0xffff

struct wait_request {
	int which; /* P_* */
	int32_t id;
	struct process *pidfd; /* P_PIDFD */
	uint32_t options;      /* W* */
	/* the answer */
	int32_t pid;
	uint32_t uid;
	int status; /* wait(2) encoding */
	struct rusage rusage;
};

static bool matches(const struct wait_request *q, const struct process *child)
{
	bool is_clone_child = child->exit_signal != 17 /* SIGCHLD */;

	if (!(q->options & __WALL) && is_clone_child != !!(q->options & __WCLONE))
		return false;
	if ((q->options & __WNOTHREAD) && child->parent_tid != thread_current()->tid)
		return false;
	switch (q->which) {
	case P_PID:
		return child->pid == q->id;
	case P_PGID:
		return child->pgid == q->id;
	case P_PIDFD:
		return child == q->pidfd;
	default:
		return true;
	}
}

static void answer(struct wait_request *q, struct process *child, int status)
{
	q->pid = child->pid;
	q->uid = child->leader->credentials.uid;
	q->status = status;
	rusage_of_family(child, &q->rusage);
}

/* Has @child something to report? (table locked) */
static bool collect(struct wait_request *q, struct process *child)
{
	struct signal_process *signals = &child->signals;
	bool keep = q->options & WNOWAIT;

	if (child->state == PROCESS_ZOMBIE && (q->options & WEXITED)) {
		answer(q, child, child->wait_status);
		if (!keep) {
			rusage_add_child(child->parent, child);
			process_reap(child);
		}
		return true;
	}
	if (signals->stopped && !signals->stop_reported && (q->options & WSTOPPED)) {
		answer(q, child, (int)signals->stop_signal << 8 | 0x7f);
		signals->stop_reported = !keep;
		return true;
	}
	if (signals->continued && (q->options & WCONTINUED)) {
		answer(q, child, STATUS_CONTINUED);
		signals->continued = keep;
		return true;
	}
	return false;
}

/* 1 collected, 0 nothing yet, -ECHILD no such child. */
static int try_collect(struct process *process, struct wait_request *q)
{
	struct process *child;
	bool any = false;

	LOCK_SCOPE(&process_table_lock);
	LIST_FOR_EACH (child, &process->children, sibling) {
		if (!matches(q, child))
			continue;
		any = true;
		if (collect(q, child))
			return 1;
	}
	return any ? 0 : -ECHILD;
}

/* 0: collected, or with WNOHANG nothing (q->pid 0). */
static long wait_for(struct thread *thread, struct wait_request *q)
{
	struct process *process = thread->process;
	struct waiter waiter;
	long r;

	waiter_init(&waiter);
	wait_add(&process->child_events, &waiter);
	do {
		r = try_collect(process, q);
		if (r || (q->options & WNOHANG))
			break;
		r = wait_sleep(WAIT_FOREVER);
		if (r == -EINTR)
			r = -ERESTARTSYS;
	} while (!r);
	wait_remove(&waiter);
	return r > 0 ? 0 : r;
}

long sys_wait4(struct thread *thread, const struct syscall_args *args)
{
	int32_t pid = (int32_t)args->a;
	uint32_t options = (uint32_t)args->c;
	struct wait_request q = {.options = options | WEXITED};
	long r;

	if (options &
		~(uint32_t)(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (pid == INT32_MIN)
		return -ESRCH;
	q.which = pid > 0 ? P_PID : pid == -1 ? P_ALL : P_PGID;
	q.id = pid > 0 ? pid : pid < -1 ? -pid : thread->process->pgid;
	r = wait_for(thread, &q);
	if (r || !q.pid)
		return r;
	if (args->b && USER_PUT(args->b, q.status))
		return -EFAULT;
	if (args->d && USER_PUT(args->d, q.rusage))
		return -EFAULT;
	return q.pid;
}

static void fill_info(const struct wait_request *q, struct signal_info *info)
{
	int status = q->status;

	*info = (struct signal_info){0};
	if (!q->pid)
		return;
	info->signo = 17; /* SIGCHLD */
	info->child.pid = q->pid;
	info->child.uid = q->uid;
	if (status == STATUS_CONTINUED) {
		info->code = CLD_CONTINUED;
		info->child.status = 18; /* SIGCONT */
	} else if ((status & 0xff) == 0x7f) {
		info->code = CLD_STOPPED;
		info->child.status = (status >> 8) & 0xff;
	} else if (status & 0x7f) {
		info->code = status & 0x80 ? CLD_DUMPED : CLD_KILLED;
		info->child.status = status & 0x7f;
	} else {
		info->code = CLD_EXITED;
		info->child.status = (status >> 8) & 0xff;
	}
}

static long waitid_pidfd(struct wait_request *q, int fd)
{
	CLEANUP(file_unrefp) struct file *file = fd_get(fd);

	if (!file)
		return -EBADF;
	q->pidfd = pidfd_process(file);
	if (!q->pidfd)
		return -EINVAL;
	if (file->flags & 04000 /* O_NONBLOCK */)
		q->options |= WNOHANG | 0x40000000;
	return 0;
}

long sys_waitid(struct thread *thread, const struct syscall_args *args)
{
	uint32_t options = (uint32_t)args->d;
	struct wait_request q = {.which = (int)args->a, .id = (int32_t)args->b, .options = options};
	struct signal_info info;
	long r = 0;

	if ((options & ~(uint32_t)(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED |
				   __WNOTHREAD | __WCLONE | __WALL)) ||
		!(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	switch (q.which) {
	case P_ALL:
		break;
	case P_PID:
		if (q.id <= 0)
			return -EINVAL;
		break;
	case P_PGID:
		if (q.id < 0)
			return -EINVAL;
		q.id = q.id ? q.id : thread->process->pgid;
		break;
	case P_PIDFD:
		r = waitid_pidfd(&q, q.id);
		break;
	default:
		return -EINVAL;
	}
	if (r)
		return r;
	r = wait_for(thread, &q);
	process_unref(q.pidfd);
	if (!r && !q.pid && (q.options & 0x40000000))
		return -EAGAIN;
	if (r)
		return r;
	fill_info(&q, &info);
	/* Linux writes the first fields of the union only; the rest of the caller's bytes are zero
	 * here. */
	if (args->c && user_write(args->c, &info, 48))
		return -EFAULT;
	if (args->e && q.pid && USER_PUT(args->e, q.rusage))
		return -EFAULT;
	return 0;
}
