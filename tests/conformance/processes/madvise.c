/* covers: madvise mmap fork mlock mincore */
/* madvise(2): the advice that changes what a program sees, and the errors of the rest. */
#include "tests/conformance/processes/process_test.h"

enum { RW = PROT_READ | PROT_WRITE };

#ifndef MADV_COLD
#define MADV_COLD 20
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

static void dontneed(void)
{
	char *p = memory_new(8 * PAGE, RW), *s;
	int fd = open("file", O_RDWR | O_CREAT, 0600);

	memset(p, 5, 8 * PAGE);
	CHECK_OK(madvise(p + 2 * PAGE, 3 * PAGE, MADV_DONTNEED));
	CHECK_EQ(p[2 * PAGE - 1], 5);
	CHECK_EQ(p[2 * PAGE] | p[4 * PAGE] | p[5 * PAGE - 1], 0);
	CHECK_EQ(p[5 * PAGE], 5);
	munmap(p, 8 * PAGE);
	s = shared_new(PAGE);
	s[0] = 6;
	CHECK_OK(madvise(s, PAGE, MADV_DONTNEED));
	CHECK_EQ(s[0], 6); /* shared memory keeps its content */
	munmap(s, PAGE);
	REQUIRE(write(fd, "file", 4) == 4);
	p = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
	REQUIRE(p != MAP_FAILED);
	p[0] = 'F';
	CHECK_OK(madvise(p, PAGE, MADV_DONTNEED));
	CHECK_EQ(p[0], 'f'); /* a private change is forgotten */
	munmap(p, PAGE);
	close(fd);
}

static void freeing(void)
{
	char *p = memory_new(4 * PAGE, RW);
	int wrong = 0;

	memset(p, 5, 4 * PAGE);
	CHECK_OK(madvise(p, 4 * PAGE, MADV_FREE));
	for (int i = 0; i < 4; i++)
		wrong += p[i * PAGE] != 0 && p[i * PAGE] != 5;
	CHECK_EQ(wrong, 0); /* the old, or zero: nothing else */
	p[0] = 8;
	CHECK_EQ(p[0], 8);
	munmap(p, 4 * PAGE);
	p = shared_new(PAGE);
	CHECK_ERRNO(madvise(p, PAGE, MADV_FREE), EINVAL);
	munmap(p, PAGE);
}

static void removing(void)
{
	char *s = shared_new(2 * PAGE), *p = memory_new(PAGE, RW);

	memset(s, 7, 2 * PAGE);
	CHECK_OK(madvise(s, PAGE, MADV_REMOVE));
	CHECK_EQ(s[0], 0);
	CHECK_EQ(s[PAGE], 7);
	CHECK_ERRNO(madvise(p, PAGE, MADV_REMOVE), EINVAL);
	munmap(s, 2 * PAGE);
	munmap(p, PAGE);
}

static char *page, *other;

static void child_misses_page(void)
{
	unsigned char vec;

	REQUIRE(mincore(page, PAGE, &vec) == -1 && errno == ENOMEM);
	REQUIRE(other[0] == 2);
}

static void dontfork(void)
{
	page = memory_new(PAGE, RW);
	other = memory_new(PAGE, RW);
	page[0] = 1;
	other[0] = 2;
	CHECK_OK(madvise(page, PAGE, MADV_DONTFORK));
	CHECK_CHILD(child_misses_page);
	CHECK_EQ(page[0], 1);
	CHECK_OK(madvise(page, PAGE, MADV_DOFORK));
	pid_t pid = fork();
	if (pid == 0)
		_exit(page[0] == 1 ? 0 : 1);
	CHECK_EQ(child_wait(pid), EXITED(0));
	munmap(page, PAGE);
	munmap(other, PAGE);
}

static void child_has_wiped_page(void)
{
	REQUIRE(page[0] == 0 && page[PAGE] == 1);
	page[0] = 3;
	pid_t pid = fork();
	if (pid == 0)
		_exit(page[0] == 0 ? 0 : 1); /* the advice is inherited */
	REQUIRE(child_wait(pid) == 0);
}

static void wipeonfork(void)
{
	page = memory_new(2 * PAGE, RW);
	page[0] = page[PAGE] = 1;
	CHECK_OK(madvise(page, PAGE, MADV_WIPEONFORK));
	CHECK_CHILD(child_has_wiped_page);
	CHECK_EQ(page[0], 1);
	CHECK_OK(madvise(page, PAGE, MADV_KEEPONFORK));
	pid_t pid = fork();
	if (pid == 0)
		_exit(page[0] == 1 ? 0 : 1);
	CHECK_EQ(child_wait(pid), EXITED(0));
	munmap(page, 2 * PAGE);
	page = shared_new(PAGE);
	CHECK_ERRNO(madvise(page, PAGE, MADV_WIPEONFORK), EINVAL);
	munmap(page, PAGE);
}

static void mere_hints(void)
{
	static const int advice[] = {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
		MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DONTDUMP, MADV_DODUMP, MADV_COLD, MADV_PAGEOUT,
		MADV_POPULATE_READ, MADV_POPULATE_WRITE};
	char *p = memory_new(16 * PAGE, RW);
	int wrong = 0;

	memset(p, 9, 16 * PAGE);
	for (size_t i = 0; i < sizeof(advice) / sizeof(advice[0]); i++) {
		/* Later than 5.11, or left out of the kernel: EINVAL. */
		wrong += madvise(p, 16 * PAGE, advice[i]) != 0 && (errno != EINVAL || i < 4);
		for (int j = 0; j < 16; j++)
			wrong += p[j * PAGE] != 9;
	}
	CHECK_EQ(wrong, 0);
	munmap(p, 16 * PAGE);
}

static void errors(void)
{
	char *p = memory_new(4 * PAGE, RW);

	CHECK_ERRNO(madvise(p + 1, PAGE, MADV_DONTNEED), EINVAL);
	CHECK_ERRNO(madvise(p, PAGE, 9999), EINVAL);
	CHECK_ERRNO(madvise(p, SIZE_MAX - PAGE, MADV_DONTNEED), EINVAL);
	CHECK_OK(madvise(p, 0, MADV_DONTNEED));
	memset(p, 1, 4 * PAGE);
	munmap(p + PAGE, PAGE);
	CHECK_ERRNO(madvise(p, 4 * PAGE, MADV_DONTNEED), ENOMEM);
	CHECK_EQ(p[0] | p[3 * PAGE], 0); /* done on both sides of the hole */
	CHECK_ERRNO(madvise(p + PAGE, PAGE, MADV_DONTNEED), ENOMEM);
	CHECK_OK(mlock(p, PAGE));
	CHECK_ERRNO(madvise(p, PAGE, MADV_DONTNEED), EINVAL);
	munlock(p, PAGE);
	munmap(p, 4 * PAGE);
}

/* A garbage collector returns memory while other threads use its neighbours. */
static void *uses_neighbour(void *arg)
{
	volatile char *p = arg;

	for (int i = 0; i < 20000; i++) {
		*p = (char)i;
		REQUIRE(*p == (char)i);
	}
	return NULL;
}

static void beside_other_threads(void)
{
	char *p = memory_new(3 * PAGE, RW);
	pthread_t a = thread_start(uses_neighbour, p);
	pthread_t b = thread_start(uses_neighbour, p + 2 * PAGE);
	int wrong = 0;

	for (int i = 0; i < 2000; i++) {
		p[PAGE] = 1;
		wrong += madvise(p + PAGE, PAGE, MADV_DONTNEED) != 0 || p[PAGE] != 0;
	}
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	CHECK_EQ(wrong, 0);
	munmap(p, 3 * PAGE);
}

int main(void)
{
	test_start();
	dontneed();
	freeing();
	removing();
	dontfork();
	wipeonfork();
	mere_hints();
	errors();
	beside_other_threads();
	return test_done();
}
