#include "hypervisor/table.h"

#include <asm/errno.h>

#include "hypervisor/frames.h"
#include "hypervisor/memory.h"

#define ENTRY_COUNT 512

/* Level 1 is the one whose entries are pages. */
static unsigned int entry_index(uint64_t address, uint32_t level)
{
	return (unsigned int)(address >> (PAGE_SHIFT + 9 * (level - 1))) % ENTRY_COUNT;
}

static uint64_t *entry_table(uint64_t entry)
{
	return memory_at((entry & TABLE_FRAME_MASK) >> PAGE_SHIFT);
}

static int new_table(const struct table *table, uint32_t *ret_frame)
{
	struct frame owner = {.kind = FRAME_HYPERVISOR, .enclave = table->enclave};

	return frame_take(owner, ret_frame);
}

int table_init(struct table *table, uint32_t levels, uint16_t enclave)
{
	table->levels = (uint16_t)levels;
	table->enclave = enclave;
	return new_table(table, &table->root);
}

/* What stands above a page may allow all: the page's own entry decides. */
static int fill_entry(const struct table *table, uint64_t *entry, uint32_t level)
{
	uint32_t frame;
	int r = new_table(table, &frame);

	if (r == 0)
		*entry = ((uint64_t)frame << PAGE_SHIFT) | TABLE_PRESENT | TABLE_WRITE |
			 TABLE_USER | TABLE_IO_LEVEL(level - 1) | TABLE_IO_READ | TABLE_IO_WRITE;
	return r;
}

static uint64_t leaf_entry(uint64_t physical, uint64_t flags)
{
	return physical | flags | (flags & TABLE_HELD ? 0 : TABLE_PRESENT);
}

int table_map(struct table *table, uint64_t address, uint64_t physical, uint64_t flags)
{
	uint32_t leaf = flags & TABLE_LARGE ? 2 : 1;
	uint64_t *entries = memory_at(table->root);

	for (uint32_t level = table->levels; level > leaf; level--) {
		uint64_t *entry = &entries[entry_index(address, level)];
		int r = *entry & TABLE_PRESENT ? 0 : fill_entry(table, entry, level);

		if (r < 0)
			return r;
		if (*entry & TABLE_LARGE)
			return -EEXIST;
		entries = entry_table(*entry);
	}
	/* A table may stand where a large page would go; what it maps is as good. */
	if (leaf == 2 &&
		(entries[entry_index(address, 2)] & (TABLE_PRESENT | TABLE_LARGE)) == TABLE_PRESENT)
		return -EEXIST;
	entries[entry_index(address, leaf)] = leaf_entry(physical, flags);
	return 0;
}

static uint64_t *find_leaf(const struct table *table, uint64_t address)
{
	uint64_t *entries = memory_at(table->root);

	for (uint32_t level = table->levels;; level--) {
		uint64_t *entry = &entries[entry_index(address, level)];

		if (level == 1)
			return entry;
		if (!(*entry & TABLE_PRESENT))
			return NULL;
		if (*entry & TABLE_LARGE)
			return entry;
		entries = entry_table(*entry);
	}
}

void table_change(struct table *table, uint64_t address, uint64_t flags)
{
	uint64_t *leaf = find_leaf(table, address);

	if (leaf)
		*leaf = leaf_entry(*leaf & TABLE_FRAME_MASK, flags);
}

void table_unmap(struct table *table, uint64_t address)
{
	uint64_t *leaf = find_leaf(table, address);

	if (leaf)
		*leaf = 0;
}

uint64_t table_look_up(const struct table *table, uint64_t address)
{
	const uint64_t *leaf = find_leaf(table, address);

	return leaf ? *leaf : 0;
}

/* At most five deep. */
static void release_tables(uint32_t frame, uint32_t level)
{
	const uint64_t *entries = memory_at(frame);

	for (unsigned int i = 0; level > 1 && i < ENTRY_COUNT; i++)
		if ((entries[i] & (TABLE_PRESENT | TABLE_LARGE)) == TABLE_PRESENT)
			release_tables((uint32_t)((entries[i] & TABLE_FRAME_MASK) >> PAGE_SHIFT),
				level - 1);
	frame_release(frame);
}

void table_done(struct table *table)
{
	release_tables(table->root, table->levels);
}
