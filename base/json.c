#include "base/json.h"

#include <asm/errno.h>

#include "base/memory.h"

enum expect {
	EXPECT_VALUE,
	EXPECT_VALUE_OR_END,
	EXPECT_KEY_OR_END,
	EXPECT_AFTER_VALUE,
	EXPECT_NOTHING, /* an error was reported */
};

static int fail(struct json *json, const char *what)
{
	json->error = what;
	json->expect = EXPECT_NOTHING;
	return -EINVAL;
}

/* The byte at the current place, or -1 at the end. */
static int peek(const struct json *json)
{
	return json->at < json->text.size ? json->text.data[json->at] : -1;
}

static bool take(struct json *json, int c)
{
	if (peek(json) != c)
		return false;
	json->at++;
	return true;
}

static void skip_space(struct json *json)
{
	for (;;) {
		int c = peek(json);

		if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
			return;
		json->at++;
	}
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static int hex_value(int c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Four hexadecimal digits at @p; -1 if they are not. */
static int32_t hex4(struct span text, size_t at)
{
	int32_t code = 0;

	if (!range_fits(at, 4, text.size))
		return -1;
	for (size_t i = 0; i < 4; i++) {
		int digit = hex_value(text.data[at + i]);

		if (digit < 0)
			return -1;
		code = code << 4 | digit;
	}
	return code;
}

static size_t utf8_encode(uint32_t code, char to[4])
{
	if (code < 0x80) {
		to[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		to[0] = (char)(0xc0 | code >> 6);
		to[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		to[0] = (char)(0xe0 | code >> 12);
		to[1] = (char)(0x80 | (code >> 6 & 0x3f));
		to[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | code >> 18);
	to[1] = (char)(0x80 | (code >> 12 & 0x3f));
	to[2] = (char)(0x80 | (code >> 6 & 0x3f));
	to[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

/* The UTF-8 sequence at @at: its length, or 0 if it is none (RFC 3629: shortest form only, no
 * surrogates, nothing above U+10FFFF). */
static size_t utf8_length(struct span text, size_t at)
{
	const uint8_t *p = text.data + at;
	size_t length = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t code = p[0] & (0xffU >> (length + 1));
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

	if (length == 1)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4 || !range_fits(at, length, text.size))
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	return length;
}

/* The \u escape whose digits start at @at, a pair of them for a code above U+FFFF: bytes taken
 * from @at on, or 0 if wrong. */
static size_t unicode_escape(struct span text, size_t at, uint32_t *ret_code)
{
	int32_t high = hex4(text, at), low;

	if (high < 0 || (high >= 0xdc00 && high < 0xe000))
		return 0;
	*ret_code = (uint32_t)high;
	if (high < 0xd800 || high >= 0xe000)
		return 4;
	if (!range_fits(at, 10, text.size) || text.data[at + 4] != '\\' || text.data[at + 5] != 'u')
		return 0;
	low = hex4(text, at + 6);
	if (low < 0xdc00 || low >= 0xe000)
		return 0;
	*ret_code = 0x10000U + (((uint32_t)high - 0xd800U) << 10) + ((uint32_t)low - 0xdc00U);
	return 10;
}

/* The escape whose backslash is at @at: bytes taken (0 if wrong), and what it stands for. */
static size_t escape(struct span text, size_t at, char to[4], size_t *ret_size)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	const char *name;
	uint32_t code;
	size_t taken;

	if (!range_fits(at, 2, text.size))
		return 0;
	if (text.data[at + 1] == 'u') {
		taken = unicode_escape(text, at + 2, &code);
		if (taken == 0)
			return 0;
		*ret_size = utf8_encode(code, to);
		return taken + 2;
	}
	name = memchr(names, text.data[at + 1], sizeof(names) - 1);
	if (!name)
		return 0;
	to[0] = values[name - names];
	*ret_size = 1;
	return 2;
}

/* One character or escape of a string at @at, as bytes: how many it takes, 0 if it is wrong. */
static size_t character(struct span text, size_t at, char to[4], size_t *ret_size)
{
	size_t length;

	if (text.data[at] == '\\')
		return escape(text, at, to, ret_size);
	if (text.data[at] < 0x20)
		return 0;
	length = utf8_length(text, at);
	memcpy(to, text.data + at, length);
	*ret_size = length;
	return length;
}

static int string(struct json *json, enum json_type type, struct json_token *token)
{
	size_t start = json->at + 1;

	token->type = type;
	token->size = 0;
	for (json->at = start; peek(json) != '"';) {
		size_t taken, size;
		char bytes[4];

		if (peek(json) < 0)
			return fail(json, "a string without its end");
		taken = character(json->text, json->at, bytes, &size);
		if (taken == 0)
			return fail(json, "a character or escape that no string may have");
		json->at += taken;
		token->size += size;
	}
	token->raw = (struct span){json->text.data + start, json->at - start};
	json->at++;
	return 0;
}

static int integer(struct json *json, struct json_token *token)
{
	bool negative = take(json, '-');
	int64_t value = 0;

	if (!is_digit(peek(json)))
		return fail(json, "a value was expected");
	if (take(json, '0') && is_digit(peek(json)))
		return fail(json, "a number with a leading zero");
	while (is_digit(peek(json))) {
		int digit = peek(json) - '0';

		if (CHECKED_MUL(value, 10, &value) ||
			CHECKED_ADD(value, negative ? -digit : digit, &value))
			return fail(json, "a number that does not fit 64 bits");
		json->at++;
	}
	if (peek(json) == '.' || peek(json) == 'e' || peek(json) == 'E')
		return fail(json, "a number that is not an integer");
	token->type = JSON_INTEGER;
	token->integer = value;
	return 0;
}

static bool word(struct json *json, const char *s)
{
	size_t size = strlen(s);

	if (!range_fits(json->at, size, json->text.size) ||
		memcmp(json->text.data + json->at, s, size) != 0)
		return false;
	json->at += size;
	return true;
}

static int open(struct json *json, bool object, struct json_token *token)
{
	if (json->depth == JSON_DEPTH_MAX)
		return fail(json, "nested too deep");
	json->at++;
	json->in_object[json->depth++] = object;
	json->expect = object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
	token->type = object ? JSON_OBJECT : JSON_ARRAY;
	return 0;
}

static int close(struct json *json, struct json_token *token)
{
	json->at++;
	json->depth--;
	json->expect = EXPECT_AFTER_VALUE;
	token->type = json->in_object[json->depth] ? JSON_OBJECT_END : JSON_ARRAY_END;
	return 0;
}

static int value(struct json *json, struct json_token *token)
{
	int c = peek(json);

	if (c == '{' || c == '[')
		return open(json, c == '{', token);
	json->expect = EXPECT_AFTER_VALUE;
	if (c == '"')
		return string(json, JSON_STRING, token);
	token->type = JSON_BOOL;
	token->boolean = c == 't';
	if (word(json, "true") || word(json, "false"))
		return 0;
	token->type = JSON_NULL;
	if (word(json, "null"))
		return 0;
	return integer(json, token);
}

static int key(struct json *json, struct json_token *token)
{
	if (peek(json) != '"')
		return fail(json, "a name in quotes was expected");
	if (string(json, JSON_KEY, token) < 0)
		return -EINVAL;
	skip_space(json);
	if (!take(json, ':'))
		return fail(json, "a colon was expected");
	json->expect = EXPECT_VALUE;
	return 0;
}

static int after_value(struct json *json, struct json_token *token)
{
	bool object;

	if (json->depth == 0) {
		token->type = JSON_END;
		return peek(json) < 0 ? 0 : fail(json, "something after the end");
	}
	object = json->in_object[json->depth - 1];
	if (peek(json) == (object ? '}' : ']'))
		return close(json, token);
	if (!take(json, ','))
		return fail(json, "a comma or the end was expected");
	skip_space(json);
	token->at = json->at;
	return object ? key(json, token) : value(json, token);
}

void json_init(struct json *json, struct span text)
{
	memset(json, 0, sizeof(*json));
	json->text = text;
	json->expect = EXPECT_VALUE;
}

int json_next(struct json *json, struct json_token *ret)
{
	if (json->expect == EXPECT_NOTHING)
		return -EINVAL;
	skip_space(json);
	ret->at = json->at;
	switch (json->expect) {
	case EXPECT_KEY_OR_END:
		return peek(json) == '}' ? close(json, ret) : key(json, ret);
	case EXPECT_VALUE_OR_END:
		return peek(json) == ']' ? close(json, ret) : value(json, ret);
	case EXPECT_AFTER_VALUE:
		return after_value(json, ret);
	default:
		return value(json, ret);
	}
}

int json_skip(struct json *json, const struct json_token *token)
{
	unsigned int depth = json->depth;
	struct json_token next;

	if (token->type != JSON_OBJECT && token->type != JSON_ARRAY)
		return 0;
	while (json->depth >= depth)
		if (json_next(json, &next) < 0)
			return -EINVAL;
	return 0;
}

void json_string_copy(const struct json_token *token, char *to)
{
	for (size_t at = 0; at < token->raw.size;) {
		char bytes[4];
		size_t size, taken = character(token->raw, at, bytes, &size);

		memcpy(to, bytes, size);
		to += size;
		at += taken;
	}
}

bool json_string_is(const struct json_token *token, const char *s)
{
	size_t length = strlen(s);

	if (token->size != length)
		return false;
	for (size_t at = 0; at < token->raw.size;) {
		char bytes[4];
		size_t size, taken = character(token->raw, at, bytes, &size);

		if (memcmp(bytes, s, size) != 0)
			return false;
		s += size;
		at += taken;
	}
	return true;
}
