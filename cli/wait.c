#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/life.h"

#define NAME "wait"

static const char help[] = "usage: casemate wait NAME...\n\n"
			   "Waits until each has ended and prints its exit status.\n";

static int wait_one(const char *name)
{
	CLEANUP(state_entry_done) struct state_entry entry = {.directory = -1, .info = -1};
	struct state_info info;
	int r, status = life_find(NAME, name, &entry, &info);

	if (status != CLI_OK)
		return status;
	r = state_wait(&entry, &info);
	if (r)
		return cli_error(CLI_FAILED, NAME, "%s: %s", name, strerror(-r));
	printf("%d\n", info.status);
	return CLI_OK;
}

int cli_wait(int argc, char **argv)
{
	return life_each(argc, argv, NAME, help, wait_one);
}
