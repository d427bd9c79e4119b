/* covers: read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 */
/* Reading and writing regular files: offsets, short counts, vectors, flags, errors. */
#include <sys/mman.h>
#include <sys/uio.h>

#include "tests/conformance/files/conformance.h"

static void test_offsets(void)
{
	char buf[16] = "";
	int fd = open("f", O_RDWR | O_CREAT, 0600);

	REQUIRE(fd >= 0);
	CHECK_EQ(write(fd, "0123456789", 10), 10);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10);
	CHECK_EQ(read(fd, buf, 4), 0);
	CHECK_EQ(lseek(fd, 4, SEEK_SET), 4);
	CHECK_EQ(read(fd, buf, 16), 6);
	CHECK(!memcmp(buf, "456789", 6));
	CHECK_EQ(read(fd, buf, 16), 0);
	CHECK_EQ(read(fd, buf, 0), 0);
	CHECK_EQ(write(fd, buf, 0), 0);
	CHECK_EQ(size_of(fd), 10);
	close(fd);
}

static void test_hole(void)
{
	char buf[20];
	int fd = open("hole", O_RDWR | O_CREAT, 0600);

	CHECK_EQ(pwrite(fd, "z", 1, 10000), 1);
	CHECK_EQ(size_of(fd), 10001);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	memset(buf, 'x', sizeof(buf));
	CHECK_EQ(pread(fd, buf, sizeof(buf), 9990), 11);
	CHECK(buf[0] == 0 && buf[9] == 0 && buf[10] == 'z' && buf[11] == 'x');
	close(fd);
}

static void test_positioned(void)
{
	char buf[8];
	int fd = open("f", O_RDWR);

	CHECK_EQ(pread(fd, buf, 3, 5), 3);
	CHECK(!memcmp(buf, "567", 3));
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	CHECK_EQ(pwrite(fd, "AB", 2, 2), 2);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	CHECK(file_is("f", "01AB456789"));
	CHECK_EQ(pread(fd, buf, 3, 10), 0);
	CHECK_EQ(pread(fd, buf, 3, 1 << 30), 0);
	CHECK_ERRNO(pread(fd, buf, 3, -1), EINVAL);
	CHECK_ERRNO(pwrite(fd, buf, 3, -1), EINVAL);
	close(fd);
	/* pwrite(2), BUGS: with O_APPEND, Linux appends whatever the offset. */
	fd = open("f", O_RDWR | O_APPEND);
	CHECK_EQ(pwrite(fd, "!", 1, 0), 1);
	CHECK(file_is("f", "01AB456789!"));
	close(fd);
}

static void test_vectors(void)
{
	char a[3], b[5], c[8];
	struct iovec out[] = {{(void *)"ab", 2}, {NULL, 0}, {(void *)"cdefg", 5}};
	struct iovec in[] = {{a, 3}, {b, 0}, {b, 2}, {c, 8}};
	int fd = open("v", O_RDWR | O_CREAT, 0600);

	CHECK_EQ(writev(fd, out, 3), 7);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(readv(fd, in, 4), 7);
	CHECK(!memcmp(a, "abc", 3) && !memcmp(b, "de", 2) && !memcmp(c, "fg", 2));
	CHECK_EQ(readv(fd, in, 4), 0);
	CHECK_EQ(readv(fd, in, 0), 0);
	CHECK_EQ(writev(fd, out, 0), 0);
	CHECK_ERRNO(syscall(SYS_readv, fd, in, -1), EINVAL);
	CHECK_ERRNO(syscall(SYS_writev, fd, out, IOV_MAX + 1), EINVAL);
	in[0].iov_len = (size_t)-1;
	CHECK_ERRNO(readv(fd, in, 1), EINVAL);
	CHECK_ERRNO(syscall(SYS_readv, fd, BAD_POINTER, 1), EFAULT);
	close(fd);
}

static void test_positioned_vectors(void)
{
	char a[2], b[2];
	struct iovec in[] = {{a, 2}, {b, 2}}, out[] = {{(void *)"XY", 2}, {(void *)"Z", 1}};
	int fd = open("v", O_RDWR);

	CHECK_EQ(preadv(fd, in, 2, 1), 4);
	CHECK(!memcmp(a, "bc", 2) && !memcmp(b, "de", 2));
	CHECK_EQ(pwritev(fd, out, 2, 4), 3);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	CHECK(file_is("v", "abcdXYZ"));
	CHECK_ERRNO(preadv(fd, in, 2, -2), EINVAL);
	CHECK_ERRNO(pwritev(fd, out, 2, -2), EINVAL);
	close(fd);
}

static void test_version_two(void)
{
	char a[2], b[2];
	struct iovec in[] = {{a, 2}, {b, 2}}, out[] = {{(void *)"12", 2}};
	int fd = open("v", O_RDWR);

	CHECK_EQ(preadv2(fd, in, 2, -1, 0), 4);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4);
	CHECK_EQ(preadv2(fd, in, 1, 0, RWF_HIPRI), 2);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4);
	CHECK_EQ(pwritev2(fd, out, 1, -1, RWF_DSYNC), 2);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 6);
	CHECK(file_is("v", "abcd12Z"));
	CHECK_EQ(pwritev2(fd, out, 1, 0, RWF_APPEND), 2);
	CHECK(file_is("v", "abcd12Z12"));
	CHECK_EQ(pwritev2(fd, out, 1, 0, RWF_SYNC), 2);
	CHECK(file_is("v", "12cd12Z12"));
	CHECK_ERRNO(preadv2(fd, in, 1, 0, 1 << 30), EOPNOTSUPP);
	CHECK_ERRNO(pwritev2(fd, out, 1, 0, 1 << 30), EOPNOTSUPP);
	close(fd);
}

/* Offsets are 64 bits wide. */
static void test_far(void)
{
	const off_t far = (1LL << 33) + 5;
	char c = 'x';
	int fd = open("far", O_RDWR | O_CREAT, 0600);

	CHECK_EQ(pwrite(fd, "end", 3, far), 3);
	CHECK_EQ(size_of(fd), far + 3);
	CHECK_EQ(pread(fd, &c, 1, far - 1), 1);
	CHECK_EQ(c, 0);
	CHECK_EQ(lseek(fd, -1, SEEK_END), far + 2);
	CHECK_EQ(read(fd, &c, 1), 1);
	CHECK_EQ(c, 'd');
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), far + 3);
	CHECK_EQ(pwrite(fd, "x", 1, LLONG_MAX), -1);
	CHECK(errno == EFBIG || errno == EINVAL);
	close(fd);
}

/* A fault in the middle of a write ends it short; what was there is in the file. */
static void test_partial_fault(void)
{
	char *two = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec v[2] = {{(void *)"abc", 3}, {BAD_POINTER, 5}};
	int fd = open("partial", O_RDWR | O_CREAT, 0600);
	ssize_t n;

	REQUIRE(two != MAP_FAILED && munmap(two + 4096, 4096) == 0);
	memset(two, 'q', 4096);
	n = write(fd, two + 4000, 200);
	CHECK(n == 96 || (n == -1 && errno == EFAULT));
	CHECK_EQ(size_of(fd), n < 0 ? 0 : n);
	CHECK_OK(ftruncate(fd, 0));
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	n = syscall(SYS_writev, fd, v, 2);
	CHECK(n == 3 || (n == -1 && errno == EFAULT));
	CHECK_EQ(size_of(fd), n < 0 ? 0 : 3);
	CHECK_OK(munmap(two, 4096));
	close(fd);
}

static void test_errors(void)
{
	char buf[8];
	int fd = open("f", O_RDWR), dir = open(".", O_RDONLY), null = open("/dev/null", O_RDWR);

	CHECK_ERRNO(read(-1, buf, 1), EBADF);
	CHECK_ERRNO(write(-1, buf, 1), EBADF);
	CHECK_ERRNO(read(987654, buf, 1), EBADF);
	CHECK_ERRNO(pread(-1, buf, 1, 0), EBADF);
	CHECK_ERRNO(read(dir, buf, 1), EISDIR);
	CHECK_ERRNO(pread(dir, buf, 1, 0), EISDIR);
	CHECK_ERRNO(syscall(SYS_read, fd, BAD_POINTER, 1), EFAULT);
	CHECK_ERRNO(syscall(SYS_write, fd, BAD_POINTER, 1), EFAULT);
	CHECK_ERRNO(syscall(SYS_pwrite64, fd, BAD_POINTER, 1, 0), EFAULT);
	CHECK_ERRNO(syscall(SYS_read, fd, (void *)-4096L, 1), EFAULT);
	CHECK_EQ(syscall(SYS_write, null, BAD_POINTER, 1), 1);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	close(fd);
	close(dir);
	close(null);
}

static void test_pipes_do_not_seek(void)
{
	char buf[8];
	struct iovec v = {buf, 1};
	int p[2];

	CHECK_OK(pipe(p));
	CHECK_ERRNO(pread(p[0], buf, 1, 0), ESPIPE);
	CHECK_ERRNO(pwrite(p[1], buf, 1, 0), ESPIPE);
	CHECK_ERRNO(preadv(p[0], &v, 1, 0), ESPIPE);
	CHECK_ERRNO(pwrite(p[0], buf, 1, 0), ESPIPE); /* before EBADF */
	CHECK_ERRNO(pread(p[1], buf, 1, 0), ESPIPE);
	CHECK_ERRNO(lseek(p[0], 0, SEEK_CUR), ESPIPE);
	CHECK_EQ(pwritev2(p[1], &v, 1, -1, 0), 1);
	CHECK_EQ(preadv2(p[0], &v, 1, -1, RWF_NOWAIT), 1);
	CHECK_ERRNO(preadv2(p[0], &v, 1, -1, RWF_NOWAIT), EAGAIN);
	close(p[0]);
	close(p[1]);
}

static void test_shared_offset(void)
{
	char c = 0;
	int fd = open("f", O_RDONLY), other = open("f", O_RDONLY);

	FORKED("a child shares the parent's offset")
	{
		CHECK_EQ(lseek(fd, 3, SEEK_SET), 3);
	}
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 3);
	CHECK_EQ(read(dup(fd), &c, 1), 1);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4);
	CHECK_EQ(lseek(other, 0, SEEK_CUR), 0);
	close(fd);
	close(other);
}

int main(void)
{
	test_begin();
	test_offsets();
	test_hole();
	test_positioned();
	test_vectors();
	test_positioned_vectors();
	test_version_two();
	test_far();
	test_partial_fault();
	test_errors();
	test_pipes_do_not_seek();
	test_shared_offset();
	return test_done();
}
