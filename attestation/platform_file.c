#include "attestation/platform_file.h"

#include <errno.h>
#include <fcntl.h>

#define FIRST_SIZE 4096

/* Room for at least one byte more, and the NUL. */
static int grow(struct text_buffer *buffer, size_t *room, size_t size_max)
{
	size_t size = *room ? 2 * *room : FIRST_SIZE;
	uint8_t *data;

	size = MIN(size, size_max + 1);
	data = realloc(buffer->data, size + 1);
	if (!data)
		return -ENOMEM;
	buffer->data = data;
	*room = size;
	return 0;
}

static int read_all(int fd, size_t size_max, struct text_buffer *buffer)
{
	size_t room = 0;

	for (;;) {
		ssize_t got;
		int r = buffer->size < room ? 0 : grow(buffer, &room, size_max);

		if (r < 0)
			return r;
		got = read(fd, buffer->data + buffer->size, room - buffer->size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		buffer->size += (size_t)got;
		if (buffer->size > size_max)
			return -EFBIG;
		if (got == 0)
			break;
	}
	buffer->data[buffer->size] = '\0';
	return 0;
}

int platform_file_read(int directory, const char *name, size_t size_max, struct text_buffer *ret)
{
	CLEANUP(text_buffer_done) struct text_buffer buffer = {0};
	CLEANUP(platform_closep) int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = read_all(fd, size_max, &buffer);
	if (r < 0)
		return r;
	*ret = buffer;
	buffer = (struct text_buffer){0};
	return 0;
}
