/* covers: fsopen fsconfig fsmount fspick move_mount open_tree */
/* Mounting in steps: what is made, where it goes, and what becomes of it otherwise. The mounts are
 * the test's own, in a namespace of its own where the kernel gives it one. */
#include <linux/mount.h>
#include <sched.h>
#include <sys/statvfs.h>

#include "tests/conformance/files/conformance.h"

int mount(const char *, const char *, const char *, unsigned long, const void *);
int umount(const char *);

static int fs_open(const char *type, unsigned int flags)
{
	return (int)syscall(SYS_fsopen, type, flags);
}

static long configure(int fd, unsigned int command, const char *key, const void *value, int aux)
{
	return syscall(SYS_fsconfig, fd, command, key, value, aux);
}

static int fs_mount(int fd, unsigned int flags, unsigned int attributes)
{
	return (int)syscall(SYS_fsmount, fd, flags, attributes);
}

static long put(int fd, const char *path)
{
	return syscall(SYS_move_mount, fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
}

static bool may_mount(void)
{
	int fd;

	if (unshare(CLONE_NEWNS) == 0)
		(void)mount(NULL, "/", NULL, 1UL << 14 | 1UL << 18 /* MS_REC, MS_PRIVATE */, NULL);
	fd = fs_open("tmpfs", FSOPEN_CLOEXEC);
	if (fd < 0 || mount("try", "m", "tmpfs", 0, NULL))
		return false;
	close(fd);
	return umount("m") == 0;
}

static unsigned long flags_of(const char *path)
{
	struct statvfs fs;

	return statvfs(path, &fs) ? 0 : fs.f_flag;
}

static int made(void)
{
	int fd = fs_open("tmpfs", 0);

	REQUIRE(fd >= 0);
	CHECK_OK(configure(fd, FSCONFIG_SET_STRING, "source", "made", 0));
	CHECK_OK(configure(fd, FSCONFIG_SET_STRING, "mode", "0750", 0));
	CHECK_OK(configure(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	return fd;
}

static void test_steps(void)
{
	int fd = made(), tree, file;
	struct stat st;

	CHECK_ERRNO(configure(fd, FSCONFIG_SET_STRING, "mode", "0700", 0), EBUSY);
	CHECK_ERRNO(configure(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0), EBUSY);
	tree = fs_mount(fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV);
	REQUIRE(tree >= 0);
	CHECK_EQ(fcntl(tree, F_GETFD), FD_CLOEXEC);
	CHECK(fs_mount(fd, 0, 0) == -1);
	close(fd);
	/* It can be used before it has a place. */
	file = openat(tree, "early", O_RDWR | O_CREAT, 0600);
	CHECK(file >= 0);
	close(file);
	CHECK_OK(put(tree, "m"));
	CHECK_OK(stat("m", &st));
	CHECK_EQ(st.st_mode, S_IFDIR | 0750);
	CHECK(exists("m/early"));
	CHECK_EQ(flags_of("m") & (ST_NOEXEC | ST_NODEV | ST_NOSUID), ST_NOEXEC | ST_NODEV);
	CHECK_ERRNO(umount("m"), EBUSY); /* the descriptor is on it */
	close(tree);
	CHECK_OK(umount("m"));
	CHECK(!exists("m/early"));
}

static void test_left_alone(void)
{
	int fd = made(), tree = fs_mount(fd, 0, 0), file, dir;

	close(fd);
	REQUIRE(tree >= 0);
	CHECK_OK(mkdirat(tree, "d", 0755));
	file = openat(tree, "d/f", O_RDWR | O_CREAT, 0600);
	dir = openat(tree, "..", O_PATH);
	CHECK(dir >= 0);
	close(dir);
	close(tree);
	CHECK_EQ(write(file, "x", 1), 1); /* what is open stays */
	close(file);
	close(made()); /* made, and never mounted */
}

static void test_move(void)
{
	int fd = made(), tree = fs_mount(fd, 0, 0);

	close(fd);
	CHECK_OK(put(tree, "m"));
	close(tree);
	REQUIRE(put_file("m/file", "x"));
	CHECK_OK(syscall(SYS_move_mount, AT_FDCWD, "m", AT_FDCWD, "n", 0));
	CHECK(!exists("m/file") && exists("n/file"));
	CHECK_ERRNO(syscall(SYS_move_mount, AT_FDCWD, "m", AT_FDCWD, "n", 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_move_mount, AT_FDCWD, "n", AT_FDCWD, "none", 0), ENOENT);
	CHECK_ERRNO(syscall(SYS_move_mount, AT_FDCWD, "n", AT_FDCWD, "file", 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_move_mount, AT_FDCWD, "n", AT_FDCWD, "m", 0x8), EINVAL);
	CHECK_ERRNO(syscall(SYS_move_mount, -1, "", AT_FDCWD, "m", MOVE_MOUNT_F_EMPTY_PATH), EBADF);
	CHECK_OK(umount("n"));
}

/* Nothing is mounted below itself, by itself or by what is mounted on it. */
static void test_cycles(void)
{
	int fd = made(), tree = fs_mount(fd, 0, 0), other, inner;

	close(fd);
	CHECK_OK(mkdirat(tree, "d", 0755));
	inner = openat(tree, "d", O_PATH);
	CHECK_ERRNO(syscall(SYS_move_mount, tree, "", tree, "",
			    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH),
		EINVAL);
	CHECK_ERRNO(syscall(SYS_move_mount, tree, "", tree, "d", MOVE_MOUNT_F_EMPTY_PATH), EINVAL);
	CHECK_ERRNO(syscall(SYS_move_mount, tree, "", inner, "",
			    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH),
		EINVAL);
	CHECK_OK(put(tree, "m"));
	CHECK_ERRNO(put(tree, "m/d"), ELOOP);
	fd = made();
	other = fs_mount(fd, 0, 0);
	close(fd);
	CHECK_OK(put(other, "m/d"));
	CHECK_OK(mkdir("m/d/e", 0755));
	CHECK_ERRNO(put(tree, "m/d/e"), ELOOP);
	CHECK_ERRNO(syscall(SYS_move_mount, AT_FDCWD, "m", AT_FDCWD, "m/d/e", 0), ELOOP);
	CHECK(exists("m/d/e") && !exists("m/d/e/d"));
	close(inner);
	close(tree);
	close(other);
	CHECK_OK(umount("m/d"));
	CHECK_OK(umount("m"));
}

static void test_pick(void)
{
	int fd;

	REQUIRE(mount("picked", "m", "tmpfs", 0, NULL) == 0);
	CHECK_ERRNO(syscall(SYS_fspick, AT_FDCWD, "none", 0), ENOENT);
	CHECK_ERRNO(syscall(SYS_fspick, AT_FDCWD, "m", 0x10), EINVAL);
	CHECK_ERRNO(syscall(SYS_fspick, AT_FDCWD, "n", 0), EINVAL);
	fd = (int)syscall(SYS_fspick, AT_FDCWD, "m", FSPICK_CLOEXEC);
	REQUIRE(fd >= 0);
	CHECK_OK(configure(fd, FSCONFIG_SET_FLAG, "ro", NULL, 0));
	CHECK_OK(configure(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0));
	CHECK_ERRNO(mkdir("m/d", 0755), EROFS);
	CHECK_OK(configure(fd, FSCONFIG_SET_FLAG, "rw", NULL, 0));
	CHECK_OK(configure(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0));
	CHECK_OK(mkdir("m/d", 0755));
	close(fd);
	CHECK_OK(umount("m"));
}

static void test_arguments(void)
{
	int fd = fs_open("tmpfs", 0), file = open("file", O_RDONLY);

	CHECK_ERRNO(fs_open("no_such_type", 0), ENODEV);
	CHECK_ERRNO(fs_open("tmpfs", 0x10), EINVAL);
	CHECK_ERRNO(fs_open(BAD_POINTER, 0), EFAULT);
	CHECK_ERRNO(configure(fd, 100, "rw", NULL, 0), EOPNOTSUPP);
	CHECK_ERRNO(configure(fd, FSCONFIG_SET_FLAG, NULL, NULL, 0), EINVAL);
	CHECK_ERRNO(configure(fd, FSCONFIG_SET_FLAG, "rw", "x", 0), EINVAL);
	CHECK_ERRNO(configure(fd, FSCONFIG_SET_STRING, "mode", NULL, 0), EINVAL);
	CHECK_ERRNO(configure(fd, FSCONFIG_SET_STRING, "no_such_option", "x", 0), EINVAL);
	CHECK_ERRNO(configure(fd, FSCONFIG_SET_FLAG, BAD_POINTER, NULL, 0), EFAULT);
	CHECK_ERRNO(configure(fd, FSCONFIG_CMD_CREATE, "x", NULL, 0), EINVAL);
	CHECK_ERRNO(configure(file, FSCONFIG_SET_FLAG, "rw", NULL, 0), EINVAL);
	CHECK_ERRNO(configure(-1, FSCONFIG_SET_FLAG, "rw", NULL, 0), EINVAL);
	CHECK_ERRNO(configure(999, FSCONFIG_SET_FLAG, "rw", NULL, 0), EBADF);
	CHECK_ERRNO(fs_mount(fd, 0, 0), EINVAL); /* nothing is made yet */
	CHECK_ERRNO(fs_mount(-1, 0, 0), EBADF);
	CHECK_ERRNO(fs_mount(file, 0, 0), EINVAL);
	CHECK_ERRNO(fs_mount(fd, 0x80000000, 0), EINVAL);
	CHECK_ERRNO(fs_mount(fd, 0, 0x100), EINVAL);
	close(fd);
	close(file);
}

static void test_open_tree(void)
{
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, "file", OPEN_TREE_CLOEXEC);
	char byte;

	CHECK(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_ERRNO(read(fd, &byte, 1), EBADF); /* it is a place, not a file */
	close(fd);
	CHECK_ERRNO(syscall(SYS_open_tree, AT_FDCWD, "none", 0), ENOENT);
	CHECK_ERRNO(syscall(SYS_open_tree, AT_FDCWD, "file", 0x8), EINVAL);
}

int main(void)
{
	test_begin();
	REQUIRE(mkdir("m", 0755) == 0 && mkdir("n", 0755) == 0 && put_file("file", "x"));
	if (!may_mount()) {
		test_skip("mounting", "needs CAP_SYS_ADMIN");
		return test_done();
	}
	test_steps();
	test_left_alone();
	test_move();
	test_cycles();
	test_pick();
	test_arguments();
	test_open_tree();
	FORKED("it is for the administrator")
	{
		become_nobody();
		CHECK_ERRNO(fs_open("tmpfs", 0), EPERM);
		CHECK_ERRNO(syscall(SYS_fspick, AT_FDCWD, "m", 0), EPERM);
		CHECK_ERRNO(fs_mount(-1, 0, 0), EPERM);
		CHECK_ERRNO(put(-1, "m"), EPERM);
	}
	return test_done();
}
