#include "libos/requests.h"

#include <asm/errno.h>
#include <asm/signal.h>
#include <asm-generic/siginfo.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "abi/mailbox.h"
#include "base/format.h"
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/file.h"
#include "libos/files/text.h"
#include "libos/launch.h"
#include "libos/terminals/console.h"
#include "platform/platform.h"

#define READ_SIZE (32UL * 1024) /* of a file, at a time */

/* A program that the host asked for: of its process, until that ends. Heap. */
struct execution {
	uint32_t slot;                             /* 1 … MAILBOX_SLOT_COUNT */
	struct exec_vector arguments, environment; /* taken when it starts */
	char *directory;                           /* heap */
	uint32_t flags;                            /* MAILBOX_TERMINAL… */
	int32_t streams[3];                        /* of a terminal: ours, until it goes */
	struct console *console;                   /* under consoles_lock; NULL: none */
	char error[MAILBOX_ERROR_SIZE];            /* why it could not start */
};

static const struct config *config;
/* Whoever holds it may use consoles: outside the process table's lock. */
static struct lock consoles_lock;
static uint32_t served;                           /* value of `posted` that was answered last */
static bool slots_in_use[MAILBOX_SLOT_COUNT + 1]; /* what the mailbox says is not read */

void requests_init(const struct config *given)
{
	config = given;
}

void requests_started(void)
{
	__atomic_store_n(&platform_mailbox()->started, 1, __ATOMIC_RELEASE);
	platform_host_notify();
}

/* ---- Answers -----------------------------------------------------------------------------------
 */

struct answer {
	int32_t result;
	struct text text;
};

static int answer_refusal(struct answer *answer, const struct launch_refusal *refusal)
{
	text_put(&answer->text, "%s", refusal->text);
	return -EPERM;
}

static void answer_put(struct mailbox *mailbox, struct answer *answer)
{
	size_t size = answer->text.failed ? 0 : MIN(answer->text.size, MAILBOX_TEXT_SIZE);

	memcpy(mailbox->answer.text, answer->text.bytes, size);
	mailbox->answer.text_size = (uint32_t)size;
	mailbox->answer.result = answer->result;
	text_free(&answer->text);
	__atomic_store_n(&mailbox->answered, served, __ATOMIC_RELEASE);
	platform_host_notify();
}

/* ---- Programs ----------------------------------------------------------------------------------
 */

static void execution_free(struct execution *execution)
{
	if (!execution)
		return;
	heap_free(execution->arguments.strings);
	heap_free(execution->environment.strings);
	heap_free(execution->directory);
	heap_free(execution);
}

static void execution_freep(struct execution **execution)
{
	execution_free(*execution);
}

static void close_streams(struct execution *execution)
{
	for (int i = 0; i < 3; i++)
		platform_host_close(execution->streams[i]);
}

void execution_leave(struct process *process)
{
	struct execution *execution = process->execution;
	struct console *console;

	if (!(execution->flags & MAILBOX_TERMINAL))
		return;
	lock_acquire(&consoles_lock);
	console = TAKE(execution->console);
	lock_release(&consoles_lock);
	if (console) {
		console_drain(console);
		console_free(console);
	}
	close_streams(execution);
}

void execution_ended(struct process *process)
{
	struct execution *execution = process->execution;
	struct mailbox_slot *slot = &platform_mailbox()->slots[execution->slot - 1];

	process->execution = NULL;
	slot->status = process->wait_status;
	memcpy(slot->error, execution->error, sizeof(slot->error));
	__atomic_store_n(&slots_in_use[execution->slot], false, __ATOMIC_RELEASE);
	__atomic_store_n(&slot->state, MAILBOX_SLOT_ENDED, __ATOMIC_RELEASE);
	execution_free(execution);
	platform_host_notify();
}

/* The calling process, which has no descriptors yet, gets a terminal. */
static int use_terminal(struct execution *execution, struct process *process)
{
	bool has_input = execution->flags & MAILBOX_TERMINAL_INPUT;
	struct console *console;
	int r = console_new(
		has_input ? execution->streams[0] : -1, execution->streams[1], &console);

	if (r)
		return r;
	lock_acquire(&consoles_lock);
	execution->console = console;
	lock_release(&consoles_lock);
	return console_start(console, process);
}

/* The first steps of its thread, in an address space of its own. */
static void execution_start(struct thread *thread)
{
	struct execution *execution = thread->process->execution;
	struct exec_vector arguments = execution->arguments, environment = execution->environment;
	struct launch_refusal refusal;
	int r = 0;

	if ((execution->flags & MAILBOX_TERMINAL) && use_terminal(execution, thread->process))
		r = launch_refuse(&refusal, LAUNCH_STATUS_REFUSED, "-t: there is no terminal");
	else if (fs_context_enter(execution->directory))
		r = launch_refuse(&refusal, LAUNCH_STATUS_REFUSED,
			"the working directory %.200s is not there", execution->directory);
	if (!r) {
		execution->arguments = execution->environment = (struct exec_vector){0};
		r = launch_program(thread, &arguments, &environment, &refusal);
	}
	if (!r)
		return;
	string_copy(execution->error, refusal.text, sizeof(execution->error));
	process_thread_exit(thread, refusal.status << 8);
}

static int check_user(const struct mailbox_request *request, struct launch_refusal *refusal)
{
	if (!(request->flags & MAILBOX_HAS_USER) ||
		(request->uid == config->uid && request->gid == config->gid))
		return 0;
	if (request->uid == UINT32_MAX || request->gid == UINT32_MAX)
		return launch_refuse(refusal, LAUNCH_STATUS_REFUSED, "-u: no such user");
	if (config->uid != 0)
		return launch_refuse(refusal, LAUNCH_STATUS_REFUSED,
			"-u: \"User\" in the image's configuration is not root, who alone may "
			"become another");
	return 0;
}

static bool is_free_slot(uint32_t slot)
{
	return slot >= 1 && slot <= MAILBOX_SLOT_COUNT &&
	       !__atomic_load_n(&slots_in_use[slot], __ATOMIC_ACQUIRE);
}

static int choose_directory(const struct mailbox_request *request, struct execution *execution,
	struct launch_refusal *refusal)
{
	const char *directory = config->working_dir;
	uint32_t at = 0;
	size_t size;

	/* Behind the arguments and the environment, which have been looked at. */
	for (uint32_t i = 0; i < request->argument_count + request->environment_count; i++)
		(void)launch_string(request->strings, request->strings_size, &at);
	if (request->flags & MAILBOX_HAS_WORKDIR)
		directory = launch_string(request->strings, request->strings_size, &at);
	if (!directory)
		return launch_refuse(
			refusal, LAUNCH_STATUS_REFUSED, "what the host hands over makes no sense");
	size = strlen(directory) + 1;
	execution->directory = heap_alloc(size);
	if (!execution->directory)
		return launch_refuse(refusal, LAUNCH_STATUS_REFUSED, "no memory");
	memcpy(execution->directory, directory, size);
	return 0;
}

/* All checks of an EXEC. */
static int execution_choose(const struct mailbox_request *request, struct execution *execution,
	struct launch_refusal *refusal)
{
	const struct launch_wish wish = {
		.strings = request->strings,
		.strings_size = request->strings_size,
		.argument_count = request->argument_count,
		.environment_count = request->environment_count,
		.has_arguments = true,
		.has_terminal = request->flags & MAILBOX_TERMINAL,
		.is_later = true,
	};
	int r;

	if (!is_free_slot(request->slot) || request->strings_size > MAILBOX_STRINGS_SIZE ||
		request->argument_count > MAILBOX_STRINGS_SIZE ||
		request->environment_count > MAILBOX_STRINGS_SIZE)
		return launch_refuse(
			refusal, LAUNCH_STATUS_REFUSED, "what the host hands over makes no sense");
	r = launch_choose(config, &wish, &execution->arguments, &execution->environment, refusal);
	if (!r)
		r = check_user(request, refusal);
	if (!r)
		r = choose_directory(request, execution, refusal);
	execution->slot = request->slot;
	execution->flags = request->flags;
	memcpy(execution->streams, request->streams, sizeof(execution->streams));
	return r;
}

/* A process for it, of which nobody knows yet; the execution stays the caller's. */
static int make_process(const struct mailbox_request *request, struct thread **ret_thread)
{
	struct process *process = process_new(signal_actions_new(NULL));
	bool is_user = request->flags & MAILBOX_HAS_USER;
	int r = process ? 0 : -ENOMEM;

	if (r)
		return r;
	process->files = fd_table_new();
	process->fs = fs_context_new();
	*ret_thread = thread_new(process);
	r = process->files && process->fs && *ret_thread ? 0 : -ENOMEM;
	if (!r && !(request->flags & MAILBOX_TERMINAL))
		r = files_given_streams(process->files, request->streams);
	if (r) {
		thread_free(*ret_thread);
		fd_table_unref(process->files);
		fs_context_unref(process->fs);
		process_unref(process);
		return r;
	}
	launch_limits(config, process);
	launch_credentials(&(*ret_thread)->credentials, is_user ? request->uid : config->uid,
		is_user ? request->gid : config->gid);
	return 0;
}

/* It can't be started: as if it had ended at once, since its descriptors are the LibOS's already.
 */
static void execution_abandon(struct thread *thread)
{
	struct process *process = thread->process;

	string_copy(process->execution->error, "there are too many processes, or no memory",
		sizeof(process->execution->error));
	process->wait_status = LAUNCH_STATUS_REFUSED << 8;
	if (process->execution->flags & MAILBOX_TERMINAL)
		close_streams(process->execution);
	fd_table_unref(process->files);
	fs_context_unref(process->fs);
	execution_ended(process);
	thread_free(thread);
	process_unref(process);
}

/* The number of its process, 0 if it has ended already, or -errno. It takes @execution on success.
 */
static int execution_run(
	const struct mailbox_request *request, struct execution *execution, struct process *parent)
{
	struct mailbox_slot *slot = &platform_mailbox()->slots[execution->slot - 1];
	struct thread *thread = NULL;
	struct process *process;
	int r = make_process(request, &thread);

	if (r)
		return r;
	process = process_ref(thread->process);
	process->execution = execution;
	thread->start = execution_start;
	slots_in_use[execution->slot] = true;
	__atomic_store_n(&slot->state, MAILBOX_SLOT_RUNS, __ATOMIC_RELEASE);
	/* It may be gone before this returns. */
	r = process_start(thread, parent);
	if (r)
		execution_abandon(thread);
	r = r ? 0 : process->pid;
	process_unref(process);
	return r;
}

static int serve_exec(
	const struct mailbox_request *request, struct thread *thread, struct answer *answer)
{
	CLEANUP(execution_freep) struct execution *execution = heap_alloc(sizeof(*execution));
	struct launch_refusal refusal;
	int r;

	if (!execution)
		return -ENOMEM;
	if (execution_choose(request, execution, &refusal))
		return answer_refusal(answer, &refusal);
	r = execution_run(request, execution, thread->process);
	if (r >= 0)
		(void)TAKE(execution);
	return r;
}

/* ---- Signals -----------------------------------------------------------------------------------
 */

/* (process table locked) */
static struct process *find_slot(uint32_t slot)
{
	struct process *process;

	if (slot == MAILBOX_SLOT_INIT)
		return process_init;
	LIST_FOR_EACH (process, &process_table, link)
		if (process->execution && process->execution->slot == slot)
			return process;
	return NULL;
}

/* The window's change is the terminal's to tell, to whom it concerns. False: there is none. */
static bool resize_terminal(uint32_t slot)
{
	struct process *process;
	struct console *console;

	LOCK_SCOPE(&consoles_lock);
	lock_acquire(&process_table_lock);
	process = slot == MAILBOX_SLOT_INIT ? NULL : find_slot(slot);
	console = process ? process->execution->console : NULL;
	lock_release(&process_table_lock);
	if (console)
		console_resize(console);
	return console;
}

static int serve_signal(const struct mailbox_request *request)
{
	struct signal_info info = {.signo = (int32_t)request->signal, .code = SI_USER};
	struct process *process;

	if (request->signal < 1 || request->signal > SIGNAL_COUNT)
		return -EINVAL;
	if (request->signal == SIGWINCH && resize_terminal(request->slot))
		return 0;
	LOCK_SCOPE(&process_table_lock);
	process = find_slot(request->slot);
	return process ? signal_send_process_locked(process, (int)request->signal, &info) : -ESRCH;
}

/* ---- Looking inside ----------------------------------------------------------------------------
 */

static void put_process(struct text *text, const struct process *process)
{
	char name[sizeof(process->leader->name) + 1] = "";

	memcpy(name, process->leader->name, sizeof(process->leader->name));
	for (char *c = name; *c; c++)
		if (*c <= ' ' || *c == 0x7f)
			*c = '?';
	text_put(text, "%d %d %d %u %u %s\n", process->pid,
		process->parent ? process->parent->pid : 0,
		platform_thread_host_process(process->leader), process->leader->credentials.uid,
		process->thread_count, name);
}

static int serve_processes(struct answer *answer)
{
	struct process *process;

	LOCK_SCOPE(&process_table_lock);
	LIST_FOR_EACH (process, &process_table, link)
		if (process->state == PROCESS_ALIVE)
			put_process(&answer->text, process);
	return 0;
}

/* As root: whoever may look may see everything. */
static int become_reader(struct thread *thread)
{
	if (!thread->process->fs)
		thread->process->fs = fs_context_new();
	launch_credentials(&thread->credentials, 0, 0);
	return thread->process->fs ? 0 : -ENOMEM;
}

static int serve_read(
	const struct mailbox_request *request, struct thread *thread, struct answer *answer)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct file_status status;
	uint32_t at = 0;
	const char *path = request->strings_size > MAILBOX_STRINGS_SIZE
				   ? NULL
				   : launch_string(request->strings, request->strings_size, &at);
	long r = path ? become_reader(thread) : -EINVAL;
	char *to;

	/* Nothing that would keep the enclave's own thread waiting. */
	if (!r)
		r = file_open(AT_FDCWD, path, O_NONBLOCK | O_NOCTTY, 0, &file);
	if (r)
		return (int)r;
	file_status(file, &status);
	if ((status.mode & S_IFMT) != S_IFREG)
		return -EINVAL;
	to = text_reserve(&answer->text, READ_SIZE);
	r = to ? file_read_kernel(file, to, READ_SIZE, request->offset) : -ENOMEM;
	if (r > 0)
		answer->text.size += (size_t)r;
	return r < 0 ? (int)r : 0;
}

/* Where the enclave is closed to the host it is not told what runs there either. */
static bool may_look(void)
{
	return config->debug || !platform_is_protected();
}

static int serve_request(
	const struct mailbox_request *request, struct thread *thread, struct answer *answer)
{
	switch (request->kind) {
	case MAILBOX_EXEC:
		return serve_exec(request, thread, answer);
	case MAILBOX_SIGNAL:
		return serve_signal(request);
	case MAILBOX_PROCESSES:
		return may_look() ? serve_processes(answer) : -EPERM;
	case MAILBOX_READ:
		return may_look() ? serve_read(request, thread, answer) : -EPERM;
	default:
		return -EINVAL;
	}
}

void requests_serve(struct thread *thread)
{
	CLEANUP(heap_freep) struct mailbox_request *request = NULL;
	struct mailbox *mailbox = platform_mailbox();
	uint32_t posted = __atomic_load_n(&mailbox->posted, __ATOMIC_ACQUIRE);
	struct answer answer = {0};

	if (posted == served)
		return;
	/* One at a time, however far it was counted. */
	served = posted;
	request = heap_alloc(sizeof(*request));
	if (request)
		memcpy(request, &mailbox->request, sizeof(*request));
	answer.result = request ? serve_request(request, thread, &answer) : -ENOMEM;
	answer_put(mailbox, &answer);
}
