#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "cli/cli.h"
#include "host/probe.h"

#define NAME "check"

static const struct option long_options[] = {
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help[] = "usage: casemate check [--json]\n";

struct platform {
	const char *name;
	const char *protection;
	int (*probe)(struct image_error *error);
	bool is_offered;
	struct image_error why_not;
};

static struct platform platforms[] = {
	{.name = "simulation",
		.protection = "protects nothing: for trying out",
		.probe = host_probe_simulation},
	{.name = "hypervisor",
		.protection = "protects from the owner of the machine",
		.probe = host_probe_hypervisor},
	{.name = "sgx",
		.protection = "protects from the owner of the machine",
		.probe = host_probe_sgx},
};

static const char *warning(void)
{
	return host_probe_counts_reservations()
		       ? "vm.overcommit_memory is 2: programs that reserve much memory may fail"
		       : NULL;
}

static void print_text(const struct utsname *kernel)
{
	printf("%-12s %s %s\n", "kernel", kernel->sysname, kernel->release);
	for (size_t i = 0; i < ARRAY_SIZE(platforms); i++) {
		const struct platform *p = &platforms[i];

		printf("%-12s %s: %s\n", p->name, p->is_offered ? "yes" : "no",
			p->is_offered ? p->protection : p->why_not.text);
	}
	if (warning())
		printf("warning: %s\n", warning());
}

static int print_json(const struct utsname *kernel)
{
	json_t *list = json_array(), *object;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(platforms); i++) {
		const struct platform *p = &platforms[i];

		json_array_append_new(list,
			json_pack("{s:s, s:b, s:s*}", "Name", p->name, "Offered", p->is_offered,
				"WhyNot", p->is_offered ? NULL : p->why_not.text));
	}
	object = json_pack("{s:s, s:o, s:s*}", "Kernel", kernel->release, "Platforms", list,
		"Warning", warning());
	r = object ? json_dumpf(object, stdout, JSON_INDENT(2) | JSON_SORT_KEYS) : -1;
	json_decref(object);
	if (r < 0)
		return cli_error(CLI_FAILED, NAME, "the answer can't be written");
	putchar('\n');
	return CLI_OK;
}

int cli_check(int argc, char **argv)
{
	struct utsname kernel;
	bool json = false;
	int option, status = CLI_FAILED;

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
		return cli_error(CLI_USAGE, NAME, "takes no arguments; see casemate-check(1)");
	uname(&kernel);
	for (size_t i = 0; i < ARRAY_SIZE(platforms); i++) {
		platforms[i].is_offered = platforms[i].probe(&platforms[i].why_not) == 0;
		if (platforms[i].is_offered)
			status = CLI_OK;
	}
	if (!json)
		print_text(&kernel);
	else if (print_json(&kernel) != CLI_OK)
		return CLI_FAILED;
	return cli_finish(NAME, status);
}
