/* covers: openat2 */
/* openat2(2): the extensible struct and the RESOLVE_ flags. */
#include <linux/openat2.h>

#include "tests/conformance/files/conformance.h"

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

static long open2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};

	return syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

/* Opens and closes again: 0, or -1 with errno. */
static int try(int dir, const char *path, uint64_t resolve)
{
	int fd = (int)open2(dir, path, O_RDONLY, 0, resolve);

	return fd < 0 ? -1 : close(fd);
}

static void test_plain(void)
{
	struct stat st;
	int fd = (int)open2(AT_FDCWD, "f", O_RDWR | O_CREAT | O_CLOEXEC, 0640, 0);

	CHECK(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_mode & 07777, 0640);
	close(fd);
}

/* Where open(2) ignores what it doesn't know, openat2(2) refuses. */
static void test_strict(void)
{
	CHECK_ERRNO(open2(AT_FDCWD, "f", O_RDONLY, 0600, 0), EINVAL);
	CHECK_ERRNO(open2(AT_FDCWD, "f", O_RDONLY | 1ULL << 40, 0, 0), EINVAL);
	CHECK_ERRNO(open2(AT_FDCWD, "g", O_RDWR | O_CREAT, 1 << 20, 0), EINVAL);
	CHECK_ERRNO(open2(AT_FDCWD, "f", O_RDONLY, 0, 1 << 20), EINVAL);
	CHECK_ERRNO(open2(AT_FDCWD, "f", O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT), EINVAL);
	CHECK_ERRNO(open2(AT_FDCWD, "f", O_RDWR | O_CREAT, 0644, UINT64_MAX), EINVAL);
	CHECK_ERRNO(open2(AT_FDCWD, "f", O_PATH | O_RDWR, 0, 0), EINVAL);
	CHECK_ERRNO(open2(AT_FDCWD, "none", O_RDONLY, 0, 0), ENOENT);
	CHECK_ERRNO(open2(-1, "f", O_RDONLY, 0, 0), EBADF);
}

static void test_struct_size(void)
{
	struct {
		struct open_how how;
		uint64_t more[2];
	} big = {.how = {.flags = O_RDONLY}};

	CHECK_ERRNO(syscall(SYS_openat2, AT_FDCWD, "f", &big, sizeof(big.how) - 1), EINVAL);
	CHECK_ERRNO(syscall(SYS_openat2, AT_FDCWD, "f", &big, 0), EINVAL);
	CHECK_OK(syscall(SYS_openat2, AT_FDCWD, "f", &big, sizeof(big)));
	big.more[1] = 1;
	CHECK_ERRNO(syscall(SYS_openat2, AT_FDCWD, "f", &big, sizeof(big)), E2BIG);
	CHECK_ERRNO(syscall(SYS_openat2, AT_FDCWD, "f", &big, 1 << 20), E2BIG);
	CHECK_ERRNO(syscall(SYS_openat2, AT_FDCWD, "f", BAD_POINTER, sizeof(big.how)), EFAULT);
	CHECK_ERRNO(syscall(SYS_openat2, AT_FDCWD, BAD_POINTER, &big, sizeof(big.how)), EFAULT);
}

static void make_tree(void)
{
	CHECK_OK(mkdir("top", 0755));
	CHECK_OK(mkdir("top/sub", 0755));
	CHECK(put_file("top/file", "file"));
	CHECK(put_file("top/sub/leaf", "leaf"));
	CHECK_OK(symlink("sub/leaf", "top/inner"));
	CHECK_OK(symlink("../f", "top/outer"));
	CHECK_OK(symlink("/file", "top/absolute"));
	CHECK_OK(symlink("sub", "top/dirlink"));
}

static void test_beneath(int top)
{
	CHECK_OK(try(top, "file", RESOLVE_BENEATH));
	CHECK_OK(try(top, "inner", RESOLVE_BENEATH));
	CHECK_OK(try(top, "sub/../file", RESOLVE_BENEATH));
	CHECK_OK(try(top, "sub/../sub/leaf", RESOLVE_BENEATH));
	CHECK_ERRNO(try(top, "..", RESOLVE_BENEATH), EXDEV);
	CHECK_ERRNO(try(top, "../f", RESOLVE_BENEATH), EXDEV);
	CHECK_ERRNO(try(top, "../top/file", RESOLVE_BENEATH), EXDEV);
	CHECK_ERRNO(try(top, "outer", RESOLVE_BENEATH), EXDEV);
	CHECK_ERRNO(try(top, "/", RESOLVE_BENEATH), EXDEV);
	CHECK_ERRNO(try(top, "absolute", RESOLVE_BENEATH), EXDEV);
}

static void test_in_root(int top)
{
	CHECK_OK(try(top, "/file", RESOLVE_IN_ROOT));
	CHECK_OK(try(top, "absolute", RESOLVE_IN_ROOT));
	CHECK_OK(try(top, "../../../file", RESOLVE_IN_ROOT));
	CHECK_OK(try(top, "/sub/../../sub/leaf", RESOLVE_IN_ROOT));
	CHECK_ERRNO(try(top, "outer", RESOLVE_IN_ROOT), ENOENT);
	CHECK_ERRNO(try(top, "/top/file", RESOLVE_IN_ROOT), ENOENT);
}

static void test_no_symlinks(int top)
{
	CHECK_OK(try(top, "sub/leaf", RESOLVE_NO_SYMLINKS));
	CHECK_ERRNO(try(top, "inner", RESOLVE_NO_SYMLINKS), ELOOP);
	CHECK_ERRNO(try(top, "dirlink/leaf", RESOLVE_NO_SYMLINKS), ELOOP);
	CHECK_OK(open2(top, "inner", O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS));
}

static void test_no_magic_links(int top)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", top);
	CHECK_OK(try(AT_FDCWD, path, 0));
	CHECK_ERRNO(try(AT_FDCWD, path, RESOLVE_NO_MAGICLINKS), ELOOP);
	CHECK_ERRNO(try(AT_FDCWD, "/proc/self/cwd/f", RESOLVE_NO_MAGICLINKS), ELOOP);
	CHECK_OK(try(top, "inner", RESOLVE_NO_MAGICLINKS));
	CHECK_OK(try(AT_FDCWD, "/proc/self/status", RESOLVE_NO_MAGICLINKS));
}

static void test_no_crossing(int top)
{
	CHECK_OK(try(top, "file", RESOLVE_NO_XDEV));
	CHECK_ERRNO(try(AT_FDCWD, "/proc/self", RESOLVE_NO_XDEV), EXDEV);
}

static void test_cached(int top)
{
	int r = try(top, "file", RESOLVE_CACHED);

	if (r && errno == EINVAL) {
		test_skip("RESOLVE_CACHED", "older kernel");
		return;
	}
	CHECK(r == 0 || errno == EAGAIN);
	CHECK_ERRNO(open2(top, "made", O_RDWR | O_CREAT, 0600, RESOLVE_CACHED), EAGAIN);
}

int main(void)
{
	int top;

	test_begin();
	if (open2(AT_FDCWD, ".", O_RDONLY, 0, 0) < 0 && errno == ENOSYS) {
		test_skip("openat2", "older kernel");
		return test_done();
	}
	test_plain();
	test_strict();
	test_struct_size();
	make_tree();
	top = open("top", O_RDONLY);
	REQUIRE(top >= 0);
	test_beneath(top);
	test_in_root(top);
	test_no_symlinks(top);
	test_no_magic_links(top);
	test_no_crossing(top);
	test_cached(top);
	return test_done();
}
