#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

#include "cli/cli.h"

#define NAME "syscalls"

enum level { LEVEL_FULL, LEVEL_PARTIAL, LEVEL_REFUSED, LEVEL_NONE };
static const char *const level_names[] = {"full", "partial", "refused", "none"};

/* The table that the LibOS dispatches by, read as data. */
static const struct entry {
	int number;
	const char *name;
	enum level level;
	const char *error; /* its name, "0" for none */
	const char *note;
} table[] = {
#define SYSCALL(number, name, level, error, note) {number, #name, LEVEL_##level, #error, note},
#include "libos/syscalls/table.def"
#undef SYSCALL
};

static const struct option long_options[] = {
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help[] = "usage: casemate syscalls [--json]\n";

/* What it always answers; "" if it does its work. */
static const char *error_of(const struct entry *entry)
{
	return entry->error[0] == '0' ? "" : entry->error;
}

static void print_text(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct entry *e = &table[i];

		printf("%3d %-24s %s", e->number, e->name, level_names[e->level]);
		if (*error_of(e))
			printf(" %s", error_of(e));
		printf("%s%s\n", *e->note ? ": " : "", e->note);
	}
}

static int print_json(void)
{
	json_t *list = json_array();
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		json_array_append_new(
			list, json_pack("{s:i, s:s, s:s, s:s, s:s}", "number", table[i].number,
				      "name", table[i].name, "level", level_names[table[i].level],
				      "error", error_of(&table[i]), "note", table[i].note));
	r = json_dumpf(list, stdout, JSON_INDENT(2));
	json_decref(list);
	if (r < 0)
		return cli_error(CLI_FAILED, NAME, "the table can't be written");
	putchar('\n');
	return CLI_OK;
}

int cli_syscalls(int argc, char **argv)
{
	bool json = false;
	int option;

	while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		if (option == 'j') {
			json = true;
		} else if (option == 'h') {
			fputs(help, stdout);
			return cli_finish(NAME, CLI_OK);
		} else {
			return cli_bad_option(NAME, option, argv);
		}
	}
	if (optind != argc)
		return cli_error(CLI_USAGE, NAME, "takes no arguments; see casemate-syscalls(1)");
	if (json)
		return cli_finish(NAME, print_json());
	print_text();
	return cli_finish(NAME, CLI_OK);
}
