/* covers: ustat */
/* ustat(2): how much is free where a file is. */
#include <sys/sysmacros.h>

#include "tests/conformance/files/conformance.h"

struct free_space {
	int blocks;
	unsigned long inodes;
	char names[12];
};

int main(void)
{
	struct free_space space = {.names = "x"};
	struct stat st;

	test_begin();
	REQUIRE(!stat(".", &st));
	if (syscall(SYS_ustat, st.st_dev, &space) && (errno == ENOSYS || errno == EINVAL)) {
		/* EINVAL: a file system without a device that others could name. */
		test_skip("ustat", "not for this file system");
		return test_done();
	}
	CHECK(space.blocks >= 0);
	CHECK_EQ(space.names[0], 0);
	CHECK_ERRNO(syscall(SYS_ustat, makedev(254, 12345), &space), EINVAL);
	CHECK_ERRNO(syscall(SYS_ustat, st.st_dev, BAD_POINTER), EFAULT);
	return test_done();
}
