/* Timers of processes (setitimer(2), alarm(2), timer_create(2)) and the service they run on: one
 * sorted queue of deadlines, served by the enclave's own thread (libos/time/service.c). */
#ifndef LIBOS_TIME_TIMERS_H
#define LIBOS_TIME_TIMERS_H

#include "base/list.h"

struct process;
struct signal_info;

/* A deadline with a call: run on the service's thread, without locks held. */
struct deadline {
	struct list link;
	uint64_t when_ns; /* monotonic */
	void (*expire)(struct deadline *deadline);
	bool armed;
};

void deadline_arm(struct deadline *deadline, uint64_t when_ns); /* re-arms if armed */
/* When it returns, expire is not running and will not run. Not from within expire. */
void deadline_cancel(struct deadline *deadline);

/* The last thread of @process is gone, or it executes a program (timers_exec keeps itimers). */
void timers_exit(struct process *process);
void timers_exec(struct process *process);

/* A thread of @process has taken @info, a timer's signal. Without locks. */
void timers_signal_taken(struct process *process, const struct signal_info *info);

/* The process has a limit on its CPU time (RLIMIT_CPU): look after it. Best effort. */
void timers_watch_cpu(struct process *process);

/* Start the service thread; once, at boot. */
MUST_CHECK int timers_init(void);

#endif
