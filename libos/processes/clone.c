/* clone(2), clone3(2), fork(2), vfork(2). */
#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/resource.h>
#include <linux/sched.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/files/attestation.h"
#include "libos/files/file.h"
#include "libos/ipc/semaphore.h"
#include "libos/memory/mm.h"
#include "libos/processes/keyrings.h"
#include "libos/processes/pidfd.h"
#include "libos/processes/process.h"
#include "libos/processes/program.h"
#include "libos/processes/seccomp.h"
#include "libos/processes/tree.h"
#include "libos/security/landlock.h"
#include "libos/syscalls/syscall.h"
#include "libos/terminals/control.h"
#include "libos/time/timers.h"
#include "platform/platform.h"

#define NAMESPACE_FLAGS                                                                            \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
		CLONE_NEWPID | CLONE_NEWNET)
#define PROCESS_LIMIT_DEFAULT 4096

uint32_t process_limit = PROCESS_LIMIT_DEFAULT;
static uint32_t thread_total = 1;

/* A parent that waits for its vfork child; on the parent's kernel stack. */
struct vfork {
	struct wait_queue done_queue;
	bool done;
};

void process_vfork_done(struct process *process)
{
	struct vfork *vfork;

	lock_acquire(&process_table_lock);
	vfork = process->vfork;
	process->vfork = NULL;
	if (vfork) {
		vfork->done = true;
		wait_wake(&vfork->done_queue, 0);
	}
	lock_release(&process_table_lock);
}

static void vfork_wait(struct process *child, struct vfork *vfork)
{
	struct waiter waiter;

	waiter_init(&waiter);
	wait_add(&vfork->done_queue, &waiter);
	while (!__atomic_load_n(&vfork->done, __ATOMIC_ACQUIRE))
		if (wait_sleep_killable(WAIT_FOREVER))
			break;
	wait_remove(&waiter);
	/* Killed: the child must not touch our stack any more. The lock waits for one that is. */
	lock_acquire(&process_table_lock);
	if (!vfork->done)
		child->vfork = NULL;
	lock_release(&process_table_lock);
}

static int check_flags(const struct clone_args *q)
{
	uint64_t flags = q->flags;

	if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND))
		return -EINVAL;
	if ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM))
		return -EINVAL;
	if ((flags & CLONE_FS) && (flags & (CLONE_NEWNS | CLONE_NEWUSER)))
		return -EINVAL;
	if ((flags & CLONE_THREAD) && (flags & (CLONE_NEWUSER | CLONE_NEWPID)))
		return -EINVAL;
	if ((flags & CLONE_PARENT) && thread_current()->process == process_init)
		return -EINVAL;
	if ((flags & CLONE_PIDFD) && (flags & (CLONE_THREAD | CLONE_DETACHED)))
		return -EINVAL;
	if ((flags & CLONE_SIGHAND) && (flags & CLONE_CLEAR_SIGHAND))
		return -EINVAL;
	if (q->exit_signal > SIGNAL_COUNT)
		return -EINVAL;
	/* As for an unprivileged container. */
	return flags & NAMESPACE_FLAGS ? -EPERM : 0;
}

static void copy_limits_and_signals(struct process *child, struct process *parent, uint64_t flags)
{
	memcpy(child->limits, parent->limits, sizeof(child->limits));
	if (flags & CLONE_CLEAR_SIGHAND)
		signal_reset_handlers(child);
	child->personality = parent->personality;
	child->dumpable = parent->dumpable;
	child->no_huge_pages = parent->no_huge_pages;
	child->oom_score_adj = parent->oom_score_adj;
	child->login_uid = parent->login_uid;
	child->login_session = parent->login_session;
	child->arguments_start = parent->arguments_start;
	child->arguments_end = parent->arguments_end;
	child->environment_start = parent->environment_start;
	child->environment_end = parent->environment_end;
	child->auxv_start = parent->auxv_start;
	child->auxv_size = parent->auxv_size;
	child->is_subreaper = false;
}

static void process_discard(struct process *process)
{
	timers_exit(process);
	semaphore_undo_exit(process);
	keyrings_exit(process);
	fd_table_unref(process->files);
	fs_context_unref(process->fs);
	mm_unref(process->mm);
	process_unref(process);
}

static struct process *process_like(struct process *parent, uint64_t flags)
{
	struct signal_actions *actions = parent->signals.actions;
	struct process *child = process_new(
		flags & CLONE_SIGHAND ? signal_actions_ref(actions) : signal_actions_new(actions));

	if (!child)
		return NULL;
	child->files =
		flags & CLONE_FILES ? fd_table_ref(parent->files) : fd_table_copy(parent->files);
	child->fs = flags & CLONE_FS ? fs_context_ref(parent->fs) : fs_context_copy(parent->fs);
	child->mm = flags & CLONE_VM ? mm_ref(parent->mm) : NULL; /* a copy: space_copy */
	if (!child->files || !child->fs ||
		(flags & CLONE_SYSVSEM && semaphore_undo_share(parent, child))) {
		if (child->files)
			fd_table_unref(child->files);
		if (child->fs)
			fs_context_unref(child->fs);
		mm_unref(child->mm);
		process_unref(child);
		return NULL;
	}
	child->program = program_ref(parent->program);
	attestation_request_inherit(child, parent);
	copy_limits_and_signals(child, parent, flags);
	if (child->limits[RLIMIT_CPU].soft != UINT64_MAX)
		timers_watch_cpu(child);
	return child;
}

/* The child's first steps, in its own address space. */
static void child_start(struct thread *thread)
{
	uint32_t tid = (uint32_t)thread->tid;

	thread->start = NULL;
	if (thread->sets_fs_base)
		platform_fs_base_set(thread->new_fs_base);
	if (thread->is_fork)
		mm_after_fork(thread->process->mm);
	if (thread->new_child_tid)
		(void)!USER_PUT(thread->new_child_tid, tid);
}

static void thread_copy(
	struct thread *child, const struct thread *parent, const struct clone_args *q)
{
	bool shares_memory = q->flags & CLONE_VM;

	child->block.frame = parent->block.frame;
	child->block.frame.rax = 0;
	child->block.frame.orig_rax = UINT64_MAX;
	if (q->stack)
		child->block.frame.rsp = q->stack + q->stack_size;
	child->credentials = parent->credentials;
	child->signals.blocked = parent->signals.blocked;
	if (!shares_memory || (q->flags & CLONE_VFORK)) {
		child->signals.altstack_base = parent->signals.altstack_base;
		child->signals.altstack_size = parent->signals.altstack_size;
		child->signals.altstack_flags = parent->signals.altstack_flags;
	}
	memcpy(child->name, parent->name, sizeof(child->name));
	child->timer_slack_ns = child->timer_slack_default_ns = parent->timer_slack_ns;
	schedule_inherit(&child->schedule, &parent->schedule);
	child->memory_policy = parent->memory_policy;
	child->memory_policy_has_node = parent->memory_policy_has_node;
	if (!shares_memory) {
		child->robust_list = 0;
		child->rseq_area = parent->rseq_area;
		child->rseq_signature = parent->rseq_signature;
	}
	child->start = child_start;
	child->is_fork = !shares_memory;
	child->sets_fs_base = q->flags & CLONE_SETTLS;
	child->new_fs_base = q->tls;
	child->new_child_tid = q->flags & CLONE_CHILD_SETTID ? q->child_tid : 0;
	child->clear_child_tid = q->flags & CLONE_CHILD_CLEARTID ? q->child_tid : 0;
}

/* Make it visible: numbered, in its process, in the tree. -EAGAIN: the limit is reached. A signal
 * that is to be handled comes first: one sent to a whole group then reaches the caller before the
 * fork, or both after. */
static int thread_link(struct thread *child, struct thread *parent, const struct clone_args *q)
{
	struct process *process = child->process, *from = parent->process;

	LOCK_SCOPE(&process_table_lock);
	if (thread_total >= process_limit)
		return -EAGAIN;
	if (signal_is_pending(parent))
		return -ERESTARTNOINTR;
	thread_total++;
	seccomp_inherit(child, parent);
	landlock_inherit(child, parent);
	keyrings_inherit(child, parent);
	thread_number(child);
	list_add_tail(&process->threads, &child->in_process);
	process->thread_count++;
	if (process == from)
		return 0;
	process->pid = child->tid;
	process->leader = child;
	process->pgid = from->pgid;
	process->sid = from->sid;
	control_inherit(process, from);
	process->exit_signal = q->flags & CLONE_PARENT ? from->exit_signal : (int)q->exit_signal;
	process->parent = q->flags & CLONE_PARENT ? from->parent : from;
	process->parent_tid = q->flags & CLONE_PARENT ? from->parent_tid : parent->tid;
	list_add_tail(&process->parent->children, &process->sibling);
	process_list(process);
	return 0;
}

void thread_unlink_count(void)
{
	__atomic_sub_fetch(&thread_total, 1, __ATOMIC_RELAXED);
}

static void thread_unlink(struct thread *child)
{
	struct process *process = child->process;

	LOCK_SCOPE(&process_table_lock);
	thread_unlink_count();
	thread_unnumber(child);
	list_remove(&child->in_process);
	process->thread_count--;
	if (process->leader == child) {
		list_remove(&process->sibling);
		process_unlist(process);
	}
}

/* In a session of its own. */
static int process_link(struct thread *thread, struct process *parent)
{
	struct process *process = thread->process;

	LOCK_SCOPE(&process_table_lock);
	if (thread_total >= process_limit)
		return -EAGAIN;
	thread_total++;
	thread_number(thread);
	list_add_tail(&process->threads, &thread->in_process);
	process->thread_count = 1;
	process->leader = thread;
	process->pid = process->pgid = process->sid = thread->tid;
	process->exit_signal = SIGCHLD;
	process->parent = parent;
	list_add_tail(&parent->children, &process->sibling);
	process_list(process);
	return 0;
}

int process_start(struct thread *thread, struct process *parent)
{
	int r = process_link(thread, parent);

	if (r)
		return r;
	r = platform_thread_start(thread, PLATFORM_SPACE_NEW);
	if (r)
		thread_unlink(thread);
	return r;
}

static int pidfd_put(struct process *process, const struct clone_args *q)
{
	int fd;

	if (!(q->flags & CLONE_PIDFD))
		return -1;
	fd = pidfd_install(process, 0);
	if (fd >= 0 && USER_PUT(q->pidfd, (uint32_t)fd))
		return -EFAULT; /* the descriptor stays open, as it would in a crash of the caller
				 */
	return fd;
}

/* Start @child in a copy of the caller's memory; no other thread changes the map meanwhile, so that
 * it says what the copy has. */
static int space_copy(struct thread *child, struct mm *from)
{
	struct mm *mm;
	int r = -ENOMEM;

	lock_acquire(&from->lock);
	mm = mm_copy(from);
	child->process->mm = mm;
	if (mm)
		r = platform_thread_start(child, PLATFORM_SPACE_COPY);
	lock_release(&from->lock);
	return r;
}

static long clone_start(struct thread *child, const struct clone_args *q)
{
	struct process *process = child->process;
	bool is_vfork = q->flags & CLONE_VFORK;
	struct vfork vfork = {0};
	int32_t tid = child->tid;
	long r;

	if (q->flags & CLONE_PIDFD) {
		r = pidfd_put(process, q);
		if (r < 0)
			return r;
	}
	if ((q->flags & CLONE_PARENT_SETTID) && USER_PUT(q->parent_tid, (uint32_t)tid))
		return -EFAULT;
	wait_queue_init(&vfork.done_queue);
	if (is_vfork) {
		process_ref(process);
		process->vfork = &vfork;
	}
	r = q->flags & CLONE_VM ? platform_thread_start(child, PLATFORM_SPACE_SAME)
				: space_copy(child, thread_current()->process->mm);
	if (is_vfork) {
		if (!r)
			vfork_wait(process, &vfork);
		process_unref(process);
	}
	return r ? r : tid;
}

static long clone_run(struct thread *parent, const struct clone_args *q)
{
	bool is_thread = q->flags & CLONE_THREAD;
	struct process *process;
	struct thread *child;
	long r = check_flags(q);

	if (r)
		return r;
	process = is_thread ? parent->process : process_like(parent->process, q->flags);
	if (!process)
		return -ENOMEM;
	child = thread_new(process);
	r = child ? 0 : -ENOMEM;
	if (!r) {
		thread_copy(child, parent, q);
		r = thread_link(child, parent, q);
	}
	if (!r) {
		r = clone_start(child, q);
		if (r > 0)
			return r;
		thread_unlink(child);
	}
	thread_free(child);
	if (!is_thread)
		process_discard(process);
	return r;
}

long sys_clone(struct thread *thread, const struct syscall_args *args)
{
	struct clone_args q = {
		.flags = (args->a & 0xffffffffUL) & ~(uint64_t)CSIGNAL,
		.exit_signal = args->a & CSIGNAL,
		.stack = args->b,
		.parent_tid = args->c,
		.pidfd = args->c,
		.child_tid = args->d,
		.tls = args->e,
	};

	if ((q.flags & CLONE_PIDFD) && (q.flags & CLONE_PARENT_SETTID))
		return -EINVAL;
	return clone_run(thread, &q);
}

long sys_clone3(struct thread *thread, const struct syscall_args *args)
{
	const uint64_t known = 0xffffffffUL | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP;
	struct clone_args q = {0};
	uint64_t size = args->b;
	int r;

	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	r = user_read_versioned(&q, sizeof(q), args->a, size);
	if (r)
		return r;
	if ((q.flags & ~known) || (q.flags & (CSIGNAL | CLONE_DETACHED)) ||
		(q.exit_signal & ~CSIGNAL) || (q.flags & CLONE_INTO_CGROUP) || q.set_tid_size ||
		!q.stack != !q.stack_size)
		return -EINVAL;
	if ((q.flags & (CLONE_THREAD | CLONE_PARENT)) && q.exit_signal)
		return -EINVAL;
	return clone_run(thread, &q);
}

long sys_fork(struct thread *thread, const struct syscall_args *args)
{
	struct clone_args q = {.exit_signal = SIGCHLD};

	(void)args;
	return clone_run(thread, &q);
}

long sys_vfork(struct thread *thread, const struct syscall_args *args)
{
	struct clone_args q = {.flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD};

	(void)args;
	return clone_run(thread, &q);
}
