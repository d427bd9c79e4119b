/* System V semaphores: semget(2), semop(2), semctl(2). */
#ifndef LIBOS_IPC_SEMAPHORE_H
#define LIBOS_IPC_SEMAPHORE_H

#include <asm/sembuf.h>

#include "base/list.h"
#include "libos/ipc/object.h"

#define SEMAPHORE_SETS_MAX 32000U     /* SEMMNI */
#define SEMAPHORES_MAX 32000U         /* SEMMSL: in a set */
#define SEMAPHORES_TOTAL 1024000000U  /* SEMMNS */
#define SEMAPHORE_OPERATIONS_MAX 500U /* SEMOPM: in a call */
#define SEMAPHORE_VALUE_MAX 32767     /* SEMVMX; SEMAEM, of an adjustment, is one more */

struct process;
struct thread;

struct semaphore_operation { /* struct sembuf */
	uint16_t number;
	int16_t change, flags;
};
#define SEM_UNDO 0x1000

struct semaphore {
	int32_t value, last_pid;
};

/* What a process has to take back from a set when it ends. */
struct semaphore_undo {
	struct semaphore_undo *next_in_list, *next_in_set;
	struct semaphore_set *set; /* NULL: removed */
	uint32_t count;            /* of its semaphores */
	int32_t adjustments[];     /* one for each */
};

/* All of them of a process, or of several by CLONE_SYSVSEM. */
struct semaphore_undo_list {
	int32_t reference_count;
	struct semaphore_undo *first; /* heap */
};

struct semaphore_set {
	struct ipc_object object; /* first */
	int64_t operated_s, changed_s;
	uint32_t count;
	struct list waiters;          /* struct semaphore_waiter.link, first come first */
	struct semaphore_undo *undos; /* next_in_set */
	struct semaphore of[];
};

#define SEMAPHORE_WAITING 1 /* of result: must sleep */

/* A call that cannot be done yet, on its thread's stack. */
struct semaphore_waiter {
	struct list link;
	struct thread *thread;
	const struct semaphore_operation *operations;
	uint32_t count, blocking; /* which one cannot be done */
	struct semaphore_undo *undo;
	int32_t pid, result; /* 0, -errno or SEMAPHORE_WAITING */
	bool alters;
};

extern struct ipc_table semaphore_sets; /* its lock guards all of the above */

/* With it locked: */

/* Do all that @waiter asks for, or nothing: 0, -errno, SEMAPHORE_WAITING. */
int semaphore_try(struct semaphore_set *set, struct semaphore_waiter *waiter);
/* Values have changed: who can go on goes on. */
void semaphore_serve(struct semaphore_set *set);
/* Nothing is left to be taken back of semaphore @number, or of all (UINT32_MAX). */
void semaphore_undo_forget(struct semaphore_set *set, uint32_t number);
/* @set goes: its undos are nobody's. */
void semaphore_undo_orphan(struct semaphore_set *set);
/* The undo of the calling process for @set; @spare is taken (and set NULL) if it is a new one.
 * NULL: that is of another size. */
struct semaphore_undo *semaphore_undo_find(
	struct semaphore_set *set, struct semaphore_undo **spare);

/* Before that, without it: the calling process's list exists. -ENOMEM */
MUST_CHECK int semaphore_undo_prepare(void);
/* clone(2) with CLONE_SYSVSEM: @child shares its parent's. 0 or -ENOMEM */
MUST_CHECK int semaphore_undo_share(struct process *parent, struct process *child);
/* The process ends: what it asked to be undone is. */
void semaphore_undo_exit(struct process *process);

struct text;
struct computed_entry;
int semaphores_show(const struct computed_entry *entry, struct text *text);

#endif
