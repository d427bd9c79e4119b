/* Reading the events of a fanotify(7) descriptor, one at a time. */
#ifndef TESTS_CONFORMANCE_IPC_FANOTIFY_H
#define TESTS_CONFORMANCE_IPC_FANOTIFY_H

#include <sys/fanotify.h>

#include "tests/conformance/files/conformance.h"

#ifndef FAN_REPORT_TARGET_FID
#define FAN_REPORT_TARGET_FID 0x1000
#endif
#ifndef FAN_RENAME
#define FAN_RENAME 0x10000000
#endif
#ifndef FAN_MARK_IGNORE
#define FAN_MARK_IGNORE 0x400
#endif
#ifndef FAN_MARK_EVICTABLE
#define FAN_MARK_EVICTABLE 0x200
#endif

static int fd = -1;
static char buffer[65536];
static ssize_t filled, used;
static bool only_own; /* the rest of the machine is heard, too */

UNUSED_FN static void group(unsigned int flags, unsigned int event_flags)
{
	if (fd >= 0)
		close(fd);
	filled = used = 0;
	only_own = false;
	fd = fanotify_init(flags | FAN_NONBLOCK | FAN_CLOEXEC, event_flags);
	REQUIRE(fd >= 0);
}

/* The next one of what was read, or NULL. */
UNUSED_FN static const struct fanotify_event_metadata *next_event(void)
{
	const struct fanotify_event_metadata *event;

	for (;;) {
		if (used >= filled) {
			used = 0;
			filled = read(fd, buffer, sizeof(buffer));
		}
		if (filled <= 0)
			return NULL;
		event = (const struct fanotify_event_metadata *)(const void *)(buffer + used);
		used += event->event_len;
		if (!only_own || event->pid == getpid())
			return event;
		if (event->fd >= 0)
			close(event->fd);
	}
}

UNUSED_FN static bool is_quiet(void)
{
	const struct fanotify_event_metadata *event = next_event();

	if (event)
		dprintf(1, "# an event, %llx of %d\n", event->mask, event->pid);
	return !event && errno == EAGAIN;
}
#define QUIET() CHECK(is_quiet())

UNUSED_FN static int mark(unsigned int flags, uint64_t mask, const char *path)
{
	only_own |= (flags & (FAN_MARK_FILESYSTEM | FAN_MARK_MOUNT)) != 0;
	return fanotify_mark(fd, flags, mask, AT_FDCWD, path);
}

/* This program under another name, that nobody else runs; it ends at once if it has an argument. */
UNUSED_FN static bool put_program(const char *path)
{
	int from = open("/proc/self/exe", O_RDONLY), to = open(path, O_WRONLY | O_CREAT, 0755);
	ssize_t n;

	while ((n = read(from, buffer, sizeof(buffer))) > 0)
		if (write(to, buffer, (size_t)n) != n)
			break;
	close(from);
	close(to);
	return n == 0;
}

/* Open and close it again. */
UNUSED_FN static void touch(const char *path, int flags)
{
	int file = open(path, flags, 0644);

	if (file >= 0)
		close(file);
}

#endif
