/* covers: lseek */
/* lseek(2): whence, limits, holes, and files that can't seek. */
#include "tests/conformance/files/conformance.h"

static void test_whence(void)
{
	int fd = open("f", O_RDWR | O_CREAT, 0600);

	CHECK_EQ(write(fd, "0123456789", 10), 10);
	CHECK_EQ(lseek(fd, 3, SEEK_SET), 3);
	CHECK_EQ(lseek(fd, 2, SEEK_CUR), 5);
	CHECK_EQ(lseek(fd, -5, SEEK_CUR), 0);
	CHECK_EQ(lseek(fd, -1, SEEK_END), 9);
	CHECK_EQ(lseek(fd, 5, SEEK_END), 15);
	CHECK_EQ(size_of(fd), 10);
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_EQ(size_of(fd), 16);
	CHECK_ERRNO(lseek(fd, -1, SEEK_SET), EINVAL);
	CHECK_ERRNO(lseek(fd, -17, SEEK_END), EINVAL);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 16);
	CHECK_ERRNO(lseek(fd, 0, 99), EINVAL);
	CHECK_ERRNO(lseek(fd, 0, -1), EINVAL);
	CHECK_ERRNO(lseek(-1, 0, SEEK_SET), EBADF);
	CHECK_EQ(lseek(fd, 1LL << 33, SEEK_SET), 1LL << 33);
	CHECK_EQ(write(fd, "far", 0), 0);
	CHECK_EQ(size_of(fd), 16);
	close(fd);
}

static void test_holes(void)
{
	const off_t far = 1 << 20;
	char block[4096];
	off_t hole;
	int fd = open("holes", O_RDWR | O_CREAT, 0600);

	memset(block, 'd', sizeof(block));
	CHECK_EQ(pwrite(fd, block, sizeof(block), 0), sizeof(block));
	CHECK_EQ(pwrite(fd, block, sizeof(block), far), sizeof(block));
	CHECK_EQ(lseek(fd, 0, SEEK_DATA), 0);
	hole = lseek(fd, 0, SEEK_HOLE);
	/* A file system may know no holes: then the only one is at the end (lseek(2)). */
	CHECK(hole == 4096 || (hole > 4096 && hole <= far + 4096));
	if (hole < far)
		CHECK_EQ(lseek(fd, hole, SEEK_DATA), far);
	CHECK_EQ(lseek(fd, far, SEEK_HOLE), far + 4096);
	CHECK_EQ(lseek(fd, far + 10, SEEK_DATA), far + 10);
	CHECK_ERRNO(lseek(fd, far + 4096, SEEK_DATA), ENXIO);
	CHECK_ERRNO(lseek(fd, far + 4096, SEEK_HOLE), ENXIO);
	CHECK_ERRNO(lseek(fd, -1, SEEK_DATA), ENXIO);
	CHECK_OK(ftruncate(fd, 0));
	CHECK_ERRNO(lseek(fd, 0, SEEK_DATA), ENXIO);
	close(fd);
}

static void test_all_hole(void)
{
	int fd = open("empty", O_RDWR | O_CREAT, 0600);
	off_t data;

	CHECK_OK(ftruncate(fd, 65536));
	CHECK(lseek(fd, 0, SEEK_HOLE) == 0 || lseek(fd, 0, SEEK_HOLE) == 65536);
	data = lseek(fd, 0, SEEK_DATA);
	CHECK(data == 0 || (data == -1 && errno == ENXIO));
	close(fd);
}

static void test_directories(void)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY);

	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	close(fd);
}

static void test_unseekable(void)
{
	int p[2], null = open("/dev/null", O_RDONLY);

	CHECK_OK(pipe(p));
	CHECK_ERRNO(lseek(p[0], 0, SEEK_SET), ESPIPE);
	CHECK_ERRNO(lseek(p[1], 0, SEEK_END), ESPIPE);
	CHECK_OK(lseek(null, 5, SEEK_SET));
	close(p[0]);
	close(p[1]);
	close(null);
}

int main(void)
{
	test_begin();
	test_whence();
	test_holes();
	test_all_hole();
	test_directories();
	test_unseekable();
	return test_done();
}
