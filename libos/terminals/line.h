/* The line discipline N_TTY: what lies between the keys and a program, and between the program and
 * the screen. Specification: termios(3), ioctl_tty(2).
 *
 *	far side --line_receive--> [editing] --line_read--> program
 *	far side <----[output]<---- echo, line_write <----- program
 *
 * Pure: no locks, no processes. It says in struct line_events what the caller is to do. All bytes
 * that come in are foreign: any sequence of them is fine. */
#ifndef LIBOS_TERMINALS_LINE_H
#define LIBOS_TERMINALS_LINE_H

#include <asm/termbits.h>

#include "libos/terminals/ring.h"

#define LINE_INPUT_SIZE 4096UL   /* of unread input: one line of at most 4095 bytes, as Linux */
#define LINE_OUTPUT_SIZE 65536UL /* for the far side to read; a power of two */
#define LINE_ECHO_SIZE 4096UL    /* echoes that wait; more are lost, as on Linux */

/* What line_receive and line_set bring about. */
struct line_events {
	int signo;             /* to be sent to the foreground group, or 0 */
	bool flushed;          /* input and output have been dropped */
	bool stopped, started; /* by VSTOP, VSTART */
};

struct line {
	struct termios2 settings;
	uint8_t input[LINE_INPUT_SIZE];
	uint64_t ends[LINE_INPUT_SIZE / 64]; /* one bit a byte: a line ends with it */
	/* Counters that only grow: what is read next, after the last whole line, after all. */
	uint64_t tail, line_end, head;
	bool quote_next;      /* VLNEXT was typed */
	bool is_erasing;      /* ECHOPRT: between '\' and '/' */
	uint32_t column;      /* of the cursor, */
	uint32_t line_column; /* and where the line being edited began */
	bool is_stopped;      /* no output: VSTOP was typed, */
	bool is_held;         /* or tcflow(TCOOFF) */
	struct ring output, echo;
};

/* As a new terminal is. @output LINE_OUTPUT_SIZE and @echo LINE_ECHO_SIZE bytes, the caller's. */
void line_init(struct line *line, uint8_t *output, uint8_t *echo);

/* Take input: how many bytes, up to and with one that makes a signal. Fewer than @size without a
 * signal: there is no room until the program reads. */
MUST_CHECK size_t line_receive(
	struct line *line, const uint8_t *bytes, size_t size, struct line_events *events);
/* Take a program's output: how many bytes. */
MUST_CHECK size_t line_write(struct line *line, const uint8_t *bytes, size_t size);
/* Is there something to read: in canonical mode a line, else at least @least bytes? */
MUST_CHECK bool line_is_readable(const struct line *line, size_t least);
/* Read when line_is_readable: up to one line, or what is there. 0: the end of the file was typed.
 */
MUST_CHECK size_t line_read(struct line *line, uint8_t *to, size_t size);
/* What FIONREAD says. */
size_t line_input_count(const struct line *line);

/* tcsetattr(3). */
void line_set(struct line *line, const struct termios2 *settings, struct line_events *events);
void line_flush_input(struct line *line);
void line_flush_output(struct line *line);
/* tcflow(3): TCOOFF, TCOON. */
void line_hold(struct line *line, bool held, struct line_events *events);
/* Echoes that wait go out as far as there is room: to be called when output was read. */
void line_echo_flush(struct line *line);
/* Room for output? */
bool line_is_writable(const struct line *line);

/* libos/terminals/line_output.c, for line.c: one processed byte, or false: no room. */
bool line_output_put(struct line *line, uint8_t byte);
/* A byte to be echoed, processed as output is. */
void line_echo_put(struct line *line, uint8_t byte);
/* As the user should see it: "^C" for control characters. */
void line_echo_show(struct line *line, uint8_t byte);
/* Move back over a tab that stands @width columns after the line's beginning, or (@after_tab) after
 * another tab. */
void line_echo_erase_tab(struct line *line, uint32_t width, bool after_tab);
static inline bool line_is_control(uint8_t byte)
{
	return byte < 0x20 || byte == 0x7f;
}
/* In UTF-8, not the first byte of a character. */
static inline bool line_is_continuation(const struct line *line, uint8_t byte)
{
	return line->settings.c_iflag & IUTF8 && (byte & 0xc0) == 0x80;
}

#endif
