/* The commands that start no enclave but work on images and evidence are a program of their own, so
 * that no other command loads the libraries that only those need. This starts it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

/* From the directory of this command on: where it is installed, and in the build tree. */
static const char *const places[] = {"../libexec/casemate/casemate-tool", "casemate-tool"};

static int tool_start(char **argv)
{
	char self[PATH_MAX], path[PATH_MAX + 64];
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (size <= 0)
		return cli_error(CLI_FAILED, argv[0], "/proc/self/exe: %s", strerror(errno));
	self[size] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof(path), "%s/%s", self, places[i]);
		execv(path, argv);
		if (errno != ENOENT)
			break;
	}
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
