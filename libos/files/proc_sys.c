/* /proc/sys: the settings that programs ask about. Most are constants here; what can be set is
 * heeded. */
#include "base/format.h"
#include "base/memory.h"
#include "libos/files/descriptors.h"
#include "libos/files/dnotify.h"
#include "libos/files/fanotify.h"
#include "libos/files/inotify.h"
#include "libos/files/lease.h"
#include "libos/files/pipe.h"
#include "libos/files/proc.h"
#include "libos/ipc/message_queue.h"
#include "libos/ipc/semaphore.h"
#include "libos/ipc/shared_memory.h"
#include "libos/memory/mm.h"
#include "libos/processes/keys.h"
#include "libos/processes/process.h"
#include "libos/processes/uname.h"
#include "platform/platform.h"

#define CAP_SYS_ADMIN 21
#define HOSTNAME_SIZE 65
#define UUID_SIZE 16

/* ---- kernel ---- */

static int show_hostname(const struct computed_entry *entry, struct text *text)
{
	(void)entry;
	text_put(text, "%s\n", uname_hostname());
	return 0;
}

static int show_domainname(const struct computed_entry *entry, struct text *text)
{
	(void)entry;
	text_put(text, "%s\n", uname_domainname());
	return 0;
}

static int store_name(void (*set)(const char *name), const char *from, size_t size)
{
	char name[HOSTNAME_SIZE] = "";
	const char *end = memchr(from, '\n', size);

	if (!credentials_can(&thread_current()->credentials, CAP_SYS_ADMIN))
		return -EPERM;
	size = MIN(end ? (size_t)(end - from) : size, sizeof(name) - 1);
	memcpy(name, from, size);
	set(name);
	return 0;
}

static int store_hostname(const struct computed_entry *entry, const char *from, size_t size)
{
	(void)entry;
	return store_name(uname_set_hostname, from, size);
}

static int store_domainname(const struct computed_entry *entry, const char *from, size_t size)
{
	(void)entry;
	return store_name(uname_set_domainname, from, size);
}

/* RFC 4122, version 4. */
static void put_uuid(struct text *text, uint8_t uuid[UUID_SIZE])
{
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < UUID_SIZE; i++)
		text_put(text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
	text_put(text, "\n");
}

static int show_uuid(const struct computed_entry *entry, struct text *text)
{
	uint8_t uuid[UUID_SIZE];

	(void)entry;
	platform_random(uuid, sizeof(uuid));
	put_uuid(text, uuid);
	return 0;
}

/* Drawn once. */
static int show_boot_id(const struct computed_entry *entry, struct text *text)
{
	static struct lock lock;
	static uint8_t boot_id[UUID_SIZE];
	static bool is_drawn;

	(void)entry;
	LOCK_SCOPE(&lock);
	if (!is_drawn)
		platform_random(boot_id, sizeof(boot_id));
	is_drawn = true;
	put_uuid(text, boot_id);
	return 0;
}

static int show_process_limit(const struct computed_entry *entry, struct text *text)
{
	(void)entry;
	text_put(text, "%u\n", process_limit);
	return 0;
}

static const struct computed_node random_nodes[] = {
	NODE_FILE("boot_id", show_boot_id),
	NODE_FILE("uuid", show_uuid),
	NODE_NUMBER("entropy_avail", 256),
	NODE_NUMBER("poolsize", 256),
	NODE_NUMBER("urandom_min_reseed_secs", 60),
	NODE_NUMBER("write_wakeup_threshold", 256),
};

static const struct computed_node key_nodes[] = {
	NODE_SETTING("maxkeys", &key_user_count_limit, 0, INT32_MAX),
	NODE_SETTING("maxbytes", &key_user_bytes_limit, 0, INT32_MAX),
	NODE_SETTING("root_maxkeys", &key_root_count_limit, 0, INT32_MAX),
	NODE_SETTING("root_maxbytes", &key_root_bytes_limit, 0, INT32_MAX),
};

static const struct computed_node kernel_nodes[] = {
	NODE_DIRECTORY("keys", key_nodes),
	{.name = "hostname",
		.mode = S_IFREG | 0644,
		.show = show_hostname,
		.store = store_hostname},
	{.name = "domainname",
		.mode = S_IFREG | 0644,
		.show = show_domainname,
		.store = store_domainname},
	NODE_TEXT("osrelease", UNAME_RELEASE),
	NODE_TEXT("ostype", "Linux"),
	NODE_TEXT("version", UNAME_VERSION),
	NODE_TEXT("arch", "x86_64"),
	NODE_NUMBER("pid_max", PID_MAX),
	NODE_SETTING("ns_last_pid", &process_last_pid, 0, PID_MAX - 1),
	NODE_FILE("threads-max", show_process_limit),
	NODE_DIRECTORY("random", random_nodes),
	NODE_TEXT("core_pattern", "core"),
	NODE_NUMBER("core_uses_pid", 0),
	NODE_NUMBER("cap_last_cap", 40),
	NODE_NUMBER("ngroups_max", 65536),
	NODE_NUMBER("shmmax", 18446744073692774399UL),
	NODE_NUMBER("shmall", 18446744073692774399UL),
	NODE_SETTING("shmmni", &shared_memory_table.limit, 0, SHM_COUNT_MAX),
	NODE_TEXT("sem", "32000\t1024000000\t500\t32000"),
	NODE_NUMBER("msgmax", 8192),
	NODE_NUMBER("msgmnb", 16384),
	NODE_SETTING("msgmni", &message_queue_table.limit, 0, MESSAGE_QUEUES_MAX),
	NODE_SETTING("msg_next_id", &message_queue_table.next_id, -1, INT32_MAX),
	NODE_SETTING("shm_next_id", &shared_memory_table.next_id, -1, INT32_MAX),
	NODE_SETTING("sem_next_id", &semaphore_sets.next_id, -1, INT32_MAX),
	NODE_NUMBER("perf_event_paranoid", 3),
	NODE_NUMBER("overflowuid", 65534),
	NODE_NUMBER("overflowgid", 65534),
	NODE_TEXT("printk", "4\t4\t1\t7"),
	NODE_NUMBER("randomize_va_space", 2),
	NODE_NUMBER("tainted", 0),
	NODE_NUMBER("kptr_restrict", 2),
	NODE_NUMBER("dmesg_restrict", 1),
	NODE_NUMBER("unprivileged_bpf_disabled", 2),
	NODE_NUMBER("sched_child_runs_first", 0),
	NODE_NUMBER("sched_rr_timeslice_ms", 100),
	NODE_NUMBER("sched_rt_period_us", 1000000),
	NODE_TEXT("sched_rt_runtime_us", "950000"),
	NODE_NUMBER("sched_autogroup_enabled", 0),
	NODE_NUMBER("panic", 0),
	NODE_NUMBER("sysrq", 0),
	NODE_NUMBER("numa_balancing", 0),
	NODE_NUMBER("nmi_watchdog", 0),
	NODE_NUMBER("modules_disabled", 1),
	NODE_NUMBER("io_uring_disabled", 2),
};

/* ---- vm ---- */

/* Hints to a kernel that takes memory back. Here what is loaded stays, so they are kept and told,
 * and a wish that caches be dropped has nothing to drop. */
static int32_t swappiness = 60, cache_pressure = 100, dropped;

static const struct computed_node vm_nodes[] = {
	{.name = "drop_caches",
		.mode = S_IFREG | 0200,
		.store = computed_store_setting,
		.setting = &(const struct computed_setting){&dropped, 1, INT32_MAX}},
	NODE_NUMBER("overcommit_memory", 1),
	NODE_NUMBER("overcommit_ratio", 50),
	NODE_NUMBER("overcommit_kbytes", 0),
	NODE_NUMBER("max_map_count", MM_VMA_COUNT_MAX),
	NODE_NUMBER("mmap_min_addr", PLATFORM_USER_START),
	NODE_SETTING("swappiness", &swappiness, 0, 200),
	NODE_NUMBER("nr_hugepages", 0),
	NODE_NUMBER("nr_overcommit_hugepages", 0),
	NODE_NUMBER("dirty_background_bytes", 0),
	NODE_NUMBER("dirty_background_ratio", 10),
	NODE_NUMBER("dirty_bytes", 0),
	NODE_NUMBER("dirty_expire_centisecs", 3000),
	NODE_NUMBER("dirty_ratio", 20),
	NODE_NUMBER("dirty_writeback_centisecs", 500),
	NODE_NUMBER("min_free_kbytes", 67584),
	NODE_NUMBER("zone_reclaim_mode", 0),
	NODE_NUMBER("legacy_va_layout", 0),
	NODE_NUMBER("page-cluster", 3),
	NODE_NUMBER("panic_on_oom", 0),
	NODE_NUMBER("oom_kill_allocating_task", 0),
	NODE_SETTING("vfs_cache_pressure", &cache_pressure, 0, INT32_MAX),
	NODE_NUMBER("unprivileged_userfaultfd", 0),
	NODE_NUMBER("mmap_rnd_bits", 28),
	NODE_NUMBER("user_reserve_kbytes", 131072),
	NODE_NUMBER("admin_reserve_kbytes", 8192),
};

/* ---- fs ---- */

static const struct computed_node inotify_nodes[] = {
	NODE_SETTING("max_queued_events", &inotify_queue_limit, 0, INOTIFY_QUEUE_MAX),
	NODE_SETTING("max_user_instances", &inotify_instance_limit, 0, INOTIFY_INSTANCES_MAX),
	NODE_SETTING("max_user_watches", &inotify_watch_limit, 0, INOTIFY_WATCHES_MAX),
};

static const struct computed_node fanotify_nodes[] = {
	NODE_SETTING("max_queued_events", &fanotify_queue_limit, 0, FANOTIFY_QUEUE_MAX),
	NODE_SETTING("max_user_groups", &fanotify_group_limit, 0, FANOTIFY_GROUPS_MAX),
	NODE_SETTING("max_user_marks", &fanotify_mark_limit, 0, FANOTIFY_MARKS_MAX),
};

static const struct computed_node epoll_nodes[] = {
	NODE_NUMBER("max_user_watches", 1048576),
};

static const struct computed_node mqueue_nodes[] = {
	NODE_NUMBER("msg_default", 10),
	NODE_NUMBER("msg_max", 10),
	NODE_NUMBER("msgsize_default", 8192),
	NODE_NUMBER("msgsize_max", 8192),
	NODE_NUMBER("queues_max", 256),
};

static const struct computed_node fs_nodes[] = {
	NODE_SETTING("dir-notify-enable", &dnotify_enabled, INT32_MIN, INT32_MAX),
	NODE_NUMBER("file-max", 9223372036854775807UL),
	NODE_TEXT("file-nr", "64\t0\t9223372036854775807"),
	NODE_SETTING("nr_open", &fd_count_limit, FD_COUNT_LEAST, FD_COUNT_MAX),
	NODE_TEXT("inode-nr", "256\t0"),
	NODE_TEXT("inode-state", "256\t0\t0\t0\t0\t0\t0"),
	NODE_TEXT("dentry-state", "256\t0\t45\t0\t0\t0"),
	NODE_SETTING("pipe-max-size", &pipe_size_limit, PAGE_SIZE, PIPE_SIZE_MAX),
	NODE_NUMBER("pipe-user-pages-soft", 16384),
	NODE_NUMBER("pipe-user-pages-hard", 0),
	NODE_NUMBER("aio-max-nr", 65536),
	NODE_NUMBER("aio-nr", 0),
	NODE_SETTING("lease-break-time", &lease_break_seconds, 0, INT32_MAX),
	NODE_NUMBER("leases-enable", 1),
	NODE_NUMBER("overflowuid", 65534),
	NODE_NUMBER("overflowgid", 65534),
	NODE_NUMBER("suid_dumpable", 0),
	NODE_NUMBER("protected_fifos", 0),
	NODE_NUMBER("protected_hardlinks", 0),
	NODE_NUMBER("protected_regular", 0),
	NODE_NUMBER("protected_symlinks", 0),
	NODE_DIRECTORY("fanotify", fanotify_nodes),
	NODE_DIRECTORY("inotify", inotify_nodes),
	NODE_DIRECTORY("epoll", epoll_nodes),
	NODE_DIRECTORY("mqueue", mqueue_nodes),
};

/* ---- net, user ---- */

static const struct computed_node net_core_nodes[] = {
	NODE_NUMBER("somaxconn", 4096),
	NODE_NUMBER("rmem_default", 212992),
	NODE_NUMBER("rmem_max", 212992),
	NODE_NUMBER("wmem_default", 212992),
	NODE_NUMBER("wmem_max", 212992),
	NODE_NUMBER("netdev_max_backlog", 1000),
	NODE_NUMBER("optmem_max", 20480),
	NODE_NUMBER("busy_poll", 0),
	NODE_NUMBER("busy_read", 0),
};

static const struct computed_node net_ipv4_nodes[] = {
	NODE_TEXT("ip_local_port_range", "32768\t60999"),
	NODE_TEXT("ip_local_reserved_ports", ""),
	NODE_NUMBER("ip_unprivileged_port_start", 1024),
	NODE_NUMBER("ip_forward", 0),
	NODE_NUMBER("ip_nonlocal_bind", 0),
	NODE_NUMBER("tcp_fin_timeout", 60),
	NODE_NUMBER("tcp_keepalive_time", 7200),
	NODE_NUMBER("tcp_keepalive_intvl", 75),
	NODE_NUMBER("tcp_keepalive_probes", 9),
	NODE_NUMBER("tcp_max_syn_backlog", 512),
	NODE_NUMBER("tcp_syncookies", 1),
	NODE_NUMBER("tcp_fastopen", 1),
	NODE_NUMBER("tcp_timestamps", 1),
	NODE_NUMBER("tcp_tw_reuse", 2),
	NODE_TEXT("tcp_rmem", "4096\t131072\t6291456"),
	NODE_TEXT("tcp_wmem", "4096\t16384\t4194304"),
	NODE_TEXT("tcp_congestion_control", "cubic"),
	NODE_TEXT("tcp_available_congestion_control", "reno cubic"),
};

static const struct computed_node net_unix_nodes[] = {
	NODE_NUMBER("max_dgram_qlen", 512),
};

static const struct computed_node ipv6_all_nodes[] = {
	NODE_NUMBER("disable_ipv6", 0),
	NODE_NUMBER("forwarding", 0),
};

static const struct computed_node ipv6_conf_nodes[] = {
	NODE_DIRECTORY("all", ipv6_all_nodes),
	NODE_DIRECTORY("default", ipv6_all_nodes),
	NODE_DIRECTORY("lo", ipv6_all_nodes),
};

static const struct computed_node net_ipv6_nodes[] = {
	NODE_NUMBER("bindv6only", 0),
	NODE_DIRECTORY("conf", ipv6_conf_nodes),
};

static const struct computed_node net_nodes[] = {
	NODE_DIRECTORY("core", net_core_nodes),
	NODE_DIRECTORY("ipv4", net_ipv4_nodes),
	NODE_DIRECTORY("ipv6", net_ipv6_nodes),
	NODE_DIRECTORY("unix", net_unix_nodes),
};

static const struct computed_node user_nodes[] = {
	NODE_NUMBER("max_user_namespaces", 0),
	NODE_NUMBER("max_pid_namespaces", 0),
	NODE_NUMBER("max_net_namespaces", 0),
	NODE_NUMBER("max_mnt_namespaces", 0),
	NODE_NUMBER("max_fanotify_groups", 128),
	NODE_NUMBER("max_fanotify_marks", 65536),
	NODE_NUMBER("max_inotify_instances", 128),
	NODE_NUMBER("max_inotify_watches", 65536),
};

const struct computed_node proc_sys_nodes[] = {
	NODE_DIRECTORY("fs", fs_nodes),
	NODE_DIRECTORY("kernel", kernel_nodes),
	NODE_DIRECTORY("net", net_nodes),
	NODE_DIRECTORY("user", user_nodes),
	NODE_DIRECTORY("vm", vm_nodes),
};
_Static_assert(ARRAY_SIZE(proc_sys_nodes) == PROC_SYS_COUNT, "as its users count");
