#include "base/format.h"

#include "base/test.h"

static char text[64];

#define FORMATS(expected, ...)                                                                     \
	do {                                                                                       \
		size_t length = format_string(text, sizeof(text), __VA_ARGS__);                    \
		CHECK_STR(text, expected);                                                         \
		CHECK_EQ(length, strlen(expected));                                                \
	} while (0)

int main(void)
{
	FORMATS("plain", "plain");
	FORMATS("100%", "100%%");
	FORMATS("-5 5 05", "%d %u %02d", -5, 5U, 5);
	FORMATS("-9223372036854775808", "%ld", (long)INT64_MIN);
	FORMATS("ffff 0x10 00ff", "%x %#x %04lx", 0xffff, 16, 255UL);
	FORMATS("[  ab][ab  ][ab]", "[%4s][%-4s][%.2s]", "ab", "ab", "abcdef");
	FORMATS("[abc]", "[%.*s]", 3, "abcdef");
	FORMATS("c 17", "%c %o", 'c', 15);
	FORMATS("0x1000", "%p", (void *)0x1000);
	FORMATS("    7|7", "%5zu|%zd", (size_t)7, (ptrdiff_t)7);
	CHECK_EQ(format_string(text, 4, "abcdef"), 6);
	CHECK_STR(text, "abc");
	CHECK_EQ(format_string(NULL, 0, "abc"), 3);
	return test_done();
}
