#include "libos/terminals/terminal.h"

#include <asm/ioctls.h>
#include <asm/signal.h>
#include <linux/errno.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/inode.h"
#include "libos/files/poll.h"
#include "libos/terminals/control.h"

static struct lock numbers_lock;
static struct terminal *by_number[TERMINAL_COUNT_MAX]; /* not referenced: gone before it is freed */

static int take_number(struct terminal *terminal)
{
	LOCK_SCOPE(&numbers_lock);
	for (uint32_t number = 0; number < TERMINAL_COUNT_MAX; number++)
		if (!by_number[number]) {
			by_number[number] = terminal;
			terminal->number = number;
			return 0;
		}
	return -ENOSPC;
}

static void drop_number(struct terminal *terminal)
{
	LOCK_SCOPE(&numbers_lock);
	if (by_number[terminal->number] == terminal)
		by_number[terminal->number] = NULL;
}

struct terminal *terminal_next(uint32_t number)
{
	LOCK_SCOPE(&numbers_lock);
	for (; number < TERMINAL_COUNT_MAX; number++)
		if (by_number[number])
			return terminal_ref(by_number[number]);
	return NULL;
}

struct terminal *terminal_find(uint32_t number)
{
	LOCK_SCOPE(&numbers_lock);
	return number < TERMINAL_COUNT_MAX && by_number[number] ? terminal_ref(by_number[number])
								: NULL;
}

static void terminal_free(struct terminal *terminal)
{
	heap_free(terminal->line.output.bytes);
	heap_free(terminal->line.echo.bytes);
	heap_free(terminal->input.bytes);
	heap_free(terminal);
}

static struct terminal *terminal_alloc(void)
{
	struct terminal *terminal = heap_alloc(sizeof(*terminal));
	uint8_t *output, *echo;

	if (!terminal)
		return NULL;
	output = heap_alloc(LINE_OUTPUT_SIZE);
	echo = heap_alloc(LINE_ECHO_SIZE);
	line_init(&terminal->line, output, echo);
	terminal->input = (struct ring){
		.bytes = heap_alloc(TERMINAL_INPUT_SIZE), .size = TERMINAL_INPUT_SIZE};
	if (output && echo && terminal->input.bytes)
		return terminal;
	terminal_free(terminal);
	return NULL;
}

int terminal_new(struct terminal **ret_terminal)
{
	struct terminal *terminal = terminal_alloc();
	int r;

	if (!terminal)
		return -ENOMEM;
	terminal->reference_count = 1;
	terminal->is_locked = true;
	wait_queue_init(&terminal->near_input);
	wait_queue_init(&terminal->near_output);
	wait_queue_init(&terminal->far_input);
	wait_queue_init(&terminal->far_output);
	r = take_number(terminal);
	if (!r) {
		terminal->inode = devpts_inode_new(terminal);
		r = terminal->inode ? 0 : -ENOMEM;
	}
	if (r) {
		drop_number(terminal);
		terminal_free(terminal);
		return r;
	}
	*ret_terminal = terminal;
	return 0;
}

struct terminal *terminal_ref(struct terminal *terminal)
{
	__atomic_add_fetch(&terminal->reference_count, 1, __ATOMIC_RELAXED);
	return terminal;
}

void terminal_unref(struct terminal *terminal)
{
	if (terminal && !__atomic_sub_fetch(&terminal->reference_count, 1, __ATOMIC_ACQ_REL))
		terminal_free(terminal);
}

void terminal_hang_up(struct terminal *terminal)
{
	struct inode *inode;

	drop_number(terminal);
	lock_acquire(&terminal->lock);
	terminal->is_hung_up = true;
	inode = TAKE(terminal->inode);
	terminal_unlock(terminal, WAKE_ALL);
	control_hang_up(terminal);
	inode_unref(inode);
}

/* ---- Bytes ---- */

void terminal_unlock(struct terminal *terminal, uint32_t wakes)
{
	lock_release(&terminal->lock);
	if (wakes & WAKE_NEAR_INPUT)
		wait_wake(&terminal->near_input, POLLIN | POLLRDNORM | POLLHUP);
	if (wakes & WAKE_NEAR_OUTPUT)
		wait_wake(&terminal->near_output, POLLOUT | POLLWRNORM);
	if (wakes & WAKE_FAR_INPUT)
		wait_wake(&terminal->far_input, POLLIN | POLLRDNORM | POLLPRI | POLLHUP);
	if (wakes & WAKE_FAR_OUTPUT)
		wait_wake(&terminal->far_output, POLLOUT | POLLWRNORM);
}

uint32_t terminal_note(struct terminal *terminal, const struct line_events *events)
{
	uint8_t status = 0;

	if (events->flushed)
		status |= TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE;
	if (events->stopped)
		status |= TIOCPKT_STOP;
	if (events->started)
		status |= TIOCPKT_START;
	if (terminal->has_packets && status) {
		if (status & (TIOCPKT_STOP | TIOCPKT_START))
			terminal->packet_status &= (uint8_t) ~(TIOCPKT_STOP | TIOCPKT_START);
		terminal->packet_status |= status;
	}
	return (events->started || events->flushed ? WAKE_NEAR_OUTPUT | WAKE_FAR_OUTPUT : 0U) |
	       (status ? WAKE_FAR_INPUT : 0U);
}

/* One step: the signal to send, or 0; *ret_more: there may be more to do. */
static int feed_once(struct terminal *terminal, bool *ret_more)
{
	struct line_events events = {0};
	uint8_t chunk[TERMINAL_CHUNK];
	size_t size, taken;
	uint32_t wakes = 0;

	lock_acquire(&terminal->lock);
	size = MIN(ring_used(&terminal->input), sizeof(chunk));
	for (size_t i = 0; i < size; i++)
		chunk[i] = ring_peek(&terminal->input, i);
	taken = line_receive(&terminal->line, chunk, size, &events);
	terminal->input.tail += taken;
	if (taken)
		wakes |= WAKE_FAR_OUTPUT;
	if (line_is_readable(&terminal->line, 1))
		wakes |= WAKE_NEAR_INPUT;
	if (ring_used(&terminal->line.output))
		wakes |= WAKE_FAR_INPUT;
	wakes |= terminal_note(terminal, &events);
	*ret_more = taken && ring_used(&terminal->input);
	terminal_unlock(terminal, wakes);
	return events.signo;
}

void terminal_feed(struct terminal *terminal)
{
	bool more = true;

	while (more) {
		int signo = feed_once(terminal, &more);

		if (signo)
			control_signal(terminal, signo);
	}
}

size_t terminal_give(struct terminal *terminal, const uint8_t *bytes, size_t size)
{
	size_t taken;

	lock_acquire(&terminal->lock);
	taken = ring_add(&terminal->input, bytes, size);
	lock_release(&terminal->lock);
	terminal_feed(terminal);
	return taken;
}

size_t terminal_take(struct terminal *terminal, uint8_t *to, size_t size)
{
	size_t taken;

	lock_acquire(&terminal->lock);
	taken = ring_take(&terminal->line.output, to, size);
	line_echo_flush(&terminal->line);
	terminal_unlock(terminal, taken ? WAKE_NEAR_OUTPUT : 0);
	return taken;
}

void terminal_resize(struct terminal *terminal, const struct winsize *window)
{
	bool changed;

	lock_acquire(&terminal->lock);
	changed = memcmp(&terminal->window, window, sizeof(*window)) != 0;
	terminal->window = *window;
	lock_release(&terminal->lock);
	if (changed)
		control_signal(terminal, SIGWINCH);
}
