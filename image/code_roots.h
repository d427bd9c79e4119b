/* Where the functions of an ELF file begin and end: its symbols, its unwind tables, its entry. */
#ifndef IMAGE_CODE_ROOTS_H
#define IMAGE_CODE_ROOTS_H

#include "image/code_map.h"

/* Add all of them to @map. What can't be read is passed over. Errors: -ENOMEM. */
int code_roots_add(struct code_map *map) MUST_CHECK;

#endif
