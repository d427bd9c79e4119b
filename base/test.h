/* Unit tests in plain C that print TAP (testanything.org). Hosted builds only.
 *
 *	int main(void)
 *	{
 *		CHECK(1 + 1 == 2);
 *		CHECK_EQ(strlen("abc"), 3);
 *		return test_done();
 *	}
 */
#ifndef BASE_TEST_H
#define BASE_TEST_H

#include <stdio.h>
#include <string.h>

static unsigned int test_count, test_failures;

static inline void test_report(int ok, const char *what, const char *file, int line)
{
	test_count++;
	printf("%sok %u - %s\n", ok ? "" : "not ", test_count, what);
	if (!ok) {
		printf("# %s:%d\n", file, line);
		test_failures++;
	}
}

static inline void test_report_eq(
	long long a, long long b, const char *what, const char *file, int line)
{
	test_report(a == b, what, file, line);
	if (a != b)
		printf("# got %lld (%#llx), expected %lld (%#llx)\n", a, (unsigned long long)a, b,
			(unsigned long long)b);
}

#define CHECK(cond) test_report(!!(cond), #cond, __FILE__, __LINE__)
#define CHECK_EQ(a, b)                                                                             \
	test_report_eq((long long)(a), (long long)(b), #a " == " #b, __FILE__, __LINE__)
#define CHECK_STR(a, b) test_report(!strcmp(a, b), #a " is " #b, __FILE__, __LINE__)

static inline void test_skip(const char *what, const char *why)
{
	printf("ok %u - %s # SKIP %s\n", ++test_count, what, why);
}

static inline int test_done(void)
{
	printf("1..%u\n", test_count);
	fflush(stdout);
	return test_failures != 0;
}

#endif
