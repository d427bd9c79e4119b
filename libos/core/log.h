/* Lines for whoever runs the enclave. Never contents of the program's memory. */
#ifndef LIBOS_CORE_LOG_H
#define LIBOS_CORE_LOG_H

#include "base/compiler.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
extern enum log_level log_level;

void log_line(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);
/* Our bug: say where and stop the enclave. */
NORETURN void bug(const char *file, int line, const char *what);
#define ASSERT(condition) (LIKELY(condition) ? (void)0 : bug(__FILE__, __LINE__, #condition))

#endif
