/* covers: utimensat futimesat utime utimes */
/* Setting times: each call, UTIME_NOW and UTIME_OMIT, permissions, errors. */
#include <sys/time.h>
#include <time.h>
#include <utime.h>

#include "tests/conformance/files/conformance.h"

static struct stat stat_of(const char *path)
{
	struct stat st = {0};

	lstat(path, &st);
	return st;
}

static void check_times(const char *path, long a, long an, long m, long mn)
{
	struct stat st = stat_of(path);

	CHECK_EQ(st.st_atim.tv_sec, a);
	CHECK_EQ(st.st_atim.tv_nsec, an);
	CHECK_EQ(st.st_mtim.tv_sec, m);
	CHECK_EQ(st.st_mtim.tv_nsec, mn);
}

static void test_nanoseconds(void)
{
	const struct timespec t[2] = {{1000000, 123456789}, {2000000, 987654321}};
	const struct timespec early[2] = {{0, 0}, {1, 0}};
	int fd;

	put_file("f", "x");
	CHECK_OK(utimensat(AT_FDCWD, "f", t, 0));
	check_times("f", 1000000, 123456789, 2000000, 987654321);
	CHECK(stat_of("f").st_ctim.tv_sec > 2000000);
	fd = open("f", O_RDONLY);
	CHECK_OK(futimens(fd, early));
	check_times("f", 0, 0, 1, 0);
	CHECK_OK(syscall(SYS_utimensat, fd, NULL, t, 0));
	check_times("f", 1000000, 123456789, 2000000, 987654321);
	close(fd);
}

static void test_omit_and_now(void)
{
	const struct timespec t[2] = {{5000, 5}, {6000, 6}};
	const struct timespec omit_a[2] = {{0, UTIME_OMIT}, {7000, 7}};
	const struct timespec omit_m[2] = {{8000, 8}, {0, UTIME_OMIT}};
	const struct timespec omit[2] = {{-5, UTIME_OMIT}, {-5, UTIME_OMIT}};
	const struct timespec now_m[2] = {{0, UTIME_OMIT}, {-1, UTIME_NOW}};
	const time_t before = time(NULL);
	struct stat st;

	CHECK_OK(utimensat(AT_FDCWD, "f", t, 0));
	CHECK_OK(utimensat(AT_FDCWD, "f", omit_a, 0));
	check_times("f", 5000, 5, 7000, 7);
	CHECK_OK(utimensat(AT_FDCWD, "f", omit_m, 0));
	check_times("f", 8000, 8, 7000, 7);
	CHECK_OK(utimensat(AT_FDCWD, "f", omit, 0));
	check_times("f", 8000, 8, 7000, 7);
	CHECK_OK(utimensat(AT_FDCWD, "f", now_m, 0));
	st = stat_of("f");
	CHECK_EQ(st.st_atim.tv_sec, 8000);
	CHECK(st.st_mtim.tv_sec >= before - 1 && st.st_mtim.tv_sec <= time(NULL) + 1);
	CHECK_OK(utimensat(AT_FDCWD, "f", NULL, 0));
	CHECK(stat_of("f").st_atim.tv_sec >= before - 1);
}

static void test_older_calls(void)
{
	const struct timeval tv[2] = {{3000, 250000}, {4000, 750000}};
	const struct timeval bad[2] = {{3000, 1000000}, {4000, 0}};
	const struct utimbuf ub = {111, 222};

	CHECK_EQ(syscall(SYS_utimes, "f", tv), 0);
	check_times("f", 3000, 250000000, 4000, 750000000);
	CHECK_ERRNO(syscall(SYS_utimes, "f", bad), EINVAL);
	CHECK_EQ(syscall(SYS_utime, "f", &ub), 0);
	check_times("f", 111, 0, 222, 0);
	CHECK_EQ(syscall(SYS_utime, "f", NULL), 0);
	CHECK(stat_of("f").st_mtim.tv_sec > 1000000);
	CHECK_EQ(syscall(SYS_futimesat, AT_FDCWD, "f", tv), 0);
	check_times("f", 3000, 250000000, 4000, 750000000);
}

static void test_links(void)
{
	const struct timespec t[2] = {{10, 0}, {20, 0}}, u[2] = {{30, 0}, {40, 0}};

	CHECK_OK(symlink("f", "link"));
	CHECK_OK(utimensat(AT_FDCWD, "link", t, AT_SYMLINK_NOFOLLOW));
	CHECK_EQ(stat_of("link").st_mtim.tv_sec, 20);
	CHECK_EQ(stat_of("f").st_mtim.tv_sec, 4000);
	CHECK_OK(utimensat(AT_FDCWD, "link", u, 0));
	CHECK_EQ(stat_of("f").st_mtim.tv_sec, 40);
	CHECK_EQ(stat_of("link").st_mtim.tv_sec, 20);
}

static void test_errors(void)
{
	const struct timespec bad[2] = {{0, 1000000000}, {0, 0}}, t[2] = {{1, 0}, {1, 0}};

	CHECK_ERRNO(utimensat(AT_FDCWD, "f", bad, 0), EINVAL);
	CHECK_ERRNO(utimensat(AT_FDCWD, "f", t, 0x40000000), EINVAL);
	CHECK_ERRNO(utimensat(AT_FDCWD, "none", t, 0), ENOENT);
	CHECK_ERRNO(utimensat(AT_FDCWD, "f/x", t, 0), ENOTDIR);
	CHECK_ERRNO(utimensat(-1, "f", t, 0), EBADF);
	CHECK_ERRNO(syscall(SYS_utimensat, -1, NULL, t, 0), EBADF);
	CHECK_ERRNO(syscall(SYS_utimensat, AT_FDCWD, "f", BAD_POINTER, 0), EFAULT);
	CHECK_ERRNO(syscall(SYS_utimensat, AT_FDCWD, NULL, t, 0), EFAULT);
	CHECK_ERRNO(syscall(SYS_utime, "none", NULL), ENOENT);
	CHECK_ERRNO(syscall(SYS_utimes, "none", NULL), ENOENT);
}

/* Write permission lets one set the present time; other times are the owner's. */
static void test_permissions(void)
{
	const struct timespec t[2] = {{1, 0}, {1, 0}};

	if (!is_root()) {
		test_skip("times of another's file", "needs two users");
		return;
	}
	CHECK_OK(chmod("f", 0666));
	FORKED("a writer may touch but not back-date")
	{
		become_nobody();
		CHECK_ERRNO(utimensat(AT_FDCWD, "f", t, 0), EPERM);
		CHECK_OK(utimensat(AT_FDCWD, "f", NULL, 0));
	}
	CHECK_OK(chmod("f", 0644));
	FORKED("a reader may neither")
	{
		become_nobody();
		CHECK_ERRNO(utimensat(AT_FDCWD, "f", NULL, 0), EACCES);
		CHECK_ERRNO(utimensat(AT_FDCWD, "f", t, 0), EPERM);
	}
}

int main(void)
{
	test_begin();
	test_nanoseconds();
	test_omit_and_now();
	test_older_calls();
	test_links();
	test_errors();
	test_permissions();
	return test_done();
}
