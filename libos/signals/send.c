/* Sending signals and choosing who gets them. */
#include <asm/errno.h>
#include <asm/signal.h>
#include <asm-generic/siginfo.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/processes/process.h"
#include "libos/syscalls/trace.h"
#include "libos/time/timers.h"

#define SIGNAL_QUEUE_MAX 4096 /* signals waiting in one queue, whatever RLIMIT_SIGPENDING says */
#define RLIMIT_SIGPENDING 11

#define SET_STOP                                                                                   \
	(SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))
#define SET_IGNORED_BY_DEFAULT                                                                     \
	(SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGCONT) | SIGNAL_BIT(SIGWINCH) | SIGNAL_BIT(SIGURG))
#define SET_CORE                                                                                   \
	(SIGNAL_BIT(SIGQUIT) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) | SIGNAL_BIT(SIGABRT) |    \
		SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGSEGV) |                    \
		SIGNAL_BIT(SIGXCPU) | SIGNAL_BIT(SIGXFSZ) | SIGNAL_BIT(SIGSYS))
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

/* What no entry can be had for is still pending; its sender is told only if it asked for a queue.
 */
static int queue_add(
	struct signal_queue *queue, int signo, const struct signal_info *info, uint64_t limit)
{
	bool by_kernel = !is_realtime(signo) && (!info || info->code >= 0);
	struct signal_entry *entry = NULL;

	if (!is_realtime(signo) && (queue->pending & SIGNAL_BIT(signo)))
		return 0; /* standard signals do not queue */
	if (queue->count < (by_kernel ? SIGNAL_QUEUE_MAX : MIN(limit, SIGNAL_QUEUE_MAX)))
		entry = heap_alloc(sizeof(*entry));
	if (entry) {
		if (info)
			entry->info = *info;
		else
			entry->info.code = SI_KERNEL;
		entry->info.signo = signo;
		list_add_tail(&queue->entries, &entry->link);
		queue->count++;
	} else if (is_realtime(signo) && info && info->code != SI_USER) {
		return -EAGAIN;
	}
	queue->pending |= SIGNAL_BIT(signo);
	return 0;
}

static bool is_ignored(struct process *process, struct thread *thread, int signo)
{
	const struct signal_action *action = &process->signals.actions->of[signo - 1];

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

static void tell_parent(struct process *process, int code, int signo)
{
	struct process *parent = process->parent;
	struct signal_info info = {.code = code};

	if (!parent)
		return;
	info.child.pid = process->pid;
	info.child.uid = process->leader->credentials.uid;
	info.child.status = signo;
	if (!(parent->signals.actions->of[SIGCHLD - 1].flags & SA_NOCLDSTOP))
		(void)!signal_send_process_locked(parent, SIGCHLD, &info);
	wait_wake(&parent->child_events, 0);
}

void signal_stop_check(struct process *process)
{
	struct signal_process *signals = &process->signals;

	if (!signals->stopped || signals->stop_told ||
		signals->stopped_count < process->thread_count)
		return;
	signals->stop_told = true;
	signals->stop_reported = false;
	tell_parent(process, CLD_STOPPED, (int)signals->stop_signal);
}

void signal_stop(struct process *process, int signo)
{
	struct signal_process *signals = &process->signals;

	LOCK_SCOPE(&process_table_lock);
	lock_acquire(&signals->lock);
	if (signals->stop_wanted && !signals->stopped) {
		signals->stop_wanted = false;
		signals->stop_signal = (uint32_t)signo;
		signals->stop_reported =
			true; /* nothing to report until all threads have seen it */
		signals->stop_told = signals->continued = false;
		__atomic_store_n(&signals->stopped, true, __ATOMIC_SEQ_CST);
		process_count_stopped(1);
		wake_all(process);
	}
	lock_release(&signals->lock);
}

/* SIGCONT and the stop signals act when sent, before anyone handles them (signal(7)). Whether a
 * stop has come to its end by this. */
static bool send_job_control(struct process *process, int signo)
{
	struct signal_process *signals = &process->signals;
	struct thread *thread;
	signal_set gone = 0;
	bool was_stopped = signals->stopped;

	if (signo == SIGCONT || signo == SIGKILL)
		gone = SET_STOP;
	else if (SIGNAL_BIT(signo) & SET_STOP)
		gone = SIGNAL_BIT(SIGCONT);
	if (!gone)
		return false;
	queue_remove(&signals->queue, gone);
	LIST_FOR_EACH (thread, &process->threads, in_process)
		queue_remove(&thread->signals.queue, gone);
	if (gone != SET_STOP)
		return false;
	/* A thread that has just taken a stop signal off its queue is too late. */
	signals->stop_wanted = false;
	signals->stop_reported = false;
	__atomic_store_n(&signals->stopped, false, __ATOMIC_SEQ_CST);
	if (was_stopped)
		process_count_stopped(-1);
	if (signo == SIGCONT && was_stopped)
		signals->continued = true;
	wake_all(process);
	return signo == SIGCONT && was_stopped;
}

static bool wants(const struct thread *thread, int signo)
{
	return !thread->exiting && !(thread->signals.blocked & SIGNAL_BIT(signo));
}

/* The first thread of the process, as Linux, or else any that does not block it. */
static struct thread *choose_thread(struct process *process, int signo)
{
	struct thread *thread;

	if (wants(process->leader, signo))
		return process->leader;
	LIST_FOR_EACH (thread, &process->threads, in_process)
		if (wants(thread, signo))
			return thread;
	return NULL;
}

/* Does it end the process, whoever takes it, with nothing to be done before? A stopped process dies
 * only of SIGKILL until it continues. */
static bool is_fatal(const struct process *process, const struct thread *thread, int signo)
{
	const struct signal_process *signals = &process->signals;

	if (signo == SIGKILL)
		return true;
	return thread && wants(thread, signo) && !signals->stopped &&
	       signals->actions->of[signo - 1].handler == (uintptr_t)SIG_DFL &&
	       !(SIGNAL_BIT(signo) & (SET_STOP | SET_CORE | SET_IGNORED_BY_DEFAULT));
}

static void group_exit(struct process *process, int status)
{
	struct signal_process *signals = &process->signals;

	if (signals->group_exiting)
		return;
	signals->group_exit_status = status;
	__atomic_store_n(&signals->group_exiting, true, __ATOMIC_SEQ_CST);
}

/* Queue it, or end the process at once: that also ends sleeps that only a kill may end. (signals
 * locked) */
static int send_one(struct process *process, struct thread *only, struct thread *thread, int signo,
	const struct signal_info *info)
{
	struct signal_process *signals = &process->signals;
	int r;

	if (is_fatal(process, thread, signo)) {
		if (UNLIKELY(trace_enabled) && signo != SIGKILL && info)
			trace_signal(thread, signo, info);
		group_exit(process, signo);
		wake_all(process);
		return 0;
	}
	r = queue_add(only ? &only->signals.queue : &signals->queue, signo, info,
		process->limits[RLIMIT_SIGPENDING].soft);
	if (!r && thread && wants(thread, signo))
		thread_interrupt(thread);
	return r;
}

static int send(
	struct process *process, struct thread *only, int signo, const struct signal_info *info)
{
	struct signal_process *signals = &process->signals;
	struct thread *thread;
	bool continues, ignored;
	int r = 0;

	if (process->state != PROCESS_ALIVE)
		return 0;
	lock_acquire(&signals->lock);
	continues = send_job_control(process, signo);
	thread = only ? only : choose_thread(process, signo);
	ignored = is_ignored(process, thread ? thread : process->leader, signo);
	if (!ignored)
		r = send_one(process, only, thread, signo, info);
	lock_release(&signals->lock);
	if (!ignored)
		wait_wake(&signals->arrivals, 0);
	if (continues)
		tell_parent(process, CLD_CONTINUED, SIGCONT);
	return r;
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
	LOCK_SCOPE(&process_table_lock);
	return send(thread->process, thread, signo, info);
}

int signal_send_thread_locked(struct thread *thread, int signo, const struct signal_info *info)
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
	struct signal_action *action = &signals->actions->of[signo - 1];
	bool was_blocked = thread->signals.blocked & SIGNAL_BIT(signo);

	lock_acquire(&signals->lock);
	if (was_blocked || action->handler == (uintptr_t)SIG_IGN)
		action->handler = (uintptr_t)SIG_DFL;
	thread->signals.blocked &= ~SIGNAL_BIT(signo);
	queue_remove(&thread->signals.queue, SIGNAL_BIT(signo));
	(void)!queue_add(&thread->signals.queue, signo, info, SIGNAL_QUEUE_MAX);
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

static int dequeue_any(struct thread *thread, signal_set set, struct signal_info *ret_info)
{
	struct signal_process *signals = &thread->process->signals;
	int signo;

	LOCK_SCOPE(&signals->lock);
	signo = dequeue(&thread->signals.queue, set, ret_info);
	if (!signo)
		signo = dequeue(&signals->queue, set, ret_info);
	if (signo && (SIGNAL_BIT(signo) & SET_STOP))
		signals->stop_wanted = true;
	return signo;
}

int signal_dequeue(struct thread *thread, signal_set set, struct signal_info *ret_info)
{
	int signo = dequeue_any(thread, set, ret_info);

	if (signo && ret_info->code == SI_TIMER)
		timers_signal_taken(thread->process, ret_info);
	return signo;
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

void signal_group_exit(struct process *process, int status)
{
	LOCK_SCOPE(&process_table_lock);
	lock_acquire(&process->signals.lock);
	group_exit(process, status);
	lock_release(&process->signals.lock);
	wake_all(process);
}

void signal_retarget(struct thread *thread, signal_set set)
{
	struct process *process = thread->process;
	struct thread *other;

	set &= __atomic_load_n(&process->signals.queue.pending, __ATOMIC_ACQUIRE);
	if (!set)
		return;
	LIST_FOR_EACH (other, &process->threads, in_process)
		if (other != thread && !other->exiting && (set & ~other->signals.blocked))
			thread_interrupt(other);
}

void signal_mask_set(struct thread *thread, signal_set mask)
{
	struct process *process = thread->process;
	signal_set more, left;

	mask &= ~SET_UNBLOCKABLE;
	if (mask == thread->signals.blocked) /* nobody else changes it */
		return;
	lock_acquire(&process->signals.lock);
	more = mask & ~thread->signals.blocked;
	thread->signals.blocked = mask;
	left = more & process->signals.queue.pending;
	lock_release(&process->signals.lock);
	if (UNLIKELY(left)) {
		/* Sent to the process when this thread would have taken it. */
		LOCK_SCOPE(&process_table_lock);
		signal_retarget(thread, left);
	}
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
