/* What the host may ask for: by configuration, and whatever bytes it hands over. */
#include "libos/launch.h"

#include <errno.h>
#include <stdlib.h>

#include "base/test.h"
#include "libos/core/heap.h"
#include "libos/files/file.h"

/* ---- Doubles: memory of malloc, and no program can be run ---- */

void *heap_alloc(size_t size)
{
	return calloc(1, size);
}

void heap_free(void *object)
{
	free(object);
}

int file_open(int dir_fd, const char *path, uint32_t flags, uint32_t mode, struct file **ret_file)
{
	(void)dir_fd, (void)path, (void)flags, (void)mode, (void)ret_file;
	return -ENOENT;
}

int file_may_execute(struct file *file)
{
	(void)file;
	return -EACCES;
}

void file_unref(struct file *file)
{
	(void)file;
}

int process_exec(struct thread *thread, const char *path, struct exec_vector *arguments,
	struct exec_vector *environment)
{
	(void)thread, (void)path;
	heap_free(arguments->strings);
	heap_free(environment->strings);
	return -ENOEXEC;
}

/* ---- Cases ---- */

static struct config config;
static struct launch_refusal refusal;
static struct exec_vector arguments, environment;

static void configure(const char *text)
{
	static char memory[65536] ALIGNED(16);
	struct config_error error;

	CHECK_EQ(config_parse(&config, (struct span){(const uint8_t *)text, strlen(text)}, memory,
			 sizeof(memory), &error),
		0);
}

static void forget(void)
{
	heap_free(arguments.strings);
	heap_free(environment.strings);
	arguments = environment = (struct exec_vector){0};
}

/* @strings: each ends with a NUL of its own, so that there is one more at the end. */
static int choose(const char *strings, size_t size, uint32_t argument_count,
	uint32_t environment_count, bool is_later)
{
	const struct launch_wish wish = {.strings = strings,
		.strings_size = (uint32_t)size,
		.argument_count = argument_count,
		.environment_count = environment_count,
		.has_arguments = argument_count > 0,
		.is_later = is_later};

	forget();
	refusal = (struct launch_refusal){0};
	return launch_choose(&config, &wish, &arguments, &environment, &refusal);
}

static bool says(const char *word)
{
	return refusal.status == LAUNCH_STATUS_REFUSED && strstr(refusal.text, word);
}

static void test_first(void)
{
	configure("{\"Entrypoint\":[\"/bin/a\"],\"Cmd\":[\"b\"],\"Env\":[\"X=1\"]}");
	CHECK_EQ(choose("", 0, 0, 0, false), 0);
	CHECK_EQ(arguments.count, 2);
	CHECK(!memcmp(arguments.strings, "/bin/a\0b", 9));
	CHECK_EQ(environment.count, 2); /* and PATH */
	CHECK_EQ(choose("c", 2, 1, 0, false), -EPERM);
	CHECK(says("\"AllowArgs\""));
	configure("{\"Entrypoint\":[\"/bin/a\"],\"Cmd\":[\"b\"],\"AllowArgs\":true}");
	CHECK_EQ(choose("c", 2, 1, 0, false), 0);
	CHECK(!memcmp(arguments.strings, "/bin/a\0c", 9));
	configure("{}");
	CHECK_EQ(choose("", 0, 0, 0, false), -EPERM);
	CHECK(says("\"Entrypoint\""));
	CHECK_EQ(choose("/bin/c", 7, 1, 0, false), -EPERM);
	CHECK(says("\"AllowPrograms\""));
}

/* A program beside the first: never the image's own. */
static void test_later(void)
{
	configure("{\"Entrypoint\":[\"/bin/a\"],\"AllowArgs\":true}");
	CHECK_EQ(choose("c", 2, 1, 0, true), -EPERM);
	CHECK(says("\"AllowPrograms\""));
	configure("{\"Entrypoint\":[\"/bin/a\"],\"AllowPrograms\":true}");
	CHECK_EQ(choose("c", 2, 1, 0, true), 0);
	CHECK(arguments.count == 1 && !strcmp(arguments.strings, "c"));
	CHECK_EQ(choose("c\0d", 4, 2, 0, true), -EPERM);
	CHECK(says("\"AllowArgs\""));
	CHECK_EQ(choose("", 0, 0, 0, true), -EPERM);
}

static void test_environment(void)
{
	configure("{\"Entrypoint\":[\"/a\"],\"Env\":[\"A=1\",\"B=2\"],\"AllowEnv\":[\"B\"]}");
	CHECK_EQ(choose("B=3", 4, 0, 1, false), 0);
	CHECK(!memcmp(environment.strings, "A=1\0B=3", 8));
	CHECK_EQ(choose("A=3", 4, 0, 1, false), -EPERM);
	CHECK(says("\"AllowEnv\""));
	CHECK_EQ(choose("BB=3", 5, 0, 1, false), -EPERM);
	CHECK_EQ(choose("B", 2, 0, 1, false), -EPERM);
	CHECK_EQ(choose("=3", 3, 0, 1, false), -EPERM);
}

/* Strings that don't end, counts without strings. */
static void test_nonsense(void)
{
	configure("{\"AllowPrograms\":true,\"AllowArgs\":true,\"AllowEnv\":[\"*\"]}");
	CHECK_EQ(choose("abc", 3, 1, 0, true), -EPERM);
	CHECK(says("makes no sense"));
	CHECK_EQ(choose("a\0b", 4, 3, 0, true), -EPERM);
	CHECK(says("makes no sense"));
	CHECK_EQ(choose("a", 2, UINT32_MAX, UINT32_MAX, true), -EPERM);
	CHECK_EQ(choose("a", 2, 1, UINT32_MAX, true), -EPERM);
	CHECK(says("makes no sense"));
	CHECK_EQ(choose("", 0, 1, 0, true), -EPERM);
}

/* Any bytes: refused with a reason, or vectors that are what they say. */
static bool is_vector(const struct exec_vector *vector)
{
	size_t size = 0;

	for (uint32_t i = 0; i < vector->count; i++)
		size += strlen(vector->strings + size) + 1;
	return size == vector->size;
}

static void test_random(void)
{
	int wrong = 0;

	configure("{\"AllowPrograms\":true,\"AllowArgs\":true,\"AllowEnv\":[\"*\"]}");
	srand(7);
	for (int i = 0; i < 20000; i++) {
		size_t size = (size_t)rand() % 64;
		/* Of just that size: the sanitizers see what goes past. */
		char *bytes = malloc(size ? size : 1);

		for (size_t k = 0; k < size; k++)
			bytes[k] = "\0\0=aB/"[rand() % 6];
		if (choose(bytes, size, (uint32_t)rand() % 6, (uint32_t)rand() % 6, rand() % 2)) {
			wrong += refusal.status != LAUNCH_STATUS_REFUSED || !*refusal.text;
		} else {
			wrong += !is_vector(&arguments) || !is_vector(&environment);
		}
		free(bytes);
	}
	CHECK_EQ(wrong, 0);
	forget();
}

int main(void)
{
	test_first();
	test_later();
	test_environment();
	test_nonsense();
	test_random();
	return test_done();
}
