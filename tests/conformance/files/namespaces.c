/* covers: unshare setns lsm_list_modules */
/* unshare(2) of what is a process's own, setns(2)'s arguments, ioctl_nsfs(2), and which security
 * modules there are: lsm_list_modules(2). */
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "tests/conformance/files/conformance.h"

#ifndef SYS_lsm_list_modules
#define SYS_lsm_list_modules 461
#endif
#define STACK_SIZE 65536

static bool setns_is_filtered(void)
{
	return setns(-1, 0) == -1 && errno != EBADF;
}

/* Shares everything with its parent until it does not. */
static int sharing_child(void *fd)
{
	int *closed = fd;

	if (unshare(CLONE_FILES | CLONE_FS | CLONE_SYSVSEM) || chdir("/") || close(*closed))
		return 1;
	umask(0);
	return 0;
}

static void test_unshare(void)
{
	static char stack[STACK_SIZE];
	int fd = open(".", O_RDONLY), status = -1;
	char before[PATH_MAX], after[PATH_MAX];
	pid_t pid;

	REQUIRE(getcwd(before, sizeof(before)));
	pid = clone(sharing_child, stack + STACK_SIZE, CLONE_FILES | CLONE_FS | SIGCHLD, &fd);
	REQUIRE(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK_EQ(status, 0);
	CHECK_OK(fcntl(fd, F_GETFD));
	CHECK(getcwd(after, sizeof(after)) && !strcmp(before, after));
	CHECK_EQ(umask(022), 022);
	CHECK_ERRNO(unshare(-1), EINVAL);
	close(fd);
}

static void test_setns(void)
{
	int uts = open("/proc/self/ns/uts", O_RDONLY), file;

	file = open("f", O_RDWR | O_CREAT, 0600);
	REQUIRE(uts >= 0 && file >= 0);
	CHECK_ERRNO(setns(-1, 0), EBADF);
	CHECK_ERRNO(setns(file, 0), EINVAL);
	CHECK_ERRNO(setns(uts, CLONE_NEWIPC), EINVAL);
	CHECK_ERRNO(setns(uts, -1), EINVAL);
	FORKED("not without CAP_SYS_ADMIN")
	{
		become_nobody();
		CHECK_ERRNO(setns(uts, CLONE_NEWUTS), EPERM);
	}
	close(uts);
	close(file);
}

static void test_ioctls(void)
{
	int uts = open("/proc/self/ns/uts", O_RDONLY), user = open("/proc/self/ns/user", O_RDONLY);
	uid_t uid = 1;

	CHECK_EQ(ioctl(uts, NS_GET_NSTYPE), CLONE_NEWUTS);
	CHECK_EQ(ioctl(user, NS_GET_NSTYPE), CLONE_NEWUSER);
	CHECK_ERRNO(ioctl(uts, NS_GET_PARENT), EINVAL);
	CHECK_ERRNO(ioctl(user, NS_GET_PARENT), EPERM);
	CHECK_ERRNO(ioctl(uts, NS_GET_OWNER_UID, &uid), EINVAL);
	CHECK_OK(ioctl(user, NS_GET_OWNER_UID, &uid));
	CHECK_EQ(uid, 0);
	close(uts);
	close(user);
}

static long modules(uint64_t *ids, uint32_t *size, uint32_t flags)
{
	return syscall(SYS_lsm_list_modules, ids, size, flags);
}

static void test_modules(void)
{
	uint64_t ids[64];
	uint32_t size = sizeof(ids), none = 0;
	long count;

	if (modules(ids, &size, 0) == -1 && errno == ENOSYS) {
		test_skip("lsm_list_modules", "the kernel is older than Linux 6.8");
		return;
	}
	size = sizeof(ids);
	count = modules(ids, &size, 0);
	CHECK_EQ(count, size / sizeof(ids[0]));
	CHECK(size >= sizeof(ids[0]));
	CHECK_ERRNO(modules(ids, &size, 1), EINVAL);
	CHECK_ERRNO(modules(ids, NULL, 0), EFAULT);
	CHECK_ERRNO(modules(NULL, &size, 0), EFAULT);
	CHECK_ERRNO(modules(ids, &none, 0), E2BIG);
	CHECK_EQ(none, size);
}

int main(void)
{
	test_begin();
	if (setns_is_filtered()) {
		test_skip("namespaces", "a container's filter refuses these calls outright");
	} else {
		test_unshare();
		test_setns();
		if (is_root()) /* in the first user namespace, or one that looks like it */
			test_ioctls();
	}
	test_modules();
	return test_done();
}
