/* covers: fanotify_init fanotify_mark */
/* fanotify(7) with descriptors of the files: marks of all kinds, what is ignored, the queue. */
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sendfile.h>

#include "tests/conformance/ipc/fanotify.h"

/* The next event is of that file and process, and its descriptor opens it. */
static bool is_event(uint64_t mask, const char *path)
{
	const struct fanotify_event_metadata *event = next_event();
	char link[64], name[PATH_MAX] = "", wanted[PATH_MAX] = "";

	if (!event) {
		dprintf(1, "# no event, wanted %llx %s\n", (long long)mask, path);
		return false;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", event->fd);
	if (readlink(link, name, sizeof(name) - 1) < 0 || !realpath(path, wanted))
		dprintf(1, "# no name: %s\n", strerror(errno));
	close(event->fd);
	if (event->mask == mask && !strcmp(name, wanted) && event->pid == getpid() &&
		event->event_len == FAN_EVENT_METADATA_LEN &&
		event->vers == FANOTIFY_METADATA_VERSION &&
		event->metadata_len == FAN_EVENT_METADATA_LEN)
		return true;
	dprintf(1, "# got %llx %s of %d, wanted %llx %s\n", event->mask, name, event->pid,
		(long long)mask, wanted);
	return false;
}
#define EVENT(mask, path) CHECK(is_event(mask, path))

static void test_init(void)
{
	const unsigned int bad[] = {1U << 31, FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT,
		FAN_CLASS_CONTENT | FAN_REPORT_FID, FAN_REPORT_NAME,
		FAN_REPORT_FID | FAN_REPORT_NAME, FAN_REPORT_TARGET_FID,
		FAN_REPORT_TARGET_FID | FAN_REPORT_DFID_NAME, FAN_REPORT_PIDFD | FAN_REPORT_TID};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_ERRNO(fanotify_init(bad[i], O_RDONLY), EINVAL);
	CHECK_ERRNO(fanotify_init(0, O_ACCMODE), EINVAL);
	CHECK_ERRNO(fanotify_init(0, O_TRUNC), EINVAL);
	CHECK_ERRNO(fanotify_init(0, O_DIRECT), EINVAL);
	group(FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS,
		O_RDWR | O_CLOEXEC | O_APPEND | O_NONBLOCK | O_DSYNC | O_NOATIME);
	CHECK_EQ(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

static void test_mark_arguments(void)
{
	int other = open(".", O_RDONLY | O_DIRECTORY), path_only = open("f", O_PATH);

	group(0, O_RDONLY);
	CHECK_ERRNO(mark(FAN_MARK_ADD, 0, "f"), EINVAL);
	CHECK_ERRNO(mark(0, FAN_OPEN, "f"), EINVAL);
	CHECK_ERRNO(mark(FAN_MARK_ADD | FAN_MARK_REMOVE, FAN_OPEN, "f"), EINVAL);
	CHECK_ERRNO(mark(FAN_MARK_ADD | 0x8000, FAN_OPEN, "f"), EINVAL);
	CHECK_ERRNO(mark(FAN_MARK_ADD, 1UL << 32 | FAN_OPEN, "f"), EINVAL);
	CHECK_ERRNO(mark(FAN_MARK_ADD, FAN_Q_OVERFLOW, "f"), EINVAL);
	CHECK_ERRNO(mark(FAN_MARK_ADD, FAN_OPEN_PERM, "f"), EINVAL);
	CHECK_ERRNO(mark(FAN_MARK_ADD, FAN_CREATE, "."), EINVAL);
	CHECK_ERRNO(mark(FAN_MARK_ADD, FAN_ATTRIB, "f"), EINVAL);
	CHECK_ERRNO(mark(FAN_MARK_FLUSH | FAN_MARK_ONLYDIR, 0, "f"), EINVAL);
	CHECK_ERRNO(
		mark(FAN_MARK_ADD | FAN_MARK_MOUNT | FAN_MARK_EVICTABLE, FAN_OPEN, "f"), EINVAL);
	CHECK_ERRNO(mark(FAN_MARK_ADD | FAN_MARK_IGNORE | FAN_MARK_IGNORED_MASK, FAN_OPEN, "f"),
		EINVAL);
	CHECK_ERRNO(mark(FAN_MARK_ADD, FAN_OPEN, "none"), ENOENT);
	CHECK_ERRNO(mark(FAN_MARK_ADD, FAN_OPEN, ""), ENOENT);
	CHECK_ERRNO(mark(FAN_MARK_ADD, FAN_OPEN, BAD_POINTER), EFAULT);
	CHECK_ERRNO(mark(FAN_MARK_ADD | FAN_MARK_ONLYDIR, FAN_OPEN, "f"), ENOTDIR);
	CHECK_ERRNO(mark(FAN_MARK_REMOVE, FAN_OPEN, "f"), ENOENT);
	CHECK_ERRNO(fanotify_mark(-1, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "f"), EBADF);
	CHECK_ERRNO(fanotify_mark(other, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "f"), EINVAL);
	CHECK_ERRNO(fanotify_mark(-1, FAN_MARK_ADD, 0, AT_FDCWD, "f"), EINVAL);
	CHECK_ERRNO(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, 9999, "f"), EBADF);
	CHECK_ERRNO(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, 9999, NULL), EBADF);
	CHECK_ERRNO(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, path_only, NULL), EBADF);
	CHECK_OK(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN | FAN_ONDIR, other, NULL));
	CHECK_OK(fanotify_mark(fd, FAN_MARK_REMOVE, FAN_OPEN | FAN_ONDIR, other, NULL));
	CHECK_ERRNO(fanotify_mark(fd, FAN_MARK_REMOVE, FAN_OPEN, other, NULL), ENOENT);
	close(other);
	close(path_only);
}

static void test_file(void)
{
	int f;
	char c;

	group(0, O_RDONLY);
	CHECK_OK(mark(FAN_MARK_ADD, FAN_ACCESS | FAN_MODIFY | FAN_CLOSE | FAN_OPEN, "f"));
	f = open("f", O_RDWR);
	EVENT(FAN_OPEN, "f");
	CHECK_EQ(pread(f, &c, 1, 0), 1);
	EVENT(FAN_ACCESS, "f");
	CHECK_EQ(write(f, "x", 1), 1);
	EVENT(FAN_MODIFY, "f");
	/* By no path: nothing that a descriptor could be made of. */
	CHECK_OK(ftruncate(f, 1));
	CHECK_OK(truncate("f", 2));
	QUIET();
	close(f);
	EVENT(FAN_CLOSE_WRITE, "f");
	touch("f", O_PATH);
	QUIET();
	/* What is read at one time is one event. */
	touch("f", O_RDONLY);
	EVENT(FAN_OPEN | FAN_CLOSE_NOWRITE, "f");
	CHECK_OK(mark(FAN_MARK_REMOVE, FAN_OPEN | FAN_ACCESS, "f"));
	touch("f", O_RDONLY);
	EVENT(FAN_CLOSE_NOWRITE, "f");
	CHECK_OK(mark(FAN_MARK_FLUSH, 0, "none"));
	touch("f", O_RDONLY);
	QUIET();
}

/* What goes from file to file without the program's memory. */
static void test_copies(void)
{
	int pair[2], f = open("f", O_RDWR), g = open("g", O_RDWR | O_CREAT, 0644);
	loff_t offset = 0;

	group(0, O_RDONLY);
	CHECK_OK(pipe(pair));
	CHECK_OK(mark(FAN_MARK_ADD, FAN_ACCESS | FAN_MODIFY, "f"));
	CHECK_OK(mark(FAN_MARK_ADD, FAN_ACCESS | FAN_MODIFY, "g"));
	CHECK_EQ(splice(f, &offset, pair[1], NULL, 1, 0), 1);
	EVENT(FAN_ACCESS, "f");
	offset = 0;
	CHECK_EQ(splice(pair[0], NULL, g, &offset, 1, 0), 1);
	EVENT(FAN_MODIFY, "g");
	CHECK_EQ(copy_file_range(f, NULL, g, NULL, 1, 0), 1);
	EVENT(FAN_ACCESS, "f");
	EVENT(FAN_MODIFY, "g");
	CHECK_EQ(sendfile(pair[1], f, NULL, 1), 1);
	EVENT(FAN_ACCESS, "f");
	QUIET();
	close(f);
	close(g);
	close(pair[0]);
	close(pair[1]);
}

static void test_directory(void)
{
	group(0, O_RDONLY);
	CHECK_OK(mark(FAN_MARK_ADD, FAN_OPEN, "d"));
	touch("d/a", O_RDONLY);
	touch("d", O_RDONLY);
	QUIET();
	CHECK_OK(mark(FAN_MARK_ADD, FAN_EVENT_ON_CHILD, "d"));
	touch("d/a", O_RDONLY);
	EVENT(FAN_OPEN, "d/a");
	touch("d/sub", O_RDONLY);
	touch("d/sub/deep", O_RDONLY);
	QUIET();
	CHECK_OK(mark(FAN_MARK_ADD, FAN_ONDIR, "d"));
	touch("d/sub", O_RDONLY);
	EVENT(FAN_OPEN, "d/sub");
	touch("d", O_RDONLY);
	EVENT(FAN_OPEN, "d");
	CHECK_OK(mark(FAN_MARK_REMOVE, FAN_EVENT_ON_CHILD, "d"));
	touch("d/a", O_RDONLY);
	QUIET();
}

/* A descriptor of an event tells nobody what is done with it. */
static void test_silence(void)
{
	const struct fanotify_event_metadata *event;
	char c;

	group(0, O_RDWR | O_CLOEXEC);
	CHECK_OK(mark(FAN_MARK_ADD, FAN_ACCESS | FAN_MODIFY | FAN_CLOSE | FAN_OPEN, "f"));
	touch("f", O_RDONLY);
	event = next_event();
	REQUIRE(event != NULL);
	CHECK_EQ(fcntl(event->fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(event->fd, F_GETFL) & O_ACCMODE, O_RDWR);
	CHECK_EQ(pwrite(event->fd, "silent", 6, 0), 6);
	CHECK_EQ(pread(event->fd, &c, 1, 0), 1);
	close(event->fd);
	QUIET();
}

static void test_ignored(void)
{
	const uint64_t all = FAN_OPEN | FAN_MODIFY;
	int f;

	group(0, O_RDONLY);
	CHECK_OK(mark(FAN_MARK_ADD, all | FAN_EVENT_ON_CHILD, "d"));
	CHECK_OK(mark(FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, FAN_OPEN, "d/a"));
	touch("d/a", O_RDONLY);
	QUIET();
	touch("d/b", O_RDONLY);
	EVENT(FAN_OPEN, "d/b");
	/* Until it is modified. */
	f = open("d/a", O_WRONLY);
	CHECK_EQ(write(f, "x", 1), 1);
	EVENT(FAN_MODIFY, "d/a");
	/* Nothing is ignored of what is being written. */
	CHECK_OK(mark(FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, FAN_OPEN, "d/a"));
	touch("d/a", O_RDONLY);
	EVENT(FAN_OPEN, "d/a");
	CHECK_OK(mark(
		FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY, all, "d/a"));
	CHECK_EQ(write(f, "x", 1), 1);
	close(f);
	touch("d/a", O_RDONLY);
	QUIET();
	CHECK_OK(mark(FAN_MARK_REMOVE | FAN_MARK_IGNORED_MASK, FAN_OPEN, "d/a"));
	touch("d/a", O_RDONLY);
	EVENT(FAN_OPEN, "d/a");
}

/* FAN_MARK_IGNORE (Linux 6.0) has modifiers of its own. */
static void test_ignore(void)
{
	const unsigned int ignore = FAN_MARK_ADD | FAN_MARK_IGNORE | FAN_MARK_IGNORED_SURV_MODIFY;

	group(0, O_RDONLY);
	CHECK_ERRNO(mark(FAN_MARK_ADD | FAN_MARK_IGNORE, FAN_OPEN, "d"), EISDIR);
	CHECK_ERRNO(mark(FAN_MARK_ADD | FAN_MARK_IGNORE | FAN_MARK_MOUNT, FAN_OPEN, "d"), EINVAL);
	CHECK_ERRNO(mark(ignore, FAN_OPEN | FAN_ONDIR, "f"), ENOTDIR);
	CHECK_OK(mark(FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN | FAN_ONDIR, "."));
	CHECK_OK(mark(ignore, FAN_OPEN | FAN_EVENT_ON_CHILD, "d"));
	touch("d/a", O_RDONLY);
	QUIET();
	touch("d", O_RDONLY);
	EVENT(FAN_OPEN, "d");
	touch("d/sub", O_RDONLY);
	EVENT(FAN_OPEN, "d/sub");
	CHECK_ERRNO(mark(FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, FAN_OPEN, "d"), EEXIST);
	CHECK_ERRNO(mark(FAN_MARK_ADD | FAN_MARK_EVICTABLE, FAN_OPEN, "d"), EEXIST);
	CHECK_OK(mark(ignore, FAN_ONDIR, "d"));
	touch("d/sub", O_RDONLY);
	touch("d", O_RDONLY);
	QUIET();
}

static void test_mounts(void)
{
	bool mounted = mkdir("m", 0755) == 0 && mount("try", "m", "tmpfs", 0, NULL) == 0 &&
		       mkdir("n", 0755) == 0 && mount("m", "n", NULL, MS_BIND, NULL) == 0;

	if (!mounted) {
		test_skip("mounts", "nothing may be mounted");
		return;
	}
	put_file("m/f", "x");
	group(0, O_RDONLY);
	CHECK_OK(mark(FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN, "m"));
	touch("m/f", O_RDONLY);
	EVENT(FAN_OPEN, "m/f");
	touch("n/f", O_RDONLY);
	touch("f", O_RDONLY);
	QUIET();
	CHECK_OK(mark(FAN_MARK_FLUSH | FAN_MARK_MOUNT, 0, "/"));
	CHECK_OK(mark(FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN, "m/f"));
	touch("n/f", O_RDONLY);
	EVENT(FAN_OPEN, "n/f");
	touch("f", O_RDONLY);
	QUIET();
	/* Nobody is kept from taking it away, and its marks go with it. */
	CHECK_OK(umount("n"));
	CHECK_OK(mark(FAN_MARK_ADD, FAN_OPEN, "m/f"));
	CHECK_OK(umount("m"));
	QUIET();
	rmdir("m");
	rmdir("n");
}

static void test_queue(void)
{
	struct pollfd p;
	int bytes = -1;
	char small[FAN_EVENT_METADATA_LEN - 1];

	group(0, O_RDONLY);
	p = (struct pollfd){.fd = fd, .events = POLLIN | POLLOUT};
	CHECK_OK(mark(FAN_MARK_ADD, FAN_OPEN | FAN_EVENT_ON_CHILD, "d"));
	CHECK_EQ(poll(&p, 1, 0), 0);
	touch("d/a", O_RDONLY);
	touch("d/b", O_RDONLY);
	touch("d/a", O_RDONLY);
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents, POLLIN);
	CHECK_OK(ioctl(fd, FIONREAD, &bytes));
	CHECK_EQ(bytes, 2 * FAN_EVENT_METADATA_LEN);
	CHECK_ERRNO(read(fd, small, sizeof(small)), EINVAL);
	/* Equal ones are one wherever they are in the queue. */
	EVENT(FAN_OPEN, "d/a");
	EVENT(FAN_OPEN, "d/b");
	QUIET();
	CHECK_ERRNO(write(fd, small, 4), EINVAL);
	CHECK_ERRNO(ioctl(fd, 0x1234, &bytes), ENOTTY);
	touch("d/a", O_RDONLY);
	CHECK_ERRNO(syscall(SYS_read, fd, BAD_POINTER, 4096), EFAULT);
	QUIET();
}

/* The queue's end says that something is missing. */
static void test_overflow(void)
{
	char text[32] = "", name[32];
	const struct fanotify_event_metadata *event;
	long count = 0, limit, overflows = 0;

	get_file("/proc/sys/fs/fanotify/max_queued_events", text, sizeof(text));
	limit = atol(text);
	CHECK(limit > 0);
	if (!put_file("/proc/sys/fs/fanotify/max_queued_events", "4")) {
		test_skip("overflow", "the limit is not ours to set");
		return;
	}
	group(0, O_RDONLY);
	CHECK(put_file("/proc/sys/fs/fanotify/max_queued_events", text));
	CHECK_OK(mark(FAN_MARK_ADD, FAN_OPEN | FAN_EVENT_ON_CHILD, "d"));
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "d/many%d", i);
		touch(name, O_RDONLY | O_CREAT);
	}
	while ((event = next_event())) {
		count++;
		if (event->mask == FAN_Q_OVERFLOW) {
			overflows++;
			CHECK_EQ(event->fd, FAN_NOFD);
			CHECK_EQ(event->pid, 0);
		} else {
			close(event->fd);
		}
	}
	CHECK_EQ(count, 5);
	CHECK_EQ(overflows, 1);
}

/* A program that is run is opened for that, and read. */
static void test_exec(void)
{
	const struct fanotify_event_metadata *event;
	uint64_t seen = 0;
	bool is_child = true;
	pid_t pid;

	group(0, O_RDONLY);
	CHECK_OK(mark(FAN_MARK_ADD, FAN_OPEN | FAN_OPEN_EXEC, "program"));
	touch("program", O_RDONLY);
	EVENT(FAN_OPEN, "program");
	pid = test_fork();
	if (!pid) {
		execl("program", "program", "ends", NULL);
		_exit(1);
	}
	JOIN(pid);
	while ((event = next_event())) {
		seen |= event->mask;
		is_child &= event->pid == pid;
		close(event->fd);
	}
	CHECK_EQ(seen, FAN_OPEN | FAN_OPEN_EXEC);
	CHECK(is_child);
}

static void test_blocking(void)
{
	struct fanotify_event_metadata event;
	int blocking = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_TID, O_RDONLY);
	pid_t pid;

	CHECK_OK(fanotify_mark(blocking, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "f"));
	pid = test_fork();
	if (!pid) {
		let_others_run();
		touch("f", O_RDONLY);
		test_child_exit();
	}
	CHECK_EQ(read(blocking, &event, sizeof(event)), sizeof(event));
	CHECK_EQ(event.pid, pid);
	JOIN(pid);
	close(event.fd);
	close(blocking);
}

static void test_pidfd(void)
{
	const struct fanotify_event_metadata *event;
	const struct fanotify_event_info_pidfd *info;
	char path[64], text[512], wanted[32];
	pid_t pid;

	group(FAN_REPORT_PIDFD, O_RDONLY);
	CHECK_OK(mark(FAN_MARK_ADD, FAN_OPEN, "f"));
	touch("f", O_RDONLY);
	event = next_event();
	REQUIRE(event != NULL);
	info = (const void *)(event + 1);
	CHECK_EQ(event->event_len, sizeof(*event) + sizeof(*info));
	CHECK_EQ(info->hdr.info_type, FAN_EVENT_INFO_TYPE_PIDFD);
	CHECK_EQ(info->hdr.len, sizeof(*info));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", info->pidfd);
	snprintf(wanted, sizeof(wanted), "\nPid:\t%d\n", (int)getpid());
	CHECK(get_file(path, text, sizeof(text)) > 0 && strstr(text, wanted));
	close(info->pidfd);
	close(event->fd);
	/* Of a process that is gone there is none. */
	pid = test_fork();
	if (!pid) {
		touch("f", O_RDONLY);
		test_child_exit();
	}
	JOIN(pid);
	event = next_event();
	REQUIRE(event != NULL);
	info = (const void *)(event + 1);
	CHECK_EQ(info->pidfd, FAN_NOPIDFD);
	close(event->fd);
}

static void test_fdinfo(void)
{
	char path[64], text[2048], wanted[128];
	struct stat st;

	group(0, O_RDONLY);
	REQUIRE(stat("f", &st) == 0);
	CHECK_OK(mark(FAN_MARK_ADD, FAN_OPEN, "f"));
	CHECK_OK(mark(FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY,
		FAN_CLOSE, "f"));
	CHECK_OK(mark(FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_ACCESS, "f"));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	REQUIRE(get_file(path, text, sizeof(text)) > 0);
	CHECK(strstr(text, "\nfanotify flags:3 event-flags:8000\n") != NULL);
	snprintf(wanted, sizeof(wanted), "\nfanotify ino:%lx ", (unsigned long)st.st_ino);
	CHECK(strstr(text, wanted) != NULL);
	CHECK(strstr(text, " mflags:40 mask:20 ignored_mask:18 fhandle-bytes:") != NULL);
	CHECK(strstr(text, "\nfanotify mnt_id:") != NULL);
	CHECK(strstr(text, " mflags:0 mask:1 ignored_mask:0\n") != NULL);
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return 0;
	test_begin();
	if (!is_root()) {
		test_skip("fanotify with descriptors", "it is root's");
		return test_done();
	}
	put_file("f", "file");
	REQUIRE(put_program("program"));
	mkdir("d", 0755);
	mkdir("d/sub", 0755);
	put_file("d/a", "a");
	put_file("d/b", "b");
	put_file("d/sub/deep", "deep");
	test_init();
	test_mark_arguments();
	test_file();
	test_copies();
	test_directory();
	test_silence();
	test_ignored();
	test_ignore();
	test_mounts();
	test_queue();
	test_overflow();
	test_exec();
	test_blocking();
	test_pidfd();
	test_fdinfo();
	return test_done();
}
