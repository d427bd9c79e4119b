/* From nothing to the first program: process 1, the image, the file systems, exec. */
#include "platform/upcalls.h"

#include <asm/errno.h>
#include <linux/resource.h>

#include "base/format.h"
#include "base/memory.h"
#include "crypto/sha256.h"
#include "libos/core/heap.h"
#include "libos/core/log.h"
#include "libos/files/erofs.h"
#include "libos/files/file.h"
#include "libos/image/config.h"
#include "libos/image/image.h"
#include "libos/loader/text.h"
#include "libos/processes/process.h"
#include "libos/processes/uname.h"
#include "libos/syscalls/trace.h"
#include "libos/time/timers.h"
#include "platform/platform.h"

#define STATUS_REFUSED 125 /* as docker: the runtime's own failure */
#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NOT_FOUND 127
#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define PATH_SIZE 4096
#define VECTOR_SIZE_MAX (512UL * 1024)

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
		refuse(STATUS_REFUSED, "the image is not the one that was started");
	refuse(STATUS_REFUSED, "the image is damaged: %s, at byte %lu", error->what, error->offset);
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
		refuse(STATUS_REFUSED, "no memory for the image's hash tree");
	image_tree_use(&image, tree);
	blocks = (struct erofs_blocks){blocks_read, NULL, image.rootfs_block_count};
	if (erofs_open(&root_erofs, &blocks, &what))
		refuse(STATUS_REFUSED, "the image's root file system can't be read: %s", what);
}

static struct span read_section(enum image_section_kind kind)
{
	uint64_t size = image_section_size(&image, kind);
	uint8_t *bytes = pool_alloc(MAX(size, PAGE_SIZE));
	struct image_error error = {"", 0};
	int r;

	if (!bytes)
		refuse(STATUS_REFUSED, "no memory for the image");
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
		refuse(STATUS_REFUSED, "no memory for the configuration");
	if (config_parse(&config, text, memory, size, &error))
		refuse(STATUS_REFUSED, "the image's configuration: %s%s%s", error.key,
			error.key[0] ? ": " : "", error.what);
	if (text_use_sites(read_section(IMAGE_SECTION_SITES)))
		refuse(STATUS_REFUSED, "the image's list of system-call sites makes no sense");
}

/* ---- What the host may add ---------------------------------------------------------------------
 */

static void vector_add(struct exec_vector *vector, const char *string)
{
	size_t size = strlen(string) + 1;

	if (!vector->strings)
		vector->strings = heap_alloc(VECTOR_SIZE_MAX);
	if (!vector->strings || vector->size + size > VECTOR_SIZE_MAX)
		refuse(STATUS_REFUSED, "arguments and environment are longer than %lu bytes",
			VECTOR_SIZE_MAX);
	memcpy(vector->strings + vector->size, string, size);
	vector->size += size;
	vector->count++;
}

static void vector_add_all(struct exec_vector *vector, const struct config_strings *strings)
{
	for (size_t i = 0; i < strings->count; i++)
		vector_add(vector, strings->items[i]);
}

/* The string at @*at of the host's, which must end inside. */
static const char *take_string(uint32_t *at)
{
	const char *string = launch->strings + *at;
	size_t left = *at < launch->strings_size ? launch->strings_size - *at : 0;
	size_t length = strnlen(string, left);

	if (length == left)
		refuse(STATUS_REFUSED, "the launch page makes no sense");
	*at += (uint32_t)length + 1;
	return string;
}

static void choose_arguments(struct exec_vector *arguments, uint32_t *at)
{
	bool given = launch->flags & LAUNCH_HAS_ARGS;

	if (given && !config.entrypoint.count && !config.allow_programs)
		refuse(STATUS_REFUSED, "the image does not let the host name a program: "
				       "\"AllowPrograms\" is not set in its configuration");
	if (given && config.entrypoint.count && !config.allow_args)
		refuse(STATUS_REFUSED, "the image takes no arguments from the host: "
				       "\"AllowArgs\" is not set in its configuration");
	if (given && !config.allow_args && launch->argument_count > 1)
		refuse(STATUS_REFUSED, "the image takes no arguments from the host: "
				       "\"AllowArgs\" is not set in its configuration");
	vector_add_all(arguments, &config.entrypoint);
	if (!given)
		vector_add_all(arguments, &config.cmd);
	for (uint32_t i = 0; i < launch->argument_count; i++)
		vector_add(arguments, take_string(at));
	if (!arguments->count)
		refuse(STATUS_REFUSED,
			"no program: the image has neither \"Entrypoint\" nor \"Cmd\", "
			"name one after the image");
}

static bool is_named(const char *variable, const char *name, size_t name_size)
{
	return !strncmp(variable, name, name_size) && variable[name_size] == '=';
}

static void choose_environment(struct exec_vector *environment, uint32_t *at)
{
	uint32_t host_at = *at, scan;
	bool has_path = false;
	size_t size;

	for (size_t i = 0; i < config.env.count; i++) {
		const char *variable = config.env.items[i], *equals = strchr(variable, '=');
		bool replaced = false;

		size = equals ? (size_t)(equals - variable) : strlen(variable);
		scan = host_at;
		for (uint32_t h = 0; h < launch->environment_count; h++)
			replaced |= is_named(take_string(&scan), variable, size);
		has_path |= is_named(variable, "PATH", 4);
		if (!replaced)
			vector_add(environment, variable);
	}
	for (uint32_t h = 0; h < launch->environment_count; h++) {
		const char *variable = take_string(at), *equals = strchr(variable, '=');

		if (!equals || equals == variable)
			refuse(STATUS_REFUSED, "-e %s: must be NAME=value", variable);
		size = (size_t)(equals - variable);
		if (!config_allows_env(&config, variable, size))
			refuse(STATUS_REFUSED,
				"the image does not let the host set %.*s: it is not in "
				"\"AllowEnv\" of its configuration",
				(int)size, variable);
		has_path |= is_named(variable, "PATH", 4);
		vector_add(environment, variable);
	}
	if (!has_path)
		vector_add(environment, "PATH=" PATH_DEFAULT);
}

/* ---- Process 1 ---------------------------------------------------------------------------------
 */

static void set_limits(struct process *process)
{
	for (int i = 0; i < RLIMIT_COUNT; i++)
		process->limits[i] = (struct rlimit_pair){UINT64_MAX, UINT64_MAX};
	process->limits[RLIMIT_STACK].soft = 8UL << 20;
	process->limits[RLIMIT_CORE].soft = 0;
	process->limits[RLIMIT_NOFILE] = (struct rlimit_pair){1024, 1048576};
	process->limits[RLIMIT_NPROC] =
		(struct rlimit_pair){config.process_limit, config.process_limit};
	process->limits[RLIMIT_MEMLOCK] = (struct rlimit_pair){8UL << 20, 8UL << 20};
	process->limits[RLIMIT_SIGPENDING] = (struct rlimit_pair){4096, 4096};
	process->limits[RLIMIT_MSGQUEUE] = (struct rlimit_pair){819200, 819200};
	process->limits[RLIMIT_NICE] = (struct rlimit_pair){0, 0};
	process->limits[RLIMIT_RTPRIO] = (struct rlimit_pair){0, 0};
}

/* As a container's first process: root has the usual capabilities of one, others none. */
static void set_credentials(struct credentials *c)
{
	c->uid = c->euid = c->suid = c->fsuid = config.uid;
	c->gid = c->egid = c->sgid = c->fsgid = config.gid;
	c->bounding = CAPABILITIES_ALL;
	if (!config.uid)
		c->effective = c->permitted = CAPABILITIES_ALL;
	c->group_count = 1;
	c->groups[0] = config.gid;
}

static struct thread *make_process(void)
{
	struct process *process = process_new(signal_actions_new(NULL));
	struct thread *thread = process ? thread_new(process) : NULL;

	if (!thread || platform_boot_thread(thread))
		refuse(STATUS_REFUSED, "no memory for the first process");
	process->leader = thread;
	thread_number(thread);
	process->pid = process->pgid = process->sid = thread->tid;
	process->exit_signal = 17;
	list_add_tail(&process->threads, &thread->in_process);
	process->thread_count = 1;
	list_add_tail(&process_table, &process->link);
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
		refuse(STATUS_REFUSED,
			"the image does not let the host mount on %s: it is not in "
			"\"AllowMounts\" of its configuration",
			target);
	if (allowed->read_only && !mount->read_only)
		refuse(STATUS_REFUSED,
			"-v: %s may only be mounted read-only (:ro): \"ReadOnly\" is set in "
			"\"AllowMounts\" of the image's configuration",
			target);
	r = files_mount_host(mount->fd, target, mount->read_only);
	if (r)
		refuse(STATUS_REFUSED, "-v: %s can't be mounted on (error %d)", target, -r);
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
	if (!r) {
		process->files = fd_table_new();
		process->fs = fs_context_new();
		r = process->files && process->fs ? 0 : -ENOMEM;
	}
	if (r)
		refuse(STATUS_REFUSED, "the file systems can't be set up (error %d)", -r);
	r = files_standard_streams(process->files);
	if (r)
		refuse(STATUS_REFUSED, "the standard streams can't be set up (error %d)", -r);
	mount_host_directories();
}

static void enter_directory(void)
{
	uint32_t at = launch->working_directory;
	const char *path =
		launch->flags & LAUNCH_HAS_WORKDIR ? take_string(&at) : config.working_dir;

	if ((launch->flags & LAUNCH_HAS_WORKDIR) && !config.allow_programs)
		refuse(STATUS_REFUSED,
			"-w: \"AllowPrograms\" is not set in the image's configuration");
	if (fs_context_enter(path))
		refuse(STATUS_REFUSED, "the working directory %s is not there: see \"WorkingDir\"",
			path);
}

/* Find a program named without a slash in PATH, as execvp(3). */
static int find_in_path(const char *name, const struct exec_vector *environment, char *ret_path)
{
	const char *path = PATH_DEFAULT, *s = environment->strings, *end;
	struct file *file;
	int found = -ENOENT, r;

	if (strchr(name, '/')) {
		string_copy(ret_path, name, PATH_SIZE);
		return 0;
	}
	for (uint32_t i = 0; i < environment->count; i++, s += strlen(s) + 1)
		if (is_named(s, "PATH", 4))
			path = s + 5;
	for (; *path; path = *end ? end + 1 : end) {
		end = strchr(path, ':');
		end = end ? end : path + strlen(path);
		format_string(ret_path, PATH_SIZE, "%.*s%s%s", (int)(end - path), path,
			end == path ? "" : "/", name);
		r = file_open(-100 /* AT_FDCWD */, ret_path, 0, 0, &file);
		if (r)
			continue;
		r = file_may_execute(file);
		file_unref(file);
		if (!r)
			return 0;
		found = r;
	}
	return found;
}

static void start_program(struct thread *thread)
{
	struct exec_vector arguments = {0}, environment = {0};
	char *path = heap_alloc(PATH_SIZE);
	uint32_t at = 0;
	int r;

	choose_arguments(&arguments, &at);
	choose_environment(&environment, &at);
	if (!path)
		refuse(STATUS_REFUSED, "no memory");
	r = find_in_path(arguments.strings, &environment, path);
	if (r == -ENOENT)
		refuse(STATUS_NOT_FOUND, "%s: not found in the image", arguments.strings);
	/* It takes the strings. */
	if (!r)
		r = process_exec(thread, path, &arguments, &environment);
	if (r == -ENOENT || r == -ENOTDIR)
		refuse(STATUS_NOT_FOUND, "%s: not found in the image", path);
	if (r)
		refuse(STATUS_NOT_EXECUTABLE, "%s: can't be executed (%s)", path,
			r == -EACCES    ? "no permission"
			: r == -ENOEXEC ? "not a program for this processor"
			: r == -EIO     ? "it is damaged"
			: r == -EISDIR  ? "a directory"
					: "error");
	heap_free(path);
}

void libos_boot(const struct launch *given)
{
	struct thread *thread;

	launch = given;
	log_level = launch->log_level >= LOG_ERROR && launch->log_level <= LOG_DEBUG
			    ? (enum log_level)launch->log_level
			    : LOG_WARNING;
	trace_enabled = launch->flags & LAUNCH_TRACE;
	sha256_choose();
	thread = make_process();
	open_image();
	read_config();
	set_credentials(&thread->credentials);
	set_limits(thread->process);
	uname_set_hostname(config.hostname);
	process_limit = config.process_limit;
	heap_limit_set(config.memory_limit);
	make_files(thread->process);
	if (timers_init())
		refuse(STATUS_REFUSED, "the timer service can't be started");
	enter_directory();
	start_program(thread);
}
