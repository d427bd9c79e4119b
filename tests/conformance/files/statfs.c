/* covers: statfs fstatfs ustat */
/* statfs(2): what a file system says about itself. */
#include <linux/magic.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "tests/conformance/files/conformance.h"

static void test_here(void)
{
	struct statfs a, b;
	struct statvfs v;
	int fd;

	put_file("f", "x");
	fd = open("f", O_RDONLY);
	CHECK_EQ(syscall(SYS_statfs, ".", &a), 0);
	CHECK_EQ(syscall(SYS_fstatfs, fd, &b), 0);
	CHECK_EQ(a.f_type, b.f_type);
	CHECK_EQ(a.f_bsize, b.f_bsize);
	CHECK(!memcmp(&a.f_fsid, &b.f_fsid, sizeof(a.f_fsid)));
	CHECK(a.f_bsize >= 512);
	CHECK(a.f_bfree <= a.f_blocks && a.f_bavail <= a.f_bfree);
	CHECK(a.f_ffree <= a.f_files);
	CHECK(a.f_namelen >= 255);
	CHECK_OK(statvfs(".", &v));
	CHECK_EQ(v.f_namemax, a.f_namelen);
	CHECK(!(v.f_flag & ST_RDONLY));
	close(fd);
}

static void test_types(void)
{
	struct statfs s;
	int p[2];

	CHECK_OK(statfs("/proc", &s));
	CHECK_EQ(s.f_type, PROC_SUPER_MAGIC);
	CHECK_OK(statfs("/dev/shm", &s));
	CHECK_EQ(s.f_type, TMPFS_MAGIC);
	CHECK_OK(pipe(p));
	CHECK_OK(fstatfs(p[0], &s));
	CHECK_EQ(s.f_type, PIPEFS_MAGIC);
	close(p[0]);
	close(p[1]);
}

static void test_path_descriptor(void)
{
	struct statfs s;
	int fd = open(".", O_PATH);

	CHECK_OK(fstatfs(fd, &s));
	close(fd);
}

static void test_errors(void)
{
	struct statfs s;

	CHECK_ERRNO(statfs("none", &s), ENOENT);
	CHECK_ERRNO(statfs("", &s), ENOENT);
	CHECK_ERRNO(statfs("f/x", &s), ENOTDIR);
	CHECK_ERRNO(fstatfs(-1, &s), EBADF);
	CHECK_ERRNO(syscall(SYS_statfs, BAD_POINTER, &s), EFAULT);
	CHECK_ERRNO(syscall(SYS_statfs, ".", BAD_POINTER), EFAULT);
	CHECK_ERRNO(syscall(SYS_fstatfs, STDOUT_FILENO, BAD_POINTER), EFAULT);
}

/* ustat(2) knows devices that a file system is mounted from. */
static void test_ustat(void)
{
	char result[64];
	struct stat st;

	CHECK_OK(stat(".", &st));
	if (syscall(SYS_ustat, (unsigned)st.st_dev, result) < 0)
		CHECK(errno == ENOSYS || errno == EINVAL);
	CHECK_EQ(syscall(SYS_ustat, 0xfffff, result), -1);
	CHECK(errno == ENOSYS || errno == EINVAL);
}

int main(void)
{
	test_begin();
	test_here();
	test_types();
	test_path_descriptor();
	test_errors();
	test_ustat();
	return test_done();
}
