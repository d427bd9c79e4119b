#include "cli/cli.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "image/error.h"
#include "image/file.h"

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

/* Is what getopt did not like --NAME=VALUE, where NAME takes none? optopt is the letter then, as it
 * is of an unknown letter; but if that has others behind it, getopt has not left their word. */
static bool has_needless_value(char **argv)
{
	const char *word = argv[optind - 1], *next = argv[optind];
	bool is_within = next && next[0] == '-' && next[1] != '-' && strchr(next, optopt);

	return optopt && !is_within && !strncmp(word, "--", 2) && strchr(word, '=');
}

int cli_bad_option(const char *command, int option, char **argv)
{
	const char *what = option == ':' ? "needs a value" : "is unknown";
	const char *word = argv[optind - 1];

	if (option == '?' && has_needless_value(argv))
		return cli_error(CLI_USAGE, command,
			"option %.*s takes no value; see casemate-%s(1)", (int)strcspn(word, "="),
			word, command);
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
