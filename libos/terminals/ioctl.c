/* ioctl(2) on terminals: ioctl_tty(2). */
#include <asm/ioctls.h>
#include <asm/signal.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/tty.h>

#include "libos/terminals/control.h"
#include "libos/terminals/settings.h"
#include "libos/terminals/terminal.h"

/* ---- Queues and flow ---- */

static long input_count(struct terminal *terminal, bool far, uint64_t argument)
{
	int32_t count;

	lock_acquire(&terminal->lock);
	count = (int32_t)(far ? ring_used(&terminal->line.output)
			      : line_input_count(&terminal->line));
	lock_release(&terminal->lock);
	return USER_PUT(argument, count);
}

/* Of the near side: what it has not read, what the far side has not. */
static void flush_near(struct terminal *terminal, bool input, bool output)
{
	if (input) {
		line_flush_input(&terminal->line);
		ring_flush(&terminal->input);
	}
	if (output)
		line_flush_output(&terminal->line);
	if (terminal->has_packets)
		terminal->packet_status |= (uint8_t)((input ? TIOCPKT_FLUSHREAD : 0) |
						     (output ? TIOCPKT_FLUSHWRITE : 0));
}

static long flush(struct terminal *terminal, bool far, uint64_t which)
{
	bool input = which == TCIFLUSH || which == TCIOFLUSH;
	bool output = which == TCOFLUSH || which == TCIOFLUSH;
	long r = far ? 0 : control_check(terminal, SIGTTOU);

	if (r)
		return r;
	if (!input && !output)
		return -EINVAL;
	lock_acquire(&terminal->lock);
	if (!far)
		flush_near(terminal, input, output);
	if (far && input)
		ring_flush(&terminal->line.output);
	if (far && output)
		ring_flush(&terminal->input);
	terminal_unlock(terminal, WAKE_ALL);
	return 0;
}

static long send_flow_key(struct terminal *terminal, unsigned int index)
{
	uint8_t key;

	lock_acquire(&terminal->lock);
	key = terminal->line.settings.c_cc[index];
	if (key && ring_room(&terminal->line.output))
		ring_put(&terminal->line.output, key);
	terminal_unlock(terminal, key ? WAKE_FAR_INPUT : 0);
	return 0;
}

static long control_flow(struct terminal *terminal, bool far, uint64_t action)
{
	struct line_events events = {0};
	uint32_t wakes;
	long r = far ? 0 : control_check(terminal, SIGTTOU);

	if (r)
		return r;
	switch (action) {
	case TCOOFF:
	case TCOON:
		lock_acquire(&terminal->lock);
		line_hold(&terminal->line, action == TCOOFF, &events);
		wakes = terminal_note(terminal, &events);
		terminal_unlock(terminal, wakes);
		return 0;
	case TCIOFF:
		return send_flow_key(terminal, VSTOP);
	case TCION:
		return send_flow_key(terminal, VSTART);
	default:
		return -EINVAL;
	}
}

/* ---- Windows ---- */

static long window_get(struct terminal *terminal, uint64_t argument)
{
	struct winsize window;

	lock_acquire(&terminal->lock);
	window = terminal->window;
	lock_release(&terminal->lock);
	return USER_PUT(argument, window);
}

static long window_set(struct terminal *terminal, uint64_t argument)
{
	struct winsize window;

	if (USER_GET(&window, argument))
		return -EFAULT;
	terminal_resize(terminal, &window);
	return 0;
}

/* ---- Sessions ---- */

static long group_get(struct terminal *terminal, bool far, uint64_t argument)
{
	int32_t group;
	long r = control_foreground(terminal, !far, &group);

	return r ? r : USER_PUT(argument, group);
}

static long group_set(struct terminal *terminal, uint64_t argument)
{
	long r = control_check(terminal, SIGTTOU);
	int32_t group;

	if (r)
		return r == -EIO ? -ENOTTY : r;
	if (USER_GET(&group, argument))
		return -EFAULT;
	return control_set_foreground(terminal, group);
}

static long session_get(struct terminal *terminal, bool far, uint64_t argument)
{
	int32_t session;
	long r = control_session(terminal, !far, &session);

	return r ? r : USER_PUT(argument, session);
}

static long session_ioctl(
	struct terminal *terminal, struct file *file, bool far, uint32_t request, uint64_t argument)
{
	switch (request) {
	case TIOCSCTTY:
		return control_set(terminal, file, argument);
	case TIOCNOTTY:
		return far ? -ENOTTY : control_release(terminal);
	case TIOCGPGRP:
		return group_get(terminal, far, argument);
	case TIOCSPGRP:
		return group_set(terminal, argument);
	case TIOCGSID:
		return session_get(terminal, far, argument);
	default:
		return settings_ioctl(terminal, request, argument);
	}
}

/* ---- The far side's own ---- */

static long set_flag(struct terminal *terminal, bool *flag, uint64_t argument)
{
	int32_t on;

	if (USER_GET(&on, argument))
		return -EFAULT;
	LOCK_SCOPE(&terminal->lock);
	if (flag == &terminal->has_packets && on && !*flag)
		terminal->packet_status = 0;
	__atomic_store_n(flag, on != 0, __ATOMIC_RELAXED);
	return 0;
}

static long send_signal(struct terminal *terminal, uint64_t signo)
{
	if (signo != SIGINT && signo != SIGQUIT && signo != SIGTSTP)
		return -EINVAL;
	control_signal(terminal, (int)signo);
	return 0;
}

static long install_peer(struct terminal *terminal, uint32_t flags)
{
	struct file *file;
	long r = terminal_open_peer(terminal, flags, &file);

	if (r)
		return r;
	r = fd_install(file, 0, flags & O_CLOEXEC);
	if (r < 0)
		file_unref(file);
	return r;
}

static long far_only_ioctl(struct terminal *terminal, uint32_t request, uint64_t argument)
{
	switch (request) {
	case TIOCGPTN:
		return USER_PUT(argument, terminal->number);
	case TIOCSPTLCK:
		return set_flag(terminal, &terminal->is_locked, argument);
	case TIOCGPTLCK:
		return USER_PUT(argument, (int32_t)terminal->is_locked);
	case TIOCGPTPEER:
		return install_peer(terminal, (uint32_t)argument);
	case TIOCPKT:
		return set_flag(terminal, &terminal->has_packets, argument);
	case TIOCGPKT:
		return USER_PUT(argument, (int32_t)terminal->has_packets);
	case TIOCSIG:
		return send_signal(terminal, argument);
	default:
		return -ENOTTY;
	}
}

/* ---- What has little to do ---- */

static long discipline_set(uint64_t argument)
{
	int32_t number;

	if (USER_GET(&number, argument))
		return -EFAULT;
	return number == N_TTY ? 0 : -EINVAL;
}

static long exclusive_set(struct terminal *terminal, bool exclusive)
{
	LOCK_SCOPE(&terminal->lock);
	terminal->is_exclusive = exclusive;
	return 0;
}

static long small_ioctl(struct terminal *terminal, bool far, uint32_t request, uint64_t argument)
{
	switch (request) {
	case TIOCEXCL:
	case TIOCNXCL:
		return exclusive_set(terminal, request == TIOCEXCL);
	case TIOCGEXCL:
		return USER_PUT(argument, (int32_t)terminal->is_exclusive);
	case TIOCGETD:
		return USER_PUT(argument, (int32_t)N_TTY);
	case TIOCSETD:
		return discipline_set(argument);
	case TIOCOUTQ:
		return USER_PUT(argument, (int32_t)0); /* all output is with the far side */
	case TCSBRK:
	case TCSBRKP:
		return far ? 0 : control_check(terminal, SIGTTOU); /* drained; no line to break */
	case TIOCSBRK:
	case TIOCCBRK:
		return 0;
	case TIOCSTI:
		return -EIO; /* as Linux since 6.2: input can't be faked */
	case TIOCCONS:
	case TIOCVHANGUP:
		return -EPERM;
	default:
		return far ? far_only_ioctl(terminal, request, argument) : -ENOTTY;
	}
}

static long queue_ioctl(struct terminal *terminal, bool far, uint32_t request, uint64_t argument)
{
	switch (request) {
	case FIONREAD:
		return input_count(terminal, far, argument);
	case TCFLSH:
		return flush(terminal, far, argument);
	case TCXONC:
		return control_flow(terminal, far, argument);
	case TIOCGWINSZ:
		return window_get(terminal, argument);
	case TIOCSWINSZ:
		return window_set(terminal, argument);
	default:
		return small_ioctl(terminal, far, request, argument);
	}
}

long terminal_ioctl(
	struct terminal *terminal, struct file *file, bool far, uint32_t request, uint64_t argument)
{
	long r = session_ioctl(terminal, file, far, request, argument);

	return r == -ENOTTY ? queue_ioctl(terminal, far, request, argument) : r;
}
