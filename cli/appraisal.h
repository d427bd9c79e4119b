/* Whom to believe: the options --collateral, --root and --policy, which commands share that judge
 * evidence. */
#ifndef CLI_APPRAISAL_H
#define CLI_APPRAISAL_H

#include "attestation/attestation.h"
#include "cli/cli.h"
#include "image/file.h"

#define APPRAISAL_FILES_MAX 128

enum appraisal_option {
	APPRAISAL_COLLATERAL = 1024, /* values for getopt_long(3) */
	APPRAISAL_ROOT,
	APPRAISAL_POLICY,
};

#define APPRAISAL_LONG_OPTIONS                                                                     \
	{"collateral", required_argument, NULL, APPRAISAL_COLLATERAL},                             \
		{"root", required_argument, NULL, APPRAISAL_ROOT},                                 \
	{                                                                                          \
		"policy", required_argument, NULL, APPRAISAL_POLICY                                \
	}

/* Files that stay for as long as the calls of the library. */
struct appraisal_files {
	struct buffer buffers[APPRAISAL_FILES_MAX];
	struct attest_bytes bytes[APPRAISAL_FILES_MAX];
	size_t count;
};

/* Zero-initialised is empty. Large: better on the heap. */
struct appraisal {
	struct appraisal_files files, roots;
	struct buffer policy_text;
	bool has_policy;
	struct attest_policy *policy; /* NULL until loaded, or where none was given */
	struct attest_collateral *collateral;
};

/* Take one of the options; false: it is another. *ret_status: what came of it. */
bool appraisal_take_option(struct appraisal *appraisal, const char *command, int option,
	const char *value, int *ret_status);

/* Parse what was given. Says what is wrong with a policy; of collateral, @error does. */
int appraisal_load(
	struct appraisal *appraisal, const char *command, struct attest_error *error) MUST_CHECK;
void appraisal_done(struct appraisal *appraisal);

/* The whole of a file; says what is wrong. */
int appraisal_read_file(const char *command, const char *path, struct buffer *to) MUST_CHECK;

#endif
