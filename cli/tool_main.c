/* casemate-tool: the commands that `casemate` starts it for, with the command's name as its own. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/quoting_server.h"

static const struct {
	const char *name;
	cli_command_fn *run;
} commands[] = {
	{"build", cli_build},
	{"evidence", cli_evidence},
	{"quoting", quoting_server},
	{"ratls", cli_ratls},
	{"verify", cli_verify},
	{"verify-evidence", cli_verify_evidence},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 0 && i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[0], commands[i].name))
			return commands[i].run(argc, argv);
	fprintf(stderr, "casemate-tool: is part of casemate, which starts it\n");
	return CLI_USAGE;
}
