#include "image/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "image/digest.h"
#include "image/file.h"

static int open_beside(struct output *output, struct image_error *error)
{
	/* Not mkstemp(3): the image's mode is what the user's umask leaves of 0666. */
	if (asprintf(&output->temporary, "%s.%d.tmp", output->path, getpid()) < 0) {
		output->temporary = NULL;
		return image_fail_errno(error, -ENOMEM, "%s", output->path);
	}
	output->fd = open(output->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (output->fd < 0) {
		int r = image_fail_errno(error, -errno, "%s", output->temporary);

		free(TAKE(output->temporary));
		return r;
	}
	return 0;
}

int output_init(struct output *output, const char *path, struct image_error *error)
{
	struct stat st;

	*output = (struct output){.fd = -1, .size = IMAGE_BLOCK_SIZE};
	/* rename(2) would put a regular file in a device's or a pipe's place. */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return image_fail(error, -EINVAL, "%s: not a regular file", path);
	output->path = strdup(path);
	if (!output->path)
		return image_fail_errno(error, -ENOMEM, "%s", path);
	memcpy(output->superblock.magic, IMAGE_MAGIC, sizeof(output->superblock.magic));
	output->superblock.version = IMAGE_VERSION;
	return open_beside(output, error);
}

void output_done(struct output *output)
{
	if (output->temporary)
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

int output_finish(struct output *output, struct image_error *error)
{
	int r = 0;

	/* The padding of the last section is a hole until now. */
	if (ftruncate(output->fd, (off_t)output->size) < 0)
		return image_fail_errno(error, -errno, "%s", output->path);
	r = file_write_at(output->fd, &output->superblock, sizeof(output->superblock), 0);
	if (r == 0 && fsync(output->fd) < 0)
		r = -errno;
	if (r == 0 && rename(output->temporary, output->path) < 0)
		r = -errno;
	if (r < 0)
		return image_fail_errno(error, r, "%s", output->path);
	free(TAKE(output->temporary));
	return 0;
}
