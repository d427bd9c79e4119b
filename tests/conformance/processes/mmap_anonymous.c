/* covers: mmap munmap mprotect fork prlimit64 */
/* mmap(2) of memory without a file: where it lies, what it holds, how it is split and shared. */
#include "tests/conformance/processes/process_test.h"

#include <setjmp.h>
#include <sys/resource.h>

enum { ANON = MAP_PRIVATE | MAP_ANONYMOUS, RW = PROT_READ | PROT_WRITE };
static sigjmp_buf out;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)info;
	(void)context;
	siglongjmp(out, 1);
}

/* Is there a page that can be read? */
static bool readable(volatile char *p)
{
	if (sigsetjmp(out, 1))
		return false;
	(void)*p;
	return true;
}

static bool writable(volatile char *p)
{
	if (sigsetjmp(out, 1))
		return false;
	*p = *p;
	return true;
}

static void zero_filled_and_aligned(void)
{
	size_t size = 5 << 20, wrong = 0;
	unsigned char *p = mmap(NULL, size, RW, ANON, -1, 0);

	CHECK(p != MAP_FAILED && (uintptr_t)p % PAGE == 0);
	for (size_t i = 0; i < size; i += 64)
		wrong += p[i];
	CHECK_EQ(wrong, 0);
	memset(p, 0xff, size);
	CHECK_OK(munmap(p, size));
	p = mmap(NULL, size, RW, ANON, -1, 0);
	for (size_t i = 0; i < size; i += 64)
		wrong += p[i];
	CHECK_EQ(wrong, 0); /* never what was there before */
	munmap(p, size);
	p = mmap(NULL, 1, RW, ANON, -1, 0);
	p[PAGE - 1] = 1; /* whole pages */
	CHECK_OK(munmap(p, 1));
	CHECK(!readable((char *)p));
}

static void errors(void)
{
	char *p = memory_new(PAGE, RW);

	CHECK_ERRNO(mmap(NULL, 0, RW, ANON, -1, 0), EINVAL);
	CHECK_ERRNO(mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0), EINVAL);
	CHECK_ERRNO(mmap(p + 1, PAGE, RW, ANON | MAP_FIXED, -1, 0), EINVAL);
	CHECK_ERRNO(mmap(NULL, PAGE, RW, MAP_PRIVATE, -1, 0), EBADF);
	CHECK_ERRNO(mmap(NULL, 0, RW, MAP_PRIVATE, -1, 0), EBADF);
	CHECK_ERRNO(syscall(SYS_mmap, NULL, PAGE, RW, ANON, -1, 1), EINVAL);
	CHECK_ERRNO(mmap(NULL, SIZE_MAX - PAGE, RW, ANON, -1, 0), ENOMEM);
	CHECK_ERRNO(mmap(NULL, (size_t)1 << 47, PROT_NONE, ANON | MAP_NORESERVE, -1, 0), ENOMEM);
	CHECK_ERRNO(mmap((void *)0x800000000000, PAGE, RW, ANON | MAP_FIXED, -1, 0), ENOMEM);
	CHECK_ERRNO(munmap(p + 1, PAGE), EINVAL);
	CHECK_ERRNO(munmap(p, 0), EINVAL);
	CHECK_ERRNO(munmap((void *)0x800000000000, PAGE), EINVAL);
	CHECK_ERRNO(munmap(p, SIZE_MAX - PAGE), EINVAL);
	if (geteuid() != 0)
		CHECK_ERRNO(mmap(NULL, PAGE, RW, ANON | MAP_FIXED, -1, 0), EPERM);
	CHECK_OK(munmap(p, PAGE));
	CHECK_OK(munmap(p, PAGE)); /* nothing there: no error */
}

static void fixed_replaces(void)
{
	char *p = memory_new(4 * PAGE, RW);

	memset(p, 5, 4 * PAGE);
	CHECK(mmap(p + PAGE, 2 * PAGE, RW, ANON | MAP_FIXED, -1, 0) == p + PAGE);
	CHECK_EQ(p[0], 5);
	CHECK_EQ(p[PAGE], 0);
	CHECK_EQ(p[3 * PAGE - 1], 0);
	CHECK_EQ(p[3 * PAGE], 5);
	munmap(p, 4 * PAGE);
}

static void fixed_noreplace(void)
{
	char *p = memory_new(4 * PAGE, RW);
	int flags = ANON | MAP_FIXED_NOREPLACE;

	p[PAGE] = 3;
	CHECK_ERRNO(mmap(p + PAGE, PAGE, RW, flags, -1, 0), EEXIST);
	CHECK_ERRNO(mmap(p - PAGE, 2 * PAGE, RW, flags, -1, 0), EEXIST);
	CHECK_EQ(p[PAGE], 3);
	munmap(p + 2 * PAGE, PAGE);
	CHECK(mmap(p + 2 * PAGE, PAGE, RW, flags, -1, 0) == p + 2 * PAGE);
	munmap(p, 4 * PAGE);
}

static void hints(void)
{
	char *p = memory_new(16 * PAGE, RW), *q;

	munmap(p, 16 * PAGE);
	q = mmap(p + 4 * PAGE, PAGE, RW, ANON, -1, 0);
	CHECK(q == p + 4 * PAGE); /* free, so it is taken */
	char *r = mmap(q, PAGE, RW, ANON, -1, 0);
	CHECK(r != MAP_FAILED && r != q); /* taken, so another */
	munmap(q, PAGE);
	munmap(r, PAGE);
	q = mmap(p + 4 * PAGE + 7, PAGE, RW, ANON, -1, 0);
	CHECK(q != MAP_FAILED && (uintptr_t)q % PAGE == 0);
	munmap(q, PAGE);
	q = mmap(NULL, PAGE, RW, ANON | MAP_32BIT, -1, 0);
	CHECK(q != MAP_FAILED && (uintptr_t)q + PAGE <= 0x80000000);
	munmap(q, PAGE);
	r = (char *)0x50000000; /* SBCL insists on what it asks for */
	q = mmap(r, PAGE, RW, ANON | MAP_32BIT, -1, 0);
	CHECK(q == r);
	q = mmap(r, PAGE, RW, ANON | MAP_32BIT, -1, 0);
	CHECK(q != r && (uintptr_t)q + PAGE <= 0x80000000);
	munmap(q, PAGE);
	munmap(r, PAGE);
	q = mmap((char *)0x7ffff000, 2 * PAGE, RW, ANON | MAP_32BIT, -1, 0);
	CHECK(q != MAP_FAILED && (uintptr_t)q + 2 * PAGE <= 0x80000000);
	munmap(q, 2 * PAGE);
}

static void unmapping_splits(void)
{
	enum { COUNT = 64 };
	char *p = memory_new(COUNT * PAGE, RW);
	int wrong = 0;

	for (int i = 0; i < COUNT; i++)
		p[i * PAGE] = (char)i;
	for (int i = 1; i < COUNT; i += 2)
		wrong += munmap(p + i * PAGE, PAGE) != 0;
	for (int i = 0; i < COUNT; i++)
		wrong += i % 2 ? readable(p + i * PAGE) : p[i * PAGE] != (char)i;
	CHECK_EQ(wrong, 0);
	CHECK_OK(munmap(p, COUNT * PAGE)); /* over the holes */
	for (int i = 0; i < COUNT; i++)
		wrong += readable(p + i * PAGE);
	CHECK_EQ(wrong, 0);
}

static void protections(void)
{
	char *none = memory_new(PAGE, PROT_NONE), *read = memory_new(PAGE, PROT_READ);
	char *write = memory_new(PAGE, PROT_WRITE);

	CHECK(!readable(none) && !writable(none));
	CHECK(readable(read) && !writable(read));
	CHECK(writable(write));
	munmap(none, PAGE);
	munmap(read, PAGE);
	munmap(write, PAGE);
}

/* Virtual machines reserve far more than there is, and use little of it. */
static void huge_reservations(void)
{
	size_t size = (size_t)64 << 30;
	char *p = mmap(NULL, size, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);

	CHECK(p != MAP_FAILED);
	for (size_t i = 0; i < size; i += size / 16) {
		REQUIRE(mprotect(p + i, PAGE, RW) == 0);
		p[i] = 1;
	}
	CHECK(!readable(p + PAGE));
	CHECK_OK(munmap(p, size));
	p = mmap(NULL, size, RW, ANON | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED) {
		test_skip("64 GiB of MAP_NORESERVE memory", "strict overcommit");
		return;
	}
	for (size_t i = 0; i < size; i += size / 16)
		p[i] = 1;
	CHECK_EQ(p[size - 1], 0);
	CHECK_OK(munmap(p, size));
}

static char *both;

static void child_writes(void)
{
	both[0] = 7;
	both[PAGE] = 8;
}

static void private_and_shared(void)
{
	both = memory_new(2 * PAGE, RW);
	REQUIRE(mmap(both + PAGE, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
		MAP_FAILED);
	CHECK_CHILD(child_writes);
	CHECK_EQ(both[0], 0);
	CHECK_EQ(both[PAGE], 8);
	munmap(both, 2 * PAGE);
}

static void populated_and_other_flags(void)
{
	static const int flags[] = {MAP_POPULATE, MAP_STACK, MAP_NORESERVE, MAP_NONBLOCK,
		MAP_DENYWRITE, MAP_EXECUTABLE, 0x4000000 /* unknown: ignored */};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		char *p = mmap(NULL, 4 * PAGE, RW, ANON | flags[i], -1, 0);

		CHECK(p != MAP_FAILED && p[0] == 0 && p[4 * PAGE - 1] == 0);
		munmap(p, 4 * PAGE);
	}
}

static void *maps_and_unmaps(void *arg)
{
	for (int i = 1; i <= 500; i++) {
		size_t size = (size_t)(i % 7 + 1) * PAGE;
		char *p = mmap(NULL, size, RW, ANON, -1, 0);

		REQUIRE(p != MAP_FAILED);
		for (size_t j = 0; j < size; j += PAGE)
			REQUIRE(p[j] == 0);
		memset(p, (int)(intptr_t)arg, size);
		sched_yield();
		for (size_t j = 0; j < size; j += PAGE)
			REQUIRE(p[j] == (char)(intptr_t)arg);
		REQUIRE(munmap(p, size) == 0);
	}
	return NULL;
}

static void threads_at_once(void)
{
	pthread_t threads[4];

	for (intptr_t i = 0; i < 4; i++)
		threads[i] = thread_start(maps_and_unmaps, (void *)(i + 1));
	for (int i = 0; i < 4; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

static void many_mappings(void)
{
	enum { COUNT = 5000 };
	static char *p[COUNT];
	int wrong = 0;

	/* Alternating protections, so that neighbours are not merged. */
	for (int i = 0; i < COUNT; i++) {
		p[i] = mmap(NULL, PAGE, i & 1 ? RW : PROT_READ, ANON, -1, 0);
		wrong += p[i] == MAP_FAILED || p[i][5] != 0;
	}
	for (int i = 0; i < COUNT; i++)
		wrong += munmap(p[i], PAGE) != 0;
	CHECK_EQ(wrong, 0);
}

/* vm.max_map_count: a hole in one of so many would make one too many, to shorten one does not. */
static void as_many_as_there_may_be(void)
{
	enum { PAGES = 3, MOST = 200000 };
	int limit = 0, count = 0;
	char *first = NULL, *p;
	FILE *f = fopen("/proc/sys/vm/max_map_count", "r");

	if (!f || fscanf(f, "%d", &limit) != 1 || limit > MOST) {
		test_skip("as many mappings as there may be", "too many may be");
		return;
	}
	fclose(f);
	p = mmap(NULL, (size_t)limit * 2 * PAGES * PAGE, PROT_NONE, ANON, -1, 0);
	CHECK(p != MAP_FAILED);
	CHECK_OK(munmap(p, (size_t)limit * 2 * PAGES * PAGE));
	for (first = p; count < limit; p += 2 * PAGES * PAGE, count++)
		if (mmap(p, PAGES * PAGE, PROT_NONE, ANON | MAP_FIXED_NOREPLACE, -1, 0) != p)
			break;
	CHECK(count > 1000 && count < limit);
	CHECK_ERRNO(munmap(first + PAGE, PAGE), ENOMEM);
	CHECK_ERRNO(mprotect(first + PAGE, PAGE, PROT_READ), ENOMEM);
	CHECK_OK(munmap(first, PAGE));
	for (p = first; count--; p += 2 * PAGES * PAGE)
		munmap(p, PAGES * PAGE);
}

int main(void)
{
	test_start();
	handler_set(SIGSEGV, on_fault, 0);
	zero_filled_and_aligned();
	errors();
	fixed_replaces();
	fixed_noreplace();
	hints();
	unmapping_splits();
	protections();
	huge_reservations();
	private_and_shared();
	populated_and_other_flags();
	threads_at_once();
	many_mappings();
	as_many_as_there_may_be();
	return test_done();
}
