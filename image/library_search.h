/* Where the dynamic linker would find a library: the rules of ld.so(8) without its environment
 * variables, and musl's. */
#ifndef IMAGE_LIBRARY_SEARCH_H
#define IMAGE_LIBRARY_SEARCH_H

#include "image/buffer.h"
#include "image/elf_file.h"
#include "image/error.h"

/* A loaded program or library, as far as its search path goes. */
struct library_object {
	char *path;    /* absolute, as it was found: $ORIGIN is its directory */
	char *rpath;   /* NULL: none */
	char *runpath; /* NULL: none */
	const struct library_object *loader; /* who needed it; NULL: nobody */
};

struct library_search {
	bool musl;
	struct buffer cache;      /* /etc/ld.so.cache; empty: none */
	struct strings musl_path; /* musl's directories */
	char *musl_path_file;     /* NULL: none */
};

/* @interpreter  the program's ELF interpreter, which tells the C library; NULL: glibc's */
MUST_CHECK int library_search_init(
	struct library_search *search, const char *interpreter, struct image_error *error);
void library_search_done(struct library_search *search);

/* The path of @name as @object needs it; owned by the caller.
 * @ret_default  whether the linker would look there without ld.so.cache
 * -ENOENT: nowhere. */
MUST_CHECK int library_find(const struct library_search *search, const char *name,
	const struct library_object *object, char **ret_path, bool *ret_default);

#endif
