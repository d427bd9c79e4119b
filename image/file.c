#include "image/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

int file_read_at(int fd, void *to, size_t size, uint64_t offset)
{
	uint8_t *bytes = to;

	while (size) {
		ssize_t n = pread(fd, bytes, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		bytes += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

int file_write_at(int fd, const void *from, size_t size, uint64_t offset)
{
	const uint8_t *bytes = from;

	while (size) {
		ssize_t n = pwrite(fd, bytes, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

int file_read_fd(
	int fd, const char *path, size_t size_max, struct buffer *ret, struct image_error *error)
{
	CLEANUP(buffer_done) struct buffer buffer = {0};
	uint8_t chunk[16384];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return image_fail_errno(error, -errno, "%s", path);
		if (buffer.size + (size_t)n > size_max)
			return image_fail(
				error, -EFBIG, "%s: larger than %zu bytes", path, size_max);
		if (n == 0)
			break;
		if (buffer_append(&buffer, chunk, (size_t)n) < 0)
			return image_fail_errno(error, -ENOMEM, "%s", path);
	}
	*ret = buffer;
	buffer = (struct buffer){0};
	return 0;
}

int file_read(const char *path, size_t size_max, struct buffer *ret, struct image_error *error)
{
	CLEANUP(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return image_fail_errno(error, -errno, "%s", path);
	return file_read_fd(fd, path, size_max, ret, error);
}

int file_open_unnamed(struct image_error *error)
{
	const char *dir = getenv("TMPDIR");
	CLEANUP(freep) char *path = NULL;
	int fd;

	if (!dir || !*dir)
		dir = "/var/tmp";
	/* Not every file system has O_TMPFILE (overlayfs before Linux 6.1). */
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	if (asprintf(&path, "%s/casemate-XXXXXX", dir) < 0)
		return image_fail_errno(error, -ENOMEM, "%s", dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return image_fail_errno(error, -errno, "%s", path);
	unlink(path);
	return fd;
}

void hex_encode(const uint8_t *bytes, size_t size, char *to)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++) {
		*to++ = digits[bytes[i] >> 4];
		*to++ = digits[bytes[i] & 15];
	}
	*to = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool hex_decode(const char *text, uint8_t *ret_bytes, size_t size)
{
	if (strlen(text) != 2 * size)
		return false;
	for (size_t i = 0; i < size; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret_bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
