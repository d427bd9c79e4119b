/* execve(2): everything that can fail is done first, into struct exec; then the old program goes
 * and the new one is put in place, in this address space or, from a vfork child, in a fresh one. */
#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/auxvec.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "base/format.h"
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/files/descriptors.h"
#include "libos/files/file.h"
#include "libos/loader/elf.h"
#include "libos/loader/text.h"
#include "libos/memory/mm.h"
#include "libos/processes/futex.h"
#include "libos/processes/keyrings.h"
#include "libos/processes/process.h"
#include "libos/processes/program.h"
#include "libos/processes/rseq.h"
#include "libos/syscalls/syscall.h"
#include "libos/syscalls/trace.h"
#include "libos/time/timers.h"
#include "libos/time/vdso.h"
#include "platform/platform.h"

#define SHEBANG_DEPTH_MAX 5
#define SHEBANG_SIZE 256
#define ARGUMENT_COUNT_MAX 0x7fffffff
#define ARGUMENT_SIZE_MAX (128UL * 1024) /* MAX_ARG_STRLEN */
#define ARGUMENTS_SIZE_MAX (2UL << 20)   /* a quarter of an 8 MiB stack */
#define PATH_SIZE 4096
#define AUXV_COUNT_MAX 24
#define RLIMIT_DATA 2
#define RLIMIT_STACK 3
#define RLIMIT_AS 9
#define STACK_ROOM_MIN (128UL << 20)
#define STACK_ROOM_MAX (16UL << 30)

struct exec {
	struct file *program, *interpreter;
	struct program *description;
	struct elf *elf, *interpreter_elf;
	struct exec_vector arguments, environment;
	char named_path[PATH_SIZE]; /* as the caller gave it, relative to its directory */
	char path[PATH_SIZE + 32];  /* AT_EXECFN, comm, a script's argument: /dev/fd/N/… then */
	uint32_t new_euid, new_egid;
	bool secure;
	bool is_readable; /* by who runs it; else its memory is not shown either */
	struct mm *mm;
	struct fd_table *files; /* a copy of one shared with another process; NULL: not needed */
};

static void vector_free(struct exec_vector *vector)
{
	heap_free(vector->strings);
	vector->strings = NULL;
}

static void exec_free(struct exec *exec)
{
	if (!exec)
		return;
	file_unref(exec->program);
	file_unref(exec->interpreter);
	program_unref(exec->description);
	heap_free(exec->elf);
	heap_free(exec->interpreter_elf);
	vector_free(&exec->arguments);
	vector_free(&exec->environment);
	mm_unref(exec->mm);
	fd_table_unref(exec->files);
	heap_free(exec);
}

static void exec_freep(struct exec **exec)
{
	exec_free(*exec);
}

/* Replace the first argument by @count strings (@size bytes) at @strings. */
static int vector_replace_first(
	struct exec_vector *vector, const char *strings, size_t size, uint32_t count)
{
	size_t first = vector->count ? strlen(vector->strings) + 1 : 0;
	size_t new_size = vector->size - first + size;
	char *joined;

	if (new_size > ARGUMENTS_SIZE_MAX)
		return -E2BIG;
	joined = heap_alloc(new_size + 1);
	if (!joined)
		return -ENOMEM;
	memcpy(joined, strings, size);
	memcpy(joined + size, vector->strings + first, vector->size - first);
	heap_free(vector->strings);
	vector->strings = joined;
	vector->size = new_size;
	vector->count = vector->count - (vector->count ? 1 : 0) + count;
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* "#! interpreter [one argument]": fills @ret_interpreter, and rewrites the arguments. */
static int shebang_apply(struct exec *exec, const char *script, char *line, char *ret_interpreter)
{
	char strings[SHEBANG_SIZE + PATH_SIZE + 64];
	char *end = memchr(line, '\n', SHEBANG_SIZE - 1), *name = line + 2, *argument;
	size_t size;
	uint32_t count = 2;

	if (!end)
		end = line + strnlen(line, SHEBANG_SIZE - 1);
	while (end > name && is_blank(end[-1]))
		end--;
	*end = '\0';
	while (is_blank(*name))
		name++;
	if (!*name)
		return -ENOEXEC;
	for (argument = name; *argument && !is_blank(*argument);)
		argument++;
	while (is_blank(*argument))
		*argument++ = '\0';
	size = strlen(name) + 1;
	memcpy(strings, name, size);
	if (*argument) {
		size += string_copy(strings + size, argument, SHEBANG_SIZE) + 1;
		count++;
	}
	size += string_copy(strings + size, script, sizeof(exec->path)) + 1;
	string_copy(ret_interpreter, name, PATH_SIZE); /* may be where @script is */
	return vector_replace_first(&exec->arguments, strings, size, count);
}

/* A program may be run by who may not read it: it is found first, and then read all the same. */
static int find_file(int dir_fd, const char *path, uint32_t flags, struct file **ret_file)
{
	uint32_t open_flags = O_PATH | (flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0);
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct file_status status;
	int r = 0;

	if (!*path && (flags & AT_EMPTY_PATH))
		file = fd_get_any(dir_fd);
	else
		r = file_open(dir_fd, path, open_flags, 0, &file);
	if (r || !file)
		return r ? r : -EBADF;
	file_status(file, &status);
	if ((status.mode & S_IFMT) == S_IFLNK)
		return -ELOOP;
	*ret_file = TAKE(file);
	return 0;
}

static int open_program(int dir_fd, const char *path, uint32_t flags, struct file **ret_file)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	int r = find_file(dir_fd, path, flags, &file);

	r = r ? r : file_may_execute(file);
	return r ? r : file_reopen(file, ret_file);
}

/* Is the program named by an open descriptor, so that its path is /dev/fd/N? */
static bool is_by_descriptor(const struct exec *exec, int dir_fd)
{
	return dir_fd != AT_FDCWD && exec->named_path[0] != '/';
}

/* Open the program itself, going through scripts. */
static int find_program(struct exec *exec, int dir_fd, uint32_t flags)
{
	char line[SHEBANG_SIZE], path[PATH_SIZE];
	int r;

	string_copy(path, exec->named_path, sizeof(path));
	for (int depth = 0; depth <= SHEBANG_DEPTH_MAX; depth++) {
		file_unref(exec->program);
		exec->program = NULL;
		r = open_program(dir_fd, path, flags, &exec->program);
		if (r)
			return r;
		memset(line, 0, sizeof(line));
		r = (int)file_read_kernel(exec->program, line, sizeof(line) - 1, 0);
		if (r < 0)
			return r;
		if (line[0] != '#' || line[1] != '!')
			return 0;
		/* The interpreter could not open it: the descriptor closes before. */
		if (is_by_descriptor(exec, dir_fd) && fd_get_cloexec(dir_fd) > 0)
			return -ENOENT;
		r = shebang_apply(exec, depth ? path : exec->path, line, path);
		if (r)
			return r;
		dir_fd = AT_FDCWD;
		flags = 0;
	}
	return -ELOOP;
}

static int read_elf(struct exec *exec)
{
	int r;

	exec->elf = heap_alloc(sizeof(*exec->elf));
	exec->interpreter_elf = heap_alloc(sizeof(*exec->interpreter_elf));
	if (!exec->elf || !exec->interpreter_elf)
		return -ENOMEM;
	r = elf_read(exec->program, exec->elf);
	if (r || !exec->elf->interpreter_size)
		return r;
	r = open_program(AT_FDCWD, exec->elf->interpreter, 0, &exec->interpreter);
	if (r)
		return r;
	r = elf_read(exec->interpreter, exec->interpreter_elf);
	return r == -ENOEXEC ? -ELIBBAD : r;
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

/* ---- The new address space ---------------------------------------------------------------------
 */

struct stack {
	uint64_t at;
	int error;
};

static void push(struct stack *stack, const void *data, size_t size)
{
	stack->at -= size;
	if (!stack->error)
		stack->error = user_write(stack->at, data, size);
}

static uint64_t random_pages(uint64_t count)
{
	uint64_t value;

	platform_random(&value, sizeof(value));
	return value % count * PAGE_SIZE;
}

static void choose_layout(struct process *process, struct mm *mm)
{
	uint64_t limit = process->limits[RLIMIT_STACK].soft, room;

	mm->stack_top = PLATFORM_USER_END - random_pages(1UL << 22);
	mm->stack_limit = MIN(limit, STACK_ROOM_MAX);
	room = MIN(MAX(mm->stack_limit, STACK_ROOM_MIN), STACK_ROOM_MAX) + (1UL << 20);
	mm->mmap_top = mm->stack_top - room - random_pages(1UL << 24);
	mm->address_space_limit = process->limits[RLIMIT_AS].soft;
	mm->data_limit = process->limits[RLIMIT_DATA].soft;
}

static int map_stack(struct exec *exec, size_t size)
{
	uint32_t flags = VMA_READ | VMA_WRITE | VMA_MAYWRITE | VMA_GROWSDOWN | VMA_STACK;
	struct mm *mm = exec->mm;
	long r;

	if (exec->elf->executable_stack)
		flags |= VMA_EXEC;
	size = ALIGN_UP(size + 32 * PAGE_SIZE, PAGE_SIZE);
	r = mm_map(mm, mm->stack_top - size, size, flags, true, NULL, 0);
	return r < 0 ? (int)r : 0;
}

static uint64_t push_vector(struct stack *stack, const struct exec_vector *vector)
{
	push(stack, vector->strings, vector->size);
	return stack->at;
}

/* The addresses of the strings of @vector, which lie at @at, and a final NULL. */
static void push_pointers(struct stack *stack, const struct exec_vector *vector, uint64_t at)
{
	uint64_t place = stack->at - (vector->count + 1UL) * 8, slot = place, null = 0;
	const char *s = vector->strings;

	stack->at = place;
	for (uint32_t i = 0; i < vector->count && !stack->error; i++, slot += 8) {
		size_t size = strlen(s) + 1;

		stack->error = USER_PUT(slot, at);
		at += size;
		s += size;
	}
	if (!stack->error)
		stack->error = USER_PUT(slot, null);
}

static uint32_t cpu_features(void)
{
	uint32_t a = 1, b, c, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
	return d;
}

struct auxv {
	uint64_t key, value;
};

struct placement {
	uint64_t bias, interpreter_bias, entry;
	uint64_t platform, random, path, vdso;
};

static uint32_t fill_auxv(struct auxv *v, const struct exec *exec, const struct placement *p,
	const struct credentials *c)
{
	const struct elf *elf = exec->elf;
	const struct auxv all[] = {
		{AT_SYSINFO_EHDR, p->vdso},
		{AT_HWCAP, cpu_features()},
		{AT_PAGESZ, PAGE_SIZE},
		{AT_CLKTCK, 100},
		{AT_PHDR, elf->phdr_vaddr + p->bias},
		{AT_PHENT, 56},
		{AT_PHNUM, elf->phdr_count},
		{AT_BASE, p->interpreter_bias},
		{AT_FLAGS, 0},
		{AT_ENTRY, elf->entry + p->bias},
		{AT_UID, c->uid},
		{AT_EUID, c->euid},
		{AT_GID, c->gid},
		{AT_EGID, c->egid},
		{AT_SECURE, exec->secure},
		{AT_RANDOM, p->random},
		{AT_HWCAP2, 0},
		{AT_EXECFN, p->path},
		{AT_PLATFORM, p->platform},
		{51 /* AT_MINSIGSTKSZ */, platform_vector_size() + 1024},
	};
	uint32_t n = 0;

	_Static_assert(ARRAY_SIZE(all) < AUXV_COUNT_MAX, "room for the final AT_NULL");
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].value || all[i].key != AT_SYSINFO_EHDR)
			v[n++] = all[i];
	v[n++] = (struct auxv){0};
	return n;
}

static int fill_stack(struct thread *thread, struct exec *exec, struct placement *p)
{
	struct process *process = thread->process;
	struct stack stack = {.at = exec->mm->stack_top - 16};
	struct auxv auxv[AUXV_COUNT_MAX];
	uint64_t arguments, environment, count = exec->arguments.count;
	uint8_t random[16];
	uint32_t auxv_count;
	size_t pointers;

	platform_random(random, sizeof(random));
	push(&stack, exec->path, strlen(exec->path) + 1);
	p->path = stack.at;
	environment = push_vector(&stack, &exec->environment);
	arguments = push_vector(&stack, &exec->arguments);
	process->environment_start = environment;
	process->environment_end = environment + exec->environment.size;
	process->arguments_start = arguments;
	process->arguments_end = arguments + exec->arguments.size;
	push(&stack, "x86_64", 7);
	p->platform = stack.at;
	push(&stack, random, sizeof(random));
	p->random = stack.at;
	auxv_count = fill_auxv(auxv, exec, p, &thread->credentials);
	pointers = (exec->arguments.count + exec->environment.count + 3UL) * 8;
	stack.at = ALIGN_DOWN(stack.at - auxv_count * sizeof(auxv[0]) - pointers, 16UL) +
		   auxv_count * sizeof(auxv[0]) + pointers;
	push(&stack, auxv, auxv_count * sizeof(auxv[0]));
	process->auxv_start = stack.at;
	process->auxv_size = (uint32_t)(auxv_count * sizeof(auxv[0]));
	push_pointers(&stack, &exec->environment, environment);
	push_pointers(&stack, &exec->arguments, arguments);
	push(&stack, &count, sizeof(count));
	thread->block.frame.rsp = stack.at;
	return stack.error;
}

static void note_segments(struct mm *mm, const struct elf *elf, uint64_t bias)
{
	for (uint32_t i = 0; i < elf->segment_count; i++) {
		const struct elf_segment *s = &elf->segments[i];

		if (s->protection & VMA_EXEC) {
			mm->code_start = s->vaddr + bias;
			mm->code_end = s->vaddr + s->file_size + bias;
		} else if (s->protection & VMA_WRITE) {
			mm->data_start = s->vaddr + bias;
			mm->data_end = s->vaddr + s->file_size + bias;
		}
	}
}

static int load(struct thread *thread, struct exec *exec)
{
	const struct elf *elf = exec->elf;
	struct placement p = {0};
	struct mm *mm = exec->mm;
	int r;

	/* A program stands low, apart from what mmap gives out; one that is its own interpreter
	 * (ld.so run by hand) goes where libraries go, so that it leaves the low part free. */
	if (elf->is_dynamic && exec->interpreter)
		p.bias = ALIGN_UP(0x555555554000UL + random_pages(1UL << 28),
				 MAX(elf->align, PAGE_SIZE)) -
			 elf->low;
	r = map_stack(exec, exec->arguments.size + exec->environment.size +
				    (exec->arguments.count + exec->environment.count) * 8UL);
	if (!r)
		r = elf_map(mm, exec->program, elf, &p.bias);
	if (!r && exec->interpreter)
		r = elf_map(mm, exec->interpreter, exec->interpreter_elf, &p.interpreter_bias);
	if (r)
		return r;
	mm->brk_start = mm->brk = text_area_end(mm, elf->high + p.bias);
	note_segments(mm, elf, p.bias);
	p.entry = exec->interpreter ? exec->interpreter_elf->entry + p.interpreter_bias
				    : elf->entry + p.bias;
	p.vdso = vdso_map(mm);
	r = fill_stack(thread, exec, &p);
	thread->block.frame.rip = p.entry;
	return r;
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
	choose_layout(process, exec->mm);
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
	r = load(thread, exec);
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
	r = find_program(exec, dir_fd, flags);
	if (!r)
		r = read_elf(exec);
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

/* ---- The calls ---------------------------------------------------------------------------------
 */

/* Most vectors are small, and a large buffer costs more than its use. */
#define VECTOR_SIZE_FIRST (8UL * 1024)

/* Make room for twice as much. -E2BIG: there is as much as may be. */
static int vector_grow(struct exec_vector *vector, size_t *capacity)
{
	char *longer;

	if (*capacity >= ARGUMENTS_SIZE_MAX)
		return -E2BIG;
	longer = heap_alloc(*capacity * 2);
	if (!longer)
		return -ENOMEM;
	memcpy(longer, vector->strings, vector->size);
	heap_free(vector->strings);
	vector->strings = longer;
	*capacity *= 2;
	return 0;
}

static int vector_add(struct exec_vector *vector, size_t *capacity, uint64_t string)
{
	size_t room;
	long length;
	int r;

	for (;;) {
		room = MIN(*capacity - vector->size, ARGUMENT_SIZE_MAX);
		length = user_read_string(vector->strings + vector->size, string, room);
		if (length >= 0)
			break;
		if (length != -ENAMETOOLONG || room == ARGUMENT_SIZE_MAX)
			return length == -ENAMETOOLONG ? -E2BIG : (int)length;
		r = vector_grow(vector, capacity);
		if (r)
			return r;
	}
	vector->size += (size_t)length + 1;
	vector->count++;
	return 0;
}

/* Read a NULL-terminated array of strings. */
static int vector_read(uint64_t address, struct exec_vector *ret_vector)
{
	struct exec_vector vector = {.strings = heap_alloc(VECTOR_SIZE_FIRST)};
	size_t capacity = VECTOR_SIZE_FIRST;
	uint64_t string;
	int r = vector.strings ? 0 : -ENOMEM;

	for (; address && !r; address += 8) {
		if (USER_GET(&string, address))
			r = -EFAULT;
		else if (!string)
			break;
		else
			r = vector_add(&vector, &capacity, string);
	}
	if (r)
		vector_free(&vector);
	else
		*ret_vector = vector;
	return r;
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
	r = vector_read(argv, &exec->arguments);
	if (!r)
		r = vector_read(envp, &exec->environment);
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
