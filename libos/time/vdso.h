/* The LibOS's own vDSO: clock_gettime(2) and its like without a call; vdso(7). */
#ifndef LIBOS_TIME_VDSO_H
#define LIBOS_TIME_VDSO_H

#include "base/compiler.h"

struct mm;

/* Map it into the calling thread's space: its address (AT_SYSINFO_EHDR), or 0: none, programs call.
 */
uint64_t vdso_map(struct mm *mm);

#endif
