/* Signals: signal(7), sigaction(2). Numbers and layouts are the x86-64 kernel's. */
#ifndef LIBOS_SIGNALS_SIGNAL_H
#define LIBOS_SIGNALS_SIGNAL_H

#include "base/list.h"
#include "libos/core/wait.h"

#define SIGNAL_COUNT 64
typedef uint64_t signal_set; /* bit n-1 = signal n */
#define SIGNAL_BIT(n) (1ULL << ((n)-1))
#define SIGNAL_STACK_ONSTACK 1 /* sigaltstack(2) */
#define SIGNAL_STACK_DISABLE 2

/* In-kernel results of an interrupted call; the exit path turns them into a restart or -EINTR. */
#define ERESTARTSYS 512           /* restart if the handler has SA_RESTART, or no handler */
#define ERESTARTNOINTR 513        /* always restart */
#define ERESTARTNOHAND 514        /* restart only if no handler ran */
#define ERESTART_RESTARTBLOCK 516 /* as NOHAND, but by restart_syscall with thread->restart */

/* siginfo_t as the program sees it: 128 bytes (asm-generic/siginfo.h). */
struct signal_info {
	int32_t signo, err, code, pad;
	union {
		uint8_t bytes[112];
		struct {
			int32_t pid;
			uint32_t uid;
			uint64_t value;
		} queue;
		struct {
			int32_t pid;
			uint32_t uid;
			int32_t status, pad;
			int64_t utime, stime;
		} child;
		struct {
			uint64_t addr;
			int16_t addr_lsb;
		} fault;
		struct {
			int64_t band;
			int32_t fd;
		} poll;
		struct {
			int32_t id, overrun;
			uint64_t value;
		} timer;
		struct {
			uint64_t call_addr;
			int32_t syscall;
			uint32_t arch;
		} sys;
	};
};
_Static_assert(sizeof(struct signal_info) == 128, "ABI");

/* struct kernel_sigaction */
struct signal_action {
	uint64_t handler; /* 0 default, 1 ignore */
	uint64_t flags;
	uint64_t restorer;
	signal_set mask;
};

struct signal_queue {
	signal_set pending;
	struct list entries; /* struct signal_entry; standard signals at most once each */
	uint32_t count;
};

/* What is done about each signal: of a process, or of several by CLONE_SIGHAND. Its lock is taken
 * for whole actions; single members may be read without. */
struct signal_actions {
	int32_t reference_count;
	struct lock lock; /* inside signal_process.lock */
	struct signal_action of[SIGNAL_COUNT];
};

/* Of a process; shared by its threads. */
struct signal_process {
	struct lock lock; /* guards shared queue, and its threads' queues and masks */
	struct signal_actions *actions;
	struct signal_queue queue;
	struct wait_queue arrivals; /* signalfd, sigtimedwait */
	int group_exit_status;      /* wait status once group_exiting */
	bool group_exiting;
	/* Job control. A thread that has taken a stop signal asks for the stop unless SIGCONT came
	 * in between (stop_wanted); each thread stops on its way to the program; the parent is told
	 * when all have. */
	bool stop_wanted, stopped, stop_told;
	uint32_t stopped_count, stop_signal;
	bool stop_reported, continued; /* for wait(2) */
};

/* Of a thread. */
struct signal_thread {
	signal_set blocked;
	signal_set saved_blocked; /* restored by the exit path when has_saved (sigsuspend, ppoll) */
	bool has_saved;
	struct signal_queue queue;
	uint64_t altstack_base, altstack_size;
	uint32_t altstack_flags;
};

struct process;
struct thread;

/* Send. @info NULL: as from the kernel (SI_KERNEL). 0, -EAGAIN queue full (only for realtime
 * signals from sigqueue). Ignored signals are dropped here. Takes the target's signal lock. */
int signal_send_process(struct process *process, int signo, const struct signal_info *info);
int signal_send_process_locked(/* process table held */
	struct process *process, int signo, const struct signal_info *info);
int signal_send_thread(struct thread *thread, int signo, const struct signal_info *info);
int signal_send_thread_locked(struct thread *thread, int signo, const struct signal_info *info);
/* A signal of POSIX timer @id is still queued: it counts @more expirations more, and true. */
bool signal_timer_again(
	struct process *process, struct thread *thread, int signo, int32_t id, int32_t more);
/* A fault of the calling thread: cannot be blocked or ignored (the process dies instead). */
void signal_force(int signo, const struct signal_info *info);
/* The fault in thread->fault becomes the signal it says (forced). */
void signal_fault(struct thread *thread);
/* Something the calling thread should go and deliver (not blocked, not ignored)? */
bool signal_is_pending(struct thread *thread);
/* The whole process is to end with @status (wait(2) encoding); every thread sees it at its next
 * exit. */
void signal_group_exit(struct process *process, int status);
/* Stop all threads of the process, which one of them has been told by @signo. */
void signal_stop(struct process *process, int signo);
/* Tell the parent if all threads have stopped now. (process table locked) */
void signal_stop_check(struct process *process);
/* @thread will not take what is pending of @set for its process: whoever would may. (process table
 * locked) */
void signal_retarget(struct thread *thread, signal_set set);
/* The action for a signal about to be acted on; SA_RESETHAND has been seen to. */
struct signal_action signal_action_take(struct process *process, int signo);
/* Change the calling thread's mask for good; newly unblocked signals are seen at exit. */
void signal_mask_set(struct thread *thread, signal_set mask);
/* Drop all queued entries. */
void signal_queue_flush(struct signal_queue *queue);
/* Take the first pending signal in @set off the thread's or its process's queue: 0 = none. */
int signal_dequeue(struct thread *thread, signal_set set, struct signal_info *ret_info);
/* Drop what is pending of a signal that is now ignored. */
void signal_discard(struct process *process, int signo);
/* exec: handlers become the default, ignored ones stay. */
void signal_reset_handlers(struct process *process);
/* New ones, all default, or like @like; NULL: no memory. */
MUST_CHECK struct signal_actions *signal_actions_new(struct signal_actions *like);
struct signal_actions *signal_actions_ref(struct signal_actions *actions);
void signal_actions_unref(struct signal_actions *actions);
/* exec: the process has actions that no other shares. 0 or -ENOMEM. */
MUST_CHECK int signal_actions_unshare(struct process *process);
/* Replace the mask until the call returns to the program (sigsuspend, ppoll, epoll_pwait). */
void signal_mask_temporary(struct thread *thread, signal_set mask);
/* Restore it right away: the call did not sleep through to a signal. */
void signal_mask_restore(struct thread *thread);
/* The exit path's part: deliver what is pending; called with the program's frame complete. */
void signal_deliver(struct thread *thread);

#endif
