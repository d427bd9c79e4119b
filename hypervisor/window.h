/* An enclave's window: frames that stay Linux's memory and stand in the enclave's table too, above
 * all of its own pages; read and written, never executed (SPEC.md, "The window"). A frame is in one
 * window at most. Under hypervisor_lock. */
#ifndef HYPERVISOR_WINDOW_H
#define HYPERVISOR_WINDOW_H

#include "base/compiler.h"

/* HC_WINDOW_MAP and HC_WINDOW_UNMAP. @page counts from the window's start. */
int64_t window_map(uint64_t number, uint64_t page, uint64_t frame);
int64_t window_unmap(uint64_t number, uint64_t page);

#endif
