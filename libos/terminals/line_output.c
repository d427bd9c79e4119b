/* Output processing (OPOST) and echo. */
#include "libos/terminals/line.h"

#define TAB_WIDTH 8U
#define FAR_INPUT_SIZE (LINE_INPUT_SIZE - 1)

static void output_raw(struct line *line, uint8_t byte)
{
	ring_put(&line->output, byte);
}

static bool put_newline(struct line *line)
{
	uint32_t flags = line->settings.c_oflag;

	if (flags & ONLRET)
		line->column = 0;
	if (flags & ONLCR) {
		line->column = 0;
		output_raw(line, '\r');
	}
	line->line_column = line->column;
	output_raw(line, '\n');
	return true;
}

static bool put_return(struct line *line)
{
	uint32_t flags = line->settings.c_oflag;

	if (flags & ONOCR && line->column == 0)
		return true;
	if (flags & OCRNL) {
		if (flags & ONLRET)
			line->line_column = line->column = 0;
		output_raw(line, '\n');
		return true;
	}
	line->line_column = line->column = 0;
	output_raw(line, '\r');
	return true;
}

static bool put_tab(struct line *line)
{
	uint32_t spaces = TAB_WIDTH - (line->column & (TAB_WIDTH - 1));

	line->column += spaces;
	if ((line->settings.c_oflag & TABDLY) != XTABS) {
		output_raw(line, '\t');
		return true;
	}
	while (spaces--)
		output_raw(line, ' ');
	return true;
}

static bool put_other(struct line *line, uint8_t byte)
{
	if (byte == '\b') {
		if (line->column)
			line->column--;
	} else if (!line_is_control(byte)) {
		if (line->settings.c_oflag & OLCUC && byte >= 'a' && byte <= 'z')
			byte = (uint8_t)(byte - 'a' + 'A');
		if (!line_is_continuation(line, byte))
			line->column++;
	}
	output_raw(line, byte);
	return true;
}

bool line_output_put(struct line *line, uint8_t byte)
{
	/* The longest that one byte becomes is a tab of spaces. */
	if (ring_room(&line->output) < TAB_WIDTH)
		return false;
	if (!(line->settings.c_oflag & OPOST)) {
		output_raw(line, byte);
		return true;
	}
	switch (byte) {
	case '\n':
		return put_newline(line);
	case '\r':
		return put_return(line);
	case '\t':
		return put_tab(line);
	default:
		return put_other(line, byte);
	}
}

bool line_is_writable(const struct line *line)
{
	return !line->is_stopped && !line->is_held && ring_room(&line->output) >= TAB_WIDTH;
}

size_t line_write(struct line *line, const uint8_t *bytes, size_t size)
{
	size_t done = 0;

	line_echo_flush(line);
	while (done < size && line_is_writable(line) && line_output_put(line, bytes[done]))
		done++;
	return done;
}

void line_flush_output(struct line *line)
{
	/* What the far side's own line discipline would hold by now is not dropped on Linux. */
	line->output.head = MIN(line->output.head, line->output.tail + FAR_INPUT_SIZE);
}

/* ---- Echo ---- */

void line_echo_flush(struct line *line)
{
	while (ring_used(&line->echo) && line_is_writable(line)) {
		(void)line_output_put(line, ring_peek(&line->echo, 0));
		line->echo.tail++;
	}
}

void line_echo_put(struct line *line, uint8_t byte)
{
	if (ring_room(&line->echo))
		ring_put(&line->echo, byte);
	line_echo_flush(line);
}

void line_echo_show(struct line *line, uint8_t byte)
{
	if (line->settings.c_lflag & ECHOCTL && line_is_control(byte) && byte != '\t') {
		line_echo_put(line, '^');
		byte ^= 0x40;
	}
	line_echo_put(line, byte);
}

void line_echo_erase_tab(struct line *line, uint32_t width, bool after_tab)
{
	uint32_t from = after_tab ? width : width + line->line_column;

	for (uint32_t back = TAB_WIDTH - (from & (TAB_WIDTH - 1)); back; back--)
		line_echo_put(line, '\b');
}
