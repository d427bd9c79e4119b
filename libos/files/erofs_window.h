/* One block of metadata at a time, for erofs.c and its parts: a window on the stack of whoever
 * reads, moved only when another block is needed. */
#ifndef LIBOS_FILES_EROFS_WINDOW_H
#define LIBOS_FILES_EROFS_WINDOW_H

#include "libos/files/erofs.h"

struct erofs_window {
	const struct erofs *fs;
	uint64_t block; /* UINT64_MAX: none yet */
	uint8_t data[EROFS_BLOCK_SIZE] ALIGNED(8);
};

/* @data stays uninitialized: it is large. */
static inline void erofs_window_init(struct erofs_window *window, const struct erofs *fs)
{
	window->fs = fs;
	window->block = UINT64_MAX;
}

int erofs_window_move(struct erofs_window *window, uint64_t block) MUST_CHECK;

/* Copy @size bytes at @position (from the start of the file system), over block borders too. */
int erofs_window_copy(
	struct erofs_window *window, uint64_t position, void *to, size_t size) MUST_CHECK;

#endif
