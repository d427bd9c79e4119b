/* covers: kcmp dup */
/* kcmp(2): which kernel objects two numbers stand for. */
#include "tests/conformance/processes/process_test.h"

#include <linux/kcmp.h>

static long kcmp(int type, unsigned long a, unsigned long b)
{
	return syscall(SYS_kcmp, getpid(), getpid(), type, a, b);
}

/* What clone(2) shares, and what it copies. */
static int child_of(unsigned long flags)
{
	int pid = (int)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0) {
		pause();
		_exit(0);
	}
	return pid;
}

static void sharing(unsigned long flags, int kind, bool shared)
{
	int pid = child_of(flags), r = (int)syscall(SYS_kcmp, getpid(), pid, kind, 0, 0);

	CHECK(shared ? r == 0 : r == 1 || r == 2);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void comparing(void)
{
	int a = open("/dev/null", O_RDONLY), b = dup(a), c = open("/dev/null", O_RDONLY);
	long r = kcmp(KCMP_FILE, (unsigned long)a, (unsigned long)b);

	if (r == -1 && (errno == ENOSYS || errno == EPERM)) {
		test_skip("kcmp", "not offered, or not permitted");
		return;
	}
	CHECK_EQ(r, 0);
	r = kcmp(KCMP_FILE, (unsigned long)a, (unsigned long)c);
	CHECK(r == 1 || r == 2);
	CHECK_EQ(kcmp(KCMP_FILE, (unsigned long)c, (unsigned long)a), 3 - r);
	CHECK_EQ(kcmp(KCMP_VM, 0, 0), 0);
	CHECK_EQ(kcmp(KCMP_FILES, 0, 0), 0);
	CHECK_EQ(kcmp(KCMP_SIGHAND, 0, 0), 0);
	CHECK_EQ(kcmp(KCMP_SYSVSEM, 0, 0), 0);
	CHECK_ERRNO(kcmp(99, 0, 0), EINVAL);
	CHECK_ERRNO(kcmp(KCMP_FILE, 9999, (unsigned long)a), EBADF);
	CHECK_ERRNO(syscall(SYS_kcmp, 0x3fffffff, getpid(), KCMP_VM, 0, 0), ESRCH);
	close(a);
	close(b);
	close(c);
}

int main(void)
{
	test_start();
	comparing();
	sharing(0, KCMP_FILES, false);
	sharing(CLONE_FILES, KCMP_FILES, true);
	sharing(0, KCMP_FS, false);
	sharing(CLONE_FS, KCMP_FS, true);
	sharing(0, KCMP_SIGHAND, false);
	sharing(CLONE_SYSVSEM, KCMP_SYSVSEM, true);
	sharing(CLONE_IO, KCMP_IO, true);
	return test_done();
}
