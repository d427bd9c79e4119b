#include "base/json.h"

#include <errno.h>

#include "base/test.h"

static struct span span_of(const char *s)
{
	return (struct span){(const uint8_t *)s, strlen(s)};
}

/* Parse to the end; the number of tokens, or -1 - the offset of the error. */
static long parse(struct span text)
{
	struct json json;
	struct json_token token;
	long count = 0;

	json_init(&json, text);
	while (json_next(&json, &token) == 0) {
		if (token.type == JSON_END)
			return count;
		count++;
	}
	return -1 - (long)json.at;
}

#define GOOD(text, tokens) CHECK_EQ(parse(span_of(text)), tokens)
#define BAD(text, at) CHECK_EQ(parse(span_of(text)), -1 - (at))

static void test_grammar(void)
{
	GOOD("{}", 2);
	GOOD(" [ ] ", 2);
	GOOD("{\"a\":[1,2,{\"b\":null}],\"c\":\"d\"}\n", 13);
	GOOD("true", 1);
	GOOD("[false,null,-0]", 5);
	BAD("", 0);
	BAD("{", 1);
	BAD("[1,]", 3);
	BAD("[,1]", 1);
	BAD("[1 2]", 3);
	BAD("{\"a\":1,}", 7);
	BAD("{\"a\"}", 4);
	BAD("{\"a\":}", 5);
	BAD("{a:1}", 1);
	BAD("{\"a\":1]", 6);
	BAD("[1}", 2);
	BAD("1 2", 2);
	BAD("tru", 0);
	BAD("truex", 4);
	BAD("'a'", 0);
	BAD("[1]]", 3);
	BAD("\xef\xbb\xbf{}", 0);
	BAD("// no\n1", 0);
}

static void test_numbers(void)
{
	struct json json;
	struct json_token token;

	json_init(&json, span_of("[9223372036854775807,-9223372036854775808]"));
	CHECK_EQ(json_next(&json, &token), 0);
	CHECK_EQ(json_next(&json, &token), 0);
	CHECK(token.type == JSON_INTEGER && token.integer == INT64_MAX);
	CHECK_EQ(json_next(&json, &token), 0);
	CHECK(token.type == JSON_INTEGER && token.integer == INT64_MIN);
	BAD("9223372036854775808", 18);
	BAD("-9223372036854775809", 19);
	BAD("01", 1);
	BAD("-", 1);
	BAD("1.0", 1);
	BAD("1e3", 1);
	BAD("+1", 0);
}

static void string_is(const char *text, const char *expected, size_t size)
{
	char to[64];
	struct json json;
	struct json_token token = {0};

	json_init(&json, span_of(text));
	CHECK_EQ(json_next(&json, &token), 0);
	CHECK_EQ(token.type, JSON_STRING);
	CHECK_EQ(token.size, size);
	if (token.size != size)
		return;
	json_string_copy(&token, to);
	CHECK(!memcmp(to, expected, size));
	CHECK(strlen(expected) != size || json_string_is(&token, expected));
	CHECK(!json_string_is(&token, "other"));
}

static void test_strings(void)
{
	string_is("\"\"", "", 0);
	string_is("\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"", "a\"\\/\b\f\n\r\tz", 10);
	string_is("\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"",
		"A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10);
	string_is("\"\\u0000\"", "\0", 1);
	string_is("\"\xf4\x8f\xbf\xbf\"", "\xf4\x8f\xbf\xbf", 4);
	BAD("\"abc", 4);
	BAD("\"a\nb\"", 2);
	BAD("\"\\x\"", 1);
	BAD("\"\\u12\"", 1);
	BAD("\"\\ud800\"", 1);
	BAD("\"\\ud800\\u0041\"", 1);
	BAD("\"\\udc00\"", 1);
	BAD("\"\xc0\x80\"", 1);
	BAD("\"\xe0\x80\x80\"", 1);
	BAD("\"\xed\xa0\x80\"", 1);
	BAD("\"\xf4\x90\x80\x80\"", 1);
	BAD("\"\xf0\x9f\x98\"", 1);
	BAD("\"\x80\"", 1);
	BAD("\"\xff\"", 1);
	BAD("\"\\", 1);
}

static void test_depth(void)
{
	char text[2 * JSON_DEPTH_MAX + 3];

	memset(text, '[', sizeof(text));
	memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	CHECK_EQ(parse((struct span){(uint8_t *)text, 2 * JSON_DEPTH_MAX}), 2 * JSON_DEPTH_MAX);
	memset(text, '[', sizeof(text));
	CHECK_EQ(parse((struct span){(uint8_t *)text, sizeof(text)}), -1 - JSON_DEPTH_MAX);
}

static void test_skipping(void)
{
	struct json json;
	struct json_token token;

	json_init(&json, span_of("[[1,{\"a\":[]}],7]"));
	CHECK_EQ(json_next(&json, &token), 0);
	CHECK_EQ(json_next(&json, &token), 0);
	CHECK_EQ(json_skip(&json, &token), 0);
	CHECK_EQ(json_next(&json, &token), 0);
	CHECK(token.type == JSON_INTEGER && token.integer == 7);
	json_init(&json, span_of("[[1,{\"a\":[}],7]"));
	CHECK_EQ(json_next(&json, &token), 0);
	CHECK_EQ(json_skip(&json, &token), -EINVAL);
	CHECK_EQ(json_next(&json, &token), -EINVAL);
}

int main(void)
{
	test_grammar();
	test_numbers();
	test_strings();
	test_depth();
	test_skipping();
	return test_done();
}
