/* covers: mprotect mmap munmap pkey_mprotect pkey_alloc pkey_free */
/* mprotect(2): pages change at once, for all threads; code can be made and then run. */
#include "tests/conformance/processes/process_test.h"

#include <setjmp.h>

enum { RW = PROT_READ | PROT_WRITE, RX = PROT_READ | PROT_EXEC };
static __thread sigjmp_buf out;
static __thread volatile int code;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	code = info->si_code;
	siglongjmp(out, 1);
}

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

static void flips(void)
{
	char *p = memory_new(PAGE, RW);

	p[0] = 9;
	CHECK_OK(mprotect(p, PAGE, PROT_READ));
	CHECK(readable(p) && !writable(p));
	CHECK_EQ(code, SEGV_ACCERR);
	CHECK_OK(mprotect(p, PAGE, PROT_NONE));
	CHECK(!readable(p));
	CHECK_OK(mprotect(p, PAGE, RW));
	CHECK(writable(p));
	CHECK_EQ(p[0], 9);                   /* contents stay */
	CHECK_OK(mprotect(p, 1, PROT_READ)); /* whole pages */
	CHECK(!writable(p + PAGE - 1));
	CHECK_OK(mprotect(p, 0, PROT_NONE)); /* nothing */
	CHECK(readable(p));
	munmap(p, PAGE);
}

static void splits_and_merges(void)
{
	enum { COUNT = 32 };
	char *p = memory_new(COUNT * PAGE, RW);
	int wrong = 0;

	for (int i = 0; i < COUNT; i += 3)
		wrong += mprotect(p + i * PAGE, PAGE, PROT_READ) != 0;
	for (int i = 0; i < COUNT; i++)
		wrong += writable(p + i * PAGE) != (i % 3 != 0);
	CHECK_EQ(wrong, 0);
	CHECK_OK(mprotect(p, COUNT * PAGE, RW));
	for (int i = 0; i < COUNT; i++)
		wrong += !writable(p + i * PAGE);
	CHECK_EQ(wrong, 0);
	munmap(p, COUNT * PAGE);
}

static void errors(void)
{
	char *p = memory_new(4 * PAGE, RW);
	int fd = open("file", O_RDWR | O_CREAT, 0600), read_only;
	char *mapped;

	CHECK_ERRNO(mprotect(p + 1, PAGE, RW), EINVAL);
	CHECK_ERRNO(mprotect(p, PAGE, 0x40), EINVAL);
	CHECK_ERRNO(mprotect(p, PAGE, RW | PROT_GROWSDOWN | PROT_GROWSUP), EINVAL);
	munmap(p + 2 * PAGE, PAGE);
	CHECK_ERRNO(mprotect(p + 2 * PAGE, PAGE, RW), ENOMEM);
	CHECK_ERRNO(mprotect(p, 4 * PAGE, PROT_READ), ENOMEM);
	CHECK(!writable(p)); /* up to the hole it has been done */
	CHECK_ERRNO(mprotect(p, SIZE_MAX - 2 * PAGE, RW), ENOMEM);
	munmap(p, 4 * PAGE);
	REQUIRE(ftruncate(fd, PAGE) == 0);
	read_only = open("file", O_RDONLY);
	mapped = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, read_only, 0);
	CHECK_ERRNO(mprotect(mapped, PAGE, RW), EACCES);
	munmap(mapped, PAGE);
	mapped = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, read_only, 0);
	CHECK_OK(mprotect(mapped, PAGE, RW)); /* a private copy may be written */
	mapped[0] = 1;
	munmap(mapped, PAGE);
	close(fd);
	close(read_only);
}

static int call(void *p)
{
	return ((int (*)(void))(uintptr_t)p)();
}

/* mov $value, %eax; ret */
static void code_write(unsigned char *p, int value)
{
	p[0] = 0xb8;
	memcpy(p + 1, &value, 4);
	p[5] = 0xc3;
}

static void generated_code(void)
{
	unsigned char *p = memory_new(PAGE, RW);
	int wrong = 0;

	code_write(p, 1234);
	CHECK_OK(mprotect(p, PAGE, RX));
	CHECK_EQ(call(p), 1234);
	CHECK(!writable((char *)p));
	for (int i = 0; i < 500; i++) { /* W^X, as just-in-time compilers do */
		wrong += mprotect(p, PAGE, RW) != 0;
		code_write(p, i);
		wrong += mprotect(p, PAGE, RX) != 0;
		wrong += call(p) != i;
	}
	CHECK_EQ(wrong, 0);
	CHECK_OK(mprotect(p, PAGE, RW));
	code = 0;
	if (!sigsetjmp(out, 1))
		call(p);
	CHECK_EQ(code, SEGV_ACCERR);
	munmap(p, PAGE);
}

static void writable_code(void)
{
	unsigned char *p = mmap(NULL, PAGE, RW | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int wrong = 0;

	if (p == MAP_FAILED) {
		test_skip("writable code", "not permitted by this system's policy");
		return;
	}
	for (int i = 0; i < 1000; i++) {
		code_write(p, i * 3);
		wrong += call(p) != i * 3;
	}
	CHECK_EQ(wrong, 0);
	munmap(p, PAGE);
}

/* Two views of one piece of memory: one is written, the other run. */
static void two_views(void)
{
	int fd = (int)syscall(SYS_memfd_create, "code", 1), wrong = 0;
	unsigned char *w, *x;

	REQUIRE(fd >= 0 && ftruncate(fd, PAGE) == 0);
	w = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);
	x = mmap(NULL, PAGE, RX, MAP_SHARED, fd, 0);
	REQUIRE(w != MAP_FAILED);
	if (x == MAP_FAILED) {
		test_skip("two views of code", "not permitted by this system's policy");
		return;
	}
	for (int i = 0; i < 1000; i++) {
		code_write(w, i * 5);
		wrong += call(x) != i * 5;
	}
	CHECK_EQ(wrong, 0);
	munmap(w, PAGE);
	munmap(x, PAGE);
	close(fd);
}

static char *page;
static atomic_int phase;

static void *checks_after(void *arg)
{
	int wrong = 0;

	for (int i = 1; i <= 200; i++) {
		while (atomic_load(&phase) != 2 * i - 1)
			sched_yield();
		wrong += writable(page) != (i % 2 == 0);
		atomic_store(&phase, 2 * i);
	}
	*(int *)arg = wrong;
	return NULL;
}

/* After the call returns no thread can use what was there before. */
static void seen_by_all_threads(void)
{
	int wrong = 0, other = -1;
	pthread_t t;

	page = memory_new(PAGE, RW);
	page[0] = 1;
	t = thread_start(checks_after, &other);
	for (int i = 1; i <= 200; i++) {
		wrong += mprotect(page, PAGE, i % 2 ? PROT_READ : RW) != 0;
		atomic_store(&phase, 2 * i - 1);
		while (atomic_load(&phase) != 2 * i)
			sched_yield();
	}
	pthread_join(t, NULL);
	CHECK_EQ(wrong, 0);
	CHECK_EQ(other, 0);
	munmap(page, PAGE);
}

static void child_writes_its_copy(void)
{
	REQUIRE(mprotect(page, PAGE, RW) == 0);
	page[0] = 2;
}

static void copies_are_apart(void)
{
	page = memory_new(PAGE, RW);
	page[0] = 1;
	mprotect(page, PAGE, PROT_READ);
	CHECK_CHILD(child_writes_its_copy);
	CHECK_EQ(page[0], 1);
	CHECK(!writable(page));
	munmap(page, PAGE);
}

static void keys(void)
{
	char *p = memory_new(PAGE, RW);
	long key = syscall(SYS_pkey_alloc, 0, 0);

	CHECK_OK(syscall(SYS_pkey_mprotect, p, PAGE, PROT_READ, -1) == 0 || errno == ENOSYS ? 0
											    : -1);
	if (key < 0) {
		test_skip("protection keys", "this processor has none");
	} else {
		CHECK_OK(syscall(SYS_pkey_mprotect, p, PAGE, RW, key));
		CHECK_OK(syscall(SYS_pkey_free, key));
		CHECK_ERRNO(syscall(SYS_pkey_free, 15), EINVAL);
	}
	munmap(p, PAGE);
}

int main(void)
{
	test_start();
	handler_set(SIGSEGV, on_fault, 0);
	flips();
	splits_and_merges();
	errors();
	generated_code();
	writable_code();
	two_views();
	seen_by_all_threads();
	copies_are_apart();
	keys();
	return test_done();
}
