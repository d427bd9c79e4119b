/* covers: mmap munmap msync mprotect */
/* Mapped files: sharing, privacy, the end of the file, life time, protection. */
#include <setjmp.h>
#include <sys/mman.h>

#include "tests/conformance/files/conformance.h"

enum { PAGE = 4096 };

static int file_of(const char *name, size_t size, int fill)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	static char block[4 * PAGE];

	memset(block, fill, sizeof(block));
	REQUIRE(fd >= 0 && size <= sizeof(block) && write(fd, block, size) == (ssize_t)size);
	return fd;
}

static char *map(int fd, size_t size, int prot, int flags)
{
	char *p = mmap(NULL, size, prot, flags, fd, 0);

	REQUIRE(p != MAP_FAILED);
	return p;
}

static void test_shared_is_coherent(void)
{
	char c;
	int fd = file_of("shared", PAGE, 'a');
	char *p = map(fd, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	char *q = map(fd, PAGE, PROT_READ, MAP_SHARED);

	CHECK_EQ(p[0], 'a');
	CHECK_EQ(pwrite(fd, "w", 1, 10), 1);
	CHECK_EQ(p[10], 'w');
	p[20] = 'm';
	CHECK_EQ(pread(fd, &c, 1, 20), 1);
	CHECK_EQ(c, 'm');
	CHECK_EQ(q[20], 'm');
	FORKED("a child sees and changes the same page")
	{
		CHECK_EQ(p[20], 'm');
		p[30] = 'c';
	}
	CHECK_EQ(q[30], 'c');
	CHECK_OK(munmap(p, PAGE));
	CHECK_OK(munmap(q, PAGE));
	CHECK_EQ(pread(fd, &c, 1, 30), 1);
	CHECK_EQ(c, 'c');
	close(fd);
}

static void test_private(void)
{
	char c;
	int fd = file_of("private", PAGE, 'a');
	char *p = map(fd, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);

	p[0] = 'p';
	CHECK_EQ(pread(fd, &c, 1, 0), 1);
	CHECK_EQ(c, 'a');
	CHECK_EQ(pwrite(fd, "w", 1, 0), 1);
	CHECK_EQ(p[0], 'p');
	FORKED("a child's change is its own")
	{
		CHECK_EQ(p[0], 'p');
		p[0] = 'x';
	}
	CHECK_EQ(p[0], 'p');
	CHECK_OK(munmap(p, PAGE));
	close(fd);
}

static sigjmp_buf escape;
static siginfo_t fault;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	fault = *info;
	siglongjmp(escape, 1);
}

/* The signal that touching the byte raises, or 0. */
static int touch(volatile char *at, bool write_it)
{
	struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	fault.si_signo = 0;
	if (!sigsetjmp(escape, 1)) {
		if (write_it)
			*at = 1;
		else
			(void)*at;
	}
	return fault.si_signo;
}

static void test_beyond_the_end(void)
{
	int fd = file_of("short", PAGE + 100, 'a');
	char *p = map(fd, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);

	CHECK_EQ(p[PAGE + 99], 'a');
	CHECK_EQ(p[PAGE + 100], 0);
	CHECK_EQ(touch(p + 2 * PAGE - 1, false), 0);
	CHECK_EQ(touch(p + 2 * PAGE + 5, false), SIGBUS);
	CHECK_EQ(fault.si_code, BUS_ADRERR);
	CHECK(fault.si_addr == p + 2 * PAGE + 5);
	p[PAGE + 100] = 'z';
	CHECK_EQ(size_of(fd), PAGE + 100);
	CHECK_OK(ftruncate(fd, 3 * PAGE));
	CHECK_EQ(touch(p + 2 * PAGE + 5, false), 0);
	CHECK_EQ(p[2 * PAGE + 5], 0);
	CHECK_OK(ftruncate(fd, 10));
	CHECK_EQ(touch(p + PAGE, true), SIGBUS);
	CHECK_EQ(p[9], 'a');
	CHECK_EQ(p[10], 0);
	CHECK_OK(munmap(p, 3 * PAGE));
	close(fd);
}

/* Truncation takes private copies away too. */
static void test_truncated_private(void)
{
	int fd = file_of("cut", 2 * PAGE, 'a');
	char *p = map(fd, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);

	p[PAGE] = 'p';
	CHECK_OK(ftruncate(fd, PAGE));
	CHECK_EQ(touch(p + PAGE, false), SIGBUS);
	CHECK_OK(munmap(p, 2 * PAGE));
	close(fd);
}

static void test_outlives_the_name(void)
{
	int fd = file_of("brief", PAGE, 'a'), again;
	char *p = map(fd, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);

	close(fd);
	CHECK_OK(unlink("brief"));
	CHECK_EQ(p[5], 'a');
	p[5] = 'b';
	again = file_of("brief", PAGE, 'n');
	CHECK_EQ(p[5], 'b');
	CHECK_EQ(p[6], 'a');
	close(again);
	CHECK_OK(munmap(p, PAGE));
}

static void *try_map(int fd, int prot, int flags)
{
	return mmap(NULL, PAGE, prot, flags, fd, 0);
}

static void test_access(void)
{
	close(file_of("mode", PAGE, 'a'));
	int ro = open("mode", O_RDONLY), wo = open("mode", O_WRONLY), path = open("mode", O_PATH);
	char *p;

	CHECK_ERRNO(try_map(ro, PROT_READ | PROT_WRITE, MAP_SHARED), EACCES);
	CHECK_ERRNO(try_map(wo, PROT_READ, MAP_SHARED), EACCES);
	CHECK_ERRNO(try_map(wo, PROT_WRITE, MAP_PRIVATE), EACCES);
	CHECK_ERRNO(try_map(path, PROT_READ, MAP_PRIVATE), EBADF);
	p = map(ro, PAGE, PROT_READ, MAP_SHARED);
	CHECK_ERRNO(mprotect(p, PAGE, PROT_READ | PROT_WRITE), EACCES);
	CHECK_EQ(touch(p, true), SIGSEGV);
	CHECK_EQ(fault.si_code, SEGV_ACCERR);
	CHECK_OK(munmap(p, PAGE));
	CHECK_EQ(touch(p, false), SIGSEGV);
	CHECK_EQ(fault.si_code, SEGV_MAPERR);
	p = map(ro, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	p[0] = 'x';
	CHECK_OK(munmap(p, PAGE));
	close(ro);
	close(wo);
	close(path);
}

static void test_errors(void)
{
	int fd = open("mode", O_RDWR), dir = open(".", O_RDONLY), p[2];

	CHECK_OK(pipe(p));
	CHECK_ERRNO(try_map(-1, PROT_READ, MAP_SHARED), EBADF);
	CHECK_ERRNO(try_map(dir, PROT_READ, MAP_SHARED), ENODEV);
	CHECK_ERRNO(try_map(p[0], PROT_READ, MAP_PRIVATE), ENODEV);
	CHECK_ERRNO(mmap(NULL, 0, PROT_READ, MAP_SHARED, fd, 0), EINVAL);
	CHECK_ERRNO(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 100), EINVAL);
	CHECK_ERRNO(try_map(fd, PROT_READ, 0), EINVAL);
	CHECK_ERRNO(try_map(fd, PROT_READ, MAP_SHARED_VALIDATE | 0x200000), EOPNOTSUPP);
	close(fd);
	close(dir);
	close(p[0]);
	close(p[1]);
}

static void test_offset(void)
{
	int fd = file_of("offset", 3 * PAGE, 'a');
	char *p;

	CHECK_EQ(pwrite(fd, "B", 1, PAGE), 1);
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, PAGE);
	CHECK_EQ(p[0], 'B');
	CHECK_EQ(p[1], 'a');
	CHECK_OK(munmap(p, PAGE));
	close(fd);
}

static void test_msync(void)
{
	int fd = file_of("sync", 2 * PAGE, 'a');
	char *p = map(fd, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);

	p[0] = 's';
	CHECK_OK(msync(p, 2 * PAGE, MS_SYNC));
	CHECK_OK(msync(p, PAGE, MS_ASYNC));
	CHECK_OK(msync(p, PAGE, MS_SYNC | MS_INVALIDATE));
	CHECK_ERRNO(msync(p, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
	CHECK_ERRNO(msync(p, PAGE, 0x100), EINVAL);
	CHECK_ERRNO(msync(p + 1, PAGE, MS_SYNC), EINVAL);
	CHECK_OK(munmap(p + PAGE, PAGE));
	CHECK_ERRNO(msync(p, 2 * PAGE, MS_SYNC), ENOMEM);
	CHECK_OK(munmap(p, PAGE));
	close(fd);
}

/* read(2) and write(2) may use a mapping of the file they work on. */
static void test_copy_onto_itself(void)
{
	int fd = file_of("self", 2 * PAGE, 'a');
	char *p = map(fd, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);

	memset(p, 'q', 10);
	CHECK_EQ(pwrite(fd, p, 10, PAGE), 10);
	CHECK_EQ(p[PAGE + 9], 'q');
	CHECK_EQ(pread(fd, p + 20, 10, 0), 10);
	CHECK_EQ(p[29], 'q');
	CHECK_OK(munmap(p, 2 * PAGE));
	close(fd);
}

int main(void)
{
	test_begin();
	test_shared_is_coherent();
	test_private();
	test_beyond_the_end();
	test_truncated_private();
	test_outlives_the_name();
	test_access();
	test_errors();
	test_offset();
	test_msync();
	test_copy_onto_itself();
	return test_done();
}
