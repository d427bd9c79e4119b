/* covers: ustat */
/* ustat(2): how much is free where a file is. */
#include <sched.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "tests/conformance/files/conformance.h"

struct free_space {
	int blocks;
	unsigned long inodes;
	char names[12];
};

#define MOUNTS 300

/* Names of many lengths: what was a file system's memory becomes a name's. */
static int mount_and_unmount(void)
{
	char name[600];

	for (int i = 0; i < MOUNTS; i++) {
		memset(name, 'x', sizeof(name));
		name[i * 7 % sizeof(name)] = 0;
		if (umount("m") || mount(name, "m", "tmpfs", 0, NULL))
			return 1;
	}
	return 0;
}

/* File systems come and go while somebody looks for one that isn't there. */
static void test_mounts_change(void)
{
	struct free_space space;
	int found = 0, status;
	pid_t child;

	REQUIRE(!mkdir("m", 0755));
	if (!unshare(CLONE_NEWNS))
		(void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	if (mount("try", "m", "tmpfs", 0, NULL)) {
		test_skip("ustat beside mounts", "needs the right to mount");
		return;
	}
	child = fork();
	if (!child) {
		_exit(mount_and_unmount());
	}
	while (!waitpid(child, &status, WNOHANG))
		found += !syscall(SYS_ustat, makedev(254, 12345), &space);
	CHECK_EQ(found, 0);
	CHECK_EQ(status, 0);
	CHECK_OK(umount("m"));
}

int main(void)
{
	struct free_space space = {.names = "x"};
	struct stat st;

	test_begin();
	test_mounts_change();
	REQUIRE(!stat(".", &st));
	if (syscall(SYS_ustat, st.st_dev, &space) && (errno == ENOSYS || errno == EINVAL)) {
		/* EINVAL: a file system without a device that others could name. */
		test_skip("ustat", "not for this file system");
		return test_done();
	}
	CHECK(space.blocks >= 0);
	CHECK_EQ(space.names[0], 0);
	CHECK_ERRNO(syscall(SYS_ustat, makedev(254, 12345), &space), EINVAL);
	CHECK_ERRNO(syscall(SYS_ustat, st.st_dev, BAD_POINTER), EFAULT);
	return test_done();
}
