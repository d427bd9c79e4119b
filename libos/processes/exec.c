/* execve(2): everything that can fail is done first, into struct exec; then the old program goes
 * and the new one is put in place, in this address space or, from a vfork child, in a fresh one. */
#include "libos/processes/exec.h"

#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "base/format.h"
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/files/descriptors.h"
#include "libos/files/file.h"
#include "libos/memory/mm.h"
#include "libos/processes/futex.h"
#include "libos/processes/keyrings.h"
#include "libos/processes/program.h"
#include "libos/processes/rseq.h"
#include "libos/syscalls/syscall.h"
#include "libos/syscalls/trace.h"
#include "libos/time/timers.h"
#include "platform/platform.h"

static void exec_free(struct exec *exec)
{
	if (!exec)
		return;
	file_unref(exec->program);
	file_unref(exec->interpreter);
	program_unref(exec->description);
	heap_free(exec->elf);
	heap_free(exec->interpreter_elf);
	exec_vector_free(&exec->arguments);
	exec_vector_free(&exec->environment);
	mm_unref(exec->mm);
	fd_table_unref(exec->files);
	heap_free(exec);
}

static void exec_freep(struct exec **exec)
{
	exec_free(*exec);
}

static void find_identity(struct exec *exec, const struct credentials *c)
{
	struct file_status status;

	file_status(exec->program, &status);
	exec->new_euid = c->euid;
	exec->new_egid = c->egid;
	if (!c->no_new_privs && !file_is_nosuid(exec->program)) {
		if (status.mode & S_ISUID)
			exec->new_euid = status.uid;
		if ((status.mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
			exec->new_egid = status.gid;
	}
	exec->is_readable = file_may_read(exec->program);
	exec->secure = exec->new_euid != c->uid || exec->new_egid != c->gid;
}

/* capabilities(7), "Transformation of capabilities during execve()", without file capabilities. */
static void change_identity(struct exec *exec, struct credentials *c)
{
	bool becomes_root = exec->new_euid != c->euid || exec->new_egid != c->egid;

	c->euid = c->suid = c->fsuid = exec->new_euid;
	c->egid = c->sgid = c->fsgid = exec->new_egid;
	if (becomes_root)
		c->ambient = 0;
	if (!(c->securebits & 1 /* SECBIT_NOROOT */) && (c->uid == 0 || c->euid == 0)) {
		c->permitted = c->inheritable | c->bounding;
		c->effective = c->euid == 0 ? c->permitted : 0;
	} else {
		c->permitted = c->ambient;
		c->effective = c->ambient;
	}
	c->securebits &= ~16U; /* SECBIT_KEEP_CAPS */
}

static void take_name(struct thread *thread, const char *path)
{
	const char *slash = strrchr(path, '/');

	memset(thread->name, 0, sizeof(thread->name));
	string_copy(thread->name, slash ? slash + 1 : path, sizeof(thread->name));
}

/* /proc may be looking at both of these. */
static void take_mm(struct process *process, struct mm *mm)
{
	struct mm *old = process->mm;

	lock_acquire(&process_table_lock);
	process->mm = mm_ref(mm);
	lock_release(&process_table_lock);
	mm_unref(old);
}

static void take_program(struct process *process, struct exec *exec)
{
	struct program *old = process->program, *program = TAKE(exec->description);

	program->arguments = exec->arguments;
	program->environment = exec->environment;
	exec->arguments = exec->environment = (struct exec_vector){0};
	lock_acquire(&process_table_lock);
	process->program = program;
	lock_release(&process_table_lock);
	program_unref(old);
}

static void reset_thread(struct thread *thread)
{
	struct frame *f = &thread->block.frame;

	*f = (struct frame){.orig_rax = UINT64_MAX, .rflags = 0x202, .cs = 0x33, .ss = 0x2b};
	thread->signals.altstack_base = thread->signals.altstack_size = 0;
	thread->signals.altstack_flags = 0;
	thread->robust_list = thread->clear_child_tid = thread->rseq_area = 0;
	platform_fs_base_set(0);
	platform_vector_reset();
}

/* What the program closes is its own. */
static int copy_files(struct process *process, struct exec *exec)
{
	struct fd_table *files = process->files;

	if (!files || __atomic_load_n(&files->reference_count, __ATOMIC_ACQUIRE) == 1)
		return 0;
	exec->files = fd_table_copy(files);
	return exec->files ? 0 : -ENOMEM;
}

static void take_files(struct process *process, struct exec *exec)
{
	struct fd_table *old = process->files;

	if (!exec->files)
		return;
	lock_acquire(&process_table_lock); /* /proc looks */
	process->files = TAKE(exec->files);
	lock_release(&process_table_lock);
	fd_table_unref(old);
}

/* From here on there is no way back: failures kill. Runs in the new address space. */
static void commit(struct thread *thread)
{
	struct process *process = thread->process;
	CLEANUP(exec_freep) struct exec *exec = TAKE(thread->exec);
	int r;

	thread->start = NULL;
	change_identity(exec, &thread->credentials);
	reset_thread(thread);
	exec_choose_layout(process, exec->mm);
	take_mm(process, exec->mm);
	process_vfork_done(process);
	take_files(process, exec);
	fd_table_close_on_exec(process->files);
	keyrings_exec(thread);
	signal_reset_handlers(process);
	timers_exec(process);
	take_name(thread, exec->path);
	process->did_exec = true;
	process->exit_signal = SIGCHLD;
	process->dumpable = !exec->secure && exec->is_readable;
	r = exec_load(thread, exec);
	take_program(process, exec);
	if (r)
		signal_group_exit(process, SIGKILL);
	if (UNLIKELY(trace_enabled))
		trace_exec(thread);
	thread->block.pending = 1;
}

/* Everything that may still be refused. */
static int prepare(struct thread *thread, struct exec *exec, int dir_fd, uint32_t flags)
{
	long r;

	if (dir_fd == AT_FDCWD || exec->named_path[0] == '/')
		string_copy(exec->path, exec->named_path, sizeof(exec->path));
	else
		format_string(exec->path, sizeof(exec->path), "/dev/fd/%d%s%s", dir_fd,
			exec->named_path[0] ? "/" : "", exec->named_path);
	r = exec_find_program(exec, dir_fd, flags);
	if (!r)
		r = exec_read_elf(exec);
	if (r)
		return (int)r;
	r = program_new(exec->program, &exec->description);
	if (r)
		return (int)r;
	find_identity(exec, &thread->credentials);
	exec->mm = mm_new();
	return exec->mm ? 0 : -ENOMEM;
}

static int exec_run(struct thread *thread, struct exec *taken, int dir_fd, uint32_t flags)
{
	CLEANUP(exec_freep) struct exec *exec = taken;
	struct process *process = thread->process;
	int r;

	r = prepare(thread, exec, dir_fd, flags);
	if (!r && (process->thread_count > 1 || process->leader != thread))
		r = process_become_single_threaded(thread);
	if (!r)
		r = copy_files(process, exec);
	if (!r)
		r = signal_actions_unshare(process);
	if (r)
		return r;
	if (process->mm) {
		rseq_exit(thread);
		futex_exit_robust(thread);
	}
	thread->exec = TAKE(exec);
	if (process->mm && __atomic_load_n(&process->mm->reference_count, __ATOMIC_ACQUIRE) > 1) {
		/* The memory is a vfork parent's: leave it to it. */
		thread->start = commit;
		r = platform_thread_move(thread);
		exec = TAKE(thread->exec);
		return r;
	}
	if (process->mm)
		platform_space_clear();
	commit(thread);
	return 0;
}

int process_exec(struct thread *thread, const char *path, struct exec_vector *arguments,
	struct exec_vector *environment)
{
	struct exec *exec = heap_alloc(sizeof(*exec));

	if (!exec)
		return -ENOMEM;
	exec->arguments = *arguments;
	exec->environment = *environment;
	string_copy(exec->named_path, path, sizeof(exec->named_path));
	return exec_run(thread, exec, AT_FDCWD, 0);
}

static long exec_call(struct thread *thread, int dir_fd, uint64_t path, uint64_t argv,
	uint64_t envp, uint32_t flags)
{
	CLEANUP(exec_freep) struct exec *exec = heap_alloc(sizeof(*exec));
	long r;

	if (!exec)
		return -ENOMEM;
	if (flags & ~(uint32_t)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	r = user_read_string(exec->named_path, path, sizeof(exec->named_path));
	if (r < 0)
		return r;
	if (!r && !(flags & AT_EMPTY_PATH))
		return -ENOENT;
	r = exec_vector_read(argv, &exec->arguments);
	if (!r)
		r = exec_vector_read(envp, &exec->environment);
	if (!r && exec->arguments.size + exec->environment.size > ARGUMENTS_SIZE_MAX)
		r = -E2BIG;
	if (r)
		return r;
	if (!exec->arguments.count) {
		exec->arguments.count =
			1; /* since Linux 5.18 a program has at least an empty name */
		exec->arguments.size = 1;
	}
	return exec_run(thread, TAKE(exec), dir_fd, flags);
}

long sys_execve(struct thread *thread, const struct syscall_args *args)
{
	return exec_call(thread, AT_FDCWD, args->a, args->b, args->c, 0);
}

long sys_execveat(struct thread *thread, const struct syscall_args *args)
{
	return exec_call(thread, (int)args->a, args->b, args->c, args->d, (uint32_t)args->e);
}
