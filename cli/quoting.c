#include "cli/quoting.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/tool.h"
#include "image/file.h"

#define DIGEST_TEXT_SIZE (2 * IMAGE_DIGEST_SIZE + 1)

/* The socket becomes its standard input. It prints nothing, and keeps nobody's output open. */
static int spawn(const char *path, char *const *arguments, int fd)
{
	static char *const environment[] = {NULL};
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int r = posix_spawn_file_actions_init(&actions);

	if (r)
		return -r;
	r = posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
	if (!r)
		r = posix_spawn_file_actions_addopen(
			&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (!r)
		r = posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
	if (!r)
		r = posix_spawn(&pid, path, &actions, NULL, arguments, environment);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

int quoting_start(const struct image *image, int fd)
{
	const struct image_platform_view *view = &image->platforms[IMAGE_PLATFORM_SIMULATION];
	char measurement[DIGEST_TEXT_SIZE], signer[DIGEST_TEXT_SIZE], digest[DIGEST_TEXT_SIZE];
	char product[8], svn[8], path[PATH_MAX];
	char *arguments[] = {"quoting", measurement, signer, digest, product, svn,
		view->claims.debug ? "debug" : "production", NULL};

	hex_encode(view->claims.measurement, IMAGE_DIGEST_SIZE, measurement);
	hex_encode(view->signer, IMAGE_DIGEST_SIZE, signer);
	hex_encode(image->superblock.image_digest, IMAGE_DIGEST_SIZE, digest);
	snprintf(product, sizeof(product), "%u", view->claims.product);
	snprintf(svn, sizeof(svn), "%u", view->claims.svn);
	if (tool_find(path) < 0)
		return -ENOENT;
	return spawn(path, arguments, fd);
}
