/* covers: brk fork execve prlimit64 mmap */
/* brk(2): the raw call answers with the break as it is, moved or not. */
#include "tests/conformance/processes/process_test.h"

#include <sys/resource.h>

static char *brk_raw(void *to)
{
	return (char *)syscall(SYS_brk, to);
}

static void child_moves_the_break(void)
{
	char *start = brk_raw(NULL), *p;

	REQUIRE(start && brk_raw((char *)1) == start); /* refused: unchanged */
	p = brk_raw(start + 10 * PAGE);
	REQUIRE(p == start + 10 * PAGE);
	for (int i = 0; i < 10 * PAGE; i++)
		REQUIRE(start[i] == 0);
	memset(start, 7, 10 * PAGE);
	REQUIRE(brk_raw(start + 5 * PAGE) == start + 5 * PAGE);
	REQUIRE(start[4 * PAGE] == 7);
	REQUIRE(brk_raw(start + 10 * PAGE) == start + 10 * PAGE);
	REQUIRE(start[9 * PAGE] == 0); /* given back, and so zero again */
	REQUIRE(brk_raw(start + 10 * PAGE + 123) == start + 10 * PAGE + 123); /* to the byte */
	start[10 * PAGE + 122] = 1;
	REQUIRE(brk_raw(start) == start);
	REQUIRE(brk_raw(start - PAGE) >= start - PAGE);
}

static void child_is_refused(void)
{
	char *start = brk_raw(NULL);
	char *way = (char *)(((uintptr_t)start + 64 * PAGE) / PAGE * PAGE);

	/* Another mapping in the way. */
	REQUIRE(mmap(way, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == way);
	REQUIRE(brk_raw(way + PAGE) == start);
	REQUIRE(brk_raw((char *)0x7ffffffff000) == start);
	REQUIRE(brk_raw(start + PAGE) == start + PAGE);
}

static void child_limited(void)
{
	struct rlimit limit = {1 << 20, 1 << 20};
	char *start = brk_raw(NULL);

	REQUIRE(setrlimit(RLIMIT_DATA, &limit) == 0);
	REQUIRE(brk_raw(start + (4 << 20)) == start);
}

static void child_uses_libc(void)
{
	char *start = sbrk(0);

	REQUIRE(sbrk(3 * PAGE) == start && sbrk(0) == start + 3 * PAGE);
	start[3 * PAGE - 1] = 1;
	REQUIRE(brk(start) == 0 && sbrk(0) == start);
	REQUIRE(brk((void *)0x7ffffffff000) == -1 && errno == ENOMEM);
}

static char *before;

static void child_has_our_break(void)
{
	REQUIRE(brk_raw(NULL) == before);
	REQUIRE(brk_raw(before + PAGE) == before + PAGE);
}

static void copied_by_fork(void)
{
	before = brk_raw(NULL);
	CHECK_CHILD(child_has_our_break);
	CHECK(brk_raw(NULL) == before);
}

static void child_grows_far(void)
{
	enum { STEP = 1 << 20, STEPS = 64 };
	char *start = brk_raw(NULL);

	for (int i = 1; i <= STEPS; i++) {
		REQUIRE(brk_raw(start + i * STEP) == start + i * STEP);
		start[i * STEP - 1] = (char)i;
	}
	for (int i = 1; i <= STEPS; i++)
		REQUIRE(start[i * STEP - 1] == (char)i);
	REQUIRE(brk_raw(start) == start);
}

static void child_break_is_not_code(void)
{
	unsigned char *start = (unsigned char *)brk_raw(NULL);
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	REQUIRE(brk_raw(start + PAGE) == (char *)start + PAGE);
	*start = 0xc3;
	((void (*)(void))(uintptr_t)start)();
}

int main(void)
{
	test_start();
	CHECK_CHILD(child_moves_the_break);
	CHECK_CHILD(child_is_refused);
	CHECK_CHILD(child_limited);
	CHECK_CHILD(child_uses_libc);
	CHECK_CHILD(child_grows_far);
	CHECK_EQ(child_run(child_break_is_not_code) & 0x7f, SIGSEGV);
	copied_by_fork();
	return test_done();
}
