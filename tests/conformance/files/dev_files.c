/* covers: openat read write mmap */
/* /dev as every program expects it, and the processor list of /sys. */
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "tests/conformance/files/conformance.h"

static void check_device(const char *path, unsigned minor)
{
	struct stat st;

	CHECK_OK(stat(path, &st));
	CHECK(S_ISCHR(st.st_mode));
	CHECK_EQ(st.st_rdev, makedev(1, minor));
	CHECK_EQ(st.st_mode & 0666, 0666);
}

static void test_numbers(void)
{
	struct stat st;

	check_device("/dev/null", 3);
	check_device("/dev/zero", 5);
	check_device("/dev/full", 7);
	check_device("/dev/random", 8);
	check_device("/dev/urandom", 9);
	CHECK_OK(stat("/dev/tty", &st));
	CHECK_EQ(st.st_rdev, makedev(5, 0));
}

static void test_null(void)
{
	char buf[8];
	int fd = open("/dev/null", O_RDWR);

	CHECK_EQ(read(fd, buf, sizeof(buf)), 0);
	CHECK_EQ(write(fd, "abc", 3), 3);
	CHECK_EQ(pwrite(fd, "abc", 3, 1000), 3);
	CHECK_OK(lseek(fd, 100, SEEK_SET));
	CHECK_ERRNO(ftruncate(fd, 0), EINVAL);
	close(fd);
	fd = open("/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	CHECK(fd >= 0);
	close(fd);
}

static bool all_zero(const char *buf, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (buf[i])
			return false;
	return true;
}

static void test_zero(void)
{
	static char buf[100000];
	int fd = open("/dev/zero", O_RDWR);
	char *p;

	memset(buf, 'x', sizeof(buf));
	CHECK_EQ(read(fd, buf, sizeof(buf)), sizeof(buf));
	CHECK(all_zero(buf, sizeof(buf)));
	CHECK_EQ(write(fd, "abc", 3), 3);
	CHECK_ERRNO(syscall(SYS_read, fd, BAD_POINTER, 8), EFAULT);
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	REQUIRE(p != MAP_FAILED);
	CHECK(all_zero(p, 8192));
	p[0] = 1;
	CHECK_OK(munmap(p, 8192));
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	REQUIRE(p != MAP_FAILED);
	FORKED("a shared mapping of /dev/zero is shared memory")
	{
		p[7] = 'c';
	}
	CHECK_EQ(p[7], 'c');
	CHECK_OK(munmap(p, 4096));
	close(fd);
	fd = open("/dev/zero", O_RDONLY);
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	REQUIRE(p != MAP_FAILED);
	CHECK_ERRNO(mprotect(p, 4096, PROT_READ | PROT_WRITE), EACCES);
	CHECK_OK(munmap(p, 4096));
	close(fd);
}

static void test_full(void)
{
	char buf[16] = "xxxxxxxxxxxxxxx";
	int fd = open("/dev/full", O_RDWR);

	CHECK_EQ(read(fd, buf, sizeof(buf)), sizeof(buf));
	CHECK(all_zero(buf, sizeof(buf)));
	CHECK_ERRNO(write(fd, "x", 1), ENOSPC);
	close(fd);
}

static void test_random(const char *path)
{
	unsigned char a[4096] = {0}, b[4096] = {0};
	int seen[256] = {0}, kinds = 0, fd = open(path, O_RDWR);

	CHECK_EQ(read(fd, a, 256), 256);
	CHECK_EQ(read(fd, b, 256), 256);
	CHECK(memcmp(a, b, 256) != 0);
	CHECK_EQ(read(fd, a, sizeof(a)), sizeof(a));
	for (size_t i = 0; i < sizeof(a); i++)
		kinds += seen[a[i]]++ == 0;
	/* 4096 draws of 256 values miss a given value with probability 1e-7. */
	CHECK(kinds > 240);
	CHECK_EQ(write(fd, "seed", 4), 4);
	FORKED("a child draws other bytes")
	{
		CHECK_EQ(read(fd, a, 32), 32);
		CHECK(put_file("drawn", ""));
		int out = open("drawn", O_WRONLY);
		CHECK_EQ(write(out, a, 32), 32);
	}
	CHECK_EQ(read(fd, b, 32), 32);
	CHECK_EQ(get_file("drawn", (char *)a, 64), 32);
	CHECK(memcmp(a, b, 32) != 0);
	close(fd);
}

static void test_shm(void)
{
	struct stat st, dev;
	char path[64];

	CHECK_OK(stat("/dev/shm", &st));
	CHECK(S_ISDIR(st.st_mode));
	if (stat("/dev", &dev) == 0 && dev.st_dev == st.st_dev)
		test_skip("who may write to /dev/shm", "nothing is mounted there");
	else
		CHECK_EQ(st.st_mode & 07777, 01777);
	snprintf(path, sizeof(path), "/dev/shm/test.%d", (int)getpid());
	CHECK(put_file(path, "shared"));
	CHECK(file_is(path, "shared"));
	CHECK_OK(unlink(path));
	snprintf(path, sizeof(path), "/posix.%d", (int)getpid());
	int fd = shm_open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	CHECK(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_ERRNO(shm_open(path, O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	CHECK_OK(ftruncate(fd, 4096));
	CHECK_OK(shm_unlink(path));
	CHECK_ERRNO(shm_open(path, O_RDWR, 0), ENOENT);
	close(fd);
}

static void test_fd_links(void)
{
	char buf[64], c = 0;
	int p[2];

	CHECK(same_file("/dev/fd", "/proc/self/fd"));
	buf[readlink("/dev/stdin", buf, sizeof(buf) - 1)] = 0;
	CHECK_STR(buf, "/proc/self/fd/0");
	buf[readlink("/dev/stdout", buf, sizeof(buf) - 1)] = 0;
	CHECK_STR(buf, "/proc/self/fd/1");
	buf[readlink("/dev/stderr", buf, sizeof(buf) - 1)] = 0;
	CHECK_STR(buf, "/proc/self/fd/2");
	FORKED("/dev/stdin is whatever descriptor 0 is")
	{
		CHECK_OK(pipe(p));
		CHECK_EQ(dup2(p[0], 0), 0);
		CHECK_EQ(write(p[1], "y", 1), 1);
		int in = open("/dev/stdin", O_RDONLY);
		CHECK_EQ(read(in, &c, 1), 1);
		CHECK_EQ(c, 'y');
		snprintf(buf, sizeof(buf), "/dev/fd/%d", p[1]);
		CHECK_OK(open(buf, O_WRONLY));
	}
}

static void test_no_terminal(void)
{
	FORKED("a session without a terminal has no /dev/tty")
	{
		CHECK_OK(setsid());
		CHECK_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
	}
}

/* A list like "0-3,5": the number of processors in it, or -1. */
static int processors_in(const char *path)
{
	char text[256], *at = text;
	int count = 0;

	if (get_file(path, text, sizeof(text)) <= 0)
		return -1;
	for (;;) {
		long a = strtol(at, &at, 10), b = *at == '-' ? strtol(at + 1, &at, 10) : a;

		if (b < a)
			return -1;
		count += (int)(b - a + 1);
		if (*at != ',')
			return *at == '\n' ? count : -1;
		at++;
	}
}

static void test_processors(void)
{
	int online = processors_in("/sys/devices/system/cpu/online");
	int possible = processors_in("/sys/devices/system/cpu/possible");

	if (!exists("/sys/devices")) {
		test_skip("processors", "/sys is not mounted");
		return;
	}
	CHECK(online >= 1);
	CHECK(possible >= online);
	CHECK_EQ(online, sysconf(_SC_NPROCESSORS_ONLN));
	CHECK(exists("/sys/devices/system/cpu/cpu0"));
}

int main(void)
{
	test_begin();
	test_numbers();
	test_null();
	test_zero();
	test_full();
	test_random("/dev/urandom");
	test_random("/dev/random");
	test_shm();
	test_fd_links();
	test_no_terminal();
	test_processors();
	return test_done();
}
