/* covers: fallocate */
/* fallocate(2). A mode that the file system lacks is EOPNOTSUPP; where it exists, it works. */
#include <linux/falloc.h>

#include "tests/conformance/files/conformance.h"

static const off_t page = 4096;

static int filled(const char *name, int pages)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	char block[4096];

	for (int i = 0; i < pages; i++) {
		memset(block, 'a' + i, sizeof(block));
		if (write(fd, block, sizeof(block)) != sizeof(block))
			_exit(98);
	}
	return fd;
}

static int byte_at(int fd, off_t at)
{
	char c = -1;

	return pread(fd, &c, 1, at) == 1 ? c : -1;
}

static bool supported(int fd, int mode, off_t at, off_t len, const char *name)
{
	if (fallocate(fd, mode, at, len) == 0)
		return true;
	if (errno == EOPNOTSUPP)
		test_skip(name, "not on this file system");
	else
		CHECK_ERRNO(-1, EOPNOTSUPP);
	return false;
}

static void test_allocate(void)
{
	struct stat st;
	int fd = filled("plain", 1);

	if (!supported(fd, 0, 0, 4 * page, "fallocate"))
		return;
	CHECK_EQ(size_of(fd), 4 * page);
	CHECK_EQ(byte_at(fd, 0), 'a');
	CHECK_EQ(byte_at(fd, page), 0);
	CHECK_OK(fstat(fd, &st));
	CHECK(st.st_blocks >= 4 * page / 512);
	CHECK_OK(fallocate(fd, 0, 0, page));
	CHECK_EQ(size_of(fd), 4 * page);
	CHECK_EQ(posix_fallocate(fd, 0, 5 * page), 0);
	CHECK_EQ(size_of(fd), 5 * page);
	close(fd);
}

static void test_keep_size(void)
{
	int fd = filled("keep", 1);

	if (!supported(fd, FALLOC_FL_KEEP_SIZE, 0, 4 * page, "KEEP_SIZE"))
		return;
	CHECK_EQ(size_of(fd), page);
	CHECK_EQ(byte_at(fd, 0), 'a');
	CHECK_EQ(byte_at(fd, page), -1);
	close(fd);
}

static void test_punch_hole(void)
{
	const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	int fd = filled("punched", 4);

	if (!supported(fd, mode, page, page, "PUNCH_HOLE"))
		return;
	CHECK_EQ(size_of(fd), 4 * page);
	CHECK_EQ(byte_at(fd, page - 1), 'a');
	CHECK_EQ(byte_at(fd, page), 0);
	CHECK_EQ(byte_at(fd, 2 * page - 1), 0);
	CHECK_EQ(byte_at(fd, 2 * page), 'c');
	CHECK_EQ(lseek(fd, 0, SEEK_HOLE), page);
	CHECK_EQ(lseek(fd, page, SEEK_DATA), 2 * page);
	CHECK_OK(fallocate(fd, mode, 2 * page + 10, 20));
	CHECK_EQ(byte_at(fd, 2 * page + 9), 'c');
	CHECK_EQ(byte_at(fd, 2 * page + 10), 0);
	CHECK_EQ(byte_at(fd, 2 * page + 29), 0);
	CHECK_EQ(byte_at(fd, 2 * page + 30), 'c');
	CHECK_OK(fallocate(fd, mode, 3 * page, 100 * page));
	CHECK_EQ(size_of(fd), 4 * page);
	CHECK_EQ(byte_at(fd, 3 * page), 0);
	/* PUNCH_HOLE must come with KEEP_SIZE. */
	CHECK_ERRNO(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, page), EOPNOTSUPP);
	close(fd);
}

static void test_zero_range(void)
{
	int fd = filled("zeroed", 2);

	if (!supported(fd, FALLOC_FL_ZERO_RANGE, page, 2 * page, "ZERO_RANGE"))
		return;
	CHECK_EQ(size_of(fd), 3 * page);
	CHECK_EQ(byte_at(fd, page - 1), 'a');
	CHECK_EQ(byte_at(fd, page), 0);
	CHECK_OK(fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 0, 9 * page));
	CHECK_EQ(size_of(fd), 3 * page);
	CHECK_EQ(byte_at(fd, 0), 0);
	close(fd);
}

static void test_collapse(void)
{
	int fd = filled("collapsed", 3);

	if (!supported(fd, FALLOC_FL_COLLAPSE_RANGE, page, page, "COLLAPSE_RANGE"))
		return;
	CHECK_EQ(size_of(fd), 2 * page);
	CHECK_EQ(byte_at(fd, 0), 'a');
	CHECK_EQ(byte_at(fd, page), 'c');
	CHECK_ERRNO(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, page, page), EINVAL);
	CHECK_ERRNO(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 1, page), EINVAL);
	close(fd);
}

static void test_insert(void)
{
	int fd = filled("inserted", 2);

	if (!supported(fd, FALLOC_FL_INSERT_RANGE, page, page, "INSERT_RANGE"))
		return;
	CHECK_EQ(size_of(fd), 3 * page);
	CHECK_EQ(byte_at(fd, 0), 'a');
	CHECK_EQ(byte_at(fd, page), 0);
	CHECK_EQ(byte_at(fd, 2 * page), 'b');
	CHECK_ERRNO(fallocate(fd, FALLOC_FL_INSERT_RANGE, 3 * page, page), EINVAL);
	close(fd);
}

static void test_errors(void)
{
	int p[2], fd = filled("errors", 1), ro = open("errors", O_RDONLY);
	int dir = open(".", O_RDONLY);

	CHECK_ERRNO(fallocate(fd, 0, 0, 0), EINVAL);
	CHECK_ERRNO(fallocate(fd, 0, 0, -1), EINVAL);
	CHECK_ERRNO(fallocate(fd, 0, -1, 1), EINVAL);
	CHECK_ERRNO(fallocate(fd, 0, LLONG_MAX, 10), EFBIG);
	CHECK_ERRNO(fallocate(fd, 1 << 30, 0, 1), EOPNOTSUPP);
	CHECK_ERRNO(fallocate(ro, 0, 0, 1), EBADF);
	CHECK_ERRNO(fallocate(-1, 0, 0, 1), EBADF);
	CHECK_ERRNO(fallocate(dir, 0, 0, 1), EBADF);
	CHECK_OK(pipe(p));
	CHECK_ERRNO(fallocate(p[1], 0, 0, 1), ESPIPE);
	CHECK_EQ(size_of(fd), page);
	close(p[0]);
	close(p[1]);
	close(fd);
	close(ro);
	close(dir);
}

int main(void)
{
	test_begin();
	test_allocate();
	test_keep_size();
	test_punch_hole();
	test_zero_range();
	test_collapse();
	test_insert();
	test_errors();
	return test_done();
}
