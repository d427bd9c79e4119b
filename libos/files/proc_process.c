/* The directory of a process, /proc/PID, and of a thread, /proc/PID/task/TID; and its small files.
 */
#include "base/format.h"
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/files/file.h"
#include "libos/files/mount.h"
#include "libos/files/proc.h"
#include "libos/memory/mm.h"
#include "libos/processes/process.h"
#include "libos/processes/program.h"
#include "platform/platform.h"

#define CAP_SYS_RESOURCE 24
#define OOM_SCORE_MAX 1000
#define OOM_OLD_MAX 15
#define OOM_OLD_DISABLE 17
#define STRINGS_SIZE_MAX (4UL << 20)

/* ---- Arguments, environment, auxiliary vector ----
 * The caller's own are read where they lie, so that it sees what it changed; of others, what execve
 * was given. */

struct strings {
	bool is_own;
	uint64_t start, end;    /* own */
	uint64_t next_end;      /* own: of the area behind */
	struct program *source; /* others: referenced */
};

static int strings_find(const struct computed_entry *entry, bool is_environment, struct strings *s)
{
	struct process *process;
	struct thread *thread;

	LOCK_SCOPE(&process_table_lock);
	thread = proc_thread(entry);
	if (!thread)
		return -ESRCH;
	process = thread->process;
	*s = (struct strings){
		.is_own = process->mm && process->mm == thread_current()->process->mm,
		.start = is_environment ? process->environment_start : process->arguments_start,
		.end = is_environment ? process->environment_end : process->arguments_end,
		.next_end = process->environment_end,
		.source = process->mm ? program_ref(process->program) : NULL,
	};
	return 0;
}

static int put_user(struct text *text, uint64_t start, uint64_t end)
{
	size_t size = end > start ? end - start : 0;
	char *to;

	if (size > STRINGS_SIZE_MAX)
		return -EIO;
	to = text_reserve(text, size);
	if (!to || !size)
		return 0;
	if (user_read(to, start, size))
		return -EIO;
	text->size += size;
	return 0;
}

/* A program that writes its title over its arguments may go on into the environment: the title ends
 * at the first NUL (setproctitle(3)). */
static int put_title(struct text *text, const struct strings *s)
{
	int r = put_user(text, s->start, s->end);

	if (r || !text->size || !text->bytes[text->size - 1] || s->next_end <= s->end)
		return r;
	r = put_user(text, s->end, s->next_end);
	if (!r)
		text->size = strnlen(text->bytes, text->size);
	return r;
}

static void put_vector(struct text *text, const struct exec_vector *vector)
{
	if (vector->strings)
		text_put_bytes(text, vector->strings, vector->size);
}

static int show_arguments(const struct computed_entry *entry, struct text *text)
{
	struct strings s;
	int r = strings_find(entry, false, &s);

	if (r)
		return r;
	if (s.is_own)
		r = put_title(text, &s);
	else if (s.source)
		put_vector(text, &s.source->arguments);
	program_unref(s.source);
	return r;
}

static int show_environment(const struct computed_entry *entry, struct text *text)
{
	struct strings s;
	int r = strings_find(entry, true, &s);

	if (r)
		return r;
	if (s.is_own)
		r = put_user(text, s.start, s.end);
	else if (s.source)
		put_vector(text, &s.source->environment);
	program_unref(s.source);
	return r;
}

/* Of other processes nothing is known. */
static int show_auxv(const struct computed_entry *entry, struct text *text)
{
	uint64_t start = 0, size = 0;
	struct thread *thread;

	lock_acquire(&process_table_lock);
	thread = proc_thread(entry);
	if (thread && thread->process->mm == thread_current()->process->mm) {
		start = thread->process->auxv_start;
		size = thread->process->auxv_size;
	}
	lock_release(&process_table_lock);
	return thread ? put_user(text, start, start + size) : -ESRCH;
}

/* ---- Name ---- */

static int show_name(const struct computed_entry *entry, struct text *text)
{
	struct thread *thread;

	LOCK_SCOPE(&process_table_lock);
	thread = proc_thread(entry);
	if (!thread)
		return -ESRCH;
	text_put(text, "%.15s\n", thread->name);
	return 0;
}

static int store_name(const struct computed_entry *entry, const char *from, size_t size)
{
	struct thread *thread;

	LOCK_SCOPE(&process_table_lock);
	thread = proc_thread(entry);
	if (!thread)
		return -ESRCH;
	if (thread->process != thread_current()->process)
		return -EINVAL;
	memset(thread->name, 0, sizeof(thread->name));
	memcpy(thread->name, from, MIN(size, sizeof(thread->name) - 1));
	return 0;
}

/* ---- Limits ---- */

static void put_limit(struct text *text, uint64_t value)
{
	if (value == UINT64_MAX)
		text_put(text, "%-20s ", "unlimited");
	else
		text_put(text, "%-20lu ", value);
}

static int show_limits(const struct computed_entry *entry, struct text *text)
{
	static const struct {
		const char *name, *unit;
	} kinds[RLIMIT_COUNT] = {
		{"Max cpu time", "seconds"},
		{"Max file size", "bytes"},
		{"Max data size", "bytes"},
		{"Max stack size", "bytes"},
		{"Max core file size", "bytes"},
		{"Max resident set", "bytes"},
		{"Max processes", "processes"},
		{"Max open files", "files"},
		{"Max locked memory", "bytes"},
		{"Max address space", "bytes"},
		{"Max file locks", "locks"},
		{"Max pending signals", "signals"},
		{"Max msgqueue size", "bytes"},
		{"Max nice priority", NULL},
		{"Max realtime priority", NULL},
		{"Max realtime timeout", "us"},
	};
	struct thread *thread;

	LOCK_SCOPE(&process_table_lock);
	thread = proc_thread(entry);
	if (!thread)
		return -ESRCH;
	text_put(text, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (size_t i = 0; i < RLIMIT_COUNT; i++) {
		text_put(text, "%-25s ", kinds[i].name);
		put_limit(text, thread->process->limits[i].soft);
		put_limit(text, thread->process->limits[i].hard);
		if (kinds[i].unit)
			text_put(text, "%-10s", kinds[i].unit);
		text_put(text, "\n");
	}
	return 0;
}

/* ---- Whom to kill when memory runs out: kept for those who ask, nobody is killed ---- */

enum oom_file { OOM_SCORE, OOM_SCORE_ADJ, OOM_ADJ };

static int32_t oom_old_of(int32_t adjustment)
{
	return adjustment == OOM_SCORE_MAX ? OOM_OLD_MAX
					   : adjustment * OOM_OLD_DISABLE / OOM_SCORE_MAX;
}

static int show_oom(const struct computed_entry *entry, struct text *text)
{
	struct thread *thread;
	int32_t adjustment;

	LOCK_SCOPE(&process_table_lock);
	thread = proc_thread(entry);
	if (!thread)
		return -ESRCH;
	adjustment = thread->process->oom_score_adj;
	if (entry->node->number == OOM_SCORE)
		adjustment = (OOM_SCORE_MAX + adjustment) * 2 / 3;
	else if (entry->node->number == OOM_ADJ)
		adjustment = oom_old_of(adjustment);
	text_put(text, "%d\n", adjustment);
	return 0;
}

/* A whole decimal number, blanks around it. */
static int parse_number(const char *from, int32_t *ret_number)
{
	bool is_negative;
	int32_t number = 0, digits = 0;

	while (*from == ' ' || *from == '\t')
		from++;
	is_negative = *from == '-';
	from += is_negative || *from == '+';
	for (; *from >= '0' && *from <= '9' && digits < 9; from++, digits++)
		number = number * 10 + (*from - '0');
	while (*from == ' ' || *from == '\n')
		from++;
	if (*from || !digits)
		return -EINVAL;
	*ret_number = is_negative ? -number : number;
	return 0;
}

static int parse_oom(bool is_old, const char *from, int32_t *ret_adjustment)
{
	int32_t low = is_old ? -OOM_OLD_DISABLE : -OOM_SCORE_MAX;
	int32_t high = is_old ? OOM_OLD_MAX : OOM_SCORE_MAX, value;
	int r = parse_number(from, &value);

	if (r || value < low || value > high)
		return -EINVAL;
	if (is_old)
		value = value == OOM_OLD_MAX ? OOM_SCORE_MAX
					     : value * OOM_SCORE_MAX / OOM_OLD_DISABLE;
	*ret_adjustment = value;
	return 0;
}

static int store_oom(const struct computed_entry *entry, const char *from, size_t size)
{
	struct thread *thread;
	int32_t adjustment;
	int r = parse_oom(entry->node->number == OOM_ADJ, from, &adjustment);

	(void)size;
	if (r)
		return r;
	LOCK_SCOPE(&process_table_lock);
	thread = proc_thread(entry);
	if (!thread)
		return -ESRCH;
	if (adjustment < thread->process->oom_score_adj &&
		!credentials_can(&thread_current()->credentials, CAP_SYS_RESOURCE))
		return -EACCES;
	thread->process->oom_score_adj = adjustment;
	return 0;
}

/* ---- Odds and ends ---- */

static int show_bare_text(const struct computed_entry *entry, struct text *text)
{
	text_put(text, "%s", entry->node->text);
	return 0;
}

static int show_nothing(const struct computed_entry *entry, struct text *text)
{
	(void)entry;
	(void)text;
	return 0;
}

static int show_refused(const struct computed_entry *entry, struct text *text)
{
	(void)entry;
	(void)text;
	return -EINVAL;
}

static int permit_nobody(const struct computed_entry *entry)
{
	(void)entry;
	return -EPERM;
}

static int store_nothing(const struct computed_entry *entry, const char *from, size_t size)
{
	(void)entry;
	(void)from;
	(void)size;
	return 0;
}

static int show_personality(const struct computed_entry *entry, struct text *text)
{
	struct thread *thread;

	LOCK_SCOPE(&process_table_lock);
	thread = proc_thread(entry);
	if (!thread)
		return -ESRCH;
	text_put(text, "%08x\n", thread->process->personality);
	return 0;
}

static int show_timer_slack(const struct computed_entry *entry, struct text *text)
{
	struct thread *thread;

	LOCK_SCOPE(&process_table_lock);
	thread = proc_thread(entry);
	if (!thread)
		return -ESRCH;
	text_put(text, "%lu\n", thread->timer_slack_ns);
	return 0;
}

static int show_scheduled(const struct computed_entry *entry, struct text *text)
{
	struct thread *thread;

	LOCK_SCOPE(&process_table_lock);
	thread = proc_thread(entry);
	if (!thread)
		return -ESRCH;
	text_put(text, "%lu 0 1\n", platform_thread_cpu_ns_of(thread));
	return 0;
}

static int show_system_call(const struct computed_entry *entry, struct text *text)
{
	(void)entry;
	text_put(text, "running\n");
	return 0;
}

/* Of this thread; children are a process's here, so the leader has them all. */
static int show_children(const struct computed_entry *entry, struct text *text)
{
	struct process *child;
	struct thread *thread;

	LOCK_SCOPE(&process_table_lock);
	thread = proc_thread(entry);
	if (!thread)
		return -ESRCH;
	if (thread != thread->process->leader)
		return 0;
	LIST_FOR_EACH (child, &thread->process->children, sibling)
		text_put(text, "%d ", child->pid);
	return 0;
}

static const struct computed_node attribute_nodes[] = {
	NODE_FILE("current", show_refused),
	NODE_FILE("exec", show_refused),
	NODE_FILE("prev", show_refused),
};

/* ---- Threads ---- */

static int find_task(const struct computed_entry *dir, const char *name, uint32_t length,
	struct computed_entry *ret_entry)
{
	struct thread *thread;
	uint32_t tid;

	if (!computed_number(name, length, &tid))
		return -ENOENT;
	LOCK_SCOPE(&process_table_lock);
	thread = thread_find((int32_t)tid);
	if (!thread || thread->process->pid != dir->key.pid ||
		thread->process->start_ns != dir->key.start_ns)
		return -ENOENT;
	ret_entry->node = &proc_task_node;
	proc_key(thread, true, &ret_entry->key);
	return 0;
}

/* The thread of @process with the lowest number >= @from. */
static struct thread *thread_from(struct process *process, int32_t from)
{
	struct thread *thread, *lowest = NULL;

	LIST_FOR_EACH (thread, &process->threads, in_process)
		if (thread->tid >= from && (!lowest || thread->tid < lowest->tid))
			lowest = thread;
	/* A zombie still shows its leader. */
	if (process->leader->tid >= from && (!lowest || process->leader->tid < lowest->tid))
		lowest = process->leader;
	return lowest;
}

static int next_task(const struct computed_entry *dir, uint64_t *at, char name[COMPUTED_NAME_SIZE],
	struct computed_entry *ret_entry)
{
	struct thread *thread;

	if (*at > PID_MAX)
		return -ENOENT;
	LOCK_SCOPE(&process_table_lock);
	thread = proc_thread(dir);
	thread = thread ? thread_from(thread->process, (int32_t)*at) : NULL;
	if (!thread)
		return -ENOENT;
	*at = (uint64_t)thread->tid;
	format_string(name, COMPUTED_NAME_SIZE, "%d", thread->tid);
	ret_entry->node = &proc_task_node;
	proc_key(thread, true, &ret_entry->key);
	return 0;
}

const struct computed_dynamic proc_tasks = {find_task, next_task};

/* ---- The directories ---- */

#define FILE_MODE(file_name, file_mode, ...)                                                       \
	{                                                                                          \
		.name = (file_name), .mode = S_IFREG | (file_mode), __VA_ARGS__                    \
	}
#define MAGIC_LINK(link_name, kind)                                                                \
	{                                                                                          \
		.name = (link_name), .mode = S_IFLNK | 0777, .readlink = proc_link_read,           \
		.follow = proc_link_follow, .number = (kind)                                       \
	}
#define DESCRIPTORS(dir_name, dir_mode, dir_dynamic)                                               \
	{                                                                                          \
		.name = (dir_name), .mode = S_IFDIR | (dir_mode), .dynamic = &(dir_dynamic),       \
		.permit = proc_permit, .is_own = true                                              \
	}

/* What processes and threads have alike. */
#define COMMON_NODES                                                                               \
	DESCRIPTORS("fd", 0500, proc_descriptors),                                                 \
		DESCRIPTORS("fdinfo", 0555, proc_descriptor_infos),                                \
		{.name = "ns",                                                                     \
			.mode = S_IFDIR | 0555,                                                    \
			.children = proc_namespace_nodes,                                          \
			.child_count = PROC_NAMESPACE_COUNT},                                      \
		NODE_DIRECTORY("attr", attribute_nodes),                                           \
		{.name = "net",                                                                    \
			.mode = S_IFDIR | 0555,                                                    \
			.children = proc_net_nodes,                                                \
			.child_count = PROC_NET_COUNT},                                            \
		MAGIC_LINK("cwd", PROC_LINK_DIRECTORY), MAGIC_LINK("root", PROC_LINK_ROOT),        \
		MAGIC_LINK("exe", PROC_LINK_EXECUTABLE),                                           \
		FILE_MODE("environ", 0400, .show = show_environment, .permit = proc_permit),       \
		FILE_MODE("auxv", 0400, .show = show_auxv, .permit = proc_permit),                 \
		NODE_FILE("status", proc_show_status), NODE_FILE("stat", proc_show_stat),          \
		NODE_FILE("statm", proc_show_statm), NODE_FILE("limits", show_limits),             \
		NODE_FILE("cmdline", show_arguments),                                              \
		FILE_MODE("mounts", 0444, .show = proc_show_mounts, .changes = &mounts_changes),   \
		FILE_MODE("mountinfo", 0444, .show = proc_show_mountinfo,                          \
			.changes = &mounts_changes),                                               \
		FILE_MODE("personality", 0400, .show = show_personality, .permit = proc_permit),   \
		FILE_MODE("syscall", 0400, .show = show_system_call, .permit = proc_permit),       \
		FILE_MODE("stack", 0400, .show = show_nothing, .permit = proc_permit),             \
		FILE_MODE("comm", 0644, .show = show_name, .store = store_name, .is_own = true),   \
		FILE_MODE("maps", 0444, .show = proc_show_maps, .permit = proc_permit,             \
			.ioctl = proc_maps_ioctl),                                                 \
		FILE_MODE("smaps", 0444, .show = proc_show_smaps, .permit = proc_permit),          \
		FILE_MODE("smaps_rollup", 0444, .show = proc_show_smaps_rollup,                    \
			.permit = proc_permit),                                                    \
		FILE_MODE("mem", 0600, .permit = permit_nobody, .store = store_nothing),           \
		FILE_MODE("pagemap", 0400, .permit = permit_nobody),                               \
		FILE_MODE("clear_refs", 0200, .store = store_nothing),                             \
		FILE_MODE("io", 0400, .show = proc_show_io, .permit = proc_permit),                \
		NODE_FILE("oom_score", show_oom),                                                  \
		FILE_MODE("oom_score_adj", 0644, .show = show_oom, .store = store_oom,             \
			.number = OOM_SCORE_ADJ, .is_own = true),                                  \
		FILE_MODE("oom_adj", 0644, .show = show_oom, .store = store_oom,                   \
			.number = OOM_ADJ, .is_own = true),                                        \
		FILE_MODE("wchan", 0444, .show = show_bare_text, .text = "0"),                     \
		NODE_TEXT("cgroup", "0::/"),                                                       \
		FILE_MODE("cpuset", 0444, .show = computed_show_text, .text = "/"),                \
		NODE_TEXT("uid_map", "         0          0 4294967295"),                          \
		NODE_TEXT("gid_map", "         0          0 4294967295"),                          \
		NODE_TEXT("projid_map", "         0          0 4294967295"),                       \
		NODE_TEXT("setgroups", "allow"), NODE_FILE("schedstat", show_scheduled),           \
		FILE_MODE("loginuid", 0644, .show = proc_show_login_uid,                           \
			.store = proc_store_login_uid, .is_own = true),                            \
		NODE_FILE("sessionid", proc_show_login_session)

static const struct computed_node task_nodes[] = {
	COMMON_NODES,
	FILE_MODE("children", 0444, .show = show_children),
};

static const struct computed_node process_nodes[] = {
	{.name = "task", .mode = S_IFDIR | 0555, .dynamic = &proc_tasks},
	COMMON_NODES,
	FILE_MODE("mountstats", 0400, .show = proc_show_mountstats),
	FILE_MODE("coredump_filter", 0644, .show = computed_show_text, .store = store_nothing,
		.text = "00000033"),
	FILE_MODE("timers", 0444, .show = show_nothing),
	FILE_MODE("timerslack_ns", 0444, .show = show_timer_slack),
};

const struct computed_node proc_task_node = NODE_DIRECTORY("task", task_nodes);
const struct computed_node proc_process_node = NODE_DIRECTORY("process", process_nodes);
