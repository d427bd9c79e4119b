/* covers: access faccessat faccessat2 */
/* access(2): the real user's rights, not the effective one's. */
#include "tests/conformance/files/conformance.h"

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

static void test_existence(void)
{
	put_file("f", "");
	CHECK_OK(access("f", F_OK));
	CHECK_OK(access("f", R_OK | W_OK));
	CHECK_OK(access(".", R_OK | W_OK | X_OK));
	CHECK_ERRNO(access("none", F_OK), ENOENT);
	CHECK_ERRNO(access("", F_OK), ENOENT);
	CHECK_ERRNO(access("f/x", F_OK), ENOTDIR);
	CHECK_ERRNO(access("f", 8), EINVAL);
	CHECK_ERRNO(access("f", -1), EINVAL);
	CHECK_ERRNO(syscall(SYS_access, BAD_POINTER, F_OK), EFAULT);
	CHECK_OK(symlink("nowhere", "dangling"));
	CHECK_ERRNO(access("dangling", F_OK), ENOENT);
	CHECK_OK(symlink("loop", "loop"));
	CHECK_ERRNO(access("loop", F_OK), ELOOP);
}

static void test_execute(void)
{
	CHECK_OK(chmod("f", 0644));
	/* Even root can't execute what nobody may. */
	CHECK_ERRNO(access("f", X_OK), EACCES);
	CHECK_OK(chmod("f", 0755));
	CHECK_OK(access("f", X_OK));
}

static void test_bits(void)
{
	static const struct {
		mode_t mode;
		int ask;
		bool granted;
	} rows[] = {
		{0400, R_OK, true},
		{0400, W_OK, false},
		{0200, W_OK, true},
		{0200, R_OK, false},
		{0600, R_OK | W_OK, true},
		{0400, R_OK | W_OK, false},
		{0100, X_OK, true},
		{0077, R_OK, false},
		{0000, F_OK, true},
		{0070, X_OK, false},
	};

	if (is_root())
		CHECK_OK(chown("f", NOBODY, NOBODY));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK_OK(chmod("f", rows[i].mode));
		FORKED("the owner's bits decide for the owner")
		{
			become_nobody();
			if (rows[i].granted)
				CHECK_OK(access("f", rows[i].ask));
			else
				CHECK_ERRNO(access("f", rows[i].ask), EACCES);
		}
	}
}

static void test_search(void)
{
	CHECK_OK(mkdir("d", 0755));
	put_file("d/f", "");
	CHECK_OK(chmod("d", 0600));
	FORKED("a path needs x on each directory")
	{
		become_nobody();
		CHECK_ERRNO(access("d/f", F_OK), EACCES);
	}
	CHECK_OK(chmod("d", 0755));
}

static void test_real_user(void)
{
	if (!is_root()) {
		test_skip("real against effective user", "needs root");
		return;
	}
	CHECK_OK(chown("f", 0, 0));
	CHECK_OK(chmod("f", 0600));
	FORKED("the real user is asked about")
	{
		CHECK_OK(setresuid(NOBODY, 0, 0));
		CHECK_ERRNO(access("f", R_OK), EACCES);
		CHECK_OK(open("f", O_RDONLY));
		CHECK_OK(faccessat(AT_FDCWD, "f", R_OK, AT_EACCESS));
	}
	CHECK_OK(access("f", R_OK | W_OK));
}

static void test_at(void)
{
	int fd = open("d", O_RDONLY), file = open("d/f", O_RDONLY);

	CHECK_EQ(syscall(SYS_faccessat, fd, "f", F_OK), 0);
	CHECK_ERRNO(syscall(SYS_faccessat, file, "f", F_OK), ENOTDIR);
	CHECK_ERRNO(syscall(SYS_faccessat, -1, "f", F_OK), EBADF);
	CHECK_EQ(syscall(SYS_faccessat, -1, "/", F_OK), 0);
	close(fd);
	close(file);
}

static void test_two(void)
{
	int fd = open("d/f", O_RDONLY);

	if (syscall(SYS_faccessat2, AT_FDCWD, "f", F_OK, 0) && errno == ENOSYS) {
		test_skip("faccessat2", "older kernel");
		return;
	}
	CHECK_EQ(syscall(SYS_faccessat2, AT_FDCWD, "f", F_OK, AT_EACCESS), 0);
	CHECK_EQ(syscall(SYS_faccessat2, AT_FDCWD, "dangling", F_OK, AT_SYMLINK_NOFOLLOW), 0);
	CHECK_ERRNO(syscall(SYS_faccessat2, AT_FDCWD, "dangling", F_OK, 0), ENOENT);
	CHECK_EQ(syscall(SYS_faccessat2, fd, "", R_OK, AT_EMPTY_PATH), 0);
	CHECK_ERRNO(syscall(SYS_faccessat2, fd, "", R_OK, 0), ENOENT);
	CHECK_ERRNO(syscall(SYS_faccessat2, AT_FDCWD, "f", F_OK, 0x40000000), EINVAL);
	CHECK_ERRNO(syscall(SYS_faccessat2, AT_FDCWD, "f", 16, 0), EINVAL);
	close(fd);
}

int main(void)
{
	test_begin();
	test_existence();
	test_execute();
	test_bits();
	test_search();
	test_real_user();
	test_at();
	test_two();
	return test_done();
}
