/* What the files of the simulation back end share. */
#ifndef PLATFORM_SIMULATION_SIMULATION_H
#define PLATFORM_SIMULATION_SIMULATION_H

#include "abi/launch.h"
#include "libos/processes/thread.h"
#include "platform/platform.h"

/* One run of the pool per thread: whose it is, signal stack of the host's, kernel stack. */
#define SIMULATION_STACK_SIZE (64UL * 1024)
#define SIMULATION_SIGNAL_STACK_END (16UL * 1024)
struct stack_head {
	struct thread *thread;
	uint8_t signal_stack[];
};

struct platform_thread {
	int32_t host_tid, host_pid;
	bool new_process; /* starts in an address space of its own */
	bool clear_space; /* … and empties it first */
	uint8_t *stack;   /* SIMULATION_STACK_SIZE bytes of the pool */
	uint32_t left;    /* set when the host thread is off this stack, after a move */
	struct platform_thread *previous; /* what the thread moved from */
};

extern struct launch simulation_launch; /* the checked copy; `live` in it is not used */
extern struct launch_live *simulation_live;

void simulation_traps_init(void);     /* host signal handlers, for the whole process */
void simulation_filter_install(void); /* from here on only host_syscall* reach the host */
void simulation_thread_adopt(struct thread *thread); /* make the calling host thread this one */
/* %gs, of the calling thread. Was it another? */
bool simulation_segment_restore(struct thread *thread);
MUST_CHECK int simulation_signals_block(uint64_t *ret_old);
void simulation_signals_restore(uint64_t old);

/* C side of entry.S */
void simulation_start(struct launch *untrusted_launch);
void simulation_thread_main(struct thread *thread);
void simulation_syscall_entry(void);
void simulation_syscall_trap(void);
void simulation_fault_trap(void);
void return_to_program(void);
extern const char return_to_program_end[];

#endif
