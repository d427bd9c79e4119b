#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/platform_option.h"

#define NAME "evidence"
#define NONCE_SIZE_MAX 64

enum option_value {
	OPTION_NONCE = 256,
	OPTION_KEY_OUT,
};

static const struct option long_options[] = {
	PLATFORM_LONG_OPTIONS,
	{"nonce", required_argument, NULL, OPTION_NONCE},
	{"key-out", required_argument, NULL, OPTION_KEY_OUT},
	{"output", required_argument, NULL, 'o'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"usage: casemate evidence --platform NAME --nonce HEX [OPTION...] [-o FILE]\n\n"
	"  --nonce HEX               what the evidence is to carry: 1 to 64 bytes\n"
	"  -o, --output FILE         where to write it; otherwise to standard output\n"
	"  --key-out FILE            tpm: also write the key that has signed, for "
	"--root\n" PLATFORM_HELP;

struct request {
	struct platform_options platform_options;
	struct attest_platform *platform;
	uint8_t nonce[NONCE_SIZE_MAX];
	size_t nonce_size;
	const char *output, *key_output;
};

static int take_nonce(struct request *request, const char *text)
{
	size_t size = strlen(text) / 2;

	if (!size || size > NONCE_SIZE_MAX || !hex_decode(text, request->nonce, size))
		return cli_error(CLI_USAGE, NAME,
			"--nonce %s: must be 2 to 128 hexadecimal digits, an even number", text);
	request->nonce_size = size;
	return CLI_OK;
}

static int take_option(struct request *request, int option, char **argv)
{
	int status;

	if (platform_option_take(&request->platform_options, NAME, option, optarg, &status))
		return status;
	switch (option) {
	case OPTION_NONCE:
		return take_nonce(request, optarg);
	case OPTION_KEY_OUT:
		request->key_output = optarg;
		return CLI_OK;
	case 'o':
		request->output = optarg;
		return CLI_OK;
	default:
		return cli_bad_option(NAME, option, argv);
	}
}

/* NULL: standard output, unless someone looks at it and it is not text. */
static int write_output(const char *path, const uint8_t *bytes, size_t size)
{
	CLEANUP(close_fdp) int fd = -1;
	int r;

	if (!path) {
		if (isatty(STDOUT_FILENO) && *bytes != '{')
			return cli_error(CLI_FAILED, NAME,
				"this evidence is not text: give -o FILE, or redirect it");
		return fwrite(bytes, 1, size, stdout) == size
			       ? CLI_OK
			       : cli_error(
					 CLI_FAILED, NAME, "standard output: %s", strerror(errno));
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	r = fd < 0 ? -errno : file_write_at(fd, bytes, size, 0);
	return r < 0 ? cli_error(CLI_FAILED, NAME, "%s: %s", path, strerror(-r)) : CLI_OK;
}

#ifdef CASEMATE_TPM
static int write_key(const struct request *request)
{
	struct attest_tpm_identity identity = {0};
	struct attest_error error;
	char *pem = NULL;
	int status;

	if (attest_tpm_identity_read(request->platform, &identity, &error) < 0)
		return cli_error(CLI_FAILED, NAME, "--key-out: %s", error.reason);
	if (attest_tpm_key_to_pem(
		    (struct attest_bytes){identity.ak_public, identity.ak_public_size}, &pem) < 0)
		status = cli_error(CLI_FAILED, NAME, "--key-out: the TPM's key can't be read");
	else
		status = write_output(request->key_output, (uint8_t *)pem, strlen(pem));
	attest_tpm_identity_done(&identity);
	free(pem);
	return status;
}
#else
static int write_key(const struct request *request)
{
	return cli_error(CLI_FAILED, NAME, "--key-out %s: there is no TPM", request->key_output);
}
#endif

static int make(struct request *request)
{
	struct attest_bytes nonce = {request->nonce, request->nonce_size};
	CLEANUP(freep) uint8_t *evidence = NULL;
	struct attest_error error;
	size_t size;
	int status = platform_option_open(&request->platform_options, NAME, &request->platform);

	if (status != CLI_OK)
		return status;
	if (attest_evidence_new(request->platform, nonce, &evidence, &size, &error) < 0)
		return cli_error(CLI_FAILED, NAME, "%s", error.reason);
	if (request->key_output)
		status = write_key(request);
	return status == CLI_OK ? write_output(request->output, evidence, size) : status;
}

static int check(const struct request *request, int argc)
{
	const char *name = request->platform_options.name;

	if (argc != optind)
		return cli_error(CLI_USAGE, NAME, "too many arguments; see casemate-evidence(1)");
	if (!name)
		return cli_error(CLI_USAGE, NAME, "give --platform: simulation, tpm or tsm");
	if (!request->nonce_size)
		return cli_error(CLI_USAGE, NAME,
			"give --nonce: what whoever verifies has asked for, in hexadecimal");
	if (request->key_output && strcmp(name, "tpm") != 0)
		return cli_error(CLI_USAGE, NAME, "--key-out: only of a TPM");
	return CLI_OK;
}

static int run(struct request *request, int argc, char **argv)
{
	int option, status;

	while ((option = getopt_long(argc, argv, ":ho:", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return CLI_OK;
		}
		status = take_option(request, option, argv);
		if (status != CLI_OK)
			return status;
	}
	status = check(request, argc);
	return status == CLI_OK ? make(request) : status;
}

int cli_evidence(int argc, char **argv)
{
	CLEANUP(freep) struct request *request = calloc(1, sizeof(*request));
	int status;

	if (!request)
		return cli_error(CLI_FAILED, NAME, "out of memory");
	platform_option_init(&request->platform_options);
	status = run(request, argc, argv);
	attest_platform_free(request->platform);
	platform_option_done(&request->platform_options);
	return cli_finish(NAME, status);
}
