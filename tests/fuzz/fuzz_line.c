/* What a user, or the host in his place, types: the line discipline keeps its limits, whatever the
 * bytes and settings, and nothing but bytes that were typed is read. */
#include "libos/terminals/line.h"

#include "tests/fuzz/fuzz.h"

#define STEP_HEADER 2

static struct line line;
static uint8_t *output, *echo;

static void check(void)
{
	FUZZ_ASSERT(line.tail <= line.line_end && line.line_end <= line.head);
	FUZZ_ASSERT(line.head - line.tail <= LINE_INPUT_SIZE);
	FUZZ_ASSERT(ring_used(&line.output) <= LINE_OUTPUT_SIZE);
	FUZZ_ASSERT(ring_used(&line.echo) <= LINE_ECHO_SIZE);
	FUZZ_ASSERT(line_input_count(&line) <= LINE_INPUT_SIZE);
}

static void change(const uint8_t *bytes, size_t size)
{
	struct termios2 settings = line.settings;
	struct line_events events = {0};

	memcpy(&settings, bytes, size < sizeof(settings) ? size : sizeof(settings));
	line_set(&line, &settings, &events);
}

static void receive(const uint8_t *bytes, size_t size)
{
	struct line_events events = {0};
	size_t taken = line_receive(&line, bytes, size, &events);

	FUZZ_ASSERT(taken <= size);
	FUZZ_ASSERT(
		taken == size || events.signo || ring_used(&line.output) || line.head != line.tail);
}

static void read_some(size_t size)
{
	uint8_t *to = malloc(size + 1);

	if (line_is_readable(&line, 1))
		FUZZ_ASSERT(line_read(&line, to, size) <= size);
	free(to);
}

static void step(uint8_t what, const uint8_t *bytes, size_t size)
{
	struct line_events events = {0};
	uint8_t taken[64];

	switch (what % 8) {
	case 0:
		change(bytes, size);
		break;
	case 1:
		read_some(size * 16);
		break;
	case 2:
		FUZZ_ASSERT(line_write(&line, bytes, size) <= size);
		break;
	case 3:
		(void)ring_take(&line.output, taken, sizeof(taken));
		line_echo_flush(&line);
		break;
	case 4:
		line_hold(&line, size & 1, &events);
		break;
	default:
		receive(bytes, size);
		break;
	}
	check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	output = malloc(LINE_OUTPUT_SIZE);
	echo = malloc(LINE_ECHO_SIZE);
	line_init(&line, output, echo);
	while (size >= STEP_HEADER) {
		size_t length = data[1] < size - STEP_HEADER ? data[1] : size - STEP_HEADER;

		step(data[0], data + STEP_HEADER, length);
		data += STEP_HEADER + length;
		size -= STEP_HEADER + length;
	}
	free(output);
	free(echo);
	return 0;
}
