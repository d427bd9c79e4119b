/* Bytes that grow. Zero-initialised is empty. */
#ifndef IMAGE_BUFFER_H
#define IMAGE_BUFFER_H

#include "base/compiler.h"

struct buffer {
	uint8_t *data; /* owned; free with buffer_done */
	size_t size;
	size_t capacity;
};

void buffer_done(struct buffer *buffer);

/* Add @size bytes at the end. @data NULL adds zeros. -ENOMEM leaves the buffer as it was. */
MUST_CHECK int buffer_append(struct buffer *buffer, const void *data, size_t size);

/* Make the buffer @size bytes long, new bytes zero. */
MUST_CHECK int buffer_resize(struct buffer *buffer, size_t size);

/* Add zeros up to a multiple of @alignment (a power of two). */
MUST_CHECK int buffer_align(struct buffer *buffer, size_t alignment);

/* A list of strings that it owns; @items ends with NULL when it has been added to. */
struct strings {
	char **items;
	size_t count;
};

void strings_done(struct strings *strings);
MUST_CHECK int strings_add(struct strings *strings, const char *string);
bool strings_contain(const struct strings *strings, const char *string);

#endif
