/* Parents, groups and sessions: what exit and wait need of each other. Process table locked. */
#ifndef LIBOS_PROCESSES_TREE_H
#define LIBOS_PROCESSES_TREE_H

#include "base/compiler.h"

struct process;
struct thread;

/* Remove a zombie; its times go to its parent. */
void process_reap(struct process *process);
/* @process is ending, or @child just got another parent instead of the ending @parent: a group that
 * becomes orphaned by this and has a stopped member gets SIGHUP and SIGCONT. */
void process_tie_lost_by_exit(struct process *process);
void process_tie_lost_to(struct process *parent, struct process *child);
/* A signal of the kernel to all of a group; 0: to nobody. */
void process_group_signal(int32_t pgid, int signo);
/* Has no member of the caller's group a parent in another group of the session? Takes the lock. */
bool process_group_is_orphaned(struct process *process);
/* After exec in a thread that is not the leader: it takes over the leader's number. Takes the lock.
 */
void process_take_leadership(struct thread *thread);
/* One fewer thread in the enclave. */
void thread_unlink_count(void);

#endif
