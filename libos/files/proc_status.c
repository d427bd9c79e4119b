/* How processes do: /proc/PID/status, stat, statm, io. */
#include <linux/sched.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/descriptors.h"
#include "libos/files/fs_context.h"
#include "libos/files/proc.h"
#include "libos/files/processors.h"
#include "libos/memory/mm.h"
#include "libos/processes/process.h"
#include "libos/processes/rusage.h"
#include "libos/processes/seccomp.h"
#include "libos/terminals/control.h"
#include "platform/platform.h"

#define NS_PER_TICK 10000000UL /* AT_CLKTCK: 100 a second */
#define RLIMIT_RSS 5
#define RLIMIT_SIGPENDING 11
#define PRIORITY_DEFAULT 20
#define KB(bytes) ((bytes) / 1024)

/* A thread and its process, at one moment. */
struct snapshot {
	char name[16], state;
	int32_t tid, pid, parent_pid, pgid, sid, terminal, foreground;
	uint32_t umask, descriptor_slots, thread_count;
	bool has_memory, no_new_privs;
	uint32_t seccomp_mode, seccomp_filter_count;
	struct credentials credentials;

	uint64_t start_ns, user_ns, system_ns, children_user_ns, children_system_ns;
	uint64_t faults, rss_limit, signal_limit;
	int exit_signal, exit_status;

	signal_set shared_pending, pending, blocked, ignored, caught;
	uint32_t queued;

	uint64_t arguments_start, arguments_end, environment_start, environment_end;
	uint64_t frame_rip, frame_rsp;
	struct memory_usage memory;
};

static char state_of(const struct thread *thread)
{
	const struct process *process = thread->process;

	if (process->state != PROCESS_ALIVE)
		return 'Z';
	if (thread == thread_current())
		return 'R';
	if (process->signals.stopped)
		return 'T';
	return thread_is_asleep(thread) ? 'S' : 'R';
}

static void take_cpu_time(struct thread *thread, bool is_task, struct snapshot *s)
{
	struct process *process = thread->process;

	if (is_task) {
		s->user_ns = platform_thread_cpu_ns_of(thread);
		return;
	}
	if (process == thread_current()->process)
		rusage_note_peak(process);
	rusage_split(process, process_cpu_ns(process), &s->user_ns, &s->system_ns);
}

static void take_signals(struct thread *thread, struct snapshot *s)
{
	struct signal_process *signals = &thread->process->signals;

	LOCK_SCOPE(&signals->lock);
	s->shared_pending = signals->queue.pending;
	s->pending = thread->signals.queue.pending;
	s->blocked = thread->signals.blocked;
	s->queued = signals->queue.count + thread->signals.queue.count;
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		if (signals->actions->of[i].handler == 1)
			s->ignored |= 1UL << i;
		else if (signals->actions->of[i].handler)
			s->caught |= 1UL << i;
	}
}

static void take_process(struct process *process, struct snapshot *s)
{
	s->pid = process->pid;
	s->parent_pid = process->parent ? process->parent->pid : 0;
	s->pgid = process->pgid;
	s->sid = process->sid;
	control_numbers(process, &s->terminal, &s->foreground);
	s->umask = process->fs ? process->fs->umask : 0;
	s->descriptor_slots = process->files ? process->files->count : 0;
	s->thread_count = process->thread_count;
	s->children_user_ns = process->children_user_ns;
	s->children_system_ns = process->children_system_ns;
	s->faults = process->fault_count;
	s->rss_limit = process->limits[RLIMIT_RSS].soft;
	s->signal_limit = process->limits[RLIMIT_SIGPENDING].soft;
	s->exit_signal = process->exit_signal;
	s->exit_status = process->wait_status;
	s->arguments_start = process->arguments_start;
	s->arguments_end = process->arguments_end;
	s->environment_start = process->environment_start;
	s->environment_end = process->environment_end;
}

static void take_thread(struct thread *thread, bool is_task, struct snapshot *s)
{
	struct process *process = thread->process;

	memcpy(s->name, thread->name, sizeof(s->name) - 1);
	s->state = state_of(thread);
	s->tid = thread->tid;
	s->credentials = thread->credentials;
	s->seccomp_mode = thread->seccomp_mode;
	s->seccomp_filter_count = seccomp_filter_count(thread);
	s->start_ns = is_task ? thread->start_ns : process->start_ns;
	take_cpu_time(thread, is_task, s);
}

static int snapshot_take(const struct computed_entry *entry, struct snapshot *s)
{
	struct thread *thread;

	LOCK_SCOPE(&process_table_lock);
	thread = proc_thread(entry);
	if (!thread)
		return -ESRCH;
	take_process(thread->process, s);
	take_thread(thread, entry->key.is_task, s);
	take_signals(thread, s);
	s->has_memory = thread->process->mm;
	if (s->has_memory)
		mm_usage(thread->process->mm, thread, &s->memory);
	return 0;
}

static void snapshot_freep(struct snapshot **s)
{
	heap_free(*s);
}

static const char *state_name(char state)
{
	switch (state) {
	case 'R':
		return "running";
	case 'S':
		return "sleeping";
	case 'T':
		return "stopped";
	default:
		return "zombie";
	}
}

static void put_identity(struct text *text, const struct snapshot *s)
{
	const struct credentials *c = &s->credentials;

	text_put(text, "Name:\t");
	text_put_escaped(text, s->name, "\n\\");
	text_put(text, "\n");
	if (s->has_memory)
		text_put(text, "Umask:\t%04o\n", s->umask);
	text_put(text,
		"State:\t%c (%s)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n"
		"Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nFDSize:\t%u\nGroups:\t",
		s->state, state_name(s->state), s->pid, s->tid, s->parent_pid, c->uid, c->euid,
		c->suid, c->fsuid, c->gid, c->egid, c->sgid, c->fsgid, s->descriptor_slots);
	for (uint32_t i = 0; i < c->group_count; i++)
		text_put(text, "%u ", c->groups[i]);
	text_put(text, "\nNStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n", s->pid, s->tid,
		s->pgid, s->sid);
}

static void put_memory(struct text *text, const struct memory_usage *m)
{
	text_put(text,
		"VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmLck:\t%8lu kB\nVmPin:\t%8lu kB\n"
		"VmHWM:\t%8lu kB\nVmRSS:\t%8lu kB\nRssAnon:\t%8lu kB\nRssFile:\t%8lu kB\n"
		"RssShmem:\t%8lu kB\n",
		KB(m->peak), KB(m->mapped), KB(m->locked), 0UL, KB(m->resident_peak),
		KB(m->resident), KB(m->resident_anonymous), KB(m->resident_file),
		KB(m->resident_shared));
	text_put(text,
		"VmData:\t%8lu kB\nVmStk:\t%8lu kB\nVmExe:\t%8lu kB\nVmLib:\t%8lu kB\n"
		"VmPTE:\t%8lu kB\nVmSwap:\t%8lu kB\nHugetlbPages:\t%8lu kB\n"
		"CoreDumping:\t0\nTHP_enabled:\t1\n",
		KB(m->data), KB(m->stack), KB(m->code), KB(m->libraries), KB(m->resident >> 9), 0UL,
		0UL);
}

static void put_processors(struct text *text)
{
	text_put(text, "Cpus_allowed:\t");
	processors_put_mask(text, PROCESSORS_ALL);
	text_put(text, "\nCpus_allowed_list:\t");
	processors_put_list(text, PROCESSORS_ALL);
	text_put(text, "\nMems_allowed:\t00000000,00000001\nMems_allowed_list:\t0\n");
}

static void put_signals(struct text *text, const struct snapshot *s)
{
	const struct credentials *c = &s->credentials;

	text_put(
		text, "Threads:\t%u\nSigQ:\t%u/%lu\n", s->thread_count, s->queued, s->signal_limit);
	text_put(text,
		"SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\nSigIgn:\t%016lx\n"
		"SigCgt:\t%016lx\n",
		s->pending, s->shared_pending, s->blocked, s->ignored, s->caught);
	text_put(text,
		"CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\nCapBnd:\t%016lx\n"
		"CapAmb:\t%016lx\nNoNewPrivs:\t%u\n",
		c->inheritable, c->permitted, c->effective, c->bounding, c->ambient,
		c->no_new_privs);
}

int proc_show_status(const struct computed_entry *entry, struct text *text)
{
	CLEANUP(snapshot_freep) struct snapshot *s = heap_alloc(sizeof(*s));
	int r = s ? snapshot_take(entry, s) : -ENOMEM;

	if (r)
		return r;
	put_identity(text, s);
	if (s->has_memory)
		put_memory(text, &s->memory);
	put_signals(text, s);
	text_put(text, "Seccomp:\t%u\nSeccomp_filters:\t%u\n", s->seccomp_mode,
		s->seccomp_filter_count);
	text_put(text, "Speculation_Store_Bypass:\tthread vulnerable\n"
		       "SpeculationIndirectBranch:\tconditional enabled\n");
	put_processors(text);
	text_put(text, "voluntary_ctxt_switches:\t0\nnonvoluntary_ctxt_switches:\t0\n");
	return 0;
}

/* Fields 1 to 28 of proc(5). */
static void put_stat_head(struct text *text, const struct snapshot *s, bool may_inspect)
{
	const struct memory_usage *m = &s->memory;

	text_put(text, "%d (%s) %c %d %d %d %d %d 4194560 %lu 0 0 0 %lu %lu %lu %lu %d 0 %u 0 ",
		s->tid, s->name, s->state, s->parent_pid, s->pgid, s->sid, s->terminal,
		s->foreground, s->faults, s->user_ns / NS_PER_TICK, s->system_ns / NS_PER_TICK,
		s->children_user_ns / NS_PER_TICK, s->children_system_ns / NS_PER_TICK,
		PRIORITY_DEFAULT, s->thread_count);
	text_put(text, "%lu %lu %lu %lu ", s->start_ns / NS_PER_TICK, m->mapped,
		m->resident / PAGE_SIZE, s->rss_limit);
	if (may_inspect)
		text_put(text, "%lu %lu %lu ", m->code_start, m->code_end, m->stack_start);
	else
		text_put(text, "%u %u 0 ", s->has_memory, s->has_memory);
}

/* Fields 29 to 52; exit_code is masked as the addresses are. */
static void put_stat_tail(struct text *text, const struct snapshot *s, bool may_inspect)
{
	const struct memory_usage *m = &s->memory;
	const signal_set classic = 0x7fffffff;

	text_put(text, "0 0 %lu %lu %lu %lu 0 0 0 %d 0 0 0 0 0 0 ", s->pending & classic,
		s->blocked & classic, s->ignored & classic, s->caught & classic, s->exit_signal);
	if (!may_inspect || !s->has_memory)
		text_put(text, "0 0 0 0 0 0 0 ");
	else
		text_put(text, "%lu %lu %lu %lu %lu %lu %lu ", m->data_start, m->data_end,
			m->brk_start, s->arguments_start, s->arguments_end, s->environment_start,
			s->environment_end);
	text_put(text, "%d\n", may_inspect ? s->exit_status : 0);
}

int proc_show_stat(const struct computed_entry *entry, struct text *text)
{
	CLEANUP(snapshot_freep) struct snapshot *s = heap_alloc(sizeof(*s));
	int r = s ? snapshot_take(entry, s) : -ENOMEM;
	bool may_inspect = !proc_permit(entry);

	if (r)
		return r;
	put_stat_head(text, s, may_inspect);
	put_stat_tail(text, s, may_inspect);
	return 0;
}

int proc_show_statm(const struct computed_entry *entry, struct text *text)
{
	CLEANUP(snapshot_freep) struct snapshot *s = heap_alloc(sizeof(*s));
	int r = s ? snapshot_take(entry, s) : -ENOMEM;
	const struct memory_usage *m;

	if (r)
		return r;
	m = &s->memory;
	text_put(text, "%lu %lu %lu %lu 0 %lu 0\n", m->mapped / PAGE_SIZE, m->resident / PAGE_SIZE,
		(m->resident_file + m->resident_shared) / PAGE_SIZE,
		ALIGN_UP(m->code, PAGE_SIZE) / PAGE_SIZE, (m->data + m->stack) / PAGE_SIZE);
	return 0;
}

int proc_show_io(const struct computed_entry *entry, struct text *text)
{
	(void)entry;
	/* Nothing is counted. */
	text_put(text, "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\n"
		       "cancelled_write_bytes: 0\n");
	return 0;
}
