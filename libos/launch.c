#include "libos/launch.h"

#include <asm/errno.h>
#include <linux/resource.h>

#include "base/format.h"
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/file.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define PATH_SIZE 4096
#define VECTOR_SIZE_MAX (512UL * 1024)

int launch_refuse(struct launch_refusal *refusal, int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	format_string_v(refusal->text, sizeof(refusal->text), format, args);
	va_end(args);
	refusal->status = status;
	return -EPERM;
}

static int refuse_nonsense(struct launch_refusal *refusal)
{
	return launch_refuse(
		refusal, LAUNCH_STATUS_REFUSED, "what the host hands over makes no sense");
}

const char *launch_string(const char *strings, uint32_t size, uint32_t *at)
{
	const char *string = strings + *at;
	size_t left = *at < size ? size - *at : 0, length;

	if (!left)
		return NULL;
	length = strnlen(string, left);
	if (length == left)
		return NULL;
	*at += (uint32_t)length + 1;
	return string;
}

static const char *next_string(const struct launch_wish *wish, uint32_t *at)
{
	return launch_string(wish->strings, wish->strings_size, at);
}

/* ---- Arguments and environment -----------------------------------------------------------------
 */

static int vector_add(
	struct exec_vector *vector, const char *string, struct launch_refusal *refusal)
{
	size_t size = strlen(string) + 1;

	if (!vector->strings)
		vector->strings = heap_alloc(VECTOR_SIZE_MAX);
	if (!vector->strings)
		return launch_refuse(refusal, LAUNCH_STATUS_REFUSED, "no memory");
	if (vector->size + size > VECTOR_SIZE_MAX)
		return launch_refuse(refusal, LAUNCH_STATUS_REFUSED,
			"arguments and environment are longer than %lu bytes", VECTOR_SIZE_MAX);
	memcpy(vector->strings + vector->size, string, size);
	vector->size += size;
	vector->count++;
	return 0;
}

static int vector_add_all(struct exec_vector *vector, const struct config_strings *strings,
	struct launch_refusal *refusal)
{
	int r = 0;

	for (size_t i = 0; i < strings->count && !r; i++)
		r = vector_add(vector, strings->items[i], refusal);
	return r;
}

static int check_arguments(
	const struct config *config, const struct launch_wish *wish, struct launch_refusal *refusal)
{
	bool given = wish->has_arguments;
	bool names_program = given && (wish->is_later || !config->entrypoint.count);
	bool has_arguments = given && (!names_program || wish->argument_count > 1);

	if (names_program && !config->allow_programs)
		return launch_refuse(refusal, LAUNCH_STATUS_REFUSED,
			"the image does not let the host name a program: \"AllowPrograms\" is not "
			"set in its configuration");
	if (has_arguments && !config->allow_args)
		return launch_refuse(refusal, LAUNCH_STATUS_REFUSED,
			"the image takes no arguments from the host: \"AllowArgs\" is not set in "
			"its configuration");
	return 0;
}

static int choose_arguments(const struct config *config, const struct launch_wish *wish,
	struct exec_vector *arguments, uint32_t *at, struct launch_refusal *refusal)
{
	const char *string;
	int r = check_arguments(config, wish, refusal);

	if (!r && !wish->is_later)
		r = vector_add_all(arguments, &config->entrypoint, refusal);
	if (!r && !wish->is_later && !wish->has_arguments)
		r = vector_add_all(arguments, &config->cmd, refusal);
	for (uint32_t i = 0; i < wish->argument_count && !r; i++) {
		string = next_string(wish, at);
		r = string ? vector_add(arguments, string, refusal) : refuse_nonsense(refusal);
	}
	if (r || arguments->count)
		return r;
	return launch_refuse(refusal, LAUNCH_STATUS_REFUSED,
		"no program: the image has neither \"Entrypoint\" nor \"Cmd\", name one after the "
		"image");
}

static bool is_named(const char *variable, const char *name, size_t name_size)
{
	return !strncmp(variable, name, name_size) && variable[name_size] == '=';
}

/* Does the host give a variable of that name? */
static bool is_replaced(
	const struct launch_wish *wish, uint32_t at, const char *name, size_t name_size)
{
	const char *variable;

	for (uint32_t i = 0; i < wish->environment_count; i++) {
		variable = next_string(wish, &at);
		if (!variable)
			return false;
		if (is_named(variable, name, name_size))
			return true;
	}
	return false;
}

static int add_host_variable(const struct config *config, const char *variable,
	struct exec_vector *environment, struct launch_refusal *refusal)
{
	const char *equals = strchr(variable, '=');
	size_t size = equals ? (size_t)(equals - variable) : 0;

	if (!size)
		return launch_refuse(
			refusal, LAUNCH_STATUS_REFUSED, "-e %s: must be NAME=value", variable);
	if (!config_allows_env(config, variable, size))
		return launch_refuse(refusal, LAUNCH_STATUS_REFUSED,
			"the image does not let the host set %.*s: it is not in \"AllowEnv\" of "
			"its configuration",
			(int)size, variable);
	return vector_add(environment, variable, refusal);
}

/* The value of a variable, the last if there are several; NULL: there is none. */
static const char *find_variable(const struct exec_vector *environment, const char *name)
{
	size_t size = strlen(name);
	const char *s = environment->strings, *found = NULL;

	for (uint32_t i = 0; i < environment->count; i++, s += strlen(s) + 1)
		if (is_named(s, name, size))
			found = s + size + 1;
	return found;
}

static int choose_environment(const struct config *config, const struct launch_wish *wish,
	struct exec_vector *environment, uint32_t *at, struct launch_refusal *refusal)
{
	const char *variable, *equals;
	size_t size;
	int r = 0;

	for (size_t i = 0; i < config->env.count && !r; i++) {
		variable = config->env.items[i];
		equals = strchr(variable, '=');
		size = equals ? (size_t)(equals - variable) : strlen(variable);
		if (!is_replaced(wish, *at, variable, size))
			r = vector_add(environment, variable, refusal);
	}
	for (uint32_t i = 0; i < wish->environment_count && !r; i++) {
		variable = next_string(wish, at);
		r = variable ? add_host_variable(config, variable, environment, refusal)
			     : refuse_nonsense(refusal);
	}
	if (!r && !find_variable(environment, "PATH"))
		r = vector_add(environment, "PATH=" PATH_DEFAULT, refusal);
	if (!r && wish->has_terminal && !find_variable(environment, "TERM"))
		r = vector_add(environment, "TERM=xterm", refusal); /* as docker */
	return r;
}

int launch_choose(const struct config *config, const struct launch_wish *wish,
	struct exec_vector *ret_arguments, struct exec_vector *ret_environment,
	struct launch_refusal *refusal)
{
	struct exec_vector arguments = {0}, environment = {0};
	uint32_t at = 0;
	int r;

	r = choose_arguments(config, wish, &arguments, &at, refusal);
	if (!r)
		r = choose_environment(config, wish, &environment, &at, refusal);
	if (r) {
		heap_free(arguments.strings);
		heap_free(environment.strings);
		return r;
	}
	*ret_arguments = arguments;
	*ret_environment = environment;
	return 0;
}

/* ---- The program -------------------------------------------------------------------------------
 */

/* Find a program named without a slash in PATH, as execvp(3). */
static int find_in_path(const char *name, const struct exec_vector *environment, char *ret_path)
{
	const char *path = find_variable(environment, "PATH"), *end;
	struct file *file;
	int found = -ENOENT, r;

	if (strchr(name, '/')) {
		string_copy(ret_path, name, PATH_SIZE);
		return 0;
	}
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

static int refuse_program(struct launch_refusal *refusal, const char *path, int error)
{
	if (error == -ENOENT || error == -ENOTDIR)
		return launch_refuse(
			refusal, LAUNCH_STATUS_NOT_FOUND, "%.200s: not found in the image", path);
	return launch_refuse(refusal, LAUNCH_STATUS_NOT_EXECUTABLE,
		"%.200s: can't be executed (%s)", path,
		error == -EACCES    ? "no permission"
		: error == -ENOEXEC ? "not a program for this processor"
		: error == -EIO     ? "it is damaged"
		: error == -EISDIR  ? "a directory"
				    : "error");
}

int launch_program(struct thread *thread, struct exec_vector *arguments,
	struct exec_vector *environment, struct launch_refusal *refusal)
{
	CLEANUP(heap_freep) char *path = heap_alloc(PATH_SIZE);
	int r = path ? find_in_path(arguments->strings, environment, path) : -ENOMEM;

	if (r) {
		r = refuse_program(refusal, arguments->strings, r);
		heap_free(arguments->strings);
		heap_free(environment->strings);
		return r;
	}
	r = process_exec(thread, path, arguments, environment);
	return r ? refuse_program(refusal, path, r) : 0;
}

/* ---- What a process begins with ----------------------------------------------------------------
 */

void launch_limits(const struct config *config, struct process *process)
{
	for (int i = 0; i < RLIMIT_COUNT; i++)
		process->limits[i] = (struct rlimit_pair){UINT64_MAX, UINT64_MAX};
	process->limits[RLIMIT_STACK].soft = 8UL << 20;
	process->limits[RLIMIT_CORE].soft = 0;
	process->limits[RLIMIT_NOFILE] = (struct rlimit_pair){1024, 1048576};
	process->limits[RLIMIT_NPROC] =
		(struct rlimit_pair){config->process_limit, config->process_limit};
	process->limits[RLIMIT_MEMLOCK] = (struct rlimit_pair){8UL << 20, 8UL << 20};
	process->limits[RLIMIT_SIGPENDING] = (struct rlimit_pair){4096, 4096};
	process->limits[RLIMIT_MSGQUEUE] = (struct rlimit_pair){819200, 819200};
	process->limits[RLIMIT_NICE] = (struct rlimit_pair){0, 0};
	process->limits[RLIMIT_RTPRIO] = (struct rlimit_pair){0, 0};
}

void launch_credentials(struct credentials *c, uint32_t uid, uint32_t gid)
{
	c->uid = c->euid = c->suid = c->fsuid = uid;
	c->gid = c->egid = c->sgid = c->fsgid = gid;
	c->bounding = CAPABILITIES_ALL;
	if (!uid)
		c->effective = c->permitted = CAPABILITIES_ALL;
	c->group_count = 1;
	c->groups[0] = gid;
}
