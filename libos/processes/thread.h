/* A thread of a program: one host thread, one kernel stack, one register frame. */
#ifndef LIBOS_PROCESSES_THREAD_H
#define LIBOS_PROCESSES_THREAD_H

#include "base/list.h"
#include "libos/core/lock.h"
#include "libos/processes/credentials.h"
#include "libos/processes/sched.h"
#include "libos/signals/signal.h"

/* The program's registers while it is in the LibOS; the order of struct pt_regs in the kernel. */
struct frame {
	uint64_t r15, r14, r13, r12, rbp, rbx;
	uint64_t r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	uint64_t orig_rax; /* system call number, or UINT64_MAX: came in by a fault or an interrupt
			    */
	uint64_t rip, cs, rflags, rsp, ss;
};

/* What entry code reads through %gs; the offsets are known to platform assembly. */
struct thread_block {
	struct thread *thread;  /* 0x00 */
	uint64_t syscall_entry; /* 0x08: PATCH_ENTRY_GS_OFFSET */
	uint64_t stack_top;     /* 0x10 */
	uint32_t pending;       /* 0x18: look at exit work before going back to the program */
	uint32_t reserved;
	struct frame frame; /* 0x20 */
};

struct process;
struct wait_queue;

struct thread {
	struct thread_block block; /* first: %gs points here */
	struct process *process;
	struct list in_process; /* process->threads, under the process table's lock */
	int32_t tid;
	struct thread *hash_next; /* by tid */

	/* Sleeping (libos/core/wait.c): 0 awake, 1 woken, 2 asleep on it. */
	uint32_t wake;
	uint32_t waker_cpu;                    /* platform_cpu_hint() of who woke it last */
	uint32_t spins_failed, spins_left_out; /* of looking before sleeping */

	/* Changed by the thread itself only; but seccomp(2) may set no_new_privs for all. */
	struct credentials credentials;
	uint32_t seccomp_mode;                 /* SECCOMP_MODE_*, */
	struct seccomp_filter *seccomp_filter; /* and filters: under the process table's lock */
	struct landlock_domain *landlock;      /* referenced; NULL: none; set by itself */
	struct signal_thread signals;

	uint64_t clear_child_tid; /* user address or 0; set_tid_address(2) */
	uint64_t robust_list;     /* user address or 0; set_robust_list(2) */
	uint64_t rseq_area;
	uint32_t rseq_signature;
	char name[16]; /* comm */
	bool exiting;
	uint64_t new_fs_base;   /* clone: CLONE_SETTLS, */
	uint64_t new_child_tid; /* CLONE_CHILD_SETTID: set by the child itself */
	bool sets_fs_base, is_fork;
	uint64_t start_ns;                               /* monotonic */
	uint64_t timer_slack_ns, timer_slack_default_ns; /* prctl(2), PR_SET_TIMERSLACK */
	struct key *keyring;     /* NULL: none; libos/processes/keyrings.h */
	int32_t key_destination; /* KEYCTL_SET_REQKEY_KEYRING */
	struct thread_schedule schedule;
	uint32_t memory_policy; /* set_mempolicy(2): MPOL_*, */
	bool memory_policy_has_node;
	uint64_t sleep_state; /* 0 running, 'S' sleeping, for /proc */
	struct restart {      /* restart_syscall(2) */
		long (*resume)(struct thread *thread);
		uint64_t deadline_ns, arguments[5];
	} restart;
	struct fault { /* the last fault in program code */
		int signo, code;
		uint64_t address, trap, error, cr2;
	} fault;
	void (*start)(struct thread *thread); /* first thing it does; NULL: go to the program */
	struct service *service;              /* of the LibOS's own; libos/processes/service.c */
	uint64_t trace_start_ns;              /* libos/syscalls/trace.c */
	struct trace_exec *trace_exec;        /* heap */
	struct exec *exec;                    /* a program being loaded; libos/processes/exec.c */
	struct platform_thread *platform;     /* the back end's part */
	uint32_t stack_free;   /* set by the platform once the host thread is off its stack */
	struct list dead_link; /* waiting for that */
};

#if defined(CASEMATE_HOSTED)
extern struct thread *thread_current_hosted;
static inline struct thread *thread_current(void)
{
	return thread_current_hosted;
}
#else
static inline struct thread *thread_current(void)
{
	struct thread *thread;

	__asm__("movq %%gs:0, %0" : "=r"(thread));
	return thread;
}
#endif

#define PID_MAX 32768 /* /proc/sys/kernel/pid_max */

/* A thread of @process, not numbered, listed or started yet. NULL: no memory. */
MUST_CHECK struct thread *thread_new(struct process *process);
void thread_free(struct thread *thread); /* one that never started */

/* With the process table locked: */
struct thread *thread_find(int32_t tid);
void thread_number(struct thread *thread); /* give it a tid and make it findable */
void thread_unnumber(struct thread *thread);
void thread_renumber(struct thread *thread, int32_t tid); /* after thread_unnumber */
void thread_bury(struct thread *thread); /* freed once its host thread is off its stack */

#endif
