#include "host/journal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test.h"

static char directory_name[] = "journal-XXXXXX";
static int directory;

static void add(struct journal *journal, const char *text)
{
	journal_add(journal, JOURNAL_STDOUT, text, strlen(text));
}

/* The records of a file, as "F:text" and "P:text" one after the other. */
static void read_records(const char *name, char *to, size_t size)
{
	int fd = openat(directory, name, O_RDONLY);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	struct journal_record record;
	char line[256];
	size_t at = 0;

	*to = '\0';
	while (file && fgets(line, sizeof(line), file) && at < size) {
		CHECK(journal_parse(line, strcspn(line, "\n"), &record));
		at += (size_t)snprintf(to + at, size - at, "%c:%.*s ", record.is_whole ? 'F' : 'P',
			(int)record.text_size, record.text);
	}
	if (file)
		fclose(file);
}

static void test_lines(void)
{
	struct journal journal;
	char text[256];

	CHECK_EQ(journal_open(&journal, directory), 0);
	add(&journal, "one\ntwo");
	add(&journal, " more\n\nlast");
	journal_done(&journal);
	read_records(JOURNAL_NAME, text, sizeof(text));
	CHECK_STR(text, "F:one P:two F: more F: P:last ");
}

static void test_parse(void)
{
	static const char good[] = "2026-01-31T12:00:00.123456789Z stderr P some text";
	static const char *const bad[] = {
		"", "x", "x stdout", "x stdout F", "x stdout G y", "x stdout FF y", "x out F y"};
	struct journal_record record;

	CHECK(journal_parse(good, strlen(good), &record));
	CHECK_EQ(record.stream, JOURNAL_STDERR);
	CHECK(!record.is_whole);
	CHECK_EQ(record.time_size, 30);
	CHECK_EQ(record.text_size, 9);
	CHECK(!memcmp(record.text, "some text", 9));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!journal_parse(bad[i], strlen(bad[i]), &record));
}

static void test_rotation(void)
{
	static char chunk[60000];
	struct journal journal;
	struct stat now, old;

	memset(chunk, 'x', sizeof(chunk));
	CHECK_EQ(journal_open(&journal, directory), 0);
	for (int i = 0; i < 400; i++)
		journal_add(&journal, JOURNAL_STDOUT, chunk, sizeof(chunk));
	journal_done(&journal);
	CHECK_EQ(fstatat(directory, JOURNAL_NAME, &now, 0), 0);
	CHECK_EQ(fstatat(directory, JOURNAL_OLD_NAME, &old, 0), 0);
	CHECK(now.st_size <= JOURNAL_SIZE_MAX && old.st_size <= JOURNAL_SIZE_MAX);
	CHECK(old.st_size > JOURNAL_SIZE_MAX - 2 * (long)sizeof(chunk));
}

int main(void)
{
	if (!mkdtemp(directory_name))
		return 1;
	directory = open(directory_name, O_RDONLY | O_DIRECTORY);
	test_lines();
	test_parse();
	test_rotation();
	unlinkat(directory, JOURNAL_NAME, 0);
	unlinkat(directory, JOURNAL_OLD_NAME, 0);
	rmdir(directory_name);
	return test_done();
}
