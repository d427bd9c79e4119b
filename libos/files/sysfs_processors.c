/* /sys/devices/system/cpu. The topology is the plainest that fits: one package, one thread a core.
 */
#include "base/format.h"
#include "base/memory.h"
#include "libos/files/cpuid.h"
#include "libos/files/processors.h"
#include "libos/files/sysfs.h"
#include "platform/platform.h"

#define CACHE_COUNT_MAX 8
#define CACHE_SHIFT 16 /* key.number: the processor, and from here on its cache */

static uint32_t processor_of(const struct computed_entry *entry)
{
	return entry->key.number & ((1U << CACHE_SHIFT) - 1);
}

static int show_all(const struct computed_entry *entry, struct text *text)
{
	(void)entry;
	processors_put_list(text, PROCESSORS_ALL);
	text_put(text, "\n");
	return 0;
}

static int show_highest(const struct computed_entry *entry, struct text *text)
{
	(void)entry;
	text_put(text, "%u\n", platform_cpu_count() - 1);
	return 0;
}

const struct computed_node sysfs_processor_files[] = {
	NODE_FILE("online", show_all),
	NODE_FILE("possible", show_all),
	NODE_FILE("present", show_all),
	NODE_TEXT("offline", ""),
	NODE_FILE("kernel_max", show_highest),
};
_Static_assert(ARRAY_SIZE(sysfs_processor_files) == SYSFS_PROCESSOR_FILE_COUNT, "as in the header");

/* ---- topology ---- */

enum processor_set { SET_SELF, SET_ALL };

static int show_set_list(const struct computed_entry *entry, struct text *text)
{
	processors_put_list(
		text, entry->node->number == SET_ALL ? PROCESSORS_ALL : processor_of(entry));
	text_put(text, "\n");
	return 0;
}

static int show_set_mask(const struct computed_entry *entry, struct text *text)
{
	processors_put_mask(
		text, entry->node->number == SET_ALL ? PROCESSORS_ALL : processor_of(entry));
	text_put(text, "\n");
	return 0;
}

static int show_core(const struct computed_entry *entry, struct text *text)
{
	text_put(text, "%u\n", processor_of(entry));
	return 0;
}

#define NODE_SET(file_name, file_show, file_set)                                                   \
	{                                                                                          \
		.name = (file_name), .mode = S_IFREG | 0444, .show = (file_show),                  \
		.number = (file_set)                                                               \
	}

static const struct computed_node topology_nodes[] = {
	NODE_NUMBER("physical_package_id", 0),
	NODE_NUMBER("die_id", 0),
	NODE_FILE("core_id", show_core),
	NODE_SET("core_cpus", show_set_mask, SET_SELF),
	NODE_SET("core_cpus_list", show_set_list, SET_SELF),
	NODE_SET("thread_siblings", show_set_mask, SET_SELF),
	NODE_SET("thread_siblings_list", show_set_list, SET_SELF),
	NODE_SET("core_siblings", show_set_mask, SET_ALL),
	NODE_SET("core_siblings_list", show_set_list, SET_ALL),
	NODE_SET("package_cpus", show_set_mask, SET_ALL),
	NODE_SET("package_cpus_list", show_set_list, SET_ALL),
};

/* ---- cache: CPUID leaf 4, or 8000001Dh, which has the same layout ---- */

struct cache {
	uint32_t type, level, line_size, partitions, ways, sets;
};

static bool cache_find(uint32_t index, struct cache *ret_cache)
{
	bool is_amd = cpuid(0, 0).c == 0x444d4163; /* "cAMD" */
	uint32_t leaf = is_amd ? 0x8000001d : 4;
	struct cpuid r;

	if (index >= CACHE_COUNT_MAX || cpuid(leaf & 0x80000000, 0).a < leaf)
		return false;
	r = cpuid(leaf, index);
	*ret_cache = (struct cache){
		.type = r.a & 31,
		.level = r.a >> 5 & 7,
		.line_size = (r.b & 0xfff) + 1,
		.partitions = (r.b >> 12 & 0x3ff) + 1,
		.ways = (r.b >> 22) + 1,
		.sets = r.c + 1,
	};
	return ret_cache->type >= 1 && ret_cache->type <= 3;
}

enum cache_file { CACHE_TYPE, CACHE_LEVEL, CACHE_LINE, CACHE_WAYS, CACHE_SETS, CACHE_SIZE };

static int show_cache(const struct computed_entry *entry, struct text *text)
{
	static const char *const types[] = {"", "Data", "Instruction", "Unified"};
	struct cache c;

	if (!cache_find(entry->key.number >> CACHE_SHIFT, &c))
		return -EIO;
	if (entry->node->number == CACHE_TYPE)
		text_put(text, "%s\n", types[c.type]);
	else if (entry->node->number == CACHE_SIZE)
		text_put(text, "%luK\n",
			(uint64_t)c.line_size * c.partitions * c.ways * c.sets / 1024);
	else
		text_put(text, "%u\n",
			entry->node->number == CACHE_LEVEL  ? c.level
			: entry->node->number == CACHE_LINE ? c.line_size
			: entry->node->number == CACHE_WAYS ? c.ways
							    : c.sets);
	return 0;
}

/* Levels above the second are shared by all. */
static uint32_t cache_sharers(const struct computed_entry *entry)
{
	struct cache c;

	if (cache_find(entry->key.number >> CACHE_SHIFT, &c) && c.level > 2)
		return PROCESSORS_ALL;
	return processor_of(entry);
}

static int show_cache_list(const struct computed_entry *entry, struct text *text)
{
	processors_put_list(text, cache_sharers(entry));
	text_put(text, "\n");
	return 0;
}

static int show_cache_mask(const struct computed_entry *entry, struct text *text)
{
	processors_put_mask(text, cache_sharers(entry));
	text_put(text, "\n");
	return 0;
}

static const struct computed_node index_nodes[] = {
	NODE_SET("type", show_cache, CACHE_TYPE),
	NODE_SET("level", show_cache, CACHE_LEVEL),
	NODE_SET("coherency_line_size", show_cache, CACHE_LINE),
	NODE_SET("ways_of_associativity", show_cache, CACHE_WAYS),
	NODE_SET("number_of_sets", show_cache, CACHE_SETS),
	NODE_SET("size", show_cache, CACHE_SIZE),
	NODE_FILE("shared_cpu_list", show_cache_list),
	NODE_FILE("shared_cpu_map", show_cache_mask),
};

static const struct computed_node index_node = NODE_DIRECTORY("index", index_nodes);

/* @name is @prefix and a number. */
static bool numbered(const char *name, uint32_t length, const char *prefix, uint32_t *ret_number)
{
	uint32_t size = (uint32_t)strlen(prefix);

	return length > size && !memcmp(name, prefix, size) &&
	       computed_number(name + size, length - size, ret_number);
}

static void cache_entry(
	const struct computed_entry *dir, uint32_t index, struct computed_entry *ret_entry)
{
	ret_entry->node = &index_node;
	ret_entry->key.number = processor_of(dir) | index << CACHE_SHIFT;
}

static int find_cache(const struct computed_entry *dir, const char *name, uint32_t length,
	struct computed_entry *ret_entry)
{
	struct cache cache;
	uint32_t index;

	if (!numbered(name, length, "index", &index) || !cache_find(index, &cache))
		return -ENOENT;
	cache_entry(dir, index, ret_entry);
	return 0;
}

static int next_cache(const struct computed_entry *dir, uint64_t *at, char name[COMPUTED_NAME_SIZE],
	struct computed_entry *ret_entry)
{
	struct cache cache;

	if (*at >= CACHE_COUNT_MAX || !cache_find((uint32_t)*at, &cache))
		return -ENOENT;
	format_string(name, COMPUTED_NAME_SIZE, "index%lu", *at);
	cache_entry(dir, (uint32_t)*at, ret_entry);
	return 0;
}

static const struct computed_dynamic caches = {find_cache, next_cache};

/* ---- cpuN ---- */

static const struct computed_node processor_nodes[] = {
	NODE_DIRECTORY("topology", topology_nodes),
	{.name = "cache", .mode = S_IFDIR | 0555, .dynamic = &caches},
	NODE_NUMBER("online", 1),
};

static const struct computed_node processor_node = NODE_DIRECTORY("cpu", processor_nodes);

static int find_processor(const struct computed_entry *dir, const char *name, uint32_t length,
	struct computed_entry *ret_entry)
{
	uint32_t number;

	(void)dir;
	if (!numbered(name, length, "cpu", &number) || number >= platform_cpu_count())
		return -ENOENT;
	ret_entry->node = &processor_node;
	ret_entry->key.number = number;
	return 0;
}

static int next_processor(const struct computed_entry *dir, uint64_t *at,
	char name[COMPUTED_NAME_SIZE], struct computed_entry *ret_entry)
{
	(void)dir;
	if (*at >= platform_cpu_count())
		return -ENOENT;
	format_string(name, COMPUTED_NAME_SIZE, "cpu%lu", *at);
	ret_entry->node = &processor_node;
	ret_entry->key.number = (uint32_t)*at;
	return 0;
}

const struct computed_dynamic sysfs_processors = {find_processor, next_processor};
