#include <getopt.h>
#include <signal.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/life.h"

#define NAME "kill"

static const struct option long_options[] = {
	{"signal", required_argument, NULL, 's'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help[] = "usage: casemate kill [-s SIGNAL] NAME...\n\n"
			   "  -s, --signal SIGNAL   a name or number; KILL if not given\n";

static int signo = SIGKILL;

static int kill_one(const char *name)
{
	CLEANUP(state_entry_done) struct state_entry entry = {.directory = -1, .info = -1};
	struct state_info info;
	int status = life_find(NAME, name, &entry, &info);

	if (status == CLI_OK)
		status = life_signal(NAME, name, &entry, signo);
	if (status == CLI_OK)
		printf("%s\n", name);
	return status;
}

int cli_kill(int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "+:s:h", long_options, NULL)) != -1) {
		if (option == 's') {
			signo = life_signal_number(optarg);
			if (!signo)
				return cli_error(CLI_USAGE, NAME, "-s %s: no such signal", optarg);
		} else if (option == 'h') {
			fputs(help, stdout);
			return cli_finish(NAME, CLI_OK);
		} else {
			return cli_bad_option(NAME, option, argv);
		}
	}
	if (optind == argc)
		return cli_error(CLI_USAGE, NAME, "give an enclave's name; see casemate-kill(1)");
	return life_each_name(argv + optind, NAME, kill_one);
}
