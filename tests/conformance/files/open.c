/* covers: open openat close umask fchmod getdents64 */
/* open(2): flags, modes, errors, and what each kind of descriptor may do. */
#include "tests/conformance/files/conformance.h"

static int mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? -1 : (int)(st.st_mode & 07777);
}

static void test_creation(void)
{
	int fd = open("new", O_RDWR | O_CREAT, 0666);

	CHECK(fd >= 0);
	CHECK_EQ(size_of(fd), 0);
	CHECK_EQ(mode_of("new"), 0644);
	CHECK_EQ(close(fd), 0);
	CHECK_ERRNO(close(fd), EBADF);
	CHECK_ERRNO(open("new", O_RDWR | O_CREAT | O_EXCL, 0666), EEXIST);
	CHECK_ERRNO(open("none", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("none/x", O_RDONLY | O_CREAT, 0600), ENOENT);
	CHECK_ERRNO(open("new/x", O_RDONLY), ENOTDIR);
	CHECK_ERRNO(open("new/", O_RDONLY), ENOTDIR);
	CHECK_ERRNO(open("none/", O_RDWR | O_CREAT, 0600), EISDIR);
	CHECK_ERRNO(open(BAD_POINTER, O_RDONLY), EFAULT);
}

/* The C library uses openat(2) throughout; programs without it may use open(2). */
static void test_plain_call(void)
{
	long fd = syscall(SYS_open, "plain", O_RDWR | O_CREAT | O_CLOEXEC, 0640);

	CHECK(fd >= 0);
	CHECK_EQ(fcntl((int)fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(mode_of("plain"), 0640);
	CHECK_EQ(close((int)fd), 0);
	CHECK_ERRNO(syscall(SYS_open, "plain", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	CHECK_ERRNO(syscall(SYS_open, "none", O_RDONLY), ENOENT);
	CHECK_ERRNO(syscall(SYS_open, BAD_POINTER, O_RDONLY), EFAULT);
}

/* openat(2) ignores flags it doesn't know. */
static void test_unknown_flags(void)
{
	long fd = syscall(SYS_openat, AT_FDCWD, "plain", O_RDONLY | 1 << 30);

	CHECK(fd >= 0);
	CHECK_EQ(close((int)fd), 0);
}

static void test_umask_and_modes(void)
{
	int fd;

	CHECK_EQ(umask(077), 022);
	fd = open("masked", O_RDWR | O_CREAT, 0777);
	CHECK_EQ(mode_of("masked"), 0700);
	close(fd);
	CHECK_EQ(umask(0), 077);
	fd = open("unmasked", O_RDWR | O_CREAT, 01666);
	CHECK_EQ(mode_of("unmasked") & 0777, 0666);
	close(fd);
	CHECK_EQ(umask(07022), 0);
	CHECK_EQ(umask(022), 022);
	fd = open("readonly", O_RDWR | O_CREAT, 0444);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, "x", 1), 1);
	close(fd);
	fd = open("readonly", O_RDONLY | O_CREAT, 0777);
	CHECK_EQ(mode_of("readonly"), 0444);
	close(fd);
}

static void test_access_modes(void)
{
	char c;
	int fd;

	REQUIRE(put_file("text", "hello"));
	fd = open("text", O_RDONLY);
	CHECK_EQ(read(fd, &c, 1), 1);
	CHECK_ERRNO(write(fd, "x", 1), EBADF);
	CHECK_ERRNO(ftruncate(fd, 0), EINVAL);
	close(fd);
	fd = open("text", O_WRONLY);
	CHECK_ERRNO(read(fd, &c, 1), EBADF);
	CHECK_EQ(write(fd, "J", 1), 1);
	close(fd);
	CHECK(file_is("text", "Jello"));
	CHECK_EQ(fcntl(fd = open("text", O_RDWR), F_GETFL) & O_ACCMODE, O_RDWR);
	close(fd);
}

static void test_lowest_descriptor(void)
{
	int a = open("text", O_RDONLY), b = open("text", O_RDONLY), c;

	close(a);
	c = open("text", O_RDONLY);
	CHECK_EQ(c, a);
	CHECK_EQ(fcntl(b, F_GETFD), 0);
	close(b);
	close(c);
	a = open("text", O_RDONLY | O_CLOEXEC);
	CHECK_EQ(fcntl(a, F_GETFD), FD_CLOEXEC);
	close(a);
}

static void test_truncation(void)
{
	int fd;

	put_file("long", "0123456789");
	fd = open("long", O_WRONLY | O_TRUNC);
	CHECK_EQ(size_of(fd), 0);
	close(fd);
	put_file("long", "0123456789");
	close(open("long", O_WRONLY));
	CHECK(file_is("long", "0123456789"));
	fd = open("long", O_WRONLY);
	CHECK_EQ(write(fd, "ab", 2), 2);
	close(fd);
	CHECK(file_is("long", "ab23456789"));
}

static void test_append(void)
{
	int a, b;

	put_file("log", "1");
	a = open("log", O_WRONLY | O_APPEND);
	b = open("log", O_WRONLY | O_APPEND);
	CHECK_EQ(write(a, "2", 1), 1);
	CHECK_EQ(write(b, "3", 1), 1);
	CHECK_EQ(lseek(a, 0, SEEK_SET), 0);
	CHECK_EQ(write(a, "4", 1), 1);
	CHECK_EQ(lseek(a, 0, SEEK_CUR), 4);
	CHECK(file_is("log", "1234"));
	close(a);
	close(b);
}

static void test_directories(void)
{
	char buf[64];
	int fd, f2;

	CHECK_OK(mkdir("dir", 0755));
	CHECK_ERRNO(open("dir", O_WRONLY), EISDIR);
	CHECK_ERRNO(open("dir", O_RDWR), EISDIR);
	CHECK_ERRNO(open("dir", O_RDONLY | O_CREAT, 0600), EISDIR);
	CHECK_ERRNO(open("text", O_RDONLY | O_DIRECTORY), ENOTDIR);
	fd = open("dir", O_RDONLY | O_DIRECTORY);
	CHECK(fd >= 0);
	CHECK_ERRNO(read(fd, buf, sizeof(buf)), EISDIR);
	CHECK_ERRNO(write(fd, buf, 1), EBADF);
	f2 = openat(fd, "inside", O_RDWR | O_CREAT, 0600);
	CHECK(f2 >= 0);
	CHECK(exists("dir/inside"));
	CHECK_ERRNO(openat(f2, "x", O_RDONLY), ENOTDIR);
	CHECK_ERRNO(openat(-5, "x", O_RDONLY), EBADF);
	close(f2);
	f2 = openat(-5, "/", O_RDONLY);
	CHECK(f2 >= 0);
	close(f2);
	f2 = openat(AT_FDCWD, "dir/inside", O_RDONLY);
	CHECK(f2 >= 0);
	close(f2);
	close(fd);
}

static void test_symlinks(void)
{
	int fd;

	CHECK_OK(symlink("text", "link"));
	CHECK_OK(symlink("nowhere", "dangling"));
	CHECK_OK(symlink("loop2", "loop1"));
	CHECK_OK(symlink("loop1", "loop2"));
	CHECK_ERRNO(open("link", O_RDONLY | O_NOFOLLOW), ELOOP);
	CHECK_ERRNO(open("loop1", O_RDONLY), ELOOP);
	CHECK_ERRNO(open("dangling", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("dangling", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	CHECK_ERRNO(open("link", O_RDONLY | O_DIRECTORY), ENOTDIR);
	fd = open("dangling", O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0);
	CHECK(exists("nowhere"));
	close(fd);
	CHECK_OK(symlink("dir", "dirlink"));
	fd = open("dirlink/inside", O_RDONLY | O_NOFOLLOW);
	CHECK(fd >= 0);
	close(fd);
	CHECK_ERRNO(open("dirlink", O_RDONLY | O_DIRECTORY | O_NOFOLLOW), ENOTDIR);
}

static void test_path(void)
{
	int fd = open("text", O_PATH), f2;
	char c, link[64];
	struct stat st;

	CHECK(fd >= 0);
	CHECK_ERRNO(read(fd, &c, 1), EBADF);
	CHECK_ERRNO(write(fd, "x", 1), EBADF);
	CHECK_ERRNO(fchmod(fd, 0600), EBADF);
	CHECK_ERRNO(lseek(fd, 0, SEEK_SET), EBADF);
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_size, 5);
	CHECK(fcntl(fd, F_GETFL) & O_PATH);
	f2 = dup(fd);
	CHECK(f2 >= 0);
	close(f2);
	close(fd);
	fd = open("link", O_PATH | O_NOFOLLOW);
	CHECK_OK(fstat(fd, &st));
	CHECK(S_ISLNK(st.st_mode));
	CHECK_EQ(readlinkat(fd, "", link, sizeof(link)), 4);
	close(fd);
	fd = open("dir", O_PATH);
	f2 = openat(fd, "inside", O_RDONLY);
	CHECK(f2 >= 0);
	CHECK_ERRNO(syscall(SYS_getdents64, fd, link, sizeof(link)), EBADF);
	close(f2);
	close(fd);
}

static void test_tmpfile(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);
	struct stat st;

	if (fd < 0 && errno == EOPNOTSUPP) {
		test_skip("O_TMPFILE", "not on this file system");
		return;
	}
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, "abc", 3), 3);
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_nlink, 0);
	CHECK_EQ(st.st_size, 3);
	CHECK_EQ(st.st_mode & 07777, 0600);
	close(fd);
	CHECK_ERRNO(open(".", O_TMPFILE | O_RDONLY, 0600), EINVAL);
	CHECK_ERRNO(open("text", O_TMPFILE | O_RDWR, 0600), ENOTDIR);
	CHECK_ERRNO(open("none", O_TMPFILE | O_RDWR, 0600), ENOENT);
}

static void test_permissions(void)
{
	put_file("secret", "s");
	CHECK_OK(chmod("secret", 0));
	CHECK_OK(mkdir("closed", 0755));
	put_file("closed/f", "f");
	CHECK_OK(chmod("closed", 0));
	FORKED("permission bits bind an ordinary user")
	{
		become_nobody();
		CHECK_ERRNO(open("secret", O_RDONLY), EACCES);
		CHECK_ERRNO(open("secret", O_WRONLY | O_TRUNC), EACCES);
		CHECK_ERRNO(open("closed/f", O_RDONLY), EACCES);
		CHECK_ERRNO(open("closed/none", O_RDONLY), EACCES);
		CHECK_OK(open("secret", O_PATH));
	}
	CHECK_OK(chmod("closed", 0555));
	FORKED("no write bit, no new entry")
	{
		become_nobody();
		CHECK_ERRNO(open("closed/new", O_RDWR | O_CREAT, 0600), EACCES);
		CHECK_OK(open("closed/f", O_RDONLY));
	}
	if (is_root())
		CHECK_OK(open("secret", O_RDWR));
	CHECK_OK(chmod("closed", 0755));
}

static void test_noatime(void)
{
	put_file("mine", "m");
	CHECK_OK(open("mine", O_RDONLY | O_NOATIME));
	if (is_root())
		CHECK_OK(chown("mine", NOBODY, NOBODY));
	FORKED("O_NOATIME is the owner's")
	{
		become_nobody();
		CHECK_OK(open("mine", O_RDONLY | O_NOATIME));
		CHECK_ERRNO(open("/", O_RDONLY | O_NOATIME), EPERM);
	}
}

int main(void)
{
	test_begin();
	test_creation();
	test_plain_call();
	test_unknown_flags();
	test_umask_and_modes();
	test_access_modes();
	test_lowest_descriptor();
	test_truncation();
	test_append();
	test_directories();
	test_symlinks();
	test_path();
	test_tmpfile();
	test_permissions();
	test_noatime();
	return test_done();
}
