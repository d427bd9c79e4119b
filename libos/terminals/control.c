#include "libos/terminals/control.h"

#include <asm/signal.h>
#include <linux/capability.h>
#include <linux/errno.h>

#include "libos/files/inode.h"
#include "libos/files/open.h"
#include "libos/processes/process.h"
#include "libos/processes/tree.h"
#include "libos/signals/signal.h"
#include "libos/terminals/terminal.h"

#define NOBODY (-1) /* tpgid of proc(5) */

static bool is_leader(const struct process *process)
{
	return process->sid == process->pid;
}

static void drop(struct process *process)
{
	terminal_unref(TAKE(process->terminal));
}

static void take(struct process *process, struct terminal *terminal)
{
	process->terminal = terminal_ref(terminal);
	process->terminal_old_group = 0;
	terminal->session = process->sid;
	terminal->foreground = process->pgid;
}

/* The session and its terminal are no longer each other's. */
static void part(struct terminal *terminal)
{
	struct process *p;

	LIST_FOR_EACH (p, &process_table, link)
		if (p->terminal == terminal)
			drop(p);
	terminal->session = terminal->foreground = 0;
}

/* ---- Signals ---- */

void control_signal(struct terminal *terminal, int signo)
{
	LOCK_SCOPE(&process_table_lock);
	process_group_signal(terminal->foreground, signo);
}

static bool is_background(struct terminal *terminal, const struct process *self)
{
	LOCK_SCOPE(&process_table_lock);
	return self->terminal == terminal && terminal->foreground &&
	       terminal->foreground != self->pgid;
}

static bool is_ignored(const struct thread *thread, int signo)
{
	return thread->signals.blocked & SIGNAL_BIT(signo) ||
	       thread->process->signals.actions->of[signo - 1].handler == (uintptr_t)SIG_IGN;
}

int control_check(struct terminal *terminal, int signo)
{
	struct thread *thread = thread_current();
	struct process *self = thread->process;

	if (!is_background(terminal, self))
		return 0;
	if (is_ignored(thread, signo))
		return signo == SIGTTIN ? -EIO : 0;
	if (process_group_is_orphaned(self))
		return -EIO;
	lock_acquire(&process_table_lock);
	process_group_signal(self->pgid, signo);
	lock_release(&process_table_lock);
	/* Whichever thread takes the signal: this one's call ends on the way back. */
	thread->block.pending = 1;
	return -ERESTARTSYS;
}

void control_hang_up(struct terminal *terminal)
{
	int32_t foreground;
	struct process *p;

	LOCK_SCOPE(&process_table_lock);
	foreground = terminal->foreground;
	LIST_FOR_EACH (p, &process_table, link) {
		if (p->terminal != terminal || !is_leader(p))
			continue;
		(void)!signal_send_process_locked(p, SIGHUP, NULL);
		(void)!signal_send_process_locked(p, SIGCONT, NULL);
		p->terminal_old_group = foreground;
	}
	part(terminal);
}

/* ---- Processes ---- */

void control_inherit(struct process *child, const struct process *parent)
{
	if (parent->terminal)
		child->terminal = terminal_ref(parent->terminal);
}

void control_leave(struct process *process)
{
	drop(process);
	process->terminal_old_group = 0;
}

void control_exit_leader(struct process *process)
{
	struct terminal *terminal = process->terminal;

	if (!is_leader(process))
		return;
	if (terminal) {
		process_group_signal(terminal->foreground, SIGHUP);
		part(terminal);
	} else if (process->terminal_old_group) {
		process_group_signal(process->terminal_old_group, SIGHUP);
		process_group_signal(process->terminal_old_group, SIGCONT);
	}
	process->terminal_old_group = 0;
}

void control_acquire_on_open(struct terminal *terminal, const struct file *file)
{
	struct process *self = thread_current()->process;

	LOCK_SCOPE(&process_table_lock);
	if (is_leader(self) && !self->terminal && !terminal->session && file_can_read(file))
		take(self, terminal);
}

void control_start(struct terminal *terminal, struct process *leader)
{
	LOCK_SCOPE(&process_table_lock);
	take(leader, terminal);
}

void control_numbers(const struct process *process, int32_t *ret_device, int32_t *ret_foreground)
{
	const struct terminal *terminal = process->terminal;

	*ret_device = terminal ? (int32_t)device_number(TERMINAL_MAJOR, terminal->number) : 0;
	*ret_foreground = terminal ? terminal->foreground : NOBODY;
}

struct terminal *control_terminal(void)
{
	struct process *self = thread_current()->process;

	LOCK_SCOPE(&process_table_lock);
	return self->terminal ? terminal_ref(self->terminal) : NULL;
}

/* ---- ioctl ---- */

long control_set(struct terminal *terminal, const struct file *file, uint64_t force)
{
	struct thread *thread = thread_current();
	struct process *self = thread->process;
	bool is_admin = credentials_can(&thread->credentials, CAP_SYS_ADMIN);

	LOCK_SCOPE(&process_table_lock);
	if (is_leader(self) && terminal->session == self->sid)
		return 0;
	if (!is_leader(self) || self->terminal)
		return -EPERM;
	if (terminal->session && (force != 1 || !is_admin))
		return -EPERM;
	if (!file_can_read(file) && !is_admin)
		return -EPERM;
	part(terminal);
	take(self, terminal);
	return 0;
}

long control_release(struct terminal *terminal)
{
	struct process *self = thread_current()->process;

	LOCK_SCOPE(&process_table_lock);
	if (self->terminal != terminal)
		return -ENOTTY;
	if (!is_leader(self)) {
		drop(self);
		return 0;
	}
	process_group_signal(terminal->foreground, SIGHUP);
	process_group_signal(terminal->foreground, SIGCONT);
	part(terminal);
	return 0;
}

long control_foreground(struct terminal *terminal, bool real, int32_t *ret_group)
{
	LOCK_SCOPE(&process_table_lock);
	if (real && thread_current()->process->terminal != terminal)
		return -ENOTTY;
	*ret_group = terminal->foreground;
	return 0;
}

/* The session of a group, or of the process of that number: 0: neither exists. */
static int32_t session_of(int32_t group)
{
	int32_t session = 0;
	struct process *p;

	LIST_FOR_EACH (p, &process_table, link) {
		if (p->pgid == group)
			return p->sid;
		if (p->pid == group)
			session = p->sid;
	}
	return session;
}

long control_set_foreground(struct terminal *terminal, int32_t group)
{
	struct process *self = thread_current()->process;
	int32_t session;

	LOCK_SCOPE(&process_table_lock);
	if (self->terminal != terminal || terminal->session != self->sid)
		return -ENOTTY;
	if (group < 0)
		return -EINVAL;
	session = session_of(group);
	if (!session)
		return -ESRCH;
	if (session != self->sid)
		return -EPERM;
	terminal->foreground = group;
	return 0;
}

long control_session(struct terminal *terminal, bool real, int32_t *ret_session)
{
	LOCK_SCOPE(&process_table_lock);
	if (real && thread_current()->process->terminal != terminal)
		return -ENOTTY;
	if (!terminal->session)
		return -ENOTTY;
	*ret_session = terminal->session;
	return 0;
}
