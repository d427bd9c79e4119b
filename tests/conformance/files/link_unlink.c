/* covers: link linkat unlink unlinkat symlink symlinkat readlink readlinkat */
/* Names: hard links, symbolic links, removal, and files without a name. */
#include "tests/conformance/files/conformance.h"

static long links(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? -1 : (long)st.st_nlink;
}

static void test_hard_links(void)
{
	put_file("f", "data");
	CHECK_OK(link("f", "g"));
	CHECK(same_file("f", "g"));
	CHECK_EQ(links("f"), 2);
	CHECK_OK(unlink("f"));
	CHECK(!exists("f"));
	CHECK_EQ(links("g"), 1);
	CHECK(file_is("g", "data"));
	CHECK_OK(link("g", "f"));
	CHECK_OK(mkdir("dir", 0755));
	CHECK_ERRNO(link("g", "f"), EEXIST);
	CHECK_ERRNO(link("none", "x"), ENOENT);
	CHECK_ERRNO(link("f", "none/x"), ENOENT);
	CHECK_ERRNO(link("dir", "x"), EPERM);
	CHECK_ERRNO(link("f/x", "x"), ENOTDIR);
	CHECK_ERRNO(link("f", ""), ENOENT);
	CHECK_ERRNO(link(BAD_POINTER, "x"), EFAULT);
}

static void test_readlink_of_nothing(void)
{
	char buf[16];
	int fd = open(".", O_PATH);

	CHECK_ERRNO(readlink("", buf, sizeof(buf)), ENOENT);
	CHECK_ERRNO(readlinkat(fd, "", buf, sizeof(buf)), ENOENT); /* not a link */
	CHECK_ERRNO(readlink(".", buf, sizeof(buf)), EINVAL);
	close(fd);
}

static void test_link_to_symlink(void)
{
	CHECK_OK(symlink("f", "s"));
	CHECK_OK(link("s", "s2"));
	CHECK_EQ(links("s"), 2);
	CHECK_OK(linkat(AT_FDCWD, "s", AT_FDCWD, "followed", AT_SYMLINK_FOLLOW));
	CHECK(same_file("followed", "f"));
	CHECK_EQ(links("f"), 3);
	CHECK_ERRNO(linkat(AT_FDCWD, "f", AT_FDCWD, "x", 0x40000000), EINVAL);
	CHECK_ERRNO(linkat(-1, "f", AT_FDCWD, "x", 0), EBADF);
}

static void test_unlink(void)
{
	CHECK_ERRNO(unlink("none"), ENOENT);
	CHECK_ERRNO(unlink(""), ENOENT);
	CHECK_ERRNO(unlink("f/"), ENOTDIR);
	CHECK_ERRNO(unlink("dir"), EISDIR);
	CHECK_ERRNO(unlink(BAD_POINTER), EFAULT);
	CHECK_ERRNO(unlinkat(AT_FDCWD, "f", 0x40000000), EINVAL);
	CHECK_OK(symlink("nowhere", "dangling"));
	CHECK_OK(unlink("dangling"));
	CHECK_OK(unlink("s2"));
	CHECK(exists("f"));
	put_file("dir/kept", "");
	CHECK_OK(chmod("dir", 0555));
	FORKED("removal wants w in the directory, not on the file")
	{
		become_nobody();
		CHECK_ERRNO(unlink("dir/kept"), EACCES);
	}
	CHECK_OK(chmod("dir", 0755));
}

static void test_sticky(void)
{
	if (!is_root()) {
		test_skip("sticky directory", "needs two users");
		return;
	}
	CHECK_OK(mkdir("sticky", 0755));
	CHECK_OK(chmod("sticky", 01777));
	put_file("sticky/theirs", "");
	FORKED("in a sticky directory only owners remove")
	{
		become_nobody();
		CHECK_ERRNO(unlink("sticky/theirs"), EPERM);
		CHECK_ERRNO(rename("sticky/theirs", "sticky/x"), EPERM);
		CHECK(put_file("sticky/own", ""));
		CHECK_OK(unlink("sticky/own"));
	}
}

static void test_open_file_survives(void)
{
	char buf[8];
	struct stat st;
	int fd;

	put_file("held", "alive");
	fd = open("held", O_RDWR);
	CHECK_OK(unlink("held"));
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_nlink, 0);
	CHECK_EQ(pread(fd, buf, 8, 0), 5);
	CHECK_EQ(pwrite(fd, "!", 1, 5), 1);
	put_file("held", "another");
	CHECK_EQ(pread(fd, buf, 8, 0), 6);
	CHECK(!memcmp(buf, "alive!", 6));
	CHECK(file_is("held", "another"));
	close(fd);
}

static void test_symlinks(void)
{
	char buf[64], big[PATH_MAX + 2];
	int fd = open("dir", O_RDONLY);

	CHECK_OK(symlink("any text, even //", "text"));
	CHECK_EQ(readlink("text", buf, sizeof(buf)), 17);
	CHECK(!memcmp(buf, "any text, even //", 17));
	memset(buf, '#', sizeof(buf));
	CHECK_EQ(readlink("text", buf, 3), 3);
	CHECK_EQ(buf[3], '#');
	CHECK_ERRNO(symlink("x", "text"), EEXIST);
	CHECK_ERRNO(symlink("", "empty"), ENOENT);
	CHECK_ERRNO(symlink("x", ""), ENOENT);
	CHECK_ERRNO(symlink("x", "none/y"), ENOENT);
	CHECK_ERRNO(readlink("f", buf, sizeof(buf)), EINVAL);
	CHECK_ERRNO(readlink("dir", buf, sizeof(buf)), EINVAL);
	CHECK_ERRNO(readlink("none", buf, sizeof(buf)), ENOENT);
	CHECK_ERRNO(syscall(SYS_readlink, "text", buf, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_readlink, "text", buf, -1), EINVAL);
	CHECK_ERRNO(syscall(SYS_readlink, "text", BAD_POINTER, 5), EFAULT);
	memset(big, 'x', sizeof(big));
	big[PATH_MAX] = 0;
	CHECK_ERRNO(symlink(big, "big"), ENAMETOOLONG);
	CHECK_OK(symlinkat("../f", fd, "up"));
	CHECK_EQ(readlinkat(fd, "up", buf, sizeof(buf)), 4);
	CHECK(file_is("dir/up", "data"));
	close(fd);
}

/* path_resolution(7): forty symbolic links are followed, one more is ELOOP. */
static void test_chain_limit(void)
{
	char from[16], to[16];

	put_file("l0", "end");
	for (int i = 1; i <= 41; i++) {
		snprintf(from, sizeof(from), "l%d", i);
		snprintf(to, sizeof(to), "l%d", i - 1);
		if (symlink(to, from))
			_exit(97);
	}
	CHECK(file_is("l40", "end"));
	CHECK_ERRNO(open("l41", O_RDONLY), ELOOP);
	CHECK_OK(symlink("self", "self"));
	CHECK_ERRNO(link("self/x", "y"), ELOOP);
	CHECK_ERRNO(unlink("self/x"), ELOOP);
	CHECK_OK(unlink("self"));
}

static void test_name_for_tmpfile(void)
{
	char path[64];
	struct stat st;
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);

	if (fd < 0 && errno == EOPNOTSUPP) {
		test_skip("O_TMPFILE and linkat", "not on this file system");
		return;
	}
	CHECK_EQ(write(fd, "born", 4), 4);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK_OK(linkat(AT_FDCWD, path, AT_FDCWD, "born", AT_SYMLINK_FOLLOW));
	CHECK(file_is("born", "born"));
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_nlink, 1);
	close(fd);
	fd = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK_ERRNO(linkat(AT_FDCWD, path, AT_FDCWD, "never", AT_SYMLINK_FOLLOW), ENOENT);
	close(fd);
}

/* Once the last name is gone, no new one can be made. */
static void test_no_resurrection(void)
{
	char path[64];
	int fd = open("gone", O_RDWR | O_CREAT, 0600);

	CHECK_OK(unlink("gone"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK_ERRNO(linkat(AT_FDCWD, path, AT_FDCWD, "back", AT_SYMLINK_FOLLOW), ENOENT);
	close(fd);
}

int main(void)
{
	test_begin();
	test_hard_links();
	test_link_to_symlink();
	test_readlink_of_nothing();
	test_unlink();
	test_sticky();
	test_open_file_survives();
	test_symlinks();
	test_chain_limit();
	test_name_for_tmpfile();
	test_no_resurrection();
	return test_done();
}
