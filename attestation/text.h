/* Text that stands for bytes and moments. */
#ifndef ATTESTATION_TEXT_H
#define ATTESTATION_TEXT_H

#include "base/span.h"

/* Bytes that this library has allocated; .data is freed by buffer_done. */
struct text_buffer {
	uint8_t *data;
	size_t size;
};

void text_buffer_done(struct text_buffer *buffer);

static inline struct span text_buffer_span(const struct text_buffer *buffer)
{
	return (struct span){buffer->data, buffer->size};
}

/* 2 * @size digits and a NUL to @to, in lower case. */
void text_hex(const void *bytes, size_t size, char *to);

/* @text must be just 2 * @size hexadecimal digits. */
bool text_from_hex(const char *text, size_t text_size, void *to, size_t size) MUST_CHECK;

/* Hexadecimal digits, also behind 0x, or base64 (RFC 4648, also the URL alphabet, padding
 * optional); white space is skipped. 0, -EINVAL, -ENOMEM. */
int text_from_hex_any(const char *text, size_t size, struct text_buffer *ret) MUST_CHECK;
int text_from_base64(const char *text, size_t size, struct text_buffer *ret) MUST_CHECK;

/* A NUL-terminated base64 of @bytes, with padding; free(3) it; NULL without memory. */
char *text_base64(struct span bytes);

/* RFC 3339 in UTC, to the second: 2025-06-19T10:56:11Z. */
bool text_from_time(const char *text, int64_t *ret) MUST_CHECK;
#define TEXT_TIME_SIZE 32
void text_time(int64_t time, char to[TEXT_TIME_SIZE]);

#endif
