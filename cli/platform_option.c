#include "cli/platform_option.h"

#include <errno.h>
#include <string.h>

#define PCRS_DEFAULT 0xffu /* firmware and what it starts */
#define CERTIFICATE_SIZE_MAX (64u << 10)

void platform_option_init(struct platform_options *options)
{
	*options = (struct platform_options){.privlevel = -1, .tpm.pcrs = PCRS_DEFAULT};
	options->claims.measurement.size = options->claims.signer.size = 32;
}

void platform_option_done(struct platform_options *options)
{
	buffer_done(&options->ak_certificate);
}

static int take_digest(
	const char *command, const char *option, const char *text, struct attest_value *to)
{
	if (!hex_decode(text, to->bytes, 32))
		return cli_error(
			CLI_USAGE, command, "%s %s: must be 64 hexadecimal digits", option, text);
	return CLI_OK;
}

/* Digits, from *@text on, which is left behind them. */
static bool take_number(const char **text, unsigned long max, unsigned long *ret)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	*ret = strtoul(*text, &end, 10);
	*text = end;
	return *ret <= max;
}

/* "0-7,14" */
static bool read_pcrs(const char *text, uint32_t *ret)
{
	uint32_t pcrs = 0;

	for (;; text++) {
		unsigned long first, last;

		if (!take_number(&text, ATTEST_PCR_COUNT - 1, &first))
			return false;
		last = first;
		if (*text == '-') {
			text++;
			if (!take_number(&text, ATTEST_PCR_COUNT - 1, &last) || last < first)
				return false;
		}
		for (; first <= last; first++)
			pcrs |= 1u << first;
		if (*text != ',')
			break;
	}
	*ret = pcrs;
	return !*text;
}

static int take_pcrs(struct platform_options *options, const char *command, const char *text)
{
	if (!read_pcrs(text, &options->tpm.pcrs))
		return cli_error(CLI_USAGE, command,
			"--pcrs %s: must be numbers from 0 to 23, such as 0-7,14", text);
	return CLI_OK;
}

static int take_bank(struct platform_options *options, const char *command, const char *text)
{
	static const struct {
		const char *name;
		uint16_t bank;
	} banks[] = {{"sha256", ATTEST_TPM_SHA256}, {"sha384", ATTEST_TPM_SHA384},
		{"sha1", ATTEST_TPM_SHA1}};

	for (size_t i = 0; i < ARRAY_SIZE(banks); i++)
		if (!strcmp(text, banks[i].name)) {
			options->tpm.bank = banks[i].bank;
			return CLI_OK;
		}
	return cli_error(CLI_USAGE, command, "--bank %s: must be sha256, sha384 or sha1", text);
}

static int take_tpm_key(struct platform_options *options, const char *command, const char *text)
{
	if (strcmp(text, "ecc") != 0 && strcmp(text, "rsa") != 0)
		return cli_error(CLI_USAGE, command, "--tpm-key %s: must be ecc or rsa", text);
	options->tpm.key = *text == 'r' ? ATTEST_TPM_RSA : ATTEST_TPM_ECC;
	return CLI_OK;
}

static int take_privlevel(struct platform_options *options, const char *command, const char *text)
{
	if (*text < '0' || *text > '3' || text[1])
		return cli_error(CLI_USAGE, command, "--privlevel %s: must be from 0 to 3", text);
	options->privlevel = *text - '0';
	return CLI_OK;
}

static int take_certificate(struct platform_options *options, const char *command, const char *path)
{
	struct image_error error;

	buffer_done(&options->ak_certificate);
	if (file_read(path, CERTIFICATE_SIZE_MAX, &options->ak_certificate, &error) < 0)
		return cli_error(CLI_FAILED, command, "%s", error.text);
	if (buffer_append(&options->ak_certificate, "", 1) < 0)
		return cli_error(CLI_FAILED, command, "out of memory");
	options->tpm.ak_certificate = (char *)options->ak_certificate.data;
	return CLI_OK;
}

bool platform_option_take(struct platform_options *options, const char *command, int option,
	const char *value, int *ret_status)
{
	struct attest_claims *claims = &options->claims;

	*ret_status = CLI_OK;
	switch (option) {
	case PLATFORM_NAME:
		options->name = value;
		return true;
	case PLATFORM_MEASUREMENT:
		*ret_status = take_digest(command, "--measurement", value, &claims->measurement);
		return true;
	case PLATFORM_SIGNER:
		*ret_status = take_digest(command, "--signer", value, &claims->signer);
		return true;
	case PLATFORM_PRIVLEVEL:
		*ret_status = take_privlevel(options, command, value);
		return true;
	case PLATFORM_TCTI:
		options->tpm.tcti = value;
		return true;
	case PLATFORM_TPM_KEY:
		*ret_status = take_tpm_key(options, command, value);
		return true;
	case PLATFORM_PCRS:
		*ret_status = take_pcrs(options, command, value);
		return true;
	case PLATFORM_BANK:
		*ret_status = take_bank(options, command, value);
		return true;
	case PLATFORM_EVENT_LOG:
		options->tpm.event_log = value;
		return true;
	case PLATFORM_AK_CERTIFICATE:
		*ret_status = take_certificate(options, command, value);
		return true;
	default:
		return false;
	}
}

static int open_simulation(struct platform_options *options, struct attest_platform **ret_platform)
{
	return attest_platform_simulation_new(&options->claims, ret_platform);
}

static int open_tsm(struct platform_options *options, struct attest_platform **ret_platform)
{
	return attest_platform_tsm_new(NULL, options->privlevel, ret_platform);
}

#ifdef CASEMATE_TPM
static int open_tpm(struct platform_options *options, struct attest_platform **ret_platform)
{
	setenv("TSS2_LOG", "all+none", 0); /* what fails is told by us */
	return attest_platform_tpm_new(&options->tpm, ret_platform);
}
#else
static int open_tpm(struct platform_options *options, struct attest_platform **ret_platform)
{
	(void)options;
	(void)ret_platform;
	return -ENOSYS;
}
#endif

static const struct {
	const char *name;
	int (*open)(struct platform_options *options, struct attest_platform **ret_platform);
} platforms[] = {{"simulation", open_simulation}, {"tpm", open_tpm}, {"tsm", open_tsm}};

int platform_option_open(struct platform_options *options, const char *command,
	struct attest_platform **ret_platform)
{
	for (size_t i = 0; i < ARRAY_SIZE(platforms); i++) {
		int r;

		if (strcmp(options->name, platforms[i].name) != 0)
			continue;
		r = platforms[i].open(options, ret_platform);
		if (r == -ENOSYS)
			return cli_error(CLI_FAILED, command,
				"--platform %s: this casemate was built without libtss2",
				options->name);
		return r < 0 ? cli_error(CLI_FAILED, command, "%s", strerror(-r)) : CLI_OK;
	}
	return cli_error(
		CLI_USAGE, command, "--platform %s: must be simulation, tpm or tsm", options->name);
}
