#include "libos/core/log.h"

#include "base/format.h"
#include "platform/platform.h"

enum log_level log_level = LOG_WARNING;

void log_line(enum log_level level, const char *format, ...)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	char line[512];
	va_list args;
	size_t n;

	if (level > log_level)
		return;
	n = format_string(line, sizeof(line) - 1, "casemate: %s: ", names[level]);
	va_start(args, format);
	n += format_string_v(line + n, sizeof(line) - 1 - n, format, args);
	va_end(args);
	n = MIN(n, sizeof(line) - 2);
	line[n++] = '\n';
	platform_log(line, n);
}

void bug(const char *file, int line, const char *what)
{
	char text[256];

	format_string(text, sizeof(text), "%s:%d: %s", file, line, what);
	platform_panic(text);
}
