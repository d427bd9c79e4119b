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

static void hang_up(int32_t pgid)
{
	struct process *p;

	LIST_FOR_EACH (p, &process_table, link)
		if (p->pgid == pgid && p->state == PROCESS_ALIVE) {
			(void)!signal_send_process_locked(p, SIGHUP, NULL);
			(void)!signal_send_process_locked(p, SIGCONT, NULL);
		}
}

/* The tie of @member to @parent is no more. A group that had no other may just have become
 * orphaned; one that this did not tie to its session was orphaned before, or still is not. */
static void tie_lost(struct process *member, struct process *parent, struct process *except)
{
	int32_t pgid = member->pgid;

	if (process_any_is_stopped() && parent->pgid != pgid && parent->sid == member->sid &&
		!group_has_anchor(pgid, except) && group_is_stopped(pgid, except))
		hang_up(pgid);
}

void process_tie_lost_by_exit(struct process *process)
{
	tie_lost(process, process->parent, process);
}

void process_tie_lost_to(struct process *parent, struct process *child)
{
	tie_lost(child, parent, NULL);
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
