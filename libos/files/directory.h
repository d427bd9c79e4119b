/* Listing directories: what file_ops.iterate is given. */
#ifndef LIBOS_FILES_DIRECTORY_H
#define LIBOS_FILES_DIRECTORY_H

#include "libos/files/file.h"

/* iterate(file, context) calls directory_emit for each entry from file->position on and stops when
 * it answers false. file->position is then where to go on: the emit function sets it to
 * @next_position for each entry it took. 0: "." and 1: ".." come first (directory_emit_dots). */
struct directory_context {
	struct file *file;
	uint64_t next_position; /* after the entry being emitted */
	/* Into LibOS memory; may be called with the directory locked. */
	bool (*emit)(struct directory_context *context, const char *name, uint32_t length,
		uint64_t inode_number, uint32_t type);
};

/* @type: DT_*. False: full, the entry was not taken. */
bool directory_emit(void *context, const char *name, uint32_t length, uint64_t inode_number,
	uint32_t type, uint64_t next_position);
/* "." and ".." if position is 0 or 1; positions 2 and up are the file system's. */
bool directory_emit_dots(void *context, struct file *file);
/* DT_* of a mode. */
static inline uint32_t directory_type(uint32_t mode)
{
	return mode >> 12 & 15;
}

#endif
