/* covers: mmap mprotect getppid */
/* System-call instructions in code that did not exist when the program was loaded. */
#include "tests/conformance/processes/process_test.h"

enum { RW = PROT_READ | PROT_WRITE, RX = PROT_READ | PROT_EXEC };

typedef long code_fn(void);

/* mov $number, %eax; syscall; ret */
static size_t code_write(unsigned char *p, int number)
{
	static const unsigned char tail[] = {0x0f, 0x05, 0xc3};

	p[0] = 0xb8;
	memcpy(p + 1, &number, 4);
	memcpy(p + 5, tail, sizeof(tail));
	return 8;
}

static long run(void *p)
{
	return ((code_fn *)(uintptr_t)p)();
}

static void in_one_page(void)
{
	unsigned char *p = memory_new(PAGE, RW);
	int wrong = 0;

	code_write(p, SYS_getppid);
	code_write(p + 64, SYS_getpid);
	code_write(p + 128, 100000);
	REQUIRE(mprotect(p, PAGE, RX) == 0);
	for (int i = 0; i < 1000; i++) {
		wrong += run(p) != getppid();
		wrong += run(p + 64) != getpid();
		wrong += run(p + 128) != -ENOSYS;
	}
	CHECK_EQ(wrong, 0);
	munmap(p, PAGE);
}

/* The same place with other code each time. */
static void rewritten(void)
{
	unsigned char *p = memory_new(PAGE, RW);
	int wrong = 0;

	for (int i = 0; i < 300; i++) {
		wrong += mprotect(p, PAGE, RW) != 0;
		code_write(p, i & 1 ? SYS_getpid : SYS_getppid);
		wrong += mprotect(p, PAGE, RX) != 0;
		wrong += run(p) != (i & 1 ? getpid() : getppid());
		wrong += run(p) != (i & 1 ? getpid() : getppid());
	}
	CHECK_EQ(wrong, 0);
	munmap(p, PAGE);
}

static void in_writable_code(void)
{
	unsigned char *p = mmap(NULL, PAGE, RW | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int wrong = 0;

	if (p == MAP_FAILED) {
		test_skip("writable code", "not permitted by this system's policy");
		return;
	}
	for (int i = 0; i < 1000; i++) {
		code_write(p + i % 100, i & 1 ? SYS_getpid : SYS_getppid);
		wrong += run(p + i % 100) != (i & 1 ? getpid() : getppid());
	}
	CHECK_EQ(wrong, 0);
	munmap(p, PAGE);
}

/* Across a page boundary, at every offset. */
static void across_pages(void)
{
	unsigned char *p = memory_new(2 * PAGE, RW);
	int wrong = 0;

	for (size_t i = 1; i < 8; i++) {
		REQUIRE(mprotect(p, 2 * PAGE, RW) == 0);
		code_write(p + PAGE - i, SYS_getppid);
		REQUIRE(mprotect(p, 2 * PAGE, RX) == 0);
		wrong += run(p + PAGE - i) != getppid();
		wrong += run(p + PAGE - i) != getppid();
	}
	CHECK_EQ(wrong, 0);
	munmap(p, 2 * PAGE);
}

/* A jump to the instruction itself, past the move before it. */
static void jumped_into(void)
{
	unsigned char *p = memory_new(PAGE, RW);
	int wrong = 0;

	code_write(p, SYS_getpid);
	REQUIRE(mprotect(p, PAGE, RX) == 0);
	for (int i = 0; i < 200; i++) {
		long result = SYS_getppid;

		wrong += run(p) != getpid();
		__asm__ volatile("call *%1" : "+a"(result) : "r"(p + 5) : "rcx", "r11", "memory");
		wrong += result != getppid();
	}
	CHECK_EQ(wrong, 0);
	munmap(p, PAGE);
}

static void followed_by_test(void)
{
	/* mov $SYS_close, %eax; mov $-1, %edi; syscall; cmp $-4095, %rax; sbb %eax, %eax; ret */
	static const unsigned char code[] = {0xb8, 3, 0, 0, 0, 0xbf, 0xff, 0xff, 0xff, 0xff, 0x0f,
		0x05, 0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff, 0x19, 0xc0, 0xc3};
	unsigned char *p = memory_new(PAGE, RW);
	int wrong = 0;

	memcpy(p, code, sizeof(code));
	REQUIRE(mprotect(p, PAGE, RX) == 0);
	for (int i = 0; i < 200; i++)
		wrong += (int)run(p) != 0; /* -EBADF is at or above -4095: no borrow */
	CHECK_EQ(wrong, 0);
	munmap(p, PAGE);
}

static unsigned char *shared_code;

static void *runs(void *arg)
{
	for (int i = 0; i < 2000; i++)
		REQUIRE(run(shared_code) == getpid());
	return arg;
}

static void child_runs(void)
{
	runs(NULL);
}

/* First run by several threads at the same moment, then by a child. */
static void by_threads_and_children(void)
{
	pthread_t threads[4];

	for (int round = 0; round < 10; round++) {
		shared_code = memory_new(PAGE, RW);
		code_write(shared_code, SYS_getpid);
		REQUIRE(mprotect(shared_code, PAGE, RX) == 0);
		for (int i = 0; i < 4; i++)
			threads[i] = thread_start(runs, NULL);
		for (int i = 0; i < 4; i++)
			pthread_join(threads[i], NULL);
		if (round == 9)
			CHECK_CHILD(child_runs);
		munmap(shared_code, PAGE);
	}
}

int main(void)
{
	test_start();
	in_one_page();
	rewritten();
	in_writable_code();
	across_pages();
	jumped_into();
	followed_by_test();
	by_threads_and_children();
	return test_done();
}
