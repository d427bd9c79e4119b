/* covers: getrandom */
/* getrandom(2). */
#include <sys/random.h>

#include "tests/conformance/files/conformance.h"

static void test_fills(void)
{
	unsigned char a[4096] = {0}, b[4096] = {0};
	int seen[256] = {0}, kinds = 0;

	CHECK_EQ(getrandom(a, sizeof(a), 0), sizeof(a));
	CHECK_EQ(getrandom(b, sizeof(b), GRND_NONBLOCK), sizeof(b));
	CHECK(memcmp(a, b, sizeof(a)) != 0);
	for (size_t i = 0; i < sizeof(a); i++)
		kinds += seen[a[i]]++ == 0;
	CHECK(kinds > 240);
	CHECK_EQ(getrandom(a, 16, GRND_RANDOM), 16);
	CHECK_EQ(getrandom(a, 0, 0), 0);
}

/* Not a byte is written past the size asked for. */
static void test_bounds(void)
{
	for (size_t size = 1; size < 40; size += 7) {
		unsigned char buf[64];

		memset(buf, 0xa5, sizeof(buf));
		CHECK_EQ(getrandom(buf, size, 0), size);
		size_t touched = 0;
		for (size_t i = size; i < sizeof(buf); i++)
			touched += buf[i] != 0xa5;
		CHECK_EQ(touched, 0);
	}
}

static void test_large(void)
{
	static unsigned char buf[1 << 20];
	ssize_t n = getrandom(buf, sizeof(buf), 0);
	size_t zeroes = 0;

	CHECK_EQ(n, sizeof(buf));
	for (size_t i = 0; i < sizeof(buf); i++)
		zeroes += buf[i] == 0;
	/* 4096 expected; 3000 or 5200 is seventeen standard deviations away. */
	CHECK(zeroes > 3000 && zeroes < 5200);
}

static void test_children_differ(void)
{
	unsigned char mine[32], theirs[32] = {0};
	int p[2];

	CHECK_OK(pipe(p));
	FORKED("a child draws")
	{
		CHECK_EQ(getrandom(mine, sizeof(mine), 0), sizeof(mine));
		CHECK_EQ(write(p[1], mine, sizeof(mine)), sizeof(mine));
	}
	CHECK_EQ(getrandom(mine, sizeof(mine), 0), sizeof(mine));
	CHECK_EQ(read(p[0], theirs, sizeof(theirs)), sizeof(theirs));
	CHECK(memcmp(mine, theirs, sizeof(mine)) != 0);
}

static void test_errors(void)
{
	char buf[8];

	CHECK_ERRNO(getrandom(buf, 8, 0x100), EINVAL);
	CHECK_ERRNO(syscall(SYS_getrandom, BAD_POINTER, 8, 0), EFAULT);
	/* GRND_INSECURE (5.6) and GRND_RANDOM contradict each other. */
	CHECK_ERRNO(getrandom(buf, 8, GRND_RANDOM | 4), EINVAL);
}

int main(void)
{
	test_begin();
	test_fills();
	test_bounds();
	test_large();
	test_children_differ();
	test_errors();
	return test_done();
}
