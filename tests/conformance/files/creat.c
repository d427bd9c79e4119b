/* covers: creat */
/* creat(2) is open(2) with O_CREAT | O_WRONLY | O_TRUNC. */
#include "tests/conformance/files/conformance.h"

static void test_new(void)
{
	struct stat st;
	char c;
	int fd = (int)syscall(SYS_creat, "new", 0666);

	CHECK(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_WRONLY);
	CHECK_EQ(fcntl(fd, F_GETFD), 0);
	CHECK_ERRNO(read(fd, &c, 1), EBADF);
	CHECK_EQ(write(fd, "abc", 3), 3);
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_mode & 07777, 0644);
	CHECK_EQ(st.st_uid, geteuid());
	close(fd);
	CHECK(file_is("new", "abc"));
}

static void test_existing(void)
{
	struct stat before, after;
	int fd;

	CHECK_OK(chmod("new", 0600));
	CHECK_OK(stat("new", &before));
	fd = creat("new", 0777);
	CHECK(fd >= 0);
	CHECK_OK(fstat(fd, &after));
	CHECK_EQ(after.st_size, 0);
	CHECK_EQ(after.st_ino, before.st_ino);
	CHECK_EQ(after.st_mode & 07777, 0600);
	close(fd);
}

static void test_errors(void)
{
	CHECK_OK(mkdir("dir", 0755));
	CHECK_ERRNO(creat("dir", 0644), EISDIR);
	CHECK_ERRNO(creat("none/x", 0644), ENOENT);
	CHECK_ERRNO(creat("", 0644), ENOENT);
	CHECK_ERRNO(creat("new/x", 0644), ENOTDIR);
	CHECK_ERRNO(syscall(SYS_creat, BAD_POINTER, 0644), EFAULT);
	CHECK_OK(symlink("loop", "loop"));
	CHECK_ERRNO(creat("loop", 0644), ELOOP);
	CHECK_OK(chmod("dir", 0555));
	FORKED("a directory without w refuses")
	{
		become_nobody();
		CHECK_ERRNO(creat("dir/x", 0644), EACCES);
	}
	CHECK_OK(chmod("new", 0444));
	FORKED("a file without w refuses")
	{
		become_nobody();
		CHECK_ERRNO(creat("new", 0644), EACCES);
	}
	CHECK_OK(chmod("dir", 0755));
}

int main(void)
{
	test_begin();
	test_new();
	test_existing();
	test_errors();
	return test_done();
}
