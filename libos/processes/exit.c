/* The end of threads and processes. */
#include <asm/errno.h>
#include <asm/signal.h>
#include <asm-generic/siginfo.h>

#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/files/file.h"
#include "libos/ipc/semaphore.h"
#include "libos/memory/mm.h"
#include "libos/processes/futex.h"
#include "libos/processes/keyrings.h"
#include "libos/processes/process.h"
#include "libos/processes/rusage.h"
#include "libos/processes/rseq.h"
#include "libos/processes/seccomp.h"
#include "libos/processes/tree.h"
#include "libos/requests.h"
#include "libos/syscalls/syscall.h"
#include "libos/syscalls/trace.h"
#include "libos/terminals/console.h"
#include "libos/terminals/control.h"
#include "libos/time/timers.h"
#include "platform/platform.h"

static void release_user_memory(struct thread *thread)
{
	uint32_t zero = 0;

	rseq_exit(thread);
	futex_exit_robust(thread);
	/* pthread_join sleeps on this word. */
	if (thread->clear_child_tid && !USER_PUT(thread->clear_child_tid, zero))
		futex_wake_address(thread, thread->clear_child_tid);
	thread->clear_child_tid = 0;
}

/* Out of sight first: /proc looks with the process table locked. */
static void release_resources(struct process *process)
{
	struct fd_table *files = process->files;
	struct fs_context *fs = process->fs;
	struct mm *mm = process->mm;

	rusage_note_peak(process);
	timers_exit(process);
	semaphore_undo_exit(process);
	keyrings_exit(process);
	lock_acquire(&process_table_lock);
	process->files = NULL;
	process->fs = NULL;
	process->mm = NULL;
	lock_release(&process_table_lock);
	fd_table_unref(files);
	fs_context_unref(fs);
	mm_unref(mm);
}

static void child_info(struct process *process, struct signal_info *info)
{
	int status = process->wait_status;
	uint64_t user_ns, system_ns;

	*info = (struct signal_info){.signo = process->exit_signal};
	info->child.pid = process->pid;
	info->child.uid = process->leader->credentials.uid;
	info->child.status = status & 0x7f ? status & 0x7f : (status >> 8) & 0xff;
	info->code = !(status & 0x7f) ? CLD_EXITED : status & 0x80 ? CLD_DUMPED : CLD_KILLED;
	rusage_split(process, process->dead_ns, &user_ns, &system_ns);
	info->child.utime = (int64_t)(user_ns / 10000000);
	info->child.stime = (int64_t)(system_ns / 10000000);
}

/* Tell the parent; true: it does not want to wait for it. (table locked) */
static bool notify_parent(struct process *process)
{
	struct process *parent = process->parent;
	const struct signal_action *action = &parent->signals.actions->of[SIGCHLD - 1];
	bool ignored = process->exit_signal == SIGCHLD &&
		       (action->handler == (uintptr_t)SIG_IGN || (action->flags & SA_NOCLDWAIT));
	struct signal_info info;

	child_info(process, &info);
	if (process->exit_signal && !(ignored && action->handler == (uintptr_t)SIG_IGN))
		(void)!signal_send_process_locked(parent, process->exit_signal, &info);
	return ignored;
}

void process_reap(struct process *process)
{
	process->state = PROCESS_REAPED;
	list_remove(&process->sibling);
	process_unlist(process);
	thread_unnumber(process->leader);
	thread_bury(process->leader);
	thread_unlink_count();
	process_unref(process);
}

static void send_parent_death_signal(struct process *child)
{
	struct signal_info info = {.signo = child->parent_death_signal, .code = SI_USER};

	if (child->parent_death_signal && child->state == PROCESS_ALIVE)
		(void)!signal_send_process_locked(child, child->parent_death_signal, &info);
}

static struct process *find_reaper(struct process *process)
{
	for (struct process *p = process->parent; p && p != process_init; p = p->parent)
		if (p->is_subreaper && p->state == PROCESS_ALIVE && !p->signals.group_exiting)
			return p;
	return process_init;
}

static void reparent_children(struct process *process)
{
	struct process *reaper = find_reaper(process), *child, *next;

	LIST_FOR_EACH_SAFE (child, next, &process->children, sibling) {
		list_remove(&child->sibling);
		child->parent = reaper;
		child->parent_tid = reaper->pid;
		child->exit_signal = SIGCHLD;
		list_add_tail(&reaper->children, &child->sibling);
		send_parent_death_signal(child);
		process_tie_lost_to(process, child);
		if (child->state != PROCESS_ZOMBIE)
			continue;
		if (notify_parent(child))
			process_reap(child);
		else
			wait_wake(&reaper->child_events, 0);
	}
}

/* The last thread is going. (table locked) */
static void become_zombie(struct process *process)
{
	struct process *parent = process->parent;
	bool has_waiter = !process->execution; /* the host reads its slot */

	if (process->signals.group_exiting)
		process->wait_status = process->signals.group_exit_status;
	control_exit_leader(process);
	reparent_children(process);
	process_tie_lost_by_exit(process);
	signal_queue_flush(&process->signals.queue);
	process->state = PROCESS_ZOMBIE;
	wait_wake(&process->exit_events, 0);
	if (process->execution)
		execution_ended(process);
	if (notify_parent(process) || !has_waiter)
		process_reap(process);
	/* Also when reaped at once: a parent may wait for its last child to go. */
	wait_wake(&parent->child_events, 0);
}

/* The children that @thread made are another's of the same process from now on. (table locked) */
static void hand_over_children(struct thread *thread)
{
	struct process *process = thread->process, *child;
	struct thread *heir = process->leader, *other;

	LIST_FOR_EACH (other, &process->threads, in_process)
		if (!other->exiting) {
			heir = other;
			break;
		}
	LIST_FOR_EACH (child, &process->children, sibling)
		if (child->parent_tid == thread->tid) {
			child->parent_tid = heir->tid;
			send_parent_death_signal(child);
		}
}

/* Nobody finds it any more. (table locked) */
static void forget(struct thread *thread)
{
	if (thread == thread->process->leader)
		return; /* stays until the process is reaped */
	thread_unnumber(thread);
	thread_unlink_count();
	thread_bury(thread);
}

/* Take @thread out of its process, and if it is not the last that was all: exec in another thread
 * may go on at once. Returns whether it is the last. */
static bool leave(struct thread *thread, int status)
{
	struct process *process = thread->process;

	LOCK_SCOPE(&process_table_lock);
	process->dead_ns += platform_thread_cpu_ns();
	list_remove(&thread->in_process);
	seccomp_release(thread);
	keyrings_release(thread);
	signal_queue_flush(&thread->signals.queue);
	if (thread == process->leader)
		process->wait_status = status; /* the process's, if exit_group(2) says no other */
	if (--process->thread_count == 0)
		return true;
	hand_over_children(thread);
	signal_retarget(thread, ~thread->signals.blocked);
	signal_stop_check(process);
	forget(thread);
	if (process->thread_count == 1)
		wait_wake(&process->exit_events, 0); /* exec waits to be alone */
	return false;
}

void process_thread_exit(struct thread *thread, int status)
{
	struct process *process = thread->process;
	struct signal_process *signals = &process->signals;
	bool last;

	thread->exiting = true;
	if (UNLIKELY(trace_enabled))
		trace_exit(thread, signals->group_exiting ? signals->group_exit_status : status);
	release_user_memory(thread);
	if (thread == process->leader)
		process_vfork_done(process);
	last = leave(thread, status);
	if (last) {
		if (process == process_init) {
			if (console_first())
				console_drain(console_first());
			if (UNLIKELY(trace_enabled))
				trace_end();
			platform_enclave_exit(signals->group_exiting ? signals->group_exit_status
								     : process->wait_status);
		}
		release_resources(process);
		async_flush();
		if (process->execution)
			execution_leave(process);
		lock_acquire(&process_table_lock);
		forget(thread);
		become_zombie(process);
		lock_release(&process_table_lock);
	}
	platform_thread_exit(last, &thread->stack_free);
}

int process_become_single_threaded(struct thread *thread)
{
	struct process *process = thread->process;
	struct thread *other;
	struct waiter waiter;
	int r = 0;

	lock_acquire(&process_table_lock);
	if (process->signals.group_exiting || thread->exiting) {
		lock_release(&process_table_lock);
		return -EAGAIN;
	}
	LIST_FOR_EACH (other, &process->threads, in_process)
		if (other != thread) {
			other->exiting = true;
			thread_interrupt(other);
		}
	lock_release(&process_table_lock);
	waiter_init(&waiter);
	wait_add(&process->exit_events, &waiter);
	while (!r && __atomic_load_n(&process->thread_count, __ATOMIC_ACQUIRE) > 1)
		r = wait_sleep_killable(WAIT_FOREVER);
	wait_remove(&waiter);
	if (r)
		return -EAGAIN;
	process_take_leadership(thread);
	return 0;
}

long sys_exit(struct thread *thread, const struct syscall_args *args)
{
	process_thread_exit(thread, (int)(args->a & 0xff) << 8);
}

long sys_exit_group(struct thread *thread, const struct syscall_args *args)
{
	signal_group_exit(thread->process, (int)(args->a & 0xff) << 8);
	thread->block.pending = 1;
	return 0;
}
