/* Enclaves that have a name: running one, and reaching one that runs. */
#ifndef CLI_LIFE_H
#define CLI_LIFE_H

#include "host/control.h"
#include "host/enclave.h"
#include "host/state.h"

#define LIFE_BROKEN 125 /* as docker: our own failure, not the program's */

struct life_options {
	const char *name; /* NULL: chosen */
	const char *path; /* of the image */
	bool detach;      /* in the background; else until it ends */
	bool removes;     /* forgotten when it has ended; what is not detached always is */
};

/* `casemate run` and `casemate start` with what the options say: the exit status. */
int life_run(const struct image *image, const struct enclave_options *options,
	const struct life_options *life);

/* `casemate run -d` */
int run_detached(int argc, char **argv);

/* Find the enclave called @name: CLI_OK, or CLI_FAILED and it has been said why. */
int life_find(const char *command, const char *name, struct state_entry *ret,
	struct state_info *ret_info);
/* A connection to it; -1: it does not run, and that has been said. */
int life_connect(const char *command, const char *name, const struct state_entry *entry);
/* A question that is answered by a text: CLI_OK, or CLI_FAILED and it has been said why.
 * @connection is used again for the next. */
int life_ask(const char *command, const char *name, int connection,
	const struct control_request *request, struct control_reply *ret_reply);
/* Send signal @signo to its program. CLI_OK, or CLI_FAILED and it has been said why. */
int life_signal(const char *command, const char *name, const struct state_entry *entry, int signo);
/* The number of a signal called "TERM", "SIGTERM", "15" or "RTMIN+1"; 0: there is none. */
int life_signal_number(const char *text);

/* Take the options of a command that has only --help, and do @one for each name that follows. */
int life_each(
	int argc, char **argv, const char *command, const char *help, int (*one)(const char *name));
/* do @one for each of the names, going on after one that fails. */
int life_each_name(char **names, const char *command, int (*one)(const char *name));

#endif
