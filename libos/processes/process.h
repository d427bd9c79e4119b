/* A process: what its threads share. Everything that links processes together (parents, children,
 * groups, sessions, thread lists, zombies) is guarded by process_table_lock. */
#ifndef LIBOS_PROCESSES_PROCESS_H
#define LIBOS_PROCESSES_PROCESS_H

#include "libos/core/wait.h"
#include "libos/processes/thread.h"

struct mm;
struct fd_table;
struct fs_context;
struct program;
struct terminal;

#define RLIMIT_COUNT 16
struct rlimit_pair {
	uint64_t soft, hard; /* UINT64_MAX = infinity */
};

enum process_state { PROCESS_ALIVE, PROCESS_ZOMBIE, PROCESS_REAPED };

struct process {
	int32_t pid; /* = tid of the leader */
	int32_t reference_count;
	enum process_state state;
	struct list link; /* process_table */

	struct process *parent; /* NULL for pid 1 */
	int32_t parent_tid;     /* which thread of it, for __WNOTHREAD */
	struct list children, sibling;
	struct list threads; /* struct thread.in_process */
	uint32_t thread_count;
	struct thread *leader; /* stays until the process is reaped */
	int32_t pgid, sid;
	struct terminal *terminal;  /* the controlling one, referenced; NULL: none */
	int32_t terminal_old_group; /* a session leader's: in the foreground when it was hung up */
	struct wait_queue child_events; /* wait4(2) sleeps here */
	struct wait_queue exit_events;  /* pidfd poll */
	int exit_signal; /* sent to the parent at the end; SIGCHLD unless clone said otherwise */
	int wait_status; /* the leader's once it is gone; the process's once a zombie */
	bool is_subreaper, dumpable, did_exec;
	bool no_huge_pages;  /* PR_SET_THP_DISABLE: kept and inherited, without effect */
	struct vfork *vfork; /* its parent waits for its exec or exit; libos/processes/clone.c */
	int32_t parent_death_signal;

	/* NULL in a zombie. Replaced under process_table_lock, for those who look from outside. */
	struct mm *mm;
	struct fd_table *files;
	struct fs_context *fs;
	struct signal_process signals;
	struct rlimit_pair limits[RLIMIT_COUNT]; /* under process_table_lock for writing */

	/* CPU time of threads gone, and of waited-for children, ns. What of the process's whole
	 * time is the system's as of the last look, and what was told to be its own. */
	uint64_t dead_ns, children_user_ns, children_system_ns;
	uint64_t system_ns, user_ns;
	uint64_t start_ns;
	uint64_t fault_count, peak_bytes; /* as of the last look; see rusage_note_peak */
	uint64_t children_peak_bytes, children_fault_count;
	struct timers *timers;                       /* setitimer, timer_create; libos/time */
	struct key *session_keyring, *keyring;       /* NULL: none; libos/processes/keyrings.h */
	struct semaphore_undo_list *semaphore_undos; /* NULL: none; libos/ipc/semaphore.h */

	/* exec's view, for /proc */
	struct program *program; /* referenced; NULL before the first exec */
	uint64_t arguments_start, arguments_end, environment_start, environment_end;
	uint64_t auxv_start;
	uint32_t auxv_size;
	uint32_t personality;
	int32_t oom_score_adj;
	uint32_t login_uid, login_session;       /* LOGIN_NOBODY: nobody has logged in */
	struct attestation_request *attestation; /* NULL: none; libos/files/attestation.h */
	struct execution *execution;             /* the host asked for it while the enclave ran;
						    libos/requests.c */
};

#define LOGIN_NOBODY UINT32_MAX

extern int32_t process_last_pid; /* /proc/sys/kernel/ns_last_pid: the next one is above it */
extern uint32_t process_limit;   /* processes and threads together */
extern struct lock process_table_lock;
extern struct list process_table;
extern struct process *process_init; /* pid 1 */

/* Empty, unlisted. @actions (NULL: no memory) are taken over. NULL: no memory. */
MUST_CHECK struct process *process_new(struct signal_actions *actions);
struct process *process_find(int32_t pid); /* process_table_lock held; zombies too */
/* Into and out of process_table, and to another group or session. (table locked) */
void process_list(struct process *process);
void process_unlist(struct process *process);
void process_set_groups(struct process *process, int32_t pgid, int32_t sid);
/* Another one is stopped, or one no longer; does any process of the enclave have stopped? */
void process_count_stopped(int change);
bool process_any_is_stopped(void);
struct process *process_ref(struct process *process);
void process_unref(struct process *process);
/* Start @thread, the only one of a process of which nobody knows yet, in an empty address space: a
 * child of @parent, in a session of its own. -EAGAIN: there are too many. */
MUST_CHECK int process_start(struct thread *thread, struct process *parent);
/* The vfork parent of @process, if any, goes on. */
void process_vfork_done(struct process *process);
/* End the calling thread; the last one ends the process. @status: wait(2) encoding, if it is the
 * last and no group exit has been decided. */
NORETURN void process_thread_exit(struct thread *thread, int status);
/* exec: end all other threads of the calling process and wait until they are gone. -EAGAIN: another
 * thread was first (the caller is dying). */
MUST_CHECK int process_become_single_threaded(struct thread *thread);
/* Strings, one after the other. */
struct exec_vector {
	uint32_t count;
	size_t size;   /* bytes, NULs included */
	char *strings; /* heap */
};
/* Load a program into the calling process, as execve(2): on success the frame is the new program's.
 * The vectors' strings are taken over whatever comes of it. */
MUST_CHECK int process_exec(struct thread *thread, const char *path, struct exec_vector *arguments,
	struct exec_vector *environment);

/* May @from signal @target (kill(2); a process's leader stands for it), or inspect it (ptrace(2)
 * access)? Process table locked. */
bool process_may_signal(const struct thread *from, const struct thread *target, int signo);
bool process_may_inspect(const struct thread *thread, struct process *target);

#endif
