/* /sys/block/loopN: loop(4), as losetup(8) and udev look at it. */
#include <linux/loop.h>

#include "base/format.h"
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/file.h"
#include "libos/files/loop.h"
#include "libos/files/mount.h"
#include "libos/files/path.h"
#include "libos/files/sysfs.h"

#define LOOP_MAJOR 7
#define SECTOR_SHIFT 9

enum number {
	NUMBER_SIZE,
	NUMBER_READ_ONLY,
	NUMBER_OFFSET,
	NUMBER_LIMIT,
	NUMBER_BLOCK_SIZE,
	NUMBER_ALIGNMENT_MASK,
	NUMBER_READ_AHEAD_KB,
	NUMBER_FLAG
};

/* ---- loopN/loop, which is there while something is attached ---- */

static int show_number(const struct computed_entry *entry, struct text *text)
{
	struct loop_state state;
	uint64_t number = entry->node->number;

	loop_state_get(entry->key.number, &state);
	file_unref(state.backing);
	if (number == NUMBER_SIZE)
		number = state.size >> SECTOR_SHIFT;
	else if (number == NUMBER_READ_ONLY)
		number = !!(state.flags & LO_FLAGS_READ_ONLY);
	else if (number == NUMBER_OFFSET)
		number = state.offset;
	else if (number == NUMBER_LIMIT)
		number = state.size_limit;
	else if (number == NUMBER_BLOCK_SIZE)
		number = state.block_size;
	else if (number == NUMBER_ALIGNMENT_MASK)
		number = state.block_size - 1;
	else if (number == NUMBER_READ_AHEAD_KB)
		number = state.read_ahead >> (10 - SECTOR_SHIFT);
	else
		number = !!(state.flags & (uint32_t)(number - NUMBER_FLAG));
	text_put(text, "%lu\n", number);
	return 0;
}

static int show_device(const struct computed_entry *entry, struct text *text)
{
	text_put(text, "%d:%u\n", LOOP_MAJOR, entry->key.number);
	return 0;
}

static int show_backing(const struct computed_entry *entry, struct text *text)
{
	CLEANUP(heap_freep) char *path = heap_alloc(PATH_SIZE);
	CLEANUP(file_unrefp) struct file *backing = NULL;
	struct loop_state state;

	loop_state_get(entry->key.number, &state);
	backing = state.backing;
	if (!path)
		return -ENOMEM;
	if (!backing)
		return -ENODEV;
	if (!backing->dentry || dentry_path(backing->dentry, mount_root(), path, PATH_SIZE) <= 0)
		*path = '\0';
	text_put(text, "%s\n", path);
	return 0;
}

#define NODE_LOOP(file_name, what)                                                                 \
	{                                                                                          \
		.name = (file_name), .mode = S_IFREG | 0444, .show = show_number, .number = (what) \
	}

static const struct computed_node attached_nodes[] = {
	NODE_FILE("backing_file", show_backing),
	NODE_LOOP("offset", NUMBER_OFFSET),
	NODE_LOOP("sizelimit", NUMBER_LIMIT),
	NODE_LOOP("autoclear", NUMBER_FLAG + LO_FLAGS_AUTOCLEAR),
	NODE_LOOP("partscan", NUMBER_FLAG + LO_FLAGS_PARTSCAN),
	NODE_LOOP("dio", NUMBER_FLAG + LO_FLAGS_DIRECT_IO),
};

static const struct computed_node attached_node = NODE_DIRECTORY("loop", attached_nodes);

static bool is_attached(uint32_t number)
{
	struct loop_state state;
	bool attached;

	loop_state_get(number, &state);
	attached = state.backing;
	file_unref(state.backing);
	return attached;
}

static int find_attached(const struct computed_entry *dir, const char *name, uint32_t length,
	struct computed_entry *ret_entry)
{
	if (length != 4 || memcmp(name, "loop", 4) != 0 || !is_attached(dir->key.number))
		return -ENOENT;
	ret_entry->node = &attached_node;
	return 0;
}

static int next_attached(const struct computed_entry *dir, uint64_t *at,
	char name[COMPUTED_NAME_SIZE], struct computed_entry *ret_entry)
{
	if (*at || !is_attached(dir->key.number))
		return -ENOENT;
	string_copy(name, "loop", COMPUTED_NAME_SIZE);
	ret_entry->node = &attached_node;
	return 0;
}

static const struct computed_dynamic attached = {find_attached, next_attached};

/* ---- loopN ---- */

static const struct computed_node queue_nodes[] = {
	NODE_LOOP("logical_block_size", NUMBER_BLOCK_SIZE),
	NODE_LOOP("physical_block_size", NUMBER_BLOCK_SIZE),
	NODE_LOOP("hw_sector_size", NUMBER_BLOCK_SIZE),
	NODE_LOOP("minimum_io_size", NUMBER_BLOCK_SIZE),
	NODE_NUMBER("optimal_io_size", 0),
	NODE_LOOP("dma_alignment", NUMBER_ALIGNMENT_MASK),
	NODE_LOOP("read_ahead_kb", NUMBER_READ_AHEAD_KB),
	NODE_NUMBER("rotational", 0),
	NODE_NUMBER("discard_zeroes_data", 0),
};

static const struct computed_node loop_nodes[] = {
	NODE_LOOP("size", NUMBER_SIZE),
	NODE_LOOP("ro", NUMBER_READ_ONLY),
	NODE_NUMBER("removable", 0),
	NODE_NUMBER("range", 1),
	NODE_FILE("dev", show_device),
	NODE_DIRECTORY("queue", queue_nodes),
};

static const struct computed_node loop_node = {.name = "loopN",
	.mode = S_IFDIR | 0555,
	.children = loop_nodes,
	.child_count = ARRAY_SIZE(loop_nodes),
	.dynamic = &attached};

static int find_loop(const struct computed_entry *dir, const char *name, uint32_t length,
	struct computed_entry *ret_entry)
{
	uint32_t number;

	(void)dir;
	if (length < 5 || memcmp(name, "loop", 4) != 0 ||
		!computed_number(name + 4, length - 4, &number) || number >= LOOP_DEVICES_MAX)
		return -ENOENT;
	ret_entry->node = &loop_node;
	ret_entry->key.number = number;
	return 0;
}

static int next_loop(const struct computed_entry *dir, uint64_t *at, char name[COMPUTED_NAME_SIZE],
	struct computed_entry *ret_entry)
{
	(void)dir;
	if (*at >= LOOP_DEVICES_MAX)
		return -ENOENT;
	format_string(name, COMPUTED_NAME_SIZE, "loop%lu", *at);
	ret_entry->node = &loop_node;
	ret_entry->key.number = (uint32_t)*at;
	return 0;
}

const struct computed_dynamic sysfs_loops = {find_loop, next_loop};
