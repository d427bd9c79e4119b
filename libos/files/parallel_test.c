/* Many threads in the same directories and files: nothing is lost, nothing is freed too early. The
 * sanitizers watch; the checks are what must hold whoever came first. */
#include <pthread.h>
#include <stdlib.h>

#include "base/test.h"
#include "libos/files/files_fixture.h"

#define THREAD_COUNT 4
#define ROUNDS 3000

static unsigned int failures;

static void expect(bool condition)
{
	if (!condition)
		__atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
}

static bool is_one_of(long r, long a, long b, long c)
{
	return r == a || r == b || r == c;
}

/* Everybody creates, renames and removes the same few names. */
static void *fight(void *seed)
{
	unsigned int random = (unsigned int)(uintptr_t)seed;
	char from[32], to[32];

	for (int i = 0; i < ROUNDS; i++) {
		random = random * 1103515245 + 12345;
		snprintf(from, sizeof(from), "/tmp/%c/%u", random & 1024 ? 'a' : 'b',
			random >> 12 & 3);
		snprintf(to, sizeof(to), "/tmp/%c/%u", random & 2048 ? 'a' : 'b', random >> 14 & 3);
		switch (random >> 16 & 3) {
		case 0: {
			long fd = CALL(openat, AT_FDCWD, from, O_CREAT | O_RDWR, 0600);

			expect(fd >= 0);
			expect(CALL(write, fd, "x", 1) == 1);
			expect(CALL(close, fd) == 0);
			break;
		}
		case 1:
			expect(is_one_of(CALL(unlink, from), 0, -ENOENT, 0));
			break;
		case 2:
			expect(is_one_of(CALL(rename, from, to), 0, -ENOENT, 0));
			break;
		default:
			expect(is_one_of(CALL(link, from, to), 0, -ENOENT, -EEXIST));
			break;
		}
	}
	return NULL;
}

/* O_APPEND: every record is there, whole. */
static void *append(void *record)
{
	long fd = CALL(openat, AT_FDCWD, "/tmp/log", O_WRONLY | O_APPEND, 0);

	for (int i = 0; i < ROUNDS; i++)
		expect(CALL(write, fd, record, 8) == 8);
	expect(CALL(close, fd) == 0);
	return NULL;
}

/* Descriptors: what one thread opened another never gets closed. */
static void *descriptors(void *unused)
{
	char zero = 1;

	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		long fd = CALL(openat, AT_FDCWD, "/dev/zero", O_RDONLY, 0), copy;

		expect(fd >= 0);
		expect(CALL(read, fd, &zero, 1) == 1 && !zero);
		copy = CALL(dup, fd);
		expect(copy >= 0 && copy != fd);
		expect(CALL(close, fd) == 0);
		expect(CALL(close, copy) == 0);
	}
	return NULL;
}

static void run(const char *name, void *(*body)(void *), void *const arguments[THREAD_COUNT])
{
	pthread_t threads[THREAD_COUNT];

	failures = 0;
	for (int i = 0; i < THREAD_COUNT; i++)
		if (pthread_create(&threads[i], NULL, body, arguments[i]))
			abort();
	for (int i = 0; i < THREAD_COUNT; i++)
		pthread_join(threads[i], NULL);
	test_report(failures == 0, name, __FILE__, __LINE__);
}

static void check_log(void)
{
	size_t size = THREAD_COUNT * ROUNDS * 8, counts[THREAD_COUNT] = {0};
	char *log = malloc(size);
	long fd = CALL(openat, AT_FDCWD, "/tmp/log", O_RDONLY, 0);

	CHECK_EQ(CALL(read, fd, log, size), size);
	CHECK_EQ(CALL(close, fd), 0);
	for (size_t at = 0; at < size; at += 8)
		for (int i = 0; i < 8; i++)
			if (log[at + i] >= 'A' && log[at + i] < 'A' + THREAD_COUNT &&
				log[at + i] == log[at])
				counts[log[at] - 'A']++;
	for (int i = 0; i < THREAD_COUNT; i++)
		CHECK_EQ(counts[i], ROUNDS * 8);
	free(log);
}

/* Whatever names the fight left: as many as the files' links say, and all can be removed. */
static void check_names(void)
{
	char path[32];
	int removed = 0;

	for (int i = 0; i < 8; i++) {
		snprintf(path, sizeof(path), "/tmp/%c/%d", i & 4 ? 'a' : 'b', i & 3);
		removed += CALL(unlink, path) == 0;
	}
	printf("# %d names were left\n", removed);
	CHECK_EQ(CALL(rmdir, "/tmp/a"), 0);
	CHECK_EQ(CALL(rmdir, "/tmp/b"), 0);
}

int main(void)
{
	fixture_init(NULL);
	fixture_process.thread_count = THREAD_COUNT;
	CHECK_EQ(CALL(mkdir, "/tmp/a", 0700), 0);
	CHECK_EQ(CALL(mkdir, "/tmp/b", 0700), 0);
	CHECK_EQ(CALL(close, CALL(openat, AT_FDCWD, "/tmp/log", O_CREAT | O_WRONLY, 0600)), 0);
	run("names", fight, (void *[]){(void *)1, (void *)2, (void *)3, (void *)4});
	run("appends", append, (void *[]){"AAAAAAAA", "BBBBBBBB", "CCCCCCCC", "DDDDDDDD"});
	run("descriptors", descriptors, (void *[]){NULL, NULL, NULL, NULL});
	check_log();
	check_names();
	return test_done();
}
