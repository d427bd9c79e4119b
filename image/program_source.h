/* Programs of the host, each with what it needs to start: its ELF interpreter, the libraries that
 * ld.so would load, a script's interpreter, and the symbolic links on the way to each. */
#ifndef IMAGE_PROGRAM_SOURCE_H
#define IMAGE_PROGRAM_SOURCE_H

#include "image/tree.h"

/* @program  a path, or a name that is looked up in PATH
 * @to       where to put it (absolute); NULL: where it is on the host
 * -ENOENT: not found, or a library is not; the error says which. */
MUST_CHECK int program_add(
	struct tree *tree, const char *program, const char *to, struct image_error *error);

/* Add the libraries that ELF files already in the tree need and the tree lacks. Those that the host
 * has not got either are left out: a module may never be loaded. */
MUST_CHECK int program_add_libraries_of_tree(struct tree *tree, struct image_error *error);

#endif
