/* The enclave's memory limit: MemoryLimit of casemate.json(5). */
#ifndef LIBOS_MEMORY_LIMIT_H
#define LIBOS_MEMORY_LIMIT_H

#include "base/compiler.h"

/* Look after it from now on; once, when heap_limit() is set and the timers run. */
void memory_limit_start(void);

/* Bytes that count towards it: now for files and the LibOS, at the last look for programs. */
uint64_t memory_limit_used(void);

#endif
