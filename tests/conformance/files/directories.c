/* covers: mkdir mkdirat rmdir unlinkat getdents64 getdents chdir fchdir getcwd */
/* Making, listing, changing and removing directories. */
#include <dirent.h>

#include "tests/conformance/files/conformance.h"

static int mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? -1 : (int)(st.st_mode & 07777);
}

static void test_mkdir(void)
{
	int fd;

	CHECK_OK(mkdir("a", 0777));
	CHECK_EQ(mode_of("a"), 0755);
	CHECK_OK(mkdir("sticky", 01700));
	CHECK_EQ(mode_of("sticky"), 01700);
	CHECK_ERRNO(mkdir("a", 0777), EEXIST);
	CHECK_ERRNO(mkdir(".", 0777), EEXIST);
	CHECK_ERRNO(mkdir("/", 0777), EEXIST);
	CHECK_ERRNO(mkdir("none/b", 0777), ENOENT);
	CHECK_ERRNO(mkdir("", 0777), ENOENT);
	put_file("f", "");
	CHECK_ERRNO(mkdir("f", 0777), EEXIST);
	CHECK_ERRNO(mkdir("f/b", 0777), ENOTDIR);
	CHECK_OK(symlink("nowhere", "dangling"));
	CHECK_ERRNO(mkdir("dangling", 0777), EEXIST);
	CHECK_ERRNO(mkdir(BAD_POINTER, 0777), EFAULT);
	CHECK_OK(mkdir("slash///", 0700));
	fd = open("a", O_RDONLY);
	CHECK_OK(mkdirat(fd, "b", 0700));
	CHECK(exists("a/b"));
	CHECK_ERRNO(mkdirat(-1, "b", 0700), EBADF);
	close(fd);
	CHECK_OK(chmod("a/b", 0555));
	FORKED("no w in the parent, no mkdir")
	{
		become_nobody();
		CHECK_ERRNO(mkdir("a/b/c", 0700), EACCES);
	}
}

static void test_set_group_id(void)
{
	CHECK_OK(mkdir("group", 0755));
	CHECK_OK(chmod("group", 02755));
	CHECK_OK(mkdir("group/child", 0755));
	CHECK_EQ(mode_of("group/child"), 02755);
}

static void test_rmdir(void)
{
	CHECK_ERRNO(rmdir("a"), ENOTEMPTY);
	CHECK_OK(rmdir("a/b"));
	CHECK_ERRNO(rmdir("a/."), EINVAL);
	CHECK_ERRNO(rmdir("slash/.."), ENOTEMPTY);
	CHECK_ERRNO(rmdir("f"), ENOTDIR);
	CHECK_ERRNO(rmdir("none"), ENOENT);
	CHECK_ERRNO(rmdir("dangling"), ENOTDIR);
	CHECK_ERRNO(rmdir("/"), EBUSY);
	CHECK_ERRNO(unlink("a"), EISDIR);
	CHECK_ERRNO(unlinkat(AT_FDCWD, "a", 0), EISDIR);
	CHECK_ERRNO(unlinkat(AT_FDCWD, "f", AT_REMOVEDIR), ENOTDIR);
	CHECK_OK(unlinkat(AT_FDCWD, "slash/", AT_REMOVEDIR));
	CHECK(!exists("slash"));
}

struct dent {
	uint64_t ino, off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

static void test_getdents64(void)
{
	char buf[2048] __attribute__((aligned(8)));
	bool dot = false, dotdot = false, file = false, sub = false;
	long n, total = 0;
	int fd;

	CHECK_OK(mkdir("list", 0755));
	CHECK_OK(mkdir("list/sub", 0755));
	put_file("list/file", "");
	fd = open("list", O_RDONLY | O_DIRECTORY);
	while ((n = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0) {
		for (long at = 0; at < n;) {
			struct dent *d = (void *)(buf + at);
			struct stat st;

			total += d->reclen % 8 == 0;
			dot |= !strcmp(d->name, ".") && d->type == DT_DIR;
			dotdot |= !strcmp(d->name, "..") && d->type == DT_DIR;
			file |= !strcmp(d->name, "file") && d->type == DT_REG;
			sub |= !strcmp(d->name, "sub") && !fstatat(fd, "sub", &st, 0) &&
			       st.st_ino == d->ino;
			at += d->reclen;
		}
	}
	CHECK_EQ(n, 0);
	CHECK_EQ(total, 4);
	CHECK(dot && dotdot && file && sub);
	CHECK_EQ(syscall(SYS_getdents64, fd, buf, sizeof(buf)), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_ERRNO(syscall(SYS_getdents64, fd, buf, 4), EINVAL);
	CHECK(syscall(SYS_getdents64, fd, buf, 32) > 0);
	CHECK_ERRNO(syscall(SYS_getdents64, fd, BAD_POINTER, 1000), EFAULT);
	CHECK(syscall(SYS_getdents, fd, buf, sizeof(buf)) > 0);
	CHECK_ERRNO(syscall(SYS_getdents64, -1, buf, sizeof(buf)), EBADF);
	close(fd);
	fd = open("f", O_RDONLY);
	CHECK_ERRNO(syscall(SYS_getdents64, fd, buf, sizeof(buf)), ENOTDIR);
	close(fd);
}

static void make_many(const char *dir, int count)
{
	char path[64];

	mkdir(dir, 0755);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/entry-%04d", dir, i);
		if (!put_file(path, ""))
			_exit(97);
	}
}

/* Each entry is seen exactly once though every entry is removed as it is seen. */
static void test_remove_while_reading(void)
{
	enum { COUNT = 500 };
	struct dirent *e;
	int seen = 0;
	DIR *d;

	make_many("many", COUNT);
	d = opendir("many");
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && !unlinkat(dirfd(d), e->d_name, 0))
			seen++;
	CHECK_EQ(seen, COUNT);
	closedir(d);
	CHECK_OK(rmdir("many"));
}

/* Entries present throughout are seen exactly once while others come and go. */
static void test_add_while_reading(void)
{
	enum { COUNT = 300 };
	static int seen[COUNT];
	struct dirent *e;
	int i, wrong = 0, step = 0;
	char path[64];
	DIR *d;

	make_many("busy", COUNT);
	d = opendir("busy");
	while ((e = readdir(d)) && step < 5000) {
		if (sscanf(e->d_name, "entry-%d", &i) == 1 && i < COUNT)
			seen[i]++;
		snprintf(path, sizeof(path), "busy/new-%d", step++ % 7);
		if (unlink(path))
			put_file(path, "");
	}
	for (i = 0; i < COUNT; i++)
		wrong += seen[i] != 1;
	CHECK_EQ(wrong, 0);
	closedir(d);
}

static void test_telldir(void)
{
	DIR *d = opendir("busy");
	struct dirent *e = NULL;
	char after[256];
	long at;

	for (int i = 0; i < 20; i++)
		e = readdir(d);
	REQUIRE(e);
	at = telldir(d);
	e = readdir(d);
	snprintf(after, sizeof(after), "%s", e->d_name);
	while (readdir(d))
		;
	seekdir(d, at);
	e = readdir(d);
	CHECK(e && !strcmp(e->d_name, after));
	rewinddir(d);
	put_file("busy/late", "");
	rewinddir(d);
	for (e = readdir(d); e && strcmp(e->d_name, "late"); e = readdir(d))
		;
	CHECK(e != NULL);
	closedir(d);
}

static void test_chdir(void)
{
	char before[PATH_MAX], now[PATH_MAX], small[2];
	int fd = open(".", O_RDONLY);

	REQUIRE(getcwd(before, sizeof(before)));
	CHECK_EQ(syscall(SYS_getcwd, now, sizeof(now)), strlen(before) + 1);
	CHECK_OK(chdir("list/sub"));
	REQUIRE(getcwd(now, sizeof(now)));
	CHECK(!strncmp(now, before, strlen(before)));
	CHECK_STR(now + strlen(before), "/list/sub");
	CHECK(exists("../file"));
	CHECK_OK(fchdir(fd));
	CHECK(exists("list/file"));
	CHECK_ERRNO(chdir("f"), ENOTDIR);
	CHECK_ERRNO(chdir("none"), ENOENT);
	CHECK_ERRNO(chdir(""), ENOENT);
	CHECK_ERRNO(chdir(BAD_POINTER), EFAULT);
	CHECK_ERRNO(fchdir(-1), EBADF);
	CHECK_ERRNO(fchdir(STDOUT_FILENO), ENOTDIR);
	CHECK_ERRNO(syscall(SYS_getcwd, small, sizeof(small)), ERANGE);
	CHECK_ERRNO(syscall(SYS_getcwd, BAD_POINTER, PATH_MAX), EFAULT);
	CHECK_OK(chmod("list", 0644));
	FORKED("chdir wants x; a child's cwd is its own")
	{
		become_nobody();
		CHECK_ERRNO(chdir("list"), EACCES);
		CHECK_OK(chdir("/"));
	}
	CHECK_OK(chmod("list", 0755));
	CHECK(exists("list/file"));
	close(fd);
}

static void test_deleted_cwd(void)
{
	char buf[PATH_MAX];
	int fd = open(".", O_RDONLY);

	CHECK_OK(mkdir("doomed", 0755));
	CHECK_OK(chdir("doomed"));
	CHECK_OK(rmdir("../doomed"));
	CHECK_ERRNO(syscall(SYS_getcwd, buf, sizeof(buf)), ENOENT);
	CHECK_ERRNO(open("new", O_RDWR | O_CREAT, 0600), ENOENT);
	CHECK_ERRNO(mkdir("new", 0700), ENOENT);
	CHECK_OK(open(".", O_RDONLY));
	CHECK(exists("../f"));
	CHECK(readlink("/proc/self/cwd", buf, sizeof(buf)) > 10);
	CHECK(memmem(buf, sizeof(buf), "/doomed (deleted)", 17));
	CHECK_OK(fchdir(fd));
	close(fd);
}

/* A directory held open after its removal is empty and takes nothing. */
static void test_deleted_but_open(void)
{
	char buf[256];
	struct stat st;
	int fd;

	CHECK_OK(mkdir("held", 0755));
	fd = open("held", O_RDONLY | O_DIRECTORY);
	CHECK_OK(rmdir("held"));
	CHECK_OK(fstat(fd, &st));
	CHECK_EQ(st.st_nlink, 0);
	CHECK_ERRNO(syscall(SYS_getdents64, fd, buf, sizeof(buf)), ENOENT);
	CHECK_ERRNO(openat(fd, "x", O_RDWR | O_CREAT, 0600), ENOENT);
	CHECK_ERRNO(mkdirat(fd, "x", 0700), ENOENT);
	CHECK_ERRNO(symlinkat("x", fd, "y"), ENOENT);
	CHECK_ERRNO(linkat(AT_FDCWD, "f", fd, "x", 0), ENOENT);
	CHECK_ERRNO(fstatat(fd, "x", &st, 0), ENOENT);
	CHECK_OK(mkdir("held", 0755));
	CHECK_ERRNO(openat(fd, "x", O_RDWR | O_CREAT, 0600), ENOENT);
	close(fd);
}

static void test_moved_cwd(void)
{
	char buf[PATH_MAX];
	int fd = open(".", O_RDONLY);

	CHECK_OK(mkdir("from", 0755));
	CHECK_OK(chdir("from"));
	CHECK_OK(rename("../from", "../list/to"));
	CHECK(getcwd(buf, sizeof(buf)) != NULL);
	CHECK(strstr(buf, "/list/to"));
	CHECK(exists("../file"));
	CHECK_OK(fchdir(fd));
	close(fd);
}

int main(void)
{
	test_begin();
	test_mkdir();
	test_set_group_id();
	test_rmdir();
	test_getdents64();
	test_remove_while_reading();
	test_add_while_reading();
	test_telldir();
	test_chdir();
	test_deleted_cwd();
	test_deleted_but_open();
	test_moved_cwd();
	return test_done();
}
