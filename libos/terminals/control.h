/* Controlling terminals and job control: credentials(7), ioctl_tty(2), "General Terminal Interface"
 * of POSIX. Who controls whom is guarded by process_table_lock. */
#ifndef LIBOS_TERMINALS_CONTROL_H
#define LIBOS_TERMINALS_CONTROL_H

#include "base/compiler.h"

struct file;
struct process;
struct terminal;

/* May the calling thread read (SIGTTIN) or change (SIGTTOU) its terminal? 0; -EIO: it may not, and
 * nobody could continue it; -ERESTARTSYS: its group has been sent @signo. */
MUST_CHECK int control_check(struct terminal *terminal, int signo);
/* To the foreground group. */
void control_signal(struct terminal *terminal, int signo);
/* The far side is gone. */
void control_hang_up(struct terminal *terminal);

/* open(2) without O_NOCTTY: it becomes the caller's if it can. */
void control_acquire_on_open(struct terminal *terminal, const struct file *file);
/* The first process of a session that is made for a terminal, before it runs. */
void control_start(struct terminal *terminal, struct process *leader);

/* With the process table locked: */
void control_inherit(struct process *child, const struct process *parent);
void control_leave(struct process *process);       /* setsid(2) */
void control_exit_leader(struct process *process); /* any process that ends */
/* For /proc: tty_nr and tpgid of proc(5). */
void control_numbers(const struct process *process, int32_t *ret_device, int32_t *ret_foreground);

/* The calling process's terminal, referenced; NULL: none. */
struct terminal *control_terminal(void);

/* ioctl_tty(2); @real: the caller uses the terminal itself and not its far side. */
MUST_CHECK long control_set(struct terminal *terminal, const struct file *file, uint64_t force);
MUST_CHECK long control_release(struct terminal *terminal);
MUST_CHECK long control_foreground(struct terminal *terminal, bool real, int32_t *ret_group);
MUST_CHECK long control_set_foreground(struct terminal *terminal, int32_t group);
MUST_CHECK long control_session(struct terminal *terminal, bool real, int32_t *ret_session);

#endif
