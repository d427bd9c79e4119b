/* covers: memfd_create fcntl */
/* memfd_create(2) and file seals. */
#include <sys/mman.h>
#include <linux/falloc.h>

#include "tests/conformance/files/conformance.h"

static int sealable(size_t size)
{
	int fd = memfd_create("m", MFD_ALLOW_SEALING);

	REQUIRE(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
	return fd;
}

static void test_file(void)
{
	char buf[8], path[64], link[64];
	struct stat st;
	int fd = memfd_create("some name", MFD_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	CHECK_OK(fstat(fd, &st));
	CHECK(S_ISREG(st.st_mode));
	CHECK_EQ(st.st_size, 0);
	CHECK_EQ(st.st_nlink, 0);
	CHECK_EQ(write(fd, "hello", 5), 5);
	CHECK_EQ(pread(fd, buf, 8, 0), 5);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	link[readlink(path, link, sizeof(link) - 1)] = 0;
	CHECK_STR(link, "/memfd:some name (deleted)");
	CHECK_OK(open(path, O_RDONLY));
	close(fd);
}

static void test_names(void)
{
	char name[300];
	int a = memfd_create("same", 0), b = memfd_create("same", 0);

	CHECK(a >= 0 && b >= 0 && a != b);
	memset(name, 'n', sizeof(name));
	name[249] = 0;
	CHECK_OK(memfd_create(name, 0));
	name[249] = 'n';
	name[250] = 0;
	CHECK_ERRNO(memfd_create(name, 0), EINVAL);
	CHECK_OK(memfd_create("", 0));
	CHECK_ERRNO(syscall(SYS_memfd_create, BAD_POINTER, 0), EFAULT);
	CHECK_ERRNO(memfd_create("x", 0x01000000), EINVAL);
	close(a);
	close(b);
}

static void test_unsealable(void)
{
	int fd = memfd_create("m", 0);

	CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
	CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
	close(fd);
}

static void test_size_seals(void)
{
	int fd = sealable(100);

	CHECK_EQ(fcntl(fd, F_GET_SEALS), 0);
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	CHECK_ERRNO(ftruncate(fd, 50), EPERM);
	CHECK_OK(ftruncate(fd, 200));
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW);
	CHECK_ERRNO(ftruncate(fd, 201), EPERM);
	CHECK_OK(ftruncate(fd, 200));
	CHECK_EQ(pwrite(fd, "x", 1, 199), 1);
	CHECK_ERRNO(pwrite(fd, "x", 1, 4096), EPERM);
	close(fd);
}

static void test_write_seal(void)
{
	int fd = sealable(4096);
	char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	REQUIRE(map != MAP_FAILED);
	CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	CHECK_OK(munmap(map, 4096));
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	CHECK_ERRNO(pwrite(fd, "x", 1, 0), EPERM);
	CHECK_ERRNO(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), EPERM);
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	CHECK_EQ(errno, EPERM);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(map != MAP_FAILED);
	map[0] = 'p';
	CHECK_OK(munmap(map, 4096));
	close(fd);
}

static void test_future_write_seal(void)
{
	int fd = sealable(4096);
	char c, *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	map[0] = 'm';
	CHECK_EQ(pread(fd, &c, 1, 0), 1);
	CHECK_EQ(c, 'm');
	CHECK_ERRNO(pwrite(fd, "x", 1, 0), EPERM);
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	CHECK_OK(munmap(map, 4096));
	close(fd);
}

static void test_seal_seal(void)
{
	char path[64];
	int fd = sealable(10), ro;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY);
	CHECK_ERRNO(fcntl(ro, F_ADD_SEALS, F_SEAL_GROW), EPERM);
	CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, 0x4000), EINVAL);
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
	CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
	CHECK_EQ(fcntl(ro, F_GET_SEALS), F_SEAL_SEAL);
	close(fd);
	close(ro);
}

static void test_shared_with_child(void)
{
	int fd = sealable(4096);
	char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	FORKED("a child writes into the shared mapping")
	{
		strcpy(map, "from the child");
	}
	CHECK_STR(map, "from the child");
	CHECK_OK(munmap(map, 4096));
	close(fd);
}

static void test_huge_pages(void)
{
	/* 32 KiB (MFD_HUGE_SHIFT is 26): no x86 processor has such pages. */
	CHECK_ERRNO(memfd_create("huge", MFD_HUGETLB | 15U << 26), ENODEV);
	CHECK_ERRNO(memfd_create("huge", 15U << 26), EINVAL);
}

int main(void)
{
	test_begin();
	test_file();
	test_names();
	test_unsealable();
	test_size_seals();
	test_write_seal();
	test_future_write_seal();
	test_seal_seal();
	test_shared_with_child();
	test_huge_pages();
	return test_done();
}
