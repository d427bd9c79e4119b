/* Which system calls `run --trace` prints: what follows -e, as strace(1) has it. */
#ifndef LIBOS_SYSCALLS_TRACE_FILTER_H
#define LIBOS_SYSCALLS_TRACE_FILTER_H

#include "base/compiler.h"

#define TRACE_WORD_SIZE 64

/* Nothing is filtered until this is called. One expression a line:
 *	[trace=][!]SET		SET: names and %classes, with commas between, or all or none
 *	signal=[!]SET		SET: names of signals
 * -EINVAL: @ret_word, TRACE_WORD_SIZE bytes, is the word that is not known. */
MUST_CHECK int trace_filter_parse(const char *expressions, char *ret_word);

bool trace_filter_call(uint64_t nr);
bool trace_filter_signal(int signo);

#endif
