#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "cli/cli.h"
#include "image/file.h"
#include "image/image.h"

#define NAME "build"

enum option_value {
	OPTION_FROM_DIR = 256,
	OPTION_COPY,
	OPTION_ADD,
	OPTION_FROM_OCI,
	OPTION_FROM_DOCKER_ARCHIVE,
	OPTION_SIGN_KEY,
	OPTION_LIBOS,
};

static const struct option long_options[] = {
	{"from-dir", required_argument, NULL, OPTION_FROM_DIR},
	{"copy", required_argument, NULL, OPTION_COPY},
	{"add", required_argument, NULL, OPTION_ADD},
	{"from-oci", required_argument, NULL, OPTION_FROM_OCI},
	{"from-docker-archive", required_argument, NULL, OPTION_FROM_DOCKER_ARCHIVE},
	{"config", required_argument, NULL, 'c'},
	{"output", required_argument, NULL, 'o'},
	{"sign-key", required_argument, NULL, OPTION_SIGN_KEY},
	{"libos", required_argument, NULL, OPTION_LIBOS},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"usage: casemate build -o FILE SOURCE... [OPTION...]\n\n"
	"Sources, laid over each other in the order given:\n"
	"  --from-dir DIR              a directory that becomes the root\n"
	"  --copy PROGRAM[:PATH]       a program of this machine and the libraries it needs\n"
	"  --add SRC:DST               a file or directory\n"
	"  --from-oci LAYOUT[:REF]     an image in an OCI layout\n"
	"  --from-docker-archive FILE  an image that `docker save` wrote\n\n"
	"Options:\n"
	"  -c, --config FILE           configuration (casemate.json(5))\n"
	"  -o, --output FILE           the image to write\n"
	"  --sign-key PEM              the signer's RSA-3072 key with exponent 3\n"
	"  --libos FILE                the LibOS for simulation\n"
	"  -h, --help                  this text\n";

/* The command line, taken apart. Texts point into argv, where ':' became NUL. */
struct arguments {
	struct image_source *sources;
	struct image_build_options build;
	char *found_libos;
	bool help;
};

static void arguments_done(struct arguments *arguments)
{
	free(arguments->sources);
	free(arguments->found_libos);
}

static int add_source(
	struct arguments *arguments, enum image_source_kind kind, char *from, char *to)
{
	if (!*from)
		return cli_error(CLI_USAGE, NAME, "an option's value is empty");
	arguments->sources[arguments->build.source_count++] =
		(struct image_source){.kind = kind, .from = from, .to = to};
	return CLI_OK;
}

/* The last ":/" of SRC:/DST, so that SRC may hold colons; NULL: there is none. */
static char *split_target(char *text)
{
	for (char *at = text + strlen(text); at > text; at--) {
		if (at[0] == ':' && at[1] == '/') {
			*at = '\0';
			return at + 1;
		}
	}
	return NULL;
}

static int add_file(struct arguments *arguments, char *value)
{
	char *to = split_target(value);

	if (!to)
		return cli_error(CLI_USAGE, NAME,
			"--add %s: must be SRC:DST, DST an absolute path in the image", value);
	return add_source(arguments, IMAGE_SOURCE_ADD, value, to);
}

static int set_once(const char **to, const char *value, const char *option)
{
	if (*to)
		return cli_error(CLI_USAGE, NAME, "%s is given twice", option);
	*to = value;
	return CLI_OK;
}

static int take_option(struct arguments *arguments, int option, char **argv)
{
	struct image_build_options *build = &arguments->build;

	switch (option) {
	case OPTION_FROM_DIR:
		return add_source(arguments, IMAGE_SOURCE_DIR, optarg, NULL);
	case OPTION_COPY: {
		char *to = split_target(optarg);

		return add_source(arguments, IMAGE_SOURCE_PROGRAM, optarg, to);
	}
	case OPTION_ADD:
		return add_file(arguments, optarg);
	case OPTION_FROM_OCI:
		return add_source(arguments, IMAGE_SOURCE_OCI, optarg, NULL);
	case OPTION_FROM_DOCKER_ARCHIVE:
		return add_source(arguments, IMAGE_SOURCE_DOCKER_ARCHIVE, optarg, NULL);
	case 'c':
		return set_once(&build->config_path, optarg, "-c");
	case 'o':
		return set_once(&build->output_path, optarg, "-o");
	case OPTION_SIGN_KEY:
		return set_once(&build->sign_key_path, optarg, "--sign-key");
	case OPTION_LIBOS:
		return set_once(&build->libos_path, optarg, "--libos");
	case 'h':
		arguments->help = true;
		return CLI_OK;
	default:
		return cli_bad_option(NAME, option, argv);
	}
}

static int parse(int argc, char **argv, struct arguments *arguments)
{
	int option, status;

	arguments->sources = calloc((size_t)argc, sizeof(*arguments->sources));
	if (!arguments->sources)
		return cli_error(CLI_FAILED, NAME, "%s", strerror(ENOMEM));
	arguments->build.sources = arguments->sources;
	while ((option = getopt_long(argc, argv, ":c:o:h", long_options, NULL)) != -1) {
		status = take_option(arguments, option, argv);
		if (status != CLI_OK || arguments->help)
			return status;
	}
	if (optind < argc)
		return cli_error(CLI_USAGE, NAME, "unexpected argument \"%s\"", argv[optind]);
	if (!arguments->build.output_path)
		return cli_error(CLI_USAGE, NAME, "-o FILE is missing: where to write the image");
	if (!arguments->build.source_count)
		return cli_error(CLI_USAGE, NAME,
			"nothing to put into the image: give --copy, --from-dir, --add, --from-oci "
			"or --from-docker-archive");
	return CLI_OK;
}

/* As reproducible-builds.org specifies it: a decimal number of seconds. */
static int read_epoch(int64_t *ret)
{
	const char *text = getenv("SOURCE_DATE_EPOCH");
	char *end;
	long long value;

	*ret = -1;
	if (!text || !*text)
		return CLI_OK;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno || *end || value < 0 || *text < '0' || *text > '9')
		return cli_error(
			CLI_USAGE, NAME, "SOURCE_DATE_EPOCH=%s: must be a number of seconds", text);
	*ret = value;
	return CLI_OK;
}

/* $CASEMATE_LIBOS, or where this is installed, or in the build tree. */
static int find_libos(struct arguments *arguments)
{
	static const char *const places[] = {
		"../../lib/casemate/libos-simulation.elf", "../platform/libos-simulation.elf"};
	const char *path = getenv("CASEMATE_LIBOS");
	char self[4096];
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (arguments->build.libos_path)
		return CLI_OK;
	if (path && *path) {
		arguments->build.libos_path = path;
		return CLI_OK;
	}
	self[MAX(size, (ssize_t)0)] = '\0';
	for (size_t i = 0; size > 0 && i < ARRAY_SIZE(places); i++) {
		*strrchr(self, '/') = '\0';
		if (asprintf(&arguments->found_libos, "%s/%s", self, places[i]) < 0)
			return cli_error(CLI_FAILED, NAME, "%s", strerror(ENOMEM));
		if (access(arguments->found_libos, F_OK) == 0) {
			arguments->build.libos_path = arguments->found_libos;
			return CLI_OK;
		}
		free(TAKE(arguments->found_libos));
		self[strlen(self)] = '/';
	}
	return cli_error(CLI_FAILED, NAME,
		"the LibOS for simulation is not installed; give --libos FILE or set "
		"CASEMATE_LIBOS");
}

static void print_result(
	const struct image_build_options *options, const struct image_build_result *result)
{
	printf("%s: %lu bytes\n", options->output_path, result->size);
	cli_print_hex("image digest", result->image_digest, IMAGE_DIGEST_SIZE);
	cli_print_hex("measurement", result->measurement, IMAGE_DIGEST_SIZE);
	cli_print_hex("signer", result->signer, IMAGE_DIGEST_SIZE);
	if (result->development_key)
		fprintf(stderr, "casemate: build: signed with the development key %s%s\n",
			result->development_key,
			result->development_key_is_new ? ", which is new" : "");
}

int cli_build(int argc, char **argv)
{
	CLEANUP(arguments_done) struct arguments arguments = {0};
	CLEANUP(freep) char *key_path = NULL;
	struct image_build_result result;
	struct image_error error;
	int status = parse(argc, argv, &arguments);

	if (status == CLI_OK && arguments.help) {
		fputs(help, stdout);
		return cli_finish(NAME, CLI_OK);
	}
	if (status == CLI_OK)
		status = read_epoch(&arguments.build.source_date_epoch);
	if (status == CLI_OK)
		status = find_libos(&arguments);
	if (status != CLI_OK)
		return status;
	if (image_build(&arguments.build, &result, &error) < 0)
		return cli_error(CLI_FAILED, NAME, "%s", error.text);
	key_path = result.development_key;
	print_result(&arguments.build, &result);
	return cli_finish(NAME, CLI_OK);
}
