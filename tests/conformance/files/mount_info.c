/* covers: statmount listmount statx */
/* Mounts by numbers that are not used again. */
#include <linux/types.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "tests/conformance/files/conformance.h"

#ifndef SYS_statmount
#define SYS_statmount 457
#define SYS_listmount 458
#endif
#define STATX_MNT_ID_UNIQUE_ 0x4000U
#define ROOT UINT64_MAX
#define SB_BASIC 1
#define MNT_BASIC 2
#define MNT_POINT 16
#define FS_TYPE 32

struct request {
	uint32_t size, spare;
	uint64_t id, parameter;
};

/* What is looked at of it. */
struct status {
	uint32_t size, spare1;
	uint64_t mask;
	uint32_t major, minor;
	uint64_t magic;
	uint32_t flags, type;
	uint64_t id, parent_id;
	uint32_t old_id, old_parent_id;
	uint64_t rest[5];
	uint32_t root, point;
	uint64_t spare[50];
	char strings[4096];
};

static long status_of(uint64_t id, uint64_t mask, void *to, size_t size, unsigned int flags)
{
	struct request request = {.size = 24, .id = id, .parameter = mask};

	return syscall(SYS_statmount, &request, to, size, flags);
}

static long list_of(uint64_t id, uint64_t after, void *to, size_t count, unsigned int flags)
{
	struct request request = {.size = 24, .id = id, .parameter = after};

	return syscall(SYS_listmount, &request, to, count, flags);
}

static uint64_t id_of(const char *path, struct statx *stx)
{
	if (statx(AT_FDCWD, path, 0, STATX_MNT_ID_UNIQUE_, stx) ||
		!(stx->stx_mask & STATX_MNT_ID_UNIQUE_))
		return 0;
	return *(uint64_t *)((char *)stx + 144); /* stx_mnt_id */
}

static void test_status(void)
{
	static struct status status;
	struct statx stx;
	struct statfs fs;
	uint64_t id = id_of("/proc", &stx);

	CHECK(id > INT32_MAX);
	CHECK_OK(statfs("/proc", &fs));
	CHECK_OK(status_of(id, SB_BASIC, &status, 512, 0));
	CHECK(status.mask == SB_BASIC && status.size == 512);
	CHECK(status.major == stx.stx_dev_major && status.minor == stx.stx_dev_minor);
	CHECK_EQ(status.magic, fs.f_type);
	CHECK_OK(status_of(id, MNT_BASIC | MNT_POINT | FS_TYPE, &status, sizeof(status), 0));
	CHECK(status.id == id && status.parent_id == id_of("/", &stx));
	CHECK_STR(status.strings + status.type, "proc");
	CHECK_STR(status.strings + status.point, "/proc");
	CHECK_ERRNO(status_of(id, FS_TYPE, &status, 512, 0), EOVERFLOW);
	CHECK_ERRNO(status_of(id, SB_BASIC, &status, 512, 1), EINVAL);
	CHECK_ERRNO(status_of(id, SB_BASIC, BAD_POINTER, 512, 0), EFAULT);
	CHECK_ERRNO(status_of(ROOT, SB_BASIC, &status, 512, 0), ENOENT);
	CHECK_ERRNO(status_of(1, SB_BASIC, &status, 512, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_statmount, BAD_POINTER, &status, 512, 0), EFAULT);
}

static void test_list(void)
{
	static uint64_t all[4096];
	uint64_t two[2], proc, root;
	struct statx stx;
	bool is_in_order = true, has_proc = false;
	long count = list_of(ROOT, 0, all, ARRAY_SIZE(all), 0);

	proc = id_of("/proc", &stx);
	root = id_of("/", &stx);
	REQUIRE(count > 1);
	for (long i = 0; i < count; i++) {
		is_in_order &= !i || all[i - 1] < all[i];
		has_proc |= all[i] == proc;
	}
	CHECK(is_in_order && has_proc);
	CHECK_EQ(list_of(ROOT, 0, two, 2, 0), 2);
	CHECK(two[0] == all[0] && two[1] == all[1]);
	CHECK_EQ(list_of(ROOT, all[0], two, 1, 0), 1);
	CHECK(two[0] == all[1]);
	CHECK_EQ(list_of(ROOT, 0, two, 1, 1), 1); /* from the end */
	CHECK(two[0] == all[count - 1]);
	CHECK(list_of(root, 0, all, ARRAY_SIZE(all), 0) >= 1); /* what is below it */
	CHECK_ERRNO(list_of(ROOT, 0, all, 1, 2), EINVAL);
	CHECK_ERRNO(list_of(ROOT, 5, all, 1, 0), EINVAL);
	CHECK_ERRNO(list_of(0, 0, all, 1, 0), EINVAL);
	CHECK_ERRNO(list_of(ROOT - 1, 0, all, 1, 0), ENOENT);
	CHECK_ERRNO(list_of(ROOT, 0, NULL, 1, 0), EFAULT);
}

static void test_out_of_reach(void)
{
	struct statx stx;
	uint64_t root = id_of("/", &stx), list[8];
	char status[512];

	FORKED("what is out of reach is the administrator's to see")
	{
		if (chroot("."))
			_exit(0);
		become_nobody();
		CHECK_ERRNO(status_of(root, SB_BASIC, status, sizeof(status), 0), EPERM);
		CHECK_ERRNO(list_of(root, 0, list, ARRAY_SIZE(list), 0), EPERM);
	}
}

int main(void)
{
	test_begin();
	if (status_of(ROOT, 0, NULL, 0, 0) == -1 && errno == ENOSYS) {
		test_skip("statmount, listmount", "the kernel is older than Linux 6.8");
		return test_done();
	}
	test_status();
	test_list();
	if (is_root())
		test_out_of_reach();
	return test_done();
}
