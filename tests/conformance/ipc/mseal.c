/* covers: mseal */
/* mseal(2): memory whose mapping nobody changes any more. */
#include <sys/mman.h>

#include "tests/conformance/files/conformance.h"

#ifndef SYS_mseal
#define SYS_mseal 462
#endif
#define PAGE 4096UL

static long seal(void *at, size_t size, unsigned long flags)
{
	return syscall(SYS_mseal, at, size, flags);
}

static char *map(size_t pages, int protection)
{
	char *at = mmap(NULL, pages * PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	REQUIRE(at != MAP_FAILED);
	return at;
}

static void test_arguments(void)
{
	char *at = map(3, PROT_READ | PROT_WRITE);

	CHECK_ERRNO(seal(at, PAGE, 1), EINVAL);
	CHECK_ERRNO(seal(at + 1, PAGE, 0), EINVAL);
	CHECK_ERRNO(seal(at, ~0UL, 0), EINVAL);
	CHECK_OK(seal(at, 0, 0));
	CHECK_OK(munmap(at + PAGE, PAGE));
	CHECK_ERRNO(seal(at, 3 * PAGE, 0), ENOMEM);
	CHECK_OK(munmap(at, PAGE));
	CHECK_OK(munmap(at + 2 * PAGE, PAGE));
}

static void test_changes(void)
{
	char *at = map(4, PROT_READ | PROT_WRITE), *other = map(4, PROT_READ);

	at[PAGE] = 'x';
	CHECK_OK(seal(at + PAGE, PAGE, 0));
	CHECK_OK(seal(at + PAGE, PAGE, 0));
	CHECK_ERRNO(munmap(at + PAGE, PAGE), EPERM);
	CHECK_ERRNO(munmap(at, 4 * PAGE), EPERM);
	CHECK_ERRNO(mprotect(at + PAGE, PAGE, PROT_READ), EPERM);
	CHECK_ERRNO(mprotect(at, 4 * PAGE, PROT_READ), EPERM);
	CHECK(mremap(at + PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EPERM);
	CHECK(mremap(at + PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, other) == MAP_FAILED &&
		errno == EPERM);
	CHECK(mremap(other, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at + PAGE) == MAP_FAILED &&
		errno == EPERM);
	CHECK(mmap(at + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
			MAP_FAILED &&
		errno == EPERM);
	CHECK_EQ(at[PAGE], 'x');
	at[PAGE] = 'y'; /* what it holds is another matter */
	CHECK_OK(madvise(at + PAGE, PAGE, MADV_DONTNEED));
	CHECK_EQ(at[PAGE], 0);
	CHECK_OK(mprotect(at, PAGE, PROT_READ)); /* the neighbours are not sealed */
	CHECK_OK(munmap(at + 2 * PAGE, 2 * PAGE));
}

static void test_read_only(void)
{
	char *at = map(1, PROT_READ | PROT_WRITE);

	*at = 'x';
	CHECK_OK(mprotect(at, PAGE, PROT_READ));
	CHECK_OK(seal(at, PAGE, 0));
	CHECK_ERRNO(madvise(at, PAGE, MADV_DONTNEED), EPERM);
	CHECK_OK(madvise(at, PAGE, MADV_NORMAL));
	CHECK_EQ(*at, 'x');
	FORKED("a copy is sealed too, and goes with its process")
	{
		CHECK_ERRNO(munmap(at, PAGE), EPERM);
	}
}

int main(void)
{
	test_begin();
	if (seal(NULL, 0, 0) && errno == ENOSYS) {
		test_skip("mseal", "the kernel is older than Linux 6.10");
		return test_done();
	}
	test_arguments();
	test_changes();
	test_read_only();
	return test_done();
}
