#include "libos/files/proc.h"

#include "base/format.h"
#include "libos/files/mount_types.h"
#include "libos/ipc/message_queue.h"
#include "libos/ipc/semaphore.h"
#include "libos/ipc/shared_memory.h"
#include "libos/processes/keys.h"
#include "libos/processes/process.h"
#include "libos/processes/uname.h"
#include "libos/security/landlock.h"

#define PROC_MAGIC 0x9fa0
#define CAP_SYS_PTRACE 19

struct thread *proc_thread(const struct computed_entry *entry)
{
	struct thread *thread = thread_find(entry->key.tid);

	if (!thread || thread->process->start_ns != entry->key.start_ns)
		return NULL;
	return thread;
}

void proc_key(struct thread *thread, bool is_task, struct computed_key *ret_key)
{
	struct process *process = thread->process;
	bool is_owned = process->dumpable;

	*ret_key = (struct computed_key){
		.tid = thread->tid,
		.pid = process->pid,
		.is_task = is_task,
		.uid = is_owned ? thread->credentials.euid : 0,
		.gid = is_owned ? thread->credentials.egid : 0,
		.start_ns = process->start_ns,
	};
}

static bool has_same_ids(const struct credentials *from, const struct credentials *to)
{
	return from->fsuid == to->euid && from->fsuid == to->suid && from->fsuid == to->uid &&
	       from->fsgid == to->egid && from->fsgid == to->sgid && from->fsgid == to->gid;
}

bool proc_may_inspect(struct thread *target)
{
	const struct credentials *from = &thread_current()->credentials, *to = &target->credentials;

	if (target->process == thread_current()->process)
		return true;
	if (!landlock_may_inspect(thread_current(), target))
		return false;
	if (credentials_can(from, CAP_SYS_PTRACE))
		return true;
	return has_same_ids(from, to) && target->process->dumpable &&
	       !(to->permitted & ~from->effective);
}

int proc_permit(const struct computed_entry *entry)
{
	struct thread *thread;

	LOCK_SCOPE(&process_table_lock);
	thread = proc_thread(entry);
	if (!thread)
		return -ESRCH;
	return proc_may_inspect(thread) ? 0 : -EACCES;
}

int proc_process(const struct file *file, struct process **ret_process)
{
	const struct computed_entry *entry = computed_entry_of(file);
	struct thread *thread;

	if (!entry || entry->node != &proc_process_node)
		return -EBADF;
	LOCK_SCOPE(&process_table_lock);
	thread = proc_thread(entry);
	if (!thread)
		return -ESRCH;
	*ret_process = process_ref(thread->process);
	return 0;
}

/* ---- /proc ---- */

static int find_process(const struct computed_entry *dir, const char *name, uint32_t length,
	struct computed_entry *ret_entry)
{
	struct thread *thread;
	uint32_t tid;

	(void)dir;
	if (!computed_number(name, length, &tid))
		return -ENOENT;
	LOCK_SCOPE(&process_table_lock);
	thread = thread_find((int32_t)tid);
	if (!thread)
		return -ENOENT;
	ret_entry->node = &proc_process_node;
	proc_key(thread, false, &ret_entry->key);
	return 0;
}

static int32_t highest_pid(void)
{
	struct process *process;
	int32_t highest = 0;

	LIST_FOR_EACH (process, &process_table, link)
		highest = MAX(highest, process->pid);
	return highest;
}

static int next_process(const struct computed_entry *dir, uint64_t *at,
	char name[COMPUTED_NAME_SIZE], struct computed_entry *ret_entry)
{
	struct process *process = NULL;
	int32_t pid, highest;

	(void)dir;
	if (*at > PID_MAX)
		return -ENOENT;
	LOCK_SCOPE(&process_table_lock);
	highest = highest_pid();
	for (pid = (int32_t)*at; pid <= highest && !process; pid++)
		process = process_find(pid);
	if (!process)
		return -ENOENT;
	*at = (uint64_t)process->pid;
	format_string(name, COMPUTED_NAME_SIZE, "%d", process->pid);
	ret_entry->node = &proc_process_node;
	proc_key(process->leader, false, &ret_entry->key);
	return 0;
}

static const struct computed_dynamic processes = {find_process, next_process};

static long self_read(const struct computed_entry *entry, char *to, size_t size)
{
	(void)entry;
	return (long)format_string(to, size, "%d", thread_current()->process->pid);
}

static long thread_self_read(const struct computed_entry *entry, char *to, size_t size)
{
	struct thread *thread = thread_current();

	(void)entry;
	return (long)format_string(to, size, "%d/task/%d", thread->process->pid, thread->tid);
}

static int show_filesystems(const struct computed_entry *entry, struct text *text)
{
	const char *name;

	(void)entry;
	for (uint32_t i = 0; (name = mount_type_name(i)); i++)
		text_put(text, "nodev\t%s\n", name);
	text_put(text, "\terofs\n");
	return 0;
}

static int show_nothing(const struct computed_entry *entry, struct text *text)
{
	(void)entry;
	(void)text;
	return 0;
}

static const struct computed_node sysvipc_nodes[] = {
	NODE_FILE("msg", message_queues_show),
	NODE_FILE("sem", semaphores_show),
	NODE_FILE("shm", shared_memory_show),
};

static const struct computed_node tty_nodes[] = {
	NODE_TEXT("drivers", "/dev/tty             /dev/tty        5       0 system:/dev/tty\n"
			     "/dev/console         /dev/console    5       1 system:console\n"
			     "/dev/ptmx            /dev/ptmx       5       2 system\n"
			     "pty_slave            /dev/pts      136 0-1048575 pty:slave\n"
			     "pty_master           /dev/ptm      128 0-1048575 pty:master"),
	NODE_TEXT("ldiscs", "n_tty       0"),
};

static const struct computed_node root_nodes[] = {
	{.name = "self", .mode = S_IFLNK | 0777, .readlink = self_read},
	{.name = "thread-self", .mode = S_IFLNK | 0777, .readlink = thread_self_read},
	NODE_LINK("mounts", "self/mounts"),
	NODE_LINK("net", "self/net"),
	NODE_DIRECTORY("tty", tty_nodes),
	{.name = "sys",
		.mode = S_IFDIR | 0555,
		.children = proc_sys_nodes,
		.child_count = PROC_SYS_COUNT},
	NODE_DIRECTORY("sysvipc", sysvipc_nodes),
	NODE_FILE("meminfo", proc_show_meminfo),
	NODE_FILE("cpuinfo", proc_show_cpuinfo),
	NODE_FILE("stat", proc_show_system_stat),
	NODE_FILE("loadavg", proc_show_loadavg),
	NODE_FILE("uptime", proc_show_uptime),
	NODE_TEXT("version", "Linux version " UNAME_RELEASE " (casemate@casemate) " UNAME_VERSION),
	NODE_FILE("filesystems", show_filesystems),
	NODE_FILE("key-users", key_users_show),
	NODE_TEXT("cmdline", ""),
	NODE_TEXT("devices", "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n"
			     "  5 /dev/ptmx\n128 ptm\n136 pts\n\n"
			     "Block devices:"),
	NODE_TEXT("swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority"),
	NODE_TEXT("partitions", "major minor  #blocks  name\n"),
	NODE_TEXT("vmstat", "nr_free_pages 0\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\n"
			    "pgfault 0\npgmajfault 0\noom_kill 0"),
	NODE_FILE("interrupts", show_nothing),
	NODE_FILE("softirqs", show_nothing),
	NODE_FILE("modules", show_nothing),
	NODE_FILE("diskstats", show_nothing),
	NODE_FILE("locks", show_nothing),
	NODE_FILE("consoles", show_nothing),
	NODE_FILE("zoneinfo", show_nothing),
	NODE_FILE("buddyinfo", show_nothing),
	NODE_TEXT("cgroups", "#subsys_name\thierarchy\tnum_cgroups\tenabled"),
};

static const struct computed_node root = {
	.name = "proc",
	.mode = S_IFDIR | 0555,
	.children = root_nodes,
	.child_count = ARRAY_SIZE(root_nodes),
	.dynamic = &processes,
};

struct mount *proc_mount_new(uint32_t flags)
{
	return computed_mount_new("proc", "proc", PROC_MAGIC, flags, &root);
}

int proc_mount(void)
{
	struct mount *mount = proc_mount_new(MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC);

	return mount ? mount_attach(mount, "/proc") : -ENOMEM;
}
