/* covers: setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr
 * flistxattr removexattr lremovexattr fremovexattr */
/* Extended attributes, "user." ones mostly. */
#include <sys/xattr.h>

#include "tests/conformance/files/conformance.h"

static void test_set_and_get(void)
{
	char buf[16] = "";

	CHECK_OK(setxattr("f", "user.one", "value", 5, 0));
	CHECK_EQ(getxattr("f", "user.one", buf, sizeof(buf)), 5);
	CHECK(!memcmp(buf, "value", 5));
	CHECK_EQ(getxattr("f", "user.one", NULL, 0), 5);
	CHECK_ERRNO(getxattr("f", "user.one", buf, 4), ERANGE);
	CHECK_ERRNO(getxattr("f", "user.two", buf, sizeof(buf)), ENODATA);
	CHECK_OK(setxattr("f", "user.one", "other value", 11, 0));
	CHECK_EQ(getxattr("f", "user.one", buf, sizeof(buf)), 11);
	CHECK_OK(setxattr("f", "user.empty", "", 0, 0));
	CHECK_EQ(getxattr("f", "user.empty", buf, sizeof(buf)), 0);
	CHECK_OK(setxattr("f", "user.binary", "a\0b", 3, 0));
	CHECK_EQ(getxattr("f", "user.binary", buf, sizeof(buf)), 3);
	CHECK(!memcmp(buf, "a\0b", 3));
}

static void test_create_and_replace(void)
{
	char buf[8];

	CHECK_ERRNO(setxattr("f", "user.one", "x", 1, XATTR_CREATE), EEXIST);
	CHECK_ERRNO(setxattr("f", "user.new", "x", 1, XATTR_REPLACE), ENODATA);
	CHECK_OK(setxattr("f", "user.new", "x", 1, XATTR_CREATE));
	CHECK_OK(setxattr("f", "user.new", "yy", 2, XATTR_REPLACE));
	CHECK_EQ(getxattr("f", "user.new", buf, sizeof(buf)), 2);
	CHECK_ERRNO(setxattr("f", "user.new", "x", 1, 4), EINVAL);
}

static bool listed(const char *list, ssize_t size, const char *name)
{
	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(list + at) + 1)
		if (!strcmp(list + at, name))
			return true;
	return false;
}

static void test_list(void)
{
	char list[1024];
	ssize_t n = listxattr("f", list, sizeof(list));

	CHECK(n > 0);
	CHECK_EQ(listxattr("f", NULL, 0), n);
	CHECK(listed(list, n, "user.one") && listed(list, n, "user.empty"));
	CHECK(listed(list, n, "user.new") && !listed(list, n, "user.two"));
	CHECK_ERRNO(listxattr("f", list, 3), ERANGE);
}

static void test_remove(void)
{
	char list[1024];
	ssize_t n;

	CHECK_OK(removexattr("f", "user.one"));
	CHECK_ERRNO(removexattr("f", "user.one"), ENODATA);
	CHECK_ERRNO(getxattr("f", "user.one", NULL, 0), ENODATA);
	n = listxattr("f", list, sizeof(list));
	CHECK(n > 0 && !listed(list, n, "user.one"));
}

static void test_descriptors(void)
{
	char buf[8], list[256];
	int ro = open("f", O_RDONLY), path = open("f", O_PATH);

	CHECK_OK(fsetxattr(ro, "user.fd", "F", 1, 0));
	CHECK_EQ(fgetxattr(ro, "user.fd", buf, sizeof(buf)), 1);
	CHECK(flistxattr(ro, list, sizeof(list)) > 0);
	CHECK_OK(fremovexattr(ro, "user.fd"));
	CHECK_ERRNO(fgetxattr(path, "user.fd", buf, sizeof(buf)), EBADF);
	CHECK_ERRNO(fsetxattr(path, "user.fd", "F", 1, 0), EBADF);
	CHECK_ERRNO(fgetxattr(-1, "user.fd", buf, sizeof(buf)), EBADF);
	CHECK_ERRNO(flistxattr(-1, list, sizeof(list)), EBADF);
	CHECK_ERRNO(fremovexattr(-1, "user.fd"), EBADF);
	close(ro);
	close(path);
}

static void test_links(void)
{
	char buf[16];

	CHECK_OK(symlink("f", "link"));
	CHECK_OK(setxattr("link", "user.through", "1", 1, 0));
	CHECK_EQ(lgetxattr("f", "user.through", buf, sizeof(buf)), 1);
	/* xattr(7): symbolic links carry no user attributes. */
	CHECK_ERRNO(lsetxattr("link", "user.no", "1", 1, 0), EPERM);
	CHECK_ERRNO(lgetxattr("link", "user.through", buf, sizeof(buf)), ENODATA);
	CHECK_OK(llistxattr("link", buf, sizeof(buf)));
	CHECK(llistxattr("f", NULL, 0) > 0);
	CHECK_ERRNO(lremovexattr("link", "user.no"), EPERM);
	CHECK_OK(lsetxattr("f", "user.l", "1", 1, 0));
	CHECK_OK(lremovexattr("f", "user.l"));
	CHECK_OK(mkfifo("fifo", 0600));
	CHECK_ERRNO(setxattr("fifo", "user.no", "1", 1, 0), EPERM);
	CHECK_OK(mkdir("dir", 0700));
	CHECK_OK(setxattr("dir", "user.yes", "1", 1, 0));
}

static void test_hard_links_share(void)
{
	CHECK_OK(link("f", "g"));
	CHECK_OK(setxattr("g", "user.shared", "abc", 3, 0));
	CHECK_EQ(getxattr("f", "user.shared", NULL, 0), 3);
}

static void test_errors(void)
{
	char name[300], buf[8];

	CHECK_ERRNO(setxattr("none", "user.x", "1", 1, 0), ENOENT);
	CHECK_ERRNO(getxattr("none", "user.x", buf, sizeof(buf)), ENOENT);
	CHECK_ERRNO(listxattr("none", buf, sizeof(buf)), ENOENT);
	CHECK_ERRNO(setxattr("f", "nonsense", "1", 1, 0), EOPNOTSUPP);
	CHECK_ERRNO(getxattr("f", "nonsense", buf, sizeof(buf)), EOPNOTSUPP);
	CHECK_ERRNO(setxattr("f", "user.", "1", 1, 0), EINVAL);
	CHECK_ERRNO(setxattr("f", "", "1", 1, 0), ERANGE);
	memset(name, 'n', sizeof(name));
	memcpy(name, "user.", 5);
	name[256] = 0;
	CHECK_ERRNO(setxattr("f", name, "1", 1, 0), ERANGE);
	CHECK_ERRNO(syscall(SYS_setxattr, "f", "user.x", "1", XATTR_SIZE_MAX + 1, 0), E2BIG);
	CHECK_ERRNO(syscall(SYS_setxattr, "f", "user.x", BAD_POINTER, 5, 0), EFAULT);
	CHECK_ERRNO(syscall(SYS_getxattr, "f", BAD_POINTER, buf, 5), EFAULT);
}

static void test_permissions(void)
{
	put_file("locked", "");
	if (is_root())
		CHECK_OK(chown("locked", NOBODY, NOBODY));
	CHECK_OK(chmod("locked", 0));
	FORKED("user attributes follow r and w")
	{
		become_nobody();
		CHECK_ERRNO(setxattr("locked", "user.x", "1", 1, 0), EACCES);
		CHECK_ERRNO(getxattr("locked", "user.x", NULL, 0), EACCES);
		/* trusted(7) attributes are root's: unseen by others. */
		CHECK_ERRNO(setxattr("locked", "trusted.x", "1", 1, 0), EPERM);
		CHECK_ERRNO(getxattr("locked", "trusted.x", NULL, 0), ENODATA);
	}
}

int main(void)
{
	test_begin();
	put_file("f", "");
	if (setxattr("f", "user.probe", "1", 1, 0) && errno == EOPNOTSUPP) {
		test_skip("user attributes", "not on this file system");
		return test_done();
	}
	test_set_and_get();
	test_create_and_replace();
	test_list();
	test_remove();
	test_descriptors();
	test_links();
	test_hard_links_share();
	test_errors();
	test_permissions();
	return test_done();
}
