#include "libos/files/text.h"

#include "base/format.h"
#include "base/memory.h"
#include "libos/core/heap.h"

#define CAPACITY_MIN 1024UL

void text_free(struct text *text)
{
	heap_free(text->bytes);
	*text = (struct text){0};
}

char *text_reserve(struct text *text, size_t size)
{
	size_t capacity = MAX(text->capacity, CAPACITY_MIN);
	char *bytes;

	if (text->failed || size > TEXT_SIZE_MAX - text->size) {
		text->failed = true;
		return NULL;
	}
	while (capacity - text->size < size)
		capacity *= 2;
	if (capacity == text->capacity)
		return text->bytes + text->size;
	bytes = heap_alloc(capacity);
	if (!bytes) {
		text->failed = true;
		return NULL;
	}
	if (text->size)
		memcpy(bytes, text->bytes, text->size);
	heap_free(text->bytes);
	text->bytes = bytes;
	text->capacity = capacity;
	return bytes + text->size;
}

void text_put_bytes(struct text *text, const void *bytes, size_t size)
{
	char *to = text_reserve(text, size);

	if (!to || !size)
		return;
	memcpy(to, bytes, size);
	text->size += size;
}

void text_put(struct text *text, const char *format, ...)
{
	size_t room = text->capacity - text->size, length;
	va_list args;
	char *to;

	va_start(args, format);
	length = format_string_v(room ? text->bytes + text->size : NULL, room, format, args);
	va_end(args);
	if (length >= room) {
		to = text_reserve(text, length + 1);
		if (!to)
			return;
		va_start(args, format);
		format_string_v(to, length + 1, format, args);
		va_end(args);
	}
	text->size += length;
}

void text_put_escaped(struct text *text, const char *s, const char *special)
{
	const char *from = s;

	for (; *s; s++) {
		if (!strchr(special, *s))
			continue;
		text_put_bytes(text, from, (size_t)(s - from));
		text_put(text, "\\%03o", (unsigned int)(unsigned char)*s);
		from = s + 1;
	}
	text_put_bytes(text, from, (size_t)(s - from));
}
