#include "libos/terminals/console.h"

#include <linux/errno.h>
#include <linux/fcntl.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/descriptors.h"
#include "libos/files/poll.h"
#include "libos/processes/process.h"
#include "libos/processes/service.h"
#include "libos/terminals/control.h"
#include "libos/terminals/terminal.h"
#include "platform/platform.h"

/* How long a host that takes nothing may keep the end of a program waiting. */
#define DRAIN_PATIENCE_NS (5UL * 1000000000UL)
#define WRITE_SIZE 4096UL

struct console {
	struct terminal *terminal; /* referenced */
	int in_fd, out_fd;
	bool is_closing;
	struct service *reader, *writer;
	uint64_t written;  /* position in the output up to which the host has it */
	uint32_t progress; /* changed and woken with it */
};

static struct console *first;

static bool is_closing(const struct console *console)
{
	return __atomic_load_n(&console->is_closing, __ATOMIC_ACQUIRE);
}

/* ---- From the host ---- */

static size_t input_room(struct terminal *terminal)
{
	LOCK_SCOPE(&terminal->lock);
	return ring_room(&terminal->input);
}

/* Bytes that the terminal has room for; 0: the console closes. Nobody else gives it any. */
static size_t wait_for_room(struct console *console)
{
	struct waiter waiter;
	size_t room;

	waiter_init(&waiter);
	wait_add(&console->terminal->far_output, &waiter);
	room = input_room(console->terminal);
	while (!room && !is_closing(console)) {
		(void)!wait_sleep(WAIT_FOREVER);
		room = input_room(console->terminal);
	}
	wait_remove(&waiter);
	return is_closing(console) ? 0 : room;
}

/* What the user typed: bytes; 0: there will be no more. */
static size_t read_host(struct console *console, uint8_t *to, size_t size)
{
	struct platform_host_poll poll = {.host_fd = console->in_fd, .events = POLLIN};
	long n = -EINTR;

	/* First asleep with nothing read: so that the host can be left at any time. */
	while (!is_closing(console) && (n == -EINTR || n == -EAGAIN)) {
		n = wait_sleep_host(&poll, 1, WAIT_FOREVER);
		if (!n && poll.ready)
			n = platform_host_read(console->in_fd, to, size);
		else if (!n)
			n = -EINTR;
	}
	return n > 0 && (size_t)n <= size ? (size_t)n : 0;
}

static void read_all(struct service *service)
{
	struct console *console = service_context(service);
	uint8_t bytes[TERMINAL_CHUNK];
	size_t room, n;

	for (;;) {
		room = wait_for_room(console);
		n = room ? read_host(console, bytes, MIN(room, sizeof(bytes))) : 0;
		if (!n)
			break;
		(void)!terminal_give(console->terminal, bytes, n);
	}
	if (!is_closing(console))
		terminal_hang_up(console->terminal); /* the user has left */
}

/* ---- To the host ---- */

static size_t wait_for_output(struct console *console, uint8_t *to, size_t size)
{
	struct waiter waiter;
	size_t n;

	waiter_init(&waiter);
	wait_add(&console->terminal->far_input, &waiter);
	n = terminal_take(console->terminal, to, size);
	while (!n && !is_closing(console)) {
		(void)!wait_sleep(WAIT_FOREVER);
		n = terminal_take(console->terminal, to, size);
	}
	wait_remove(&waiter);
	return n;
}

static int write_host(struct console *console, const uint8_t *bytes, size_t size)
{
	struct platform_host_poll poll = {.host_fd = console->out_fd, .events = POLLOUT};
	size_t done = 0;
	long n;

	while (done < size && !is_closing(console)) {
		n = wait_sleep_host(&poll, 1, WAIT_FOREVER);
		if (!n && poll.ready)
			n = platform_host_write(console->out_fd, bytes + done, size - done);
		if (n < 0 && n != -EINTR && n != -EAGAIN)
			return (int)n;
		if (n > 0)
			done += MIN((size_t)n, size - done);
	}
	return 0;
}

static void note_written(struct console *console, size_t size)
{
	__atomic_add_fetch(&console->written, size, __ATOMIC_RELEASE);
	__atomic_add_fetch(&console->progress, 1, __ATOMIC_RELEASE);
	platform_wake(&console->progress, 1);
}

static void write_all(struct service *service)
{
	struct console *console = service_context(service);
	uint8_t bytes[WRITE_SIZE];
	bool is_broken = false;
	size_t n;

	while (!is_closing(console)) {
		n = wait_for_output(console, bytes, sizeof(bytes));
		/* Nobody looks any more: what is written is lost, and nobody waits for it. */
		is_broken = is_broken || write_host(console, bytes, n) < 0;
		note_written(console, n);
	}
}

/* ---- The console ---- */

void console_resize(struct console *console)
{
	struct platform_window host;
	struct winsize window;

	if (platform_host_terminal_window(console->out_fd, &host) &&
		platform_host_terminal_window(console->in_fd, &host))
		return;
	window = (struct winsize){host.rows, host.columns, host.width, host.height};
	terminal_resize(console->terminal, &window);
}

/* Whether characters are of several bytes: the one setting of the user's terminal that matters to
 * ours. */
static void take_encoding(struct console *console)
{
	struct platform_terminal host;
	uint32_t input_flags;

	if (platform_host_terminal_get(console->in_fd, &host))
		return;
	memcpy(&input_flags, host.bytes, sizeof(input_flags)); /* the first of struct termios */
	console->terminal->line.settings.c_iflag |= input_flags & IUTF8;
}

static int start_services(struct console *console)
{
	int r = service_start("terminal-out", write_all, console, &console->writer);

	if (!r && console->in_fd >= 0)
		r = service_start("terminal-in", read_all, console, &console->reader);
	return r;
}

int console_new(int in_fd, int out_fd, struct console **ret_console)
{
	struct console *console = heap_alloc(sizeof(*console));
	int r;

	if (!console)
		return -ENOMEM;
	console->in_fd = in_fd;
	console->out_fd = out_fd;
	r = terminal_new(&console->terminal);
	if (r) {
		heap_free(console);
		return r;
	}
	console->terminal->is_locked = false;
	console_resize(console);
	take_encoding(console);
	r = start_services(console);
	if (r) {
		console_free(console);
		return r;
	}
	*ret_console = console;
	return 0;
}

int console_start(struct console *console, struct process *process)
{
	struct file *file;
	int r = terminal_open_peer(console->terminal, O_RDWR | O_NOCTTY, &file);

	if (r)
		return r;
	for (int fd = 0; fd < 3 && !r; fd++) {
		r = fd_table_place(process->files, file_ref(file), fd);
		if (r)
			file_unref(file);
	}
	file_unref(file);
	if (!r)
		control_start(console->terminal, process);
	return r;
}

static uint64_t output_end(struct terminal *terminal)
{
	LOCK_SCOPE(&terminal->lock);
	return terminal->line.output.head;
}

void console_drain(struct console *console)
{
	uint64_t end = output_end(console->terminal);
	uint64_t deadline_ns = platform_monotonic_ns() + DRAIN_PATIENCE_NS;
	uint64_t written, last = 0;
	uint32_t seen;

	for (;;) {
		seen = __atomic_load_n(&console->progress, __ATOMIC_ACQUIRE);
		written = __atomic_load_n(&console->written, __ATOMIC_ACQUIRE);
		if (written >= end || platform_monotonic_ns() >= deadline_ns)
			return;
		if (written != last)
			deadline_ns = platform_monotonic_ns() + DRAIN_PATIENCE_NS;
		last = written;
		/* Whoever ends is called for; it has nothing more important to do. */
		thread_current()->block.pending = 0;
		platform_wait(&console->progress, seen, deadline_ns);
	}
}

void console_free(struct console *console)
{
	__atomic_store_n(&console->is_closing, true, __ATOMIC_SEQ_CST);
	terminal_hang_up(console->terminal);
	service_stop(console->reader);
	service_stop(console->writer);
	terminal_unref(console->terminal);
	heap_free(console);
}

int console_make_first(int in_fd, int out_fd, struct process *process)
{
	int r = console_new(in_fd, out_fd, &first);

	return r ? r : console_start(first, process);
}

struct console *console_first(void)
{
	return first;
}

struct terminal *console_terminal(void)
{
	return first ? first->terminal : NULL;
}
