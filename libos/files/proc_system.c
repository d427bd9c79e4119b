/* What the whole enclave looks like: /proc/meminfo, stat, loadavg, uptime. */
#include "libos/files/proc.h"
#include "libos/memory/mm.h"
#include "libos/processes/process.h"
#include "platform/platform.h"

#define NS_PER_S 1000000000UL
#define NS_PER_TICK 10000000UL
#define KB(bytes) ((bytes) / 1024)

/* ---- Memory ---- */

struct memory_line {
	const char *name;
	uint64_t kb;
};

int proc_show_meminfo(const struct computed_entry *entry, struct text *text)
{
	struct memory_system m;

	(void)entry;
	memory_system(&m);
	const struct memory_line lines[] = {
		{"MemTotal:", KB(m.total)},
		{"MemFree:", KB(m.free)},
		{"MemAvailable:", KB(m.free)},
		{"Buffers:", 0},
		{"Cached:", KB(m.cached)},
		{"SwapCached:", 0},
		{"Active:", KB(m.total - m.free)},
		{"Inactive:", 0},
		{"Active(anon):", KB(m.total - m.free - m.cached)},
		{"Inactive(anon):", 0},
		{"Active(file):", KB(m.cached)},
		{"Inactive(file):", 0},
		{"Unevictable:", 0},
		{"Mlocked:", 0},
		{"SwapTotal:", 0},
		{"SwapFree:", 0},
		{"Dirty:", 0},
		{"Writeback:", 0},
		{"AnonPages:", KB(m.total - m.free - m.cached)},
		{"Mapped:", 0},
		{"Shmem:", KB(m.cached)},
		{"KReclaimable:", 0},
		{"Slab:", 0},
		{"SReclaimable:", 0},
		{"SUnreclaim:", 0},
		{"KernelStack:", 0},
		{"PageTables:", 0},
		{"NFS_Unstable:", 0},
		{"Bounce:", 0},
		{"WritebackTmp:", 0},
		{"CommitLimit:", KB(m.total)},
		{"Committed_AS:", KB(m.total - m.free)},
		{"VmallocTotal:", 34359738367},
		{"VmallocUsed:", 0},
		{"VmallocChunk:", 0},
		{"Percpu:", 0},
		{"HardwareCorrupted:", 0},
		{"AnonHugePages:", 0},
		{"ShmemHugePages:", 0},
		{"ShmemPmdMapped:", 0},
		{"FileHugePages:", 0},
		{"FilePmdMapped:", 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		text_put(text, "%-15s %8lu kB\n", lines[i].name, lines[i].kb);
	text_put(text, "HugePages_Total:       0\nHugePages_Free:        0\n"
		       "HugePages_Rsvd:        0\nHugePages_Surp:        0\n"
		       "Hugepagesize:       2048 kB\nHugetlb:               0 kB\n");
	return 0;
}

/* ---- Processors and processes ---- */

struct activity {
	uint64_t busy_ns, idle_ns, uptime_ns;
	uint32_t running, total;
	int32_t last_pid;
};

static void add_process(struct activity *activity, struct process *process)
{
	struct thread *thread;

	activity->busy_ns += process->dead_ns;
	activity->last_pid = MAX(activity->last_pid, process->pid);
	LIST_FOR_EACH (thread, &process->threads, in_process) {
		activity->total++;
		activity->running += thread->sleep_state != 'S';
		activity->busy_ns += platform_thread_cpu_ns_of(thread);
		activity->last_pid = MAX(activity->last_pid, thread->tid);
	}
}

static void activity_find(struct activity *activity)
{
	uint64_t all = platform_monotonic_ns() * platform_cpu_count();
	struct process *process;

	*activity = (struct activity){.uptime_ns = platform_monotonic_ns()};
	LOCK_SCOPE(&process_table_lock);
	LIST_FOR_EACH (process, &process_table, link)
		add_process(activity, process);
	/* Of those gone before. */
	activity->busy_ns += process_init->children_user_ns + process_init->children_system_ns;
	activity->busy_ns = MIN(activity->busy_ns, all);
	activity->idle_ns = all - activity->busy_ns;
	activity->running = MAX(activity->running, 1U);
	activity->total = MAX(activity->total, activity->running);
}

/* Nobody counts by processor: all had the same share. */
static void put_processor(struct text *text, const struct activity *a, uint64_t share)
{
	text_put(text, " %lu 0 0 %lu 0 0 0 0 0 0\n", a->busy_ns / NS_PER_TICK / share,
		a->idle_ns / NS_PER_TICK / share);
}

int proc_show_system_stat(const struct computed_entry *entry, struct text *text)
{
	unsigned int count = platform_cpu_count();
	uint64_t now = platform_realtime_ns();
	static uint64_t boot_s;
	struct activity a;

	(void)entry;
	activity_find(&a);
	if (!boot_s)
		boot_s = (now - MIN(now, a.uptime_ns)) / NS_PER_S;
	text_put(text, "cpu ");
	put_processor(text, &a, 1);
	for (unsigned int i = 0; i < count; i++) {
		text_put(text, "cpu%u", i);
		put_processor(text, &a, count);
	}
	text_put(text,
		"intr 0\nctxt 0\nbtime %lu\nprocesses %d\nprocs_running %u\nprocs_blocked 0\n"
		"softirq 0 0 0 0 0 0 0 0 0 0 0\n",
		boot_s, a.last_pid, a.running);
	return 0;
}

/* Nobody samples how many are running: the averages stay at nothing. */
int proc_show_loadavg(const struct computed_entry *entry, struct text *text)
{
	struct activity a;

	(void)entry;
	activity_find(&a);
	text_put(text, "0.00 0.00 0.00 %u/%u %d\n", a.running, a.total, a.last_pid);
	return 0;
}

static void put_seconds(struct text *text, uint64_t ns, const char *end)
{
	text_put(text, "%lu.%02lu%s", ns / NS_PER_S, ns / NS_PER_TICK % 100, end);
}

int proc_show_uptime(const struct computed_entry *entry, struct text *text)
{
	struct activity a;

	(void)entry;
	activity_find(&a);
	put_seconds(text, a.uptime_ns, " ");
	put_seconds(text, a.idle_ns, "\n");
	return 0;
}
