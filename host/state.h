/* Which enclaves there are: a directory for each in $XDG_RUNTIME_DIR/casemate, /run/casemate (root)
 * or $TMPDIR/casemate-UID, which only its owner may enter.
 *
 *	NAME/info      lines of key=value; the launcher holds a lock (flock) on it as long as any
 *	               process of the enclave lives, and adds how it ended
 *	NAME/control   the launcher's socket (host/control.h)
 *	NAME/log       what a detached enclave printed (host/journal.h), and log.1 before it
 *
 * An enclave whose info says no end, and is not locked, was killed with its launcher. */
#ifndef HOST_STATE_H
#define HOST_STATE_H

#include <sys/types.h>

#include "image/error.h"

#define STATE_NAME_SIZE 65 /* with the NUL */
#define STATE_TEXT_SIZE 512
#define STATE_STATUS_KILLED 137 /* 128 + SIGKILL */

struct state_info {
	char name[STATE_NAME_SIZE];
	pid_t launcher;
	int64_t created, finished; /* seconds since 1970; finished 0: it runs or was killed */
	char image[STATE_TEXT_SIZE];
	char digest[65];               /* of the image, hexadecimal */
	char command[STATE_TEXT_SIZE]; /* as given, cut; "": the image's own */
	bool removes;                  /* goes by itself when it has ended */
	bool has_log;
	/* Not written by state_create: */
	bool runs;
	int status; /* exit status, once it does not run */
};

struct state_entry {
	int directory; /* NAME/ */
	int info;      /* locked, in the launcher */
};

void state_entry_done(struct state_entry *entry);

/* May that be the name of an enclave: letters, digits and, but for the first, '.', '_' and '-'? */
bool state_is_name(const char *name);

/* The directory of all, made if need be; closed by the caller. -EPERM: it is another user's, or
 * others may enter it. */
MUST_CHECK int state_open(int *ret_state, struct image_error *error);

/* A new entry; an empty @info->name is chosen. It is locked until its descriptor has no copy any
 * more. -EEXIST: the name is in use. */
MUST_CHECK int state_create(
	int state, struct state_info *info, struct state_entry *ret, struct image_error *error);
/* The enclave has ended. */
void state_finish(const struct state_entry *entry, int status);

/* Open an entry and read it. -ENOENT. @ret may be NULL. */
MUST_CHECK int state_read(
	int state, const char *name, struct state_entry *ret, struct state_info *ret_info);
/* Wait until no process of it lives, and read how it ended. */
MUST_CHECK int state_wait(const struct state_entry *entry, struct state_info *ret_info);

/* All entries, sorted by when they began; freed by the caller. What has ended and goes by itself is
 * removed first. */
MUST_CHECK int state_list(int state, struct state_info **ret_infos, size_t *ret_count);

/* Remove an entry. -EBUSY: it runs. */
MUST_CHECK int state_remove(int state, const char *name);

#endif
