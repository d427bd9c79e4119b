#include "image/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "image/digest.h"
#include "image/file.h"

/* The directory that a file lies in; owned by the caller. */
static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return strndup(path, (size_t)MAX(slash - path, 1));
}

int output_check(const char *path, struct image_error *error)
{
	CLEANUP(freep) char *directory = directory_of(path);
	struct stat st;

	if (!directory)
		return image_fail_errno(error, -ENOMEM, "%s", path);
	/* rename(2) would put a regular file in a device's or a pipe's place. */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return image_fail(error, -EINVAL, "%s: not a regular file", path);
	if (access(directory, W_OK | X_OK) < 0)
		return image_fail_errno(error, -errno, "%s", path);
	return 0;
}

static int open_file(struct output *output, struct image_error *error)
{
	CLEANUP(freep) char *directory = directory_of(output->path);

	if (!directory || asprintf(&output->temporary, "%s.%d.tmp", output->path, getpid()) < 0) {
		output->temporary = NULL;
		return image_fail_errno(error, -ENOMEM, "%s", output->path);
	}
	/* The image's mode is what the user's umask leaves of 0666. */
	output->fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
	if (output->fd >= 0)
		return 0;
	output->fd = open(output->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (output->fd < 0)
		return image_fail_errno(error, -errno, "%s", output->temporary);
	output->is_named = true;
	return 0;
}

int output_init(struct output *output, const char *path, struct image_error *error)
{
	*output = (struct output){.fd = -1, .size = IMAGE_BLOCK_SIZE};
	output->path = strdup(path);
	if (!output->path)
		return image_fail_errno(error, -ENOMEM, "%s", path);
	memcpy(output->superblock.magic, IMAGE_MAGIC, sizeof(output->superblock.magic));
	output->superblock.version = IMAGE_VERSION;
	return open_file(output, error);
}

void output_done(struct output *output)
{
	if (output->is_named)
		unlink(output->temporary);
	free(output->temporary);
	free(output->path);
	if (output->fd >= 0)
		close(output->fd);
}

static struct image_section *last_section(struct output *output)
{
	return &output->superblock.sections[output->superblock.section_count - 1];
}

int output_begin_section(
	struct output *output, uint32_t kind, uint32_t platform, struct image_error *error)
{
	if (output->superblock.section_count == IMAGE_SECTION_COUNT_MAX)
		return image_fail(error, -E2BIG, "%s: too many sections", output->path);
	output->superblock.section_count++;
	*last_section(output) =
		(struct image_section){.kind = kind, .platform = platform, .offset = output->size};
	return 0;
}

int output_write(struct output *output, struct span bytes, struct image_error *error)
{
	int r = file_write_at(output->fd, bytes.data, bytes.size, output->size);

	if (r < 0)
		return image_fail_errno(error, r, "%s", output->path);
	output->size = ALIGN_UP(output->size + bytes.size, IMAGE_BLOCK_SIZE);
	return 0;
}

void output_end_section(
	struct output *output, uint64_t size, const uint8_t digest[IMAGE_DIGEST_SIZE])
{
	struct image_section *section = last_section(output);

	section->size = size;
	memcpy(section->digest, digest, IMAGE_DIGEST_SIZE);
}

int output_section(struct output *output, uint32_t kind, uint32_t platform, struct span bytes,
	struct image_error *error)
{
	uint8_t digest[IMAGE_DIGEST_SIZE];
	int r = digest_of(bytes.data, bytes.size, digest);

	if (r < 0)
		return image_fail_errno(error, r, "%s", output->path);
	r = output_begin_section(output, kind, platform, error);
	if (r == 0)
		r = output_write(output, bytes, error);
	if (r == 0)
		output_end_section(output, bytes.size, digest);
	return r;
}

/* linkat(2) can't replace a file, so the name comes in two steps. */
static int give_name(struct output *output)
{
	char self[64];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", output->fd);
	if (!output->is_named &&
		linkat(AT_FDCWD, self, AT_FDCWD, output->temporary, AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	output->is_named = true;
	if (rename(output->temporary, output->path) < 0)
		return -errno;
	output->is_named = false;
	return 0;
}

int output_finish(struct output *output, struct image_error *error)
{
	int r = 0;

	/* The padding of the last section is a hole until now. */
	if (ftruncate(output->fd, (off_t)output->size) < 0)
		return image_fail_errno(error, -errno, "%s", output->path);
	r = file_write_at(output->fd, &output->superblock, sizeof(output->superblock), 0);
	if (r == 0 && fsync(output->fd) < 0)
		r = -errno;
	if (r == 0)
		r = give_name(output);
	return r < 0 ? image_fail_errno(error, r, "%s", output->path) : 0;
}
