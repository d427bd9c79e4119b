#include "cli/appraisal.h"

int appraisal_read_file(const char *command, const char *path, struct buffer *to)
{
	struct image_error error;

	if (file_read(path, ATTEST_EVIDENCE_SIZE_MAX, to, &error) < 0)
		return cli_error(CLI_FAILED, command, "%s", error.text);
	return CLI_OK;
}

static int add_file(struct appraisal_files *files, const char *command, const char *path)
{
	struct buffer *to = &files->buffers[files->count];
	int status;

	if (files->count == APPRAISAL_FILES_MAX)
		return cli_error(CLI_USAGE, command, "more than %d files", APPRAISAL_FILES_MAX);
	status = appraisal_read_file(command, path, to);
	if (status == CLI_OK)
		files->bytes[files->count++] = (struct attest_bytes){to->data, to->size};
	return status;
}

static int set_policy(struct appraisal *appraisal, const char *command, const char *path)
{
	if (appraisal->has_policy)
		return cli_error(CLI_USAGE, command, "give one --policy: it can have many rules");
	appraisal->has_policy = true;
	return appraisal_read_file(command, path, &appraisal->policy_text);
}

bool appraisal_take_option(struct appraisal *appraisal, const char *command, int option,
	const char *value, int *ret_status)
{
	switch (option) {
	case APPRAISAL_COLLATERAL:
		*ret_status = add_file(&appraisal->files, command, value);
		return true;
	case APPRAISAL_ROOT:
		*ret_status = add_file(&appraisal->roots, command, value);
		return true;
	case APPRAISAL_POLICY:
		*ret_status = set_policy(appraisal, command, value);
		return true;
	default:
		return false;
	}
}

int appraisal_load(struct appraisal *appraisal, const char *command, struct attest_error *error)
{
	struct attest_bytes text = {appraisal->policy_text.data, appraisal->policy_text.size};

	if (appraisal->has_policy && attest_policy_new(text, &appraisal->policy, error) < 0)
		return cli_error(CLI_USAGE, command, "--policy: %s", error->reason);
	if (attest_collateral_new(appraisal->files.bytes, appraisal->files.count,
		    appraisal->roots.bytes, appraisal->roots.count, &appraisal->collateral,
		    error) < 0)
		return CLI_FAILED;
	return CLI_OK;
}

static void files_done(struct appraisal_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		buffer_done(&files->buffers[i]);
}

void appraisal_done(struct appraisal *appraisal)
{
	attest_policy_free(appraisal->policy);
	attest_collateral_free(appraisal->collateral);
	files_done(&appraisal->files);
	files_done(&appraisal->roots);
	buffer_done(&appraisal->policy_text);
}
