/* The commands that start no enclave but work on images and evidence are a program of their own, so
 * that no other command loads the libraries that only those need. This starts it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/tool.h"

/* From the directory of this command on: where it is installed, and in the build tree. */
static const char *const places[] = {"../libexec/casemate/casemate-tool", "casemate-tool"};

int tool_find(char ret_path[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (size <= 0)
		return -ENOENT;
	self[size] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (snprintf(ret_path, PATH_MAX, "%s/%s", self, places[i]) < PATH_MAX &&
			access(ret_path, X_OK) == 0)
			return 0;
	return -ENOENT;
}

static int tool_start(char **argv)
{
	char path[PATH_MAX];

	if (tool_find(path) < 0)
		return cli_error(CLI_FAILED, argv[0], "casemate-tool is not beside casemate");
	execv(path, argv);
	return cli_error(CLI_FAILED, argv[0], "can't start %s: %s", path, strerror(errno));
}

int cli_build(int argc, char **argv)
{
	(void)argc;
	return tool_start(argv);
}

int cli_evidence(int argc, char **argv)
{
	(void)argc;
	return tool_start(argv);
}

int cli_ratls(int argc, char **argv)
{
	(void)argc;
	return tool_start(argv);
}

int cli_verify(int argc, char **argv)
{
	(void)argc;
	return tool_start(argv);
}

int cli_verify_evidence(int argc, char **argv)
{
	(void)argc;
	return tool_start(argv);
}
