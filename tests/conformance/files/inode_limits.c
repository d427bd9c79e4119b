/* covers: openat mkdir link rename rmdir */
/* Where names, paths and tables end: path_resolution(7), getrlimit(2). */
#include <sys/resource.h>

#include "tests/conformance/files/conformance.h"

static void test_name_length(void)
{
	char name[300];

	memset(name, 'n', sizeof(name));
	name[256] = 0;
	CHECK_ERRNO(open(name, O_RDWR | O_CREAT, 0600), ENAMETOOLONG);
	CHECK_ERRNO(mkdir(name, 0700), ENAMETOOLONG);
	CHECK_ERRNO(unlink(name), ENAMETOOLONG);
	CHECK_ERRNO(access(name, F_OK), ENAMETOOLONG);
	name[255] = 0;
	CHECK(put_file(name, "longest"));
	CHECK(file_is(name, "longest"));
	CHECK_OK(unlink(name));
}

static void test_path_length(void)
{
	char path[PATH_MAX + 10];

	for (size_t i = 0; i < sizeof(path); i += 2)
		memcpy(path + i, "./", 2);
	path[PATH_MAX] = 0;
	CHECK_ERRNO(access(path, F_OK), ENAMETOOLONG);
	path[PATH_MAX - 1] = 0;
	CHECK_OK(access(path, F_OK));
}

/* A tree may be deeper than any path: relative steps reach it. */
static void test_deep_tree(void)
{
	enum { DEPTH = 60 };
	char name[101], buf[PATH_MAX];
	int i, top = open(".", O_RDONLY);

	memset(name, 'd', 100);
	name[100] = 0;
	for (i = 0; i < DEPTH && !mkdir(name, 0755) && !chdir(name); i++)
		;
	CHECK_EQ(i, DEPTH);
	CHECK_ERRNO(syscall(SYS_getcwd, buf, sizeof(buf)), ENAMETOOLONG);
	CHECK(put_file("bottom", "here"));
	CHECK(file_is("bottom", "here"));
	CHECK_OK(unlink("bottom"));
	for (i = 0; i < DEPTH && !chdir("..") && !rmdir(name); i++)
		;
	CHECK_EQ(i, DEPTH);
	CHECK(!exists(name));
	CHECK_OK(fchdir(top));
	close(top);
}

static void test_not_a_directory(void)
{
	put_file("file", "");
	CHECK_ERRNO(open("file/x", O_RDONLY), ENOTDIR);
	CHECK_ERRNO(open("file/../file", O_RDONLY), ENOTDIR);
	CHECK_ERRNO(open("file/.", O_RDONLY), ENOTDIR);
	CHECK_ERRNO(mkdir("file/x", 0700), ENOTDIR);
	CHECK_ERRNO(chdir("file"), ENOTDIR);
}

static void test_dots(void)
{
	CHECK_OK(mkdir("d", 0755));
	CHECK(same_file("d/../d", "d"));
	CHECK(same_file(".//d///.", "d"));
	CHECK(same_file("/..", "/"));
	CHECK(same_file("/../../.", "/"));
	CHECK_ERRNO(mkdir("d/..", 0700), EEXIST);
	CHECK_ERRNO(unlink("d/."), EISDIR);
	CHECK_ERRNO(open("none/..", O_RDONLY), ENOENT);
}

static void test_open_files(void)
{
	const struct rlimit small = {30, 30};

	FORKED("EMFILE at RLIMIT_NOFILE")
	{
		int fd, last = -1, p[2];

		CHECK_OK(setrlimit(RLIMIT_NOFILE, &small));
		while ((fd = open("file", O_RDONLY)) >= 0)
			last = fd;
		CHECK_EQ(errno, EMFILE);
		CHECK_EQ(last, 29);
		CHECK_ERRNO(pipe(p), EMFILE);
		close(last);
		CHECK_ERRNO(pipe(p), EMFILE);
		CHECK_EQ(open("file", O_RDONLY), 29);
		/* Creation comes after the descriptor: no file is left by the failure. */
		CHECK_ERRNO(open("fresh", O_RDWR | O_CREAT, 0600), EMFILE);
		CHECK(!exists("fresh"));
	}
}

static void test_cross_device(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/shm/cross.%d", (int)getpid());
	if (!put_file(path, "x")) {
		test_skip("EXDEV", "/dev/shm isn't writable");
		return;
	}
	struct stat a, b;
	if (!stat(path, &a) && !stat("file", &b) && a.st_dev != b.st_dev) {
		CHECK_ERRNO(link(path, "crossed"), EXDEV);
		CHECK_ERRNO(rename(path, "crossed"), EXDEV);
		CHECK(exists(path) && !exists("crossed"));
	} else {
		test_skip("EXDEV", "/dev/shm is the same file system");
	}
	CHECK_OK(unlink(path));
}

static void test_strange_names(void)
{
	static const char *const names[] = {" ", "...", "-", "a\nb", "\xff\xfe", "*", "\\", "~"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CHECK(put_file(names[i], names[i]));
		CHECK(file_is(names[i], names[i]));
		CHECK_OK(unlink(names[i]));
	}
	CHECK(put_file("Case", "upper"));
	CHECK(!exists("case"));
}

int main(void)
{
	test_begin();
	test_name_length();
	test_path_length();
	test_deep_tree();
	test_not_a_directory();
	test_dots();
	test_open_files();
	test_cross_device();
	test_strange_names();
	return test_done();
}
