#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/life.h"
#include "image/file.h"

#define NAME "stop"
#define TIMEOUT_DEFAULT_S 10 /* as docker */
#define TIMEOUT_MAX_S 1000000

static const struct option long_options[] = {
	{"time", required_argument, NULL, 't'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"usage: casemate stop [-t SECONDS] NAME...\n\n"
	"  -t, --time SECONDS   how long to wait between SIGTERM and SIGKILL; 10\n";

static int timeout_s = TIMEOUT_DEFAULT_S;

/* Does it end in time? The launcher closes its connections then. */
static bool ends_in_time(int connection)
{
	struct pollfd poll_fd = {.fd = connection, .events = POLLIN};
	int r;

	do {
		r = poll(&poll_fd, 1, timeout_s * 1000);
	} while (r < 0 && errno == EINTR);
	return r > 0;
}

static int stop_running(const char *name, const struct state_entry *entry)
{
	CLEANUP(close_fdp) int connection = life_connect(NAME, name, entry);
	int status;

	if (connection < 0)
		return CLI_FAILED;
	status = life_signal(NAME, name, entry, SIGTERM);
	if (status == CLI_OK && !ends_in_time(connection))
		status = life_signal(NAME, name, entry, SIGKILL);
	return status;
}

static int stop_one(const char *name)
{
	CLEANUP(state_entry_done) struct state_entry entry = {.directory = -1, .info = -1};
	struct state_info info;
	int status = life_find(NAME, name, &entry, &info);

	if (status == CLI_OK && info.runs)
		status = stop_running(name, &entry);
	if (status == CLI_OK && state_wait(&entry, &info))
		status = CLI_FAILED;
	if (status == CLI_OK)
		printf("%s\n", name);
	return status;
}

static int set_timeout(const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (!*text || *end || value < 0 || value > TIMEOUT_MAX_S)
		return cli_error(CLI_USAGE, NAME, "-t %s: must be a number of seconds", text);
	timeout_s = (int)value;
	return CLI_OK;
}

int cli_stop(int argc, char **argv)
{
	int option, status;

	while ((option = getopt_long(argc, argv, "+:t:h", long_options, NULL)) != -1) {
		if (option == 't') {
			status = set_timeout(optarg);
			if (status != CLI_OK)
				return status;
		} else if (option == 'h') {
			fputs(help, stdout);
			return cli_finish(NAME, CLI_OK);
		} else {
			return cli_bad_option(NAME, option, argv);
		}
	}
	if (optind == argc)
		return cli_error(CLI_USAGE, NAME, "give an enclave's name; see casemate-stop(1)");
	return life_each_name(argv + optind, NAME, stop_one);
}
