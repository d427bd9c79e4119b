/* Whole files of the machine that makes evidence. */
#ifndef ATTESTATION_PLATFORM_FILE_H
#define ATTESTATION_PLATFORM_FILE_H

#include <stdlib.h>
#include <unistd.h>

#include "attestation/text.h"

static inline void platform_freep(void *pointer)
{
	free(*(void **)pointer);
}

static inline void platform_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* All of @name below @directory (or AT_FDCWD), with a NUL behind that .size does not count. What
 * the kernel makes up has no size beforehand, so it is read to its end.
 * -EFBIG: more than @size_max bytes; any errno of openat(2) and read(2). */
int platform_file_read(
	int directory, const char *name, size_t size_max, struct text_buffer *ret) MUST_CHECK;

#endif
