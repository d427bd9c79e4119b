#include "hypervisor/nested.h"

#include <asm/errno.h>

#include "base/memory.h"
#include "hypervisor/frames.h"
#include "hypervisor/memory.h"
#include "hypervisor/table.h"
#include "hypervisor/x86/apic.h"

#define ALL (TABLE_WRITE | TABLE_USER)

static struct table table;
static uint32_t ones_frame;

/* KEPT: what holds between any two calls here. */
#define KEPT(clause)                                                                               \
	GOOD(clause)                                                                               \
	SOUND(clause)                                                                              \
	MAPS(clause)                                                                               \
	clause is_linuxs_tree;
/*@ predicate is_linuxs_tree{L} = is_tree{L}(&table) && \at(table.root, L) == \at(linux_root, L) &&
  @   \at(table.enclave, L) == 0 && enclave_of{L}(\at(linux_root, L)) == 0 &&
  @   \at(ones_frame, L) == \at(linux_ones, L) && \at(hidden_count, L) <= FRAMES_HIDDEN_MAX; */

int nested_init(uint32_t levels)
{
	int r = frame_take((struct frame){.kind = FRAME_HYPERVISOR}, &ones_frame);

	if (r < 0)
		return r;
	memset(memory_at(ones_frame), 0xff, PAGE_SIZE);
	return table_init(&table, levels, 0);
}

uint64_t nested_root(void)
{
	return (uint64_t)table.root * PAGE_SIZE;
}

uint64_t nested_ones(void)
{
	return ones_frame;
}

/*@ GOOD(requires)
  @ requires hidden_count <= FRAMES_HIDDEN_MAX;
  @ assigns \nothing;
  @ ensures \result <==> is_linuxs(frame) && frame != APIC_FRAME; */
static bool is_ordinary(uint64_t frame)
{
	return frames_is_linux(frame) && frame != APIC_FRAME;
}

#ifdef HYPERVISOR_DEBUG
/* Each page is a fault of its own, at the worst of times too: while an event is delivered. */
#define HAS_LARGE_PAGES false
#else
#define HAS_LARGE_PAGES true
#endif

/*@ GOOD(requires)
  @ requires hidden_count <= FRAMES_HIDDEN_MAX && first < ENTRY_FRAMES;
  @ assigns \nothing;
  @ ensures \result <==> \forall integer k; first <= k < first + TABLE_LARGE_FRAMES ==>
  @   is_linuxs(k) && k != APIC_FRAME; */
static bool is_ordinary_2m(uint64_t first)
{
	/*@ loop invariant 0 <= i <= TABLE_LARGE_FRAMES;
	  @ loop invariant \forall integer k; first <= k < first + i ==>
	  @   is_linuxs(k) && k != APIC_FRAME;
	  @ loop assigns i;
	  @ loop variant TABLE_LARGE_FRAMES - i; */
	for (uint64_t i = 0; i < TABLE_LARGE_FRAMES; i++)
		if (!is_ordinary(first + i))
			return false;
	return true;
}

/*@ KEPT(requires)
  @ requires is_page(frame, table.levels) && frame < ENTRY_FRAMES;
  @ assigns owners[0 .. owner_count - 1], first_of[0 .. ], counts;
  @ assigns level_of[0 .. ], root_of[0 .. ], number_of[0 .. ], parent_of[0 .. ];
  @ assigns memory_frames[0 .. ];
  @ KEPT(ensures)
  @ ensures \result == 0 || \result == -ENOMEM || \result == -EEXIST; */
static int map_page(uint64_t frame)
{
	uint64_t shown = frames_is_linux(frame) || frame == APIC_FRAME ? frame : ones_frame;
	uint64_t flags = is_ordinary(frame) ? ALL : TABLE_USER | TABLE_NO_EXECUTE;
	uint64_t address = frame * PAGE_SIZE, physical = shown * PAGE_SIZE;
	int r;

	/*@ assert is_address_of(address, frame) && is_address_of(physical, shown); */
	/*@ assert is_linux_page(shown, frame); */
	/*@ assert page_in(address, table.levels) == frame; */
	/*@ assert leaf_level(flags) == 1; */
	r = table_map(&table, address, physical, flags);
	/*@ assert \forall integer f, i; is_entry_for(f, i, table.root, frame) && level_of[f] == 1
	  ==>
	  @   number_at(f, i) == frame; */
	/*@ assert \forall integer m; is_linuxs{Pre}(m) ==> is_linuxs(m); */
	/*@ assert \forall integer m, n; is_linux_page{Pre}(m, n) ==> is_linux_page(m, n); */
	/*@ assert \forall integer m, n; is_linux_large{Pre}(m, n) ==> is_linux_large(m, n); */
	/*@ assert \forall integer f; is_table{Pre}(f) ==> is_same{Pre,Here}(f); */
	/*@ assert \forall integer f; is_table{Pre}(f) ==> enclave_of(f) == enclave_of{Pre}(f); */
	/*@ assert \forall integer m, e, n; is_page_of{Pre}(m, e, n) ==> is_page_of(m, e, n); */
	/*@ assert \forall integer f, i; is_leaf(f, i) ==> is_same_leaf{Pre,Here}(f, i) ||
	  @   (root_of[f] == linux_root && level_of[f] == 1 && number_at(f, i) == frame &&
	  @     frame_in(entry_at(f, i)) == shown); */
	return r;
}

/*@ KEPT(requires)
  @ requires is_page(first, table.levels) && first < ENTRY_FRAMES && first % ENTRY_COUNT == 0;
  @ requires is_linux_large(first, first / ENTRY_COUNT);
  @ assigns owners[0 .. owner_count - 1], first_of[0 .. ], counts;
  @ assigns level_of[0 .. ], root_of[0 .. ], number_of[0 .. ], parent_of[0 .. ];
  @ assigns memory_frames[0 .. ];
  @ KEPT(ensures)
  @ ensures \result == 0 || \result == -ENOMEM || \result == -EEXIST; */
static int map_large(uint64_t first)
{
	uint64_t address = first * PAGE_SIZE, flags = ALL | TABLE_LARGE;
	int r;

	/*@ assert is_address_of(address, first); */
	/*@ assert page_in(address, table.levels) == first; */
	/*@ assert leaf_level(flags) == 2 && are_flags(flags); */
	r = table_map(&table, address, address, flags);
	/*@ assert \forall integer f, i; is_entry_for(f, i, table.root, first) && level_of[f] == 2
	  ==>
	  @   number_at(f, i) == first / ENTRY_COUNT; */
	/*@ assert \forall integer m; is_linuxs{Pre}(m) ==> is_linuxs(m); */
	/*@ assert \forall integer m, n; is_linux_page{Pre}(m, n) ==> is_linux_page(m, n); */
	/*@ assert \forall integer m, n; is_linux_large{Pre}(m, n) ==> is_linux_large(m, n); */
	/*@ assert \forall integer f; is_table{Pre}(f) ==> is_same{Pre,Here}(f); */
	/*@ assert \forall integer f; is_table{Pre}(f) ==> enclave_of(f) == enclave_of{Pre}(f); */
	/*@ assert \forall integer m, e, n; is_page_of{Pre}(m, e, n) ==> is_page_of(m, e, n); */
	/*@ assert \forall integer f, i; is_leaf(f, i) ==> is_same_leaf{Pre,Here}(f, i) ||
	  @   (root_of[f] == linux_root && level_of[f] == 2 &&
	  @     number_at(f, i) == first / ENTRY_COUNT && frame_in(entry_at(f, i)) == first); */
	return r;
}

/*@ KEPT(requires)
  @ assigns owners[0 .. owner_count - 1], first_of[0 .. ], counts;
  @ assigns level_of[0 .. ], root_of[0 .. ], number_of[0 .. ], parent_of[0 .. ];
  @ assigns memory_frames[0 .. ];
  @ KEPT(ensures)
  @ ensures \result <= 0; */
int nested_fill(uint64_t address)
{
	uint64_t frame = address / PAGE_SIZE,
		 first = frame / TABLE_LARGE_FRAMES * TABLE_LARGE_FRAMES;
	int r;

	/* Beyond what the table can tell apart it would answer for another page. */
	if (frame >= (table.levels == 5 ? ENTRY_FRAMES : 1UL << 36))
		return -EFAULT;
	/*@ assert is_page(frame, table.levels) && is_page(first, table.levels); */
	/*@ assert first % ENTRY_COUNT == 0 && first < ENTRY_FRAMES; */
	if (HAS_LARGE_PAGES && is_ordinary_2m(first)) {
		r = map_large(first);
		if (r != -EEXIST)
			return r;
	}
	return map_page(frame);
}

/*@ KEPT(requires)
  @ requires is_page(frame, table.levels);
  @ assigns memory_frames[0 .. ];
  @ KEPT(ensures)
  @ ensures \forall integer f, i; is_leaf(f, i) && root_of[f] == linux_root ==>
  @   number_at(f, i) != number_for(frame, level_of[f] - 1); */
void nested_forget(uint64_t frame)
{
	/*@ assert page_in(frame * PAGE_SIZE, table.levels) == frame; */
	/*@ assert \forall integer n, l; 1 <= l <= LEVELS_MAX ==>
	  @   number_for(n, l) == number_for(n, l - 1) / ENTRY_COUNT; */
	/*@ assert \forall integer f, i; is_leaf(f, i) &&
	  @   number_at(f, i) == number_for(frame, level_of[f] - 1) ==>
	  @   i == number_for(frame, level_of[f] - 1) % ENTRY_COUNT; */
	/*@ assert \forall integer f, i; is_leaf(f, i) &&
	  @   number_at(f, i) == number_for(frame, level_of[f] - 1) ==>
	  @   number_of[f] == number_for(frame, level_of[f]); */
	table_unmap(&table, frame * PAGE_SIZE);
	/*@ assert \forall integer f, i; is_leaf(f, i) && root_of[f] == linux_root ==>
	  @   !is_entry_for(f, i, linux_root, frame); */
}
