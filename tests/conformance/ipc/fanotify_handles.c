/* covers: fanotify_init fanotify_mark */
/* fanotify(7) with file handles: what happens to names and inodes, and who may listen. */
#include <sys/vfs.h>

#include "tests/conformance/ipc/fanotify.h"

#define TARGET (FAN_REPORT_FID | FAN_REPORT_DIR_FID | FAN_REPORT_NAME | FAN_REPORT_TARGET_FID)

struct id {
	union {
		struct file_handle handle;
		char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	};
	__kernel_fsid_t fsid;
};

static struct id id_of(const char *path)
{
	struct id id = {.fsid = {{0}}};
	struct statfs fs;
	int mount_id;

	id.handle.handle_bytes = MAX_HANDLE_SZ;
	if (name_to_handle_at(AT_FDCWD, path, &id.handle, &mount_id, 0) || statfs(path, &fs))
		dprintf(1, "# no handle of %s: %s\n", path, strerror(errno));
	else
		memcpy(&id.fsid, &fs.f_fsid, sizeof(id.fsid));
	return id;
}

/* What follows an event's head, one after the other. */
static const char *at, *end;

static bool is_info(int type, const struct id *id, const char *name)
{
	const struct fanotify_event_info_fid *info = (const void *)at;
	const struct file_handle *handle = (const void *)info->handle;
	const char *found;

	if (at >= end) {
		dprintf(1, "# no more, wanted type %d %s\n", type, name ? name : "");
		return false;
	}
	found = (const char *)handle->f_handle + handle->handle_bytes;
	at += info->hdr.len;
	if (info->hdr.info_type == type && !memcmp(&info->fsid, &id->fsid, sizeof(id->fsid)) &&
		handle->handle_bytes == id->handle.handle_bytes &&
		handle->handle_type == id->handle.handle_type &&
		!memcmp(handle->f_handle, id->handle.f_handle, handle->handle_bytes) &&
		info->hdr.len % 4 == 0 && (name ? found < at && !strcmp(found, name) : found == at))
		return true;
	dprintf(1, "# got type %d len %d handle %d.%u %s, wanted type %d %d.%u %s\n",
		info->hdr.info_type, info->hdr.len, handle->handle_type, handle->handle_bytes,
		found < at ? found : "", type, id->handle.handle_type, id->handle.handle_bytes,
		name ? name : "");
	return false;
}

static bool is_event(uint64_t mask)
{
	const struct fanotify_event_metadata *event = next_event();

	at = end = NULL;
	if (!event) {
		dprintf(1, "# no event, wanted %llx\n", (long long)mask);
		return false;
	}
	at = (const char *)(event + 1);
	end = (const char *)event + event->event_len;
	if (event->mask == mask && event->fd == FAN_NOFD && event->pid == getpid())
		return true;
	dprintf(1, "# got %llx of %d, wanted %llx\n", event->mask, event->pid, (long long)mask);
	return false;
}

#define EVENT(mask) CHECK(is_event(mask))
#define INFO(type, id, name) CHECK(is_info(FAN_EVENT_INFO_TYPE_##type, id, name))
#define LAST() CHECK(at == end)

static void test_fid(void)
{
	struct id f = id_of("f"), d = id_of("d"), a = id_of("d/a");

	group(FAN_CLASS_NOTIF | FAN_REPORT_FID, O_RDONLY);
	CHECK_OK(mark(FAN_MARK_ADD, FAN_OPEN | FAN_ATTRIB | FAN_MODIFY, "f"));
	touch("f", O_RDONLY);
	EVENT(FAN_OPEN);
	INFO(FID, &f, NULL);
	LAST();
	CHECK_OK(chmod("f", 0600));
	CHECK_OK(truncate("f", 3));
	EVENT(FAN_ATTRIB | FAN_MODIFY);
	INFO(FID, &f, NULL);
	LAST();
	CHECK_OK(mark(FAN_MARK_ADD,
		FAN_CREATE | FAN_DELETE | FAN_OPEN | FAN_ONDIR | FAN_EVENT_ON_CHILD, "d"));
	touch("d/new", O_WRONLY | O_CREAT);
	EVENT(FAN_CREATE);
	INFO(FID, &d, NULL);
	LAST();
	EVENT(FAN_OPEN);
	CHECK_OK(unlink("d/new"));
	CHECK_OK(mkdir("d/newdir", 0755));
	CHECK_OK(rmdir("d/newdir"));
	/* Of a file and of a directory are told apart. */
	EVENT(FAN_DELETE);
	EVENT(FAN_CREATE | FAN_DELETE | FAN_ONDIR);
	INFO(FID, &d, NULL);
	LAST();
	touch("d/a", O_RDONLY);
	EVENT(FAN_OPEN);
	INFO(FID, &a, NULL);
	LAST();
	touch("d", O_RDONLY);
	EVENT(FAN_OPEN | FAN_ONDIR);
	INFO(FID, &d, NULL);
	LAST();
	QUIET();
}

/* The directory alone, with the name, and with what the name is of. */
static void test_dir_fid(void)
{
	struct id d = id_of("d"), a = id_of("d/a"), sub = id_of("d/sub");
	const uint64_t mask = FAN_OPEN | FAN_DELETE | FAN_ONDIR | FAN_EVENT_ON_CHILD;

	group(FAN_REPORT_DIR_FID | FAN_REPORT_FID, O_RDONLY);
	CHECK_OK(mark(FAN_MARK_ADD, mask, "d"));
	touch("d/a", O_RDONLY);
	EVENT(FAN_OPEN);
	INFO(DFID, &d, NULL);
	INFO(FID, &a, NULL);
	LAST();
	group(FAN_REPORT_DFID_NAME, O_RDONLY);
	CHECK_OK(mark(FAN_MARK_ADD, mask, "d"));
	touch("d/a", O_RDONLY);
	touch("d/sub", O_RDONLY);
	touch("d", O_RDONLY);
	EVENT(FAN_OPEN);
	INFO(DFID_NAME, &d, "a");
	LAST();
	EVENT(FAN_OPEN | FAN_ONDIR);
	INFO(DFID_NAME, &sub, ".");
	LAST();
	EVENT(FAN_OPEN | FAN_ONDIR);
	INFO(DFID_NAME, &d, ".");
	LAST();
	/* A mark on the file brings the name with it, too. */
	group(FAN_REPORT_DFID_NAME | FAN_REPORT_FID, O_RDONLY);
	CHECK_OK(mark(FAN_MARK_ADD, FAN_OPEN, "d/a"));
	touch("d/a", O_RDONLY);
	EVENT(FAN_OPEN);
	INFO(DFID_NAME, &d, "a");
	INFO(FID, &a, NULL);
	LAST();
	QUIET();
}

static void test_dir_fid_alone(void)
{
	struct id d = id_of("d"), sub = id_of("d/sub");

	group(FAN_REPORT_DIR_FID, O_RDONLY);
	CHECK_OK(mark(FAN_MARK_ADD, FAN_OPEN | FAN_DELETE | FAN_ONDIR | FAN_EVENT_ON_CHILD, "d"));
	touch("d/x", O_WRONLY | O_CREAT);
	CHECK_OK(unlink("d/x"));
	EVENT(FAN_OPEN | FAN_DELETE);
	INFO(DFID, &d, NULL);
	LAST();
	touch("d/sub", O_RDONLY);
	EVENT(FAN_OPEN | FAN_ONDIR);
	INFO(DFID, &sub, NULL);
	LAST();
	QUIET();
}

static void test_names(void)
{
	struct id d = id_of("d"), x, y;

	group(TARGET, O_RDONLY);
	CHECK_OK(mark(FAN_MARK_ADD, FAN_CREATE | FAN_DELETE | FAN_MOVE | FAN_ONDIR, "d"));
	touch("d/x", O_WRONLY | O_CREAT);
	x = id_of("d/x");
	EVENT(FAN_CREATE);
	INFO(DFID_NAME, &d, "x");
	INFO(FID, &x, NULL);
	LAST();
	CHECK_OK(mkdir("d/y", 0755));
	y = id_of("d/y");
	EVENT(FAN_CREATE | FAN_ONDIR);
	INFO(DFID_NAME, &d, "y");
	INFO(FID, &y, NULL);
	LAST();
	CHECK_OK(link("d/x", "d/hard"));
	CHECK_OK(symlink("x", "d/soft"));
	EVENT(FAN_CREATE);
	INFO(DFID_NAME, &d, "hard");
	INFO(FID, &x, NULL);
	EVENT(FAN_CREATE);
	CHECK_OK(unlink("d/soft"));
	CHECK_OK(unlink("d/hard"));
	EVENT(FAN_DELETE);
	EVENT(FAN_DELETE);
	INFO(DFID_NAME, &d, "hard");
	INFO(FID, &x, NULL);
	CHECK_OK(rename("d/x", "e/x2"));
	EVENT(FAN_MOVED_FROM);
	INFO(DFID_NAME, &d, "x");
	INFO(FID, &x, NULL);
	CHECK_OK(rename("e/x2", "d/x"));
	EVENT(FAN_MOVED_TO);
	INFO(DFID_NAME, &d, "x");
	INFO(FID, &x, NULL);
	CHECK_OK(unlink("d/x"));
	CHECK_OK(rmdir("d/y"));
	EVENT(FAN_DELETE);
	EVENT(FAN_DELETE | FAN_ONDIR);
	INFO(DFID_NAME, &d, "y");
	INFO(FID, &y, NULL);
	QUIET();
}

/* FAN_RENAME tells of both ends whom both concern. */
static void test_rename(void)
{
	struct id d = id_of("d"), e = id_of("e"), a = id_of("d/a");

	group(TARGET, O_RDONLY);
	CHECK_ERRNO(mark(FAN_MARK_ADD, FAN_RENAME, "f"), ENOTDIR);
	CHECK_OK(mark(FAN_MARK_ADD, FAN_RENAME, "d"));
	CHECK_OK(rename("d/a", "e/b"));
	EVENT(FAN_RENAME);
	INFO(OLD_DFID_NAME, &d, "a");
	INFO(FID, &a, NULL);
	LAST();
	CHECK_OK(rename("e/b", "d/a"));
	EVENT(FAN_RENAME);
	INFO(NEW_DFID_NAME, &d, "a");
	INFO(FID, &a, NULL);
	LAST();
	CHECK_OK(rename("d/a", "d/c"));
	EVENT(FAN_RENAME);
	INFO(OLD_DFID_NAME, &d, "a");
	INFO(NEW_DFID_NAME, &d, "c");
	INFO(FID, &a, NULL);
	LAST();
	CHECK_OK(mark(FAN_MARK_ADD, FAN_RENAME, "e"));
	CHECK_OK(rename("d/c", "e/a"));
	EVENT(FAN_RENAME);
	INFO(OLD_DFID_NAME, &d, "c");
	INFO(NEW_DFID_NAME, &e, "a");
	INFO(FID, &a, NULL);
	LAST();
	CHECK_OK(rename("e/a", "d/a"));
	group(FAN_REPORT_FID | FAN_REPORT_DIR_FID, O_RDONLY);
	CHECK_ERRNO(mark(FAN_MARK_ADD, FAN_RENAME, "d"), EINVAL);
}

static void test_self(void)
{
	struct id x, y;

	touch("x", O_WRONLY | O_CREAT);
	CHECK_OK(mkdir("y", 0755));
	x = id_of("x");
	y = id_of("y");
	group(FAN_REPORT_FID, O_RDONLY);
	CHECK_OK(mark(FAN_MARK_ADD, FAN_MOVE_SELF | FAN_DELETE_SELF, "x"));
	CHECK_OK(mark(FAN_MARK_ADD, FAN_MOVE_SELF | FAN_DELETE_SELF, "y"));
	CHECK_OK(rename("x", "z"));
	EVENT(FAN_MOVE_SELF);
	INFO(FID, &x, NULL);
	LAST();
	/* Without FAN_ONDIR of files alone. */
	CHECK_OK(rename("y", "w"));
	QUIET();
	CHECK_OK(mark(FAN_MARK_ADD, FAN_ONDIR, "w"));
	CHECK_OK(rmdir("w"));
	EVENT(FAN_DELETE_SELF | FAN_ONDIR);
	INFO(FID, &y, NULL);
	LAST();
	CHECK_OK(unlink("z"));
	EVENT(FAN_DELETE_SELF);
	INFO(FID, &x, NULL);
	LAST();
	QUIET();
}

static void test_file_system(void)
{
	struct id d = id_of("d"), a = id_of("d/a");

	if (!is_root()) {
		test_skip("marks of file systems", "they are root's");
		return;
	}
	group(TARGET, O_RDONLY);
	CHECK_OK(mark(FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_RENAME, "."));
	CHECK_OK(rename("d/a", "d/c"));
	EVENT(FAN_RENAME);
	INFO(OLD_DFID_NAME, &d, "a");
	INFO(NEW_DFID_NAME, &d, "c");
	INFO(FID, &a, NULL);
	LAST();
	CHECK_OK(rename("d/c", "d/a"));
	CHECK_ERRNO(mark(FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_CREATE, "."), EINVAL);
	CHECK_OK(mark(FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN_EXEC, "."));
}

/* Who has no rights may listen to inodes that they may read. */
static void test_unprivileged(void)
{
	become_nobody();
	CHECK_ERRNO(fanotify_init(0, O_RDONLY), EPERM);
	CHECK_ERRNO(fanotify_init(FAN_REPORT_FID | FAN_UNLIMITED_QUEUE, O_RDONLY), EPERM);
	CHECK_ERRNO(fanotify_init(FAN_REPORT_FID | FAN_UNLIMITED_MARKS, O_RDONLY), EPERM);
	CHECK_ERRNO(fanotify_init(FAN_REPORT_FID | FAN_REPORT_TID, O_RDONLY), EPERM);
	CHECK_ERRNO(fanotify_init(FAN_REPORT_FID | FAN_REPORT_PIDFD, O_RDONLY), EPERM);
	CHECK_ERRNO(fanotify_init(FAN_CLASS_CONTENT, O_RDONLY), EPERM);
	group(FAN_REPORT_FID, O_RDONLY);
	CHECK_ERRNO(mark(FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN, "."), EPERM);
	CHECK_ERRNO(mark(FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN, "."), EPERM);
	CHECK_ERRNO(mark(FAN_MARK_ADD, FAN_OPEN, "secret"), EACCES);
	CHECK_OK(mark(FAN_MARK_ADD, FAN_OPEN, "g"));
}

/* And learn no numbers of other processes. */
static void test_pids(void)
{
	const struct fanotify_event_metadata *event;
	pid_t pid;

	become_nobody();
	group(FAN_REPORT_FID, O_RDONLY);
	CHECK_OK(mark(FAN_MARK_ADD, FAN_OPEN, "g"));
	pid = test_fork();
	if (!pid) {
		touch("g", O_RDONLY);
		test_child_exit();
	}
	JOIN(pid);
	event = next_event();
	CHECK(event && event->pid == 0);
	touch("g", O_RDONLY);
	EVENT(FAN_OPEN);
}

static void prepare(void)
{
	put_file("f", "file");
	put_file("g", "file");
	put_file("secret", "x");
	chmod("secret", is_root() ? 0600 : 0);
	mkdir("d", 0755);
	mkdir("e", 0755);
	mkdir("d/sub", 0755);
	put_file("d/a", "a");
}

int main(void)
{
	test_begin();
	prepare();
	test_fid();
	test_dir_fid();
	test_dir_fid_alone();
	test_names();
	test_rename();
	test_self();
	test_file_system();
	FORKED("who has no rights may do little")
	{
		test_unprivileged();
	}
	FORKED("and learns no numbers of processes")
	{
		test_pids();
	}
	return test_done();
}
