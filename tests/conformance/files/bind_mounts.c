/* covers: mount umount2 open_tree move_mount mount_setattr statmount statx rename link */
/* Bind mounts: a directory or a file has a second place, which may allow less than the first. The
 * mounts are the test's own, in a namespace of its own where the kernel gives it one. */
#include <linux/mount.h>
#include <linux/stat.h>
#include <sched.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "tests/conformance/files/conformance.h"

#define MS_RDONLY_ 1UL
#define MS_REMOUNT_ 32UL
#define MS_BIND_ 4096UL
#define MS_MOVE_ 8192UL
#define MS_REC_ 16384UL
#define MS_PRIVATE_ (1UL << 18)
#define DETACH 2
#define RECURSIVE 0x8000

int mount(const char *, const char *, const char *, unsigned long, const void *);
int umount(const char *);
int umount2(const char *, int);

static bool may_mount(void)
{
	if (unshare(CLONE_NEWNS) == 0)
		(void)mount(NULL, "/", NULL, MS_REC_ | MS_PRIVATE_, NULL);
	return mount("try", "m", "tmpfs", 0, NULL) == 0 && umount("m") == 0;
}

static ino_t number_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_ino;
}

/* A tmpfs at m with m/d/f, and two places for more. */
static void set_up(void)
{
	REQUIRE(mount("bound", "m", "tmpfs", 0, NULL) == 0);
	REQUIRE(mkdir("m/d", 0755) == 0 && mkdir("m/d/e", 0755) == 0 && mkdir("m/x", 0755) == 0);
	REQUIRE(put_file("m/d/f", "text") && put_file("m/g", "other"));
}

static void tear_down(void)
{
	CHECK_OK(umount("m"));
}

static void test_second_place(void)
{
	char text[PATH_MAX], here[PATH_MAX];
	int fd;

	CHECK_OK(mount("m/d", "n", NULL, MS_BIND_, NULL));
	CHECK_EQ(number_of("n"), number_of("m/d"));
	CHECK_EQ(number_of("n/f"), number_of("m/d/f"));
	CHECK_EQ(number_of("n/.."), number_of("."));
	CHECK_EQ(number_of("n/e/../.."), number_of("."));
	CHECK(put_file("n/new", "made here"));
	CHECK_OK(get_file("m/d/new", text, sizeof(text)));
	CHECK_STR(text, "made here");
	CHECK_OK(rename("n/new", "n/e/new"));
	CHECK(exists("m/d/e/new") && !exists("m/d/new"));
	CHECK_OK(link("n/f", "n/e/hard"));
	CHECK_EQ(number_of("m/d/e/hard"), number_of("n/f"));
	CHECK_OK(unlink("m/d/e/hard"));
	CHECK(!exists("n/e/hard"));
	CHECK_OK(symlink("f", "n/soft"));
	CHECK_EQ(number_of("n/soft"), number_of("m/d/f"));
	CHECK_OK(unlink("n/soft"));
	CHECK_OK(unlink("n/e/new"));
	/* Each place is a mount of its own. */
	CHECK_ERRNO(rename("n/f", "m/f"), EXDEV);
	CHECK_ERRNO(rename("n/f", "m/d/f2"), EXDEV);
	CHECK_ERRNO(link("n/f", "m/f"), EXDEV);
	CHECK_ERRNO(rmdir("n"), EBUSY);
	CHECK(getcwd(here, sizeof(here)) != NULL);
	CHECK_OK(chdir("n/e"));
	CHECK_ERRNO(umount("../../n"), EBUSY);
	CHECK(getcwd(text, sizeof(text)) != NULL);
	strcat(here, "/n/e");
	CHECK_STR(text, here);
	CHECK_OK(chdir("../.."));
	fd = open("n/f", O_RDONLY);
	CHECK_ERRNO(umount("n"), EBUSY);
	close(fd);
	CHECK_OK(umount("n"));
	CHECK(!exists("n/f") && exists("m/d/f"));
}

static void test_files(void)
{
	char text[16];

	REQUIRE(put_file("place", "below"));
	CHECK_ERRNO(mount("m/d/f", "n", NULL, MS_BIND_, NULL), ENOTDIR);
	CHECK_ERRNO(mount("m/d", "place", NULL, MS_BIND_, NULL), ENOTDIR);
	CHECK_ERRNO(mount("m/none", "n", NULL, MS_BIND_, NULL), ENOENT);
	CHECK_ERRNO(mount(NULL, "n", NULL, MS_BIND_, NULL), EINVAL);
	CHECK_OK(mount("m/d/f", "place", NULL, MS_BIND_, NULL));
	CHECK_OK(get_file("place", text, sizeof(text)));
	CHECK_STR(text, "text");
	CHECK_ERRNO(unlink("place"), EBUSY);
	CHECK_ERRNO(rename("m/d/f", "place"), EXDEV);
	/* Its source may lose its name. */
	CHECK_OK(unlink("m/d/f"));
	CHECK_OK(get_file("place", text, sizeof(text)));
	CHECK_STR(text, "text");
	CHECK_OK(umount("place"));
	CHECK_OK(get_file("place", text, sizeof(text)));
	CHECK_STR(text, "below");
	CHECK_OK(unlink("place"));
	REQUIRE(put_file("m/d/f", "text"));
}

static void check_read_only(void)
{
	static const struct timespec times[2] = {{1, 0}, {2, 0}};
	struct statvfs fs;
	int fd;

	CHECK_OK(statvfs("n", &fs));
	CHECK(fs.f_flag & ST_RDONLY);
	CHECK_ERRNO(open("n/f", O_WRONLY), EROFS);
	CHECK_ERRNO(open("n/new", O_WRONLY | O_CREAT, 0600), EROFS);
	CHECK_ERRNO(open("n", O_RDWR | O_TMPFILE, 0600), EROFS);
	CHECK_ERRNO(mkdir("n/new", 0700), EROFS);
	CHECK_ERRNO(mkdir("n/e", 0700), EEXIST);
	CHECK_ERRNO(unlink("n/f"), EROFS);
	CHECK_ERRNO(rmdir("n/e"), EROFS);
	CHECK_ERRNO(rename("n/f", "n/f2"), EROFS);
	CHECK_ERRNO(link("n/f", "n/f2"), EROFS);
	CHECK_ERRNO(symlink("f", "n/soft"), EROFS);
	CHECK_ERRNO(chmod("n/f", 0600), EROFS);
	CHECK_ERRNO(chown("n/f", 1, 1), EROFS);
	CHECK_ERRNO(truncate("n/f", 0), EROFS);
	CHECK_ERRNO(utimensat(AT_FDCWD, "n/f", times, 0), EROFS);
	CHECK_ERRNO(setxattr("n/f", "user.a", "x", 1, 0), EROFS);
	CHECK_ERRNO(access("n/f", W_OK), EROFS);
	CHECK_OK(access("n/f", R_OK));
	fd = open("n/f", O_RDONLY);
	CHECK_ERRNO(fchmod(fd, 0600), EROFS);
	close(fd);
	CHECK(put_file("m/d/f", "text")); /* the first place is not changed */
}

static void test_read_only(void)
{
	int fd;

	CHECK_OK(mount("m/d", "n", NULL, MS_BIND_, NULL));
	fd = open("n/f", O_WRONLY);
	CHECK_ERRNO(mount(NULL, "n", NULL, MS_REMOUNT_ | MS_BIND_ | MS_RDONLY_, NULL), EBUSY);
	close(fd);
	fd = open("m/d/f", O_WRONLY); /* no matter */
	CHECK_OK(mount(NULL, "n", NULL, MS_REMOUNT_ | MS_BIND_ | MS_RDONLY_, NULL));
	close(fd);
	check_read_only();
	CHECK_OK(mount(NULL, "n", NULL, MS_REMOUNT_ | MS_BIND_, NULL));
	CHECK_OK(chmod("n/f", 0644));
	CHECK_OK(umount("n"));
}

static void test_stacks(void)
{
	CHECK_OK(mount("m/d", "m/x", NULL, MS_BIND_, NULL));
	/* On a bind mount, on what it shows; seen there alone. */
	CHECK_OK(mount("inner", "m/x/e", "tmpfs", 0, NULL));
	CHECK(put_file("m/x/e/deep", "x"));
	CHECK(exists("m/x/e/deep") && !exists("m/d/e/deep"));
	CHECK_EQ(number_of("m/x/e/.."), number_of("m/d"));
	CHECK_ERRNO(rmdir("m/x/e"), EBUSY);
	CHECK_ERRNO(rmdir("m/d/e"), EBUSY);
	CHECK_ERRNO(umount("m/x"), EBUSY);
	/* Without MS_REC what is mounted below is not shown. */
	CHECK_OK(mount("m", "n", NULL, MS_BIND_, NULL));
	CHECK(exists("n/x") && !exists("n/x/f"));
	CHECK_OK(umount("n"));
	CHECK_OK(mount("m", "n", NULL, MS_BIND_ | MS_REC_, NULL));
	CHECK(exists("n/x/f") && exists("n/x/e/deep") && exists("n/d/f"));
	CHECK(put_file("n/x/e/other", "x"));
	CHECK(exists("m/x/e/other"));
	CHECK_ERRNO(umount("n"), EBUSY);
	CHECK_OK(umount2("n", DETACH));
	CHECK(!exists("n/x") && exists("m/x/e/deep"));
	CHECK_OK(umount("m/x/e"));
	CHECK_OK(umount("m/x"));
	CHECK(!exists("m/x/f") && exists("m/d/e"));
}

static void test_itself(void)
{
	CHECK_OK(mount("m/d", "m/d", NULL, MS_BIND_, NULL));
	CHECK(exists("m/d/f"));
	CHECK_OK(mount("m", "m/d/e", NULL, MS_BIND_ | MS_REC_, NULL));
	CHECK(exists("m/d/e/g") && exists("m/d/e/d/f") && !exists("m/d/e/d/e/g"));
	CHECK_ERRNO(mount("m", "m/d/e", NULL, MS_MOVE_, NULL), ELOOP);
	CHECK_OK(umount2("m/d", DETACH));
	CHECK(exists("m/d/f") && !exists("m/d/e/g"));
}

static void test_outlives(void)
{
	CHECK_OK(mount("other", "x", "tmpfs", 0, NULL));
	CHECK(put_file("x/f", "x"));
	CHECK_OK(mount("x", "n", NULL, MS_BIND_, NULL));
	CHECK_OK(umount("x"));
	CHECK(!exists("x/f") && exists("n/f"));
	CHECK_OK(mount("n", "x", NULL, MS_MOVE_, NULL));
	CHECK(exists("x/f") && !exists("n/f"));
	CHECK_OK(mkdir("x/d", 0700));
	CHECK_ERRNO(mount("x", "x/d", NULL, MS_MOVE_, NULL), ELOOP);
	CHECK_OK(umount("x"));
}

/* A directory that leaves what the bind mount shows has no way up. */
static void test_moved_out(void)
{
	int fd;

	CHECK_OK(mount("m/d", "n", NULL, MS_BIND_, NULL));
	fd = open("n/e", O_RDONLY | O_DIRECTORY);
	CHECK_OK(rename("m/d/e", "m/x/e"));
	CHECK(openat(fd, "../../g", O_RDONLY) < 0);
	CHECK(openat(fd, "../d/f", O_RDONLY) < 0);
	CHECK_OK(rename("m/x/e", "m/d/e"));
	close(fd);
	CHECK_OK(umount("n"));
}

/* The line of mountinfo about what is mounted at @place: its fourth field. */
static bool has_root(const char *place, const char *root)
{
	static char line[4096], path[PATH_MAX], field[PATH_MAX], at[PATH_MAX];
	FILE *file = fopen("/proc/self/mountinfo", "re");
	bool found = false;

	REQUIRE(realpath(place, path) != NULL && file != NULL);
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%*d %*d %*s %4095s %4095s", field, at) == 2 &&
			!strcmp(at, path) && !strcmp(field, root);
	fclose(file);
	return found;
}

static uint64_t mount_id_of(const char *path)
{
	struct statx stx;

	return syscall(SYS_statx, AT_FDCWD, path, 0, STATX_MNT_ID, &stx) ? 0 : stx.stx_mnt_id;
}

static void test_shown(void)
{
	struct statx stx;

	CHECK_OK(mount("m/d", "n", NULL, MS_BIND_, NULL));
	CHECK(has_root("m", "/"));
	CHECK(has_root("n", "/d"));
	CHECK(mount_id_of("n") != mount_id_of("m"));
	CHECK_EQ(mount_id_of("n/f"), mount_id_of("n"));
	CHECK_OK(syscall(SYS_statx, AT_FDCWD, "n", 0, STATX_BASIC_STATS, &stx));
	CHECK(stx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
	CHECK_OK(syscall(SYS_statx, AT_FDCWD, "m/d", 0, STATX_BASIC_STATS, &stx));
	CHECK(!(stx.stx_attributes & STATX_ATTR_MOUNT_ROOT));
	CHECK_OK(umount("n"));
	CHECK(!has_root("n", "/d"));
}

static int clone_tree(const char *path, unsigned int flags)
{
	return (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | flags);
}

static void test_trees(void)
{
	int tree = clone_tree("m/d", OPEN_TREE_CLOEXEC), fd;

	REQUIRE(tree >= 0);
	fd = openat(tree, "f", O_RDONLY);
	CHECK(fd >= 0);
	close(fd);
	CHECK_OK(syscall(SYS_move_mount, tree, "", AT_FDCWD, "n", MOVE_MOUNT_F_EMPTY_PATH));
	close(tree);
	CHECK(exists("n/f"));
	CHECK_OK(umount("n"));
	CHECK_OK(mount("inner", "m/d/e", "tmpfs", 0, NULL));
	CHECK(put_file("m/d/e/deep", "x"));
	tree = clone_tree("m/d", RECURSIVE);
	CHECK(faccessat(tree, "e/deep", F_OK, 0) == 0);
	CHECK_OK(close(tree)); /* and with it its mounts */
	tree = clone_tree("m/d", 0);
	CHECK(faccessat(tree, "e/deep", F_OK, 0) != 0);
	close(tree);
	CHECK_OK(umount("m/d/e"));
	CHECK_ERRNO(clone_tree("m/none", 0), ENOENT);
}

static long set_attributes(
	const char *path, uint64_t set, uint64_t clear, uint64_t propagation, unsigned int flags)
{
	struct mount_attr attributes = {
		.attr_set = set, .attr_clr = clear, .propagation = propagation};

	return syscall(SYS_mount_setattr, AT_FDCWD, path, flags, &attributes, sizeof(attributes));
}

static unsigned long flags_of(const char *path)
{
	struct statvfs fs;

	return statvfs(path, &fs) ? 0 : fs.f_flag;
}

static void test_attributes(void)
{
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
	int fd;

	CHECK_OK(mount("m/d", "n", NULL, MS_BIND_, NULL));
	CHECK_OK(mount("inner", "n/e", "tmpfs", 0, NULL));
	CHECK_OK(set_attributes("n", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC, 0, 0, 0));
	CHECK_EQ(flags_of("n") & (ST_RDONLY | ST_NOEXEC | ST_NOSUID), ST_RDONLY | ST_NOEXEC);
	CHECK_EQ(flags_of("m/d") & (ST_RDONLY | ST_NOEXEC), 0);
	CHECK_EQ(flags_of("n/e") & ST_RDONLY, 0);
	CHECK_ERRNO(mkdir("n/new", 0700), EROFS);
	CHECK_OK(set_attributes("n", MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY, 0, 0));
	CHECK_EQ(flags_of("n") & (ST_RDONLY | ST_NOEXEC | ST_NOSUID), ST_NOSUID | ST_NOEXEC);
	fd = open("n/e/f", O_WRONLY | O_CREAT, 0600);
	CHECK_ERRNO(set_attributes("n", MOUNT_ATTR_RDONLY, 0, 0, RECURSIVE), EBUSY);
	CHECK_EQ(flags_of("n") & ST_RDONLY, 0);
	close(fd);
	CHECK_OK(set_attributes("n", MOUNT_ATTR_RDONLY, 0, MS_PRIVATE_, RECURSIVE));
	CHECK(flags_of("n") & ST_RDONLY && flags_of("n/e") & ST_RDONLY);
	CHECK_OK(set_attributes("n", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME, 0, 0));
	CHECK_EQ(flags_of("n") & (ST_NOATIME | ST_RELATIME), ST_NOATIME);
	CHECK_ERRNO(set_attributes("n", MOUNT_ATTR_NOATIME, 0, 0, 0), EINVAL);
	CHECK_ERRNO(set_attributes("n", 0, MOUNT_ATTR_NOATIME, 0, 0), EINVAL);
	CHECK_ERRNO(set_attributes("n", 0, 0, 1, 0), EINVAL);
	CHECK_ERRNO(set_attributes("n", 1ULL << 40, 0, 0, 0), EINVAL);
	CHECK_ERRNO(set_attributes("n", MOUNT_ATTR_RDONLY, 0, 0, 0x10), EINVAL);
	CHECK_ERRNO(set_attributes("n/f", MOUNT_ATTR_RDONLY, 0, 0, 0), EINVAL);
	CHECK_ERRNO(set_attributes("none", MOUNT_ATTR_RDONLY, 0, 0, 0), ENOENT);
	CHECK_ERRNO(syscall(SYS_mount_setattr, AT_FDCWD, "n", 0, &attributes, 8UL), EINVAL);
	CHECK_ERRNO(syscall(SYS_mount_setattr, AT_FDCWD, "n", 0, &attributes, 8192UL), E2BIG);
	CHECK_ERRNO(syscall(SYS_mount_setattr, AT_FDCWD, "n", 0, BAD_POINTER, 32UL), EFAULT);
	CHECK_OK(umount("n/e"));
	CHECK_OK(umount("n"));
	FORKED("it is for the administrator")
	{
		become_nobody();
		CHECK_ERRNO(set_attributes("/", MOUNT_ATTR_RDONLY, 0, 0, 0), EPERM);
		CHECK_ERRNO(mount("/", "/", NULL, MS_BIND_, NULL), EPERM);
		CHECK_ERRNO(clone_tree("/", 0), EPERM);
	}
}

static void test_programs(void)
{
	char text[PATH_MAX];

	CHECK_OK(mount("/proc", "n", NULL, MS_BIND_, NULL));
	CHECK_OK(get_file("n/self/comm", text, sizeof(text)));
	CHECK_STR(text, "bind_mounts\n");
	CHECK_OK(umount("n"));
	/* Nothing is mounted on a name that only a look at it makes. */
	snprintf(text, sizeof(text), "/proc/self/fd/%d",
		open("/proc/self/fd/0", O_PATH | O_NOFOLLOW));
	CHECK_ERRNO(mount("m/g", text, NULL, MS_BIND_, NULL), ENOENT);
	FORKED("a root directory in a bind mount")
	{
		CHECK_OK(mount("m/d", "n", NULL, MS_BIND_, NULL));
		CHECK_OK(chroot("n"));
		CHECK_OK(chdir("/"));
		CHECK(exists("/f") && exists("../../f") && !exists("../g"));
		CHECK(getcwd(text, sizeof(text)) != NULL);
		CHECK_STR(text, "/");
	}
	CHECK_OK(umount("n"));
}

int main(void)
{
	test_begin();
	REQUIRE(mkdir("m", 0755) == 0 && mkdir("n", 0755) == 0 && mkdir("x", 0755) == 0);
	if (!may_mount()) {
		test_skip("mounting", "needs CAP_SYS_ADMIN");
		return test_done();
	}
	set_up();
	test_second_place();
	test_files();
	test_read_only();
	test_stacks();
	test_itself();
	test_outlives();
	test_moved_out();
	test_shown();
	test_trees();
	test_attributes();
	test_programs();
	tear_down();
	return test_done();
}
