/* covers: mremap mmap munmap fork */
/* mremap(2): grow, shrink, move; contents and protections go along, the old place is empty. */
#include "tests/conformance/processes/process_test.h"

#include <setjmp.h>

enum { RW = PROT_READ | PROT_WRITE };
static sigjmp_buf out;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	siglongjmp(out, 1);
}

static bool readable(volatile char *p)
{
	if (sigsetjmp(out, 1))
		return false;
	(void)*p;
	return true;
}

static void fill(char *p, int pages)
{
	for (int i = 0; i < pages; i++)
		p[i * PAGE] = (char)(i + 1);
}

static int wrong_pages(const char *p, int pages)
{
	int wrong = 0;

	for (int i = 0; i < pages; i++)
		wrong += p[i * PAGE] != (char)(i + 1);
	return wrong;
}

static void shrink_and_grow(void)
{
	char *p = memory_new(8 * PAGE, RW), *q;

	fill(p, 8);
	CHECK(mremap(p, 8 * PAGE, 4 * PAGE, 0) == p);
	CHECK_EQ(wrong_pages(p, 4), 0);
	CHECK(!readable(p + 4 * PAGE));
	CHECK(mremap(p, 4 * PAGE, 6 * PAGE, 0) == p); /* there is room again */
	CHECK_EQ(p[4 * PAGE], 0);
	CHECK_EQ(wrong_pages(p, 4), 0);
	CHECK(mremap(p, 6 * PAGE, 6 * PAGE, 0) == p);
	/* Something is in the way: only if it may move. */
	REQUIRE(mmap(p + 6 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
		MAP_FAILED);
	mprotect(p + 6 * PAGE, PAGE, PROT_READ);
	CHECK_ERRNO(mremap(p, 6 * PAGE, 8 * PAGE, 0), ENOMEM);
	q = mremap(p, 6 * PAGE, 1000 * PAGE, MREMAP_MAYMOVE);
	CHECK(q != MAP_FAILED && q != p);
	CHECK_EQ(wrong_pages(q, 4), 0);
	CHECK_EQ(q[999 * PAGE], 0);
	CHECK(!readable(p));
	CHECK(readable(p + 6 * PAGE));
	munmap(p + 6 * PAGE, PAGE);
	munmap(q, 1000 * PAGE);
}

static void fixed(void)
{
	char *p = memory_new(4 * PAGE, RW), *q = memory_new(6 * PAGE, RW);
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED;

	fill(p, 4);
	memset(q, 0x55, 6 * PAGE);
	CHECK(mremap(p, 4 * PAGE, 4 * PAGE, flags, q + PAGE) == q + PAGE);
	CHECK_EQ(q[0], 0x55);
	CHECK_EQ(wrong_pages(q + PAGE, 4), 0);
	CHECK_EQ(q[5 * PAGE], 0x55);
	CHECK(!readable(p));
	CHECK_ERRNO(mremap(q, PAGE, PAGE, flags, q + PAGE + 1), EINVAL);
	CHECK_ERRNO(mremap(q, PAGE, PAGE, MREMAP_FIXED, q + PAGE), EINVAL);
	CHECK_ERRNO(mremap(q, 2 * PAGE, 2 * PAGE, flags, q + PAGE), EINVAL); /* overlap */
	CHECK_EQ(wrong_pages(q + PAGE, 4), 0);
	/* The middle alone: the mapping is split. */
	p = memory_new(PAGE, RW);
	CHECK(mremap(q + 2 * PAGE, PAGE, PAGE, flags, p) == p);
	CHECK_EQ(p[0], 2);
	CHECK(!readable(q + 2 * PAGE) && readable(q + 3 * PAGE) && readable(q + PAGE));
	munmap(p, PAGE);
	munmap(q, 6 * PAGE);
}

static void protections_go_along(void)
{
	char *p = memory_new(2 * PAGE, RW), *q;

	p[0] = 3;
	mprotect(p, 2 * PAGE, PROT_READ);
	q = mremap(p, 2 * PAGE, 500 * PAGE, MREMAP_MAYMOVE);
	REQUIRE(q != MAP_FAILED);
	CHECK_EQ(q[0], 3);
	volatile bool wrote = false;
	if (!sigsetjmp(out, 1)) {
		*(volatile char *)q = 1;
		wrote = true;
	}
	CHECK(!wrote);
	munmap(q, 500 * PAGE);
}

static void errors(void)
{
	char *p = memory_new(4 * PAGE, RW);

	CHECK_ERRNO(mremap(p + 1, PAGE, PAGE, MREMAP_MAYMOVE), EINVAL);
	CHECK_ERRNO(mremap(p, PAGE, 0, MREMAP_MAYMOVE), EINVAL);
	CHECK_ERRNO(mremap(p, PAGE, PAGE, 0x40), EINVAL);
	CHECK_ERRNO(mremap(p, 0, PAGE, MREMAP_MAYMOVE), EINVAL); /* private: no second view */
	munmap(p + 2 * PAGE, PAGE);
	CHECK_ERRNO(mremap(p + 2 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT);
	CHECK_ERRNO(mremap(p, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE), EFAULT); /* over a hole */
	CHECK(mremap(p, PAGE, (size_t)1 << 47, MREMAP_MAYMOVE) == MAP_FAILED);
	CHECK(errno == ENOMEM || errno == EINVAL);
	munmap(p, 4 * PAGE);
}

static char *one, *two;

static void child_sees_both(void)
{
	two[1] = 9;
	REQUIRE(one[1] == 9);
}

/* Of shared memory a second view can be had by an old size of 0. */
static void a_second_view(void)
{
	one = shared_new(2 * PAGE);
	one[0] = 4;
	two = mremap(one, 0, 2 * PAGE, MREMAP_MAYMOVE);
	CHECK(two != MAP_FAILED && two != one);
	CHECK_EQ(two[0], 4);
	two[PAGE] = 5;
	CHECK_EQ(one[PAGE], 5);
	CHECK_CHILD(child_sees_both);
	CHECK_EQ(one[1], 9);
	munmap(one, 2 * PAGE);
	CHECK_EQ(two[0], 4);
	munmap(two, 2 * PAGE);
}

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

static void dont_unmap(void)
{
	char *p = memory_new(2 * PAGE, RW), *q;

	fill(p, 2);
	/* The raw call: libc may pass on an address that nobody gave. */
	q = (char *)syscall(
		SYS_mremap, p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
	if (q == MAP_FAILED) {
		test_skip("MREMAP_DONTUNMAP", "needs Linux 5.7");
		return;
	}
	CHECK(q != p);
	CHECK_EQ(wrong_pages(q, 2), 0);
	CHECK_EQ(p[0] | p[PAGE], 0); /* the old place is there, and empty */
	p[0] = 1;
	CHECK_ERRNO(mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP), EINVAL);
	CHECK_ERRNO(mremap(p, PAGE, PAGE, MREMAP_DONTUNMAP), EINVAL);
	munmap(p, 2 * PAGE);
	munmap(q, 2 * PAGE);
}

static void file_views_move(void)
{
	int fd = open("file", O_RDWR | O_CREAT, 0600);
	char *p, *q;

	REQUIRE(ftruncate(fd, 8 * PAGE) == 0);
	REQUIRE(pwrite(fd, "x", 1, 5 * PAGE) == 1);
	p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, PAGE);
	REQUIRE(p != MAP_FAILED);
	q = mremap(p, 2 * PAGE, 7 * PAGE, MREMAP_MAYMOVE);
	CHECK(q != MAP_FAILED);
	CHECK_EQ(q[4 * PAGE], 'x');
	q[0] = 'y';
	char c = 0;
	CHECK_EQ(pread(fd, &c, 1, PAGE), 1);
	CHECK_EQ(c, 'y');
	munmap(q, 7 * PAGE);
	close(fd);
}

/* As realloc() of something big: it must not lose a byte on its way. */
static void growing_much(void)
{
	size_t size = 64 * PAGE, wrong = 0;
	uint32_t *p = memory_new(size, RW);

	for (uint32_t i = 0; i < size / 4; i++)
		p[i] = i;
	for (; size < (32 << 20); size *= 2) {
		p = mremap(p, size, size * 2, MREMAP_MAYMOVE);
		REQUIRE(p != MAP_FAILED);
		for (uint32_t i = 0; i < size / 2; i++) {
			if (i < size / 4)
				wrong += p[i] != i;
			else
				p[i] = i;
		}
	}
	CHECK_EQ(wrong, 0);
	munmap(p, size);
}

int main(void)
{
	test_start();
	handler_set(SIGSEGV, on_fault, 0);
	shrink_and_grow();
	fixed();
	protections_go_along();
	errors();
	a_second_view();
	dont_unmap();
	file_views_move();
	growing_much();
	return test_done();
}
