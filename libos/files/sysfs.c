#include "libos/files/sysfs.h"

#include "libos/files/computed.h"
#include "libos/files/mount.h"
#include "libos/files/processors.h"
#include "libos/memory/mm.h"

#define SYSFS_MAGIC 0x62656572

static int show_list(const struct computed_entry *entry, struct text *text)
{
	(void)entry;
	processors_put_list(text, PROCESSORS_ALL);
	text_put(text, "\n");
	return 0;
}

static int show_mask(const struct computed_entry *entry, struct text *text)
{
	(void)entry;
	processors_put_mask(text, PROCESSORS_ALL);
	text_put(text, "\n");
	return 0;
}

static int show_node_memory(const struct computed_entry *entry, struct text *text)
{
	struct memory_system m;

	(void)entry;
	memory_system(&m);
	text_put(text,
		"Node 0 MemTotal:       %8lu kB\nNode 0 MemFree:        %8lu kB\n"
		"Node 0 MemUsed:        %8lu kB\nNode 0 HugePages_Total:     0\n"
		"Node 0 HugePages_Free:      0\nNode 0 HugePages_Surp:      0\n",
		m.total / 1024, m.free / 1024, (m.total - m.free) / 1024);
	return 0;
}

static const struct computed_node node0_nodes[] = {
	NODE_FILE("cpulist", show_list),
	NODE_FILE("cpumap", show_mask),
	NODE_FILE("meminfo", show_node_memory),
	NODE_TEXT("distance", "10"),
	NODE_TEXT("numastat", "numa_hit 0\nnuma_miss 0\nnuma_foreign 0\ninterleave_hit 0\n"
			      "local_node 0\nother_node 0"),
};

static const struct computed_node node_nodes[] = {
	NODE_TEXT("online", "0"),
	NODE_TEXT("possible", "0"),
	NODE_TEXT("has_cpu", "0"),
	NODE_TEXT("has_memory", "0"),
	NODE_TEXT("has_normal_memory", "0"),
	NODE_DIRECTORY("node0", node0_nodes),
};

static const struct computed_node clocksource0_nodes[] = {
	NODE_TEXT("available_clocksource", "tsc"),
	NODE_TEXT("current_clocksource", "tsc"),
};

static const struct computed_node clocksource_nodes[] = {
	NODE_DIRECTORY("clocksource0", clocksource0_nodes),
};

static const struct computed_node system_nodes[] = {
	{.name = "cpu",
		.mode = S_IFDIR | 0555,
		.children = sysfs_processor_files,
		.child_count = SYSFS_PROCESSOR_FILE_COUNT,
		.dynamic = &sysfs_processors},
	NODE_DIRECTORY("node", node_nodes),
	NODE_DIRECTORY("clocksource", clocksource_nodes),
};

static const struct computed_node device_nodes[] = {
	NODE_DIRECTORY("system", system_nodes),
};

static const struct computed_node huge_page_nodes[] = {
	NODE_TEXT("enabled", "always madvise [never]"),
	NODE_TEXT("defrag", "always defer defer+madvise [madvise] never"),
	NODE_TEXT("shmem_enabled", "always within_size advise [never] deny force"),
	NODE_NUMBER("hpage_pmd_size", 2097152),
	NODE_NUMBER("use_zero_page", 1),
};

static const struct computed_node mm_nodes[] = {
	NODE_DIRECTORY("transparent_hugepage", huge_page_nodes),
	{.name = "hugepages", .mode = S_IFDIR | 0555},
};

static const struct computed_node kernel_nodes[] = {
	NODE_DIRECTORY("mm", mm_nodes),
};

static const struct computed_node fs_nodes[] = {
	{.name = "cgroup", .mode = S_IFDIR | 0555},
};

static const struct computed_node statistics_nodes[] = {
	NODE_NUMBER("rx_bytes", 0),
	NODE_NUMBER("rx_packets", 0),
	NODE_NUMBER("rx_errors", 0),
	NODE_NUMBER("rx_dropped", 0),
	NODE_NUMBER("tx_bytes", 0),
	NODE_NUMBER("tx_packets", 0),
	NODE_NUMBER("tx_errors", 0),
	NODE_NUMBER("tx_dropped", 0),
};

static const struct computed_node loopback_nodes[] = {
	NODE_TEXT("address", "00:00:00:00:00:00"),
	NODE_TEXT("broadcast", "00:00:00:00:00:00"),
	NODE_NUMBER("addr_len", 6),
	NODE_NUMBER("carrier", 1),
	NODE_TEXT("flags", "0x9"),
	NODE_NUMBER("ifindex", 1),
	NODE_NUMBER("iflink", 1),
	NODE_NUMBER("mtu", 65536),
	NODE_TEXT("operstate", "unknown"),
	NODE_NUMBER("tx_queue_len", 1000),
	NODE_NUMBER("type", 772),
	NODE_DIRECTORY("statistics", statistics_nodes),
};

static const struct computed_node ethernet_nodes[] = {
	NODE_TEXT("address", "02:00:0a:00:02:64"),
	NODE_TEXT("broadcast", "ff:ff:ff:ff:ff:ff"),
	NODE_NUMBER("addr_len", 6),
	NODE_NUMBER("carrier", 1),
	NODE_TEXT("duplex", "full"),
	NODE_TEXT("flags", "0x1003"),
	NODE_NUMBER("ifindex", 2),
	NODE_NUMBER("iflink", 2),
	NODE_NUMBER("mtu", 1500),
	NODE_TEXT("operstate", "up"),
	NODE_NUMBER("speed", 10000),
	NODE_NUMBER("tx_queue_len", 1000),
	NODE_NUMBER("type", 1),
	NODE_DIRECTORY("statistics", statistics_nodes),
};

static const struct computed_node net_nodes[] = {
	NODE_DIRECTORY("eth0", ethernet_nodes),
	NODE_DIRECTORY("lo", loopback_nodes),
};

static const struct computed_node class_nodes[] = {
	NODE_DIRECTORY("net", net_nodes),
	{.name = "block", .mode = S_IFDIR | 0555},
	{.name = "thermal", .mode = S_IFDIR | 0555},
	{.name = "power_supply", .mode = S_IFDIR | 0555},
};

static const struct computed_node root_nodes[] = {
	{.name = "block", .mode = S_IFDIR | 0555, .dynamic = &sysfs_loops},
	{.name = "bus", .mode = S_IFDIR | 0555},
	NODE_DIRECTORY("class", class_nodes),
	NODE_DIRECTORY("devices", device_nodes),
	NODE_DIRECTORY("fs", fs_nodes),
	NODE_DIRECTORY("kernel", kernel_nodes),
	{.name = "module", .mode = S_IFDIR | 0555},
};

static const struct computed_node root = NODE_DIRECTORY("sys", root_nodes);

struct mount *sysfs_mount_new(uint32_t flags)
{
	return computed_mount_new("sysfs", "sysfs", SYSFS_MAGIC, flags, &root);
}

int sysfs_mount(void)
{
	struct mount *mount =
		sysfs_mount_new(MOUNT_READ_ONLY | MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC);

	return mount ? mount_attach(mount, "/sys") : -ENOMEM;
}
