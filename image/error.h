/* Why something failed, in words for the user. A library function that fails fills one and
 * returns a negative errno; whoever knows the story prints it, once. */
#ifndef IMAGE_ERROR_H
#define IMAGE_ERROR_H

#include "base/compiler.h"

#define IMAGE_ERROR_SIZE 1024 /* bytes, with the NUL; longer text is cut */

struct image_error {
	char text[IMAGE_ERROR_SIZE];
};

/* Set the text and return @code, so that a caller can `return image_fail(...)`.
 * @code a negative errno; @error may be NULL. */
MUST_CHECK int image_fail(struct image_error *error, int code, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* The same, followed by ": " and the words of errno @code. */
MUST_CHECK int image_fail_errno(struct image_error *error, int code, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* Put "<prefix>: " before the text that is there; returns @code. */
MUST_CHECK int image_fail_in(struct image_error *error, int code, const char *format, ...)
	PRINTF_LIKE(3, 4);

#endif
