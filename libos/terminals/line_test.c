/* What the conformance tests can't see from outside: limits, and any bytes at all. What termios(3)
 * says is tested in tests/conformance/terminals, against the kernel. */
#include "libos/terminals/line.h"

#include <stdlib.h>
#include <string.h>

#include "base/test.h"

#define ROUNDS 20000
#define SIGNAL_INTERRUPT 2

static struct line line;
static uint8_t output[LINE_OUTPUT_SIZE], echo[LINE_ECHO_SIZE];

static void begin(void)
{
	line_init(&line, output, echo);
}

static size_t type(const void *bytes, size_t size, struct line_events *events)
{
	*events = (struct line_events){0};
	return line_receive(&line, bytes, size, events);
}

static void test_signal_ends_a_step(void)
{
	struct line_events events;
	uint8_t shown[16];

	begin();
	CHECK_EQ(type("ab\003cd", 5, &events), 3);
	CHECK_EQ(events.signo, SIGNAL_INTERRUPT);
	CHECK(events.flushed && line.head == line.tail);
	CHECK_EQ(ring_take(&line.output, shown, sizeof(shown)), 4);
	CHECK(!memcmp(shown, "ab^C", 4));
}

static void test_room(void)
{
	static uint8_t bytes[2 * LINE_INPUT_SIZE];
	struct termios2 raw;
	struct line_events events = {0};

	begin();
	raw = line.settings;
	raw.c_lflag = 0;
	line_set(&line, &raw, &events);
	CHECK_EQ(type(bytes, sizeof(bytes), &events), LINE_INPUT_SIZE - 1);
	CHECK_EQ(line_read(&line, bytes, 10), 10);
	CHECK_EQ(type(bytes, sizeof(bytes), &events), 10);
	/* A line without an end takes all; what does not fit is lost. */
	begin();
	line.settings.c_lflag &= ~(uint32_t)ECHO;
	memset(bytes, 'x', sizeof(bytes));
	CHECK_EQ(type(bytes, sizeof(bytes), &events), sizeof(bytes));
	CHECK_EQ(type("\n", 1, &events), 1);
	CHECK_EQ(line_read(&line, bytes, sizeof(bytes)), LINE_INPUT_SIZE);
	/* Whole lines unread: the rest waits. */
	begin();
	line.settings.c_lflag &= ~(uint32_t)ECHO;
	memset(bytes, '\n', sizeof(bytes));
	CHECK_EQ(type(bytes, sizeof(bytes), &events), LINE_INPUT_SIZE - 1);
}

static void test_echo_is_bounded(void)
{
	static uint8_t bytes[LINE_ECHO_SIZE * 2];
	struct line_events events;

	begin();
	memset(bytes, 'e', sizeof(bytes));
	(void)type("\023", 1, &events);
	CHECK(events.stopped);
	CHECK_EQ(type(bytes, sizeof(bytes), &events), sizeof(bytes));
	CHECK_EQ(ring_used(&line.echo), LINE_ECHO_SIZE);
	CHECK_EQ(ring_used(&line.output), 0);
	CHECK_EQ(line_write(&line, bytes, 1), 0);
	(void)type("\021", 1, &events);
	CHECK(events.started);
	CHECK_EQ(ring_used(&line.output), LINE_ECHO_SIZE);
}

static bool is_sound(void)
{
	return line.tail <= line.line_end && line.line_end <= line.head &&
	       line.head - line.tail <= LINE_INPUT_SIZE &&
	       ring_used(&line.output) <= LINE_OUTPUT_SIZE &&
	       ring_used(&line.echo) <= LINE_ECHO_SIZE;
}

static void any_step(uint8_t *bytes, size_t size)
{
	struct line_events events = {0};
	struct termios2 settings = line.settings;

	switch (rand() % 6) {
	case 0:
		for (size_t i = 0; i < sizeof(settings); i++)
			((uint8_t *)&settings)[i] ^= (uint8_t)(rand() & rand() & rand());
		line_set(&line, &settings, &events);
		break;
	case 1:
		if (line_is_readable(&line, 1))
			(void)!line_read(&line, bytes, size);
		break;
	case 2:
		(void)!line_write(&line, bytes, size);
		break;
	case 3:
		(void)ring_take(&line.output, bytes, size);
		line_echo_flush(&line);
		break;
	default:
		(void)type(bytes, size, &events);
		break;
	}
}

static void test_anything(void)
{
	static uint8_t bytes[8192];
	bool sound = true;

	begin();
	srand(1);
	for (int round = 0; round < ROUNDS && sound; round++) {
		size_t size = (size_t)rand() % (rand() % 50 ? 40 : sizeof(bytes));

		for (size_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)(rand() % 3 ? rand() % 33 : rand());
		any_step(bytes, size);
		sound = is_sound();
	}
	CHECK(sound);
}

int main(void)
{
	test_signal_ends_a_step();
	test_room();
	test_echo_is_bounded();
	test_anything();
	return test_done();
}
