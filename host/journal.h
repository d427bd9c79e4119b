/* What a detached enclave prints, in files: a record a line, in the form of the Kubernetes
 *container runtime interface ("CRI logging format"):
 *
 *	2026-01-31T12:00:00.123456789Z stdout F a whole line
 *	2026-01-31T12:00:00.123456789Z stderr P the beginning of one
 *
 * When `log` has reached JOURNAL_SIZE_MAX it becomes `log.1`, in place of the one before. */
#ifndef HOST_JOURNAL_H
#define HOST_JOURNAL_H

#include "image/error.h"

#define JOURNAL_SIZE_MAX (8L * 1024 * 1024)
#define JOURNAL_NAME "log"
#define JOURNAL_OLD_NAME "log.1"

struct journal {
	int directory; /* must stay open */
	int fd;
	int64_t size;
};

enum journal_stream {
	JOURNAL_STDOUT,
	JOURNAL_STDERR,
};

/* Begin `log` in that directory. */
MUST_CHECK int journal_open(struct journal *journal, int directory);
void journal_done(struct journal *journal);
/* Bytes that were printed, now. What can't be written is lost: the program goes on. */
void journal_add(
	struct journal *journal, enum journal_stream stream, const char *bytes, size_t size);

/* A record, taken apart; the texts point into the line. */
struct journal_record {
	const char *time; /* not terminated: as far as the space */
	size_t time_size;
	enum journal_stream stream;
	bool is_whole; /* the end of a line of what was printed */
	const char *text;
	size_t text_size;
};
/* @line without its '\n'. False: it is no record. */
bool journal_parse(const char *line, size_t size, struct journal_record *ret);

#endif
