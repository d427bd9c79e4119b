/* What the subcommands of `casemate` share. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/compiler.h"

enum cli_status {
	CLI_OK = 0,
	CLI_FAILED = 1, /* it was tried, and could not be done or was found wrong */
	CLI_USAGE = 2,  /* the command line makes no sense */
};

/* A subcommand: argv[0] is its name; returns the exit status. */
typedef int cli_command_fn(int argc, char **argv);

#define COMMAND(name, summary) cli_command_fn cli_##name;
#include "cli/commands.def"
#undef COMMAND

/* "casemate: <command>: ..." on standard error; returns @status. */
int cli_error(int status, const char *command, const char *format, ...) PRINTF_LIKE(3, 4);

/* What getopt_long(3) did not like, in our words; returns CLI_USAGE. @option: its answer. */
int cli_bad_option(const char *command, int option, char **argv);

/* A standard stream that the caller closed gets a descriptor that can neither be read nor written:
 * else the next file opened would be taken for it. 0 or CLI_FAILED. */
int cli_occupy_streams(const char *command);

/* Print to standard output; a full disk or a closed pipe is seen by cli_finish. */
void cli_print_hex(const char *label, const unsigned char *bytes, size_t size);
/* The exit status, after flushing standard output. */
int cli_finish(const char *command, int status);

#endif
