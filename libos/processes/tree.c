#include "libos/processes/tree.h"

#include <asm/signal.h>

#include "libos/processes/process.h"

/* Has a member of group @pgid, other than @except, a parent in another group of the session? */
static bool group_has_anchor(int32_t pgid, struct process *except)
{
	struct process *p;

	LIST_FOR_EACH (p, &process_table, link)
		if (p != except && p->pgid == pgid && p->state == PROCESS_ALIVE && p->parent &&
			p->parent != except && p->parent->pgid != pgid && p->parent->sid == p->sid)
			return true;
	return false;
}

void process_group_signal(int32_t pgid, int signo)
{
	struct process *p;

	LIST_FOR_EACH (p, &process_table, link)
		if (pgid && p->pgid == pgid)
			(void)!signal_send_process_locked(p, signo, NULL);
}

static bool group_is_stopped(int32_t pgid, struct process *except)
{
	struct process *p;

	LIST_FOR_EACH (p, &process_table, link)
		if (p != except && p->pgid == pgid && p->signals.stopped)
			return true;
	return false;
}

static void orphan_group(int32_t pgid, struct process *except)
{
	struct process *p;

	if (!process_any_is_stopped() || group_has_anchor(pgid, except) ||
		!group_is_stopped(pgid, except))
		return;
	LIST_FOR_EACH (p, &process_table, link)
		if (p != except && p->pgid == pgid && p->state == PROCESS_ALIVE) {
			(void)!signal_send_process_locked(p, SIGHUP, NULL);
			(void)!signal_send_process_locked(p, SIGCONT, NULL);
		}
}

void process_orphan_groups(struct process *process)
{
	struct process *child;

	orphan_group(process->pgid, process);
	LIST_FOR_EACH (child, &process->children, sibling)
		if (child->pgid != process->pgid && child->sid == process->sid)
			orphan_group(child->pgid, process);
}

bool process_group_is_orphaned(struct process *process)
{
	LOCK_SCOPE(&process_table_lock);
	return !group_has_anchor(process->pgid, NULL);
}

void process_take_leadership(struct thread *thread)
{
	struct process *process = thread->process;
	struct thread *old = process->leader;
	struct process *child;

	LOCK_SCOPE(&process_table_lock);
	if (old == thread)
		return;
	thread_unnumber(thread);
	thread_unnumber(old);
	old->tid = thread->tid; /* of no consequence: nobody can find it */
	thread_renumber(thread, process->pid);
	process->leader = thread;
	LIST_FOR_EACH (child, &process->children, sibling)
		child->parent_tid = process->pid;
	thread_bury(old);
	thread_unlink_count();
}
