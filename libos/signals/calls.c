/* The signal system calls. */
#include <asm/errno.h>
#include <asm/signal.h>
#include <asm-generic/siginfo.h>

#include "libos/core/user.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"
#include "libos/time/timespec.h"
#include "platform/platform.h"

#define SET_UNBLOCKABLE (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))
#define ALTSTACK_AUTODISARM (1U << 31)
#define ALTSTACK_SIZE_MIN 2048

long sys_rt_sigaction(struct thread *thread, const struct syscall_args *args)
{
	struct signal_process *signals = &thread->process->signals;
	struct signal_action new_action, old_action;
	int signo = (int)args->a;
	bool ignores;

	if (args->d != sizeof(signal_set) || signo < 1 || signo > SIGNAL_COUNT)
		return -EINVAL;
	if (args->b && (SIGNAL_BIT(signo) & SET_UNBLOCKABLE))
		return -EINVAL;
	if (args->b && USER_GET(&new_action, args->b))
		return -EFAULT;
	lock_acquire(&signals->actions->lock);
	old_action = signals->actions->of[signo - 1];
	if (args->b) {
		new_action.mask &= ~SET_UNBLOCKABLE;
		signals->actions->of[signo - 1] = new_action;
	}
	lock_release(&signals->actions->lock);
	ignores = args->b && (new_action.handler == (uintptr_t)SIG_IGN ||
				     (new_action.handler == (uintptr_t)SIG_DFL &&
					     (signo == SIGCHLD || signo == SIGCONT ||
						     signo == SIGURG || signo == SIGWINCH)));
	if (ignores)
		signal_discard(thread->process, signo);
	return args->c && USER_PUT(args->c, old_action) ? -EFAULT : 0;
}

long sys_rt_sigprocmask(struct thread *thread, const struct syscall_args *args)
{
	signal_set old = thread->signals.blocked, set;

	if (args->d != sizeof(signal_set))
		return -EINVAL;
	if (args->b) {
		if (USER_GET(&set, args->b))
			return -EFAULT;
		switch ((int)args->a) {
		case SIG_BLOCK:
			set |= old;
			break;
		case SIG_UNBLOCK:
			set = old & ~set;
			break;
		case SIG_SETMASK:
			break;
		default:
			return -EINVAL;
		}
		signal_mask_set(thread, set);
	}
	return args->c && USER_PUT(args->c, old) ? -EFAULT : 0;
}

long sys_rt_sigpending(struct thread *thread, const struct syscall_args *args)
{
	signal_set set = (thread->signals.queue.pending | thread->process->signals.queue.pending) &
			 thread->signals.blocked;

	if (args->b > sizeof(set))
		return -EINVAL;
	return user_write(args->a, &set, args->b);
}

static long sleep_for_signal(struct thread *thread)
{
	int r;

	do {
		r = wait_sleep(WAIT_FOREVER);
	} while (!r);
	(void)thread;
	return -ERESTARTNOHAND;
}

long sys_rt_sigsuspend(struct thread *thread, const struct syscall_args *args)
{
	signal_set set;

	if (args->b != sizeof(set))
		return -EINVAL;
	if (USER_GET(&set, args->a))
		return -EFAULT;
	signal_mask_temporary(thread, set);
	return sleep_for_signal(thread);
}

long sys_pause(struct thread *thread, const struct syscall_args *args)
{
	(void)args;
	return sleep_for_signal(thread);
}

long sys_rt_sigtimedwait(struct thread *thread, const struct syscall_args *args)
{
	struct signal_process *signals = &thread->process->signals;
	uint64_t deadline_ns = WAIT_FOREVER;
	struct signal_info info;
	struct waiter waiter;
	signal_set set;
	int signo, r = 0;

	if (args->d != sizeof(set))
		return -EINVAL;
	if (USER_GET(&set, args->a))
		return -EFAULT;
	if (args->c) {
		r = timespec_read_deadline(args->c, &deadline_ns);
		if (r)
			return r;
	}
	set &= ~SET_UNBLOCKABLE;
	waiter_init(&waiter);
	wait_add(&signals->arrivals, &waiter);
	while (!(signo = signal_dequeue(thread, set, &info)) && !r)
		r = wait_sleep(deadline_ns);
	wait_remove(&waiter);
	if (!signo)
		return r == -ETIMEDOUT ? -EAGAIN : r;
	if (args->b && USER_PUT(args->b, info))
		return -EFAULT;
	return signo;
}

long sys_sigaltstack(struct thread *thread, const struct syscall_args *args)
{
	struct {
		uint64_t base;
		int32_t flags, pad;
		uint64_t size;
	} stack, old = {0};
	struct signal_thread *s = &thread->signals;
	uint64_t sp = thread->block.frame.rsp;
	bool on_it = s->altstack_size && !(s->altstack_flags & ALTSTACK_AUTODISARM) &&
		     sp > s->altstack_base && sp - s->altstack_base <= s->altstack_size;

	if (args->a && USER_GET(&stack, args->a))
		return -EFAULT;
	old.base = s->altstack_base;
	old.size = s->altstack_size;
	old.flags = (int32_t)s->altstack_flags;
	old.flags |= !s->altstack_size ? SIGNAL_STACK_DISABLE : on_it ? SIGNAL_STACK_ONSTACK : 0;
	if (args->a) {
		uint32_t mode = (uint32_t)stack.flags & ~ALTSTACK_AUTODISARM;

		if (on_it)
			return -EPERM;
		if (mode != 0 && mode != SIGNAL_STACK_ONSTACK && mode != SIGNAL_STACK_DISABLE)
			return -EINVAL;
		if (mode == SIGNAL_STACK_DISABLE) {
			s->altstack_base = s->altstack_size = s->altstack_flags = 0;
		} else {
			if (stack.size < ALTSTACK_SIZE_MIN)
				return -ENOMEM;
			s->altstack_base = stack.base;
			s->altstack_size = stack.size;
			s->altstack_flags = (uint32_t)stack.flags & ALTSTACK_AUTODISARM;
		}
	}
	return args->b && USER_PUT(args->b, old) ? -EFAULT : 0;
}

/* ---- Sending -----------------------------------------------------------------------------------
 */

static void user_info(struct thread *thread, int signo, int code, struct signal_info *info)
{
	*info = (struct signal_info){.signo = signo, .code = code};
	info->queue.pid = thread->process->pid;
	info->queue.uid = thread->credentials.uid;
}

static bool kill_matches(struct thread *thread, struct process *target, int32_t pid)
{
	if (target->state != PROCESS_ALIVE)
		return false;
	if (pid == -1)
		return target != process_init && target != thread->process;
	return target->pgid == (pid ? -pid : thread->process->pgid);
}

static long kill_one(
	struct thread *thread, struct process *target, int signo, const struct signal_info *info)
{
	if (!process_may_signal(thread, target->leader, signo))
		return -EPERM;
	if (!signo || target->state != PROCESS_ALIVE)
		return 0;
	return signal_send_process_locked(target, signo, info);
}

static long kill_many(struct thread *thread, int32_t pid, int signo, const struct signal_info *info)
{
	struct process *p;
	long r = -ESRCH, one;

	LIST_FOR_EACH (p, &process_table, link) {
		if (!kill_matches(thread, p, pid))
			continue;
		one = kill_one(thread, p, signo, info);
		if (!one || r == -ESRCH)
			r = one;
	}
	return r;
}

static long kill_locked(
	struct thread *thread, int32_t pid, int signo, const struct signal_info *info)
{
	struct process *target;

	LOCK_SCOPE(&process_table_lock);
	if (pid <= 0)
		return kill_many(thread, pid, signo, info);
	target = process_find(pid);
	if (!target) {
		struct thread *other = thread_find(pid); /* a thread's number names its process */

		target = other ? other->process : NULL;
	}
	return target ? kill_one(thread, target, signo, info) : -ESRCH;
}

long sys_kill(struct thread *thread, const struct syscall_args *args)
{
	int signo = (int)args->b;
	struct signal_info info;

	if (signo < 0 || signo > SIGNAL_COUNT)
		return -EINVAL;
	if ((int32_t)args->a == INT32_MIN)
		return -ESRCH;
	user_info(thread, signo, SI_USER, &info);
	return kill_locked(thread, (int32_t)args->a, signo, &info);
}

static long send_to_thread(
	struct thread *thread, int32_t tgid, int32_t tid, int signo, const struct signal_info *info)
{
	struct thread *target;

	if (signo < 0 || signo > SIGNAL_COUNT || tid <= 0 || tgid == 0 || tgid < -1)
		return -EINVAL;
	LOCK_SCOPE(&process_table_lock);
	target = thread_find(tid);
	if (!target || (tgid > 0 && target->process->pid != tgid))
		return -ESRCH;
	if (!process_may_signal(thread, target, signo))
		return -EPERM;
	if (!signo || target->exiting)
		return 0;
	return signal_send_thread_locked(target, signo, info);
}

long sys_tgkill(struct thread *thread, const struct syscall_args *args)
{
	struct signal_info info;

	if ((int32_t)args->a <= 0)
		return -EINVAL;
	user_info(thread, (int)args->c, SI_TKILL, &info);
	return send_to_thread(thread, (int32_t)args->a, (int32_t)args->b, (int)args->c, &info);
}

long sys_tkill(struct thread *thread, const struct syscall_args *args)
{
	struct signal_info info;

	user_info(thread, (int)args->b, SI_TKILL, &info);
	return send_to_thread(thread, -1, (int32_t)args->a, (int)args->b, &info);
}

/* A program may not pretend to be the kernel or kill(2), but to itself. */
static long read_info(
	struct thread *thread, int32_t pid, int signo, uint64_t from, struct signal_info *ret_info)
{
	if (USER_GET(ret_info, from))
		return -EFAULT;
	if ((ret_info->code >= 0 || ret_info->code == SI_TKILL) && pid != thread->process->pid)
		return -EPERM;
	ret_info->signo = signo;
	return 0;
}

long sys_rt_sigqueueinfo(struct thread *thread, const struct syscall_args *args)
{
	int signo = (int)args->b;
	struct signal_info info;
	long r;

	if (signo < 0 || signo > SIGNAL_COUNT)
		return -EINVAL;
	r = read_info(thread, (int32_t)args->a, signo, args->c, &info);
	if (r)
		return r;
	if ((int32_t)args->a <= 0)
		return -ESRCH;
	return kill_locked(thread, (int32_t)args->a, signo, &info);
}

long sys_rt_tgsigqueueinfo(struct thread *thread, const struct syscall_args *args)
{
	struct signal_info info;
	long r;

	if ((int32_t)args->a <= 0)
		return -EINVAL;
	r = read_info(thread, (int32_t)args->a, (int)args->c, args->d, &info);
	return r ? r
		 : send_to_thread(thread, (int32_t)args->a, (int32_t)args->b, (int)args->c, &info);
}
