#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/life.h"
#include "image/file.h"

#define NAME "ps"

static const struct option long_options[] = {
	{"all", no_argument, NULL, 'a'},
	{"json", no_argument, NULL, 'j'},
	{"processes", required_argument, NULL, 'p'},
	{"quiet", no_argument, NULL, 'q'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"usage: casemate ps [-a] [-q | --json]\n"
	"       casemate ps --processes NAME\n\n"
	"  -a, --all              those that have ended too\n"
	"  -q, --quiet            names only\n"
	"      --json             everything, for programs\n"
	"      --processes NAME   the processes in an enclave, and what the host calls them\n";

static void status_text(const struct state_info *info, char to[32])
{
	if (info->runs)
		snprintf(to, 32, "running");
	else
		snprintf(to, 32, "exited (%d)", info->status);
}

static void print_text(const struct state_info *infos, size_t count)
{
	char status[32], created[32];
	struct tm tm;
	time_t when;

	printf("%-20s %-14s %-20s %-24s %s\n", "NAME", "STATUS", "CREATED", "IMAGE", "COMMAND");
	for (size_t i = 0; i < count; i++) {
		when = infos[i].created;
		status_text(&infos[i], status);
		strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&when, &tm));
		printf("%-20s %-14s %-20s %-24s %s\n", infos[i].name, status, created,
			infos[i].image, infos[i].command);
	}
}

static int print_json(const struct state_info *infos, size_t count)
{
	json_t *list = json_array(), *object;
	int r;

	for (size_t i = 0; i < count; i++) {
		const struct state_info *info = &infos[i];

		object = json_pack("{s:s, s:s, s:b, s:I, s:s, s:s, s:s}", "Name", info->name,
			"Status", info->runs ? "running" : "exited", "Running", info->runs,
			"Created", (json_int_t)info->created, "Image", info->image, "ImageDigest",
			info->digest, "Command", info->command);
		if (info->runs)
			json_object_set_new(object, "Pid", json_integer(info->launcher));
		else
			json_object_set_new(object, "ExitCode", json_integer(info->status));
		if (info->finished)
			json_object_set_new(object, "Finished", json_integer(info->finished));
		json_array_append_new(list, object);
	}
	r = json_dumpf(list, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	json_decref(list);
	if (r < 0)
		return cli_error(CLI_FAILED, NAME, "the list can't be written");
	putchar('\n');
	return CLI_OK;
}

static int list(bool all, bool quiet, bool json)
{
	CLEANUP(close_fdp) int state = -1;
	CLEANUP(freep) struct state_info *infos = NULL;
	struct image_error error;
	size_t count, kept = 0;
	int r = state_open(&state, &error);

	if (r)
		return cli_error(CLI_FAILED, NAME, "%s", error.text);
	r = state_list(state, &infos, &count);
	if (r)
		return cli_error(CLI_FAILED, NAME, "%s", strerror(-r));
	for (size_t i = 0; i < count; i++)
		if (all || infos[i].runs)
			infos[kept++] = infos[i];
	if (json && print_json(infos, kept) != CLI_OK)
		return CLI_FAILED;
	if (!json && !quiet)
		print_text(infos, kept);
	for (size_t i = 0; quiet && !json && i < kept; i++)
		printf("%s\n", infos[i].name);
	return cli_finish(NAME, CLI_OK);
}

static int list_processes(const char *name)
{
	CLEANUP(state_entry_done) struct state_entry entry = {.directory = -1, .info = -1};
	CLEANUP(freep) struct control_request *request = calloc(1, sizeof(*request));
	CLEANUP(freep) struct control_reply *reply = calloc(1, sizeof(*reply));
	CLEANUP(close_fdp) int connection = -1;
	struct state_info info;

	if (!request || !reply)
		return cli_error(CLI_FAILED, NAME, "%s", strerror(ENOMEM));
	if (life_find(NAME, name, &entry, &info) != CLI_OK)
		return CLI_FAILED;
	connection = life_connect(NAME, name, &entry);
	if (connection < 0)
		return CLI_FAILED;
	request->version = CONTROL_VERSION;
	request->kind = CONTROL_PROCESSES;
	if (life_ask(NAME, name, connection, request, reply) != CLI_OK)
		return CLI_FAILED;
	printf("PID PPID HOSTPID UID THREADS NAME\n%s", reply->text);
	return cli_finish(NAME, CLI_OK);
}

int cli_ps(int argc, char **argv)
{
	bool all = false, quiet = false, json = false;
	const char *enclave = NULL;
	int option;

	while ((option = getopt_long(argc, argv, ":aqh", long_options, NULL)) != -1) {
		if (option == 'a') {
			all = true;
		} else if (option == 'q') {
			quiet = true;
		} else if (option == 'j') {
			json = true;
		} else if (option == 'p') {
			enclave = optarg;
		} else if (option == 'h') {
			fputs(help, stdout);
			return cli_finish(NAME, CLI_OK);
		} else {
			return cli_bad_option(NAME, option, argv);
		}
	}
	if (optind != argc)
		return cli_error(CLI_USAGE, NAME, "takes no arguments; see casemate-ps(1)");
	return enclave ? list_processes(enclave) : list(all, quiet, json);
}
