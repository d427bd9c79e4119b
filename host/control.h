/* The launcher's ear: a thread that serves a socket (exec, signals, the list of processes), passes
 * requests to the LibOS through the mailbox (abi/mailbox.h), and keeps what a detached enclave
 * prints.
 *
 * Messages go over an AF_UNIX SOCK_SEQPACKET socket, one request or reply each; only the same user
 * and root are heard. A connection carries requests one after the other, and after an EXEC only
 * signals. The launcher closes it at the end of that program, and of the enclave. */
#ifndef HOST_CONTROL_H
#define HOST_CONTROL_H

#include <sys/types.h>

#include "abi/launch.h"
#include "abi/mailbox.h"
#include "image/error.h"

#define CONTROL_NAME "control"
#define CONTROL_VERSION 1
#define CONTROL_TEXT_SIZE (64U * 1024)

enum control_kind {
	CONTROL_EXEC = 1,      /* with three descriptors; STARTED or REFUSED, then ENDED */
	CONTROL_SIGNAL = 2,    /* to process 1, or to the program of this connection; DONE */
	CONTROL_PROCESSES = 3, /* DONE with a text, as MAILBOX_PROCESSES has it */
	CONTROL_READ = 4,      /* DONE with a part of a file; an empty one after its end */
};

/* Sent as far as the strings go. */
struct control_request {
	uint32_t version, kind;
	struct mailbox_request body; /* without kind, slot and streams */
};
#define CONTROL_REQUEST_SIZE_MIN offsetof(struct control_request, body.strings)

enum control_reply_kind {
	CONTROL_STARTED = 1,
	CONTROL_REFUSED, /* why is in the text; `value` the exit status of the client */
	CONTROL_ENDED,   /* `value` as from wait(2), and why it could not start */
	CONTROL_DONE,    /* `value` 0 or -errno */
};

struct control_reply {
	uint32_t kind;
	int32_t value;
	uint32_t text_size;           /* without the NUL */
	char text[CONTROL_TEXT_SIZE]; /* sent as far as it goes, terminated */
};
#define CONTROL_REPLY_SIZE_MIN offsetof(struct control_reply, text)

struct journal;

struct control_options {
	int listen_fd;           /* -1: nobody may ask */
	int started_fd;          /* a byte is written when process 1 runs its program; -1: not */
	bool *started;           /* … and this set; may be NULL */
	int log_fd, output_fd;   /* then log_fd becomes a copy of output_fd; -1: it does not */
	int output_fds[2];       /* what is printed, to be read here: stdout, stderr; -1: nothing */
	struct journal *journal; /* where it goes */
};

struct control;

/* A listening socket in that directory. */
MUST_CHECK int control_listen(int directory, int *ret_fd, struct image_error *error);

/* @session: the enclave's, to be killed when asked. The options must outlive it. */
MUST_CHECK int control_start(const struct control_options *options, struct mailbox *mailbox,
	struct launch_live *live, int notify_fd, pid_t session, struct control **ret,
	struct image_error *error);
/* The enclave has ended: tells whoever waits. Returns whether it was asked to kill it. NULL: false.
 */
bool control_finish(struct control *control);

/* ---- The other side ----------------------------------------------------------------------------
 */

/* A connection to the launcher of an enclave. -ENOENT, -ECONNREFUSED: it does not run. */
MUST_CHECK int control_connect(int directory);
/* @streams: three descriptors, or NULL. */
MUST_CHECK int control_send(int fd, const struct control_request *request, const int streams[3]);
/* 0: the launcher has closed the connection; else 1. */
MUST_CHECK int control_receive(int fd, struct control_reply *ret_reply);

#endif
