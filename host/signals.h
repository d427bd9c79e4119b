/* Signals of the launcher: passed on to process 1 of the enclave, or acted on for all of it. */
#ifndef HOST_SIGNALS_H
#define HOST_SIGNALS_H

#include <sys/types.h>

#include "abi/launch.h"

/* Pass on what arrives from now on. Signals that the caller ignores (as under nohup(1)) stay
 * ignored. @live must outlive the process. */
void host_signals_forward(struct launch_live *live);

/* SIGTSTP stops the processes of this session too, SIGCONT continues them. */
void host_signals_stop_with(pid_t session);

/* In a process of the enclave, before the LibOS begins: no signal of the host's but those that the
 * LibOS installs handlers for, and SIGKILL and SIGSTOP, does anything. */
void host_signals_ignore_all(void);

#endif
