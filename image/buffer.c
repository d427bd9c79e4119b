#include "image/buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

void buffer_done(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){0};
}

static int buffer_reserve(struct buffer *buffer, size_t size)
{
	size_t capacity = MAX(buffer->capacity, (size_t)256);
	uint8_t *data;

	if (size <= buffer->capacity)
		return 0;
	while (capacity < size)
		if (CHECKED_MUL(capacity, (size_t)2, &capacity))
			return -ENOMEM;
	data = realloc(buffer->data, capacity);
	if (!data)
		return -ENOMEM;
	buffer->data = data;
	buffer->capacity = capacity;
	return 0;
}

int buffer_append(struct buffer *buffer, const void *data, size_t size)
{
	size_t old = buffer->size, total;
	int r;

	if (CHECKED_ADD(old, size, &total))
		return -ENOMEM;
	r = buffer_resize(buffer, total);
	if (r < 0)
		return r;
	if (data && size)
		memcpy(buffer->data + old, data, size);
	return 0;
}

int buffer_resize(struct buffer *buffer, size_t size)
{
	int r = buffer_reserve(buffer, MAX(size, (size_t)1));

	if (r < 0)
		return r;
	if (size > buffer->size)
		memset(buffer->data + buffer->size, 0, size - buffer->size);
	buffer->size = size;
	return 0;
}

int buffer_align(struct buffer *buffer, size_t alignment)
{
	return buffer_resize(buffer, ALIGN_UP(buffer->size, alignment));
}

void strings_done(struct strings *strings)
{
	for (size_t i = 0; i < strings->count; i++)
		free(strings->items[i]);
	free(strings->items);
	*strings = (struct strings){0};
}

int strings_add(struct strings *strings, const char *string)
{
	char **items = realloc(strings->items, (strings->count + 2) * sizeof(*items));
	char *copy;

	if (!items)
		return -ENOMEM;
	strings->items = items;
	copy = strdup(string);
	if (!copy)
		return -ENOMEM;
	items[strings->count++] = copy;
	items[strings->count] = NULL;
	return 0;
}

bool strings_contain(const struct strings *strings, const char *string)
{
	for (size_t i = 0; i < strings->count; i++)
		if (!strcmp(strings->items[i], string))
			return true;
	return false;
}
