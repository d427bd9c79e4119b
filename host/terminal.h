/* The user's terminal, while a program inside has one of its own: raw, so that each key goes
 * inside, and given back as it was however the calling process ends. */
#ifndef HOST_TERMINAL_H
#define HOST_TERMINAL_H

#include "base/compiler.h"

/* Make @fd raw until host_terminal_restore, the end of the process by exit(3), or a signal that can
 * be caught and that has no handler yet; while the process is stopped it is as it was before. One
 * at a time. 0; -ENOTTY: not a terminal. */
MUST_CHECK int host_terminal_make_raw(int fd);
/* As it was before. Nothing if it is not raw. Async-signal-safe. */
void host_terminal_restore(void);
/* The process is about to stop: as it was before until it goes on. Async-signal-safe. */
void host_terminal_suspend(void);
void host_terminal_resume(void);

#endif
