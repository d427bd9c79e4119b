/* covers: inotify_init inotify_init1 inotify_add_watch inotify_rm_watch */
/* inotify(7): every event at its place, its order, masks, queues. */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

#include "tests/conformance/files/conformance.h"

#ifndef IN_MASK_CREATE
#define IN_MASK_CREATE 0x10000000
#endif

static int fd;
static char buffer[65536];
static ssize_t filled, used;

static const struct inotify_event *next_event(void)
{
	const struct inotify_event *event;

	if (used >= filled) {
		used = 0;
		filled = read(fd, buffer, sizeof(buffer));
	}
	if (filled <= 0)
		return NULL;
	event = (const struct inotify_event *)(const void *)(buffer + used);
	used += (ssize_t)(sizeof(*event) + event->len);
	return event;
}

static uint32_t last_cookie;

static bool is_event(int wd, uint32_t mask, const char *name)
{
	const struct inotify_event *event = next_event();

	if (!event) {
		dprintf(1, "# no event, wanted %x %s\n", mask, name ? name : "");
		return false;
	}
	last_cookie = event->cookie;
	if (event->wd == wd && event->mask == mask && !!name == !!event->len &&
		(!name || !strcmp(name, event->name)))
		return true;
	dprintf(1, "# got wd %d mask %x name %s, wanted wd %d mask %x name %s\n", event->wd,
		event->mask, event->len ? event->name : "", wd, mask, name ? name : "");
	return false;
}

#define EVENT(wd, mask, name) CHECK(is_event(wd, mask, name))
#define QUIET() CHECK(next_event() == NULL && errno == EAGAIN)

static void restart(void)
{
	if (fd > 0)
		close(fd);
	filled = used = 0;
	fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	REQUIRE(fd >= 0);
}

static void test_files(void)
{
	int wd, f;
	char c;

	restart();
	mkdir("d", 0755);
	wd = inotify_add_watch(fd, "d", IN_ALL_EVENTS);
	CHECK_EQ(wd, 1);
	f = open("d/f", O_RDWR | O_CREAT, 0644);
	EVENT(wd, IN_CREATE, "f");
	EVENT(wd, IN_OPEN, "f");
	CHECK_EQ(write(f, "hello", 5), 5);
	EVENT(wd, IN_MODIFY, "f");
	CHECK_EQ(pread(f, &c, 1, 0), 1);
	EVENT(wd, IN_ACCESS, "f");
	CHECK_EQ(pread(f, &c, 1, 100), 0);
	QUIET();
	CHECK_OK(ftruncate(f, 3));
	EVENT(wd, IN_MODIFY, "f");
	CHECK_OK(fchmod(f, 0600));
	EVENT(wd, IN_ATTRIB, "f");
	close(f);
	EVENT(wd, IN_CLOSE_WRITE, "f");
	CHECK_OK(chmod("d/f", 0644));
	EVENT(wd, IN_ATTRIB, "f");
	CHECK_OK(chown("d/f", geteuid(), (gid_t)-1));
	EVENT(wd, IN_ATTRIB, "f");
	CHECK_OK(utimes("d/f", NULL));
	EVENT(wd, IN_ATTRIB, "f");
	CHECK_OK(truncate("d/f", 10));
	EVENT(wd, IN_MODIFY, "f");
	close(open("d/f", O_RDONLY));
	EVENT(wd, IN_OPEN, "f");
	EVENT(wd, IN_CLOSE_NOWRITE, "f");
	close(open("d/f", O_WRONLY | O_TRUNC));
	EVENT(wd, IN_OPEN, "f");
	EVENT(wd, IN_MODIFY, "f");
	EVENT(wd, IN_CLOSE_WRITE, "f");
	close(open("d/f", O_PATH));
	QUIET();
	CHECK_OK(unlink("d/f"));
	EVENT(wd, IN_DELETE, "f");
	QUIET();
}

static void test_directories(void)
{
	int wd = inotify_add_watch(fd, "d", IN_ALL_EVENTS), sub;

	CHECK_EQ(wd, 1);
	CHECK_OK(mkdir("d/sub", 0755));
	EVENT(wd, IN_CREATE | IN_ISDIR, "sub");
	sub = inotify_add_watch(fd, "d/sub", IN_ALL_EVENTS);
	CHECK_EQ(sub, 2);
	CHECK_OK(symlink("nowhere", "d/link"));
	EVENT(wd, IN_CREATE, "link");
	CHECK_OK(mkfifo("d/fifo", 0600));
	EVENT(wd, IN_CREATE, "fifo");
	CHECK_OK(unlink("d/link"));
	EVENT(wd, IN_DELETE, "link");
	CHECK_OK(unlink("d/fifo"));
	EVENT(wd, IN_DELETE, "fifo");
	CHECK_OK(rmdir("d/sub"));
	EVENT(sub, IN_DELETE_SELF, NULL);
	EVENT(sub, IN_IGNORED, NULL);
	EVENT(wd, IN_DELETE | IN_ISDIR, "sub");
	QUIET();
	CHECK_ERRNO(inotify_rm_watch(fd, sub), EINVAL);
}

static void test_self(void)
{
	int file, f;
	const struct inotify_event *event;

	restart();
	put_file("self", "x");
	file = inotify_add_watch(fd, "self", IN_ALL_EVENTS);
	f = open("self", O_WRONLY | O_APPEND);
	EVENT(file, IN_OPEN, NULL);
	CHECK_EQ(write(f, "y", 1), 1);
	EVENT(file, IN_MODIFY, NULL);
	CHECK_OK(link("self", "other"));
	EVENT(file, IN_ATTRIB, NULL);
	CHECK_OK(unlink("other"));
	EVENT(file, IN_ATTRIB, NULL);
	CHECK_OK(unlink("self"));
	EVENT(file, IN_ATTRIB, NULL);
	QUIET();
	close(f);
	EVENT(file, IN_CLOSE_WRITE, NULL);
	EVENT(file, IN_DELETE_SELF, NULL);
	EVENT(file, IN_IGNORED, NULL);
	QUIET();
	mkdir("selfdir", 0755);
	file = inotify_add_watch(fd, "selfdir", IN_DELETE_SELF | IN_MOVE_SELF);
	CHECK_OK(rename("selfdir", "selfdir2"));
	EVENT(file, IN_MOVE_SELF, NULL);
	CHECK_OK(rmdir("selfdir2"));
	EVENT(file, IN_DELETE_SELF, NULL);
	event = next_event();
	CHECK(event && event->mask == IN_IGNORED);
}

static void test_renames(void)
{
	int a, b, f;
	uint32_t cookie;

	restart();
	mkdir("a", 0755);
	mkdir("b", 0755);
	put_file("a/x", "x");
	put_file("b/old", "old");
	a = inotify_add_watch(fd, "a", IN_ALL_EVENTS);
	b = inotify_add_watch(fd, "b", IN_ALL_EVENTS);
	CHECK_OK(rename("a/x", "b/y"));
	EVENT(a, IN_MOVED_FROM, "x");
	cookie = last_cookie;
	CHECK(cookie != 0);
	EVENT(b, IN_MOVED_TO, "y");
	CHECK_EQ(last_cookie, cookie);
	CHECK_OK(rename("b/y", "b/z"));
	EVENT(b, IN_MOVED_FROM, "y");
	CHECK(last_cookie != cookie);
	EVENT(b, IN_MOVED_TO, "z");
	f = inotify_add_watch(fd, "b/old", IN_ALL_EVENTS);
	CHECK_OK(rename("b/z", "b/old"));
	EVENT(b, IN_MOVED_FROM, "z");
	EVENT(b, IN_MOVED_TO, "old");
	EVENT(f, IN_ATTRIB, NULL);
	EVENT(f, IN_DELETE_SELF, NULL);
	EVENT(f, IN_IGNORED, NULL);
	mkdir("a/sub", 0755);
	EVENT(a, IN_CREATE | IN_ISDIR, "sub");
	CHECK_OK(rename("a/sub", "b/sub"));
	EVENT(a, IN_MOVED_FROM | IN_ISDIR, "sub");
	EVENT(b, IN_MOVED_TO | IN_ISDIR, "sub");
	QUIET();
}

static void test_masks(void)
{
	int wd;

	restart();
	mkdir("m", 0755);
	put_file("m/f", "x");
	symlink("m", "tolink");
	wd = inotify_add_watch(fd, "m", IN_CREATE);
	CHECK_EQ(inotify_add_watch(fd, "tolink", IN_OPEN), wd);
	put_file("m/g", "x");
	EVENT(wd, IN_OPEN, "g");
	QUIET();
	CHECK_EQ(inotify_add_watch(fd, "m", IN_CREATE | IN_MASK_ADD), wd);
	put_file("m/h", "x");
	EVENT(wd, IN_CREATE, "h");
	EVENT(wd, IN_OPEN, "h");
	QUIET();
	CHECK_ERRNO(inotify_add_watch(fd, "m", IN_CREATE | IN_MASK_CREATE), EEXIST);
	CHECK_ERRNO(inotify_add_watch(fd, "m", IN_CREATE | IN_MASK_ADD | IN_MASK_CREATE), EINVAL);
	CHECK_ERRNO(inotify_add_watch(fd, "m/f", IN_OPEN | IN_ONLYDIR), ENOTDIR);
	CHECK_ERRNO(inotify_add_watch(fd, "m", 0), EINVAL);
	CHECK_ERRNO(inotify_add_watch(fd, "none", IN_OPEN), ENOENT);
	CHECK_ERRNO(inotify_add_watch(fd, BAD_POINTER, IN_OPEN), EFAULT);
	CHECK_ERRNO(inotify_add_watch(-1, "m", IN_OPEN), EBADF);
	CHECK_ERRNO(inotify_add_watch(0, "m", IN_OPEN), EINVAL);
	CHECK_ERRNO(inotify_init1(~0), EINVAL);
	wd = inotify_add_watch(fd, "tolink", IN_ATTRIB | IN_DONT_FOLLOW);
	CHECK(wd > 1);
	CHECK_OK(lchown("tolink", geteuid(), (gid_t)-1));
	EVENT(wd, IN_ATTRIB, NULL);
	wd = inotify_add_watch(fd, "m/f", IN_OPEN | IN_ONESHOT);
	close(open("m/f", O_RDONLY));
	while (next_event() && ((struct inotify_event *)(void *)buffer)->wd != wd)
		;
	restart();
	wd = inotify_add_watch(fd, "m/f", IN_OPEN | IN_ONESHOT);
	close(open("m/f", O_RDONLY));
	close(open("m/f", O_RDONLY));
	EVENT(wd, IN_OPEN, NULL);
	EVENT(wd, IN_IGNORED, NULL);
	QUIET();
	wd = inotify_add_watch(fd, "m/f", IN_OPEN);
	CHECK_EQ(wd, 2);
	CHECK_OK(inotify_rm_watch(fd, wd));
	EVENT(wd, IN_IGNORED, NULL);
	CHECK_ERRNO(inotify_rm_watch(fd, wd), EINVAL);
	CHECK_ERRNO(inotify_rm_watch(0, 1), EINVAL);
	CHECK_ERRNO(inotify_rm_watch(-1, 1), EBADF);
}

static void test_unlinked_children(void)
{
	int wd, f;

	restart();
	wd = inotify_add_watch(fd, "m", IN_MODIFY | IN_CLOSE_WRITE);
	f = open("m/gone", O_RDWR | O_CREAT, 0600);
	CHECK_OK(unlink("m/gone"));
	CHECK_EQ(write(f, "x", 1), 1);
	EVENT(wd, IN_MODIFY, "gone");
	CHECK_EQ(inotify_add_watch(fd, "m", IN_MODIFY | IN_EXCL_UNLINK), wd);
	CHECK_EQ(write(f, "x", 1), 1);
	close(f);
	QUIET();
}

static void test_queue(void)
{
	struct pollfd p;
	struct epoll_event ev = {.events = EPOLLIN}, out;
	int wd, f, bytes = -1, ep = epoll_create1(0);
	char small[8];

	restart();
	p = (struct pollfd){.fd = fd, .events = POLLIN | POLLOUT};
	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	wd = inotify_add_watch(fd, "m", IN_MODIFY);
	CHECK_EQ(poll(&p, 1, 0), 0);
	f = open("m/f", O_WRONLY);
	/* Equal events in a row are one. */
	for (int i = 0; i < 3; i++)
		CHECK_EQ(write(f, "x", 1), 1);
	close(f);
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents, POLLIN);
	CHECK_EQ(epoll_wait(ep, &out, 1, 0), 1);
	CHECK_OK(ioctl(fd, FIONREAD, &bytes));
	CHECK_EQ(bytes, 32);
	CHECK_ERRNO(read(fd, small, sizeof(small)), EINVAL);
	EVENT(wd, IN_MODIFY, "f");
	QUIET();
	CHECK_EQ(poll(&p, 1, 0), 0);
	CHECK_ERRNO(write(fd, small, 1), EBADF);
	close(ep);
}

/* The queue's end says that something is missing. */
static void test_overflow(void)
{
	char text[32] = "";
	long queued_max, count = 0;
	const struct inotify_event *event;
	bool overflow = false;

	get_file("/proc/sys/fs/inotify/max_queued_events", text, sizeof(text));
	queued_max = atol(text);
	if (queued_max <= 0 || queued_max > 100000) {
		test_skip("overflow", "the queue is too long to fill");
		return;
	}
	restart();
	inotify_add_watch(fd, "m", IN_ATTRIB);
	for (long i = 0; i < queued_max; i++) {
		chmod("m/f", 0600);
		chmod("m/g", 0600);
	}
	while ((event = next_event())) {
		count++;
		overflow = event->mask == IN_Q_OVERFLOW && event->wd == -1;
	}
	CHECK(overflow);
	CHECK_EQ(count, queued_max + 1);
}

static void test_blocking(void)
{
	char text[512];
	int blocking = inotify_init();
	pid_t pid;

	CHECK(inotify_add_watch(blocking, "m", IN_CREATE) == 1);
	pid = test_fork();
	if (!pid) {
		let_others_run();
		put_file("m/new", "x");
		test_child_exit();
	}
	CHECK_EQ(read(blocking, text, sizeof(text)), 32);
	JOIN(pid);
	CHECK(get_file("/proc/sys/fs/inotify/max_user_watches", text, sizeof(text)) > 0);
	snprintf(text, sizeof(text), "/proc/self/fdinfo/%d", blocking);
	CHECK(get_file(text, text, sizeof(text)) > 0);
	CHECK(strstr(text, "inotify wd:1 ino:") != NULL);
	close(blocking);
}

static void test_readdir(void)
{
	char entries[1024];
	int wd, dir = open("m", O_RDONLY | O_DIRECTORY);

	restart();
	wd = inotify_add_watch(fd, "m", IN_ACCESS | IN_CLOSE_NOWRITE);
	CHECK(syscall(SYS_getdents64, dir, entries, sizeof(entries)) > 0);
	EVENT(wd, IN_ACCESS | IN_ISDIR, NULL);
	close(dir);
	EVENT(wd, IN_CLOSE_NOWRITE | IN_ISDIR, NULL);
}

int main(void)
{
	test_begin();
	test_files();
	test_directories();
	test_self();
	test_renames();
	test_masks();
	test_unlinked_children();
	test_queue();
	test_overflow();
	test_blocking();
	test_readdir();
	return test_done();
}
