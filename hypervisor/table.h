/* Page tables in the format that processors share for their own and for nested ones (APM volume 2,
 * 5.3 and 15.25.5). A table is named by the frame of its root; its tables are HYPERVISOR frames. */
#ifndef HYPERVISOR_TABLE_H
#define HYPERVISOR_TABLE_H

#include "base/compiler.h"

#define TABLE_PRESENT 0x1UL
#define TABLE_WRITE 0x2UL
#define TABLE_USER 0x4UL
#define TABLE_WRITE_THROUGH 0x8UL
#define TABLE_NO_CACHE 0x10UL
#define TABLE_LARGE 0x80UL
#define TABLE_NO_EXECUTE (1UL << 63)
/* Alone: the page stands in the table, and no processor sees that. */
#define TABLE_HELD (1UL << 58)
/* What an IOMMU reads in the same entries (48882, 2.2.3), and processors ignore: which table an
 * entry names, and what devices may do. */
#define TABLE_IO_LEVEL(level) ((uint64_t)(level) << 9)
#define TABLE_IO_READ (1UL << 61)
#define TABLE_IO_WRITE (1UL << 62)
#define TABLE_FRAME_MASK 0x000ffffffffff000UL

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
