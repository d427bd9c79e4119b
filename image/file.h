/* Whole reads and writes of host files, and what cleanup attributes need. */
#ifndef IMAGE_FILE_H
#define IMAGE_FILE_H

#include <stdlib.h>
#include <unistd.h>

#include "image/buffer.h"
#include "image/error.h"

static inline void freep(void *pointer)
{
	free(*(void **)pointer);
}

static inline void close_fdp(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* Read exactly @size bytes at @offset. -ENODATA if the file ends before. */
MUST_CHECK int file_read_at(int fd, void *to, size_t size, uint64_t offset);
MUST_CHECK int file_write_at(int fd, const void *from, size_t size, uint64_t offset);

/* The whole of a file of at most @size_max bytes (-EFBIG otherwise) as it is read now.
 * @path names it in errors. */
MUST_CHECK int file_read_fd(
	int fd, const char *path, size_t size_max, struct buffer *ret, struct image_error *error);
MUST_CHECK int file_read(
	const char *path, size_t size_max, struct buffer *ret, struct image_error *error);

/* A new file without a name, in $TMPDIR or /var/tmp: gone when closed. Returns the fd. */
MUST_CHECK int file_open_unnamed(struct image_error *error);

/* Lower-case hexadecimal and a NUL; @to holds 2 * size + 1 bytes. */
void hex_encode(const uint8_t *bytes, size_t size, char *to);
/* Exactly 2 * size digits of either case; false otherwise. */
bool hex_decode(const char *text, uint8_t *ret_bytes, size_t size);

#endif
