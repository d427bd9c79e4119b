/* covers: name_to_handle_at open_by_handle_at quotactl swapon swapoff acct vhangup reboot fsopen
 * fsconfig fsmount fspick open_tree move_mount fanotify_init lookup_dcookie nfsservctl sysfs
 * _sysctl uselib iopl ioperm syslog init_module delete_module finit_module kexec_load
 * kexec_file_load perf_event_open bpf userfaultfd mount_setattr quotactl_fd */
/* Calls about the machine and its file systems that an ordinary user is refused: the result is an
 * error from the set that Linux, with or without the feature, gives; nothing happens. */
#include <linux/bpf.h>
#include <linux/reboot.h>
#include <sys/klog.h>
#include <sys/quota.h>

#include "tests/conformance/files/conformance.h"

/* True if the call failed with one of these errors; ENOSYS is always one of them. */
static bool refused(long r, int a, int b, int c)
{
	int err = errno;

	if (r == -1 && (err == a || err == b || err == c || err == ENOSYS))
		return true;
	dprintf(STDOUT_FILENO, "# returned %ld, errno %d (%s)\n", r, err, strerror(err));
	return false;
}
#define CHECK_REFUSED(call, a, b, c)                                                               \
	((void)test_say(refused(call, a, b, c), #call " is refused", __FILE__, __LINE__))

struct handle {
	struct file_handle head;
	unsigned char bytes[MAX_HANDLE_SZ];
};

/* Handles are the same as long as the file is, whatever it is called. */
static void test_handles_are_stable(void)
{
	struct handle a, b;
	int mount_id, dir = open(".", O_RDONLY);

	a.head.handle_bytes = b.head.handle_bytes = MAX_HANDLE_SZ;
	if (name_to_handle_at(AT_FDCWD, "f", &a.head, &mount_id, 0) == -1 && errno == EOPNOTSUPP) {
		test_skip("handles", "this file system has none");
		return;
	}
	CHECK_OK(rename("f", "g"));
	CHECK_OK(name_to_handle_at(dir, "g", &b.head, &mount_id, 0));
	CHECK(a.head.handle_bytes == b.head.handle_bytes &&
		!memcmp(a.head.f_handle, b.head.f_handle, a.head.handle_bytes));
	b.head.handle_bytes = MAX_HANDLE_SZ;
	CHECK_OK(name_to_handle_at(dir, "", &b.head, &mount_id, AT_EMPTY_PATH));
	CHECK(a.head.handle_bytes != b.head.handle_bytes ||
		memcmp(a.head.f_handle, b.head.f_handle, a.head.handle_bytes) != 0);
	CHECK_OK(rename("g", "f"));
	b.head.handle_bytes = MAX_HANDLE_SZ;
	CHECK_ERRNO(name_to_handle_at(-1, "f", &b.head, &mount_id, 0), EBADF);
	CHECK_ERRNO(name_to_handle_at(AT_FDCWD, "f", BAD_POINTER, &mount_id, 0), EFAULT);
	CHECK_ERRNO(name_to_handle_at(AT_FDCWD, "f", &b.head, BAD_POINTER, 0), EFAULT);
	CHECK_ERRNO(name_to_handle_at(AT_FDCWD, "f", &b.head, &mount_id, -1), EINVAL);
	CHECK_ERRNO(
		name_to_handle_at(AT_FDCWD, "/proc/version", &b.head, &mount_id, 0), EOPNOTSUPP);
	close(dir);
}

static void test_handles(void)
{
	struct {
		struct file_handle head;
		unsigned char bytes[MAX_HANDLE_SZ];
	} h = {.head = {.handle_bytes = 0}};
	int mount_id;

	put_file("f", "");
	CHECK_REFUSED(name_to_handle_at(AT_FDCWD, "f", &h.head, &mount_id, 0), EOVERFLOW,
		EOPNOTSUPP, EPERM);
	if (errno == EOVERFLOW) {
		CHECK(h.head.handle_bytes > 0);
		CHECK_OK(name_to_handle_at(AT_FDCWD, "f", &h.head, &mount_id, 0));
		CHECK_ERRNO(name_to_handle_at(AT_FDCWD, "none", &h.head, &mount_id, 0), ENOENT);
		h.head.handle_bytes = MAX_HANDLE_SZ + 1;
		CHECK_ERRNO(name_to_handle_at(AT_FDCWD, "f", &h.head, &mount_id, 0), EINVAL);
		h.head.handle_bytes = 8;
	}
	FORKED("opening by handle is root's")
	{
		become_nobody();
		h.head.handle_bytes = 8;
		CHECK_REFUSED(open_by_handle_at(AT_FDCWD, &h.head, O_RDONLY), EPERM, EPERM, EPERM);
	}
}

static void test_administration(void)
{
	char buf[256];

	become_nobody();
	CHECK_REFUSED(
		quotactl(QCMD(Q_SYNC, USRQUOTA), "/dev/none", 0, NULL), ENOENT, EPERM, ENODEV);
	CHECK_REFUSED(
		quotactl(QCMD(Q_GETQUOTA, USRQUOTA), "/dev/null", 0, buf), ENOTBLK, EPERM, ENODEV);
	CHECK_REFUSED(syscall(SYS_swapon, "f", 0), EPERM, EPERM, EPERM);
	CHECK_REFUSED(syscall(SYS_swapoff, "f"), EPERM, EPERM, EPERM);
	CHECK_REFUSED(acct("f"), EPERM, EPERM, EPERM);
	CHECK_REFUSED(vhangup(), EPERM, EPERM, EPERM);
	CHECK_REFUSED(syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
			      LINUX_REBOOT_CMD_CAD_OFF, NULL),
		EPERM, EPERM, EPERM);
	CHECK_REFUSED(syscall(SYS_iopl, 3), EPERM, EPERM, EPERM);
	CHECK_REFUSED(syscall(SYS_ioperm, 0x80, 1, 1), EPERM, EPERM, EPERM);
}

static void test_new_mount_calls(void)
{
	become_nobody();
	CHECK_REFUSED(syscall(SYS_fsopen, "tmpfs", 0), EPERM, EPERM, EPERM);
	CHECK_REFUSED(syscall(SYS_fspick, AT_FDCWD, ".", 0), EPERM, EPERM, EPERM);
	CHECK_REFUSED(syscall(SYS_fsmount, -1, 0, 0), EPERM, EBADF, EBADF);
	CHECK_REFUSED(syscall(SYS_fsconfig, -1, 0, NULL, NULL, 0), EPERM, EBADF, EINVAL);
	CHECK_REFUSED(syscall(SYS_move_mount, -1, "", -1, "", 0), EPERM, EBADF, ENOENT);
	CHECK_REFUSED(syscall(SYS_open_tree, -1, "none", 0), EPERM, EBADF, EBADF);
	CHECK_REFUSED(syscall(SYS_fanotify_init, 4, O_RDONLY), EPERM, EPERM, EPERM);
}

/* The kernel and what it tells of itself. Even a caller who may could do nothing with these
 * arguments: no module, no file, too many segments. */
static void test_kernel(void)
{
	const int syslog_read = 2, syslog_size_buffer = 10;
	char buf[64];

	become_nobody();
	CHECK_REFUSED(syscall(SYS_init_module, BAD_POINTER, 0, BAD_POINTER), EPERM, EPERM, EPERM);
	CHECK_REFUSED(syscall(SYS_finit_module, -1, BAD_POINTER, 0), EPERM, EPERM, EPERM);
	CHECK_REFUSED(syscall(SYS_delete_module, BAD_POINTER, O_NONBLOCK), EPERM, EPERM, EPERM);
	CHECK_REFUSED(syscall(SYS_kexec_load, 0, 1000, BAD_POINTER, -1), EPERM, EPERM, EPERM);
	CHECK_REFUSED(syscall(SYS_kexec_file_load, -1, -1, 0, NULL, -1), EPERM, EPERM, EPERM);
	CHECK_REFUSED(klogctl(syslog_read, buf, sizeof(buf)), EPERM, EPERM, EPERM);
	if (klogctl(syslog_size_buffer, NULL, 0) <= 0)
		CHECK_ERRNO(klogctl(syslog_size_buffer, NULL, 0), EPERM);
	CHECK_REFUSED(
		syscall(SYS_perf_event_open, BAD_POINTER, 0, -1, -1, 0), EPERM, EACCES, EFAULT);
	CHECK_REFUSED(syscall(SYS_bpf, BPF_PROG_LOAD, BAD_POINTER, 128), EPERM, EFAULT, EFAULT);
	CHECK_REFUSED(syscall(SYS_userfaultfd, INT_MAX), EPERM, EINVAL, EINVAL);
	CHECK_REFUSED(syscall(SYS_mount_setattr, -1, "", 0, BAD_POINTER, 0), EPERM, EINVAL, EINVAL);
	CHECK_REFUSED(syscall(SYS_quotactl_fd, -1, -1, 0, BAD_POINTER), EPERM, EBADF, EINVAL);
}

/* Gone from Linux, or never in x86-64: fs/nfsctl, sysctl by number, a.out libraries, dcookies. A
 * container's filter may say EPERM of them. */
static void test_relics(void)
{
	char buf[64];

	CHECK_REFUSED(syscall(SYS_nfsservctl, 0, NULL, NULL), ENOSYS, ENOSYS, EPERM);
	CHECK_REFUSED(syscall(SYS__sysctl, NULL), ENOSYS, EFAULT, EPERM);
	CHECK_REFUSED(syscall(SYS_uselib, "f"), ENOEXEC, EACCES, EPERM);
	CHECK_REFUSED(syscall(SYS_lookup_dcookie, 0, buf, sizeof(buf)), EPERM, EINVAL, EINVAL);
	CHECK_REFUSED(syscall(SYS_sysfs, 99), EINVAL, EINVAL, EPERM);
	CHECK_ERRNO(syscall(100000), ENOSYS);
	CHECK_ERRNO(syscall(-1), ENOSYS);
}

int main(void)
{
	test_begin();
	test_handles();
	test_handles_are_stable();
	test_relics();
	FORKED("administration is refused")
	{
		test_administration();
	}
	FORKED("the kernel is out of reach")
	{
		test_kernel();
	}
	FORKED("new mounts are refused")
	{
		test_new_mount_calls();
	}
	return test_done();
}
