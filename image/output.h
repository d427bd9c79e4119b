/* The image file while it is written: section after section, the superblock last; the name is
 * given only to a complete file. */
#ifndef IMAGE_OUTPUT_H
#define IMAGE_OUTPUT_H

#include "abi/image.h"
#include "base/span.h"
#include "image/error.h"

struct output {
	int fd;
	char *path;
	char *temporary; /* the name before the last one */
	bool is_named;   /* @temporary exists and is to be removed */
	uint64_t size;   /* bytes so far; whole blocks */
	struct image_superblock superblock;
};

/* Could @path be written? Said before the long part of a build. */
MUST_CHECK int output_check(const char *path, struct image_error *error);

/* Opens a file without a name in @path's directory, so that nothing is left of a build that is
 * killed; where the file system has no such files, one with a temporary name. */
MUST_CHECK int output_init(struct output *output, const char *path, struct image_error *error);
/* Leaves nothing behind unless output_finish has been through. */
void output_done(struct output *output);

/* Begin a section at the end; @digest and @size come with output_end_section. Bytes are added with
 * output_write, whole blocks or the section's last ones. */
MUST_CHECK int output_begin_section(
	struct output *output, uint32_t kind, uint32_t platform, struct image_error *error);
MUST_CHECK int output_write(struct output *output, struct span bytes, struct image_error *error);
void output_end_section(
	struct output *output, uint64_t size, const uint8_t digest[IMAGE_DIGEST_SIZE]);

/* All of a section at once, its digest the SHA-256 of its bytes. */
MUST_CHECK int output_section(struct output *output, uint32_t kind, uint32_t platform,
	struct span bytes, struct image_error *error);

/* Write the sealed superblock, make the file durable, give it its name. */
MUST_CHECK int output_finish(struct output *output, struct image_error *error);

#endif
