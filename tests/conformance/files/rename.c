/* covers: rename renameat renameat2 */
/* rename(2): replacement, directories, flags, errors. */
#include "tests/conformance/files/conformance.h"

static void test_files(void)
{
	char buf[8];
	int fd;

	put_file("a", "A");
	put_file("b", "B");
	fd = open("b", O_RDONLY);
	CHECK_OK(rename("a", "b"));
	CHECK(!exists("a"));
	CHECK(file_is("b", "A"));
	CHECK_EQ(read(fd, buf, 8), 1);
	CHECK_EQ(buf[0], 'B');
	close(fd);
	CHECK_OK(rename("b", "b"));
	CHECK(file_is("b", "A"));
	fd = open("b", O_RDONLY);
	CHECK_OK(rename("b", "c"));
	CHECK_EQ(read(fd, buf, 8), 1);
	close(fd);
}

static void test_same_inode(void)
{
	CHECK_OK(link("c", "c2"));
	CHECK_OK(rename("c", "c2"));
	CHECK(exists("c") && exists("c2"));
	CHECK_OK(unlink("c2"));
}

static void test_directories(void)
{
	CHECK_OK(mkdir("d1", 0755));
	CHECK_OK(mkdir("d2", 0755));
	put_file("d1/f", "inside");
	CHECK_OK(rename("d1", "d2"));
	CHECK(file_is("d2/f", "inside"));
	CHECK_OK(mkdir("d3", 0755));
	CHECK_ERRNO(rename("d3", "d2"), ENOTEMPTY);
	CHECK_ERRNO(rename("c", "d2"), EISDIR);
	CHECK_ERRNO(rename("d2", "c"), ENOTDIR);
	CHECK_ERRNO(rename("d2", "d2/child"), EINVAL);
	CHECK_ERRNO(rename("d2", "d2/none/child"), ENOENT);
	CHECK_OK(mkdir("d2/sub", 0755));
	CHECK_ERRNO(rename("d2", "d2/sub/x"), EINVAL);
	CHECK_ERRNO(rename("d2/sub", "d2"), ENOTEMPTY);
	CHECK_ERRNO(rename(".", "x"), EBUSY);
	CHECK_ERRNO(rename("d2/..", "x"), EBUSY);
	CHECK_OK(rename("d3/", "d4/"));
	CHECK(exists("d4") && !exists("d3"));
}

static void test_parent_follows(void)
{
	struct stat a, b;

	CHECK_OK(rename("d2/sub", "d4/sub"));
	CHECK(same_file("d4/sub/..", "d4"));
	CHECK_OK(stat("d2", &a));
	CHECK_OK(stat("d4", &b));
	CHECK_EQ(a.st_nlink, 2);
	CHECK_EQ(b.st_nlink, 3);
}

static void test_errors(void)
{
	CHECK_ERRNO(rename("none", "x"), ENOENT);
	CHECK_ERRNO(rename("c", "none/x"), ENOENT);
	CHECK_ERRNO(rename("", "x"), ENOENT);
	CHECK_ERRNO(rename("c", ""), ENOENT);
	CHECK_ERRNO(rename("c/x", "x"), ENOTDIR);
	CHECK_ERRNO(rename("c", "newname/"), ENOTDIR);
	CHECK_ERRNO(rename("c", "/proc/x"), EXDEV);
	CHECK_ERRNO(rename(BAD_POINTER, "x"), EFAULT);
	CHECK_ERRNO(renameat(-1, "c", AT_FDCWD, "x"), EBADF);
	CHECK_OK(chmod("d2", 0555));
	FORKED("both directories must be writable")
	{
		become_nobody();
		CHECK_ERRNO(rename("d2/f", "d4/f"), EACCES);
		CHECK_ERRNO(rename("d4/sub", "d2/sub"), EACCES);
	}
	CHECK_OK(chmod("d2", 0755));
}

static void test_symlinks(void)
{
	char buf[8];

	put_file("target", "T");
	CHECK_OK(symlink("target", "link"));
	CHECK_OK(rename("link", "moved"));
	CHECK_EQ(readlink("moved", buf, sizeof(buf)), 6);
	CHECK_OK(rename("c", "moved"));
	CHECK(file_is("moved", "A"));
	CHECK(file_is("target", "T"));
}

static void test_at(void)
{
	int d2 = open("d2", O_RDONLY), d4 = open("d4", O_RDONLY);

	CHECK_OK(renameat(d2, "f", d4, "g"));
	CHECK(file_is("d4/g", "inside"));
	CHECK_OK(renameat2(d4, "g", d2, "f", 0));
	CHECK(file_is("d2/f", "inside"));
	close(d2);
	close(d4);
}

static void test_noreplace(void)
{
	if (renameat2(AT_FDCWD, "moved", AT_FDCWD, "fresh", RENAME_NOREPLACE)) {
		CHECK_EQ(errno, EINVAL);
		test_skip("RENAME_NOREPLACE", "not on this file system");
		return;
	}
	CHECK(file_is("fresh", "A"));
	CHECK_ERRNO(renameat2(AT_FDCWD, "fresh", AT_FDCWD, "target", RENAME_NOREPLACE), EEXIST);
	CHECK(file_is("target", "T"));
	CHECK_ERRNO(renameat2(AT_FDCWD, "fresh", AT_FDCWD, "fresh", RENAME_NOREPLACE), EEXIST);
}

static void test_exchange(void)
{
	put_file("x", "X");
	if (renameat2(AT_FDCWD, "x", AT_FDCWD, "d4", RENAME_EXCHANGE)) {
		CHECK_EQ(errno, EINVAL);
		test_skip("RENAME_EXCHANGE", "not on this file system");
		return;
	}
	CHECK(file_is("d4", "X"));
	CHECK(exists("x/sub"));
	CHECK_OK(renameat2(AT_FDCWD, "x/sub", AT_FDCWD, "target", RENAME_EXCHANGE));
	CHECK(file_is("x/sub", "T"));
	CHECK(same_file("target/..", "."));
	CHECK_ERRNO(renameat2(AT_FDCWD, "x", AT_FDCWD, "none", RENAME_EXCHANGE), ENOENT);
	CHECK_ERRNO(renameat2(AT_FDCWD, "x", AT_FDCWD, "x/sub", RENAME_EXCHANGE), EINVAL);
}

static void test_flags(void)
{
	const unsigned both = RENAME_NOREPLACE | RENAME_EXCHANGE;

	CHECK_ERRNO(renameat2(AT_FDCWD, "x", AT_FDCWD, "y", both), EINVAL);
	CHECK_ERRNO(renameat2(AT_FDCWD, "x", AT_FDCWD, "y", 1U << 20), EINVAL);
}

/* A reader never sees the name missing while a writer replaces the file. */
static void test_atomic_replacement(void)
{
	int missing = 0, status;
	pid_t pid;

	put_file("always", "0");
	pid = test_fork();
	if (pid == 0) {
		for (int i = 0; i < 200; i++)
			if (!put_file("next", "1") || rename("next", "always"))
				_exit(1);
		_exit(0);
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		missing += !exists("always");
	CHECK_EQ(status, 0);
	CHECK_EQ(missing, 0);
	CHECK(file_is("always", "1"));
}

int main(void)
{
	test_begin();
	test_files();
	test_same_inode();
	test_directories();
	test_parent_follows();
	test_errors();
	test_symlinks();
	test_at();
	test_noreplace();
	test_exchange();
	test_flags();
	test_atomic_replacement();
	return test_done();
}
