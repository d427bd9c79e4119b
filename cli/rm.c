#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/life.h"
#include "image/file.h"

#define NAME "rm"

static const struct option long_options[] = {
	{"force", no_argument, NULL, 'f'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help[] = "usage: casemate rm [-f] NAME...\n\n"
			   "  -f, --force   end it first, by SIGKILL, if it runs\n";

static bool force;

static int end(const char *name)
{
	CLEANUP(state_entry_done) struct state_entry entry = {.directory = -1, .info = -1};
	struct state_info info;
	int status = life_find(NAME, name, &entry, &info);

	if (status != CLI_OK || !info.runs)
		return status;
	status = life_signal(NAME, name, &entry, SIGKILL);
	return status == CLI_OK && state_wait(&entry, &info) ? CLI_FAILED : status;
}

static int remove_one(const char *name)
{
	CLEANUP(close_fdp) int state = -1;
	struct image_error error;
	int r = force ? end(name) : CLI_OK;

	if (r != CLI_OK)
		return r;
	r = state_open(&state, &error);
	if (r)
		return cli_error(CLI_FAILED, NAME, "%s", error.text);
	r = state_remove(state, name);
	if (r == -ENOENT && force)
		r = 0; /* it went by itself when it had ended */
	if (r == -EBUSY)
		return cli_error(
			CLI_FAILED, NAME, "enclave %s runs; stop it first, or give -f", name);
	if (r == -ENOENT)
		return cli_error(CLI_FAILED, NAME,
			"there is no enclave \"%s\"; `casemate ps -a` lists them", name);
	if (r)
		return cli_error(CLI_FAILED, NAME, "%s: %s", name, strerror(-r));
	printf("%s\n", name);
	return CLI_OK;
}

int cli_rm(int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "+:fh", long_options, NULL)) != -1) {
		if (option == 'f') {
			force = true;
		} else if (option == 'h') {
			fputs(help, stdout);
			return cli_finish(NAME, CLI_OK);
		} else {
			return cli_bad_option(NAME, option, argv);
		}
	}
	if (optind == argc)
		return cli_error(CLI_USAGE, NAME, "give an enclave's name; see casemate-rm(1)");
	return life_each_name(argv + optind, NAME, remove_one);
}
