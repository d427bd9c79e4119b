#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "image/file.h"
#include "image/image.h"

#define NAME "verify"

enum option_value {
	OPTION_SIGNER = 256,
	OPTION_KEY,
	OPTION_DEEP,
};

static const struct option long_options[] = {
	{"signer", required_argument, NULL, OPTION_SIGNER},
	{"key", required_argument, NULL, OPTION_KEY},
	{"deep", no_argument, NULL, OPTION_DEEP},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"usage: casemate verify [--signer HEX | --key PEM] [--deep] FILE\n\n"
	"  --signer HEX  must be signed by this signer (SHA-256 of the key's modulus)\n"
	"  --key PEM     must be signed by this key\n"
	"  --deep        also walk the file system and find the system-call sites again\n";

/* Whom the user wants to have signed. */
struct expected_signer {
	bool set;
	uint8_t value[IMAGE_DIGEST_SIZE];
};

static int take_key(const char *path, struct expected_signer *to)
{
	CLEANUP(sign_key_freep) EVP_PKEY *key = NULL;
	struct image_error error;

	if (sign_key_load_public(path, &key, &error) < 0)
		return cli_error(CLI_FAILED, NAME, "--key: %s", error.text);
	if (sign_key_signer(key, to->value) < 0)
		return cli_error(CLI_FAILED, NAME, "--key %s: can't be read", path);
	to->set = true;
	return CLI_OK;
}

static int take_signer(const char *text, struct expected_signer *to)
{
	if (!hex_decode(text, to->value, sizeof(to->value)))
		return cli_error(
			CLI_USAGE, NAME, "--signer %s: must be 64 hexadecimal digits", text);
	to->set = true;
	return CLI_OK;
}

static int check_signer(
	const struct image *image, const char *path, const struct expected_signer *expected)
{
	for (uint32_t p = IMAGE_PLATFORM_SIMULATION; p < IMAGE_PLATFORM_COUNT; p++) {
		const struct image_platform_view *view = &image->platforms[p];
		char text[2 * IMAGE_DIGEST_SIZE + 1];

		if (!view->libos || !memcmp(view->signer, expected->value, sizeof(view->signer)))
			continue;
		hex_encode(view->signer, sizeof(view->signer), text);
		return cli_error(CLI_FAILED, NAME, "%s: %s: signed by %s, not by the signer given",
			path, image_platform_name(p), text);
	}
	return CLI_OK;
}

static int verify(const char *path, const struct expected_signer *expected, bool deep)
{
	CLEANUP(image_closep) struct image *image = NULL;
	struct image_error error;
	int status = CLI_OK;

	if (image_open(path, &image, &error) < 0)
		return cli_error(CLI_FAILED, NAME, "%s", error.text);
	if (expected->set)
		status = check_signer(image, path, expected);
	if (status != CLI_OK)
		return status;
	if (image_verify(image, &error) < 0)
		return cli_error(CLI_FAILED, NAME, "%s: %s", path, error.text);
	if (deep && image_verify_deep(image, &error) < 0)
		return cli_error(CLI_FAILED, NAME, "%s: %s", path, error.text);
	printf("%s: good%s\n", path,
		expected->set ? "" : " (by whoever signed it: no signer was given to compare)");
	return CLI_OK;
}

int cli_verify(int argc, char **argv)
{
	struct expected_signer signer = {0};
	bool deep = false;
	int option, status = CLI_OK;

	while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		if ((option == OPTION_SIGNER || option == OPTION_KEY) && signer.set)
			return cli_error(CLI_USAGE, NAME, "give one of --signer and --key");
		if (option == OPTION_SIGNER) {
			status = take_signer(optarg, &signer);
		} else if (option == OPTION_KEY) {
			status = take_key(optarg, &signer);
		} else if (option == OPTION_DEEP) {
			deep = true;
		} else if (option == 'h') {
			fputs(help, stdout);
			return cli_finish(NAME, CLI_OK);
		} else {
			return cli_bad_option(NAME, option, argv);
		}
		if (status != CLI_OK)
			return status;
	}
	if (argc - optind != 1)
		return cli_error(CLI_USAGE, NAME, "give one image; see casemate-verify(1)");
	return cli_finish(NAME, verify(argv[optind], &signer, deep));
}
