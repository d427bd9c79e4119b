/* printf's formatting for code without a libc.
 * Understood: %% %c %s %.*s %d %i %u %x %X %o %p, lengths hh h l ll z t, flags - 0 # and a width
 * (a number or *). Anything else prints itself. */
#ifndef BASE_FORMAT_H
#define BASE_FORMAT_H

#include <stdarg.h>

#include "base/compiler.h"

/* Write at most @size - 1 characters and a terminating NUL; returns the full length, as
 * snprintf(3) does. @size may be 0. */
size_t format_string(char *to, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);
size_t format_string_v(char *to, size_t size, const char *format, va_list args) PRINTF_LIKE(3, 0);

#endif
