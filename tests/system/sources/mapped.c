/* Mappings of a large file of which little is touched. Page N of the file begins with N, as 64
 * bits. Prints what must be the same on every kernel. usage: mapped FILE | mapped FILE touch PAGE
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, LITTLE_KB = 1024 };

static const char *path;
static long pages;
static sigjmp_buf escape;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void on_fault(int sig)
{
	siglongjmp(escape, sig);
}

static char *map_of(int fd, int prot, int flags)
{
	char *p = mmap(NULL, (size_t)pages * PAGE, prot, flags, fd, 0);

	if (p == MAP_FAILED)
		fail("mmap");
	return p;
}

static char *map(int prot, int flags)
{
	int fd = open(path, flags & MAP_SHARED && prot & PROT_WRITE ? O_RDWR : O_RDONLY);
	char *p;

	if (fd < 0)
		fail(path);
	p = map_of(fd, prot, flags);
	close(fd);
	return p;
}

static void unmap(char *p)
{
	if (munmap(p, (size_t)pages * PAGE))
		fail("munmap");
}

/* The number at the start of a page, or minus the signal that the touch raises. */
static long number(const char *p, long page)
{
	int sig = sigsetjmp(escape, 1);

	return sig ? -sig : *(const volatile long *)(p + page * PAGE);
}

static int store(char *p, long page, long value)
{
	int sig = sigsetjmp(escape, 1);

	if (!sig)
		*(volatile long *)(p + page * PAGE) = value;
	return sig;
}

static long resident_kb(void)
{
	char line[256];
	long kb = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "RssFile:", 8))
			kb = strtol(line + 8, NULL, 10);
	fclose(f);
	return kb;
}

static void test_little(void)
{
	long before = resident_kb();
	char *p = map(PROT_READ, MAP_PRIVATE);

	printf("two pages: %ld %ld\n", number(p, 7), number(p, pages - 9));
	printf("they cost little: %d\n", resident_kb() - before < LITTLE_KB);
	unmap(p);
}

static void test_private(void)
{
	char *p = map(PROT_READ | PROT_WRITE, MAP_PRIVATE);

	printf("stores: %d %d\n", store(p, 100, -1), store(p, 4000, -2));
	if (fork() == 0) {
		printf("child: %ld %ld %ld %ld\n", number(p, 100), number(p, 4000), number(p, 101),
			number(p, 3333));
		store(p, 100, -3);
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	printf("parent: %ld %ld %ld %ld\n", number(p, 100), number(p, 101), number(p, 3333),
		number(p, 3334));
	unmap(p);
}

static void test_protection(void)
{
	char *p = map(PROT_READ, MAP_PRIVATE);

	printf("read only: %d\n", store(p, 50, 1));
	if (mprotect(p + 64 * PAGE, 512 * PAGE, PROT_READ | PROT_WRITE))
		fail("mprotect");
	printf("writable: %d, untouched there: %ld, around: %d %d\n", store(p, 64, 1),
		number(p, 300), store(p, 63, 1), store(p, 576, 1));
	if (mprotect(p + 128 * PAGE, 128 * PAGE, PROT_NONE))
		fail("mprotect");
	printf("none: %ld %ld\n", number(p, 128), number(p, 255));
	if (mprotect(p + 128 * PAGE, 128 * PAGE, PROT_READ))
		fail("mprotect");
	printf("again: %ld %ld %d\n", number(p, 128), number(p, 255), store(p, 200, 1));
	unmap(p);
}

static void test_moved(void)
{
	char *p = map(PROT_READ | PROT_WRITE, MAP_PRIVATE);
	char *q;

	store(p, 1000, -1);
	printf("before: %ld\n", number(p, 5));
	q = mremap(p, (size_t)pages * PAGE, (size_t)pages * PAGE / 2, 0);
	if (q != p)
		fail("mremap");
	q = mremap(p, (size_t)pages * PAGE / 2, (size_t)pages * PAGE, MREMAP_MAYMOVE);
	if (q == MAP_FAILED)
		fail("mremap");
	printf("moved: %ld %ld %ld %ld\n", number(q, 1000), number(q, 1001), number(q, 5),
		number(q, pages - 1));
	unmap(q);
}

/* The kernel's own accesses. */
static void test_calls(void)
{
	char *p = map(PROT_READ | PROT_WRITE, MAP_PRIVATE);
	long got = 0;
	int ends[2], zero = open("/dev/zero", O_RDONLY);

	if (pipe(ends) || zero < 0)
		fail("pipe");
	printf("written: %zd", write(ends[1], p + 2000L * PAGE, 8));
	printf(", %zd", read(ends[0], &got, 8));
	printf(": %ld\n", got);
	printf("read into: %zd", read(zero, p + 2100L * PAGE, PAGE));
	printf(", %ld, %ld\n", number(p, 2100), number(p, 2101));
	printf("futex: %ld", syscall(SYS_futex, p + 2300L * PAGE, FUTEX_WAIT, 1, NULL));
	printf(" %d\n", errno == EAGAIN);
	unmap(p);
}

static void test_present(void)
{
	unsigned char there[2];
	char *p = map(PROT_READ, MAP_PRIVATE | MAP_POPULATE);
	long loaded = 0;

	for (long i = 0; i < pages; i++)
		loaded += !mincore(p + i * PAGE, PAGE, there) && there[0] & 1;
	printf("populated: %d, %ld\n", loaded == pages, number(p, 17));
	unmap(p);
}

static void *sum_of(void *at)
{
	long sum = 0;

	for (long i = 0; i < pages; i += 3)
		sum += *(volatile long *)((char *)at + i * PAGE);
	return (void *)sum;
}

static void test_threads(void)
{
	char *p = map(PROT_READ, MAP_SHARED);
	pthread_t threads[4];
	void *sums[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, sum_of, p);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], &sums[i]);
	printf("sums:");
	for (int i = 0; i < 4; i++)
		printf(" %ld", (long)sums[i]);
	printf("\n");
	unmap(p);
}

static void test_shared(void)
{
	char *p = map(PROT_READ | PROT_WRITE, MAP_SHARED), *q = map(PROT_READ, MAP_SHARED);
	int fd = open(path, O_RDWR);
	long got = 0, there = -12;
	ssize_t n;

	printf("shared: %d", store(p, 3000, -11));
	n = pread(fd, &got, 8, 3000L * PAGE);
	printf(" %zd %ld, other: %ld, near: %ld\n", n, got, number(q, 3000), number(q, 3001));
	n = pwrite(fd, &there, 8, 3500L * PAGE);
	printf("written: %zd, seen: %ld %ld\n", n, number(p, 3500), number(q, 3501));
	if (ftruncate(fd, pages / 2 * PAGE))
		fail("ftruncate");
	printf("cut: %ld %ld %ld\n", number(p, pages / 2 - 1), number(p, pages / 2),
		number(q, pages - 1));
	if (ftruncate(fd, pages * PAGE))
		fail("ftruncate");
	printf("longer: %ld %ld\n", number(p, pages / 2), number(q, pages - 1));
	unmap(p);
	unmap(q);
	close(fd);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_fault};
	struct stat st;

	path = argv[1];
	if (argc < 2 || stat(path, &st))
		fail("usage: mapped FILE [touch PAGE]");
	pages = st.st_size / PAGE;
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	if (argc == 4) {
		printf("%ld\n", number(map(PROT_READ, MAP_PRIVATE), strtol(argv[3], NULL, 10)));
		return 0;
	}
	test_little();
	test_private();
	test_protection();
	test_moved();
	test_calls();
	test_threads();
	test_present();
	test_shared();
	return 0;
}
