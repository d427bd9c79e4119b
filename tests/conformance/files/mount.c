/* covers: mount umount2 sysfs */
/* What root may mount: tmpfs and proc, each with its flags and limits; and when it may go again.
 * The mounts are the test's own, in a namespace of its own where the kernel gives it one. */
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include "tests/conformance/files/conformance.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif

#define SIZE_LIMIT (1 << 20)

static bool may_mount(void)
{
	if (unshare(CLONE_NEWNS) == 0)
		(void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	if (mount("try", "m", "tmpfs", 0, NULL))
		return false;
	CHECK_OK(umount("m"));
	return true;
}

static unsigned long flags_of(const char *path)
{
	struct statvfs fs;

	return statvfs(path, &fs) ? 0 : fs.f_flag;
}

static bool table_has(const char *text)
{
	static char table[65536];

	return get_file("/proc/self/mounts", table, sizeof(table)) > 0 && strstr(table, text);
}

static void test_tree(void)
{
	struct stat above, below;

	REQUIRE(put_file("m/hidden", "below"));
	CHECK_OK(stat("m", &below));
	CHECK_OK(mount("casemate-test", "m", "tmpfs", 0, "mode=0750,uid=3,gid=4"));
	CHECK_OK(stat("m", &above));
	CHECK(above.st_dev != below.st_dev && above.st_ino != below.st_ino);
	CHECK_EQ(above.st_mode, S_IFDIR | 0750);
	CHECK(above.st_uid == 3 && above.st_gid == 4);
	CHECK(!exists("m/hidden"));
	CHECK(table_has("casemate-test "));
	CHECK(same_file("m/..", "."));
	REQUIRE(put_file("m/file", "in"));
	CHECK_ERRNO(link("m/file", "linked"), EXDEV);
	CHECK_ERRNO(rename("m/file", "moved"), EXDEV);
	CHECK_ERRNO(rmdir("m"), EBUSY);
	CHECK_ERRNO(rename("m", "n"), EBUSY);
	CHECK_OK(mkdir("m/a", 0755));
	CHECK_OK(mkdir("m/a/b", 0755));
	REQUIRE(put_file("m/a/b/c", "deep"));
	CHECK_OK(umount("m"));
	CHECK(file_is("m/hidden", "below"));
	CHECK(!exists("m/file") && !table_has("casemate-test "));
	CHECK_OK(mount("casemate-test", "m", "tmpfs", 0, NULL));
	CHECK(!exists("m/file"));
	CHECK_OK(stat("m", &above));
	CHECK_EQ(above.st_mode & 07777, 01777);
	CHECK_OK(umount("m"));
}

static void test_stack(void)
{
	CHECK_OK(mount("one", "m", "tmpfs", 0, NULL));
	REQUIRE(put_file("m/one", ""));
	CHECK_OK(mkdir("m/d", 0755));
	CHECK_OK(mount("inner", "m/d", "tmpfs", 0, NULL));
	CHECK_ERRNO(umount("m"), EBUSY);
	CHECK_OK(umount("m/d"));
	CHECK_OK(mount("two", "m", "tmpfs", 0, NULL));
	CHECK(!exists("m/one"));
	CHECK_OK(umount("m"));
	CHECK(exists("m/one"));
	CHECK_OK(umount("m"));
	CHECK_ERRNO(umount("m"), EINVAL);
}

static void test_busy(void)
{
	char buf[PATH_MAX];
	int fd;

	CHECK_OK(mount("busy", "m", "tmpfs", 0, NULL));
	fd = open("m/file", O_RDWR | O_CREAT, 0644);
	CHECK_ERRNO(umount("m"), EBUSY);
	CHECK_ERRNO(mount("busy", "m", NULL, MS_REMOUNT | MS_RDONLY, NULL), EBUSY);
	close(fd);
	FORKED("a working directory keeps it")
	{
		CHECK_OK(chdir("m"));
		CHECK_ERRNO(umount("../m"), EBUSY);
	}
	fd = open("m/file", O_RDWR);
	CHECK_OK(umount2("m", MNT_DETACH));
	CHECK(!exists("m/file"));
	CHECK_EQ(write(fd, "still", 5), 5);
	CHECK_EQ(pread(fd, buf, sizeof(buf), 0), 5);
	close(fd);
	FORKED("who is in a detached one stays there")
	{
		CHECK_OK(mount("lazy", "m", "tmpfs", 0, NULL));
		CHECK_OK(mkdir("m/d", 0755));
		CHECK_OK(chdir("m/d"));
		CHECK_OK(umount2("../../m", MNT_DETACH));
		CHECK(syscall(SYS_getcwd, buf, sizeof(buf)) > 0);
		CHECK(!strncmp(buf, "(unreachable)", 13));
		CHECK(put_file("f", "x") && file_is("f", "x"));
		CHECK_OK(chdir("/"));
	}
	CHECK_OK(mount("expire", "m", "tmpfs", 0, NULL));
	CHECK_ERRNO(umount2("m", 4 /* MNT_EXPIRE */), EAGAIN);
	CHECK_OK(access("m", F_OK)); /* it is used again */
	CHECK_ERRNO(umount2("m", 4), EAGAIN);
	CHECK_OK(umount2("m", 4));
	CHECK_ERRNO(umount2("m", 4 | MNT_DETACH), EINVAL);
	CHECK_ERRNO(umount2("m", 0x100), EINVAL);
}

static void test_flags(void)
{
	CHECK_OK(mount("flags", "m", "tmpfs", 0, NULL));
	REQUIRE(put_file("m/file", ""));
	CHECK_OK(chmod("m/file", 0755));
	CHECK_OK(mknod("m/null", S_IFCHR | 0666, 0x103));
	CHECK_OK(symlink("file", "m/link"));
	CHECK(open("m/null", O_RDONLY | O_CLOEXEC) >= 0);
	CHECK_OK(umount2("m", MNT_DETACH));

	CHECK_OK(mount("flags", "m", "tmpfs", MS_RDONLY, NULL));
	CHECK_ERRNO(open("m/new", O_WRONLY | O_CREAT, 0644), EROFS);
	CHECK_ERRNO(mkdir("m/d", 0755), EROFS);
	CHECK_ERRNO(chmod("m", 0700), EROFS);
	CHECK(flags_of("m") & ST_RDONLY);
	CHECK_OK(mount(NULL, "m", NULL, MS_REMOUNT, NULL));
	CHECK(put_file("m/new", "text"));
	CHECK_OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	CHECK_ERRNO(open("m/new", O_WRONLY), EROFS);
	CHECK(file_is("m/new", "text"));
	CHECK_OK(umount("m"));
	CHECK_ERRNO(mount(NULL, "m", NULL, MS_REMOUNT, NULL), EINVAL);

	CHECK_OK(mount(
		"flags", "m", "tmpfs", MS_NODEV | MS_NOEXEC | MS_NOSUID | MS_NOSYMFOLLOW, NULL));
	CHECK_EQ(flags_of("m") & (ST_NODEV | ST_NOEXEC | ST_NOSUID),
		ST_NODEV | ST_NOEXEC | ST_NOSUID);
	CHECK_OK(mknod("m/null", S_IFCHR | 0666, 0x103));
	CHECK_ERRNO(open("m/null", O_RDONLY), EACCES);
	REQUIRE(put_file("m/file", "#!/bin/sh\n"));
	CHECK_OK(chmod("m/file", 0755));
	CHECK_ERRNO(execl("m/file", "m/file", NULL), EACCES);
	CHECK_ERRNO(access("m/file", X_OK), EACCES);
	CHECK_OK(symlink("file", "m/link"));
	CHECK_ERRNO(open("m/link", O_RDONLY), ELOOP);
	CHECK(exists("m/link"));
	CHECK_OK(umount("m"));
}

/* Where nothing is left to read it was read all the same. */
static bool end_counts_as_read(void)
{
	const struct timespec times[2] = {{1000, 0}, {2000, 0}};
	struct stat st;
	char byte;
	int fd = open("m/file", O_RDWR | O_CREAT, 0644);
	bool ok = fd >= 0 && !futimens(fd, times) && pread(fd, &byte, 1, 100) == 0 &&
		  !fstat(fd, &st) && st.st_atim.tv_sec > 2000;

	close(fd);
	return ok;
}

static int64_t atime_after_read(void)
{
	const struct timespec times[2] = {{1000, 0}, {2000, 0}};
	struct stat st;
	char byte;
	int fd = open("m/file", O_RDWR | O_CREAT, 0644);

	if (fd < 0 || pwrite(fd, "x", 1, 0) != 1 || futimens(fd, times) ||
		pread(fd, &byte, 1, 0) != 1 || fstat(fd, &st))
		return -1;
	close(fd);
	return st.st_atim.tv_sec;
}

static void test_times(void)
{
	CHECK_OK(mount("times", "m", "tmpfs", MS_NOATIME, NULL));
	CHECK(flags_of("m") & ST_NOATIME);
	CHECK_EQ(atime_after_read(), 1000);
	/* Times stay as they were unless one of the ways is named. */
	CHECK_OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_NODEV, NULL));
	CHECK_EQ(atime_after_read(), 1000);
	CHECK_OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_RELATIME, NULL));
	CHECK(atime_after_read() > 2000);
	CHECK_OK(mount(NULL, "m", NULL, MS_REMOUNT | MS_STRICTATIME, NULL));
	CHECK(atime_after_read() > 2000);
	CHECK(end_counts_as_read());
	CHECK_OK(umount("m"));
}

static void test_limits(void)
{
	static char block[SIZE_LIMIT / 4];
	struct statvfs fs;
	ssize_t n, all = 0;
	int fd;

	CHECK_OK(mount("limits", "m", "tmpfs", 0, "size=1m,nr_inodes=3"));
	CHECK_OK(statvfs("m", &fs));
	CHECK_EQ(fs.f_blocks * fs.f_frsize, SIZE_LIMIT);
	CHECK(fs.f_files == 3 && fs.f_ffree == 2);
	fd = open("m/file", O_RDWR | O_CREAT, 0644);
	while ((n = write(fd, block, sizeof(block))) > 0)
		all += n;
	CHECK(n == -1 && errno == ENOSPC);
	CHECK_EQ(all, SIZE_LIMIT);
	CHECK_OK(statvfs("m", &fs));
	CHECK_EQ(fs.f_bfree, 0);
	CHECK_EQ(pwrite(fd, "x", 1, 0), 1); /* what is there may be written again */
	CHECK_OK(ftruncate(fd, SIZE_LIMIT / 2));
	CHECK_OK(statvfs("m", &fs));
	CHECK_EQ(fs.f_bfree * fs.f_frsize, SIZE_LIMIT / 2);
	CHECK_ERRNO(fallocate(fd, 0, 0, 2 * SIZE_LIMIT), ENOSPC);
	CHECK(put_file("m/two", ""));
	CHECK_ERRNO(open("m/three", O_WRONLY | O_CREAT, 0644), ENOSPC);
	CHECK_OK(unlink("m/two"));
	CHECK(put_file("m/three", "x"));
	CHECK_OK(mount(NULL, "m", NULL, MS_REMOUNT, "size=2m"));
	CHECK_OK(statvfs("m", &fs));
	CHECK_EQ(fs.f_blocks * fs.f_frsize, 2 * SIZE_LIMIT);
	CHECK_ERRNO(mount(NULL, "m", NULL, MS_REMOUNT, "size=4k"), EINVAL);
	close(fd);
	CHECK_OK(umount("m"));
	CHECK_ERRNO(mount("limits", "m", "tmpfs", 0, "size=lots"), EINVAL);
	CHECK_ERRNO(mount("limits", "m", "tmpfs", 0, "colour=red"), EINVAL);
}

static void test_move(void)
{
	CHECK_OK(mount("moved", "m", "tmpfs", 0, NULL));
	REQUIRE(put_file("m/file", "x"));
	CHECK_OK(mkdir("m/d", 0755));
	CHECK_ERRNO(mount("m", "m/d", NULL, MS_MOVE, NULL), ELOOP);
	CHECK_ERRNO(mount("m/d", "n", NULL, MS_MOVE, NULL), EINVAL);
	CHECK_OK(mount("m", "n", NULL, MS_MOVE, NULL));
	CHECK(file_is("n/file", "x") && !exists("m/file"));
	CHECK_OK(umount("n"));
}

static void test_proc(void)
{
	CHECK_OK(mount("proc", "m", "proc", MS_NOSUID, NULL));
	CHECK(exists("m/self/status"));
	CHECK_OK(umount("m"));
	CHECK(!exists("m/self"));
}

/* The tables can be polled: each change is told once, whoever made it. */
static void test_polled_table(void)
{
	struct pollfd poller = {.fd = open("/proc/self/mounts", O_RDONLY), .events = POLLPRI};
	struct epoll_event event = {.events = EPOLLPRI};
	int info = open("/proc/self/mountinfo", O_RDONLY), epoll = epoll_create1(0);

	CHECK_EQ(poll(&poller, 1, 0), 0);
	CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, info, &event));
	CHECK_EQ(epoll_wait(epoll, &event, 1, 0), 0);
	FORKED("whoever mounts something")
	{
		CHECK_OK(mount("tmpfs", "m", "tmpfs", 0, NULL));
	}
	CHECK_EQ(poll(&poller, 1, 10000), 1);
	CHECK_EQ(poller.revents, POLLPRI | POLLERR);
	CHECK_EQ(poll(&poller, 1, 0), 0);
	CHECK_EQ(epoll_wait(epoll, &event, 1, 10000), 1);
	CHECK_EQ(event.events, EPOLLPRI | EPOLLERR);
	CHECK_EQ(epoll_wait(epoll, &event, 1, 0), 0);
	FORKED("or takes it away")
	{
		CHECK_OK(umount("m"));
	}
	CHECK_EQ(epoll_wait(epoll, &event, 1, 10000), 1);
	CHECK_EQ(poll(&poller, 1, 0), 1);
	close(poller.fd);
	close(info);
	close(epoll);
}

static void test_errors(void)
{
	static char long_name[PATH_MAX + 1];

	memset(long_name, 'x', PATH_MAX);
	CHECK_ERRNO(mount("x", "m", "no-such-type", 0, NULL), ENODEV);
	CHECK_ERRNO(mount("x", "m", NULL, 0, NULL), EINVAL);
	CHECK_ERRNO(mount("x", "none", "tmpfs", 0, NULL), ENOENT);
	CHECK_ERRNO(mount("x", "file", "tmpfs", 0, NULL), ENOTDIR);
	CHECK_ERRNO(mount("x", "file/d", "tmpfs", 0, NULL), ENOTDIR);
	CHECK_ERRNO(mount("x", long_name, "tmpfs", 0, NULL), ENAMETOOLONG);
	CHECK_ERRNO(mount("x", BAD_POINTER, "tmpfs", 0, NULL), EFAULT);
	CHECK_ERRNO(mount("x", "m", BAD_POINTER, 0, NULL), EFAULT);
	CHECK_ERRNO(mount(NULL, "n", NULL, MS_PRIVATE, NULL), EINVAL);
	CHECK_ERRNO(mount(NULL, "n", NULL, MS_PRIVATE | MS_SHARED, NULL), EINVAL);
	CHECK_ERRNO(umount2("none", 0), ENOENT);
	CHECK_ERRNO(umount2(BAD_POINTER, 0), EFAULT);
	CHECK_ERRNO(umount2("n", 0), EINVAL);
	FORKED("only CAP_SYS_ADMIN mounts, but the path is looked up first")
	{
		become_nobody();
		CHECK_ERRNO(mount("x", "m", "tmpfs", 0, NULL), EPERM);
		CHECK_ERRNO(mount("x", "none", "tmpfs", 0, NULL), ENOENT);
		CHECK_ERRNO(umount2("m", 0), EPERM);
	}
}

/* sysfs(2), an older way to ask for /proc/filesystems. */
static void test_types(void)
{
	char name[64] = "";
	long count = syscall(SYS_sysfs, 3), index = syscall(SYS_sysfs, 1, "proc");

	CHECK(index >= 0 && index < count);
	CHECK_OK(syscall(SYS_sysfs, 2, index, name));
	CHECK_STR(name, "proc");
	CHECK_ERRNO(syscall(SYS_sysfs, 1, "no-such-type"), EINVAL);
	CHECK_ERRNO(syscall(SYS_sysfs, 1, BAD_POINTER), EFAULT);
	CHECK_ERRNO(syscall(SYS_sysfs, 2, count, name), EINVAL);
	CHECK_ERRNO(syscall(SYS_sysfs, 2, 0, BAD_POINTER), EFAULT);
	CHECK_ERRNO(syscall(SYS_sysfs, 4), EINVAL);
}

static ssize_t next_event(int fd, struct inotify_event *event)
{
	return read(fd, event, sizeof(*event));
}

/* Who watches what is in it hears that it goes, whatever else was asked for. */
static void test_watched(void)
{
	int fd = inotify_init1(IN_NONBLOCK), wd, outside;
	struct inotify_event event;

	CHECK_OK(mount("watched", "m", "tmpfs", 0, NULL));
	REQUIRE(put_file("m/file", ""));
	wd = inotify_add_watch(fd, "m/file", IN_MODIFY);
	outside = inotify_add_watch(fd, "n", IN_CREATE);
	CHECK_OK(umount("m"));
	CHECK_EQ(next_event(fd, &event), sizeof(event));
	CHECK_EQ(event.wd, wd);
	CHECK_EQ(event.mask, IN_UNMOUNT);
	CHECK_EQ(next_event(fd, &event), sizeof(event));
	CHECK_EQ(event.wd, wd);
	CHECK_EQ(event.mask, IN_IGNORED);
	CHECK_ERRNO(next_event(fd, &event), EAGAIN);
	CHECK_ERRNO(inotify_rm_watch(fd, wd), EINVAL);
	CHECK_OK(inotify_rm_watch(fd, outside));
	close(fd);
}

int main(void)
{
	test_begin();
	if (syscall(SYS_sysfs, 3) < 0)
		test_skip("sysfs(2)", "the kernel is built without it, or a filter refuses it");
	else
		test_types();
	REQUIRE(mkdir("m", 0755) == 0 && mkdir("n", 0755) == 0 && put_file("file", "x"));
	if (!may_mount()) {
		test_skip("mounting", "needs CAP_SYS_ADMIN");
		return test_done();
	}
	test_tree();
	test_stack();
	test_busy();
	test_flags();
	test_times();
	test_limits();
	test_move();
	test_proc();
	test_polled_table();
	test_watched();
	test_errors();
	return test_done();
}
