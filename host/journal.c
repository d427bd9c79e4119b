#include "host/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define STAMP_SIZE 64

int journal_open(struct journal *journal, int directory)
{
	journal->directory = directory;
	journal->size = 0;
	journal->fd = openat(directory, JOURNAL_NAME,
		O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	return journal->fd < 0 ? -errno : 0;
}

void journal_done(struct journal *journal)
{
	if (journal->fd >= 0)
		close(journal->fd);
	journal->fd = -1;
}

static void rotate(struct journal *journal)
{
	if (renameat(journal->directory, JOURNAL_NAME, journal->directory, JOURNAL_OLD_NAME) < 0)
		return;
	journal_done(journal);
	(void)!journal_open(journal, journal->directory);
}

static size_t format_stamp(char *to, size_t size, enum journal_stream stream, bool is_whole)
{
	struct timespec now;
	struct tm tm;
	char seconds[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm);
	return (size_t)snprintf(to, size, "%s.%09ldZ %s %c ", seconds, now.tv_nsec,
		stream == JOURNAL_STDOUT ? "stdout" : "stderr", is_whole ? 'F' : 'P');
}

static void add_record(struct journal *journal, enum journal_stream stream, const char *text,
	size_t size, bool is_whole)
{
	char stamp[STAMP_SIZE];
	size_t stamp_size = format_stamp(stamp, sizeof(stamp), stream, is_whole);
	struct iovec parts[] = {{stamp, stamp_size}, {(void *)text, size}, {(void *)"\n", 1}};
	ssize_t written;

	if (journal->size + (int64_t)(stamp_size + size) >= JOURNAL_SIZE_MAX)
		rotate(journal);
	written = writev(journal->fd, parts, 3);
	if (written > 0)
		journal->size += written;
}

void journal_add(
	struct journal *journal, enum journal_stream stream, const char *bytes, size_t size)
{
	const char *end;

	for (; size; size -= (size_t)(end - bytes), bytes = end) {
		const char *newline = memchr(bytes, '\n', size);

		end = newline ? newline + 1 : bytes + size;
		add_record(journal, stream, bytes, (size_t)((newline ? newline : end) - bytes),
			newline);
	}
}

static const char *word(const char **at, const char *end, size_t *ret_size)
{
	const char *begin = *at, *space = memchr(begin, ' ', (size_t)(end - begin));

	if (!space)
		return NULL;
	*ret_size = (size_t)(space - begin);
	*at = space + 1;
	return begin;
}

bool journal_parse(const char *line, size_t size, struct journal_record *ret)
{
	const char *at = line, *end = line + size, *stream, *tag;
	size_t stream_size, tag_size;

	ret->time = word(&at, end, &ret->time_size);
	stream = ret->time ? word(&at, end, &stream_size) : NULL;
	tag = stream ? word(&at, end, &tag_size) : NULL;
	if (!tag || tag_size != 1 || stream_size != 6 || (*tag != 'F' && *tag != 'P'))
		return false;
	ret->stream = !memcmp(stream, "stderr", 6) ? JOURNAL_STDERR : JOURNAL_STDOUT;
	ret->is_whole = *tag == 'F';
	ret->text = at;
	ret->text_size = (size_t)(end - at);
	return true;
}
