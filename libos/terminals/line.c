#include "libos/terminals/line.h"

#include <asm/signal.h>

#include "base/memory.h"

#define RAW_ROOM (LINE_INPUT_SIZE - 1)

static bool input_flag(const struct line *line, uint32_t flag)
{
	return line->settings.c_iflag & flag;
}

static bool local_flag(const struct line *line, uint32_t flag)
{
	return line->settings.c_lflag & flag;
}

/* Is it the special character @index? One that is 0 is switched off. */
static bool is_special(const struct line *line, unsigned int index, uint8_t byte)
{
	return byte && line->settings.c_cc[index] == byte;
}

static uint8_t *input_at(struct line *line, uint64_t position)
{
	return &line->input[position % LINE_INPUT_SIZE];
}

static bool ends_line(const struct line *line, uint64_t position)
{
	uint64_t slot = position % LINE_INPUT_SIZE;

	return line->ends[slot / 64] >> (slot % 64) & 1;
}

static void set_end(struct line *line, uint64_t position, bool ends)
{
	uint64_t slot = position % LINE_INPUT_SIZE, bit = 1UL << (slot % 64);

	line->ends[slot / 64] = ends ? line->ends[slot / 64] | bit : line->ends[slot / 64] & ~bit;
}

static void store(struct line *line, uint8_t byte)
{
	set_end(line, line->head, false);
	*input_at(line, line->head) = byte;
	line->head++;
}

/* PARMRK: 0377 is doubled, to be told from a mark. */
static void store_marked(struct line *line, uint8_t byte)
{
	if (byte == 0xff && input_flag(line, PARMRK))
		store(line, byte);
	store(line, byte);
}

static void finish_line(struct line *line, uint8_t byte)
{
	store(line, byte);
	set_end(line, line->head - 1, true);
	line->line_end = line->head;
}

/* ---- Starting and stopping ---- */

static void start_output(struct line *line, struct line_events *events)
{
	if (!line->is_stopped || line->is_held)
		return;
	line->is_stopped = false;
	events->started = true;
	line_echo_flush(line);
}

static void stop_output(struct line *line, struct line_events *events)
{
	if (!line->is_stopped)
		events->stopped = true;
	line->is_stopped = true;
}

void line_hold(struct line *line, bool held, struct line_events *events)
{
	if (line->is_held == held)
		return;
	line->is_held = held;
	events->stopped |= held;
	events->started |= !held;
	/* What was stopped by a key goes on as well. */
	if (!held)
		line->is_stopped = false;
	line_echo_flush(line);
}

static bool take_flow_control(struct line *line, uint8_t byte, struct line_events *events)
{
	if (!input_flag(line, IXON))
		return false;
	if (is_special(line, VSTART, byte)) {
		start_output(line, events);
		return true;
	}
	if (!is_special(line, VSTOP, byte))
		return false;
	stop_output(line, events);
	return true;
}

/* ---- Signals ---- */

static int signal_of(const struct line *line, uint8_t byte)
{
	if (!local_flag(line, ISIG))
		return 0;
	if (is_special(line, VINTR, byte))
		return SIGINT;
	if (is_special(line, VQUIT, byte))
		return SIGQUIT;
	return is_special(line, VSUSP, byte) ? SIGTSTP : 0;
}

static void take_signal(struct line *line, uint8_t byte, int signo, struct line_events *events)
{
	events->signo = signo;
	if (!local_flag(line, NOFLSH)) {
		ring_flush(&line->echo);
		line_flush_output(line);
		line_flush_input(line);
		events->flushed = true;
	}
	if (input_flag(line, IXON))
		start_output(line, events);
	if (local_flag(line, ECHO))
		line_echo_show(line, byte);
}

/* ---- Editing ---- */

static void finish_erasing(struct line *line)
{
	if (!line->is_erasing)
		return;
	line_echo_put(line, '/');
	line->is_erasing = false;
}

static void note_line_column(struct line *line)
{
	if (line->head == line->line_end)
		line->line_column = line->column;
}

static bool is_word(uint8_t byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= 'a' && byte <= 'z') || byte == '_' ||
	       (byte >= 0xc0 && byte != 0xd7 && byte != 0xf7); /* letters of Latin-1 */
}

/* How wide is the line's end after its last tab, or after its beginning? */
static void echo_erase_tab(struct line *line)
{
	uint32_t width = 0;
	bool after_tab = false;

	for (uint64_t at = line->head; at != line->line_end && !after_tab;) {
		uint8_t byte = *input_at(line, --at);

		if (byte == '\t')
			after_tab = true;
		else if (line_is_control(byte))
			width += local_flag(line, ECHOCTL) ? 2 : 0;
		else if (!line_is_continuation(line, byte))
			width++;
	}
	line_echo_erase_tab(line, width, after_tab);
}

static void echo_back(struct line *line)
{
	line_echo_put(line, '\b');
	line_echo_put(line, ' ');
	line_echo_put(line, '\b');
}

/* ECHOPRT: erased characters appear again, between '\' and '/'. */
static void echo_printed(struct line *line, uint64_t first, uint64_t end)
{
	if (!line->is_erasing)
		line_echo_put(line, '\\');
	line->is_erasing = true;
	line_echo_show(line, *input_at(line, first));
	while (++first != end)
		line_echo_put(line, *input_at(line, first));
}

/* The character from line->head to @end is no more. */
static void echo_erased(struct line *line, uint64_t end, bool is_single)
{
	uint8_t byte = *input_at(line, line->head);

	if (local_flag(line, ECHOPRT)) {
		echo_printed(line, line->head, end);
	} else if (is_single && !local_flag(line, ECHOE)) {
		line_echo_show(line, line->settings.c_cc[VERASE]);
	} else if (byte == '\t') {
		echo_erase_tab(line);
	} else {
		if (line_is_control(byte) && local_flag(line, ECHOCTL))
			echo_back(line);
		if (!line_is_control(byte) || local_flag(line, ECHOCTL))
			echo_back(line);
	}
}

/* Where the last character of the line begins; its end if it has no beginning there. */
static uint64_t last_character(struct line *line)
{
	uint64_t at = line->head;

	do
		at--;
	while (line_is_continuation(line, *input_at(line, at)) && at != line->line_end);
	return line_is_continuation(line, *input_at(line, at)) ? line->head : at;
}

enum erase { ERASE_CHARACTER, ERASE_WORD, ERASE_LINE };

static void erase(struct line *line, enum erase kind)
{
	bool in_word = false;
	uint64_t at, end;

	while (line->head != line->line_end) {
		end = line->head;
		at = last_character(line);
		if (at == end)
			break;
		if (kind == ERASE_WORD && is_word(*input_at(line, at)))
			in_word = true;
		else if (kind == ERASE_WORD && in_word)
			break;
		line->head = at;
		if (local_flag(line, ECHO))
			echo_erased(line, end, kind == ERASE_CHARACTER);
		if (kind == ERASE_CHARACTER)
			break;
	}
	if (line->head == line->line_end && local_flag(line, ECHO))
		finish_erasing(line);
}

static void erase_line(struct line *line)
{
	const uint32_t visibly = ECHOK | ECHOKE | ECHOE;

	if (line->head == line->line_end)
		return;
	if (local_flag(line, ECHO) && (line->settings.c_lflag & visibly) == visibly) {
		erase(line, ERASE_LINE);
		return;
	}
	line->head = line->line_end;
	if (!local_flag(line, ECHO))
		return;
	finish_erasing(line);
	line_echo_show(line, line->settings.c_cc[VKILL]);
	if (local_flag(line, ECHOK))
		line_echo_put(line, '\n'); /* the line begins anew below */
}

static void reprint(struct line *line, uint8_t byte)
{
	finish_erasing(line);
	line_echo_show(line, byte);
	line_echo_put(line, '\n');
	for (uint64_t at = line->line_end; at != line->head; at++)
		line_echo_show(line, *input_at(line, at));
}

static void quote(struct line *line)
{
	line->quote_next = true;
	if (!local_flag(line, ECHO))
		return;
	finish_erasing(line);
	if (local_flag(line, ECHOCTL)) {
		line_echo_put(line, '^');
		line_echo_put(line, '\b');
	}
}

/* Of canonical mode, with IEXTEN. */
static bool take_extended(struct line *line, uint8_t byte)
{
	if (!local_flag(line, IEXTEN))
		return false;
	if (is_special(line, VWERASE, byte))
		erase(line, ERASE_WORD);
	else if (is_special(line, VLNEXT, byte))
		quote(line);
	else if (is_special(line, VREPRINT, byte) && local_flag(line, ECHO))
		reprint(line, byte);
	else
		return false;
	return true;
}

static bool take_end(struct line *line, uint8_t byte)
{
	if (byte == '\n') {
		if (local_flag(line, ECHO | ECHONL))
			line_echo_put(line, byte);
		finish_line(line, byte);
	} else if (is_special(line, VEOF, byte)) {
		finish_line(line, 0); /* read as nothing: see line_read */
	} else if (is_special(line, VEOL, byte) ||
		   (local_flag(line, IEXTEN) && is_special(line, VEOL2, byte))) {
		if (local_flag(line, ECHO)) {
			note_line_column(line);
			line_echo_show(line, byte);
		}
		if (byte == 0xff && input_flag(line, PARMRK))
			store(line, byte);
		finish_line(line, byte);
	} else {
		return false;
	}
	return true;
}

static bool take_canonical(struct line *line, uint8_t byte)
{
	if (!local_flag(line, ICANON))
		return false;
	if (is_special(line, VERASE, byte))
		erase(line, ERASE_CHARACTER);
	else if (is_special(line, VKILL, byte))
		erase_line(line);
	else
		return take_extended(line, byte) || take_end(line, byte);
	return true;
}

static void take_plain(struct line *line, uint8_t byte)
{
	if (local_flag(line, ECHO)) {
		finish_erasing(line);
		note_line_column(line);
		if (byte == '\n')
			line_echo_put(line, byte);
		else
			line_echo_show(line, byte);
	}
	store_marked(line, byte);
}

static uint8_t convert(const struct line *line, uint8_t byte)
{
	if (input_flag(line, ISTRIP))
		byte &= 0x7f;
	if (input_flag(line, IUCLC) && local_flag(line, IEXTEN) && byte >= 'A' && byte <= 'Z')
		byte = (uint8_t)(byte - 'A' + 'a');
	return byte;
}

static void take(struct line *line, uint8_t byte, struct line_events *events)
{
	int signo;

	byte = convert(line, byte);
	if (line->quote_next) {
		line->quote_next = false;
		take_plain(line, byte);
		return;
	}
	if (local_flag(line, EXTPROC)) {
		store(line, byte);
		return;
	}
	if (take_flow_control(line, byte, events))
		return;
	signo = signal_of(line, byte);
	if (signo) {
		take_signal(line, byte, signo, events);
		return;
	}
	if (input_flag(line, IXON) && input_flag(line, IXANY))
		start_output(line, events);
	if (byte == '\r' && input_flag(line, IGNCR))
		return;
	if (byte == '\r' && input_flag(line, ICRNL))
		byte = '\n';
	else if (byte == '\n' && input_flag(line, INLCR))
		byte = '\r';
	if (!take_canonical(line, byte))
		take_plain(line, byte);
}

/* Room for one byte more, doubled by PARMRK? In canonical mode a line that has no end yet must not
 * keep one from coming: its last byte is overwritten for it. */
static bool make_room(struct line *line)
{
	uint64_t used = line->head - line->tail, need = input_flag(line, PARMRK) ? 2 : 1;

	if (used + need <= RAW_ROOM)
		return true;
	if (!local_flag(line, ICANON) || line->line_end != line->tail)
		return false;
	if (used + need > LINE_INPUT_SIZE)
		line->head -= used + need - LINE_INPUT_SIZE;
	return true;
}

size_t line_receive(
	struct line *line, const uint8_t *bytes, size_t size, struct line_events *events)
{
	size_t done = 0;

	while (done < size && !events->signo && make_room(line))
		take(line, bytes[done++], events);
	return done;
}

/* ---- Reading ---- */

bool line_is_readable(const struct line *line, size_t least)
{
	if (local_flag(line, ICANON) && !local_flag(line, EXTPROC))
		return line->line_end != line->tail;
	return line->head - line->tail >= least;
}

/* An end of file, typed: a zero that ends a line. */
static bool is_end_mark(struct line *line, uint64_t position)
{
	return ends_line(line, position) && !*input_at(line, position);
}

static size_t read_line(struct line *line, uint8_t *to, size_t size)
{
	size_t done = 0;

	while (line->tail != line->line_end) {
		bool ends = ends_line(line, line->tail);

		if (is_end_mark(line, line->tail)) {
			line->tail++;
			break;
		}
		if (done == size)
			break;
		to[done++] = *input_at(line, line->tail++);
		if (ends)
			break;
	}
	return done;
}

size_t line_read(struct line *line, uint8_t *to, size_t size)
{
	size_t done = 0;

	if (local_flag(line, ICANON) && !local_flag(line, EXTPROC))
		return read_line(line, to, size);
	while (done < size && line->tail != line->head)
		to[done++] = *input_at(line, line->tail++);
	if (line->line_end < line->tail)
		line->line_end = line->tail;
	return done;
}

size_t line_input_count(const struct line *line)
{
	uint64_t count = 0, at;

	if (!local_flag(line, ICANON) || local_flag(line, EXTPROC))
		return (size_t)(line->head - line->tail);
	for (at = line->tail; at != line->line_end; at++)
		count += !(ends_line(line, at) && !line->input[at % LINE_INPUT_SIZE]);
	return (size_t)count;
}

/* ---- Settings ---- */

void line_flush_input(struct line *line)
{
	line->tail = line->line_end = line->head;
	line->is_erasing = line->quote_next = false;
}

/* Canonical mode comes or goes: what has been typed is a line, or bytes. */
static void change_mode(struct line *line)
{
	memset(line->ends, 0, sizeof(line->ends));
	line->line_end = line->tail;
	if (local_flag(line, ICANON) && line->head != line->tail) {
		set_end(line, line->head - 1, true);
		line->line_end = line->head;
	}
	line->is_erasing = line->quote_next = false;
}

void line_set(struct line *line, const struct termios2 *settings, struct line_events *events)
{
	uint32_t changed = line->settings.c_lflag ^ settings->c_lflag;

	line->settings = *settings;
	if (changed & (ICANON | EXTPROC))
		change_mode(line);
	if (!input_flag(line, IXON))
		start_output(line, events);
	line_echo_flush(line);
}

void line_init(struct line *line, uint8_t *output, uint8_t *echo)
{
	static const uint8_t special[] = {[VINTR] = 3,
		[VQUIT] = 28,
		[VERASE] = 127,
		[VKILL] = 21,
		[VEOF] = 4,
		[VMIN] = 1,
		[VSTART] = 17,
		[VSTOP] = 19,
		[VSUSP] = 26,
		[VREPRINT] = 18,
		[VDISCARD] = 15,
		[VWERASE] = 23,
		[VLNEXT] = 22};

	memset(line, 0, sizeof(*line));
	line->output = (struct ring){.bytes = output, .size = LINE_OUTPUT_SIZE};
	line->echo = (struct ring){.bytes = echo, .size = LINE_ECHO_SIZE};
	line->settings.c_iflag = ICRNL | IXON;
	line->settings.c_oflag = OPOST | ONLCR;
	line->settings.c_cflag = B38400 | CS8 | CREAD;
	line->settings.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
	line->settings.c_ispeed = line->settings.c_ospeed = 38400;
	memcpy(line->settings.c_cc, special, sizeof(special));
}
