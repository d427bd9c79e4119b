/* covers: copy_file_range */
/* copy_file_range(2): offsets, overlap, ends, errors. */
#include "tests/conformance/files/conformance.h"

static void test_offsets(void)
{
	int in = open("in", O_RDONLY), out = open("out", O_RDWR | O_CREAT, 0600);
	off_t from = 5, to = 20;

	CHECK_EQ(copy_file_range(in, NULL, out, NULL, 4, 0), 4);
	CHECK_EQ(lseek(in, 0, SEEK_CUR), 4);
	CHECK_EQ(lseek(out, 0, SEEK_CUR), 4);
	CHECK_EQ(copy_file_range(in, &from, out, NULL, 2, 0), 2);
	CHECK_EQ(from, 7);
	CHECK_EQ(lseek(in, 0, SEEK_CUR), 4);
	CHECK(file_is("out", "012356"));
	CHECK_EQ(copy_file_range(in, &from, out, &to, 100, 0), 3);
	CHECK_EQ(to, 23);
	CHECK_EQ(size_of(out), 23);
	CHECK_EQ(lseek(out, 0, SEEK_CUR), 6);
	CHECK_EQ(copy_file_range(in, &from, out, NULL, 5, 0), 0);
	from = 1000;
	CHECK_EQ(copy_file_range(in, &from, out, NULL, 5, 0), 0);
	CHECK_EQ(copy_file_range(in, NULL, out, NULL, 0, 0), 0);
	close(in);
	close(out);
}

static void test_same_file(void)
{
	int fd = open("same", O_RDWR | O_CREAT, 0600);
	off_t from = 0, to = 10;

	CHECK_EQ(write(fd, "0123456789", 10), 10);
	CHECK_EQ(copy_file_range(fd, &from, fd, &to, 10, 0), 10);
	CHECK(file_is("same", "01234567890123456789"));
	from = 0;
	to = 5;
	CHECK_ERRNO(copy_file_range(fd, &from, fd, &to, 10, 0), EINVAL);
	close(fd);
}

static void test_large(void)
{
	static char buf[300000], back[300000];
	int in = open("large", O_RDWR | O_CREAT, 0600), out = open("copy", O_RDWR | O_CREAT, 0600);
	ssize_t n;

	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (char)(i * 11);
	CHECK_EQ(write(in, buf, sizeof(buf)), sizeof(buf));
	CHECK_EQ(lseek(in, 0, SEEK_SET), 0);
	while ((n = copy_file_range(in, NULL, out, NULL, sizeof(buf), 0)) > 0)
		;
	CHECK_EQ(n, 0);
	CHECK_EQ(pread(out, back, sizeof(back), 0), sizeof(back));
	CHECK(!memcmp(buf, back, sizeof(buf)));
	close(in);
	close(out);
}

static void test_errors(void)
{
	int in = open("in", O_RDONLY), out = open("out", O_WRONLY), dir = open(".", O_RDONLY);
	int app = open("out", O_WRONLY | O_APPEND), p[2];
	off_t bad = -1, far = INT64_MAX - 8;

	CHECK_OK(pipe(p));
	CHECK_ERRNO(copy_file_range(-1, NULL, out, NULL, 1, 0), EBADF);
	CHECK_ERRNO(copy_file_range(in, NULL, -1, NULL, 1, 0), EBADF);
	CHECK_ERRNO(copy_file_range(out, NULL, out, NULL, 1, 0), EBADF);
	CHECK_ERRNO(copy_file_range(in, NULL, in, NULL, 1, 0), EBADF);
	CHECK_ERRNO(copy_file_range(in, NULL, app, NULL, 1, 0), EBADF);
	CHECK_ERRNO(copy_file_range(in, NULL, out, NULL, 1, 1 << 20), EINVAL);
	CHECK_ERRNO(copy_file_range(dir, NULL, out, NULL, 1, 0), EISDIR);
	CHECK_ERRNO(copy_file_range(p[0], NULL, out, NULL, 1, 0), EINVAL);
	CHECK_ERRNO(copy_file_range(in, NULL, p[1], NULL, 1, 0), EINVAL);
	CHECK(copy_file_range(in, &bad, out, NULL, 1, 0) == -1);
	CHECK(errno == EINVAL || errno == EOVERFLOW);
	CHECK_ERRNO(copy_file_range(in, NULL, out, &far, SIZE_MAX, 0), EOVERFLOW);
	CHECK_ERRNO(syscall(SYS_copy_file_range, in, BAD_POINTER, out, NULL, 1, 0), EFAULT);
	close(in);
	close(out);
	close(dir);
	close(app);
	close(p[0]);
	close(p[1]);
}

/* What they are is told before what they were opened for. */
static void test_order_of_errors(void)
{
	int dir = open(".", O_RDONLY), in = open("order", O_RDWR | O_CREAT, 0600), ends[2];
	int reader = open("order", O_RDONLY);

	CHECK_OK(pipe(ends));
	CHECK_ERRNO(copy_file_range(in, NULL, dir, NULL, 1, 0), EISDIR);
	CHECK_ERRNO(copy_file_range(in, NULL, ends[0], NULL, 1, 0), EINVAL);
	CHECK_ERRNO(copy_file_range(ends[1], NULL, in, NULL, 1, 0), EINVAL);
	CHECK_ERRNO(copy_file_range(in, NULL, reader, NULL, 1, 0), EBADF);
	CHECK_ERRNO(copy_file_range(in, NULL, -1, NULL, 1, 0), EBADF);
	close(ends[0]);
	close(ends[1]);
	close(reader);
	close(dir);
	close(in);
}

int main(void)
{
	int fd;

	test_begin();
	put_file("in", "0123456789");
	fd = open("in", O_RDONLY);
	if (copy_file_range(fd, NULL, open("probe", O_RDWR | O_CREAT, 0600), NULL, 1, 0) < 0 &&
		(errno == ENOSYS || errno == EOPNOTSUPP)) {
		test_skip("copy_file_range", "not here");
		test_order_of_errors();
		return test_done();
	}
	close(fd);
	test_offsets();
	test_same_file();
	test_large();
	test_errors();
	return test_done();
}
