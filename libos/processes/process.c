#include "libos/processes/process.h"

#include <linux/capability.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/log.h"
#include "libos/files/attestation.h"
#include "libos/processes/keyrings.h"
#include "libos/processes/program.h"
#include "libos/processes/seccomp.h"
#include "libos/security/landlock.h"
#include "libos/terminals/terminal.h"
#include "platform/platform.h"

struct lock process_table_lock;
struct list process_table = LIST_INIT(process_table);
struct process *process_init;

#define PID_HASH_COUNT 256
#define PID_FIRST_REUSED 300

static struct thread *pid_hash[PID_HASH_COUNT];
int32_t process_last_pid;
static struct list dead_threads = LIST_INIT(dead_threads);

struct thread *thread_find(int32_t tid)
{
	struct thread *thread = pid_hash[(uint32_t)tid % PID_HASH_COUNT];

	while (thread && thread->tid != tid)
		thread = thread->hash_next;
	return thread;
}

/* Lists of processes are long, and to a new process each entry may be a page fault: what every fork
 * and exit asks has its answer ready. */
static uint16_t group_holds[PID_MAX]; /* processes whose group or session has that number */
static uint32_t stopped_count;

static void hold_groups(const struct process *process, int change)
{
	group_holds[process->pgid] = (uint16_t)(group_holds[process->pgid] + change);
	group_holds[process->sid] = (uint16_t)(group_holds[process->sid] + change);
}

void process_list(struct process *process)
{
	hold_groups(process, 1);
	list_add_tail(&process_table, &process->link);
}

void process_unlist(struct process *process)
{
	hold_groups(process, -1);
	if (process->signals.stopped)
		process_count_stopped(-1);
	list_remove(&process->link);
}

void process_set_groups(struct process *process, int32_t pgid, int32_t sid)
{
	hold_groups(process, -1);
	process->pgid = pgid;
	process->sid = sid;
	hold_groups(process, 1);
}

void process_count_stopped(int change)
{
	__atomic_add_fetch(&stopped_count, (uint32_t)change, __ATOMIC_RELAXED);
}

bool process_any_is_stopped(void)
{
	return __atomic_load_n(&stopped_count, __ATOMIC_RELAXED);
}

static bool pid_is_used(int32_t pid)
{
	return group_holds[pid] || thread_find(pid);
}

void thread_renumber(struct thread *thread, int32_t tid)
{
	uint32_t slot = (uint32_t)tid % PID_HASH_COUNT;

	thread->tid = tid;
	thread->hash_next = pid_hash[slot];
	pid_hash[slot] = thread;
}

void thread_number(struct thread *thread)
{
	do {
		process_last_pid =
			process_last_pid >= PID_MAX - 1 ? PID_FIRST_REUSED : process_last_pid + 1;
	} while (pid_is_used(process_last_pid));
	thread_renumber(thread, process_last_pid);
}

void thread_unnumber(struct thread *thread)
{
	struct thread **at = &pid_hash[(uint32_t)thread->tid % PID_HASH_COUNT];

	while (*at && *at != thread)
		at = &(*at)->hash_next;
	if (*at)
		*at = thread->hash_next;
}

/* Free threads whose host threads have left their stacks. What they held may need other locks to
 * go: not under the table's. */
static void collect_dead_threads(void)
{
	struct list gone = LIST_INIT(gone);
	struct thread *thread, *next;

	lock_acquire(&process_table_lock);
	LIST_FOR_EACH_SAFE (thread, next, &dead_threads, dead_link) {
		if (!__atomic_load_n(&thread->stack_free, __ATOMIC_ACQUIRE))
			continue;
		list_remove(&thread->dead_link);
		list_add_tail(&gone, &thread->dead_link);
	}
	lock_release(&process_table_lock);
	LIST_FOR_EACH_SAFE (thread, next, &gone, dead_link) {
		landlock_domain_unref(thread->landlock);
		platform_thread_dispose(thread);
		heap_free(thread);
	}
}

void thread_bury(struct thread *thread)
{
	list_add_tail(&dead_threads, &thread->dead_link);
}

struct thread *thread_new(struct process *process)
{
	struct thread *thread = heap_alloc(sizeof(*thread));

	if (!thread)
		return NULL;
	collect_dead_threads();
	if (platform_thread_prepare(thread)) {
		heap_free(thread);
		return NULL;
	}
	thread->process = process;
	list_init(&thread->in_process);
	list_init(&thread->dead_link);
	list_init(&thread->signals.queue.entries);
	thread->start_ns = platform_monotonic_ns();
	thread->timer_slack_ns = thread->timer_slack_default_ns = 50000;
	return thread;
}

void thread_free(struct thread *thread)
{
	if (!thread)
		return;
	seccomp_release(thread);
	landlock_domain_unref(thread->landlock);
	keyrings_release(thread);
	platform_thread_dispose(thread);
	heap_free(thread);
}

struct process *process_find(int32_t pid)
{
	struct thread *thread = thread_find(pid);

	if (!thread || thread->process->pid != pid)
		return NULL;
	return thread->process;
}

struct process *process_new(struct signal_actions *actions)
{
	struct process *process = actions ? heap_alloc(sizeof(*process)) : NULL;

	if (!process) {
		signal_actions_unref(actions);
		return NULL;
	}
	process->signals.actions = actions;
	process->reference_count = 1;
	list_init(&process->link);
	list_init(&process->children);
	list_init(&process->sibling);
	list_init(&process->threads);
	wait_queue_init(&process->child_events);
	wait_queue_init(&process->exit_events);
	wait_queue_init(&process->signals.arrivals);
	list_init(&process->signals.queue.entries);
	process->dumpable = true;
	process->login_uid = process->login_session = LOGIN_NOBODY;
	process->start_ns = platform_monotonic_ns();
	return process;
}

struct process *process_ref(struct process *process)
{
	__atomic_add_fetch(&process->reference_count, 1, __ATOMIC_RELAXED);
	return process;
}

void process_unref(struct process *process)
{
	if (!process || __atomic_sub_fetch(&process->reference_count, 1, __ATOMIC_ACQ_REL))
		return;
	program_unref(process->program);
	terminal_unref(process->terminal);
	signal_actions_unref(process->signals.actions);
	attestation_request_unref(process->attestation);
	heap_free(process);
}

bool credentials_can(const struct credentials *credentials, unsigned int capability)
{
	return credentials->effective & (1ULL << capability);
}

bool credentials_in_group(const struct credentials *credentials, uint32_t gid)
{
	if (credentials->fsgid == gid)
		return true;
	for (uint32_t i = 0; i < credentials->group_count; i++)
		if (credentials->groups[i] == gid)
			return true;
	return false;
}

static bool may_signal_by_credentials(
	const struct credentials *from, const struct process *target, int signo)
{
	const struct credentials *to = &target->leader->credentials;

	if (from->euid == to->suid || from->euid == to->uid || from->uid == to->suid ||
		from->uid == to->uid || credentials_can(from, CAP_KILL))
		return true;
	return signo == 18 /* SIGCONT */ && thread_current()->process->sid == target->sid;
}

bool process_may_signal(const struct thread *from, const struct thread *target, int signo)
{
	return may_signal_by_credentials(&from->credentials, target->process, signo) &&
	       landlock_may_signal(from, target);
}

/* PTRACE_MODE_READ_REALCREDS of ptrace(2). */
bool process_may_inspect(const struct thread *thread, struct process *target)
{
	const struct credentials *from = &thread->credentials, *to = &target->leader->credentials;

	if (!landlock_may_inspect(thread, target->leader))
		return false;
	if (target == thread->process || credentials_can(from, CAP_SYS_PTRACE))
		return true;
	return target->dumpable && from->uid == to->euid && from->uid == to->suid &&
	       from->uid == to->uid && from->gid == to->egid && from->gid == to->sgid &&
	       from->gid == to->gid && !(to->permitted & ~from->permitted);
}
