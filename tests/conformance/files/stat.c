/* covers: stat lstat fstat newfstatat statx mknodat */
/* stat(2) and statx(2): types, links, sizes, blocks, times, flags. */
#include <linux/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>

#include "tests/conformance/files/conformance.h"

static void test_regular(void)
{
	struct stat a, b, c;
	int fd;

	put_file("f", "12345");
	fd = open("f", O_RDONLY);
	CHECK_EQ(syscall(SYS_stat, "f", &a), 0);
	CHECK_EQ(syscall(SYS_fstat, fd, &b), 0);
	CHECK_EQ(syscall(SYS_newfstatat, AT_FDCWD, "f", &c, 0), 0);
	CHECK(S_ISREG(a.st_mode));
	CHECK_EQ(a.st_mode & 07777, 0644);
	CHECK_EQ(a.st_size, 5);
	CHECK_EQ(a.st_nlink, 1);
	CHECK_EQ(a.st_uid, geteuid());
	CHECK(a.st_blksize >= 512);
	CHECK(a.st_ino != 0);
	CHECK(a.st_ino == b.st_ino && b.st_ino == c.st_ino);
	CHECK(a.st_dev == b.st_dev && b.st_dev == c.st_dev);
	close(fd);
}

static void test_types(void)
{
	struct stat st;
	int p[2];

	CHECK_OK(mkdir("dir", 0700));
	CHECK_OK(stat("dir", &st));
	CHECK(S_ISDIR(st.st_mode));
	CHECK_OK(symlink("f", "link"));
	CHECK_EQ(syscall(SYS_lstat, "link", &st), 0);
	CHECK(S_ISLNK(st.st_mode));
	CHECK_EQ(st.st_size, 1);
	CHECK_OK(stat("link", &st));
	CHECK(S_ISREG(st.st_mode));
	CHECK_OK(mknod("fifo", S_IFIFO | 0600, 0));
	CHECK_OK(stat("fifo", &st));
	CHECK(S_ISFIFO(st.st_mode));
	CHECK_OK(mknodat(AT_FDCWD, "sock", S_IFSOCK | 0600, 0));
	CHECK_OK(stat("sock", &st));
	CHECK(S_ISSOCK(st.st_mode));
	CHECK_OK(pipe(p));
	CHECK_OK(fstat(p[0], &st));
	CHECK(S_ISFIFO(st.st_mode));
	CHECK_OK(stat("/dev/null", &st));
	CHECK(S_ISCHR(st.st_mode));
	CHECK_EQ(st.st_rdev, makedev(1, 3));
	close(p[0]);
	close(p[1]);
}

static void test_directory_links(void)
{
	struct stat st;

	CHECK_OK(mkdir("d2", 0700));
	CHECK_OK(stat("d2", &st));
	CHECK_EQ(st.st_nlink, 2);
	CHECK_OK(mkdir("d2/sub", 0700));
	CHECK_OK(stat("d2", &st));
	CHECK_EQ(st.st_nlink, 3);
	put_file("d2/file", "");
	CHECK_OK(stat("d2", &st));
	CHECK_EQ(st.st_nlink, 3);
	CHECK(same_file("d2", "d2/sub/.."));
	CHECK(same_file("d2", "d2/."));
	CHECK_OK(rmdir("d2/sub"));
	CHECK_OK(stat("d2", &st));
	CHECK_EQ(st.st_nlink, 2);
}

static void test_blocks(void)
{
	char block[8192];
	struct stat st;
	int fd = open("sparse", O_RDWR | O_CREAT, 0600);

	memset(block, 1, sizeof(block));
	CHECK_OK(ftruncate(fd, 1 << 24));
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_size, 1 << 24);
	CHECK(st.st_blocks < 1024);
	CHECK_EQ(write(fd, block, sizeof(block)), sizeof(block));
	CHECK_OK(fsync(fd));
	CHECK_OK(fstat(fd, &st));
	CHECK(st.st_blocks >= 16);
	CHECK(st.st_blocks < 1024);
	close(fd);
}

static bool later(struct timespec a, struct timespec b)
{
	return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

/* Make every timestamp old, so that "was updated" needs no waiting. */
static struct stat aged(const char *path)
{
	const struct timespec old[2] = {{1000, 0}, {1000, 0}};
	struct stat st = {0};

	utimensat(AT_FDCWD, path, old, 0);
	stat(path, &st);
	return st;
}

static void test_times(void)
{
	struct stat before = aged("f"), after;
	int fd = open("f", O_RDWR);

	CHECK_EQ(before.st_mtim.tv_sec, 1000);
	CHECK(before.st_ctim.tv_sec > 1000);
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_OK(stat("f", &after));
	CHECK(later(after.st_mtim, before.st_mtim));
	CHECK(!later(before.st_ctim, after.st_ctim));
	CHECK_EQ(after.st_atim.tv_sec, 1000);
	aged("f");
	CHECK_OK(chmod("f", 0600));
	CHECK_OK(stat("f", &after));
	CHECK_EQ(after.st_mtim.tv_sec, 1000);
	CHECK_OK(ftruncate(fd, 1));
	CHECK_OK(stat("f", &after));
	CHECK(after.st_mtim.tv_sec > 1000);
	close(fd);
	before = aged("dir");
	put_file("dir/entry", "");
	CHECK_OK(stat("dir", &after));
	CHECK(later(after.st_mtim, before.st_mtim));
	aged("dir");
	CHECK_OK(unlink("dir/entry"));
	CHECK_OK(stat("dir", &after));
	CHECK(after.st_mtim.tv_sec > 1000);
}

static void test_at_flags(void)
{
	struct stat st;
	int fd = open("f", O_RDONLY), dir = open("dir", O_RDONLY);

	CHECK_OK(fstatat(AT_FDCWD, "link", &st, AT_SYMLINK_NOFOLLOW));
	CHECK(S_ISLNK(st.st_mode));
	CHECK_OK(fstatat(fd, "", &st, AT_EMPTY_PATH));
	CHECK(S_ISREG(st.st_mode));
	CHECK_OK(fstatat(AT_FDCWD, "", &st, AT_EMPTY_PATH));
	CHECK(S_ISDIR(st.st_mode));
	CHECK_ERRNO(fstatat(fd, "", &st, 0), ENOENT);
	CHECK_OK(fstatat(dir, "../f", &st, 0));
	CHECK_ERRNO(fstatat(fd, "x", &st, 0), ENOTDIR);
	CHECK_ERRNO(fstatat(-1, "x", &st, 0), EBADF);
	CHECK_OK(fstatat(-1, "/", &st, 0));
	CHECK_ERRNO(fstatat(AT_FDCWD, "f", &st, 0x40000000), EINVAL);
	close(fd);
	close(dir);
}

static void test_errors(void)
{
	struct stat st;

	CHECK_ERRNO(stat("none", &st), ENOENT);
	CHECK_ERRNO(stat("", &st), ENOENT);
	CHECK_ERRNO(stat("f/x", &st), ENOTDIR);
	CHECK_ERRNO(stat("f/", &st), ENOTDIR);
	CHECK_ERRNO(lstat("link/", &st), ENOTDIR);
	CHECK_ERRNO(fstat(-1, &st), EBADF);
	CHECK_ERRNO(syscall(SYS_stat, BAD_POINTER, &st), EFAULT);
	CHECK_ERRNO(syscall(SYS_stat, "f", BAD_POINTER), EFAULT);
	CHECK_ERRNO(syscall(SYS_fstat, 0, BAD_POINTER), EFAULT);
}

static void test_statx(void)
{
	struct statx sx;
	struct stat st;
	int fd = open("f", O_RDONLY);

	memset(&sx, 0xff, sizeof(sx));
	CHECK_OK(stat("f", &st));
	CHECK_EQ(syscall(SYS_statx, AT_FDCWD, "f", 0, STATX_BASIC_STATS, &sx), 0);
	CHECK_EQ(sx.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
	CHECK_EQ(sx.stx_ino, st.st_ino);
	CHECK_EQ(sx.stx_size, st.st_size);
	CHECK_EQ(sx.stx_mode, st.st_mode);
	CHECK_EQ(sx.stx_nlink, st.st_nlink);
	CHECK_EQ(sx.stx_mtime.tv_sec, st.st_mtim.tv_sec);
	CHECK_EQ(sx.stx_mtime.tv_nsec, st.st_mtim.tv_nsec);
	CHECK_EQ(makedev(sx.stx_dev_major, sx.stx_dev_minor), st.st_dev);
	CHECK_EQ(syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_SIZE, &sx), 0);
	CHECK(sx.stx_mask & STATX_SIZE);
	CHECK_EQ(syscall(SYS_statx, AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW, STATX_TYPE, &sx), 0);
	CHECK(S_ISLNK(sx.stx_mode));
	CHECK_EQ(syscall(SYS_statx, AT_FDCWD, "f", AT_STATX_DONT_SYNC, STATX_MODE, &sx), 0);
	CHECK_ERRNO(syscall(SYS_statx, AT_FDCWD, "f", AT_STATX_SYNC_TYPE, STATX_MODE, &sx), EINVAL);
	CHECK_ERRNO(syscall(SYS_statx, AT_FDCWD, "f", 0x40000000, 0, &sx), EINVAL);
	CHECK_ERRNO(syscall(SYS_statx, AT_FDCWD, "f", 0, 0x80000000U, &sx), EINVAL);
	CHECK_ERRNO(syscall(SYS_statx, AT_FDCWD, "none", 0, 0, &sx), ENOENT);
	CHECK_ERRNO(syscall(SYS_statx, AT_FDCWD, "f", 0, 0, BAD_POINTER), EFAULT);
	close(fd);
}

int main(void)
{
	test_begin();
	test_regular();
	test_types();
	test_directory_links();
	test_blocks();
	test_times();
	test_at_flags();
	test_errors();
	test_statx();
	return test_done();
}
