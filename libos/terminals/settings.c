#include "libos/terminals/settings.h"

#include <asm/ioctls.h>
#include <asm/signal.h>
#include <linux/errno.h>
#include <linux/ioctl.h>
#include <linux/tty.h>
#include <linux/types.h>

#include "base/memory.h"
#include "libos/terminals/control.h"
#include "libos/terminals/terminal.h"

#define STOP_DEFAULT 19 /* ^S */
#define START_DEFAULT 17
#define RATE_EXTENDED 0x1000U /* CBAUDEX */
#define RATES_EXTENDED_FIRST 15

enum layout { LAYOUT_TERMIO, LAYOUT_TERMIOS, LAYOUT_TERMIOS2 };

/* In the order of B0 … B38400, B57600 … B4000000. */
static const uint32_t rates[] = {0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800,
	9600, 19200, 38400, 57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000,
	1500000, 2000000, 2500000, 3000000, 3500000, 4000000};

static uint32_t rate_of(uint32_t flags)
{
	uint32_t index = flags & CBAUD;

	if (index & RATE_EXTENDED)
		index = (index & ~RATE_EXTENDED) + RATES_EXTENDED_FIRST;
	return index < ARRAY_SIZE(rates) ? rates[index] : 0;
}

static long get_old(const struct termios2 *s, uint64_t argument)
{
	struct termio old = {
		.c_iflag = (uint16_t)s->c_iflag,
		.c_oflag = (uint16_t)s->c_oflag,
		.c_cflag = (uint16_t)s->c_cflag,
		.c_lflag = (uint16_t)s->c_lflag,
		.c_line = s->c_line,
	};

	memcpy(old.c_cc, s->c_cc, sizeof(old.c_cc));
	return USER_PUT(argument, old);
}

static long get(struct terminal *terminal, enum layout layout, uint64_t argument)
{
	struct termios2 s;

	lock_acquire(&terminal->lock);
	s = terminal->line.settings;
	lock_release(&terminal->lock);
	if (layout == LAYOUT_TERMIO)
		return get_old(&s, argument);
	/* struct termios is the beginning of struct termios2. */
	return user_write(
		argument, &s, layout == LAYOUT_TERMIOS ? sizeof(struct termios) : sizeof(s));
}

static int read_old(struct termios2 *s, uint64_t argument)
{
	struct termio old;

	if (USER_GET(&old, argument))
		return -EFAULT;
	s->c_iflag = (s->c_iflag & 0xffff0000) | old.c_iflag;
	s->c_oflag = (s->c_oflag & 0xffff0000) | old.c_oflag;
	s->c_cflag = (s->c_cflag & 0xffff0000) | old.c_cflag;
	s->c_lflag = (s->c_lflag & 0xffff0000) | old.c_lflag;
	s->c_line = old.c_line;
	memcpy(s->c_cc, old.c_cc, sizeof(old.c_cc));
	return 0;
}

static int read_settings(struct termios2 *s, enum layout layout, uint64_t argument)
{
	int r = 0;

	if (layout == LAYOUT_TERMIO)
		r = read_old(s, argument);
	else if (user_read(s, argument,
			 layout == LAYOUT_TERMIOS ? sizeof(struct termios) : sizeof(*s)))
		r = -EFAULT;
	/* What a pseudo-terminal can't be. */
	s->c_cflag = (s->c_cflag & ~(uint32_t)(CSIZE | PARENB)) | CS8 | CREAD;
	s->c_line = N_TTY;
	if (layout != LAYOUT_TERMIOS2 || (s->c_cflag & CBAUD) != BOTHER)
		s->c_ispeed = s->c_ospeed = rate_of(s->c_cflag);
	return r;
}

static bool has_flow_keys(const struct termios2 *s)
{
	return s->c_iflag & IXON && s->c_cc[VSTOP] == STOP_DEFAULT &&
	       s->c_cc[VSTART] == START_DEFAULT;
}

/* TIOCPKT: who shows the terminal may act on ^S and ^Q itself, or no longer. (locked) */
static uint32_t note_change(struct terminal *terminal, const struct termios2 *old)
{
	const struct termios2 *s = &terminal->line.settings;
	uint8_t status = 0;

	if (!terminal->has_packets)
		return 0;
	if (has_flow_keys(old) != has_flow_keys(s)) {
		status |= has_flow_keys(s) ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP;
		terminal->packet_status &= (uint8_t) ~(TIOCPKT_DOSTOP | TIOCPKT_NOSTOP);
	}
	if ((old->c_lflag ^ s->c_lflag) & EXTPROC)
		status |= TIOCPKT_IOCTL;
	terminal->packet_status |= status;
	return status ? WAKE_FAR_INPUT : 0;
}

/* @when: TCSANOW, TCSADRAIN, TCSAFLUSH. */
static long set(struct terminal *terminal, enum layout layout, uint32_t when, uint64_t argument)
{
	struct line_events events = {0};
	struct termios2 s, old;
	uint32_t wakes = WAKE_NEAR_INPUT | WAKE_NEAR_OUTPUT;
	int r = control_check(terminal, SIGTTOU);

	if (r)
		return r;
	lock_acquire(&terminal->lock);
	s = old = terminal->line.settings;
	lock_release(&terminal->lock);
	r = read_settings(&s, layout, argument);
	if (r)
		return r;
	lock_acquire(&terminal->lock);
	if (when == TCSAFLUSH) {
		line_flush_input(&terminal->line);
		ring_flush(&terminal->input);
	}
	line_set(&terminal->line, &s, &events);
	wakes |= terminal_note(terminal, &events) | note_change(terminal, &old);
	terminal_unlock(terminal, wakes | WAKE_FAR_OUTPUT);
	terminal_feed(terminal);
	return 0;
}

/* No settings are locked: to lock some needs CAP_SYS_ADMIN. ioctl_tty(2) */
static long get_locked(uint64_t argument)
{
	struct termios none = {0};

	return USER_PUT(argument, none);
}

/* The kernel's struct termios2 is named in <asm/termbits.h>; ioctl numbers hold its size. */
long settings_ioctl(struct terminal *terminal, uint32_t request, uint64_t argument)
{
	switch (request) {
	case TCGETS:
		return get(terminal, LAYOUT_TERMIOS, argument);
	case TCGETS2:
		return get(terminal, LAYOUT_TERMIOS2, argument);
	case TCGETA:
		return get(terminal, LAYOUT_TERMIO, argument);
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return set(terminal, LAYOUT_TERMIOS, request - TCSETS, argument);
	case TCSETS2:
	case TCSETSW2:
	case TCSETSF2:
		return set(terminal, LAYOUT_TERMIOS2, request - (uint32_t)TCSETS2, argument);
	case TCSETA:
	case TCSETAW:
	case TCSETAF:
		return set(terminal, LAYOUT_TERMIO, request - TCSETA, argument);
	case TIOCGLCKTRMIOS:
		return get_locked(argument);
	case TIOCSLCKTRMIOS:
		return -EPERM;
	default:
		return -ENOTTY;
	}
}
