#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/life.h"
#include "host/journal.h"
#include "image/file.h"

#define NAME "logs"
#define FOLLOW_MS 100 /* how often it is looked whether there is more */

static const struct option long_options[] = {
	{"follow", no_argument, NULL, 'f'},
	{"tail", required_argument, NULL, 'n'},
	{"timestamps", no_argument, NULL, 't'},
	{"since", required_argument, NULL, 's'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"usage: casemate logs [-f] [-t] [--tail N] [--since TIME] NAME\n\n"
	"  -f, --follow       go on until the enclave has ended\n"
	"  -n, --tail N       the last N lines only\n"
	"  -t, --timestamps   when each line was printed\n"
	"      --since TIME   from then on: 2026-01-31T12:00:00Z or a beginning of that\n";

static struct {
	bool follow, stamps;
	long tail; /* -1: all */
	const char *since;
} options = {.tail = -1};

/* A file of the log that is being read. */
struct reader {
	FILE *file; /* NULL: none */
	char *line;
	size_t line_size;
	bool in_line; /* what was printed last did not end its line */
};

static void reader_done(struct reader *reader)
{
	if (reader->file)
		fclose(reader->file);
	free(reader->line);
}

static void print_record(struct reader *reader, const struct journal_record *record)
{
	FILE *to = record->stream == JOURNAL_STDERR ? stderr : stdout;

	if (options.since && strncmp(record->time, options.since, strlen(options.since)) < 0)
		return;
	if (options.stamps && !reader->in_line)
		fprintf(to, "%.*s ", (int)record->time_size, record->time);
	fwrite(record->text, 1, record->text_size, to);
	if (record->is_whole)
		fputc('\n', to);
	reader->in_line = !record->is_whole;
	fflush(to);
}

/* What is there, from where the last time ended; half a record is left for the next time. */
static void read_more(struct reader *reader, void (*take)(struct reader *, char *, size_t))
{
	ssize_t size;
	long start;

	if (!reader->file)
		return;
	clearerr(reader->file);
	for (;;) {
		start = ftell(reader->file);
		size = getline(&reader->line, &reader->line_size, reader->file);
		if (size <= 0)
			return;
		if (reader->line[size - 1] != '\n') {
			fseek(reader->file, start, SEEK_SET);
			return;
		}
		take(reader, reader->line, (size_t)size - 1);
	}
}

static void take_record(struct reader *reader, char *line, size_t size)
{
	struct journal_record record;

	if (journal_parse(line, size, &record))
		print_record(reader, &record);
}

static long line_count, line_skip;

static void count_line(struct reader *reader, char *line, size_t size)
{
	struct journal_record record;

	(void)reader;
	if (journal_parse(line, size, &record) && record.is_whole)
		line_count++;
}

static void take_tail(struct reader *reader, char *line, size_t size)
{
	struct journal_record record;

	if (!journal_parse(line, size, &record))
		return;
	if (line_skip <= 0)
		print_record(reader, &record);
	else if (record.is_whole)
		line_skip--;
}

static void open_log(struct reader *reader, int directory, const char *name)
{
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (reader->file)
		fclose(reader->file);
	reader->file = fd < 0 ? NULL : fdopen(fd, "r");
}

static void each_file(
	struct reader *reader, int directory, void (*take)(struct reader *, char *, size_t))
{
	open_log(reader, directory, JOURNAL_OLD_NAME);
	read_more(reader, take);
	open_log(reader, directory, JOURNAL_NAME);
	read_more(reader, take);
}

/* Has the file become the old one? Then there is a new one to go on with. */
static void follow_rotation(struct reader *reader, int directory)
{
	struct stat now, ours;

	if (fstatat(directory, JOURNAL_NAME, &now, 0) < 0)
		return;
	if (reader->file && fstat(fileno(reader->file), &ours) == 0 && ours.st_ino == now.st_ino)
		return;
	read_more(reader, take_record);
	open_log(reader, directory, JOURNAL_NAME);
}

static bool has_ended(const char *name)
{
	CLEANUP(close_fdp) int state = -1;
	struct state_info info;

	return state_open(&state, NULL) || state_read(state, name, NULL, &info) || !info.runs;
}

static void follow(struct reader *reader, const char *name, int directory)
{
	bool ended;

	do {
		poll(NULL, 0, FOLLOW_MS);
		ended = has_ended(name); /* before the last look */
		follow_rotation(reader, directory);
		read_more(reader, take_record);
	} while (!ended && !ferror(stdout));
}

static int print_logs(const char *name)
{
	CLEANUP(state_entry_done) struct state_entry entry = {.directory = -1, .info = -1};
	CLEANUP(reader_done) struct reader reader = {0};
	struct state_info info;
	int status = life_find(NAME, name, &entry, &info);

	if (status != CLI_OK)
		return status;
	if (!info.has_log)
		return cli_error(CLI_FAILED, NAME,
			"%s prints to where it was started: only what `casemate start` runs has a "
			"log",
			name);
	if (options.tail >= 0) {
		each_file(&reader, entry.directory, count_line);
		line_skip = line_count - options.tail;
	}
	each_file(&reader, entry.directory, take_tail);
	if (options.follow)
		follow(&reader, name, entry.directory);
	return cli_finish(NAME, CLI_OK);
}

static int set_tail(const char *text)
{
	char *end;

	if (!strcmp(text, "all"))
		return CLI_OK;
	options.tail = strtol(text, &end, 10);
	if (!*text || *end || options.tail < 0)
		return cli_error(CLI_USAGE, NAME, "--tail %s: must be a number or all", text);
	return CLI_OK;
}

int cli_logs(int argc, char **argv)
{
	int option, status = CLI_OK;

	while ((option = getopt_long(argc, argv, ":fn:th", long_options, NULL)) != -1) {
		if (option == 'f') {
			options.follow = true;
		} else if (option == 't') {
			options.stamps = true;
		} else if (option == 's') {
			options.since = optarg;
		} else if (option == 'n') {
			status = set_tail(optarg);
		} else if (option == 'h') {
			fputs(help, stdout);
			return cli_finish(NAME, CLI_OK);
		} else {
			return cli_bad_option(NAME, option, argv);
		}
		if (status != CLI_OK)
			return status;
	}
	if (optind != argc - 1)
		return cli_error(CLI_USAGE, NAME, "give one enclave's name; see casemate-logs(1)");
	return print_logs(argv[optind]);
}
