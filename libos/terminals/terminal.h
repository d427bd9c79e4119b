/* A pseudo-terminal: two sides, with the line discipline between them.
 *
 *	near side	/dev/pts/N: what programs take for their terminal
 *	far side	/dev/ptmx, or the host's terminal (console.h)
 *
 * The far side makes it; when that closes, it is hung up for good.
 *
 * Lock order: process table -> terminal->lock -> wait queues. The terminals' own table of numbers
 * has a lock that is taken with no other held. */
#ifndef LIBOS_TERMINALS_TERMINAL_H
#define LIBOS_TERMINALS_TERMINAL_H

#include <asm/termios.h>

#include "libos/files/file.h"
#include "libos/terminals/line.h"

#define TERMINAL_COUNT_MAX 4096     /* /proc/sys/kernel/pty/max */
#define TERMINAL_INPUT_SIZE 65536UL /* bytes that the line discipline has no room for yet */
#define TERMINAL_MAJOR 136          /* of near sides: UNIX98_PTY_SLAVE_MAJOR */
#define TERMINAL_CHUNK 1024UL       /* bytes copied at a time */

struct process;

struct terminal {
	int32_t reference_count; /* files, inodes, and processes that it controls */
	uint32_t number;

	struct lock lock;
	struct line line;
	struct ring input; /* from the far side */
	struct winsize window;
	uint32_t near_count;   /* open files of the near side */
	bool near_was_closed;  /* the last of them was closed: the far side reads EIO */
	bool is_locked;        /* TIOCSPTLCK */
	bool is_exclusive;     /* TIOCEXCL */
	bool is_hung_up;       /* the far side is gone */
	bool is_writing;       /* one write at a time reaches the line discipline */
	bool has_packets;      /* TIOCPKT, */
	uint8_t packet_status; /* and what there is to tell: TIOCPKT_* */
	struct wait_queue near_input, near_output, far_input, far_output;

	struct inode *inode; /* /dev/pts/N; NULL once hung up */

	/* Under process_table_lock; 0: none */
	int32_t session, foreground;
};

/* A new one with the lowest free number, for a far side; referenced. -ENOSPC, -ENOMEM. */
MUST_CHECK int terminal_new(struct terminal **ret_terminal);
struct terminal *terminal_ref(struct terminal *terminal);
void terminal_unref(struct terminal *terminal); /* NULL is fine */
static inline void terminal_unrefp(struct terminal **terminal)
{
	terminal_unref(*terminal);
}
/* The far side is gone: the session hears SIGHUP, readers see the end, the number is free again. */
void terminal_hang_up(struct terminal *terminal);

/* ---- Bytes ---- */

/* What changed, for terminal_unlock to wake who waits for it. */
enum {
	WAKE_NEAR_INPUT = 1,
	WAKE_NEAR_OUTPUT = 2,
	WAKE_FAR_INPUT = 4,
	WAKE_FAR_OUTPUT = 8,
};
void terminal_unlock(struct terminal *terminal, uint32_t wakes);
/* Whoever waits anywhere looks again. */
#define WAKE_ALL 15U

/* From the far side's hand: how many bytes, never blocks. Their signals have been sent. */
MUST_CHECK size_t terminal_give(struct terminal *terminal, const uint8_t *bytes, size_t size);
/* Into the far side's hand. */
MUST_CHECK size_t terminal_take(struct terminal *terminal, uint8_t *to, size_t size);
/* Let the line discipline have what it has room for. */
void terminal_feed(struct terminal *terminal);
/* What line_* reported: packets to be told of. (locked) Returns wakes. */
MUST_CHECK uint32_t terminal_note(struct terminal *terminal, const struct line_events *events);
/* TIOCSWINSZ: SIGWINCH if it changes. */
void terminal_resize(struct terminal *terminal, const struct winsize *window);

/* ---- Files ---- */

/* Complete a file that is being opened on the near side. @is_peer: by whoever holds the far side,
 * who need not unlock it. -EIO, -EBUSY */
MUST_CHECK int terminal_open_near(struct terminal *terminal, struct file *file, bool is_peer);
extern const struct file_ops terminal_near_ops, terminal_far_ops;
/* A file of the near side for whoever holds the far side; @flags of open(2). */
MUST_CHECK int terminal_open_peer(
	struct terminal *terminal, uint32_t flags, struct file **ret_file);
/* ioctl(2) of both sides; far: of the far one. */
long terminal_ioctl(struct terminal *terminal, struct file *file, bool far, uint32_t request,
	uint64_t argument);

/* ---- /dev ---- */

/* Mounts /dev/pts; /dev/ptmx, /dev/tty, /dev/console. Once, before programs run. */
MUST_CHECK int terminals_init(void);
/* libos/terminals/devpts.c: an inode that opens @terminal (a reference is taken). NULL: no memory
 */
struct inode *devpts_inode_new(struct terminal *terminal);
/* Its entry in /dev/pts; NULL: no memory */
struct dentry *devpts_entry(struct terminal *terminal);
/* The terminal of a number; referenced, or NULL. */
struct terminal *terminal_find(uint32_t number);
/* The first of a number >= @number; referenced, or NULL. */
struct terminal *terminal_next(uint32_t number);

#endif
