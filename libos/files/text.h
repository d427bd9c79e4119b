/* A growing text: what a computed file shows. */
#ifndef LIBOS_FILES_TEXT_H
#define LIBOS_FILES_TEXT_H

#include "base/compiler.h"

#define TEXT_SIZE_MAX (64UL << 20)

struct text {
	char *bytes; /* heap; NULL: empty */
	size_t size, capacity;
	bool failed; /* no memory, or longer than TEXT_SIZE_MAX: what came since is missing */
};

void text_free(struct text *text); /* and make it empty */
void text_put(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);
void text_put_bytes(struct text *text, const void *bytes, size_t size);
/* Room for @size more bytes, not counted yet: add what was used to text->size. NULL: failed. */
char *text_reserve(struct text *text, size_t size);
/* A path as the mount tables and /proc/PID/maps show it: the characters in @special as \ooo. */
void text_put_escaped(struct text *text, const char *s, const char *special);

#endif
