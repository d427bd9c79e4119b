/* covers: mbind set_mempolicy get_mempolicy migrate_pages move_pages set_mempolicy_home_node
 * pkey_alloc pkey_free pkey_mprotect process_madvise process_mrelease remap_file_pages cachestat
 * modify_ldt add_key request_key keyctl fanotify_mark */
/* Calls that few programs make, on a machine with one memory node. Where a kernel is built without
 * one it says ENOSYS, and a container may say EPERM. */
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "tests/conformance/files/conformance.h"

#define PAGE 4096UL
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif
#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node 450
#endif

static bool is_missing(long r, const char *what)
{
	if (r != -1 || (errno != ENOSYS && errno != EPERM))
		return false;
	test_skip(what, "the kernel is built without it, or forbids it");
	return true;
}

static void test_policies(void)
{
	unsigned long zero = 1, none = 0, got = 99, other = 1UL << 60;
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int mode = -1;

	if (is_missing(syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0), "policies"))
		return;
	CHECK_EQ(mode, MPOL_DEFAULT);
	if (is_missing(syscall(SYS_set_mempolicy, MPOL_BIND, &zero, 64), "set_mempolicy"))
		return;
	CHECK_OK(syscall(SYS_get_mempolicy, &mode, &got, 1024, NULL, 0));
	CHECK_EQ(mode, MPOL_BIND);
	CHECK_EQ(got, 1);
	CHECK_ERRNO(syscall(SYS_set_mempolicy, 99, &zero, 64), EINVAL);
	CHECK_ERRNO(syscall(SYS_set_mempolicy, MPOL_BIND, &none, 64), EINVAL);
	CHECK_ERRNO(syscall(SYS_set_mempolicy, MPOL_BIND, &other, 64), EINVAL);
	CHECK_ERRNO(syscall(SYS_set_mempolicy, MPOL_BIND, BAD_POINTER, 64), EFAULT);
	CHECK_OK(syscall(SYS_set_mempolicy, MPOL_PREFERRED, NULL, 0));
	CHECK_OK(syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0));
	CHECK_EQ(mode, MPOL_LOCAL);
	CHECK_OK(syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0));
	CHECK_OK(syscall(SYS_get_mempolicy, NULL, &got, 1024, NULL, MPOL_F_MEMS_ALLOWED));
	CHECK_EQ(got & 1, 1);
	page[0] = 1;
	CHECK_OK(syscall(SYS_get_mempolicy, &mode, NULL, 0, page, MPOL_F_NODE | MPOL_F_ADDR));
	CHECK_EQ(mode, 0);
	CHECK_ERRNO(syscall(SYS_get_mempolicy, &mode, NULL, 0, page, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 64), EINVAL);
	/* Some kernels with one node refuse it. */
	CHECK(!syscall(SYS_mbind, page, PAGE, MPOL_BIND, &zero, 64, 0) || errno == EINVAL);
	CHECK_OK(syscall(SYS_mbind, page, PAGE, MPOL_DEFAULT, NULL, 0, 0));
	CHECK_ERRNO(syscall(SYS_mbind, page + 1, PAGE, MPOL_BIND, &zero, 64, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_mbind, page, PAGE, MPOL_BIND, &zero, 64, 1 << 20), EINVAL);
	munmap(page, PAGE);
	CHECK_ERRNO(syscall(SYS_mbind, page, PAGE, MPOL_DEFAULT, NULL, 0, 0), EFAULT);
}

/* A mapping's own policy is kept for the pages it was set for; elsewhere it is the default,
 * whatever the thread's is. */
static void test_policy_of_mapping(void)
{
	unsigned long zero = 1, got = 99;
	char *pages =
		mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int mode = -1;

	if (is_missing(syscall(SYS_mbind, pages + PAGE, PAGE, MPOL_BIND, &zero, 64, 0), "mbind"))
		return;
	CHECK_OK(syscall(SYS_set_mempolicy, MPOL_INTERLEAVE, &zero, 64));
	CHECK_OK(syscall(SYS_get_mempolicy, &mode, &got, 1024, pages + PAGE, MPOL_F_ADDR));
	CHECK_EQ(mode, MPOL_BIND);
	CHECK_EQ(got, 1);
	for (int i = 0; i < 3; i += 2) {
		CHECK_OK(syscall(
			SYS_get_mempolicy, &mode, &got, 1024, pages + i * PAGE, MPOL_F_ADDR));
		CHECK_EQ(mode, MPOL_DEFAULT);
		CHECK_EQ(got, 0);
	}
	if (!is_missing(syscall(SYS_set_mempolicy_home_node, pages, 3 * PAGE, 0, 0), "home nodes"))
		CHECK_ERRNO(syscall(SYS_set_mempolicy_home_node, pages, PAGE, 0, 0), ENOENT);
	CHECK_OK(syscall(SYS_mbind, pages, 3 * PAGE, MPOL_PREFERRED, NULL, 0, 0));
	CHECK_OK(syscall(SYS_get_mempolicy, &mode, &got, 1024, pages + PAGE, MPOL_F_ADDR));
	CHECK_EQ(mode, MPOL_LOCAL);
	CHECK_EQ(got, 0);
	CHECK_OK(syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0));
	munmap(pages, 3 * PAGE);
}

static void test_moving(void)
{
	unsigned long zero = 1;
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *pages[] = {page, (void *)8};
	int status[2] = {99, 99}, node = 0, far = 9999;

	page[0] = 1;
	if (is_missing(syscall(SYS_move_pages, 0, 2, pages, NULL, status, 0), "move_pages"))
		return;
	CHECK_EQ(status[0], 0);
	CHECK(status[1] == -EFAULT || status[1] == -ENOENT);
	CHECK_OK(syscall(SYS_move_pages, 0, 1, pages, &node, status, 0));
	CHECK_EQ(status[0], 0);
	CHECK_ERRNO(syscall(SYS_move_pages, 0, 1, pages, &far, status, 0), ENODEV);
	CHECK_ERRNO(syscall(SYS_move_pages, 0, 1, pages, NULL, status, 64), EINVAL);
	CHECK_ERRNO(syscall(SYS_move_pages, 0x3fffffff, 1, pages, NULL, status, 0), ESRCH);
	if (!is_missing(syscall(SYS_migrate_pages, 0, 64, &zero, &zero), "migrate_pages"))
		CHECK_ERRNO(syscall(SYS_migrate_pages, 0x3fffffff, 64, &zero, &zero), ESRCH);
	if (!is_missing(syscall(SYS_set_mempolicy_home_node, page, PAGE, 0, 0), "home nodes"))
		CHECK_ERRNO(syscall(SYS_set_mempolicy_home_node, page, PAGE, 0, 1), EINVAL);
	munmap(page, PAGE);
}

static void test_keys(void)
{
	char *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long key = syscall(SYS_pkey_alloc, 0, 0);

	if (key < 0)
		CHECK(errno == ENOSPC || errno == EINVAL || errno == ENOSYS);
	else
		CHECK_OK(syscall(SYS_pkey_free, key));
	CHECK_ERRNO(syscall(SYS_pkey_alloc, 1, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_pkey_alloc, 0, 99), EINVAL);
	CHECK_ERRNO(syscall(SYS_pkey_free, 99), EINVAL);
	CHECK_OK(syscall(SYS_pkey_mprotect, page, PAGE, PROT_READ | PROT_WRITE, -1));
	page[0] = 1;
	CHECK_ERRNO(syscall(SYS_pkey_mprotect, page, PAGE, PROT_READ, 99), EINVAL);
	munmap(page, PAGE);
}

static void test_others(void)
{
	char *pages =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec range = {pages, PAGE};
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	pid_t pid;

	CHECK_EQ(syscall(SYS_process_madvise, self, &range, 1, MADV_COLD, 0), PAGE);
	CHECK_ERRNO(syscall(SYS_process_madvise, self, &range, 1, MADV_COLD, 1), EINVAL);
	CHECK_ERRNO(syscall(SYS_process_madvise, -1, &range, 1, MADV_COLD, 0), EBADF);
	CHECK_ERRNO(syscall(SYS_process_mrelease, self, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_process_mrelease, self, 1), EINVAL);
	CHECK_ERRNO(syscall(SYS_process_mrelease, -1, 0), EBADF);
	pid = fork();
	if (!pid)
		_exit(0);
	int child = (int)syscall(SYS_pidfd_open, pid, 0);

	waitpid(pid, NULL, 0);
	CHECK_ERRNO(syscall(SYS_process_mrelease, child, 0), ESRCH);
	CHECK_ERRNO(syscall(SYS_process_madvise, child, &range, 1, MADV_COLD, 0), ESRCH);
	munmap(pages, 2 * PAGE);
	close(child);
	close(self);
}

static void test_remap(void)
{
	int fd = open("remap", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *pages;

	REQUIRE(!ftruncate(fd, 3 * PAGE));
	pages = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	for (int i = 0; i < 3; i++)
		pages[(size_t)i * PAGE] = (char)('a' + i);
	CHECK_OK(syscall(SYS_remap_file_pages, pages, PAGE, 0, 2, 0));
	CHECK_EQ(pages[0], 'c');
	CHECK_EQ(pages[PAGE], 'b');
	pages[0] = 'z';
	CHECK_EQ(pages[2 * PAGE], 'z');
	CHECK_ERRNO(syscall(SYS_remap_file_pages, pages, PAGE, PROT_READ, 2, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_remap_file_pages, pages, 0, 0, 2, 0), EINVAL);
	munmap(pages, 3 * PAGE);
	close(fd);
}

static void test_cache(void)
{
	struct {
		uint64_t offset, size;
	} range = {0, 0};
	uint64_t answer[5] = {99, 99, 99, 99, 99};
	int fd = open("cached", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char page[PAGE] = {1};

	for (int i = 0; i < 3; i++)
		CHECK_EQ(write(fd, page, PAGE), PAGE);
	if (is_missing(syscall(SYS_cachestat, fd, &range, answer, 0), "cachestat"))
		return;
	CHECK_EQ(answer[0], 3);
	CHECK_EQ(answer[3], 0);
	range.offset = PAGE;
	range.size = 1;
	CHECK_OK(syscall(SYS_cachestat, fd, &range, answer, 0));
	CHECK_EQ(answer[0], 1);
	CHECK_ERRNO(syscall(SYS_cachestat, fd, &range, answer, 1), EINVAL);
	CHECK_ERRNO(syscall(SYS_cachestat, -1, &range, answer, 0), EBADF);
	CHECK_ERRNO(syscall(SYS_cachestat, fd, BAD_POINTER, answer, 0), EFAULT);
	close(fd);
}

static void test_refused(void)
{
	char entry[128];
	long r = syscall(SYS_modify_ldt, 0, entry, sizeof(entry));

	CHECK(r == 0 || (r == -1 && errno == ENOSYS));
	/* Its errors are cut to 32 bits. */
	CHECK_EQ((int)syscall(SYS_modify_ldt, 77, entry, sizeof(entry)), r == -1 ? -1 : -ENOSYS);
	/* Who may have keys is the machine's to say. */
	r = syscall(SYS_add_key, "user", "", "x", 1UL, -3);
	CHECK(r == -1 && (errno == EINVAL || errno == EPERM || errno == ENOSYS));
	r = syscall(SYS_request_key, "user", "casemate: none", NULL, 0);
	CHECK(r == -1 && (errno == ENOKEY || errno == EPERM || errno == ENOSYS));
	r = syscall(SYS_keyctl, 9999, 0, 0, 0, 0);
	CHECK(r == -1 && (errno == EOPNOTSUPP || errno == EPERM || errno == ENOSYS));
	r = syscall(SYS_fanotify_mark, -1, 1, 1UL, AT_FDCWD, ".");
	CHECK(r == -1 && (errno == EBADF || errno == EINVAL || errno == EPERM || errno == ENOSYS));
}

int main(void)
{
	test_begin();
	test_policies();
	test_policy_of_mapping();
	test_moving();
	test_keys();
	test_others();
	test_remap();
	test_cache();
	test_refused();
	return test_done();
}
