/* Where evidence is made: the option --platform and what belongs to it, which commands share that
 * make evidence. */
#ifndef CLI_PLATFORM_OPTION_H
#define CLI_PLATFORM_OPTION_H

#include "attestation/attestation.h"
#include "cli/cli.h"
#include "image/file.h"

enum platform_option {
	PLATFORM_NAME = 1280, /* values for getopt_long(3) */
	PLATFORM_MEASUREMENT,
	PLATFORM_SIGNER,
	PLATFORM_PRIVLEVEL,
	PLATFORM_TCTI,
	PLATFORM_TPM_KEY,
	PLATFORM_PCRS,
	PLATFORM_BANK,
	PLATFORM_EVENT_LOG,
	PLATFORM_AK_CERTIFICATE,
};

#define PLATFORM_LONG_OPTIONS                                                                      \
	{"platform", required_argument, NULL, PLATFORM_NAME},                                      \
		{"measurement", required_argument, NULL, PLATFORM_MEASUREMENT},                    \
		{"signer", required_argument, NULL, PLATFORM_SIGNER},                              \
		{"privlevel", required_argument, NULL, PLATFORM_PRIVLEVEL},                        \
		{"tcti", required_argument, NULL, PLATFORM_TCTI},                                  \
		{"tpm-key", required_argument, NULL, PLATFORM_TPM_KEY},                            \
		{"pcrs", required_argument, NULL, PLATFORM_PCRS},                                  \
		{"bank", required_argument, NULL, PLATFORM_BANK},                                  \
		{"event-log", required_argument, NULL, PLATFORM_EVENT_LOG},                        \
	{                                                                                          \
		"ak-certificate", required_argument, NULL, PLATFORM_AK_CERTIFICATE                 \
	}

#define PLATFORM_HELP                                                                              \
	"  --platform NAME           where evidence is made: simulation, tpm, or tsm (a TDX or\n"  \
	"                            SEV-SNP guest)\n"                                             \
	"  --measurement HEX         simulation: what it says we are\n"                            \
	"  --signer HEX              simulation: who it says has signed us\n"                      \
	"  --privlevel N             tsm: the VMPL of SEV-SNP, 0 to 3\n"                           \
	"  --tcti NAME               tpm: the way to it, such as device:/dev/tpmrm0\n"             \
	"  --tpm-key ecc|rsa         tpm: what its attestation key is (ecc)\n"                     \
	"  --pcrs LIST               tpm: which to quote, such as 0-7,14 (0-7)\n"                  \
	"  --bank NAME               tpm: of which digests: sha256, sha384, sha1 (sha256)\n"       \
	"  --event-log FILE          tpm: what explains the PCRs (the kernel's; '': none)\n"       \
	"  --ak-certificate FILE     tpm: who vouches for its attestation key, in PEM\n"

/* platform_option_init first. */
struct platform_options {
	const char *name;            /* NULL: not given */
	struct attest_claims claims; /* of simulation */
	struct attest_tpm_options tpm;
	int privlevel;
	struct buffer ak_certificate;
};

void platform_option_init(struct platform_options *options);
void platform_option_done(struct platform_options *options);

/* Take one of the options; false: it is another. *ret_status: what came of it. */
bool platform_option_take(struct platform_options *options, const char *command, int option,
	const char *value, int *ret_status);

/* The platform that was named; says what is wrong. */
int platform_option_open(struct platform_options *options, const char *command,
	struct attest_platform **ret_platform) MUST_CHECK;

#endif
