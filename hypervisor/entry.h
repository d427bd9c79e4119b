/* One entry of a page table (APM volume 2, 5.3.3 and 5.4), by the frame that it names. In
 * arithmetic, not in bits: provers can follow that, and compilers make the same of it. */
#ifndef HYPERVISOR_ENTRY_H
#define HYPERVISOR_ENTRY_H

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

#define ENTRY_FRAMES (1UL << 40) /* so many frames an entry can tell apart */
#define ENTRY_HELD_BIT 58

/*@ logic integer frame_in(integer entry) = entry / 0x1000 % 0x10000000000;
  @ predicate is_present(integer entry) = entry % 2 == 1;
  @ predicate is_large(integer entry) = entry / 0x80 % 2 == 1;
  @ predicate is_link(integer entry) = is_present(entry) && !is_large(entry);
  @ predicate is_held(integer entry) = entry / 0x400000000000000 % 2 == 1;
  @ predicate are_flags(integer flags) = 0 <= flags <= UINT64_MAX &&
  @   flags == flags % 0x1000 + flags / 0x10000000000000 * 0x10000000000000; */

/*@ assigns \nothing;
  @ ensures \result <==> is_present(entry); */
static inline bool entry_is_present(uint64_t entry)
{
	return entry % 2 == 1;
}

/*@ assigns \nothing;
  @ ensures \result <==> is_large(entry); */
static inline bool entry_is_large(uint64_t entry)
{
	return entry / TABLE_LARGE % 2 == 1;
}

/* Of a table above the last: does it name another one? */
/*@ assigns \nothing;
  @ ensures \result <==> is_link(entry); */
static inline bool entry_is_link(uint64_t entry)
{
	return entry_is_present(entry) && !entry_is_large(entry);
}

/*@ assigns \nothing;
  @ ensures \result == frame_in(entry) && \result < ENTRY_FRAMES; */
static inline uint64_t entry_frame(uint64_t entry)
{
	return entry / PAGE_SIZE % ENTRY_FRAMES;
}

/* What stands above a page may allow all: the page's own entry decides. */
/*@ requires frame < UINT32_MAX && 1 <= level <= 4;
  @ assigns \nothing;
  @ ensures is_link(\result) && frame_in(\result) == frame; */
static inline uint64_t entry_link(uint32_t frame, uint32_t level)
{
	return TABLE_IO_READ + TABLE_IO_WRITE + frame * PAGE_SIZE + level * TABLE_IO_LEVEL(1) +
	       TABLE_USER + TABLE_WRITE + TABLE_PRESENT;
}

/*@ requires frame < ENTRY_FRAMES && are_flags(flags);
  @ assigns \nothing;
  @ ensures frame_in(\result) == frame;
  @ ensures is_large(\result) <==> is_large(flags);
  @ ensures is_present(\result) <==> !is_held(flags); */
static inline uint64_t entry_leaf(uint64_t frame, uint64_t flags)
{
	uint64_t present = flags / TABLE_HELD % 2 == 1 ? 0 : TABLE_PRESENT;
	uint64_t entry = frame * PAGE_SIZE + (flags - flags % 2) + present;

	/*@ ghost uint64_t low = flags % 0x1000 - flags % 2 + present; */
	/*@ ghost uint64_t high = flags / 0x10000000000000; */
	/*@ assert low < 0x1000 && high < 0x1000; */
	/*@ assert entry == low + 0x1000 * (frame + high * 0x10000000000); */
	/*@ assert entry / 0x1000 == frame + high * 0x10000000000; */
	/*@ assert entry % 0x1000 == low; */
	/*@ assert entry / 0x80 % 2 == low / 0x80 % 2; */
	return entry;
}

#endif
