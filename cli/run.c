#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/life.h"
#include "cli/network.h"
#include "cli/quoting.h"
#include "host/enclave.h"

#define NAME "run"
#define STATUS_BROKEN 125 /* as docker: our own failure, not the program's */
#define MOUNT_COUNT_MAX 32

enum option_value {
	OPTION_TRACE = 256,
	OPTION_LOG,
	OPTION_ADD_HOST,
	OPTION_NAME,
	OPTION_RM,
	OPTION_ENV, /* the long one: never a filter of --trace */
	OPTION_STATS,
	OPTION_STRING_SIZE,
};

static const struct option long_options[] = {
	{"interactive", no_argument, NULL, 'i'},
	{"tty", no_argument, NULL, 't'},
	{"env", required_argument, NULL, OPTION_ENV},
	{"publish", required_argument, NULL, 'p'},
	{"add-host", required_argument, NULL, OPTION_ADD_HOST},
	{"volume", required_argument, NULL, 'v'},
	{"workdir", required_argument, NULL, 'w'},
	{"trace", optional_argument, NULL, OPTION_TRACE},
	{"stats", optional_argument, NULL, OPTION_STATS},
	{"string-size", required_argument, NULL, OPTION_STRING_SIZE},
	{"log", required_argument, NULL, OPTION_LOG},
	{"name", required_argument, NULL, OPTION_NAME},
	{"rm", no_argument, NULL, OPTION_RM},
	{"detach", no_argument, NULL, 'd'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char short_options[] = "+:dite:p:v:w:h";

static const char help[] =
	"usage: casemate run [OPTION...] IMAGE [PROGRAM] [ARGUMENT...]\n\n"
	"  -i, --interactive            read standard input (without -t it always is)\n"
	"  -t, --tty                    give the program a terminal; -it: this one\n"
	"  -e, --env NAME[=VALUE]       set a variable (without a value: take yours)\n"
	"  -v, --volume HOST:DIR[:ro]   mount a directory of the host, unprotected\n"
	"  -p, --publish [[ADDR:]HOST:]PORT[/udp]\n"
	"                               a port of the host leads to PORT in the enclave\n"
	"      --add-host NAME:ADDRESS  a line for /etc/hosts; host-gateway: this host\n"
	"  -w, --workdir DIR            begin in this directory\n"
	"  -d, --detach                 in the background, as `casemate start`\n"
	"      --name NAME              the enclave's name, for `casemate exec` and the like\n"
	"      --rm                     with -d: forget the enclave when it has ended\n"
	"      --trace[=FILE]           print system calls, to standard error or FILE\n"
	"      -e trace=SET, signal=SET with --trace: print these only, as strace has it\n"
	"      --string-size N          with --trace: how much of a string is shown; 32\n"
	"      --stats[=FILE]           print how often calls were made, and how long they took\n"
	"      --log LEVEL              error, warning (default), info or debug\n";

struct request {
	struct enclave_options options;
	struct life_options life;
	char **environment;
	char *filter; /* lines of what -e says of --trace */
	struct enclave_mount mounts[MOUNT_COUNT_MAX];
	struct network_options network;
};

static int fail(const char *what)
{
	return cli_error(STATUS_BROKEN, NAME, "%s: %s", what, strerror(errno));
}

static int add_variable(struct request *request, const char *text)
{
	size_t count = request->options.environment_count;
	char **longer = realloc(request->environment, (count + 1) * sizeof(*longer));
	const char *value = strchr(text, '=') ? NULL : getenv(text);

	if (!longer)
		return fail("-e");
	request->environment = longer;
	request->options.environment = longer;
	if (!strchr(text, '=')) {
		if (!value)
			return 0; /* as docker: a variable you don't have is not set */
		if (asprintf(&longer[count], "%s=%s", text, value) < 0)
			return fail("-e");
	} else {
		longer[count] = strdup(text);
		if (!longer[count])
			return fail("-e");
	}
	request->options.environment_count++;
	return 0;
}

static int add_mount(struct request *request, const char *text)
{
	struct enclave_mount *mount = &request->mounts[request->options.mount_count];
	char *host = strdup(text), *target = host ? strchr(host, ':') : NULL, *mode;

	if (!target || target == host || target[1] != '/')
		return cli_error(
			STATUS_BROKEN, NAME, "-v %s: must be HOST:/DIR or HOST:/DIR:ro", text);
	if (request->options.mount_count == MOUNT_COUNT_MAX)
		return cli_error(STATUS_BROKEN, NAME, "-v: more than %d mounts", MOUNT_COUNT_MAX);
	*target++ = '\0';
	mode = strchr(target, ':');
	if (mode) {
		*mode++ = '\0';
		if (strcmp(mode, "ro") != 0 && strcmp(mode, "rw") != 0)
			return cli_error(
				STATUS_BROKEN, NAME, "-v %s: \"%s\" must be ro or rw", text, mode);
	}
	mount->fd = open(host, O_DIRECTORY | O_PATH | O_CLOEXEC);
	if (mount->fd < 0)
		return cli_error(STATUS_BROKEN, NAME, "-v %s: %s", host, strerror(errno));
	mount->target = target;
	mount->read_only = mode && !strcmp(mode, "ro");
	request->options.mount_count++;
	return 0;
}

static int open_trace(struct request *request, const char *path, const char *option)
{
	request->options.trace_fd =
		path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666)
		     : STDERR_FILENO;
	if (request->options.trace_fd < 0)
		return cli_error(STATUS_BROKEN, NAME, "--%s=%s: %s", option, path, strerror(errno));
	return 0;
}

static int set_trace(struct request *request, const char *path)
{
	request->options.trace = true;
	return open_trace(request, path, "trace");
}

static int set_stats(struct request *request, const char *path)
{
	request->options.stats = true;
	return path || request->options.trace_fd < 0 ? open_trace(request, path, "stats") : 0;
}

static int set_string_size(struct request *request, const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value < 1 || value > 512)
		return cli_error(STATUS_BROKEN, NAME, "--string-size %s: must be 1 to 512", text);
	request->options.trace_string_size = (uint32_t)value;
	return 0;
}

/* Is that a filter, should there be a trace? A variable may be called so too: --env always means
 * one. */
static bool is_filter(const char *text)
{
	return !strncmp(text, "trace=", 6) || !strncmp(text, "signal=", 7) ||
	       !strncmp(text, "signals=", 8) || *text == '!';
}

/* Without --trace it is a variable like any other; so the command line is gone through twice. */
static int add_filters(struct request *request, int argc, char **argv)
{
	char *longer;
	int option, status = 0;

	optind = 1;
	while (!status &&
		(option = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
		if (option != 'e' || !is_filter(optarg))
			continue;
		if (!request->options.trace) {
			status = add_variable(request, optarg);
		} else if (asprintf(&longer, "%s%s\n", request->filter ? request->filter : "",
				   optarg) < 0) {
			status = fail("-e");
		} else {
			free(request->filter);
			request->filter = longer;
		}
	}
	request->options.trace_filter = request->filter;
	return status;
}

static int set_log(struct request *request, const char *level, const char *option)
{
	static const char *const levels[] = {"error", "warning", "info", "debug"};

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (!strcmp(level, levels[i])) {
			request->options.log_level = (int)i;
			return 0;
		}
	return cli_error(
		STATUS_BROKEN, NAME, "%s%s: must be error, warning, info or debug", option, level);
}

static int set_name(struct request *request, const char *name)
{
	if (!state_is_name(name))
		return cli_error(STATUS_BROKEN, NAME,
			"--name %s: must be letters, digits, and in it \".\", \"_\" and \"-\", at "
			"most %d",
			name, STATE_NAME_SIZE - 1);
	request->life.name = name;
	return 0;
}

static int run(const char *path, struct request *request)
{
	CLEANUP(image_closep) struct image *image = NULL;
	struct image_error error;
	int status = STATUS_BROKEN;

	if (image_open(path, &image, &error) < 0)
		return cli_error(STATUS_BROKEN, NAME, "%s", error.text);
	request->life.path = path;
	if (request->life.detach || request->life.name)
		return life_run(image, &request->options, &request->life);
	if (enclave_run(image, &request->options, &status, &error) < 0)
		return cli_error(STATUS_BROKEN, NAME, "%s", error.text);
	return status;
}

static int run_command(int argc, char **argv, bool detach)
{
	struct request request = {.life = {.detach = detach},
		.options = {.trace_fd = -1,
			.log_level = 1,
			.log_fd = STDERR_FILENO,
			.quoting_start = quoting_start}};
	int option, status = 0;

	request.options.mounts = request.mounts;
	if (cli_occupy_streams(NAME))
		return STATUS_BROKEN;
	if (getenv("CASEMATE_LOG")) {
		status = set_log(&request, getenv("CASEMATE_LOG"), "CASEMATE_LOG=");
		if (status)
			return status;
	}
	while ((option = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
		if (option == 'i')
			request.options.has_input = true;
		else if (option == 't')
			request.options.has_terminal = true;
		else if (option == OPTION_ENV || (option == 'e' && !is_filter(optarg)))
			status = add_variable(&request, optarg);
		else if (option == 'e')
			continue; /* see add_filters */
		else if (option == OPTION_STATS)
			status = set_stats(&request, optarg);
		else if (option == OPTION_STRING_SIZE)
			status = set_string_size(&request, optarg);
		else if (option == 'v')
			status = add_mount(&request, optarg);
		else if (option == 'p')
			status = network_add_port(&request.network, &request.options, NAME, optarg);
		else if (option == OPTION_ADD_HOST)
			status = network_add_name(&request.network, &request.options, NAME, optarg);
		else if (option == 'w')
			request.options.working_directory = optarg;
		else if (option == OPTION_TRACE)
			status = set_trace(&request, optarg);
		else if (option == OPTION_LOG)
			status = set_log(&request, optarg, "--log ");
		else if (option == OPTION_NAME)
			status = set_name(&request, optarg);
		else if (option == OPTION_RM)
			request.life.removes = true;
		else if (option == 'd')
			request.life.detach = true;
		else if (option == 'h')
			return fputs(help, stdout) < 0 ? STATUS_BROKEN : cli_finish(NAME, 0);
		else
			status = cli_bad_option(NAME, option, argv) ? STATUS_BROKEN : 0;
		if (status)
			return status;
	}
	if (optind == argc)
		return cli_error(STATUS_BROKEN, NAME, "give an image; see casemate-run(1)");
	status = add_filters(&request, argc, argv);
	if (status)
		return status;
	if (request.options.has_terminal && request.life.detach)
		return cli_error(STATUS_BROKEN, NAME,
			"-t with -d: a detached program has no terminal to be shown at");
	if (request.options.has_terminal && request.options.has_input && !isatty(STDIN_FILENO))
		return cli_error(STATUS_BROKEN, NAME,
			"the input device is not a TTY: standard input must be a terminal for "
			"-it; use -i alone for a pipe or a file");
	request.options.arguments = argv + optind + 1;
	request.options.argument_count = (size_t)(argc - optind - 1);
	return run(argv[optind], &request);
}

int cli_run(int argc, char **argv)
{
	return run_command(argc, argv, false);
}

int run_detached(int argc, char **argv)
{
	return run_command(argc, argv, true);
}
