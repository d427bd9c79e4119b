/* Page tables in the format that processors share for their own and for nested ones (APM volume 2,
 * 5.3 and 15.25.5). A table is named by the frame of its root; its tables are HYPERVISOR frames.
 * The contracts in table.c are proved (DESIGN.md, "What is known, and how"). */
#ifndef HYPERVISOR_TABLE_H
#define HYPERVISOR_TABLE_H

#include "hypervisor/entry.h"

#define TABLE_LARGE_SIZE (2UL << 20)
#define TABLE_LARGE_FRAMES 512

struct table {
	uint32_t root;
	uint16_t levels;  /* 4, or 5 where the processor runs so (CR4.LA57) */
	uint16_t enclave; /* whom its frames serve; 0: Linux or the hypervisor */
};

MUST_CHECK int table_init(struct table *table, uint32_t levels, uint16_t enclave);
/* Map one page, or 2 MiB with TABLE_LARGE, in place of what stands there. Below a large page:
 * -EEXIST. -ENOMEM: no free frame for a table. */
MUST_CHECK int table_map(struct table *table, uint64_t address, uint64_t physical, uint64_t flags);
/* Give the page at @address, which the table has, other flags. */
void table_change(struct table *table, uint64_t address, uint64_t flags);
/* Unmap the page or large page at @address, if there is one. */
void table_unmap(struct table *table, uint64_t address);
/* The entry of @address, which translates it unless it is HELD; 0: there is none. */
uint64_t table_look_up(const struct table *table, uint64_t address);
/* Give all its tables back. */
void table_done(struct table *table);

#endif
