/* covers: openat readlink newfstatat getdents64 */
/* /proc/self/fd and fdinfo: proc(5). */
#include <dirent.h>

#include "tests/conformance/files/conformance.h"

static char text[1 << 18];

static const char *slurp(const char *path)
{
	CHECK(get_file(path, text, sizeof(text)) >= 0);
	return text;
}

static const char *link_of(const char *path)
{
	ssize_t n = readlink(path, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = 0;
	return text;
}

/* The number after "Key:" at a line's start, or -1. */
static long field(const char *all, const char *key)
{
	size_t n = strlen(key);

	for (const char *at = all; at; at = strchr(at, '\n'), at += at != NULL)
		if (!strncmp(at, key, n))
			return strtol(at + n, NULL, 10);
	return -1;
}

static void test_descriptors(void)
{
	char path[64], link[PATH_MAX], want[PATH_MAX + 10];
	int fd = open("named", O_RDWR | O_CREAT | O_CLOEXEC, 0600), p[2], again;
	struct stat st, via;

	REQUIRE(getcwd(want, PATH_MAX - 1));
	strcat(want, "/named");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	snprintf(link, sizeof(link), "%.4000s", link_of(path));
	CHECK_STR(link, want);
	CHECK_OK(lstat(path, &st));
	CHECK(S_ISLNK(st.st_mode));
	CHECK_EQ(st.st_mode & 0777, 0700);
	CHECK_EQ(write(fd, "abc", 3), 3);
	again = open(path, O_RDONLY);
	CHECK_EQ(lseek(again, 0, SEEK_CUR), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 3);
	close(again);
	CHECK_OK(unlink("named"));
	again = open(path, O_RDONLY);
	CHECK_EQ(size_of(again), 3);
	close(again);
	CHECK(strstr(link_of(path), "/named (deleted)"));
	CHECK_OK(pipe(p));
	CHECK_OK(fstat(p[0], &st));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p[0]);
	snprintf(want, sizeof(want), "pipe:[%lu]", (unsigned long)st.st_ino);
	CHECK_STR(link_of(path), want);
	CHECK_OK(stat(path, &via));
	CHECK_EQ(via.st_ino, st.st_ino);
	CHECK_ERRNO(open("/proc/self/fd/4000", O_RDONLY), ENOENT);
	close(p[0]);
	CHECK_ERRNO(readlink(path, link, sizeof(link)), ENOENT);
	close(p[1]);
	close(fd);
}

static void test_descriptor_listing(void)
{
	int count = 0, wrong = 0, extra = dup2(STDOUT_FILENO, 500);
	DIR *d = opendir("/proc/self/fd");
	bool seen = false;
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		count++;
		wrong += !fd_open(atoi(e->d_name));
		seen |= atoi(e->d_name) == extra;
	}
	CHECK(count >= 3 && wrong == 0 && seen);
	closedir(d);
	close(extra);
}

static void test_fdinfo(void)
{
	char path[64];
	int fd = open("f", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	CHECK_EQ(write(fd, "12345", 5), 5);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	CHECK_EQ(field(slurp(path), "pos:"), 5);
	CHECK(strstr(text, "flags:\t0"));
	CHECK_EQ(strtol(strstr(text, "flags:") + 6, NULL, 8) & (O_ACCMODE | O_APPEND | O_CLOEXEC),
		O_RDWR | O_APPEND | O_CLOEXEC);
	CHECK(field(text, "mnt_id:") > 0);
	close(fd);
}

int main(void)
{
	test_begin();
	test_descriptors();
	test_descriptor_listing();
	test_fdinfo();
	return test_done();
}
