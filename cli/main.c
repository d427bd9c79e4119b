#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

#ifndef CASEMATE_VERSION
#error "the build defines CASEMATE_VERSION"
#endif

static const struct {
	const char *name;
	const char *summary;
	cli_command_fn *run;
} commands[] = {
#define COMMAND(name, summary) {#name, summary, cli_##name},
#include "cli/commands.def"
#undef COMMAND
};

/* As the user types it: no name is longer. */
struct typed_name {
	char text[32];
};

static struct typed_name typed(const char *name)
{
	struct typed_name typed = {0};

	for (size_t i = 0; name[i] && i < sizeof(typed.text) - 1; i++)
		typed.text[i] = name[i] == '_' ? '-' : name[i];
	return typed;
}

static void print_help(FILE *to)
{
	fprintf(to, "usage: casemate COMMAND [OPTION...] [ARGUMENT...]\n\n"
		    "Runs unmodified Linux programs inside enclaves.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(to, "  %-15s %s\n", typed(commands[i].name).text, commands[i].summary);
	fprintf(to, "\n`man casemate-COMMAND` describes each.\n");
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return CLI_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_help(stdout);
		return cli_finish("help", CLI_OK);
	}
	if (!strcmp(argv[1], "--version")) {
		printf("casemate %s\n", CASEMATE_VERSION);
		return cli_finish("--version", CLI_OK);
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], typed(commands[i].name).text))
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "casemate: \"%s\" is not a command; `casemate --help` lists them\n",
		argv[1]);
	return CLI_USAGE;
}
