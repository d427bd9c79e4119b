/* What the host asks of a LibOS that runs, and what it answers: `casemate exec`, signals, and what
 * a debugger wants to know. One request at a time: the host fills `request`, increments `posted`
 * and rings the doorbell (abi/launch.h); the LibOS copies the request once, checks the copy, fills
 * `answer`, stores the value of `posted` in `answered` and notifies the host. It never reads what
 * it has written here. What becomes of a program stands in its slot. */
#ifndef ABI_MAILBOX_H
#define ABI_MAILBOX_H

#include <stdint.h>

#define MAILBOX_SLOT_COUNT 64 /* programs that run at a time because the host asked for them */
#define MAILBOX_STRINGS_SIZE (128U * 1024)
#define MAILBOX_TEXT_SIZE (256U * 1024)
#define MAILBOX_ERROR_SIZE 256U

enum mailbox_kind {
	MAILBOX_EXEC = 1,      /* start a program, in `slot`, which must be free */
	MAILBOX_SIGNAL = 2,    /* send `signal` to what runs in `slot` */
	MAILBOX_PROCESSES = 3, /* a line for each process; see below */
	MAILBOX_READ = 4,      /* a part of a file inside, of those in /proc too */
};

enum mailbox_flags {
	MAILBOX_HAS_WORKDIR = 1,
	MAILBOX_HAS_USER = 2,
	MAILBOX_TERMINAL = 4,       /* a terminal inside, shown at streams[1], */
	MAILBOX_TERMINAL_INPUT = 8, /* and typed at at streams[0] */
};

#define MAILBOX_SLOT_INIT 0 /* as `slot` of MAILBOX_SIGNAL: process 1 */

struct mailbox_request {
	uint32_t kind;
	uint32_t slot; /* 1 … MAILBOX_SLOT_COUNT */
	uint32_t signal;
	uint32_t reserved;
	uint64_t offset;    /* of MAILBOX_READ, in bytes; the path is the one string */
	int32_t streams[3]; /* descriptors of the host; the LibOS closes those of an EXEC that it
			       accepts */
	uint32_t flags;
	uint32_t uid, gid;
	uint32_t argument_count; /* the program first; not 0 */
	uint32_t environment_count;
	uint32_t strings_size;
	/* Arguments, environment, working directory, or a path; each NUL-terminated. */
	char strings[MAILBOX_STRINGS_SIZE];
};

/* MAILBOX_PROCESSES: "PID PPID HOSTPID UID THREADS NAME\n" each, numbers but for the name, in which
 * control characters and spaces are '?'. */
struct mailbox_answer {
	int32_t result;     /* a process number, 0, or -errno: then `text` says why, or is empty */
	uint32_t text_size; /* bytes of `text` */
	char text[MAILBOX_TEXT_SIZE];
};

enum mailbox_slot_state {
	MAILBOX_SLOT_FREE,
	MAILBOX_SLOT_RUNS,  /* set by the LibOS */
	MAILBOX_SLOT_ENDED, /* the rest is valid; the host may use the slot again */
};

struct mailbox_slot {
	uint32_t state;
	int32_t status;                 /* as from wait(2) */
	char error[MAILBOX_ERROR_SIZE]; /* why the program could not start, or "" */
};

struct mailbox {
	uint32_t posted, answered;
	uint32_t started; /* process 1 runs its program */
	uint32_t reserved;
	struct mailbox_request request;
	struct mailbox_answer answer;
	struct mailbox_slot slots[MAILBOX_SLOT_COUNT]; /* slot n is slots[n - 1] */
};

#endif
