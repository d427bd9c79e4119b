#include "image/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int image_fail(struct image_error *error, int code, const char *format, ...)
{
	va_list args;

	if (!error)
		return code;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return code;
}

int image_fail_errno(struct image_error *error, int code, const char *format, ...)
{
	va_list args;
	size_t length;

	if (!error)
		return code;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	length = strlen(error->text);
	snprintf(error->text + length, sizeof(error->text) - length, ": %s", strerror(-code));
	return code;
}

int image_fail_in(struct image_error *error, int code, const char *format, ...)
{
	char old[IMAGE_ERROR_SIZE];
	va_list args;
	size_t length;

	if (!error)
		return code;
	memcpy(old, error->text, sizeof(old));
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	length = strlen(error->text);
	snprintf(error->text + length, sizeof(error->text) - length, ": %s", old);
	return code;
}
