/* covers: truncate ftruncate */
/* truncate(2) and ftruncate(2): growing, shrinking, limits, errors. */
#include <sys/resource.h>

#include "tests/conformance/files/conformance.h"

static void test_shrink_and_grow(void)
{
	char buf[16];
	int fd;

	put_file("f", "0123456789");
	CHECK_OK(truncate("f", 4));
	CHECK(file_is("f", "0123"));
	fd = open("f", O_RDWR);
	CHECK_OK(ftruncate(fd, 8));
	CHECK_EQ(size_of(fd), 8);
	CHECK_EQ(pread(fd, buf, 16, 0), 8);
	CHECK(!memcmp(buf, "0123\0\0\0\0", 8));
	CHECK_OK(ftruncate(fd, 8));
	CHECK_OK(ftruncate(fd, 0));
	CHECK_EQ(size_of(fd), 0);
	close(fd);
}

/* Bytes cut off must not come back when the file grows again. */
static void test_tail_is_zeroed(void)
{
	char buf[10000];
	int fd = open("tail", O_RDWR | O_CREAT, 0600);
	size_t dirty = 0;

	memset(buf, 'x', sizeof(buf));
	CHECK_EQ(write(fd, buf, sizeof(buf)), sizeof(buf));
	CHECK_OK(ftruncate(fd, 4100));
	CHECK_OK(ftruncate(fd, sizeof(buf)));
	CHECK_EQ(pread(fd, buf, sizeof(buf), 0), sizeof(buf));
	for (size_t i = 4100; i < sizeof(buf); i++)
		dirty += buf[i] != 0;
	CHECK_EQ(dirty, 0);
	CHECK_EQ(buf[4099], 'x');
	close(fd);
}

static void test_offset_stays(void)
{
	int fd = open("off", O_RDWR | O_CREAT, 0600);

	CHECK_EQ(write(fd, "abcdef", 6), 6);
	CHECK_OK(ftruncate(fd, 2));
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 6);
	CHECK_EQ(write(fd, "!", 1), 1);
	CHECK_EQ(size_of(fd), 7);
	close(fd);
}

static void test_side_effects(void)
{
	const struct timespec old[2] = {{1000, 0}, {1000, 0}};
	struct stat st;

	put_file("t", "abc");
	CHECK_OK(utimensat(AT_FDCWD, "t", old, 0));
	CHECK_OK(truncate("t", 1));
	CHECK_OK(stat("t", &st));
	CHECK(st.st_mtim.tv_sec > 1000);
	CHECK_EQ(st.st_atim.tv_sec, 1000);
	/* An ordinary user's truncation takes the set-user-ID bit away. */
	if (is_root())
		CHECK_OK(chown("t", NOBODY, NOBODY));
	FORKED("set-user-ID is dropped")
	{
		become_nobody();
		CHECK_OK(chmod("t", 04755));
		CHECK_OK(truncate("t", 0));
		CHECK_OK(stat("t", &st));
		CHECK_EQ(st.st_mode & 07777, 0755);
	}
}

static void test_errors(void)
{
	int p[2], fd = open("f", O_RDONLY);

	CHECK_OK(mkdir("dir", 0755));
	CHECK_ERRNO(truncate("none", 0), ENOENT);
	CHECK_ERRNO(truncate("dir", 0), EISDIR);
	CHECK_ERRNO(truncate("f/x", 0), ENOTDIR);
	CHECK_ERRNO(truncate("f", -1), EINVAL);
	CHECK_ERRNO(syscall(SYS_truncate, BAD_POINTER, 0), EFAULT);
	CHECK_ERRNO(ftruncate(fd, 0), EINVAL);
	CHECK_ERRNO(ftruncate(fd, -1), EINVAL);
	CHECK_ERRNO(ftruncate(-1, 0), EBADF);
	CHECK_OK(pipe(p));
	CHECK_ERRNO(ftruncate(p[1], 0), EINVAL);
	CHECK_OK(symlink("loop", "loop"));
	CHECK_ERRNO(truncate("loop", 0), ELOOP);
	CHECK_OK(chmod("f", 0444));
	FORKED("no w, no truncation")
	{
		become_nobody();
		CHECK_ERRNO(truncate("f", 0), EACCES);
	}
	close(p[0]);
	close(p[1]);
	close(fd);
}

static void test_file_size_limit(void)
{
	const struct rlimit limit = {4096, RLIM_INFINITY};
	char buf[200] = "";
	int fd = open("limited", O_RDWR | O_CREAT, 0600);

	FORKED("RLIMIT_FSIZE with SIGXFSZ ignored is EFBIG")
	{
		CHECK_OK(setrlimit(RLIMIT_FSIZE, &limit));
		signal(SIGXFSZ, SIG_IGN);
		CHECK_ERRNO(ftruncate(fd, 4097), EFBIG);
		CHECK_OK(ftruncate(fd, 4096));
		CHECK_EQ(pwrite(fd, buf, 200, 4000), 96);
		CHECK_ERRNO(pwrite(fd, buf, 1, 4096), EFBIG);
	}
	pid_t pid = test_fork();
	int status = 0;

	if (pid == 0) {
		setrlimit(RLIMIT_FSIZE, &limit);
		ftruncate(fd, 5000);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
	close(fd);
}

int main(void)
{
	test_begin();
	test_shrink_and_grow();
	test_tail_is_zeroed();
	test_offset_stays();
	test_side_effects();
	test_errors();
	test_file_size_limit();
	return test_done();
}
