/* The system calls on files, on a tmpfs. What belongs to the image is in image_layer_test.c. */
#include <asm/stat.h>
#include <linux/falloc.h>
#include <linux/memfd.h>
#include <linux/openat2.h>
#include <linux/xattr.h>
#include <stdlib.h>

#include "base/test.h"
#include "libos/files/descriptors.h"
#include "libos/files/files_fixture.h"

static int open_(const char *path, uint32_t flags, uint32_t mode)
{
	return (int)CALL(openat, AT_FDCWD, path, flags, mode);
}

static void write_file(const char *path, const char *text)
{
	int fd = open_(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);

	CHECK(fd >= 0);
	CHECK_EQ(CALL(write, fd, text, strlen(text)), strlen(text));
	CHECK_EQ(CALL(close, fd), 0);
}

static const char *read_file(const char *path)
{
	static char text[256];
	int fd = open_(path, O_RDONLY, 0);
	long n;

	if (fd < 0)
		return "(cannot open)";
	n = CALL(read, fd, text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = '\0';
	CALL(close, fd);
	return text;
}

static long stat_(const char *path, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	return CALL(newfstatat, AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
}

static void test_create_read_write(void)
{
	char buffer[64];
	struct stat st;
	int fd = open_("/tmp/a", O_CREAT | O_RDWR | O_EXCL, 0666);

	CHECK_EQ(fd, 0);
	CHECK_EQ(CALL(write, fd, "hello", 5), 5);
	CHECK_EQ(CALL(lseek, fd, 0, SEEK_CUR), 5);
	CHECK_EQ(CALL(lseek, fd, 1, SEEK_SET), 1);
	CHECK_EQ(CALL(read, fd, buffer, sizeof(buffer)), 4);
	CHECK(!memcmp(buffer, "ello", 4));
	CHECK_EQ(CALL(read, fd, buffer, sizeof(buffer)), 0);
	CHECK_EQ(CALL(pread64, fd, buffer, 2, 3), 2);
	CHECK_EQ(CALL(pwrite64, fd, "LO", 2, 3), 2);
	CHECK_STR(read_file("/tmp/a"), "helLO");
	CHECK_EQ(CALL(fstat, fd, &st), 0);
	CHECK_EQ(st.st_size, 5);
	CHECK_EQ(st.st_mode, S_IFREG | 0644);
	CHECK_EQ(st.st_nlink, 1);
	CHECK_EQ(st.st_blocks, 8);
	CHECK_EQ(CALL(read, fd, 0UL, 1), 0);
	CHECK_EQ(CALL(pread64, fd, 0UL, 1, 0), -EFAULT);
	CHECK_EQ(CALL(write, fd, 0UL, 1), -EFAULT);
	CHECK_EQ(CALL(close, fd), 0);
	CHECK_EQ(CALL(close, fd), -EBADF);
	CHECK_EQ(open_("/tmp/a", O_CREAT | O_EXCL, 0666), -EEXIST);
	fd = open_("/tmp/a", O_WRONLY | O_APPEND, 0);
	CHECK_EQ(CALL(read, fd, buffer, 1), -EBADF);
	CHECK_EQ(CALL(write, fd, "!", 1), 1);
	CHECK_EQ(CALL(close, fd), 0);
	CHECK_STR(read_file("/tmp/a"), "helLO!");
	CHECK_EQ(CALL(unlink, "/tmp/a"), 0);
	CHECK_EQ(CALL(unlink, "/tmp/a"), -ENOENT);
	CHECK_EQ(stat_("/tmp/a", &st), -ENOENT);
}

static void test_big_and_sparse(void)
{
	size_t size = 3 << 20;
	uint8_t *data = malloc(size), *back = malloc(size);
	int fd = open_("/tmp/big", O_CREAT | O_RDWR, 0600);
	struct stat st;

	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(i * 7 + (i >> 12));
	CHECK_EQ(CALL(write, fd, data, size), size);
	CHECK_EQ(CALL(pread64, fd, back, size, 0), size);
	CHECK(!memcmp(data, back, size));
	CHECK_EQ(CALL(ftruncate, fd, 5000), 0);
	CHECK_EQ(CALL(ftruncate, fd, size), 0);
	CHECK_EQ(CALL(pread64, fd, back, size, 0), size);
	memset(data + 5000, 0, size - 5000);
	CHECK(!memcmp(data, back, size));
	/* Far out: the file between is a hole. */
	CHECK_EQ(CALL(pwrite64, fd, "x", 1, 1UL << 30), 1);
	CHECK_EQ(CALL(fstat, fd, &st), 0);
	CHECK_EQ(st.st_size, (1 << 30) + 1);
	CHECK(st.st_blocks <= 24);
	CHECK_EQ(CALL(lseek, fd, 0, SEEK_HOLE), 8192);
	CHECK_EQ(CALL(lseek, fd, 8192, SEEK_DATA), 1 << 30);
	CHECK_EQ(CALL(lseek, fd, (1UL << 30) + 1, SEEK_DATA), -ENXIO);
	CHECK_EQ(CALL(lseek, fd, 1UL << 30, SEEK_HOLE), (1 << 30) + 1);
	CHECK_EQ(CALL(fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 8000), 0);
	CHECK_EQ(CALL(pread64, fd, back, 8192, 0), 8192);
	memset(data + 100, 0, 8000);
	CHECK(!memcmp(data, back, 8192));
	CHECK_EQ(CALL(fallocate, fd, 0, 1UL << 30, 10000), 0);
	CHECK_EQ(CALL(fstat, fd, &st), 0);
	CHECK_EQ(st.st_size, (1 << 30) + 10000);
	CHECK_EQ(CALL(fallocate, fd, FALLOC_FL_COLLAPSE_RANGE, 0, 4096), -EOPNOTSUPP);
	CHECK_EQ(CALL(pwrite64, fd, "x", 1, INT64_MAX - 1), -ENOSPC);
	CHECK_EQ(CALL(pwrite64, fd, "x", 1, INT64_MAX), -EFBIG);
	CHECK_EQ(CALL(truncate, "/tmp/big", -1), -EINVAL);
	CHECK_EQ(CALL(close, fd), 0);
	CHECK_EQ(CALL(unlink, "/tmp/big"), 0);
	free(data);
	free(back);
}

static void test_names(void)
{
	struct stat st;

	CHECK_EQ(CALL(mkdir, "/tmp/d", 0777), 0);
	CHECK_EQ(CALL(mkdir, "/tmp/d", 0777), -EEXIST);
	CHECK_EQ(CALL(mkdir, "/tmp/d/e/", 0700), 0);
	CHECK_EQ(stat_("/tmp/d", &st), 0);
	CHECK_EQ(st.st_nlink, 3);
	CHECK_EQ(CALL(rmdir, "/tmp/d"), -ENOTEMPTY);
	CHECK_EQ(CALL(rmdir, "/tmp/d/."), -EINVAL);
	CHECK_EQ(CALL(rmdir, "/tmp/d/e/.."), -ENOTEMPTY);
	CHECK_EQ(CALL(rmdir, "/"), -EBUSY);
	CHECK_EQ(CALL(rmdir, "/dev"), -EBUSY);
	write_file("/tmp/d/f", "f");
	CHECK_EQ(CALL(mkdir, "/tmp/d/f/x", 0777), -ENOTDIR);
	CHECK_EQ(open_("/tmp/d/f/", O_RDONLY, 0), -ENOTDIR);
	CHECK_EQ(open_("/tmp/d/new/", O_CREAT | O_RDWR, 0600), -EISDIR);
	CHECK_EQ(open_("/tmp/d", O_RDWR, 0), -EISDIR);
	CHECK_EQ(open_("/tmp/d/f", O_DIRECTORY, 0), -ENOTDIR);
	CHECK_EQ(CALL(link, "/tmp/d/f", "/tmp/d/g"), 0);
	CHECK_EQ(stat_("/tmp/d/g", &st), 0);
	CHECK_EQ(st.st_nlink, 2);
	CHECK_EQ(CALL(link, "/tmp/d", "/tmp/h"), -EPERM);
	CHECK_EQ(CALL(link, "/tmp/d/f", "/dev/f"), -EXDEV);
	CHECK_EQ(CALL(unlink, "/tmp/d/f"), 0);
	CHECK_STR(read_file("/tmp/d/g"), "f");
	CHECK_EQ(CALL(unlink, "/tmp/d"), -EISDIR);
	CHECK_EQ(CALL(rmdir, "/tmp/d/g"), -ENOTDIR);
	CHECK_EQ(CALL(mknod, "/tmp/d/p", S_IFIFO | 0600, 0), 0);
	CHECK_EQ(stat_("/tmp/d/p", &st), 0);
	CHECK_EQ(st.st_mode, S_IFIFO | 0600);
	CHECK_EQ(CALL(mknod, "/tmp/d/n", S_IFCHR | 0600, 0x103), 0);
	CHECK_EQ(stat_("/tmp/d/n", &st), 0);
	CHECK_EQ(st.st_rdev, 0x103);
	CHECK_EQ(CALL(unlink, "/tmp/d/p"), 0);
	CHECK_EQ(CALL(unlink, "/tmp/d/n"), 0);
	CHECK_EQ(CALL(unlink, "/tmp/d/g"), 0);
	CHECK_EQ(CALL(rmdir, "/tmp/d/e"), 0);
	CHECK_EQ(CALL(rmdir, "/tmp/d"), 0);
	CHECK_EQ(open_("", O_RDONLY, 0), -ENOENT);
}

static void test_long_names(void)
{
	char name[300] = "/tmp/";

	memset(name + 5, 'n', 255);
	write_file(name, "long");
	CHECK_STR(read_file(name), "long");
	CHECK_EQ(CALL(rename, name, "/tmp/short"), 0);
	CHECK_EQ(CALL(rename, "/tmp/short", name), 0);
	CHECK_STR(read_file(name), "long");
	CHECK_EQ(CALL(unlink, name), 0);
	name[260] = 'n';
	CHECK_EQ(open_(name, O_CREAT | O_RDWR, 0600), -ENAMETOOLONG);
}

static void test_symlinks(void)
{
	char text[64] = {0};
	struct stat st;

	write_file("/tmp/target", "t");
	CHECK_EQ(CALL(symlink, "target", "/tmp/l"), 0);
	CHECK_EQ(CALL(symlink, "/tmp/l", "/tmp/m"), 0);
	CHECK_STR(read_file("/tmp/m"), "t");
	CHECK_EQ(CALL(readlink, "/tmp/m", text, sizeof(text)), 6);
	CHECK_STR(text, "/tmp/l");
	CHECK_EQ(CALL(readlink, "/tmp/m", text, 3), 3);
	CHECK_EQ(CALL(readlink, "/tmp/target", text, 3), -EINVAL);
	CHECK_EQ(stat_("/tmp/m", &st), 0);
	CHECK_EQ(st.st_mode, S_IFLNK | 0777);
	CHECK_EQ(open_("/tmp/m", O_NOFOLLOW, 0), -ELOOP);
	CHECK_EQ(CALL(symlink, "loop", "/tmp/loop"), 0);
	CHECK_EQ(open_("/tmp/loop", O_RDONLY, 0), -ELOOP);
	CHECK_EQ(CALL(symlink, "d1", "/tmp/dl"), 0);
	CHECK_EQ(open_("/tmp/dl/x", O_RDONLY, 0), -ENOENT);
	CHECK_EQ(CALL(mkdir, "/tmp/d1", 0700), 0);
	write_file("/tmp/dl/x", "x");
	CHECK_STR(read_file("/tmp/d1/../dl/x"), "x");
	CHECK_EQ(stat_("/tmp/dl/", &st), 0);
	CHECK_EQ(st.st_mode & S_IFMT, S_IFDIR);
	/* O_CREAT through a link that leads nowhere creates where it leads. */
	CHECK_EQ(CALL(symlink, "/tmp/d1/made", "/tmp/dangling"), 0);
	write_file("/tmp/dangling", "made");
	CHECK_STR(read_file("/tmp/d1/made"), "made");
	CHECK_EQ(open_("/tmp/dangling", O_CREAT | O_EXCL | O_RDWR, 0600), -EEXIST);
	CHECK_EQ(CALL(rmdir, "/tmp/dl"), -ENOTDIR);
	CHECK_EQ(CALL(unlink, "/tmp/d1/made"), 0);
	CHECK_EQ(CALL(unlink, "/tmp/d1/x"), 0);
	CHECK_EQ(CALL(rmdir, "/tmp/d1"), 0);
	for (const char *const *p = (const char *const[]){"/tmp/l", "/tmp/m", "/tmp/loop",
		     "/tmp/dl", "/tmp/dangling", "/tmp/target", NULL};
		*p; p++)
		CHECK_EQ(CALL(unlink, *p), 0);
}

static void test_rename(void)
{
	struct stat st;

	write_file("/tmp/a", "a");
	write_file("/tmp/b", "b");
	CHECK_EQ(CALL(mkdir, "/tmp/d", 0700), 0);
	CHECK_EQ(CALL(mkdir, "/tmp/d/e", 0700), 0);
	CHECK_EQ(
		CALL(renameat2, AT_FDCWD, "/tmp/a", AT_FDCWD, "/tmp/b", RENAME_NOREPLACE), -EEXIST);
	CHECK_EQ(CALL(renameat2, AT_FDCWD, "/tmp/a", AT_FDCWD, "/tmp/b", RENAME_EXCHANGE), 0);
	CHECK_STR(read_file("/tmp/a"), "b");
	CHECK_STR(read_file("/tmp/b"), "a");
	CHECK_EQ(CALL(rename, "/tmp/a", "/tmp/b"), 0);
	CHECK_STR(read_file("/tmp/b"), "b");
	CHECK_EQ(stat_("/tmp/a", &st), -ENOENT);
	CHECK_EQ(CALL(rename, "/tmp/b", "/tmp/d"), -EISDIR);
	CHECK_EQ(CALL(rename, "/tmp/d", "/tmp/b"), -ENOTDIR);
	CHECK_EQ(CALL(rename, "/tmp/d", "/tmp/d/e/f"), -EINVAL);
	CHECK_EQ(CALL(rename, "/tmp/d/e", "/tmp/d"), -ENOTEMPTY);
	CHECK_EQ(CALL(rename, "/tmp/b", "/tmp/c/"), -ENOTDIR);
	CHECK_EQ(CALL(rename, "/tmp/d/.", "/tmp/x"), -EBUSY);
	CHECK_EQ(CALL(rename, "/tmp/b", "/dev/b"), -EXDEV);
	CHECK_EQ(CALL(rename, "/tmp/d/e", "/tmp/e"), 0);
	CHECK_EQ(stat_("/tmp/d", &st), 0);
	CHECK_EQ(st.st_nlink, 2);
	CHECK_EQ(CALL(rename, "/tmp/e", "/tmp/d"), 0);
	CHECK_EQ(CALL(renameat2, AT_FDCWD, "/tmp/b", AT_FDCWD, "/tmp/d", RENAME_EXCHANGE), 0);
	CHECK_STR(read_file("/tmp/d"), "b");
	CHECK_EQ(CALL(link, "/tmp/d", "/tmp/same"), 0);
	CHECK_EQ(CALL(rename, "/tmp/d", "/tmp/same"), 0);
	CHECK_STR(read_file("/tmp/d"), "b");
	CHECK_EQ(CALL(unlink, "/tmp/same"), 0);
	CHECK_EQ(CALL(unlink, "/tmp/d"), 0);
	CHECK_EQ(CALL(rmdir, "/tmp/b"), 0);
}

struct dirent64 {
	uint64_t ino;
	int64_t next;
	uint16_t size;
	uint8_t type;
	char name[];
};

/* Entries counted, with small buffers so that many calls are needed; unlinks each if asked. */
static int count_entries(const char *path, bool remove)
{
	int fd = open_(path, O_DIRECTORY, 0), count = 0;
	char buffer[128];
	long n;

	while ((n = CALL(getdents64, fd, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < n;) {
			struct dirent64 *entry = (void *)(buffer + at);

			at += entry->size;
			count++;
			if (remove && entry->name[0] != '.')
				CHECK_EQ(CALL(unlinkat, fd, entry->name, 0), 0);
		}
	}
	CHECK_EQ(n, 0);
	CHECK_EQ(CALL(close, fd), 0);
	return count;
}

static void test_getdents(void)
{
	char name[32], tiny[20];
	int fd;

	CHECK_EQ(CALL(mkdir, "/tmp/many", 0700), 0);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "/tmp/many/%d", i);
		fd = open_(name, O_CREAT | O_WRONLY, 0600);
		if (fd < 0 || CALL(close, fd))
			CHECK_EQ(fd, 0);
	}
	CHECK_EQ(count_entries("/tmp/many", false), 302);
	fd = open_("/tmp/many", O_RDONLY, 0);
	CHECK_EQ(CALL(getdents64, fd, tiny, sizeof(tiny)), -EINVAL);
	CHECK_EQ(CALL(read, fd, tiny, 1), -EISDIR);
	CHECK_EQ(CALL(close, fd), 0);
	CHECK_EQ(count_entries("/tmp/many", true), 302);
	CHECK_EQ(count_entries("/tmp/many", false), 2);
	CHECK_EQ(CALL(rmdir, "/tmp/many"), 0);
}

static void test_cwd(void)
{
	char path[64];
	int fd;

	CHECK_EQ(CALL(mkdir, "/tmp/w", 0700), 0);
	CHECK_EQ(CALL(chdir, "/tmp/w"), 0);
	CHECK_EQ(CALL(getcwd, path, sizeof(path)), 7);
	CHECK_STR(path, "/tmp/w");
	CHECK_EQ(CALL(getcwd, path, 6), -ERANGE);
	write_file("x", "x");
	CHECK_STR(read_file("../w/./x"), "x");
	CHECK_STR(read_file("../../../../tmp/w/x"), "x");
	CHECK_EQ(CALL(unlink, "x"), 0);
	CHECK_EQ(CALL(rmdir, "/tmp/w"), 0);
	CHECK_EQ(CALL(getcwd, path, sizeof(path)), -ENOENT);
	CHECK_EQ(open_("y", O_CREAT | O_RDWR, 0600), -ENOENT);
	CHECK_EQ(CALL(mkdir, "y", 0700), -ENOENT);
	CHECK_EQ(CALL(chdir, ".."), 0);
	CHECK_EQ(CALL(getcwd, path, sizeof(path)), 5);
	fd = open_("/dev", O_DIRECTORY, 0);
	CHECK_EQ(CALL(fchdir, fd), 0);
	CHECK_EQ(CALL(getcwd, path, sizeof(path)), 5);
	CHECK_STR(path, "/dev");
	CHECK_EQ(CALL(chdir, ".."), 0);
	CHECK_EQ(CALL(getcwd, path, sizeof(path)), 2);
	CHECK_EQ(CALL(close, fd), 0);
}

static void test_descriptors(void)
{
	char buffer[4];
	int a = open_("/dev/null", O_RDWR, 0), b, c;

	CHECK_EQ(a, 0);
	b = (int)CALL(dup, a);
	CHECK_EQ(b, 1);
	CHECK_EQ(CALL(dup2, a, 70), 70);
	CHECK_EQ(CALL(fcntl, a, F_DUPFD, 65), 65);
	CHECK_EQ(CALL(fcntl, a, F_DUPFD_CLOEXEC, 65), 66);
	CHECK_EQ(CALL(fcntl, 66, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(CALL(fcntl, 66, F_SETFD, 0), 0);
	CHECK_EQ(CALL(fcntl, 66, F_GETFD), 0);
	CHECK_EQ(CALL(dup3, a, a, 0), -EINVAL);
	CHECK_EQ(CALL(dup3, a, 5, O_CLOEXEC), 5);
	CHECK_EQ(CALL(dup2, 99, 5), -EBADF);
	CHECK_EQ(CALL(dup2, a, 5000), -EBADF);
	CHECK_EQ(CALL(close_range, 60, UINT32_MAX, 0), 0);
	CHECK_EQ(CALL(fcntl, 70, F_GETFD), -EBADF);
	CHECK_EQ(CALL(fcntl, b, F_GETFL), O_RDWR | O_LARGEFILE);
	CHECK_EQ(CALL(fcntl, b, F_SETFL, O_NONBLOCK), 0);
	CHECK_EQ(CALL(fcntl, a, F_GETFL), O_RDWR | O_NONBLOCK | O_LARGEFILE);
	fd_table_close_on_exec(fixture_process.files);
	CHECK_EQ(CALL(close, 5), -EBADF);
	fixture_process.limits[7].soft = 3;
	c = open_("/dev/zero", O_RDONLY, 0);
	CHECK_EQ(c, 2);
	CHECK_EQ(open_("/dev/zero", O_RDONLY, 0), -EMFILE);
	fixture_process.limits[7].soft = 1024;
	memset(buffer, 1, sizeof(buffer));
	CHECK_EQ(CALL(read, c, buffer, 4), 4);
	CHECK_EQ(buffer[3], 0);
	CHECK_EQ(CALL(close_range, 0, 10, 0), 0);
	a = open_("/tmp", O_PATH, 0);
	CHECK_EQ(CALL(read, a, buffer, 4), -EBADF);
	CHECK_EQ(CALL(openat, a, "nothing", O_RDONLY), -ENOENT);
	CHECK_EQ(CALL(close, a), 0);
}

static void test_permissions(void)
{
	fixture_become(1000);
	CHECK_EQ(open_("/etc", O_RDONLY, 0), -ENOENT);
	CHECK_EQ(CALL(mkdir, "/x", 0777), -EACCES);
	write_file("/tmp/mine", "mine");
	CHECK_EQ(CALL(chmod, "/tmp/mine", 0600), 0);
	CHECK_EQ(CALL(chown, "/tmp/mine", 0, -1), -EPERM);
	fixture_become(1001);
	CHECK_EQ(open_("/tmp/mine", O_RDONLY, 0), -EACCES);
	CHECK_EQ(CALL(unlink, "/tmp/mine"), -EPERM);
	CHECK_EQ(CALL(rename, "/tmp/mine", "/tmp/other"), -EPERM);
	CHECK_EQ(CALL(chmod, "/tmp/mine", 0666), -EPERM);
	CHECK_EQ(CALL(access, "/tmp/mine", 4), -EACCES);
	CHECK_EQ(CALL(access, "/tmp/mine", 0), 0);
	CHECK_EQ(CALL(mknod, "/tmp/dev", S_IFCHR | 0600, 0x103), -EPERM);
	fixture_become(0);
	CHECK_EQ(CALL(access, "/tmp/mine", 6), 0);
	CHECK_EQ(CALL(access, "/tmp/mine", 1), -EACCES);
	CHECK_EQ(CALL(unlink, "/tmp/mine"), 0);
}

static void test_set_id_bits(void)
{
	struct stat st;
	int fd;

	write_file("/tmp/s", "s");
	CHECK_EQ(CALL(chmod, "/tmp/s", 06777), 0);
	CHECK_EQ(CALL(chown, "/tmp/s", 1000, 1000), 0);
	CHECK_EQ(stat_("/tmp/s", &st), 0);
	CHECK_EQ(st.st_mode, S_IFREG | 0777);
	CHECK_EQ(CALL(chmod, "/tmp/s", 04777), 0);
	fixture_become(1001);
	fd = open_("/tmp/s", O_WRONLY, 0);
	CHECK_EQ(CALL(write, fd, "x", 1), 1);
	CHECK_EQ(CALL(close, fd), 0);
	fixture_become(0);
	CHECK_EQ(stat_("/tmp/s", &st), 0);
	CHECK_EQ(st.st_mode, S_IFREG | 0777);
	CHECK_EQ(CALL(unlink, "/tmp/s"), 0);
	CHECK_EQ(CALL(mkdir, "/tmp/g", 0), 0);
	CHECK_EQ(CALL(chmod, "/tmp/g", 02777), 0);
	CHECK_EQ(CALL(chown, "/tmp/g", 0, 77), 0);
	CHECK_EQ(CALL(mkdir, "/tmp/g/h", 0755), 0);
	CHECK_EQ(stat_("/tmp/g/h", &st), 0);
	CHECK_EQ(st.st_gid, 77);
	CHECK_EQ(st.st_mode, S_IFDIR | 02755);
	CHECK_EQ(CALL(rmdir, "/tmp/g/h"), 0);
	CHECK_EQ(CALL(rmdir, "/tmp/g"), 0);
}

static long openat2_(int dir, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = {.flags = flags, .resolve = resolve};
	long r = CALL(openat2, dir, path, &how, sizeof(how));

	if (r >= 0)
		CALL(close, r);
	return r >= 0 ? 0 : r;
}

static void test_openat2(void)
{
	int dir;

	CHECK_EQ(CALL(mkdir, "/tmp/box", 0700), 0);
	CHECK_EQ(CALL(mkdir, "/tmp/box/sub", 0700), 0);
	write_file("/tmp/box/f", "in");
	write_file("/tmp/out", "out");
	CHECK_EQ(CALL(symlink, "/tmp/out", "/tmp/box/abs"), 0);
	CHECK_EQ(CALL(symlink, "../out", "/tmp/box/rel"), 0);
	CHECK_EQ(CALL(symlink, "/f", "/tmp/box/inside"), 0);
	dir = open_("/tmp/box", O_PATH | O_DIRECTORY, 0);
	CHECK_EQ(openat2_(dir, "f", O_RDONLY, RESOLVE_BENEATH), 0);
	CHECK_EQ(openat2_(dir, "sub/../f", O_RDONLY, RESOLVE_BENEATH), 0);
	CHECK_EQ(openat2_(dir, "../out", O_RDONLY, RESOLVE_BENEATH), -EXDEV);
	CHECK_EQ(openat2_(dir, "/tmp/out", O_RDONLY, RESOLVE_BENEATH), -EXDEV);
	CHECK_EQ(openat2_(dir, "abs", O_RDONLY, RESOLVE_BENEATH), -EXDEV);
	CHECK_EQ(openat2_(dir, "rel", O_RDONLY, RESOLVE_BENEATH), -EXDEV);
	CHECK_EQ(openat2_(dir, "abs", O_RDONLY, 0), 0);
	CHECK_EQ(openat2_(dir, "abs", O_RDONLY, RESOLVE_IN_ROOT), -ENOENT);
	CHECK_EQ(openat2_(dir, "inside", O_RDONLY, RESOLVE_IN_ROOT), 0);
	CHECK_EQ(openat2_(dir, "../../../f", O_RDONLY, RESOLVE_IN_ROOT), 0);
	CHECK_EQ(openat2_(dir, "inside", O_RDONLY, RESOLVE_NO_SYMLINKS), -ELOOP);
	CHECK_EQ(openat2_(AT_FDCWD, "/dev/null", O_RDONLY, RESOLVE_NO_XDEV), -EXDEV);
	CHECK_EQ(openat2_(dir, "f", O_RDONLY, RESOLVE_IN_ROOT | RESOLVE_BENEATH), -EINVAL);
	CHECK_EQ(openat2_(dir, "f", O_RDONLY, 1UL << 40), -EINVAL);
	CHECK_EQ(openat2_(dir, "f", 1UL << 40, 0), -EINVAL);
	CHECK_EQ(CALL(openat2, dir, "f", 0UL, 8), -EINVAL);
	CHECK_EQ(CALL(close, dir), 0);
	for (const char *const *p = (const char *const[]){"/tmp/box/abs", "/tmp/box/rel",
		     "/tmp/box/inside", "/tmp/box/f", "/tmp/out", NULL};
		*p; p++)
		CHECK_EQ(CALL(unlink, *p), 0);
	CHECK_EQ(CALL(rmdir, "/tmp/box/sub"), 0);
	CHECK_EQ(CALL(rmdir, "/tmp/box"), 0);
}

static void test_unnamed(void)
{
	struct stat st;
	int fd = open_("/tmp", O_TMPFILE | O_RDWR, 0600);

	CHECK(fd >= 0);
	CHECK_EQ(CALL(write, fd, "tmp", 3), 3);
	CHECK_EQ(CALL(fstat, fd, &st), 0);
	CHECK_EQ(st.st_nlink, 0);
	CHECK_EQ(CALL(linkat, fd, "", AT_FDCWD, "/tmp/named", AT_EMPTY_PATH), 0);
	CHECK_STR(read_file("/tmp/named"), "tmp");
	CHECK_EQ(CALL(close, fd), 0);
	CHECK_EQ(CALL(unlink, "/tmp/named"), 0);
	fd = open_("/tmp", O_TMPFILE | O_RDWR | O_EXCL, 0600);
	CHECK_EQ(CALL(linkat, fd, "", AT_FDCWD, "/tmp/named", AT_EMPTY_PATH), -ENOENT);
	CHECK_EQ(CALL(close, fd), 0);
	CHECK_EQ(open_("/tmp", O_TMPFILE | O_RDONLY, 0600), -EINVAL);
}

static void test_memfd(void)
{
	char path[64];
	int fd = (int)CALL(memfd_create, "name", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	struct file *file = fd_get(fd);

	CHECK_EQ(file_path(file, path, sizeof(path)), 21);
	CHECK_STR(path, "/memfd:name (deleted)");
	file_unref(file);
	CHECK_EQ(CALL(ftruncate, fd, 100), 0);
	CHECK_EQ(CALL(fcntl, fd, F_ADD_SEALS, F_SEAL_GROW), 0);
	CHECK_EQ(CALL(ftruncate, fd, 200), -EPERM);
	CHECK_EQ(CALL(pwrite64, fd, path, 20, 90), 10);
	CHECK_EQ(CALL(pwrite64, fd, path, 20, 100), -EPERM);
	CHECK_EQ(CALL(fcntl, fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL), 0);
	CHECK_EQ(CALL(write, fd, path, 1), -EPERM);
	CHECK_EQ(CALL(fcntl, fd, F_ADD_SEALS, F_SEAL_SHRINK), -EPERM);
	CHECK_EQ(CALL(fcntl, fd, F_GET_SEALS), F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
	CHECK_EQ(CALL(close, fd), 0);
}

static void test_xattrs(void)
{
	char value[16], names[64];

	write_file("/tmp/x", "");
	CHECK_EQ(CALL(setxattr, "/tmp/x", "user.a", "1234", 4, 0), 0);
	CHECK_EQ(CALL(setxattr, "/tmp/x", "user.a", "12", 2, XATTR_CREATE), -EEXIST);
	CHECK_EQ(CALL(setxattr, "/tmp/x", "user.b", "12", 2, XATTR_REPLACE), -ENODATA);
	CHECK_EQ(CALL(getxattr, "/tmp/x", "user.a", value, 16), 4);
	CHECK_EQ(CALL(getxattr, "/tmp/x", "user.a", value, 0), 4);
	CHECK_EQ(CALL(getxattr, "/tmp/x", "user.a", value, 3), -ERANGE);
	CHECK_EQ(CALL(setxattr, "/tmp/x", "trusted.t", "t", 1, 0), 0);
	CHECK_EQ(CALL(listxattr, "/tmp/x", names, sizeof(names)), 17);
	CHECK_EQ(CALL(listxattr, "/tmp/x", names, 16), -ERANGE);
	CHECK_EQ(CALL(setxattr, "/tmp/x", "bad", "t", 1, 0), -EOPNOTSUPP);
	fixture_become(1000);
	CHECK_EQ(CALL(listxattr, "/tmp/x", names, sizeof(names)), 7);
	CHECK_EQ(CALL(getxattr, "/tmp/x", "trusted.t", value, 16), -ENODATA);
	CHECK_EQ(CALL(setxattr, "/tmp/x", "user.c", "t", 1, 0), -EACCES);
	fixture_become(0);
	CHECK_EQ(CALL(removexattr, "/tmp/x", "user.a"), 0);
	CHECK_EQ(CALL(removexattr, "/tmp/x", "user.a"), -ENODATA);
	CHECK_EQ(CALL(unlink, "/tmp/x"), 0);
}

static void test_limits_and_copies(void)
{
	uint64_t in = 1;
	int a, b;

	write_file("/tmp/a", "0123456789");
	a = open_("/tmp/a", O_RDWR, 0);
	b = open_("/tmp/b", O_CREAT | O_RDWR, 0600);
	CHECK_EQ(CALL(sendfile, b, a, &in, 4), 4);
	CHECK_EQ(in, 5);
	CHECK_EQ(CALL(lseek, a, 0, SEEK_CUR), 0);
	CHECK_EQ(CALL(sendfile, b, a, 0UL, 100), 10);
	CHECK_STR(read_file("/tmp/b"), "12340123456789");
	in = 8;
	CHECK_EQ(CALL(copy_file_range, a, &in, b, 0UL, 100, 0), 2);
	CHECK_STR(read_file("/tmp/b"), "1234012345678989");
	fixture_process.limits[1].soft = 12;
	CHECK_EQ(CALL(pwrite64, a, "abcdef", 6, 10), 2);
	CHECK_EQ(CALL(pwrite64, a, "abcdef", 6, 12), -EFBIG);
	CHECK_EQ(fixture_last_signal, 25);
	CHECK_EQ(CALL(ftruncate, a, 13), -EFBIG);
	fixture_process.limits[1].soft = UINT64_MAX;
	CHECK_EQ(CALL(close, a), 0);
	CHECK_EQ(CALL(close, b), 0);
	CHECK_EQ(CALL(unlink, "/tmp/a"), 0);
	CHECK_EQ(CALL(unlink, "/tmp/b"), 0);
}

static void test_running_program_is_not_written(void)
{
	struct file *file;
	int fd;

	write_file("/tmp/program", "p");
	CHECK_EQ(CALL(chmod, "/tmp/program", 0755), 0);
	CHECK_EQ(file_open(AT_FDCWD, "/tmp/program", O_RDONLY, 0, &file), 0);
	CHECK_EQ(file_may_execute(file), 0);
	CHECK_EQ(file_deny_write(file), 0);
	CHECK_EQ(open_("/tmp/program", O_WRONLY, 0), -ETXTBSY);
	CHECK_EQ(CALL(truncate, "/tmp/program", 0), -ETXTBSY);
	file_allow_write(file);
	fd = open_("/tmp/program", O_WRONLY, 0);
	CHECK(fd >= 0);
	CHECK_EQ(file_deny_write(file), -ETXTBSY);
	CHECK_EQ(CALL(close, fd), 0);
	file_unref(file);
	CHECK_EQ(CALL(unlink, "/tmp/program"), 0);
}

static void test_map(void)
{
	struct file *file;
	uint64_t run;
	void *memory;

	write_file("/tmp/m", "mapped");
	CHECK_EQ(file_open(AT_FDCWD, "/tmp/m", O_RDWR, 0, &file), 0);
	CHECK_EQ(file->ops->map(file, 0, 4096, true, &memory, &run), 0);
	CHECK(run >= 4096 && !memcmp(memory, "mapped", 7));
	CHECK_EQ(file->ops->map(file, 4096, 4096, true, &memory, &run), -ENXIO);
	/* What is written through the map is the file's; behind its end it is lost. */
	CHECK_EQ(file->ops->map(file, 0, 4096, true, &memory, &run), 0);
	memcpy(memory, "MAPPED!!", 8);
	CHECK_STR(read_file("/tmp/m"), "MAPPED");
	CHECK_EQ(CALL(truncate, "/tmp/m", 8), 0);
	CHECK_EQ(((char *)memory)[6], 0);
	CHECK_EQ(CALL(truncate, "/tmp/m", 100000), 0);
	CHECK_EQ(file->ops->map(file, 8192, 65536, true, &memory, &run), 0);
	CHECK(run >= 4096);
	file_unref(file);
	CHECK_EQ(CALL(unlink, "/tmp/m"), 0);
}

int main(void)
{
	fixture_init(NULL);
	test_create_read_write();
	test_big_and_sparse();
	test_names();
	test_long_names();
	test_symlinks();
	test_rename();
	test_getdents();
	test_cwd();
	test_descriptors();
	test_permissions();
	test_set_id_bits();
	test_openat2();
	test_unnamed();
	test_memfd();
	test_xattrs();
	test_limits_and_copies();
	test_running_program_is_not_written();
	test_map();
	return test_done();
}
