/* SEM_UNDO: what a process did to semaphores is taken back when it ends. */
#include <asm/errno.h>

#include "libos/core/heap.h"
#include "libos/ipc/semaphore.h"
#include "libos/processes/process.h"

int semaphore_undo_prepare(void)
{
	struct process *process = thread_current()->process;
	struct semaphore_undo_list *list = heap_alloc(sizeof(*list));

	if (!list)
		return -ENOMEM;
	list->reference_count = 1;
	lock_acquire(&semaphore_sets.lock);
	if (!process->semaphore_undos)
		process->semaphore_undos = TAKE(list);
	lock_release(&semaphore_sets.lock);
	heap_free(list);
	return 0;
}

int semaphore_undo_share(struct process *parent, struct process *child)
{
	int r = semaphore_undo_prepare();

	if (r)
		return r;
	LOCK_SCOPE(&semaphore_sets.lock);
	child->semaphore_undos = parent->semaphore_undos;
	child->semaphore_undos->reference_count++;
	return 0;
}

/* Those of sets that are gone are freed here, where the list is walked anyway. */
static void prune(struct semaphore_undo_list *list)
{
	struct semaphore_undo **at = &list->first, *undo;

	while ((undo = *at)) {
		if (undo->set) {
			at = &undo->next_in_list;
			continue;
		}
		*at = undo->next_in_list;
		heap_free(undo);
	}
}

struct semaphore_undo *semaphore_undo_find(struct semaphore_set *set, struct semaphore_undo **spare)
{
	struct semaphore_undo_list *list = thread_current()->process->semaphore_undos;
	struct semaphore_undo *undo;

	prune(list);
	for (undo = list->first; undo; undo = undo->next_in_list)
		if (undo->set == set)
			return undo;
	if ((*spare)->count != set->count)
		return NULL;
	undo = TAKE(*spare);
	undo->set = set;
	undo->next_in_list = list->first;
	list->first = undo;
	undo->next_in_set = set->undos;
	set->undos = undo;
	return undo;
}

void semaphore_undo_forget(struct semaphore_set *set, uint32_t number)
{
	for (struct semaphore_undo *undo = set->undos; undo; undo = undo->next_in_set)
		for (uint32_t i = 0; i < set->count; i++)
			if (i == number || number == UINT32_MAX)
				undo->adjustments[i] = 0;
}

void semaphore_undo_orphan(struct semaphore_set *set)
{
	for (struct semaphore_undo *undo = set->undos; undo; undo = undo->next_in_set)
		undo->set = NULL;
	set->undos = NULL;
}

static void undo_unlink(struct semaphore_undo *undo)
{
	struct semaphore_undo **at = &undo->set->undos;

	while (*at != undo)
		at = &(*at)->next_in_set;
	*at = undo->next_in_set;
}

/* As far as it can be: no process waits for it. */
static void undo_apply(struct semaphore_undo *undo, int32_t pid)
{
	struct semaphore_set *set = undo->set;

	for (uint32_t i = 0; i < set->count; i++) {
		struct semaphore *semaphore = &set->of[i];
		int32_t value = semaphore->value + undo->adjustments[i];

		if (!undo->adjustments[i])
			continue;
		semaphore->value = MIN(MAX(value, 0), SEMAPHORE_VALUE_MAX);
		semaphore->last_pid = pid;
	}
	set->operated_s = ipc_now();
	semaphore_serve(set);
}

void semaphore_undo_exit(struct process *process)
{
	struct semaphore_undo_list *list = process->semaphore_undos;
	struct semaphore_undo *undo;

	if (!list)
		return;
	LOCK_SCOPE(&semaphore_sets.lock);
	process->semaphore_undos = NULL;
	if (--list->reference_count)
		return;
	while ((undo = list->first)) {
		list->first = undo->next_in_list;
		if (undo->set) {
			undo_unlink(undo);
			undo_apply(undo, process->pid);
		}
		heap_free(undo);
	}
	heap_free(list);
}
