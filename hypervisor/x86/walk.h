/* Reads Linux's memory by its own addresses, as its own page tables have them. They can change
 * under our hands: what is read is one answer that Linux could have got, and no more is relied on.
 */
#ifndef HYPERVISOR_X86_WALK_H
#define HYPERVISOR_X86_WALK_H

#include "base/compiler.h"

/* Copy up to @size bytes from linear @address; returns how many could be read. @cr4 says how deep
 * the tables at @cr3 are. */
size_t walk_read(uint64_t cr3, uint64_t cr4, uint64_t address, void *to, size_t size);

#endif
