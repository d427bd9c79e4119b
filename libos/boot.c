/* From nothing to the first program: process 1, the image, the file systems, exec. */
#include "platform/upcalls.h"

#include <asm/errno.h>

#include "base/format.h"
#include "base/memory.h"
#include "crypto/sha256.h"
#include "libos/core/heap.h"
#include "libos/core/log.h"
#include "libos/files/erofs.h"
#include "libos/files/file.h"
#include "libos/image/config.h"
#include "libos/image/image.h"
#include "libos/launch.h"
#include "libos/loader/text.h"
#include "libos/memory/limit.h"
#include "libos/network.h"
#include "libos/processes/process.h"
#include "libos/processes/uname.h"
#include "libos/requests.h"
#include "libos/syscalls/trace.h"
#include "libos/syscalls/trace_filter.h"
#include "libos/syscalls/trace_value.h"
#include "libos/terminals/console.h"
#include "libos/terminals/terminal.h"
#include "libos/time/timers.h"
#include "platform/platform.h"

static struct image image;
static struct erofs root_erofs;
static struct config config;
static const struct launch *launch; /* the platform's copy, checked */

static NORETURN void refuse(int status, const char *format, ...) PRINTF_LIKE(2, 3);

static void refuse(int status, const char *format, ...)
{
	char line[512];
	va_list args;
	size_t n = format_string(line, sizeof(line), "casemate: run: ");

	va_start(args, format);
	n += format_string_v(line + n, sizeof(line) - n - 1, format, args);
	va_end(args);
	n = MIN(n, sizeof(line) - 2);
	line[n++] = '\n';
	platform_log(line, n);
	platform_enclave_exit(status << 8);
}

/* ---- The image ---------------------------------------------------------------------------------
 */

static int source_read(void *context, uint64_t offset, void *to, size_t size)
{
	uint8_t *at = to;

	(void)context;
	while (size) {
		long n = platform_host_pread(launch->image_fd, at, size, offset);

		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		at += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

/* The block of the root file system at @offset of the file. */
static uint64_t block_at(uint64_t offset)
{
	for (uint32_t i = 0; i < image.super.section_count; i++)
		if (image.super.sections[i].kind == IMAGE_SECTION_ROOTFS)
			return (offset - image.super.sections[i].offset) / IMAGE_BLOCK_SIZE;
	return 0;
}

/* Told once, though readers come back for it: first with what lies around it, then alone. */
static bool is_told(uint64_t offset)
{
	static uint64_t last;

	return __atomic_exchange_n(&last, offset, __ATOMIC_RELAXED) == offset;
}

static int blocks_read(void *context, uint64_t first, size_t count, void *to)
{
	struct image_error error = {"", 0};
	int r;

	(void)context;
	r = image_blocks_read(&image, first, count, to, &error);
	if (r && !is_told(error.offset))
		log_line(LOG_ERROR,
			"image: %s, at byte %lu of the file (block %lu of the root file system)",
			error.what, error.offset, block_at(error.offset));
	return r ? -EIO : 0;
}

static NORETURN void refuse_image(int r, const struct image_error *error)
{
	if (r == -ESTALE)
		refuse(LAUNCH_STATUS_REFUSED, "the image is not the one that was started");
	refuse(LAUNCH_STATUS_REFUSED, "the image is damaged: %s, at byte %lu", error->what,
		error->offset);
}

static void open_image(void)
{
	struct image_source source = {source_read, NULL, launch->image_size};
	struct image_error error = {"", 0};
	struct erofs_blocks blocks;
	const char *what = "";
	int r = image_open(&image, &source, launch->image_digest, &error);
	void *tree;

	if (r)
		refuse_image(r, &error);
	tree = pool_alloc(image_tree_memory_size(&image));
	if (!tree)
		refuse(LAUNCH_STATUS_REFUSED, "no memory for the image's hash tree");
	image_tree_use(&image, tree);
	blocks = (struct erofs_blocks){blocks_read, NULL, image.rootfs_block_count};
	if (erofs_open(&root_erofs, &blocks, &what))
		refuse(LAUNCH_STATUS_REFUSED, "the image's root file system can't be read: %s",
			what);
}

static struct span read_section(enum image_section_kind kind)
{
	uint64_t size = image_section_size(&image, kind);
	uint8_t *bytes = pool_alloc(MAX(size, PAGE_SIZE));
	struct image_error error = {"", 0};
	int r;

	if (!bytes)
		refuse(LAUNCH_STATUS_REFUSED, "no memory for the image");
	r = image_section_read(&image, kind, bytes, &error);
	if (r)
		refuse_image(r, &error);
	return (struct span){bytes, size};
}

static void read_config(void)
{
	struct span text = read_section(IMAGE_SECTION_CONFIG);
	size_t size = config_memory_size(text.size);
	void *memory = pool_alloc(MAX(size, PAGE_SIZE));
	struct config_error error = {0};

	if (!memory)
		refuse(LAUNCH_STATUS_REFUSED, "no memory for the configuration");
	if (config_parse(&config, text, memory, size, &error))
		refuse(LAUNCH_STATUS_REFUSED, "the image's configuration: %s%s%s", error.key,
			error.key[0] ? ": " : "", error.what);
	if (text_use_sites(read_section(IMAGE_SECTION_SITES)))
		refuse(LAUNCH_STATUS_REFUSED,
			"the image's list of system-call sites makes no sense");
}

/* ---- What the host may add ---------------------------------------------------------------------
 */

/* The string at @*at of the host's, which must end inside. */
static const char *take_string(uint32_t *at)
{
	const char *string = launch_string(launch->strings, launch->strings_size, at);

	if (!string)
		refuse(LAUNCH_STATUS_REFUSED, "the launch page makes no sense");
	return string;
}

/* ---- Process 1 ---------------------------------------------------------------------------------
 */

static struct thread *make_process(void)
{
	struct process *process = process_new(signal_actions_new(NULL));
	struct thread *thread = process ? thread_new(process) : NULL;

	if (!thread || platform_boot_thread(thread))
		refuse(LAUNCH_STATUS_REFUSED, "no memory for the first process");
	process->leader = thread;
	thread_number(thread);
	process->pid = process->pgid = process->sid = thread->tid;
	process->exit_signal = 17;
	list_add_tail(&process->threads, &thread->in_process);
	process->thread_count = 1;
	process_list(process);
	process_init = process;
	return thread;
}

/* The configuration's entry for a mount on @target; NULL: the host may not. */
static const struct config_mount *find_allowed_mount(const char *target)
{
	for (size_t i = 0; i < config.allow_mounts.count; i++) {
		const struct config_mount *mount = &config.allow_mounts.items[i];

		if (!strcmp(mount->target, "*") || !strcmp(mount->target, target))
			return mount;
	}
	return NULL;
}

static void mount_host_directory(const struct launch_mount *mount)
{
	uint32_t at = mount->target;
	const char *target = take_string(&at);
	const struct config_mount *allowed = find_allowed_mount(target);
	int r;

	if (!allowed)
		refuse(LAUNCH_STATUS_REFUSED,
			"the image does not let the host mount on %s: it is not in "
			"\"AllowMounts\" of its configuration",
			target);
	if (allowed->read_only && !mount->read_only)
		refuse(LAUNCH_STATUS_REFUSED,
			"-v: %s may only be mounted read-only (:ro): \"ReadOnly\" is set in "
			"\"AllowMounts\" of the image's configuration",
			target);
	r = files_mount_host(mount->fd, target, mount->read_only);
	if (r)
		refuse(LAUNCH_STATUS_REFUSED, "-v: %s can't be mounted on (error %d)", target, -r);
	log_line(LOG_WARNING, "%s is a directory of the host: what is in it is not protected",
		target);
}

static void mount_host_directories(void)
{
	for (uint32_t i = 0; i < launch->mount_count; i++)
		mount_host_directory(&launch->mounts[i]);
}

static void make_files(struct process *process)
{
	int r;

	r = files_init(&root_erofs);
	r = r ? r : terminals_init();
	if (!r) {
		process->files = fd_table_new();
		process->fs = fs_context_new();
		r = process->files && process->fs ? 0 : -ENOMEM;
	}
	if (r)
		refuse(LAUNCH_STATUS_REFUSED, "the file systems can't be set up (error %d)", -r);
	mount_host_directories();
}

static void start_network(void)
{
	struct network_error error;

	if (network_start(launch, &config, &error))
		refuse(LAUNCH_STATUS_REFUSED, "%s", error.text);
}

/* Descriptors 0, 1 and 2: a terminal, or what the host has there. */
static void make_streams(struct process *process)
{
	bool has_input = launch->flags & LAUNCH_TERMINAL_INPUT;
	int r = launch->flags & LAUNCH_TERMINAL ? console_make_first(has_input ? 0 : -1, 1, process)
						: files_standard_streams(process->files);

	if (r)
		refuse(LAUNCH_STATUS_REFUSED, "the standard streams can't be set up (error %d)",
			-r);
}

static void enter_directory(void)
{
	uint32_t at = launch->working_directory;
	const char *path =
		launch->flags & LAUNCH_HAS_WORKDIR ? take_string(&at) : config.working_dir;

	if ((launch->flags & LAUNCH_HAS_WORKDIR) && !config.allow_programs)
		refuse(LAUNCH_STATUS_REFUSED,
			"-w: \"AllowPrograms\" is not set in the image's configuration");
	if (fs_context_enter(path))
		refuse(LAUNCH_STATUS_REFUSED,
			"the working directory %s is not there: see \"WorkingDir\"", path);
}

static void start_program(struct thread *thread)
{
	const struct launch_wish wish = {
		.strings = launch->strings,
		.strings_size = launch->strings_size,
		.argument_count = launch->argument_count,
		.environment_count = launch->environment_count,
		.has_arguments = launch->flags & LAUNCH_HAS_ARGS,
		.has_terminal = launch->flags & LAUNCH_TERMINAL,
	};
	struct exec_vector arguments, environment;
	struct launch_refusal refusal;

	if (launch_choose(&config, &wish, &arguments, &environment, &refusal) ||
		launch_program(thread, &arguments, &environment, &refusal))
		refuse(refusal.status, "%s", refusal.text);
}

/* What `--trace` is to show. */
static void choose_trace(void)
{
	uint32_t at = launch->trace_filter;
	char word[TRACE_WORD_SIZE];

	if (launch->trace_string_size)
		trace_string_size_set(launch->trace_string_size);
	if ((launch->flags & LAUNCH_HAS_TRACE_FILTER) && trace_filter_parse(take_string(&at), word))
		refuse(LAUNCH_STATUS_REFUSED,
			"-e: \"%s\" is neither a system call nor a class of them nor a signal",
			word);
}

/* Where nobody has said how much there may be, files may fill half of the machine's memory, as
 * tmpfs(5): beyond, the host would end the enclave, where a program can go on without space. */
static void limit_memory(void)
{
	uint64_t total, free;

	heap_limit_set(config.memory_limit);
	platform_memory_total(&total, &free);
	if (!config.memory_limit)
		heap_own_limit_set(total / 2);
}

void libos_boot(const struct launch *given)
{
	struct thread *thread;

	launch = given;
	log_level = launch->log_level >= LOG_ERROR && launch->log_level <= LOG_DEBUG
			    ? (enum log_level)launch->log_level
			    : LOG_WARNING;
	trace_init(launch->flags & LAUNCH_TRACE, launch->flags & LAUNCH_STATS);
	choose_trace();
	sha256_choose();
	thread = make_process();
	open_image();
	read_config();
	launch_credentials(&thread->credentials, config.uid, config.gid);
	launch_limits(&config, thread->process);
	uname_set_hostname(config.hostname);
	process_limit = config.process_limit;
	limit_memory();
	make_files(thread->process);
	start_network();
	requests_init(&config);
	if (timers_init())
		refuse(LAUNCH_STATUS_REFUSED, "the timer service can't be started");
	memory_limit_start();
	make_streams(thread->process);
	enter_directory();
	start_program(thread);
	requests_started();
}
