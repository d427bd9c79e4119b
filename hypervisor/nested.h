/* Linux's nested page table: physical addresses to themselves, filled when they are first used,
 * from the owner array. It is a cache of that array and may be emptied at any time.
 *
 * What is not Linux's is mapped to one frame full of ones, read-only and not executable: reads give
 * all ones, with no exit; writes and jumps end in a fault that Linux gets to see (linux.c). The
 * page of the local APIC can be read; writes are ours to carry out (apic.h). */
#ifndef HYPERVISOR_NESTED_H
#define HYPERVISOR_NESTED_H

#include "base/compiler.h"

MUST_CHECK int nested_init(uint32_t levels);
uint64_t nested_root(void); /* physical address */
uint64_t nested_ones(void); /* the frame that stands for all that is not Linux's */
/* Linux touched @address and had no translation. -ENOMEM: no free frame left for tables;
 * -EFAULT: no such address in a table of so many levels. */
MUST_CHECK int nested_fill(uint64_t address);
/* The owner of @frame is about to change. */
void nested_forget(uint64_t frame);

#endif
