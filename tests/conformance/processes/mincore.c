/* covers: mincore mmap munmap mlock munlock mlock2 mlockall munlockall prlimit64 */
/* mincore(2), mlock(2): which pages are in memory, and keeping them there. */
#include "tests/conformance/processes/process_test.h"

#include <sys/resource.h>

enum { RW = PROT_READ | PROT_WRITE };

static void residence(void)
{
	unsigned char vec[8];
	char *p = memory_new(8 * PAGE, RW);

	madvise(p, 8 * PAGE, MADV_NOHUGEPAGE);
	CHECK_OK(mincore(p, 8 * PAGE, vec));
	p[3 * PAGE] = 1;
	CHECK_OK(mincore(p, 8 * PAGE, vec));
	CHECK_EQ(vec[3] & 1, 1);
	CHECK_EQ(vec[7] & 1, 0);
	madvise(p + 3 * PAGE, PAGE, MADV_DONTNEED);
	CHECK_OK(mincore(p, 8 * PAGE, vec));
	CHECK_EQ(vec[3] & 1, 0);
	vec[1] = 0xee;
	CHECK_OK(mincore(p, 1, vec)); /* one page, one byte */
	CHECK_EQ(vec[1], 0xee);
	CHECK_ERRNO(mincore(p + 1, PAGE, vec), EINVAL);
	CHECK_ERRNO(mincore(p, 8 * PAGE, bad_address()), EFAULT);
	munmap(p + 4 * PAGE, PAGE);
	CHECK_ERRNO(mincore(p, 8 * PAGE, vec), ENOMEM);
	CHECK_OK(mincore(p, 0, vec));
	munmap(p, 8 * PAGE);
}

static void locking(void)
{
	unsigned char vec[4];
	char *p = memory_new(4 * PAGE, RW);
	int wrong = 0;

	CHECK_OK(mlock(p, 4 * PAGE));
	CHECK_OK(mincore(p, 4 * PAGE, vec));
	for (int i = 0; i < 4; i++)
		wrong += !(vec[i] & 1);
	CHECK_EQ(wrong, 0);
	CHECK_OK(mlock(p + 100, 1)); /* rounded to pages */
	CHECK_OK(munlock(p + 100, 2 * PAGE));
	CHECK_OK(munlock(p, 4 * PAGE));
	CHECK_OK(munlock(p, 4 * PAGE));
	CHECK_OK(syscall(SYS_mlock2, p, 4 * PAGE, 0));
	CHECK_OK(syscall(SYS_mlock2, p, 4 * PAGE, 1)); /* MLOCK_ONFAULT */
	CHECK_ERRNO(syscall(SYS_mlock2, p, 4 * PAGE, 2), EINVAL);
	munmap(p + PAGE, PAGE);
	CHECK_ERRNO(mlock(p, 4 * PAGE), ENOMEM);
	CHECK_ERRNO(munlock(p, 4 * PAGE), ENOMEM);
	CHECK_ERRNO(mlock((void *)(SIZE_MAX - PAGE + 1), 2 * PAGE), EINVAL);
	munmap(p, 4 * PAGE);
}

static void child_has_a_limit(void)
{
	struct rlimit limit = {4 * PAGE, 4 * PAGE};
	char *p = memory_new(8 * PAGE, RW);

	REQUIRE(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
	REQUIRE(mlock(p, 4 * PAGE) == 0);
	if (geteuid() == 0)
		return;
	REQUIRE(mlock(p, 8 * PAGE) == -1 && errno == ENOMEM);
	limit.rlim_cur = 0;
	REQUIRE(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
	REQUIRE(mlock(p, PAGE) == -1 && errno == EPERM);
}

static void child_locks_all(void)
{
	REQUIRE(mlockall(0) == -1 && errno == EINVAL);
	REQUIRE(mlockall(8) == -1 && errno == EINVAL);
	if (mlockall(MCL_CURRENT | MCL_FUTURE) == 0) {
		unsigned char vec;
		char *p = memory_new(PAGE, RW);

		REQUIRE(mincore(p, PAGE, &vec) == 0 && vec & 1);
	} else {
		REQUIRE(errno == ENOMEM || errno == EPERM);
	}
	REQUIRE(munlockall() == 0);
}

int main(void)
{
	test_start();
	residence();
	locking();
	CHECK_CHILD(child_has_a_limit);
	CHECK_CHILD(child_locks_all);
	return test_done();
}
