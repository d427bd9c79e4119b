/* covers: chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat */
/* Mode bits and owners: who may change them, and what changes with them. */
#include "tests/conformance/files/conformance.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static struct stat stat_of(const char *path)
{
	struct stat st = {0};

	lstat(path, &st);
	return st;
}

static int mode_of(const char *path)
{
	return (int)(stat_of(path).st_mode & 07777);
}

static void test_chmod(void)
{
	int fd;

	put_file("f", "x");
	CHECK_OK(chmod("f", 0));
	CHECK_EQ(mode_of("f"), 0);
	CHECK_OK(chmod("f", 07777));
	CHECK_EQ(mode_of("f"), 07777);
	CHECK_OK(chmod("f", S_IFDIR | 0640));
	CHECK_EQ(mode_of("f"), 0640);
	CHECK(S_ISREG(stat_of("f").st_mode));
	fd = open("f", O_RDONLY);
	CHECK_OK(fchmod(fd, 0600));
	CHECK_EQ(mode_of("f"), 0600);
	CHECK_OK(symlink("f", "link"));
	CHECK_OK(chmod("link", 0644));
	CHECK_EQ(mode_of("f"), 0644);
	CHECK_OK(fchmodat(AT_FDCWD, "link", 0600, 0));
	CHECK_EQ(mode_of("f"), 0600);
	CHECK_OK(chmod("f", 0));
	CHECK_EQ(pread(fd, (char[1]){0}, 1, 0), 1);
	CHECK_OK(chmod("f", 0644));
	close(fd);
}

static void test_chmod_changes_ctime_only(void)
{
	const struct timespec old[2] = {{1000, 0}, {1000, 0}};

	CHECK_OK(utimensat(AT_FDCWD, "f", old, 0));
	CHECK_OK(chmod("f", 0600));
	CHECK_EQ(stat_of("f").st_mtim.tv_sec, 1000);
	CHECK_EQ(stat_of("f").st_atim.tv_sec, 1000);
	CHECK(stat_of("f").st_ctim.tv_sec > 1000);
}

static long fchmodat2(int dir, const char *path, mode_t mode, int flags)
{
	return syscall(SYS_fchmodat2, dir, path, mode, flags);
}

static void test_fchmodat2(void)
{
	int path = open("f", O_PATH);

	if (fchmodat2(-1, "", 0, 0) < 0 && errno == ENOSYS) {
		test_skip("fchmodat2", "the kernel is older than Linux 6.6");
		close(path);
		return;
	}
	CHECK_OK(fchmodat2(AT_FDCWD, "link", 0640, 0));
	CHECK_EQ(mode_of("f"), 0640);
	CHECK_OK(fchmodat2(AT_FDCWD, "f", 0600, AT_SYMLINK_NOFOLLOW));
	CHECK_EQ(mode_of("f"), 0600);
	CHECK_ERRNO(fchmodat2(AT_FDCWD, "link", 0644, AT_SYMLINK_NOFOLLOW), EOPNOTSUPP);
	CHECK_EQ(mode_of("f"), 0600);
	CHECK_OK(fchmodat2(path, "", 0644, AT_EMPTY_PATH));
	CHECK_EQ(mode_of("f"), 0644);
	CHECK_ERRNO(fchmodat2(path, "", 0600, 0), ENOENT);
	CHECK_ERRNO(fchmodat2(-1, "f", 0600, 0), EBADF);
	CHECK_ERRNO(fchmodat2(AT_FDCWD, "none", 0600, 0), ENOENT);
	CHECK_ERRNO(fchmodat2(AT_FDCWD, "f", 0600, AT_REMOVEDIR), EINVAL);
	CHECK_ERRNO(fchmodat2(AT_FDCWD, BAD_POINTER, 0600, 0), EFAULT);
	close(path);
}

static void test_chmod_errors(void)
{
	int path = open("f", O_PATH);

	CHECK_ERRNO(chmod("none", 0), ENOENT);
	CHECK_ERRNO(chmod("", 0), ENOENT);
	CHECK_ERRNO(chmod("f/x", 0), ENOTDIR);
	CHECK_ERRNO(syscall(SYS_chmod, BAD_POINTER, 0), EFAULT);
	CHECK_ERRNO(fchmod(-1, 0), EBADF);
	CHECK_ERRNO(fchmod(path, 0), EBADF);
	CHECK_ERRNO(fchmodat(-1, "f", 0, 0), EBADF);
	CHECK_OK(symlink("loop", "loop"));
	CHECK_ERRNO(chmod("loop", 0), ELOOP);
	FORKED("only the owner may")
	{
		become_nobody();
		CHECK_ERRNO(chmod("/", 0777), EPERM);
		CHECK_ERRNO(chown("/", getuid(), (gid_t)-1), EPERM);
	}
	close(path);
}

static void test_chown_to_self(void)
{
	int fd = open("f", O_RDONLY);

	CHECK_OK(chown("f", (uid_t)-1, (gid_t)-1));
	CHECK_OK(chown("f", geteuid(), getegid()));
	CHECK_OK(fchown(fd, (uid_t)-1, getegid()));
	CHECK_OK(lchown("link", geteuid(), (gid_t)-1));
	CHECK_OK(fchownat(AT_FDCWD, "f", geteuid(), getegid(), 0));
	CHECK_OK(fchownat(fd, "", geteuid(), getegid(), AT_EMPTY_PATH));
	CHECK_EQ(stat_of("f").st_uid, geteuid());
	close(fd);
}

static void test_chown_errors(void)
{
	CHECK_ERRNO(chown("none", (uid_t)-1, (gid_t)-1), ENOENT);
	CHECK_ERRNO(chown("f/x", (uid_t)-1, (gid_t)-1), ENOTDIR);
	CHECK_ERRNO(syscall(SYS_chown, BAD_POINTER, -1, -1), EFAULT);
	CHECK_ERRNO(fchown(-1, 0, 0), EBADF);
	CHECK_ERRNO(fchownat(-1, "f", 0, 0, 0), EBADF);
	CHECK_ERRNO(fchownat(AT_FDCWD, "f", 0, 0, 0x40000000), EINVAL);
	CHECK_ERRNO(fchownat(AT_FDCWD, "", 0, 0, 0), ENOENT);
}

static void test_ordinary_user(void)
{
	CHECK_OK(mkdir("theirs", 0777));
	CHECK_OK(chmod("theirs", 0777));
	FORKED("an ordinary user can't give files away")
	{
		become_nobody();
		CHECK(put_file("theirs/mine", ""));
		CHECK_ERRNO(chown("theirs/mine", geteuid() + 1, (gid_t)-1), EPERM);
		CHECK_ERRNO(chown("theirs/mine", (uid_t)-1, getegid() + 1), EPERM);
		CHECK_OK(chown("theirs/mine", geteuid(), getegid()));
	}
}

/* chown(2): an executable loses its set-ID bits, by an ordinary user's hand at least. */
static void test_set_id_bits_go(void)
{
	FORKED("chown clears set-user-ID")
	{
		become_nobody();
		CHECK(put_file("theirs/suid", ""));
		CHECK_OK(chmod("theirs/suid", 06755));
		CHECK_EQ(mode_of("theirs/suid"), 06755);
		CHECK_OK(chown("theirs/suid", geteuid(), getegid()));
		CHECK_EQ(mode_of("theirs/suid"), 0755);
		CHECK_OK(chmod("theirs/suid", 04755));
		int fd = open("theirs/suid", O_WRONLY);
		CHECK_EQ(write(fd, "x", 1), 1);
		CHECK_EQ(mode_of("theirs/suid"), 0755);
	}
}

static void test_root_chown(void)
{
	if (!is_root()) {
		test_skip("giving files away", "needs root");
		return;
	}
	CHECK_OK(chown("f", 1234, 5678));
	CHECK_EQ(stat_of("f").st_uid, 1234);
	CHECK_EQ(stat_of("f").st_gid, 5678);
	CHECK_OK(chown("f", (uid_t)-1, 1));
	CHECK_EQ(stat_of("f").st_uid, 1234);
	CHECK_EQ(stat_of("f").st_gid, 1);
	CHECK_OK(lchown("link", 77, 78));
	CHECK_EQ(stat_of("link").st_uid, 77);
	CHECK_EQ(stat_of("f").st_uid, 1234);
	CHECK_OK(fchownat(AT_FDCWD, "link", 79, 80, AT_SYMLINK_NOFOLLOW));
	CHECK_EQ(stat_of("link").st_gid, 80);
	CHECK_OK(chown("link", 0, 0));
	CHECK_EQ(stat_of("f").st_uid, 0);
}

/* A group of one's own may be given; set-group-ID goes if the group is foreign. */
static void test_supplementary_group(void)
{
	const gid_t group = 4321;

	if (!is_root()) {
		test_skip("supplementary groups", "needs root to have one");
		return;
	}
	FORKED("chgrp to a supplementary group")
	{
		CHECK_OK(setgroups(1, &group));
		CHECK_OK(setresgid(NOBODY, NOBODY, NOBODY));
		CHECK_OK(setresuid(NOBODY, NOBODY, NOBODY));
		CHECK(put_file("theirs/shared", ""));
		CHECK_OK(chown("theirs/shared", (uid_t)-1, group));
		CHECK_EQ(stat_of("theirs/shared").st_gid, group);
	}
	FORKED("set-group-ID by a stranger to the group is dropped")
	{
		become_nobody();
		CHECK_OK(chmod("theirs/shared", 02755));
		CHECK_EQ(mode_of("theirs/shared"), 0755);
	}
}

int main(void)
{
	test_begin();
	test_chmod();
	test_fchmodat2();
	test_chmod_changes_ctime_only();
	test_chmod_errors();
	test_chown_to_self();
	test_chown_errors();
	test_ordinary_user();
	test_set_id_bits_go();
	test_root_chown();
	test_supplementary_group();
	return test_done();
}
