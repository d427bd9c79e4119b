/* Sending signals and choosing who gets them. */
#include <asm/errno.h>
#include <asm/signal.h>
#include <asm-generic/siginfo.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/processes/process.h"

#define SIGNAL_QUEUE_MAX 4096 /* realtime signals waiting in one queue */

#define SET_STOP                                                                                   \
	(SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))
#define SET_IGNORED_BY_DEFAULT                                                                     \
	(SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGCONT) | SIGNAL_BIT(SIGWINCH) | SIGNAL_BIT(SIGURG))
#define SET_UNBLOCKABLE (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))

struct signal_entry {
	struct list link;
	struct signal_info info;
};

static bool is_realtime(int signo)
{
	return signo >= 32;
}

static void queue_remove(struct signal_queue *queue, signal_set set)
{
	struct signal_entry *entry, *next;

	queue->pending &= ~set;
	LIST_FOR_EACH_SAFE (entry, next, &queue->entries, link)
		if (set & SIGNAL_BIT(entry->info.signo)) {
			list_remove(&entry->link);
			queue->count--;
			heap_free(entry);
		}
}

void signal_queue_flush(struct signal_queue *queue)
{
	queue_remove(queue, UINT64_MAX);
}

static int queue_add(struct signal_queue *queue, int signo, const struct signal_info *info)
{
	struct signal_entry *entry;

	if (!is_realtime(signo) && (queue->pending & SIGNAL_BIT(signo)))
		return 0; /* standard signals do not queue */
	if (is_realtime(signo) && queue->count >= SIGNAL_QUEUE_MAX)
		return -EAGAIN;
	entry = heap_alloc(sizeof(*entry));
	if (entry) {
		if (info)
			entry->info = *info;
		else
			entry->info.code = SI_KERNEL;
		entry->info.signo = signo;
		list_add_tail(&queue->entries, &entry->link);
		queue->count++;
	} else if (is_realtime(signo)) {
		return -EAGAIN;
	}
	queue->pending |= SIGNAL_BIT(signo);
	return 0;
}

static bool is_ignored(struct process *process, struct thread *thread, int signo)
{
	const struct signal_action *action = &process->signals.actions[signo - 1];

	/* A blocked signal may be unblocked with a handler later: keep it. */
	if (thread && (thread->signals.blocked & SIGNAL_BIT(signo)))
		return false;
	if (action->handler == (uintptr_t)SIG_IGN)
		return true;
	return action->handler == (uintptr_t)SIG_DFL &&
	       (SIGNAL_BIT(signo) & SET_IGNORED_BY_DEFAULT);
}

static void wake_all(struct process *process)
{
	struct thread *thread;

	LIST_FOR_EACH (thread, &process->threads, in_process)
		thread_interrupt(thread);
}

/* SIGCONT and the stop signals act when sent, before anyone handles them (signal(7)). */
static void send_job_control(struct process *process, int signo)
{
	struct signal_process *signals = &process->signals;
	struct thread *thread;
	signal_set gone = 0;

	if (signo == SIGCONT || signo == SIGKILL)
		gone = SET_STOP;
	else if (SIGNAL_BIT(signo) & SET_STOP)
		gone = SIGNAL_BIT(SIGCONT);
	if (!gone)
		return;
	queue_remove(&signals->queue, gone);
	LIST_FOR_EACH (thread, &process->threads, in_process)
		queue_remove(&thread->signals.queue, gone);
	if (signo == SIGCONT && signals->stopped)
		signals->continued = true;
	if (signo == SIGCONT || signo == SIGKILL) {
		signals->stopped = false;
		signals->stop_reported = false;
		wake_all(process);
	}
}

static struct thread *choose_thread(struct process *process, int signo)
{
	struct thread *thread, *self = thread_current();

	if (self->process == process && !self->exiting &&
		!(self->signals.blocked & SIGNAL_BIT(signo)))
		return self;
	LIST_FOR_EACH (thread, &process->threads, in_process)
		if (!thread->exiting && !(thread->signals.blocked & SIGNAL_BIT(signo)))
			return thread;
	return NULL;
}

static void tell_parent_continued(struct process *process)
{
	if (process->signals.continued && process->parent)
		wait_wake(&process->parent->child_events, 0);
}

static int send(
	struct process *process, struct thread *only, int signo, const struct signal_info *info)
{
	struct signal_process *signals = &process->signals;
	struct thread *thread = only;
	int r;

	if (process->state != PROCESS_ALIVE)
		return 0;
	lock_acquire(&signals->lock);
	send_job_control(process, signo);
	thread = only ? only : choose_thread(process, signo);
	if (is_ignored(process, thread ? thread : process->leader, signo)) {
		lock_release(&signals->lock);
		tell_parent_continued(process);
		return 0;
	}
	r = queue_add(only ? &only->signals.queue : &signals->queue, signo, info);
	lock_release(&signals->lock);
	if (r)
		return r;
	if (signo == SIGKILL)
		wake_all(process);
	else if (thread && !(thread->signals.blocked & SIGNAL_BIT(signo)))
		thread_interrupt(thread);
	wait_wake(&signals->arrivals, 0);
	tell_parent_continued(process);
	return 0;
}

int signal_send_process_locked(struct process *process, int signo, const struct signal_info *info)
{
	return send(process, NULL, signo, info);
}

int signal_send_process(struct process *process, int signo, const struct signal_info *info)
{
	LOCK_SCOPE(&process_table_lock);
	return send(process, NULL, signo, info);
}

int signal_send_thread(struct thread *thread, int signo, const struct signal_info *info)
{
	return send(thread->process, thread, signo, info);
}

bool signal_timer_again(
	struct process *process, struct thread *thread, int signo, int32_t id, int32_t more)
{
	struct signal_queue *queue = thread ? &thread->signals.queue : &process->signals.queue;
	struct signal_entry *entry;

	LOCK_SCOPE(&process->signals.lock);
	LIST_FOR_EACH (entry, &queue->entries, link) {
		struct signal_info *info = &entry->info;

		if (info->signo != signo || info->code != SI_TIMER || info->timer.id != id)
			continue;
		info->timer.overrun = info->timer.overrun > INT32_MAX - more
					      ? INT32_MAX
					      : info->timer.overrun + more;
		return true;
	}
	return false;
}

void signal_force(int signo, const struct signal_info *info)
{
	struct thread *thread = thread_current();
	struct signal_process *signals = &thread->process->signals;
	struct signal_action *action = &signals->actions[signo - 1];
	bool was_blocked = thread->signals.blocked & SIGNAL_BIT(signo);

	lock_acquire(&signals->lock);
	if (was_blocked || action->handler == (uintptr_t)SIG_IGN)
		action->handler = (uintptr_t)SIG_DFL;
	thread->signals.blocked &= ~SIGNAL_BIT(signo);
	queue_remove(&thread->signals.queue, SIGNAL_BIT(signo));
	(void)!queue_add(&thread->signals.queue, signo, info);
	/* Before anything else that may be waiting. */
	if (!list_is_empty(&thread->signals.queue.entries)) {
		struct list *last = thread->signals.queue.entries.prev;

		list_remove(last);
		list_add(&thread->signals.queue.entries, last);
	}
	thread->block.pending = 1;
	lock_release(&signals->lock);
}

void signal_fault(struct thread *thread)
{
	struct signal_info info = {
		.signo = thread->fault.signo,
		.code = thread->fault.code,
		.fault = {.addr = thread->fault.address},
	};

	if (info.code == SI_KERNEL)
		info.fault.addr = 0;
	signal_force(info.signo, &info);
}

bool signal_is_pending(struct thread *thread)
{
	struct signal_process *signals = &thread->process->signals;
	signal_set pending = __atomic_load_n(&thread->signals.queue.pending, __ATOMIC_ACQUIRE) |
			     __atomic_load_n(&signals->queue.pending, __ATOMIC_ACQUIRE);

	return (pending & ~(thread->signals.blocked & ~SET_UNBLOCKABLE)) ||
	       signals->group_exiting || signals->stopped || thread->exiting;
}

static int dequeue(struct signal_queue *queue, signal_set set, struct signal_info *ret_info)
{
	signal_set ready = queue->pending & set;
	/* Faults first, then the lowest number: as Linux. */
	signal_set faults =
		ready & (SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGILL) |
				SIGNAL_BIT(SIGTRAP) | SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGSYS));
	struct signal_entry *entry, *next;
	bool taken = false, more = false;
	int signo;

	if (!ready)
		return 0;
	signo = 1 + __builtin_ctzl(faults ? faults : ready);
	*ret_info = (struct signal_info){.signo = signo};
	LIST_FOR_EACH_SAFE (entry, next, &queue->entries, link) {
		if (entry->info.signo != signo)
			continue;
		if (taken) {
			more = true;
			break;
		}
		*ret_info = entry->info;
		list_remove(&entry->link);
		queue->count--;
		heap_free(entry);
		taken = true;
	}
	if (!more)
		queue->pending &= ~SIGNAL_BIT(signo);
	return signo;
}

int signal_dequeue(struct thread *thread, signal_set set, struct signal_info *ret_info)
{
	struct signal_process *signals = &thread->process->signals;
	int signo;

	LOCK_SCOPE(&signals->lock);
	signo = dequeue(&thread->signals.queue, set, ret_info);
	return signo ? signo : dequeue(&signals->queue, set, ret_info);
}

void signal_discard(struct process *process, int signo)
{
	struct thread *thread;

	LOCK_SCOPE(&process_table_lock);
	lock_acquire(&process->signals.lock);
	queue_remove(&process->signals.queue, SIGNAL_BIT(signo));
	LIST_FOR_EACH (thread, &process->threads, in_process)
		queue_remove(&thread->signals.queue, SIGNAL_BIT(signo));
	lock_release(&process->signals.lock);
}

void signal_reset_handlers(struct process *process)
{
	LOCK_SCOPE(&process->signals.lock);
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		struct signal_action *action = &process->signals.actions[i];
		bool ignored = action->handler == (uintptr_t)SIG_IGN;

		*action = (struct signal_action){.handler = ignored ? (uintptr_t)SIG_IGN : 0};
	}
}

void signal_group_exit(struct process *process, int status)
{
	lock_acquire(&process->signals.lock);
	if (!process->signals.group_exiting) {
		process->signals.group_exit_status = status;
		__atomic_store_n(&process->signals.group_exiting, true, __ATOMIC_SEQ_CST);
	}
	lock_release(&process->signals.lock);
	LOCK_SCOPE(&process_table_lock);
	wake_all(process);
}

void signal_mask_set(struct thread *thread, signal_set mask)
{
	lock_acquire(&thread->process->signals.lock);
	thread->signals.blocked = mask & ~SET_UNBLOCKABLE;
	lock_release(&thread->process->signals.lock);
	if (signal_is_pending(thread))
		thread->block.pending = 1;
}

void signal_mask_temporary(struct thread *thread, signal_set mask)
{
	thread->signals.saved_blocked = thread->signals.blocked;
	thread->signals.has_saved = true;
	signal_mask_set(thread, mask);
}

void signal_mask_restore(struct thread *thread)
{
	if (!thread->signals.has_saved)
		return;
	thread->signals.has_saved = false;
	signal_mask_set(thread, thread->signals.saved_blocked);
}
