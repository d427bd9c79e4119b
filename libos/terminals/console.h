/* A terminal whose far side is a pair of descriptors of the host: what `casemate run -t` gives a
 * program. DESIGN.md, "The host's terminal", says why it is made so.
 *
 * To start a process on one (the caller is that process, a session leader not yet running):
 *
 *	r = console_new(in_fd, out_fd, &console);
 *	r = r ? r : console_start(console, process);
 *	...
 *	console_resize(console);	// the host says that its window has changed
 *	...
 *	console_drain(console);	// the program has ended: what it wrote goes out
 *	console_free(console);
 */
#ifndef LIBOS_TERMINALS_CONSOLE_H
#define LIBOS_TERMINALS_CONSOLE_H

#include "base/compiler.h"

struct console;
struct process;
struct terminal;

/* @in_fd: read from, -1: there is no input. @out_fd: written to. Both stay the caller's, open until
 * console_free returns. The window is as large as the host's. */
MUST_CHECK int console_new(int in_fd, int out_fd, struct console **ret_console);
/* Descriptors 0, 1, 2 of @process, whose session it controls from now on. */
MUST_CHECK int console_start(struct console *console, struct process *process);
/* Take the size of the host's window. */
void console_resize(struct console *console);
/* Wait until the host has what was written, if it takes it. */
void console_drain(struct console *console);
/* The host is no longer there: hang up. Waits until no descriptor is used any more. */
void console_free(struct console *console);

/* The first process's, made at the start; NULL: it has none. */
MUST_CHECK int console_make_first(int in_fd, int out_fd, struct process *process);
struct console *console_first(void);
struct terminal *console_terminal(void); /* of the same; not referenced, lives as long as we do */

#endif
