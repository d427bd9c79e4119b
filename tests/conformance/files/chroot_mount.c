/* covers: chroot mount umount2 pivot_root unshare setns sethostname setdomainname */
/* Changing what "/" and mounts mean: an ordinary user may not; root may chroot. */
#include <sched.h>
#include <sys/mount.h>

#include "tests/conformance/files/conformance.h"

static void test_ordinary_user(void)
{
	FORKED("EPERM for all of them")
	{
		become_nobody();
		CHECK_ERRNO(chroot("jail"), EPERM);
		CHECK_ERRNO(mount("none", "jail", "tmpfs", 0, NULL), EPERM);
		CHECK_ERRNO(umount2("/proc", 0), EPERM);
		CHECK_ERRNO(umount2("/proc", MNT_DETACH), EPERM);
		CHECK_ERRNO(syscall(SYS_pivot_root, "jail", "jail"), EPERM);
		CHECK_ERRNO(unshare(CLONE_NEWNS), EPERM);
		CHECK_ERRNO(unshare(CLONE_NEWUTS), EPERM);
		CHECK_ERRNO(sethostname("x", 1), EPERM);
		CHECK_ERRNO(setdomainname("x", 1), EPERM);
	}
	FORKED("the path is looked up first")
	{
		become_nobody();
		CHECK_ERRNO(chroot("none"), ENOENT);
		CHECK_ERRNO(chroot("file"), ENOTDIR);
		CHECK_ERRNO(chroot(""), ENOENT);
		CHECK_ERRNO(chroot(BAD_POINTER), EFAULT);
	}
}

static bool unshare_is_filtered(void)
{
	pid_t pid = test_fork();
	int status = 0;

	if (pid == 0) {
		become_nobody();
		_exit(unshare(0) && errno == EPERM);
	}
	waitpid(pid, &status, 0);
	return status != 0;
}

static void test_unshare_harmless(void)
{
	if (unshare_is_filtered()) {
		test_skip("unshare", "a container's filter refuses it outright");
		return;
	}
	FORKED("unsharing one's own needs no right")
	{
		become_nobody();
		CHECK_OK(unshare(0));
		CHECK_OK(unshare(CLONE_FS));
		CHECK_OK(unshare(CLONE_FILES));
		CHECK_ERRNO(unshare(CLONE_VFORK), EINVAL);
	}
}

static bool can_chroot(void)
{
	pid_t pid = test_fork();
	int status = 0;

	if (pid == 0)
		_exit(chroot(".") != 0);
	waitpid(pid, &status, 0);
	return status == 0;
}

static void test_chroot(void)
{
	char buf[PATH_MAX];

	if (!can_chroot()) {
		test_skip("chroot", "needs CAP_SYS_CHROOT");
		return;
	}
	CHECK_OK(symlink("/inside", "jail/link"));
	FORKED("inside, / is the jail")
	{
		CHECK_OK(chroot("jail"));
		CHECK_OK(chdir("/"));
		CHECK(file_is("/inside", "in"));
		CHECK(file_is("/link", "in"));
		CHECK(file_is("../../../inside", "in"));
		CHECK_ERRNO(open("/file", O_RDONLY), ENOENT);
		CHECK(getcwd(buf, sizeof(buf)) != NULL);
		CHECK_STR(buf, "/");
		CHECK(same_file("/..", "/"));
	}
	FORKED("chroot leaves the working directory where it is")
	{
		CHECK_OK(chroot("jail"));
		CHECK(file_is("file", "out"));
		CHECK(syscall(SYS_getcwd, buf, sizeof(buf)) > 0);
		CHECK(!strncmp(buf, "(unreachable)", 13));
	}
	CHECK(file_is("file", "out"));
	CHECK(!exists("/inside"));
}

/* A child keeps its parent's root; a parent isn't moved by its child. */
static void test_inheritance(void)
{
	if (!can_chroot())
		return;
	FORKED("a child is born in the jail")
	{
		CHECK_OK(chroot("jail"));
		CHECK_OK(chdir("/"));
		pid_t pid = test_fork();
		if (pid == 0)
			_exit(!file_is("/inside", "in"));
		int status = -1;
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, 0);
	}
}

static void test_setns(void)
{
	int fd = open("file", O_RDONLY);

	/* A container's filter may say EPERM before the kernel looks. */
	CHECK_EQ(syscall(SYS_setns, -1, 0), -1);
	CHECK(errno == EBADF || errno == EPERM);
	CHECK_EQ(syscall(SYS_setns, fd, 0), -1);
	CHECK(errno == EINVAL || errno == EPERM);
	close(fd);
}

int main(void)
{
	test_begin();
	CHECK_OK(mkdir("jail", 0755));
	put_file("jail/inside", "in");
	put_file("file", "out");
	test_ordinary_user();
	test_unshare_harmless();
	test_chroot();
	test_inheritance();
	test_setns();
	return test_done();
}
