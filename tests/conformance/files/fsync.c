/* covers: fsync fdatasync sync syncfs sync_file_range */
/* Making data durable: what the calls accept, refuse, and leave unchanged. */
#include "tests/conformance/files/conformance.h"

static void test_regular(void)
{
	int fd = open("f", O_RDWR | O_CREAT, 0600), ro;

	CHECK_EQ(write(fd, "data", 4), 4);
	CHECK_OK(fsync(fd));
	CHECK_OK(fdatasync(fd));
	CHECK_OK(syncfs(fd));
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4);
	CHECK(file_is("f", "data"));
	ro = open("f", O_RDONLY);
	CHECK_OK(fsync(ro));
	CHECK_OK(fdatasync(ro));
	close(ro);
	CHECK_OK(unlink("f"));
	CHECK_OK(fsync(fd));
	close(fd);
}

static void test_directory(void)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY);

	CHECK_OK(fsync(fd));
	CHECK_OK(fdatasync(fd));
	CHECK_OK(syncfs(fd));
	close(fd);
}

static void test_errors(void)
{
	int p[2], path = open(".", O_PATH);

	CHECK_ERRNO(fsync(-1), EBADF);
	CHECK_ERRNO(fdatasync(-1), EBADF);
	CHECK_ERRNO(syncfs(-1), EBADF);
	CHECK_OK(pipe(p));
	CHECK_ERRNO(fsync(p[1]), EINVAL);
	CHECK_ERRNO(fdatasync(p[0]), EINVAL);
	CHECK_ERRNO(fsync(path), EBADF);
	CHECK_ERRNO(syncfs(path), EBADF);
	close(p[0]);
	close(p[1]);
	close(path);
}

static void test_sync(void)
{
	errno = 0;
	CHECK_EQ(syscall(SYS_sync), 0);
	CHECK_EQ(errno, 0);
}

static void test_range(void)
{
	const unsigned all =
		SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
	int p[2], fd = open("r", O_RDWR | O_CREAT, 0600);

	CHECK_EQ(write(fd, "0123456789", 10), 10);
	CHECK_OK(sync_file_range(fd, 0, 0, 0));
	CHECK_OK(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE));
	CHECK_OK(sync_file_range(fd, 2, 4, all));
	CHECK_OK(sync_file_range(fd, 1 << 20, 4096, all));
	CHECK_ERRNO(sync_file_range(fd, 0, 0, 0x100), EINVAL);
	CHECK_ERRNO(sync_file_range(fd, -1, 1, all), EINVAL);
	CHECK_ERRNO(sync_file_range(fd, 0, -1, all), EINVAL);
	CHECK_ERRNO(sync_file_range(-1, 0, 0, all), EBADF);
	CHECK_OK(pipe(p));
	CHECK_ERRNO(sync_file_range(p[1], 0, 0, all), ESPIPE);
	close(p[0]);
	close(p[1]);
	close(fd);
}

static void test_sync_flags(void)
{
	int fd = open("s", O_RDWR | O_CREAT | O_SYNC, 0600);

	CHECK_EQ(fcntl(fd, F_GETFL) & O_SYNC, O_SYNC);
	CHECK_EQ(write(fd, "x", 1), 1);
	close(fd);
	fd = open("s", O_RDWR | O_DSYNC);
	CHECK_EQ(fcntl(fd, F_GETFL) & O_SYNC, O_DSYNC);
	CHECK_EQ(write(fd, "y", 1), 1);
	CHECK(file_is("s", "y"));
	close(fd);
}

int main(void)
{
	test_begin();
	test_regular();
	test_directory();
	test_errors();
	test_sync();
	test_range();
	test_sync_flags();
	return test_done();
}
