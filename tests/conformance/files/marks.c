/* covers: file_getattr file_setattr ioctl statx open unlink rename link chmod chown utimensat
 * truncate fallocate fcntl */
/* ioctl_iflags(2): what immutable and append-only files and directories refuse, root too. */
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/xattr.h>

#include "tests/conformance/files/conformance.h"

static int marks_of(const char *path)
{
	int marks = -1, fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &marks))
		marks = -1;
	close(fd);
	return marks;
}

static int mark(const char *path, int set, int clear)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), marks, r;

	if (fd < 0)
		return -1;
	r = ioctl(fd, FS_IOC_GETFLAGS, &marks);
	marks = (marks & ~clear) | set;
	r = r ? r : ioctl(fd, FS_IOC_SETFLAGS, &marks);
	close(fd);
	return r;
}

static uint64_t attributes_of(const char *path)
{
	struct statx stx;

	return syscall(SYS_statx, AT_FDCWD, path, 0, STATX_ALL, &stx) ? 0 : stx.stx_attributes;
}

static void check_fixed(const char *path)
{
	static const struct timespec given[2] = {{1, 0}, {2, 0}};

	CHECK_ERRNO(unlink(path), EPERM);
	CHECK_ERRNO(rename(path, "other"), EPERM);
	CHECK_ERRNO(link(path, "other"), EPERM);
	CHECK_ERRNO(chmod(path, 0600), EPERM);
	CHECK_ERRNO(chown(path, 1, 1), EPERM);
	CHECK_ERRNO(utimensat(AT_FDCWD, path, given, 0), EPERM);
	CHECK_ERRNO(truncate(path, 0), EPERM);
	CHECK_ERRNO(open(path, O_WRONLY), EPERM);
	CHECK_ERRNO(open(path, O_RDWR), EPERM);
	CHECK_ERRNO(open(path, O_WRONLY | O_APPEND | O_TRUNC), EPERM);
	CHECK_ERRNO(setxattr(path, "user.a", "x", 1, 0), EPERM);
}

static void test_immutable(void)
{
	int before, reader;

	REQUIRE(put_file("file", "text"));
	before = open("file", O_RDWR);
	CHECK_OK(mark("file", FS_IMMUTABLE_FL, 0));
	CHECK_EQ(marks_of("file") & (FS_IMMUTABLE_FL | FS_APPEND_FL), FS_IMMUTABLE_FL);
	CHECK_EQ(attributes_of("file") & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND),
		STATX_ATTR_IMMUTABLE);
	check_fixed("file");
	CHECK_ERRNO(open("file", O_WRONLY | O_APPEND), EPERM);
	CHECK_ERRNO(utimensat(AT_FDCWD, "file", NULL, 0), EPERM);
	CHECK_ERRNO(access("file", W_OK), EPERM);
	CHECK_ERRNO(fallocate(before, FALLOC_FL_KEEP_SIZE, 0, 4096), EPERM);
	CHECK_ERRNO(fchmod(before, 0600), EPERM);
	reader = open("file", O_RDONLY);
	CHECK(reader >= 0);
	close(reader);
	close(before);
	CHECK_OK(mark("file", 0, FS_IMMUTABLE_FL));
	CHECK_OK(chmod("file", 0600));
	CHECK_OK(unlink("file"));
}

static void test_append_only(void)
{
	int fd;

	REQUIRE(put_file("file", "text"));
	CHECK_OK(mark("file", FS_APPEND_FL, 0));
	CHECK_EQ(attributes_of("file") & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND),
		STATX_ATTR_APPEND);
	check_fixed("file");
	CHECK_OK(utimensat(AT_FDCWD, "file", NULL, 0));
	fd = open("file", O_RDWR | O_APPEND);
	CHECK_EQ(write(fd, "more", 4), 4);
	CHECK_ERRNO(ftruncate(fd, 0), EPERM);
	CHECK_ERRNO(fcntl(fd, F_SETFL, 0), EPERM);
	CHECK_OK(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK));
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED &&
		errno == EACCES);
	CHECK_ERRNO(fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 4), EPERM);
	close(fd);
	CHECK_OK(mark("file", 0, FS_APPEND_FL));
	CHECK_OK(unlink("file"));
}

static void test_directories(void)
{
	REQUIRE(mkdir("d", 0755) == 0 && put_file("d/old", "x"));
	CHECK_OK(mark("d", FS_APPEND_FL, 0));
	CHECK(put_file("d/new", "x"));
	CHECK_ERRNO(unlink("d/new"), EPERM);
	CHECK_ERRNO(rename("d/old", "old"), EPERM);
	CHECK_OK(mark("d", FS_IMMUTABLE_FL, FS_APPEND_FL));
	CHECK_ERRNO(open("d/third", O_WRONLY | O_CREAT, 0600), EPERM);
	CHECK_ERRNO(mkdir("d/third", 0700), EPERM);
	CHECK_ERRNO(unlink("d/old"), EPERM);
	CHECK_ERRNO(rmdir("d"), EPERM);
	CHECK_OK(mark("d/old", 0, 0)); /* what is in it may change */
	CHECK(put_file("d/old", "y"));
	CHECK_OK(mark("d", 0, FS_IMMUTABLE_FL));
	CHECK_OK(unlink("d/old"));
	CHECK_OK(unlink("d/new"));
	/* What is made in it begins like it, but not fixed. */
	CHECK_OK(mark("d", FS_NODUMP_FL | FS_NOATIME_FL | FS_APPEND_FL, 0));
	REQUIRE(put_file("d/f", "x"));
	CHECK_EQ(marks_of("d/f") & (FS_NODUMP_FL | FS_NOATIME_FL | FS_APPEND_FL),
		FS_NODUMP_FL | FS_NOATIME_FL);
	CHECK(attributes_of("d/f") & STATX_ATTR_NODUMP);
	CHECK_OK(mark("d", 0, FS_APPEND_FL));
	CHECK_OK(unlink("d/f"));
	CHECK_OK(rmdir("d"));
}

static void test_who_may(void)
{
	struct fsxattr extended;
	int marks = 0, ends[2], fd;

	REQUIRE(put_file("file", "x"));
	CHECK_OK(mark("file", FS_NODUMP_FL, 0));
	fd = open("file", O_RDONLY);
	CHECK_OK(ioctl(fd, FS_IOC_FSGETXATTR, &extended));
	CHECK_EQ(extended.fsx_xflags & (FS_XFLAG_NODUMP | FS_XFLAG_IMMUTABLE), FS_XFLAG_NODUMP);
	CHECK_ERRNO(ioctl(fd, FS_IOC_SETFLAGS, BAD_POINTER), EFAULT);
	CHECK_ERRNO(ioctl(fd, FS_IOC_GETFLAGS, BAD_POINTER), EFAULT);
	CHECK_OK(pipe(ends));
	CHECK_ERRNO(ioctl(ends[0], FS_IOC_GETFLAGS, &marks), ENOTTY);
	FORKED("only the owner marks a file, and only the administrator fixes it")
	{
		become_nobody();
		CHECK_OK(ioctl(fd, FS_IOC_GETFLAGS, &marks));
		CHECK_ERRNO(ioctl(fd, FS_IOC_SETFLAGS, &marks), EPERM);
	}
	CHECK_OK(fchown(fd, 65534, 65534));
	FORKED("an owner may not make it immutable")
	{
		become_nobody();
		CHECK_OK(ioctl(fd, FS_IOC_GETFLAGS, &marks));
		marks &= ~FS_NODUMP_FL;
		CHECK_OK(ioctl(fd, FS_IOC_SETFLAGS, &marks));
		marks |= FS_IMMUTABLE_FL;
		CHECK_ERRNO(ioctl(fd, FS_IOC_SETFLAGS, &marks), EPERM);
	}
	close(fd);
	CHECK_OK(unlink("file"));
}

#define SYS_file_getattr_ 468
#define SYS_file_setattr_ 469

struct file_marks {
	uint64_t flags;
	uint32_t extent_size, extent_count, project, copy_extent_size;
};

static long get_marks(int dir, const char *path, void *marks, size_t size, unsigned int flags)
{
	return syscall(SYS_file_getattr_, dir, path, marks, size, flags);
}

static long set_marks(int dir, const char *path, void *marks, size_t size, unsigned int flags)
{
	return syscall(SYS_file_setattr_, dir, path, marks, size, flags);
}

static void test_by_path(void)
{
	struct {
		struct file_marks marks;
		uint64_t more;
	} now = {0};
	size_t size = sizeof(struct file_marks);

	REQUIRE(put_file("file", "x") && mkdir("d", 0755) == 0);
	CHECK_OK(mark("file", FS_NODUMP_FL, 0));
	now.more = 5;
	CHECK_OK(get_marks(AT_FDCWD, "file", &now, sizeof(now), 0));
	CHECK(now.marks.flags & FS_XFLAG_NODUMP && !(now.marks.flags & FS_XFLAG_IMMUTABLE));
	CHECK_EQ(now.more, 0);
	now.marks.flags = FS_XFLAG_NODUMP | FS_XFLAG_IMMUTABLE;
	CHECK_OK(set_marks(AT_FDCWD, "file", &now, sizeof(now), 0));
	CHECK_ERRNO(unlink("file"), EPERM);
	now.marks.flags = 0;
	CHECK_OK(set_marks(AT_FDCWD, "file", &now, size, 0));
	CHECK_EQ(marks_of("file") & (FS_IMMUTABLE_FL | FS_NODUMP_FL), 0);
	CHECK_ERRNO(get_marks(AT_FDCWD, "none", &now, size, 0), ENOENT);
	CHECK_ERRNO(get_marks(-1, "file", &now, size, 0), EBADF);
	CHECK_ERRNO(get_marks(AT_FDCWD, BAD_POINTER, &now, size, 0), EFAULT);
	CHECK_ERRNO(get_marks(AT_FDCWD, "file", BAD_POINTER, size, 0), EFAULT);
	CHECK_ERRNO(get_marks(AT_FDCWD, "file", &now, size - 1, 0), EINVAL);
	CHECK_ERRNO(get_marks(AT_FDCWD, "file", &now, 4097, 0), E2BIG);
	CHECK_ERRNO(get_marks(AT_FDCWD, "file", &now, size, 1), EINVAL);
	CHECK_ERRNO(set_marks(AT_FDCWD, "none", &now, size, 0), ENOENT);
	CHECK_ERRNO(set_marks(AT_FDCWD, "file", BAD_POINTER, size, 0), EFAULT);
	CHECK_ERRNO(set_marks(AT_FDCWD, "file", &now, size - 1, 0), EINVAL);
	CHECK_ERRNO(set_marks(AT_FDCWD, "file", &now, 4097, 0), E2BIG);
	CHECK_ERRNO(set_marks(AT_FDCWD, "file", &now, size, 1), EINVAL);
	now.more = 1;
	CHECK_ERRNO(set_marks(AT_FDCWD, "file", &now, sizeof(now), 0), E2BIG);
	now.more = 0;
	now.marks.flags = 0;
	now.marks.project = 16;
	CHECK_ERRNO(set_marks(AT_FDCWD, "file", &now, size, 0), EOPNOTSUPP);
	CHECK_OK(unlink("file"));
	CHECK_OK(rmdir("d"));
}

int main(void)
{
	test_begin();
	REQUIRE(put_file("try", ""));
	if (mark("try", FS_IMMUTABLE_FL, 0) || mark("try", 0, FS_IMMUTABLE_FL)) {
		test_skip("marks", "needs CAP_LINUX_IMMUTABLE and a file system that has them");
		return test_done();
	}
	test_immutable();
	test_append_only();
	test_directories();
	test_who_may();
	errno = 0;
	if (get_marks(-1, "", NULL, 0, 0) == -1 && errno == ENOSYS)
		test_skip("marks by path", "Linux 6.17");
	else
		test_by_path();
	return test_done();
}
