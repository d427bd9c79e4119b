/* What processes do about signals: the table that sigaction(2) changes. */
#include <asm/errno.h>
#include <asm/signal.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/processes/process.h"

struct signal_actions *signal_actions_new(struct signal_actions *like)
{
	struct signal_actions *actions = heap_alloc(sizeof(*actions));

	if (!actions)
		return NULL;
	actions->reference_count = 1;
	if (like) {
		LOCK_SCOPE(&like->lock);
		memcpy(actions->of, like->of, sizeof(actions->of));
	}
	return actions;
}

struct signal_actions *signal_actions_ref(struct signal_actions *actions)
{
	__atomic_add_fetch(&actions->reference_count, 1, __ATOMIC_RELAXED);
	return actions;
}

void signal_actions_unref(struct signal_actions *actions)
{
	if (actions && !__atomic_sub_fetch(&actions->reference_count, 1, __ATOMIC_ACQ_REL))
		heap_free(actions);
}

int signal_actions_unshare(struct process *process)
{
	struct signal_actions *shared = process->signals.actions, *own;

	if (__atomic_load_n(&shared->reference_count, __ATOMIC_ACQUIRE) == 1)
		return 0;
	own = signal_actions_new(shared);
	if (!own)
		return -ENOMEM;
	/* Who reads them holds one of these: senders, /proc, or a thread of the process. */
	lock_acquire(&process_table_lock);
	lock_acquire(&process->signals.lock);
	process->signals.actions = own;
	lock_release(&process->signals.lock);
	lock_release(&process_table_lock);
	signal_actions_unref(shared);
	return 0;
}

void signal_reset_handlers(struct process *process)
{
	LOCK_SCOPE(&process->signals.actions->lock);
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		struct signal_action *action = &process->signals.actions->of[i];
		bool ignored = action->handler == (uintptr_t)SIG_IGN;

		*action = (struct signal_action){.handler = ignored ? (uintptr_t)SIG_IGN : 0};
	}
}

struct signal_action signal_action_take(struct process *process, int signo)
{
	struct signal_action *place = &process->signals.actions->of[signo - 1], action;

	LOCK_SCOPE(&process->signals.actions->lock);
	action = *place;
	if ((action.flags & SA_RESETHAND) && action.handler != (uintptr_t)SIG_IGN)
		place->handler = (uintptr_t)SIG_DFL;
	return action;
}
