#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "image/error.h"
#include "image/file.h"

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

int cli_error(int status, const char *command, const char *format, ...)
{
	char text[2 * IMAGE_ERROR_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* Names come from foreign archives: the terminal must not obey them. */
	for (char *c = text; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = '?';
	fprintf(stderr, "casemate: %s: %s\n", command, text);
	return status;
}

int cli_bad_option(const char *command, int option, char **argv)
{
	const char *what = option == ':' ? "needs a value" : "is unknown";

	/* A long option stands in argv; of a short one getopt tells the letter. */
	if (optopt > 0 && optopt < 256)
		return cli_error(CLI_USAGE, command, "option -%c %s; see casemate-%s(1)", optopt,
			what, command);
	return cli_error(CLI_USAGE, command, "option %s %s; see casemate-%s(1)", argv[optind - 1],
		what, command);
}

int cli_occupy_streams(const char *command)
{
	int fd;

	do {
		fd = open("/", O_PATH);
		if (fd < 0)
			return cli_error(
				CLI_FAILED, command, "standard streams: %s", strerror(errno));
	} while (fd <= STDERR_FILENO);
	close(fd);
	return CLI_OK;
}

void cli_print_hex(const char *label, const unsigned char *bytes, size_t size)
{
	char text[2 * 64 + 1];

	hex_encode(bytes, MIN(size, (size_t)64), text);
	printf("%-17s %s\n", label, text);
}

int cli_finish(const char *command, int status)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		return cli_error(CLI_FAILED, command, "standard output: %s", strerror(errno));
	return status;
}

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
