#include "hypervisor/table.h"

#include <asm/errno.h>

#include "hypervisor/frames.h"
#include "hypervisor/memory.h"

#define ENTRY_COUNT 512
#define LEVELS_MIN 4
#define LEVELS_MAX 5

/* For the proof: of each frame that is a table, its level (0: it is none), the root above it, its
 * number among the tables of its level there, by address, and the table that names it. */
/*@ ghost
  @ int level_of[UINT32_MAX];
  @ uint32_t root_of[UINT32_MAX];
  @ uint64_t number_of[UINT32_MAX];
  @ uint32_t parent_of[UINT32_MAX]; */

/* SOUND holds between any two calls, as GOOD (frames.c) does: what is walked as a table is one, and
 * the hypervisor's; each is named once, by the table above it, at its place; no two are of the same
 * place. */
#define SOUND(clause)                                                                              \
	clause tables_are_ours;                                                                    \
	clause tables_have_roots;                                                                  \
	clause links_go_down;                                                                      \
	clause tables_are_linked;                                                                  \
	clause tables_are_single;
/*@ predicate is_table{L}(integer f) = 0 <= f < FRAME_NONE && \at(level_of[f], L) >= 1;
  @ logic integer entry_at{L}(integer f, integer i) = \at(memory_frames[f].words[i], L);
  @ predicate is_place(integer i) = 0 <= i < ENTRY_COUNT;
  @ predicate links{L}(integer f, integer i) = is_table{L}(f) && \at(level_of[f], L) >= 2 &&
  @   is_place(i) && is_link(entry_at{L}(f, i));
  @ predicate is_root{L}(integer f) = is_table{L}(f) && \at(root_of[f], L) == f;
  @
  @ predicate tables_are_ours{L} = \forall integer f; is_table{L}(f) ==>
  @   is_of{L}(f, FRAME_HYPERVISOR) && \at(level_of[f], L) <= LEVELS_MAX;
  @ predicate tables_have_roots{L} = \forall integer f; is_table{L}(f) ==>
  @   is_root{L}(\at(root_of[f], L)) &&
  @   \at(level_of[f], L) <= \at(level_of[\at(root_of[f], L)], L) &&
  @   (\at(level_of[f], L) == \at(level_of[\at(root_of[f], L)], L) ==>
  @     f == \at(root_of[f], L));
  @ predicate is_below{L}(integer g, integer f, integer i) =
  @   is_table{L}(g) && \at(level_of[g], L) == \at(level_of[f], L) - 1 &&
  @   \at(root_of[g], L) == \at(root_of[f], L) &&
  @   \at(number_of[g], L) == ENTRY_COUNT * \at(number_of[f], L) + i;
  @ predicate links_go_down{L} = \forall integer f, i; links{L}(f, i) ==>
  @   is_below{L}(frame_in(entry_at{L}(f, i)), f, i);
  @ predicate is_named{L}(integer g, integer f, integer i) =
  @   links{L}(f, i) && frame_in(entry_at{L}(f, i)) == g;
  @ predicate tables_are_linked{L} = \forall integer g; is_table{L}(g) && !is_root{L}(g) ==>
  @   is_named{L}(g, \at(parent_of[g], L), \at(number_of[g], L) % ENTRY_COUNT);
  @ predicate is_alike{L}(integer f, integer g) =
  @   \at(level_of[f], L) == \at(level_of[g], L) && \at(root_of[f], L) == \at(root_of[g], L) &&
  @   \at(number_of[f], L) == \at(number_of[g], L);
  @ predicate tables_are_single{L} = \forall integer f, g;
  @   is_table{L}(f) && is_table{L}(g) && is_alike{L}(f, g) ==> f == g; */

/* The number of the table of a level, 1 being the one whose entries are pages, that a page's
 * translation goes through; of level 0 the page itself. */
/*@ logic integer number_for(integer page, integer level) =
  @   level == 0 ? page :
  @   level == 1 ? page / 512 :
  @   level == 2 ? page / 512 / 512 :
  @   level == 3 ? page / 512 / 512 / 512 :
  @   level == 4 ? page / 512 / 512 / 512 / 512 :
  @   page / 512 / 512 / 512 / 512 / 512; */

/* Where an entry stands. */
struct place {
	uint32_t frame, level;
};

/*@ predicate is_on_way{L}(integer f, integer root, integer page) =
  @   is_table{L}(f) && \at(root_of[f], L) == root &&
  @   \at(number_of[f], L) == number_for(page, \at(level_of[f], L)); */

/*@ requires 1 <= level <= LEVELS_MAX;
  @ assigns \nothing;
  @ ensures \result == number_for(page, level - 1) % ENTRY_COUNT && is_place(\result); */
static unsigned int index_of(uint64_t page, uint32_t level)
{
	uint64_t number = page;

	/*@ loop invariant 1 <= i <= level && number == number_for(page, i - 1);
	  @ loop assigns i, number;
	  @ loop variant level - i; */
	for (uint32_t i = 1; i < level; i++)
		number /= ENTRY_COUNT;
	return (unsigned int)(number % ENTRY_COUNT);
}

/*@ requires frame < FRAME_NONE && is_place(index);
  @ assigns \nothing;
  @ ensures \result == entry_at(frame, index); */
static uint64_t entry_get(uint32_t frame, unsigned int index)
{
	const uint64_t *entries = memory_at(frame);

	return entries[index];
}

/*@ requires frame < FRAME_NONE && is_place(index);
  @ assigns memory_frames[frame].words[index];
  @ ensures entry_at(frame, index) == entry; */
static void entry_set(uint32_t frame, unsigned int index, uint64_t entry)
{
	uint64_t *entries = memory_at(frame);

	entries[index] = entry;
}

/* An entry that names no table, before and after. */
/*@ GOOD(requires)
  @ SOUND(requires)
  @ requires is_table(frame) && is_place(index) && !links(frame, index);
  @ requires level_of[frame] == 1 || !is_link(entry);
  @ assigns memory_frames[frame].words[index];
  @ GOOD(ensures)
  @ SOUND(ensures)
  @ ensures entry_at(frame, index) == entry; */
static void leaf_set(uint32_t frame, unsigned int index, uint64_t entry)
{
	/*@ assert is_of(frame, FRAME_HYPERVISOR); */
	entry_set(frame, index, entry);
	/*@ assert is_scrubbed; */
}

/*@ predicate is_tree{L}(struct table *t) = \valid{L}(t) &&
  @   LEVELS_MIN <= \at(t->levels, L) <= LEVELS_MAX && is_root{L}(\at(t->root, L)) &&
  @   \at(level_of[t->root], L) == \at(t->levels, L) && \at(number_of[t->root], L) == 0;
  @ predicate is_page(integer page, integer levels) =
  @   0 <= page && page < (levels == 5 ? 0x200000000000 : 0x1000000000); */

/*@ logic integer page_in(integer address, integer levels) =
  @   address / 0x1000 % (levels == 5 ? 0x200000000000 : 0x1000000000);
  @ logic integer leaf_level(integer flags) = flags / 0x80 % 2 + 1;
  @ predicate is_leaf{L}(integer f, integer i) = is_table{L}(f) && is_place(i) &&
  @   (\at(level_of[f], L) == 1 ? entry_at{L}(f, i) != 0 :
  @     is_present(entry_at{L}(f, i)) && is_large(entry_at{L}(f, i)));
  @ predicate is_leaf_of(integer entry, integer physical, integer flags) =
  @   frame_in(entry) == physical / 0x1000 && (is_present(entry) <==> !is_held(flags)) &&
  @   (is_large(entry) <==> is_large(flags)); */

/* A page's address without what the tables can't tell apart. */
/*@ requires LEVELS_MIN <= levels <= LEVELS_MAX;
  @ assigns \nothing;
  @ ensures is_page(\result, levels) && \result == page_in(address, levels); */
static uint64_t page_of(uint64_t address, uint32_t levels)
{
	uint64_t page = address / PAGE_SIZE;

	return levels == LEVELS_MAX ? page % (1UL << 45) : page % (1UL << 36);
}

/* The lowest table from @least up that there is for @page. */
/*@ GOOD(requires)
  @ SOUND(requires)
  @ requires is_tree((struct table *)table) && is_page(page, table->levels) && 1 <= least <= 2;
  @ assigns \nothing;
  @ ensures is_on_way(\result.frame, table->root, page);
  @ ensures level_of[\result.frame] == \result.level && least <= \result.level <= table->levels;
  @ ensures \result.level > least ==>
  @   !is_link(entry_at(\result.frame, number_for(page, \result.level - 1) % ENTRY_COUNT));
  @ ensures \result.level > least ==> \forall integer f;
  @   is_on_way(f, table->root, page) ==> level_of[f] >= \result.level;
  @ ensures \forall integer f; is_on_way(f, table->root, page) && level_of[f] > \result.level ==>
  @   links(f, number_for(page, level_of[f] - 1) % ENTRY_COUNT); */
static struct place walk(const struct table *table, uint64_t page, uint32_t least)
{
	struct place at = {table->root, table->levels};

	/*@ loop invariant is_on_way(at.frame, table->root, page);
	  @ loop invariant level_of[at.frame] == at.level && least <= at.level <= table->levels;
	  @ loop invariant \forall integer f; is_on_way(f, table->root, page) &&
	  @   level_of[f] > at.level ==> links(f, number_for(page, level_of[f] - 1) % ENTRY_COUNT);
	  @ loop assigns at;
	  @ loop variant at.level; */
	while (at.level > least) {
		uint64_t entry = entry_get(at.frame, index_of(page, at.level));

		if (!entry_is_link(entry)) {
			/*@ assert \forall integer f;
			  @   is_on_way(f, table->root, page) && f != table->root ==>
			  @   is_on_way(parent_of[f], table->root, page) &&
			  @   is_named(f, parent_of[f],
			  @     number_for(page, level_of[f]) % ENTRY_COUNT); */
			/*@ assert \forall integer f; is_on_way(f, table->root, page) ==>
			  @   level_of[f] != at.level - 1; */
			/*@ assert \forall integer f; is_on_way(f, table->root, page) ==>
			  @   level_of[f] != at.level - 2; */
			/*@ assert \forall integer f; is_on_way(f, table->root, page) ==>
			  @   level_of[f] != at.level - 3; */
			/*@ assert \forall integer f; is_on_way(f, table->root, page) ==>
			  @   level_of[f] != at.level - 4; */
			break;
		}
		/*@ assert links(at.frame, number_for(page, at.level - 1) % ENTRY_COUNT); */
		/*@ assert is_below(frame_in(entry), at.frame,
		  @   number_for(page, at.level - 1) % ENTRY_COUNT); */
		at.frame = (uint32_t)entry_frame(entry);
		at.level--;
	}
	return at;
}

/*@ predicate stays{L1,L2}(integer f) = is_table{L2}(f) &&
  @   \at(level_of[f], L1) == \at(level_of[f], L2) && \at(root_of[f], L1) == \at(root_of[f], L2) &&
  @   \at(number_of[f], L1) == \at(number_of[f], L2);
  @ predicate is_same_leaf{L1,L2}(integer f, integer i) =
  @   is_leaf{L1}(f, i) && stays{L1,L2}(f) && entry_at{L1}(f, i) == entry_at{L2}(f, i);
  @ predicate adds_no_leaf{L1,L2} = \forall integer f, i;
  @   is_leaf{L2}(f, i) ==> is_same_leaf{L1,L2}(f, i);
  @ predicate was_there{L1,L2} = \forall integer f; is_table{L1}(f) ==> stays{L1,L2}(f);
  @ predicate is_new{L1,L2}(integer f) = 0 <= f < FRAME_NONE &&
  @   !is_table{L1}(f) && is_table{L2}(f) &&
  @   \forall integer i; is_place(i) ==> entry_at{L2}(f, i) == 0; */

/* Of the owners only those of spare frames change, and what is a table now and was none is one of
 * those, in the tree of @root. */
/*@ predicate is_spare{L}(integer f) = is_of{L}(f, FRAME_FREE) || is_of{L}(f, FRAME_RESERVED);
  @ predicate keeps{L1,L2} = \forall integer f;
  @   is_frame{L1}(f) && !is_spare{L1}(f) ==> is_same{L1,L2}(f);
  @ predicate adds_to{L1,L2}(integer root) = \forall integer f;
  @   is_table{L2}(f) && !is_table{L1}(f) ==> is_spare{L1}(f) && \at(root_of[f], L2) == root; */

/* FRAME_NONE: there is none. */
/*@ GOOD(requires)
  @ requires tables_are_ours;
  @ assigns owners[0 .. owner_count - 1], first_of[0 .. ], counts;
  @ GOOD(ensures)
  @ ensures tables_are_ours;
  @ ensures \result != FRAME_NONE ==> !is_table(\result) &&
  @   is_of(\result, FRAME_HYPERVISOR) && owners[\result].enclave == enclave &&
  @   is_zero(\result) && same_but{Pre,Post}(\result);
  @ ensures \result != FRAME_NONE ==>
  @   (is_of{Pre}(\result, FRAME_FREE) || is_of{Pre}(\result, FRAME_RESERVED));
  @ ensures \result == FRAME_NONE ==> same_but{Pre,Post}(-1); */
static uint32_t new_table(uint16_t enclave)
{
	struct frame owner = {.kind = FRAME_HYPERVISOR, .enclave = enclave};
	uint32_t frame;

	return frame_take(owner, &frame) == 0 ? frame : FRAME_NONE;
}

/*@ GOOD(requires)
  @ SOUND(requires)
  @ requires \valid(table) && \separated(table, owners + (0 .. owner_count - 1));
  @ requires LEVELS_MIN <= levels <= LEVELS_MAX;
  @ assigns owners[0 .. owner_count - 1], first_of[0 .. ], counts, *table;
  @ assigns level_of[0 .. ], root_of[0 .. ], number_of[0 .. ], parent_of[0 .. ];
  @ GOOD(ensures)
  @ SOUND(ensures)
  @ ensures \result == 0 || \result == -ENOMEM;
  @ ensures was_there{Pre,Post};
  @ ensures keeps{Pre,Post};
  @ ensures \result == 0 ==> is_tree(table) && table->enclave == enclave;
  @ ensures \result == 0 ==> is_new{Pre,Post}(table->root) && adds_to{Pre,Post}(table->root);
  @ ensures \result == 0 ==> owners[table->root].enclave == enclave;
  @ ensures \result != 0 ==> \forall integer f; is_table(f) ==> is_table{Pre}(f); */
int table_init(struct table *table, uint32_t levels, uint16_t enclave)
{
	uint32_t root = new_table(enclave);

	if (root == FRAME_NONE)
		return -ENOMEM;
	/*@ ghost
	  @ level_of[root] = (int)levels;
	  @ root_of[root] = root;
	  @ number_of[root] = 0;
	  @ parent_of[root] = root; */
	table->root = root;
	table->levels = (uint16_t)levels;
	table->enclave = enclave;
	return 0;
}

/* Entries change only where there was none, to name a table. */
/*@ predicate only_links{L1,L2} = \forall integer f, i; 0 <= f < FRAME_NONE && is_place(i) ==>
  @   entry_at{L1}(f, i) == entry_at{L2}(f, i) ||
  @   (links{L2}(f, i) && !is_present(entry_at{L1}(f, i))); */

/* A table below the one of @at, on the way to @page. FRAME_NONE: there is no frame for one, or
 * something stands there. */
/*@ GOOD(requires)
  @ SOUND(requires)
  @ requires is_table(at.frame) && level_of[at.frame] == at.level && at.level >= 2;
  @ requires is_on_way(at.frame, root_of[at.frame], page);
  @ assigns owners[0 .. owner_count - 1], first_of[0 .. ], counts;
  @ assigns level_of[0 .. ], root_of[0 .. ], number_of[0 .. ], parent_of[0 .. ];
  @ assigns memory_frames[at.frame].words[number_for(page, at.level - 1) % ENTRY_COUNT];
  @ GOOD(ensures)
  @ SOUND(ensures)
  @ ensures was_there{Pre,Post};
  @ ensures \result != FRAME_NONE ==>
  @   is_new{Pre,Post}(\result) && level_of[\result] == at.level - 1;
  @ ensures \result != FRAME_NONE ==> is_on_way(\result, root_of[at.frame], page);
  @ ensures \result != FRAME_NONE ==>
  @   is_named(\result, at.frame, number_for(page, at.level - 1) % ENTRY_COUNT);
  @ ensures only_links{Pre,Post};
  @ ensures keeps{Pre,Post};
  @ ensures adds_to{Pre,Post}(root_of[at.frame]);
  @ ensures adds_no_leaf{Pre,Post}; */
static uint32_t add_table(uint16_t enclave, struct place at, uint64_t page)
{
	unsigned int index = index_of(page, at.level);
	uint32_t new_frame;

	if (entry_is_present(entry_get(at.frame, index)))
		return FRAME_NONE;
	new_frame = new_table(enclave);
	if (new_frame == FRAME_NONE)
		return FRAME_NONE;
	/*@ ghost
	  @ level_of[new_frame] = (int)(at.level - 1);
	  @ root_of[new_frame] = root_of[at.frame];
	  @ number_of[new_frame] = number_of[at.frame] * ENTRY_COUNT + index;
	  @ parent_of[new_frame] = at.frame; */
	/*@ assert number_of[new_frame] == number_for(page, at.level - 1); */
	/*@ assert number_of[new_frame] == number_of[at.frame] * ENTRY_COUNT + index; */
	/*@ assert \forall integer g; is_table{Pre}(g) && !is_root{Pre}(g) ==>
	  @   is_named{Pre}(g, parent_of[g], number_of[g] % ENTRY_COUNT) &&
	  @   (parent_of[g] != at.frame || number_of[g] % ENTRY_COUNT != index); */
	/*@ assert \forall integer g; is_table{Pre}(g) && !is_root{Pre}(g) ==>
	  @   is_below{Pre}(g, parent_of[g], number_of[g] % ENTRY_COUNT); */
	/*@ assert \forall integer g; is_root{Pre}(g) ==> !is_alike(g, new_frame); */
	/*@ assert \forall integer g; number_of[g] == number_of[new_frame] ==>
	  @   number_of[g] % ENTRY_COUNT == index; */
	/*@ assert \forall integer g;
	  @   is_table{Pre}(g) && !is_root{Pre}(g) && is_alike(g, new_frame) ==>
	  @   is_alike{Pre}(parent_of[g], at.frame) && is_table{Pre}(parent_of[g]); */
	/*@ assert \forall integer g;
	  @   is_table{Pre}(g) && !is_root{Pre}(g) && is_alike(g, new_frame) ==>
	  @   parent_of[g] == at.frame; */
	/*@ assert \forall integer g; is_table{Pre}(g) ==> !is_alike(g, new_frame); */
	/*@ assert \forall integer g; is_table(g) ==> g == new_frame || is_table{Pre}(g); */
	/*@ assert \forall integer f, g;
	  @   is_table{Pre}(f) && is_table{Pre}(g) && is_alike(f, g) ==> f == g; */
	/*@ assert tables_are_single; */
	entry_set(at.frame, index, entry_link(new_frame, at.level - 1));
	/*@ assert is_below(new_frame, at.frame, index); */
	/*@ assert \forall integer f, i; links(f, i) && (f != at.frame || i != index) ==>
	  @   links{Pre}(f, i) && entry_at(f, i) == entry_at{Pre}(f, i); */
	/*@ assert links_go_down; */
	/*@ assert is_named(new_frame, at.frame, number_of[new_frame] % ENTRY_COUNT); */
	/*@ assert \forall integer g; is_table{Pre}(g) && !is_root{Pre}(g) ==>
	  @   is_named(g, parent_of[g], number_of[g] % ENTRY_COUNT); */
	return new_frame;
}

/* The lowest table from @least up on the way to @page, where those are made that there are not. If
 * it is above @least, a large page is in the way, or there is no frame for a table. */
/*@ GOOD(requires)
  @ SOUND(requires)
  @ requires is_tree((struct table *)table) && \separated(table, owners + (0 .. owner_count - 1));
  @ requires is_page(page, table->levels) && 1 <= least <= 2;
  @ assigns owners[0 .. owner_count - 1], first_of[0 .. ], counts;
  @ assigns level_of[0 .. ], root_of[0 .. ], number_of[0 .. ], parent_of[0 .. ];
  @ assigns memory_frames[0 .. ];
  @ GOOD(ensures)
  @ SOUND(ensures)
  @ ensures was_there{Pre,Post};
  @ ensures only_links{Pre,Post};
  @ ensures keeps{Pre,Post};
  @ ensures adds_to{Pre,Post}(table->root);
  @ ensures adds_no_leaf{Pre,Post};
  @ ensures is_tree((struct table *)table);
  @ ensures is_on_way(\result.frame, table->root, page);
  @ ensures level_of[\result.frame] == \result.level;
  @ ensures least <= \result.level <= table->levels; */
static struct place make_way(const struct table *table, uint64_t page, uint32_t least)
{
	struct place at = walk(table, page, least);

	/*@ GOOD(loop invariant)
	  @ SOUND(loop invariant)
	  @ loop invariant was_there{Pre,Here};
	  @ loop invariant only_links{Pre,Here};
  @ loop invariant keeps{Pre,Here};
  @ loop invariant adds_to{Pre,Here}(table->root);
	  @ loop invariant adds_no_leaf{Pre,Here};
	  @ loop invariant is_tree((struct table *)table);
	  @ loop invariant is_on_way(at.frame, table->root, page);
	  @ loop invariant level_of[at.frame] == at.level && least <= at.level <= table->levels;
	  @ loop assigns at, owners[0 .. owner_count - 1], first_of[0 .. ], counts;
	  @ loop assigns level_of[0 .. ], root_of[0 .. ], number_of[0 .. ], parent_of[0 .. ];
	  @ loop assigns memory_frames[0 .. ];
	  @ loop variant at.level; */
	while (at.level > least) {
		uint32_t next = add_table(table->enclave, at, page);

		/*@ assert \forall integer f, i; links{LoopCurrent}(f, i) ==> links(f, i); */
		if (next == FRAME_NONE)
			break;
		at.frame = next;
		at.level--;
	}
	return at;
}

/*@ predicate is_entry_for{L}(integer f, integer i, integer root, integer page) =
  @   is_on_way{L}(f, root, page) && i == number_for(page, \at(level_of[f], L) - 1) % ENTRY_COUNT;
*/

/*@ GOOD(requires)
  @ SOUND(requires)
  @ requires is_tree(table) && \separated(table, owners + (0 .. owner_count - 1));
  @ requires physical % PAGE_SIZE == 0 && physical / PAGE_SIZE < ENTRY_FRAMES;
  @ requires are_flags(flags);
  @ assigns owners[0 .. owner_count - 1], first_of[0 .. ], counts;
  @ assigns level_of[0 .. ], root_of[0 .. ], number_of[0 .. ], parent_of[0 .. ];
  @ assigns memory_frames[0 .. ];
  @ GOOD(ensures)
  @ SOUND(ensures)
  @ ensures \result == 0 || \result == -ENOMEM || \result == -EEXIST;
  @ ensures was_there{Pre,Post} && keeps{Pre,Post} && adds_to{Pre,Post}(table->root);
  @ ensures is_tree(table);
  @ ensures \result != 0 ==> only_links{Pre,Post};
  @ ensures \result == 0 ==> \forall integer f, i; 0 <= f < FRAME_NONE && is_place(i) ==>
  @   entry_at{Pre}(f, i) == entry_at(f, i) ||
  @   (links(f, i) && !is_present(entry_at{Pre}(f, i))) ||
  @   (is_entry_for(f, i, table->root, page_in(address, table->levels)) &&
  @     level_of[f] == leaf_level(flags) && is_leaf_of(entry_at(f, i), physical, flags));
  @ ensures \result == 0 ==> \forall integer f, i;
  @   is_entry_for(f, i, table->root, page_in(address, table->levels)) &&
  @   level_of[f] == leaf_level(flags) ==> is_leaf_of(entry_at(f, i), physical, flags);
  @ ensures \forall integer f, i; is_leaf(f, i) ==> is_same_leaf{Pre,Post}(f, i) ||
  @   (\result == 0 && is_entry_for(f, i, table->root, page_in(address, table->levels)) &&
  @     level_of[f] == leaf_level(flags) && is_leaf_of(entry_at(f, i), physical, flags)); */
int table_map(struct table *table, uint64_t address, uint64_t physical, uint64_t flags)
{
	uint64_t page = page_of(address, table->levels);
	uint32_t level = entry_is_large(flags) ? 2 : 1;
	struct place at = make_way(table, page, level);
	unsigned int index = index_of(page, at.level);
	uint64_t entry = entry_get(at.frame, index);

	if (at.level > level)
		return entry_is_present(entry) ? -EEXIST : -ENOMEM;
	/* A table may stand where a large page would go; what it maps is as good. */
	if (level == 2 && entry_is_link(entry))
		return -EEXIST;
	leaf_set(at.frame, index, entry_leaf(physical / PAGE_SIZE, flags));
	/*@ assert \forall integer f; is_on_way(f, table->root, page) &&
	  @   level_of[f] == level_of[at.frame] ==> f == at.frame; */
	/*@ assert is_entry_for(at.frame, index, table->root, page) &&
	  @   is_leaf_of(entry_at(at.frame, index), physical, flags); */
	/*@ assert \forall integer f, i; is_leaf(f, i) && (f != at.frame || i != index) ==>
	  @   is_same_leaf{Pre,Here}(f, i); */
	return 0;
}

/*@ GOOD(requires)
  @ SOUND(requires)
  @ requires is_tree((struct table *)table) && \separated(table, owners + (0 .. owner_count - 1));
  @ assigns \nothing;
  @ ensures \result != 0 ==> \exists integer f, i;
  @   is_entry_for(f, i, table->root, page_in(address, table->levels)) &&
  @   \result == entry_at(f, i) && (level_of[f] == 1 || !is_link(\result)); */
uint64_t table_look_up(const struct table *table, uint64_t address)
{
	uint64_t page = page_of(address, table->levels);
	struct place at = walk(table, page, 1);
	uint64_t entry = entry_get(at.frame, index_of(page, at.level));

	return at.level == 1 || entry_is_present(entry) ? entry : 0;
}

/*@ GOOD(requires)
  @ SOUND(requires)
  @ requires is_tree(table) && \separated(table, owners + (0 .. owner_count - 1));
  @ requires are_flags(flags);
  @ assigns memory_frames[0 .. ];
  @ GOOD(ensures)
  @ SOUND(ensures)
  @ ensures \forall integer f, i; 0 <= f < FRAME_NONE && is_place(i) ==>
  @   entry_at{Pre}(f, i) == entry_at(f, i) ||
  @   (is_entry_for(f, i, table->root, page_in(address, table->levels)) && level_of[f] == 1 &&
  @     is_leaf_of(entry_at(f, i), frame_in(entry_at{Pre}(f, i)) * 0x1000, flags)); */
void table_change(struct table *table, uint64_t address, uint64_t flags)
{
	uint64_t page = page_of(address, table->levels);
	struct place at = walk(table, page, 1);
	unsigned int index = index_of(page, at.level);

	if (at.level == 1)
		leaf_set(at.frame, index,
			entry_leaf(entry_frame(entry_get(at.frame, index)), flags));
}

/*@ GOOD(requires)
  @ SOUND(requires)
  @ requires is_tree(table) && \separated(table, owners + (0 .. owner_count - 1));
  @ assigns memory_frames[0 .. ];
  @ GOOD(ensures)
  @ SOUND(ensures)
  @ ensures \forall integer f, i; 0 <= f < FRAME_NONE && is_place(i) ==>
  @   entry_at{Pre}(f, i) == entry_at(f, i) ||
  @   (is_entry_for(f, i, table->root, page_in(address, table->levels)) && entry_at(f, i) == 0);
  @ ensures \forall integer f, i;
  @   is_entry_for(f, i, table->root, page_in(address, table->levels)) ==>
  @   links(f, i) || !is_present(entry_at(f, i));
  @ ensures \forall integer f, i;
  @   is_entry_for(f, i, table->root, page_in(address, table->levels)) &&
  @   level_of[f] == 1 ==> entry_at(f, i) == 0; */
void table_unmap(struct table *table, uint64_t address)
{
	uint64_t page = page_of(address, table->levels);
	struct place at = walk(table, page, 1);
	unsigned int index = index_of(page, at.level);

	/*@ assert \forall integer f; is_on_way(f, table->root, page) && level_of[f] == at.level ==>
	  @   f == at.frame; */
	/*@ assert \forall integer f; is_on_way(f, table->root, page) ==> level_of[f] >= at.level;
	 */
	/*@ assert \forall integer f; is_on_way(f, table->root, page) && f != at.frame ==>
	  @   level_of[f] > at.level; */
	/*@ assert \forall integer f; is_on_way(f, table->root, page) && f != at.frame ==>
	  @   links{Pre}(f, number_for(page, level_of[f] - 1) % ENTRY_COUNT); */
	if (at.level == 1 || entry_is_present(entry_get(at.frame, index)))
		leaf_set(at.frame, index, 0);
	/*@ assert \forall integer f, i; 0 <= f < FRAME_NONE && is_place(i) && f != at.frame ==>
	  @   entry_at(f, i) == entry_at{Pre}(f, i); */
	/*@ assert \forall integer f; is_on_way(f, table->root, page) && f != at.frame ==>
	  @   links(f, number_for(page, level_of[f] - 1) % ENTRY_COUNT); */
	/*@ assert !is_present(entry_at(at.frame, index)); */
	/*@ assert at.level == 1 ==> entry_at(at.frame, index) == 0; */
}

/* Tables of a level and above, but for one, and those below other roots are as they were. */
/*@ predicate is_same_table{L1,L2}(integer f) = stays{L1,L2}(f) &&
  @   \forall integer i; is_place(i) ==> entry_at{L1}(f, i) == entry_at{L2}(f, i);
  @ predicate upper_stay{L1,L2}(integer level, integer but) = \forall integer f;
  @   is_table{L1}(f) && \at(level_of[f], L1) >= level && f != but ==> is_same_table{L1,L2}(f);
  @ predicate others_stay{L1,L2}(integer root) = \forall integer f;
  @   is_table{L1}(f) && \at(root_of[f], L1) != root ==> is_same_table{L1,L2}(f);
  @ predicate none_is_new{L1,L2} = \forall integer f; is_table{L2}(f) ==>
  @   is_table{L1}(f) && stays{L1,L2}(f);
  @ predicate only_tables_go{L1,L2} = \forall integer f; is_frame{L1}(f) ==>
  @   is_same{L1,L2}(f) || (is_table{L1}(f) && !is_table{L2}(f)); */

/* The table that @frame names at @index, which names none itself. */
/*@ GOOD(requires)
  @ SOUND(requires)
  @ requires is_place(index) && links(frame, index);
  @ requires \forall integer i; !links(frame_in(entry_at(frame, index)), i);
  @ assigns owners[0 .. owner_count - 1], first_of[0 .. ], counts;
  @ assigns level_of[0 .. ], root_of[0 .. ], number_of[0 .. ], parent_of[0 .. ];
  @ assigns memory_frames[0 .. ];
  @ GOOD(ensures)
  @ SOUND(ensures)
  @ ensures upper_stay{Pre,Post}(level_of[frame], frame) && stays{Pre,Post}(frame);
  @ ensures others_stay{Pre,Post}(root_of[frame]) && none_is_new{Pre,Post};
  @ ensures only_tables_go{Pre,Post};
  @ ensures entry_at(frame, index) == 0;
  @ ensures \forall integer i; is_place(i) && i != index ==>
  @   entry_at(frame, i) == entry_at{Pre}(frame, i); */
static void drop(uint32_t frame, unsigned int index)
{
	uint32_t child = (uint32_t)entry_frame(entry_get(frame, index));

	/*@ assert is_below(child, frame, index); */
	/*@ assert child != frame; */
	/*@ assert \forall integer g; is_table(g) && !is_root(g) && g != child ==>
	  @   is_named(g, parent_of[g], number_of[g] % ENTRY_COUNT) && parent_of[g] != child; */
	entry_set(frame, index, 0);
	/*@ ghost level_of[child] = 0; */
	/*@ assert links_go_down; */
	/*@ assert tables_are_single; */
	/*@ assert \forall integer g; is_table{Pre}(g) && !is_root{Pre}(g) && g != child ==>
	  @   is_named(g, parent_of[g], number_of[g] % ENTRY_COUNT); */
	/*@ assert is_scrubbed; */
	frame_release(child);
}

/* Give back all tables below it. At most five deep. */
/*@ GOOD(requires)
  @ SOUND(requires)
  @ requires is_table(frame) && level_of[frame] == level;
  @ decreases level;
  @ assigns owners[0 .. owner_count - 1], first_of[0 .. ], counts;
  @ assigns level_of[0 .. ], root_of[0 .. ], number_of[0 .. ], parent_of[0 .. ];
  @ assigns memory_frames[0 .. ];
  @ GOOD(ensures)
  @ SOUND(ensures)
  @ ensures upper_stay{Pre,Post}(level, frame) && stays{Pre,Post}(frame);
  @ ensures others_stay{Pre,Post}(root_of[frame]) && none_is_new{Pre,Post};
  @ ensures only_tables_go{Pre,Post};
  @ ensures \forall integer i; !links(frame, i);
  @ ensures \forall integer i; is_place(i) ==>
  @   entry_at(frame, i) == entry_at{Pre}(frame, i) || entry_at(frame, i) == 0; */
static void empty(uint32_t frame, uint32_t level)
{
	/*@ loop invariant 0 <= i <= ENTRY_COUNT;
	  @ GOOD(loop invariant)
	  @ SOUND(loop invariant)
	  @ loop invariant upper_stay{Pre,Here}(level, frame) && stays{Pre,Here}(frame);
	  @ loop invariant others_stay{Pre,Here}(root_of[frame]) && none_is_new{Pre,Here};
	  @ loop invariant only_tables_go{Pre,Here};
	  @ loop invariant \forall integer j; 0 <= j < i ==> !links(frame, j);
	  @ loop invariant \forall integer j; is_place(j) ==>
	  @   entry_at(frame, j) == entry_at{Pre}(frame, j) || entry_at(frame, j) == 0;
	  @ loop assigns i, owners[0 .. owner_count - 1], first_of[0 .. ], counts;
	  @ loop assigns level_of[0 .. ], root_of[0 .. ], number_of[0 .. ], parent_of[0 .. ];
	  @ loop assigns memory_frames[0 .. ];
	  @ loop variant ENTRY_COUNT - i; */
	for (unsigned int i = 0; level > 1 && i < ENTRY_COUNT; i++) {
		uint64_t entry = entry_get(frame, i);

		if (!entry_is_link(entry))
			continue;
		/*@ assert links(frame, i) && is_below(frame_in(entry), frame, i); */
		empty((uint32_t)entry_frame(entry), level - 1);
		drop(frame, i);
	}
}

/*@ GOOD(requires)
  @ SOUND(requires)
  @ requires is_tree(table) && \separated(table, owners + (0 .. owner_count - 1));
  @ assigns owners[0 .. owner_count - 1], first_of[0 .. ], counts;
  @ assigns level_of[0 .. ], root_of[0 .. ], number_of[0 .. ], parent_of[0 .. ];
  @ assigns memory_frames[0 .. ];
  @ GOOD(ensures)
  @ SOUND(ensures)
  @ ensures others_stay{Pre,Post}(table->root) && none_is_new{Pre,Post};
  @ ensures only_tables_go{Pre,Post};
  @ ensures \forall integer f; is_table(f) ==> root_of[f] != table->root; */
void table_done(struct table *table)
{
	uint32_t root = table->root;

	empty(root, table->levels);
	/*@ assert \forall integer f; is_table(f) && !is_root(f) ==>
	  @   is_below(f, parent_of[f], number_of[f] % ENTRY_COUNT) && parent_of[f] != root; */
	/*@ assert \forall integer f; is_table(f) && root_of[f] == root ==>
	  @   f == root || level_of[f] <= level_of[root] - 1; */
	/*@ assert \forall integer f; is_table(f) && root_of[f] == root ==>
	  @   f == root || level_of[f] <= level_of[root] - 2; */
	/*@ assert \forall integer f; is_table(f) && root_of[f] == root ==>
	  @   f == root || level_of[f] <= level_of[root] - 3; */
	/*@ assert \forall integer f; is_table(f) && root_of[f] == root ==>
	  @   f == root || level_of[f] <= level_of[root] - 4; */
	/*@ assert \forall integer f; is_table(f) && root_of[f] == root ==> f == root; */
	/*@ ghost level_of[root] = 0; */
	/*@ assert links_go_down; */
	/*@ assert tables_are_linked; */
	/*@ assert tables_are_single; */
	/*@ assert is_of(root, FRAME_HYPERVISOR); */
	frame_release(root);
}
